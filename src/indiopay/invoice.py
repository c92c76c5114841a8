"""An invoice and what may happen to it. Each verb returns the change as a value; nothing here writes."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import NamedTuple
from uuid import UUID

from attrs import evolve, field, frozen

from indiopay.attachment import Attachment
from indiopay.errors import InvoiceStateError
from indiopay.history import EntryKind, HistoryEntry
from indiopay.money import Money
from indiopay.outbox import Letter
from indiopay.status import InvoiceType, Status

TRANSITIONS: Mapping[tuple[Status, str], Status] = MappingProxyType(
    {
        (Status.OPEN, "send"): Status.OPEN,
        (Status.OPEN, "record_payment"): Status.PAID,
        (Status.OPEN, "cancel"): Status.CANCELLED,
        (Status.OPEN, "renew_link"): Status.OPEN,
        (Status.PAID, "renew_link"): Status.PAID,
        (Status.CANCELLED, "renew_link"): Status.CANCELLED,
    }
)
"""Every verb that changes an invoice, in every status that allows it, and the status that it leads to."""


class LinkRef(NamedTuple):
    """What a store keeps of a payment link: no secret. A token is made of it and of a key (see `indiopay.links`)."""

    link_id: bytes
    key_id: int


class Idempotency(NamedTuple):
    """A caller's key for one creation, and the SHA-256 of the form that it was used for."""

    key: str
    fingerprint: bytes

    def __repr__(self) -> str:
        return "Idempotency(...)"


@frozen
class Client:
    """Who is billed. The address keeps its local part as typed; its domain is in lower case and in Unicode."""

    name: str
    email: str

    def __repr__(self) -> str:
        return "Client(...)"


@frozen(repr=False)
class Invoice:
    """A one-time invoice, as it stood at one version. Times are aware and in UTC; repr shows no client data."""

    id: UUID
    number: str
    type: InvoiceType
    agency_slug: str
    client: Client
    amount: Money
    due_date: date
    description: str
    attachments: tuple[Attachment, ...]
    locale: str
    status: Status
    created_at: datetime
    paid_at: datetime | None = None
    payment_reference: str | None = None
    cancelled_at: datetime | None = None
    cancel_reason: str | None = None
    version: int = 1

    def __repr__(self) -> str:
        return f"Invoice(id={self.id}, number={self.number}, status={self.status.value})"

    def is_overdue(self, today: date) -> bool:
        """Whether it is open and was due before `today`, the agency's own date; due today is not overdue."""
        return self.status is Status.OPEN and self.due_date < today

    def attachment(self, attachment_id: UUID) -> Attachment | None:
        """Its file with that id."""
        return next((found for found in self.attachments if found.id == attachment_id), None)

    def send(self, letter: Letter) -> "Change":
        """Queue `letter`; OPEN only."""
        return self._change("send", _queued(letter, letter.queued_at), letters=(letter,))

    def record_payment(self, *, reference: str, paid_at: datetime, at: datetime) -> "Change | None":
        """OPEN to PAID; None when this very payment was recorded before (a repeated webhook)."""
        if self.status is Status.PAID and self.payment_reference == reference:
            return None
        entry = HistoryEntry(EntryKind.PAID, at, {"reference": reference})
        change = self._change("record_payment", entry, cancels_letters=True)
        return evolve(change, invoice=evolve(change.invoice, paid_at=paid_at, payment_reference=reference))

    def cancel(self, *, at: datetime, reason: str | None = None) -> "Change":
        """OPEN to CANCELLED; letters that wait are cancelled with it."""
        entry = HistoryEntry(EntryKind.CANCELLED, at, {"reason": reason} if reason else {})
        change = self._change("cancel", entry, cancels_letters=True)
        return evolve(change, invoice=evolve(change.invoice, cancelled_at=at, cancel_reason=reason))

    def renew_link(self, link: LinkRef, *, at: datetime) -> "Change":
        """Put `link` in place of the old one, in any status; letters that wait hold the old one and are cancelled."""
        entry = HistoryEntry(EntryKind.LINK_RENEWED, at)
        return evolve(self._change("renew_link", entry, cancels_letters=True), link=link)

    def _change(
        self, verb: str, entry: HistoryEntry, *, letters: tuple[Letter, ...] = (), cancels_letters: bool = False
    ) -> "Change":
        status = TRANSITIONS.get((self.status, verb))
        if status is None:
            raise InvoiceStateError(verb, self.status)
        after = evolve(self, status=status, version=self.version + 1)
        return Change(after, (entry,), letters, cancels_letters)


