"""What the SQL stores share: which columns there are, and how values become rows and rows become values.

A row holds what its database has a type for. Where the two differ (ids, times, days, JSON), `Rows` is told how.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from typing import Any, TypeVar
from uuid import UUID

from attrs import frozen

from indiopay.attachment import Attachment
from indiopay.history import EntryKind, HistoryEntry
from indiopay.invoice import Client, Idempotency, Invoice, InvoiceRecord, LinkRef, invoice_number, ordinal_of
from indiopay.listing import searched_text
from indiopay.money import Money
from indiopay.outbox import Letter
from indiopay.status import InvoiceType, Status

T = TypeVar("T")
Row = Sequence[Any]

INVOICE = (
    "id, number, type, agency, client_name, client_email, minor_units, currency, due_date, description, attachments, "
    "locale, status, created_at, paid_at, payment_reference, cancelled_at, cancel_reason, version"
)
LINK = "link_id, key_id"
RECORD = f"{INVOICE}, {LINK}, idempotency_key, fingerprint"
SEARCHED = f"{RECORD}, search"
LETTER = (
    "id, invoice_id, message_id, recipient, queued_at, not_before, kind, state, attempts, sender, message, "
    "message_sha256, last_phase, last_code, sent_at, maybe_duplicate, lease_token, lease_end"
)
LETTER_WITHOUT_BYTES = LETTER.replace(" message,", " NULL,")
ENTRY = "invoice_id, kind, at, details"

INVOICE_WIDTH = INVOICE.count(",") + 1


def marks(columns: str) -> str:
    """As many "?" as there are columns."""
    return ", ".join("?" * (columns.count(",") + 1))


@frozen
class Rows:
    """Values to rows and back, for a database that keeps ids, times, days and JSON as these functions say."""

    from_id: Callable[[UUID], object]
    to_id: Callable[[Any], UUID]
    from_time: Callable[[datetime], object]
    to_time: Callable[[Any], datetime]
    from_day: Callable[[date], object]
    to_day: Callable[[Any], date]
    to_json: Callable[[Any], Any]

    def invoice_row(self, invoice: Invoice) -> Row:
        """The columns INVOICE of an invoice."""
        return (
            self.from_id(invoice.id),
            ordinal_of(invoice.number),
            invoice.type.value,
            invoice.agency_slug,
            invoice.client.name,
            invoice.client.email,
            invoice.amount.minor_units,
            invoice.amount.currency,
            self.from_day(invoice.due_date),
            invoice.description,
            _attachments_json(invoice.attachments),
            invoice.locale,
            invoice.status.value,
            self.from_time(invoice.created_at),
            _optional(self.from_time, invoice.paid_at),
            invoice.payment_reference,
            _optional(self.from_time, invoice.cancelled_at),
            invoice.cancel_reason,
            invoice.version,
        )

    def changed_row(self, invoice: Invoice) -> Row:
        """What a change may alter in an invoice: status, payment, cancellation, version."""
        return (
            invoice.status.value,
            _optional(self.from_time, invoice.paid_at),
            invoice.payment_reference,
            _optional(self.from_time, invoice.cancelled_at),
            invoice.cancel_reason,
            invoice.version,
        )

    def invoice_of(self, row: Row) -> Invoice:
        """The invoice in a row that begins with the columns INVOICE."""
        return Invoice(
            self.to_id(row[0]),
            invoice_number(row[1]),
            InvoiceType(row[2]),
            row[3],
            Client(row[4], row[5]),
            Money(row[6], row[7]),
            self.to_day(row[8]),
            row[9],
            self._attachments(row[10]),
            row[11],
            Status(row[12]),
            self.to_time(row[13]),
            _optional(self.to_time, row[14]),
            row[15],
            _optional(self.to_time, row[16]),
            row[17],
            row[18],
        )

    def link_of(self, row: Row) -> LinkRef:
        """The link in a row that goes on with the columns LINK behind INVOICE."""
        return LinkRef(*row[INVOICE_WIDTH : INVOICE_WIDTH + 2])

    def record_row(self, record: InvoiceRecord) -> Row:
        """The columns RECORD of a record."""
        return (*self.invoice_row(record.invoice), *record.link, *(record.idempotency or (None, None)))

    def searched_row(self, record: InvoiceRecord) -> Row:
        """The columns SEARCHED of a record."""
        return (*self.record_row(record), searched_text(record.invoice))

    def record_of(self, row: Row, letters: Iterable[Row], history: Iterable[Row]) -> InvoiceRecord:
        """The record in the columns RECORD of a row, and in the rows of its letters and of its history."""
        key, fingerprint = row[INVOICE_WIDTH + 2 :]
        idempotency = None if key is None else Idempotency(key, fingerprint)
        events = tuple(map(self.letter_of, letters)), tuple(map(self.entry_of, history))
        return InvoiceRecord(self.invoice_of(row), self.link_of(row), idempotency, *events)

    def letter_row(self, letter: Letter) -> Row:
        """The columns LETTER of a letter."""
        return (
            self.from_id(letter.id),
            self.from_id(letter.invoice_id),
            letter.message_id,
            letter.recipient,
            self.from_time(letter.queued_at),
            self.from_time(letter.not_before),
            letter.kind,
            letter.state,
            letter.attempts,
            letter.sender,
            letter.message,
            letter.message_sha256,
            letter.last_phase,
            letter.last_code,
            _optional(self.from_time, letter.sent_at),
            letter.maybe_duplicate,
            letter.lease_token,
            _optional(self.from_time, letter.lease_end),
        )

    def letter_of(self, row: Row) -> Letter:
        """The letter in the columns LETTER of a row."""
        return Letter(
            self.to_id(row[0]),
            self.to_id(row[1]),
            row[2],
            row[3],
            self.to_time(row[4]),
            self.to_time(row[5]),
            row[6],
            row[7],
            row[8],
            row[9],
            row[10],
            row[11],
            row[12],
            row[13],
            _optional(self.to_time, row[14]),
            bool(row[15]),
            row[16],
            _optional(self.to_time, row[17]),
        )

    def entry_row(self, invoice_id: UUID, entry: HistoryEntry) -> Row:
        """The columns ENTRY of a history entry."""
        return (self.from_id(invoice_id), entry.kind.value, self.from_time(entry.at), json.dumps(dict(entry.details)))

    def entry_of(self, row: Row) -> HistoryEntry:
        """The history entry in the columns ENTRY of a row."""
        return HistoryEntry(EntryKind(row[1]), self.to_time(row[2]), self.to_json(row[3]))

    def _attachments(self, column: Any) -> tuple[Attachment, ...]:
        return tuple(Attachment(UUID(hex=hex_id), *rest) for hex_id, *rest in self.to_json(column))


def _optional(convert: Callable[[Any], T], value: Any) -> T | None:
    return None if value is None else convert(value)


def _attachments_json(attachments: tuple[Attachment, ...]) -> str:
    return json.dumps([[a.id.hex, a.name, a.size, a.media_type, a.sha256] for a in attachments])
