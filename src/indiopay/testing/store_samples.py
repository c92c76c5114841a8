"""Invoices, letters and records to try a store with: small and plain, made without a desk."""

# ruff: noqa: S101  # what a sample does on the way is asserted

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from attrs import evolve

from indiopay.attachment import Attachment
from indiopay.errors import MailError
from indiopay.invoice import Change, Client, Invoice, InvoiceRecord, LinkRef, NewInvoice, ordinal_of, outcome_entry
from indiopay.listing import InvoiceFilter, position_of
from indiopay.money import Money
from indiopay.outbox import GIVEN_UP_AFTER, LEASE, Letter, new_letter, refused
from indiopay.ports import InvoiceStore
from indiopay.status import InvoiceType

NOW = datetime(2026, 3, 2, 15, 0, 0, 123456, tzinfo=UTC)
TODAY = date(2026, 3, 2)
SECOND = timedelta(seconds=1)
BYTES = b"Subject: =?utf-8?q?=C3=89?=\r\n\r\n\0\xff"

_EVERYTHING = InvoiceFilter()


def new(number: int, *, agency: str = "nord", at: datetime = NOW, **changes: Any) -> NewInvoice:
    """A new invoice whose id, link and file are made of `number`, but for `changes`."""
    made = NewInvoice(
        UUID(int=number),
        InvoiceType.ONE_TIME,
        agency,
        Client("Zoé Tremblay", "zoe@exemple.ca"),
        Money(125000, "CAD"),
        date(2026, 4, 1),
        "Prime\nannuelle",
        (Attachment(UUID(int=number + 1000), "Police d’été.pdf", 12, "application/pdf", "ab" * 32),),
        "fr_CA",
        at,
        LinkRef(number.to_bytes(18, "big"), 7),
    )
    return evolve(made, **changes)


def letter(number: int, at: datetime = NOW, *, of: int | None = None) -> Letter:
    """A letter whose id is made of `number`, of the invoice of that number or of another one."""
    letter_id, invoice_id = UUID(int=number + 5000), UUID(int=of or number)
    return new_letter(letter_id, invoice_id, recipient="zoe@exemple.ca", domain="exemple.ca", at=at)


def record(number: int, *, agency: str = "nord", at: datetime = NOW, **changes: Any) -> InvoiceRecord:
    """What a store keeps of `new(...)` as the agency's `number`-th invoice."""
    return new(number, agency=agency, at=at, **changes).numbered(number, at)


def payment(invoice: Invoice, *, reference: str = "P-1", paid_at: datetime = NOW, at: datetime = NOW) -> Change:
    """The change that pays an open invoice."""
    change = invoice.record_payment(reference=reference, paid_at=paid_at, at=at)
    if change is None:
        raise ValueError("this payment was recorded before")
    return change


def claim(
    store: InvoiceStore, now: datetime = NOW, *, agency: str = "nord", letter_id: UUID | None = None
) -> Letter | None:
    """What a worker does at `now`."""
    queued_after = now - GIVEN_UP_AFTER
    return store.claim(agency, now=now, lease_end=now + LEASE, queued_after=queued_after, letter_id=letter_id)


def claimed(store: InvoiceStore, number: int = 1) -> Letter:
    """The letter of a new invoice, under a lease."""
    store.add("nord", new(number, letter=letter(number)))
    held = claim(store)
    assert held is not None
    return held


def rendered(held: Letter) -> Letter:
    """The letter as it is kept before its first attempt."""
    return evolve(held, sender="a@exemple.ca", message=BYTES, message_sha256="cd" * 32)


def put_off(store: InvoiceStore, held: Letter) -> Letter:
    """The letter as it waits after an attempt that did not reach the relay: with its bytes, under no lease."""
    ready = rendered(held)
    assert store.keep_message("nord", ready)
    waiting = refused(ready, MailError("connect", kind="transport"), at=NOW)
    assert report(store, waiting)
    return waiting


def report(store: InvoiceStore, after: Letter) -> bool:
    """What a worker does after an attempt."""
    return store.finish("nord", after, outcome_entry(after, NOW + SECOND))


def kept_letters(store: InvoiceStore) -> list[Letter]:
    """Every letter of the agency "nord" as it is kept, with its bytes."""
    return [kept for record in store.export("nord") for kept in record.letters]


def pages(store: InvoiceStore, which: InvoiceFilter = _EVERYTHING, *, limit: int = 200) -> Iterator[list[Invoice]]:
    """Every page of a list of the agency "nord", one after the other, as a desk asks for them."""
    after = None
    while found := list(store.page("nord", which, today=TODAY, after=after, limit=limit)):
        yield found
        after = position_of(found[-1])


def listed(
    store: InvoiceStore, which: InvoiceFilter = _EVERYTHING, *, agency: str = "nord", today: date = TODAY
) -> list[int]:
    """The numbers of the invoices on the first page of a list."""
    return [ordinal_of(i.number) for i in store.page(agency, which, today=today, after=None, limit=200)]
