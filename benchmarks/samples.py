"""Invoices to fill a store with: as varied as a brokerage's are, and the same in every run."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from random import Random

from attrs import evolve

from indiopay.history import EntryKind, HistoryEntry
from indiopay.invoice import Client, Invoice, InvoiceRecord, LinkRef, NewInvoice, new_id
from indiopay.money import Money
from indiopay.outbox import accepted, new_letter
from indiopay.status import InvoiceType, Status

AGENCY = "nord"
TODAY = date(2026, 11, 24)
NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)
FIRST = NOW - timedelta(days=7 * 365)

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_FIRST_NAMES = ("Zoé", "Noël", "Jean", "Marie-Ève", "Étienne", "Anaïs", "Luc", "Françoise", "Guy", "Maude", "Océane")
_LAST_NAMES = ("Tremblay", "Gagné", "Dubois", "Côté-L’Heureux", "Bélanger", "Roy", "Lévesque", "Ouellet", "Fortin")
_NOTES = (
    "Prime annuelle de votre assurance habitation.\nÀ régler avant le renouvellement.",
    "Prime de votre assurance automobile, du 1er mars au 31 août, avec les deux avenants demandés en décembre.",
    "Assurance des entreprises, premier de deux versements.\nMerci de votre confiance !",
    "",
)


def new_invoice(seed: bytes, *, agency: str = AGENCY, at: datetime = NOW) -> NewInvoice:
    """An invoice with a letter, before its number; every value follows from `seed`."""
    lots = sha256(seed).digest()
    invoice_id, email = new_id(at, lots), f"client.{lots[26]}@exemple.ca"
    return NewInvoice(
        invoice_id,
        InvoiceType.ONE_TIME,
        agency,
        Client(f"{_FIRST_NAMES[lots[10] % 11]} {_LAST_NAMES[lots[11] % 9]}", email),
        Money(100 + int.from_bytes(lots[12:14], "big") * 5, "CAD"),
        at.date() + timedelta(days=lots[14] % 60),
        _NOTES[lots[15] % 4],
        (),
        "fr_CA",
        at,
        LinkRef(lots[:18], 1),
        new_letter(new_id(at, lots[16:]), invoice_id, recipient=email, domain="exemple.ca", at=at),
    )


def records(count: int) -> Iterator[InvoiceRecord]:
    """`count` invoices over seven years; of twenty, thirteen are paid and one is cancelled."""
    return (record(number, count) for number in range(1, count + 1))


def record(number: int, count: int) -> InvoiceRecord:
    """The one with that number, of `count`; of a thousand letters one still waits."""
    at = FIRST + (NOW - FIRST) * (number / count)
    return _as_it_became(new_invoice(b"%d" % number, at=at).numbered(number, at), number)


def draw(count: int) -> list[InvoiceRecord]:
    """A thousand of `count` records, anywhere among them, the same in every run."""
    return [record(number, count) for number in Random(1000).choices(range(1, count + 1), k=1000)]  # noqa: S311  # no secret


def _as_it_became(made: InvoiceRecord, number: int) -> InvoiceRecord:
    if number % 1000 == 0:
        return made
    letter, at = made.letters[0], made.invoice.created_at
    sent = HistoryEntry(EntryKind.SENT, at + _HOUR, {"delivery_id": str(letter.id)})
    invoice, *entries = _after_a_day(made.invoice, number, at + _DAY)
    letters, history = (accepted(letter, at=at + _HOUR),), (*made.history, sent, *entries)
    return evolve(made, invoice=invoice, letters=letters, history=history)


def _after_a_day(invoice: Invoice, number: int, at: datetime) -> tuple[Invoice, *tuple[HistoryEntry, ...]]:
    if number % 20 < 13:
        reference = f"virement {number}"
        paid = evolve(invoice, status=Status.PAID, paid_at=at, payment_reference=reference, version=2)
        return paid, HistoryEntry(EntryKind.PAID, at, {"reference": reference})
    if number % 20 == 13:
        cancelled = evolve(invoice, status=Status.CANCELLED, cancelled_at=at, version=2)
        return cancelled, HistoryEntry(EntryKind.CANCELLED, at)
    return (invoice,)
