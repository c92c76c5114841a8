"""The desk (« le bureau »): one agency's invoices, one verb for each button. It knows ports, no backend."""

import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from functools import partial
from types import TracebackType
from typing import Protocol, Self, TypedDict
from uuid import UUID

from indiopay.agency import Agency
from indiopay.attachment import FilePolicy, download_headers, storage_key, verified
from indiopay.delivery import Dispatch, Event, asked_letter
from indiopay.errors import (
    AttachmentNotFoundError,
    InvalidInputError,
    InvoiceChangedError,
    InvoiceNotFoundError,
    LinkError,
)
from indiopay.history import HistoryEntry
from indiopay.intake import Intake
from indiopay.invoice import Change, Invoice, LinkRef
from indiopay.invoice_form import InvoiceForm
from indiopay.letters import envelope_sender, render_letter
from indiopay.links import PaymentLinks
from indiopay.listing import Order, Page, Totals, page_of, read_cursor, read_filter, read_limit
from indiopay.outbox import Delivery, Letter
from indiopay.payment_page import Download, PaymentPage, payment_page
from indiopay.ports import FileStore, InvoiceStore, Mailer, Scanner
from indiopay.problems import Problem
from indiopay.records import take_records, write_records
from indiopay.status import Status
from indiopay.template_check import checked_templates
from indiopay.templates import environment
from indiopay.text import one_line, paragraph

_REFERENCE_LIMIT = 200
_REASON_LIMIT = 1_000
_SWEPT_AFTER = timedelta(days=1)
_EARLIEST, _LATEST = 1970, 9998
_AFTER_ALL = datetime(9999, 1, 1, tzinfo=UTC)
_FILE_POLICY = FilePolicy()


class DeskOptions(TypedDict, total=False):
    """The optional parameters of `InvoiceDesk`, which `open_folder` passes on."""

    clock: Callable[[], datetime]
    send_at_once: bool
    file_policy: FilePolicy
    scanner: Scanner | None
    templates: str | os.PathLike[str] | None
    on_event: Callable[[Event], None] | None


class _Closeable(Protocol):
    def close(self) -> None: ...


def _utc_now() -> datetime:
    return datetime.now(UTC)


