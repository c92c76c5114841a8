"""Records to try things with: a small one that uses every field, and any that a store may hold, for Hypothesis."""

from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any, get_args
from uuid import UUID

from attrs import evolve
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from indiopay import Client, EntryKind, HistoryEntry, Invoice, InvoiceType, Money, Status
from indiopay.attachment import Attachment
from indiopay.invoice import Idempotency, InvoiceRecord, LinkRef, invoice_number
from indiopay.outbox import Letter, LetterState
from indiopay.records import write_records
from indiopay.testing import strategies

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 3, 2, 15, 0, 0, 120, tzinfo=UTC)
BYTES = b"Subject: Facture\r\n\r\n\x00\xff"


def whole_record(**changes: Any) -> InvoiceRecord:
    """An open invoice with a letter that waits, was tried, and holds its bytes; its invoice has `changes`."""
    invoice = Invoice(
        UUID(int=1),
        "F-000001",
        InvoiceType.ONE_TIME,
        "nord",
        Client("Zoé Tremblay", "zoe@exemple.ca"),
        Money(125050, "CAD"),
        date(2026, 4, 1),
        "Prime\nannuelle",
        (Attachment(UUID(int=2), "Police d’été.pdf", 12, "application/pdf", "ab" * 32),),
        "fr_CA",
        Status.OPEN,
        NOW,
        version=3,
    )
    letter = Letter(
        UUID(int=3),
        invoice.id,
        "<3@exemple.ca>",
        "zoe@exemple.ca",
        NOW,
        NOW + timedelta(minutes=1),
        attempts=2,
        sender="facturation@exemple.ca",
        message=BYTES,
        message_sha256=sha256(BYTES).hexdigest(),
        last_phase="rcpt",
        last_code=450,
        maybe_duplicate=True,
        lease_token=2,
        lease_end=NOW + timedelta(hours=1),
    )
    history = (HistoryEntry(EntryKind.CREATED, NOW), HistoryEntry(EntryKind.QUEUED, NOW, {"delivery_id": "3"}))
    key = Idempotency("K-1", bytes(range(32)))
    return InvoiceRecord(evolve(invoice, **changes), LinkRef(bytes(range(18)), 7), key, (letter,), history)


def plain(record: InvoiceRecord) -> dict[str, Any]:
    """The record as it is exported."""
    return next(write_records([record]))


def numbered(record: InvoiceRecord, number: int) -> InvoiceRecord:
    """The record as the agency's `number`-th: with an id, a link, a key and letters of its own."""
    invoice_id = UUID(int=number)
    letters = tuple(
        evolve(letter, id=UUID(int=number * 1000 + place), invoice_id=invoice_id, message_id=f"<{number}.{place}@a.ca>")
        for place, letter in enumerate(record.letters)
    )
    invoice = evolve(record.invoice, id=invoice_id, number=invoice_number(number))
    key = record.idempotency and Idempotency(f"K-{number}", record.idempotency.fingerprint)
    return InvoiceRecord(invoice, LinkRef(number.to_bytes(18, "big"), 7), key, letters, record.history)


_TIMES = st.integers(0, 8000 * 365 * 86_400_000_000).map(lambda since: _EPOCH + timedelta(microseconds=since))
_COUNTS = st.integers(0, 2**30)
_CODES = st.text("abcxyz019_", min_size=1, max_size=40)
_TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs"], include_characters="\t\n"), max_size=20)
_LINES = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=20)
_DETAILS = st.fixed_dictionaries(
    {}, optional={"delivery_id": _LINES, "reason": st.none() | _TEXTS, "reference": _LINES}
)
_KEYS = st.builds(Idempotency, _LINES, st.binary(min_size=32, max_size=32))


@st.composite
def _letters(draw: DrawFn, invoice: Invoice) -> Letter:
    states = get_args(LetterState) if invoice.status is Status.OPEN else ("sent", "failed", "cancelled")
    state, letter_id = draw(st.sampled_from(states)), draw(st.uuids())
    message = draw(st.none() | st.binary(max_size=60)) if state == "queued" else None
    was_sent = state == "sent" or (state == "cancelled" and draw(st.booleans()))
    return Letter(
        letter_id,
        invoice.id,
        f"<{letter_id.hex}@exemple.ca>",
        draw(st.sampled_from(("zoe@exemple.ca", "o'brien+prime@xn--cole-9oa.example"))),
        draw(_TIMES),
        draw(_TIMES),
        draw(_CODES),
        state,
        draw(_COUNTS),
        "facturation@exemple.ca" if message is not None else draw(st.none() | st.just("a@exemple.ca")),
        message,
        None if message is None else sha256(message).hexdigest(),
        draw(st.none() | _CODES),
        draw(st.none() | st.integers(0, 999)),
        draw(_TIMES) if was_sent else None,
        draw(st.booleans()),
        draw(_COUNTS),
        draw(st.none() | _TIMES),
    )


@st.composite
def whole_records(draw: DrawFn) -> InvoiceRecord:
    """Any record that a store may hold: an invoice in any status, its letters and its history."""
    invoice = draw(strategies.invoices())
    link = LinkRef(draw(st.binary(min_size=18, max_size=18)), draw(st.integers(0, 255)))
    entries = st.builds(HistoryEntry, st.sampled_from(EntryKind), _TIMES, _DETAILS)
    letters, history = draw(st.lists(_letters(invoice), max_size=3)), draw(st.lists(entries, max_size=4))
    return InvoiceRecord(invoice, link, draw(st.none() | _KEYS), tuple(letters), tuple(history))
