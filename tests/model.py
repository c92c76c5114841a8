"""A desk in its plainest form, by hand: what each verb must answer, and what must be kept after it.

None of the library's rules is used here, only its values. What is drawn (ids, links, jitter) is learnt from the store,
within its bounds.
"""

from collections.abc import Iterator
from datetime import date, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from attrs import define, evolve, field

from indiopay import (
    Agency,
    Attachment,
    Client,
    Delivery,
    EntryKind,
    HistoryEntry,
    IdempotencyError,
    InvalidInputError,
    Invoice,
    InvoiceForm,
    InvoiceStateError,
    InvoiceType,
    Money,
    Status,
    Totals,
    Upload,
)
from indiopay.invoice import InvoiceRecord

from .model_list import Query, listed, totals
from .model_mail import UNKNOWN, Mail, same

LEADS_TO = {
    "send": {Status.OPEN: Status.OPEN},
    "record_payment": {Status.OPEN: Status.PAID},
    "cancel": {Status.OPEN: Status.CANCELLED},
    "renew_link": {Status.OPEN: Status.OPEN, Status.PAID: Status.PAID, Status.CANCELLED: Status.CANCELLED},
}
MEDIA_TYPES = {"pdf": "application/pdf", "txt": "text/plain"}

Refusal = tuple[type[Exception], Status | None]


@define(eq=False)
class Paper:
    """An invoice in every version that it had, with all that belongs to it."""

    form: InvoiceForm
    key: str | None
    versions: list[Invoice]
    mails: list[Mail] = field(factory=list)
    told: list[tuple[EntryKind, datetime, dict[str, object], Mail | None]] = field(factory=list)
    url: str = ""
    dead_urls: list[str] = field(factory=list)

    @property
    def invoice(self) -> Invoice:
        return self.versions[-1]

    @property
    def history(self) -> tuple[HistoryEntry, ...]:
        return tuple(
            HistoryEntry(kind, at, {"delivery_id": str(mail.id), **details} if mail else details)
            for kind, at, details, mail in self.told
        )

    def tell(self, kind: EntryKind, at: datetime, mail: Mail | None = None, **details: object) -> None:
        self.told.append((kind, at, details, mail))

    def ask_for_letter(self, asked_at: datetime, told_at: datetime) -> Mail:
        self.mails.append(Mail.asked(self.invoice.client.email, asked_at))
        self.tell(EntryKind.QUEUED, told_at, self.mails[-1])
        return self.mails[-1]

    def turn(self, verb: str, at: datetime, **changes: Any) -> Refusal | None:
        status = LEADS_TO[verb].get(self.invoice.status)
        if status is None:
            return InvoiceStateError, self.invoice.status
        self.versions.append(evolve(self.invoice, status=status, version=len(self.versions) + 1, **changes))
        for mail in self.mails if verb != "send" else ():
            mail.withdraw(at)
        return None

    def send(self, at: datetime) -> Mail | Refusal:
        return self.turn("send", at) or self.ask_for_letter(at, at)

    def record_payment(self, reference: str, paid_at: datetime, at: datetime) -> Invoice | Refusal:
        if (self.invoice.status, self.invoice.payment_reference) == (Status.PAID, reference):
            return self.invoice
        if refusal := self.turn("record_payment", at, payment_reference=reference, paid_at=paid_at):
            return refusal
        self.tell(EntryKind.PAID, at, reference=reference)
        return self.invoice

    def cancel(self, reason: str | None, at: datetime) -> Invoice | Refusal:
        if refusal := self.turn("cancel", at, cancelled_at=at, cancel_reason=reason):
            return refusal
        self.tell(EntryKind.CANCELLED, at, None, **({"reason": reason} if reason else {}))
        return self.invoice

    def renew_link(self, at: datetime) -> None:
        self.turn("renew_link", at)
        self.tell(EntryKind.LINK_RENEWED, at)
        self.dead_urls.append(self.url)

    def shown(self, at: datetime) -> tuple[Delivery, ...]:
        return tuple(mail.shown(at) for mail in self.mails)

    def learn(self, record: InvoiceRecord, url: str) -> None:
        """What was drawn for it: at its creation its id, its link and its files' ids; and its letters' ids."""
        if self.invoice.id == UNKNOWN:
            same("files of an invoice", len(record.invoice.attachments), len(self.invoice.attachments))
            drawn = zip(self.invoice.attachments, record.invoice.attachments, strict=True)
            files = tuple(evolve(wanted, id=found.id) for wanted, found in drawn)
            self.versions = [evolve(each, id=record.invoice.id, attachments=files) for each in self.versions]
            self.url = url
        same("letters of an invoice", len(record.letters), len(self.mails))
        for mail, letter in zip(self.mails, record.letters, strict=True):
            mail.learn(letter)