class InvoiceDesk:
    """One agency's invoices. Safe to share between threads; a context manager.

    `clock` gives aware times. With `send_at_once` False letters wait for `deliver`, in a worker: right for a web app,
    since a mail relay may take minutes. `templates` is a folder that overrides the letter's and the page's, checked
    here. `on_event` is called for each letter that was sent or failed, and when delivery pauses.
    """

    def __init__(
        self,
        *,
        agency: Agency,
        store: InvoiceStore,
        files: FileStore,
        mailer: Mailer,
        links: PaymentLinks,
        clock: Callable[[], datetime] = _utc_now,
        send_at_once: bool = True,
        file_policy: FilePolicy = _FILE_POLICY,
        scanner: Scanner | None = None,
        templates: str | os.PathLike[str] | None = None,
        on_event: Callable[[Event], None] | None = None,
    ) -> None:
        self._agency = agency
        self._slug = agency.slug
        self._random = secrets.token_bytes
        self._store = store
        self._files = files
        self._links = links
        self._clock = clock
        self._send_at_once = send_at_once
        self._templates = None if templates is None else checked_templates(environment(templates))
        self._intake = Intake(agency, store, files, links, file_policy, scanner, self._now, self._random)
        self._dispatch = Dispatch(agency.slug, store, mailer, self._render, self._now, on_event)
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close what the desk itself opened; what was handed in is its owner's."""
        self._closing.close()

    def owns(self, resource: _Closeable) -> None:
        """Have `close` close this too: for whoever opens a store on the desk's behalf."""
        self._closing.callback(resource.close)

    def check(self, form: InvoiceForm) -> tuple[Problem, ...]:
        """Every problem of a form, for live validation; nothing is written, and streams keep their position."""
        return self._intake.check(form)

    def create(self, form: InvoiceForm, *, idempotency_key: str | None = None) -> Invoice:
        """« Créer une facture »: number it, keep its files, queue its letter if it is to be sent by e-mail.

        With an `idempotency_key` (up to 200 characters) the same form gives the same invoice, for ever; another form
        under that key is an IdempotencyError. A form with problems is an InvalidInputError that holds them all, uses
        no key and leaves nothing behind.
        """
        invoice, letter = self._intake.create(form, idempotency_key)
        if letter is not None:
            self._try_at_once(letter)
        return invoice

    def get(self, invoice_id: UUID) -> Invoice:
        """The invoice with that id; InvoiceNotFoundError."""
        return self._found(invoice_id)[0]

    def list(
        self,
        *,
        status: Status | None = None,
        overdue: bool | None = None,
        text: str | None = None,
        due_from: date | None = None,
        due_until: date | None = None,
        order: Order = "newest",
        limit: int = 50,
        after: str | None = None,
    ) -> Page[Invoice]:
        """« Factures »: one page of the agency's invoices; `after` is the `next` of the page before (CursorError).

        `due_from` and `due_until` are included. Every word of `text` (up to 200 characters) occurs somewhere in number,
        name, address or description, without regard to case or accents. `limit` is 1 to 200. Anything else is an
        InvalidInputError.
        """
        which = read_filter(
            status=status, overdue=overdue, text=text, due_from=due_from, due_until=due_until, order=order
        )
        limit = read_limit(limit)
        start = None if after is None else read_cursor(after, self._slug, which)
        found = self._store.page(self._slug, which, today=self._today(), after=start, limit=limit + 1)
        return page_of(found, agency=self._slug, which=which, limit=limit)

    def totals(self) -> Totals:
        """Sums per currency and counts per status, over all of the agency's invoices."""
        return self._store.totals(self._slug, today=self._today())

    def link(self, invoice_id: UUID) -> str:
        """« Copier le lien »: the same at every call, in any status; LinkError if its key was retired."""
        return self._links.url_for(self._slug, self._found(invoice_id)[1])

    def renew_link(self, invoice_id: UUID) -> str:
        """A new link; the old one opens nothing from now on, and letters that wait are cancelled. In any status."""
        link = self._links.draw(self._slug, self._random)
        self._change(invoice_id, lambda invoice: invoice.renew_link(link, at=self._now()))
        return self._links.url_for(self._slug, link)

    def send(self, invoice_id: UUID) -> Delivery:
        """« Envoyer une facture », the first time or again: each call is a letter of its own. OPEN only."""
        address = self.get(invoice_id).client.email
        letter = asked_letter(invoice_id, address, agency=self._agency, at=self._now(), random=self._random)
        self._change(invoice_id, lambda invoice: invoice.send(letter))
        self._try_at_once(letter)
        return {delivery.id: delivery for delivery in self.deliveries(invoice_id)}[letter.id]

    def deliveries(self, invoice_id: UUID) -> tuple[Delivery, ...]:
        """What became of each letter that was asked for, oldest first."""
        self.get(invoice_id)
        now = self._now()
        return tuple(letter.delivery(now) for letter in self._store.deliveries(self._slug, invoice_id))

    def deliver(self, *, limit: int = 100) -> int:
        """Try the letters that wait, at most `limit` of them; how many were sent. For a worker or a cron job.

        A round ends early while the relay is away (`paused_until`), and after half an hour.
        """
        return self._dispatch.deliver(limit)

    @property
    def paused_until(self) -> datetime | None:
        """Until when this desk leaves letters waiting, because the relay was away; None when it does not."""
        return self._dispatch.breaker.paused_until(self._now())

    def record_payment(self, invoice_id: UUID, *, reference: str, paid_at: datetime | None = None) -> Invoice:
        """OPEN to PAID, when the host's processor says so; `paid_at` is aware, now when None.

        The same `reference` again (a repeated webhook) changes nothing; another one, or a cancelled invoice, is an
        InvoiceStateError.
        """
        reference = _valid(one_line(reference, field="reference", limit=_REFERENCE_LIMIT))
        at = self._now()
        paid = at if paid_at is None else _utc(paid_at, field="paid_at")
        return self._change(invoice_id, lambda i: i.record_payment(reference=reference, paid_at=paid, at=at))

    def cancel(self, invoice_id: UUID, *, reason: str | None = None) -> Invoice:
        """« Annuler la facture »: OPEN only. The client sees the reason (up to 1 000 characters)."""
        told = "" if reason is None else _valid(paragraph(reason, field="reason", limit=_REASON_LIMIT))
        shown = told if told.strip() else None
        return self._change(invoice_id, lambda invoice: invoice.cancel(at=self._now(), reason=shown))

    def history(self, invoice_id: UUID) -> tuple[HistoryEntry, ...]:
        """What happened to the invoice, oldest first."""
        self.get(invoice_id)
        return tuple(self._store.history(self._slug, invoice_id))

    def payment_page(self, token: str, *, locale: str | None = None, checkout_url: str | None = None) -> PaymentPage:
        """The « page Paiement » that a link opens, in the client's language or another of ours; LinkError."""
        return payment_page(
            self.invoice_for_link(token),
            agency=self._agency,
            today=self._today(),
            locale=locale,
            checkout_url=checkout_url,
            templates=self._templates,
        )

    def invoice_for_link(self, token: str) -> Invoice:
        """The invoice that a link's token opens, for the host's checkout and webhook; LinkError."""
        link = self._links.verify(self._slug, token)
        invoice = self._store.by_link(self._slug, link)
        if invoice is None:
            raise LinkError("this link opens nothing")
        return invoice

    def download(self, token: str, attachment_id: UUID) -> Download:
        """One file of the invoice that the token opens; LinkError, AttachmentNotFoundError, FileDamagedError."""
        attachment = self.invoice_for_link(token).attachment(attachment_id)
        if attachment is None:
            raise AttachmentNotFoundError("the invoice of this link has no such file")
        stored = self._files.read(storage_key(self._slug, attachment.id))
        return Download(attachment, download_headers(attachment), verified(stored, attachment))

    def export_records(self) -> Iterator[dict[str, object]]:
        """Everything kept of each invoice as a plain record, by rising number, one at a time: for JSON, or a new store.

        As secret as the store itself: clients, ids of links, and letters that wait with the links in them.
        """
        return write_records(self._store.export(self._slug))

    def import_records(self, records: Iterable[Mapping[str, object]]) -> int:
        """Take all that this agency exported into a store that has no invoice of it yet; how many records.

        Numbers, times, links and keys stay. The files must be there before. InvalidInputError (field "records") for
        the first record that is not as it was exported, StorageError for one missing; then nothing was imported.
        """
        keys = partial(self._files.keys, f"{self._slug}/", before=_AFTER_ALL)
        return take_records(records, partial(self._store.import_, self._slug), agency=self._slug, stored=keys)

    def sweep(self) -> int:
        """Remove the files that no invoice refers to and that are older than a day; how many.

        Nothing is removed while the agency has no invoice: its files were perhaps brought for an import.
        """
        orphans = set(self._files.keys(f"{self._slug}/", before=self._now() - _SWEPT_AFTER))
        is_empty = True
        for record in self._store.export(self._slug):
            is_empty = False
            orphans.difference_update(storage_key(self._slug, file.id) for file in record.invoice.attachments)
        swept = () if is_empty else orphans
        for key in swept:
            self._files.delete(key)
        return len(swept)

    def _render(self, letter: Letter) -> tuple[str, bytes]:
        invoice, link = self._found(letter.invoice_id)
        url = self._links.url_for(self._slug, link)
        message = render_letter(
            letter, invoice, agency=self._agency, link=url, at=self._now(), templates=self._templates
        )
        return envelope_sender(self._agency), message

    def _try_at_once(self, letter: Letter) -> None:
        if self._send_at_once:
            self._dispatch.try_at_once(letter)

    def _change(self, invoice_id: UUID, verb: Callable[[Invoice], Change | None]) -> Invoice:
        """Apply a verb to the invoice as it stands; when another caller was first, read again."""
        while True:
            invoice = self.get(invoice_id)
            change = verb(invoice)
            if change is None:
                return invoice
            try:
                self._store.apply(self._slug, change)
            except InvoiceChangedError:
                continue
            return change.invoice

    def _found(self, invoice_id: UUID) -> tuple[Invoice, LinkRef]:
        found = self._store.get(self._slug, invoice_id) if isinstance(invoice_id, UUID) else None
        if found is None:
            raise InvoiceNotFoundError("this agency has no invoice with that id, which is a uuid.UUID")
        return found

    def _today(self) -> date:
        return self._agency.local_date(self._now())

    def _now(self) -> datetime:
        return _utc(self._clock(), field="clock")


def _valid(read: str | Problem) -> str:
    if isinstance(read, Problem):
        raise InvalidInputError((read,))
    return read


def _utc(at: object, *, field: str) -> datetime:
    if not isinstance(at, datetime) or at.utcoffset() is None:
        raise InvalidInputError((Problem(field, "type"),))
    if not _EARLIEST <= at.year <= _LATEST:
        raise InvalidInputError((Problem(field, "out_of_range"),))
    return at.astimezone(UTC)