@frozen
class Change:
    """What a verb does to an invoice: written by a store whole or not at all.

    `invoice` is the invoice as it will be; it replaces version `invoice.version - 1` and no other.
    """

    invoice: Invoice
    entries: tuple[HistoryEntry, ...]
    letters: tuple[Letter, ...] = ()
    cancels_letters: bool = False
    link: LinkRef | None = None


@frozen
class InvoiceRecord:
    """All that a store keeps of one invoice. Its letters hold their rendered bytes while they wait."""

    invoice: Invoice
    link: LinkRef = field(repr=False)
    idempotency: Idempotency | None = field(repr=False)
    letters: tuple[Letter, ...]
    history: tuple[HistoryEntry, ...]


@frozen
class NewInvoice:
    """An invoice before its store gives it a number and a time: `at`, or the last invoice's if that is later."""

    id: UUID
    type: InvoiceType
    agency_slug: str
    client: Client
    amount: Money
    due_date: date
    description: str = field(repr=False)
    attachments: tuple[Attachment, ...]
    locale: str
    at: datetime
    link: LinkRef = field(repr=False)
    letter: Letter | None = None
    idempotency: Idempotency | None = field(default=None, repr=False)

    def numbered(self, number: int, at: datetime) -> InvoiceRecord:
        """The invoice as the store's `number`-th of its agency, created `at`, with its history and its letter."""
        invoice = Invoice(
            self.id,
            invoice_number(number),
            self.type,
            self.agency_slug,
            self.client,
            self.amount,
            self.due_date,
            self.description,
            self.attachments,
            self.locale,
            Status.OPEN,
            at,
        )
        letters = () if self.letter is None else (self.letter,)
        history = (HistoryEntry(EntryKind.CREATED, at), *(_queued(letter, at) for letter in letters))
        return InvoiceRecord(invoice, self.link, self.idempotency, letters, history)


def outcome_entry(letter: Letter, at: datetime) -> HistoryEntry | None:
    """What the invoice's history says of a letter after an attempt; nothing while it waits."""
    details = {"delivery_id": str(letter.id)}
    if letter.sent_at is not None:
        return HistoryEntry(EntryKind.SENT, at, details)
    if letter.state == "failed":
        return HistoryEntry(EntryKind.SEND_FAILED, at, {**details, "reason": letter.reason})
    return None


def invoice_number(ordinal: int) -> str:
    """The number that people read.

    >>> invoice_number(1), invoice_number(1234567)
    ('F-000001', 'F-1234567')
    """
    return f"F-{ordinal:06d}"


def ordinal_of(number: str) -> int:
    """The integer behind an invoice's number, as stores keep it."""
    return int(number.removeprefix("F-"))


def new_id(at: datetime, entropy: bytes) -> UUID:
    """A UUID version 7 (RFC 9562): the millisecond of `at`, then 74 bits of the ten bytes of `entropy`."""
    milliseconds = (at - _EPOCH) // _MILLISECOND
    tail = int.from_bytes(entropy[:10], "big")
    high, low = tail >> 68, tail & ((1 << 62) - 1)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = datetime.resolution * 1000


def _queued(letter: Letter, at: datetime) -> HistoryEntry:
    return HistoryEntry(EntryKind.QUEUED, at, {"delivery_id": str(letter.id)})