class Book:
    """One agency's invoices, in the order of their numbers."""

    def __init__(self, agency: Agency) -> None:
        self.agency = agency
        self.papers: list[Paper] = []
        self.orphans: dict[str, datetime] = {}

    def today(self, at: datetime) -> date:
        return at.astimezone(ZoneInfo(self.agency.timezone)).date()

    def problems(self, form: InvoiceForm, at: datetime) -> list[tuple[str, str]]:
        past = isinstance(form.due_date, date) and form.due_date < self.today(at)
        return [("due_date", "past")] * past + [("client_name", "required")] * (not form.client_name)

    def create(self, form: InvoiceForm, key: str | None, at: datetime) -> Paper | Refusal:
        """A new paper, the one that this key made, or the refusal."""
        made = next((paper for paper in self.papers if key and paper.key == key), None)
        if made:
            return made if _typed(made.form) == _typed(form) else (IdempotencyError, None)
        if self.problems(form, at):
            return InvalidInputError, None
        last = self.papers[-1].invoice.created_at if self.papers else at
        self.papers.append(Paper(form, key, [self._invoice(form, max(at, last))]))
        self.papers[-1].tell(EntryKind.CREATED, max(at, last))
        if form.send_by_email:
            self.papers[-1].ask_for_letter(at, max(at, last))
        return self.papers[-1]

    def _invoice(self, form: InvoiceForm, at: datetime) -> Invoice:
        assert isinstance(form.amount, Money) and isinstance(form.due_date, date)
        return Invoice(
            UNKNOWN,
            f"F-{len(self.papers) + 1:06}",
            InvoiceType.ONE_TIME,
            self.agency.slug,
            Client(form.client_name, form.client_email),
            form.amount,
            form.due_date,
            form.description,
            tuple(_attachment(upload) for upload in form.files),
            form.locale or self.agency.locale,
            Status.OPEN,
            at,
        )

    def paper_of(self, mail: Mail) -> Paper:
        return next(paper for paper, own in self.mails() if own is mail)

    def mails(self) -> Iterator[tuple[Paper, Mail]]:
        return ((paper, mail) for paper in self.papers for mail in paper.mails)

    def give_up(self, at: datetime) -> None:
        """Whoever asks for a letter ends those that have waited for five days in nobody's hands."""
        for paper, mail in self.mails():
            if mail.is_worn_out(at) and mail.is_free(at):
                mail.wear_out()
                paper.tell(EntryKind.SEND_FAILED, at, mail, reason=mail.reason)

    def due(self, at: datetime) -> list[Mail]:
        """The letters whose turn has surely come."""
        return [mail for _, mail in self.mails() if mail.is_free(at) and mail.turn[1] <= at]

    def take(self, mail_id: UUID, message: bytes, at: datetime, *, in_turn: bool) -> tuple[Mail, int]:
        """A worker took this letter: it had to be there, waiting, due, first in turn, and its invoice open."""
        self.give_up(at)
        paper, mail = next(pair for pair in self.mails() if pair[1].id == mail_id)
        status = paper.invoice.status
        same("a letter that was taken", (mail.state, mail.is_free(at), status), ("queued", True, Status.OPEN))
        same("turn of a letter that was taken", mail.turn[0] <= at, True)
        passed_over = [other for other in self.due(at) if other.turn[1] < mail.turn[0]]
        same("letters passed over", passed_over if in_turn else [], [])
        return mail, mail.take(message, at)

    def settle(self, mail: Mail, worker: int, answer: str, at: datetime) -> str:
        outcome = mail.settle(worker, answer, at)
        paper = self.paper_of(mail)
        if outcome == "sent":
            paper.tell(EntryKind.SENT, at, mail)
        elif outcome == "failed":
            paper.tell(EntryKind.SEND_FAILED, at, mail, reason=mail.reason)
        return outcome

    def invoices(self) -> list[Invoice]:
        return [paper.invoice for paper in self.papers]

    def listed(self, query: Query, at: datetime, after: Invoice | None = None) -> list[Invoice]:
        return listed(self.invoices(), query, self.today(at), after)

    def totals(self, at: datetime) -> Totals:
        return totals(self.invoices(), self.today(at))


def _typed(form: InvoiceForm) -> tuple[object, ...]:
    return evolve(form, files=()), [(upload.name, upload.content) for upload in form.files]


def _attachment(upload: Upload) -> Attachment:
    assert isinstance(upload.content, bytes)
    media_type = MEDIA_TYPES[upload.name[-3:]]
    return Attachment(UNKNOWN, upload.name, len(upload.content), media_type, sha256(upload.content).hexdigest())
