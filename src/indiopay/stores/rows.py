"""What the SQL stores share: which columns there are, and how values become rows and rows become values.

A row holds plain values: times and dates as ISO 8601 text (UTC, microseconds), ids as 16 bytes, lists as JSON.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from indiopay.attachment import Attachment
from indiopay.history import EntryKind, HistoryEntry
from indiopay.invoice import Client, Idempotency, Invoice, InvoiceRecord, LinkRef, invoice_number, ordinal_of
from indiopay.listing import InvoiceFilter, Order, Position, search_text
from indiopay.money import Money
from indiopay.outbox import Letter
from indiopay.status import InvoiceType, Status

Row = Sequence[Any]

INVOICE = (
    "id, number, type, agency, client_name, client_email, minor_units, currency, due_date, description, attachments, "
    "locale, status, created_at, paid_at, payment_reference, cancelled_at, cancel_reason, version"
)
LINK = "link_id, key_id"
RECORD = f"{INVOICE}, {LINK}, idempotency_key, fingerprint"
LETTER = (
    "id, invoice_id, message_id, recipient, queued_at, not_before, kind, state, attempts, sender, message, "
    "message_sha256, last_phase, last_code, sent_at, maybe_duplicate, lease_token, lease_end"
)
LETTER_WITHOUT_BYTES = LETTER.replace(" message,", " NULL,")
ENTRY = "invoice_id, kind, at, details"

ORDERS: dict[Order, str] = {"newest": "number DESC", "due": "due_date, number"}

_IS_OVERDUE = "(status = 'open' AND due_date < ?)"
_HAS_WORD = "(instr(search, ?) > 0 OR instr('f-' || printf('%06d', number), ?) > 0)"

INVOICE_WIDTH = INVOICE.count(",") + 1


def marks(columns: str) -> str:
    """As many "?" as there are columns."""
    return ", ".join("?" * (columns.count(",") + 1))


def time_text(at: datetime) -> str:
    """One width for every time, so that text sorts as time does."""
    return at.isoformat(timespec="microseconds")


def _time_text(at: datetime | None) -> str | None:
    return None if at is None else time_text(at)


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def invoice_row(invoice: Invoice) -> Row:
    """The columns INVOICE of an invoice."""
    return (
        invoice.id.bytes,
        ordinal_of(invoice.number),
        invoice.type.value,
        invoice.agency_slug,
        invoice.client.name,
        invoice.client.email,
        invoice.amount.minor_units,
        invoice.amount.currency,
        invoice.due_date.isoformat(),
        invoice.description,
        _attachments_json(invoice.attachments),
        invoice.locale,
        invoice.status.value,
        time_text(invoice.created_at),
        _time_text(invoice.paid_at),
        invoice.payment_reference,
        _time_text(invoice.cancelled_at),
        invoice.cancel_reason,
        invoice.version,
    )


def changed_row(invoice: Invoice) -> Row:
    """What a change may alter in an invoice: status, payment, cancellation, version."""
    return (
        invoice.status.value,
        _time_text(invoice.paid_at),
        invoice.payment_reference,
        _time_text(invoice.cancelled_at),
        invoice.cancel_reason,
        invoice.version,
    )


def invoice_of(row: Row) -> Invoice:
    """The invoice in a row that begins with the columns INVOICE."""
    return Invoice(
        UUID(bytes=row[0]),
        invoice_number(row[1]),
        InvoiceType(row[2]),
        row[3],
        Client(row[4], row[5]),
        Money(row[6], row[7]),
        date.fromisoformat(row[8]),
        row[9],
        _attachments(row[10]),
        row[11],
        Status(row[12]),
        datetime.fromisoformat(row[13]),
        _time(row[14]),
        row[15],
        _time(row[16]),
        row[17],
        row[18],
    )


def link_of(row: Row) -> LinkRef:
    """The link in a row that goes on with the columns LINK behind INVOICE."""
    return LinkRef(*row[INVOICE_WIDTH : INVOICE_WIDTH + 2])


def record_row(record: InvoiceRecord) -> Row:
    """The columns RECORD of a record, and its text to search in."""
    invoice = record.invoice
    searched = search_text(invoice.client.name, invoice.client.email, invoice.description)
    return (*invoice_row(invoice), *record.link, *(record.idempotency or (None, None)), searched)


def record_of(row: Row, letters: Iterable[Letter], history: Iterable[HistoryEntry]) -> InvoiceRecord:
    """The record in the columns RECORD of a row."""
    key, fingerprint = row[INVOICE_WIDTH + 2 :]
    idempotency = None if key is None else Idempotency(key, fingerprint)
    return InvoiceRecord(invoice_of(row), link_of(row), idempotency, tuple(letters), tuple(history))


def letter_row(letter: Letter) -> Row:
    """The columns LETTER of a letter."""
    return (
        letter.id.bytes,
        letter.invoice_id.bytes,
        letter.message_id,
        letter.recipient,
        time_text(letter.queued_at),
        time_text(letter.not_before),
        letter.kind,
        letter.state,
        letter.attempts,
        letter.sender,
        letter.message,
        letter.message_sha256,
        letter.last_phase,
        letter.last_code,
        _time_text(letter.sent_at),
        int(letter.maybe_duplicate),
        letter.lease_token,
        _time_text(letter.lease_end),
    )


def letter_of(row: Row) -> Letter:
    """The letter in the columns LETTER of a row."""
    return Letter(
        UUID(bytes=row[0]),
        UUID(bytes=row[1]),
        row[2],
        row[3],
        datetime.fromisoformat(row[4]),
        datetime.fromisoformat(row[5]),
        row[6],
        row[7],
        row[8],
        row[9],
        row[10],
        row[11],
        row[12],
        row[13],
        _time(row[14]),
        bool(row[15]),
        row[16],
        _time(row[17]),
    )


def entry_row(invoice_id: UUID, entry: HistoryEntry) -> Row:
    """The columns ENTRY of a history entry."""
    return (invoice_id.bytes, entry.kind.value, time_text(entry.at), json.dumps(dict(entry.details)))


def entry_of(row: Row) -> HistoryEntry:
    """The history entry in the columns ENTRY of a row."""
    return HistoryEntry(EntryKind(row[1]), datetime.fromisoformat(row[2]), json.loads(row[3]))


def _attachments_json(attachments: tuple[Attachment, ...]) -> str:
    return json.dumps([[a.id.hex, a.name, a.size, a.media_type, a.sha256] for a in attachments])


def _attachments(text: str) -> tuple[Attachment, ...]:
    return tuple(Attachment(UUID(hex=hex_id), *rest) for hex_id, *rest in json.loads(text)) if text != "[]" else ()


def conditions(which: InvoiceFilter, *, today: date, after: Position | None) -> tuple[str, list[object]]:
    """What to add to a WHERE for that filter and that position, and its values."""
    found: list[tuple[str, tuple[object, ...]]] = []
    if which.status is not None:
        found.append(("status = ?", (which.status.value,)))
    if which.overdue is not None:
        found.append((_IS_OVERDUE if which.overdue else f"NOT {_IS_OVERDUE}", (today.isoformat(),)))
    found += [(_HAS_WORD, (word, word)) for word in which.words]
    if which.due_from is not None:
        found.append(("due_date >= ?", (which.due_from.isoformat(),)))
    if which.due_until is not None:
        found.append(("due_date <= ?", (which.due_until.isoformat(),)))
    if after is not None and which.order == "newest":
        found.append(("number < ?", (after.ordinal,)))
    elif after is not None:
        found.append(("(due_date, number) > (?, ?)", (after.due_date.isoformat(), after.ordinal)))
    return "".join(f" AND {sql}" for sql, _ in found), [value for _, values in found for value in values]
