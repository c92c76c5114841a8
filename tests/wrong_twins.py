"""Stores and desks that break one promise each, for the harnesses that must catch them."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from attrs import evolve

from indiopay import IdempotencyError, Invoice, InvoiceDesk, InvoiceStateError
from indiopay.invoice import Change, LinkRef, NewInvoice
from indiopay.listing import InvoiceFilter, Position, Totals, position_of
from indiopay.outbox import Letter
from indiopay.stores.memory import MemoryStore


class Overwrites(MemoryStore):
    """Writes a change whatever the version."""

    def apply(self, agency: str, change: Change) -> None:
        if record := self._books[agency].records.get(change.invoice.id):
            before = evolve(record.invoice, version=change.invoice.version - 1)
            self._books[agency].records[before.id] = evolve(record, invoice=before)
        super().apply(agency, change)


class KeepsLetters(MemoryStore):
    """Leaves the letters of a cancelled invoice in the queue."""

    def apply(self, agency: str, change: Change) -> None:
        super().apply(agency, evolve(change, cancels_letters=False))


class CountsDueToday(MemoryStore):
    """Takes what is due today for overdue."""

    def totals(self, agency: str, *, today: date) -> Totals:
        return super().totals(agency, today=today + date.resolution)


class KeepsLinks(MemoryStore):
    """Opens an invoice by any link that it ever had."""

    def __init__(self) -> None:
        super().__init__()
        self._links: dict[tuple[str, LinkRef], UUID] = {}

    def by_link(self, agency: str, link: LinkRef) -> Invoice | None:
        for record in self._books[agency].records.values():
            self._links[agency, record.link] = record.invoice.id
        found = self.get(agency, self._links.get((agency, link), UUID(int=0)))
        return found[0] if found else None


class MixesAgencies(MemoryStore):
    """Finds an invoice by its id alone."""

    def get(self, agency: str, invoice_id: UUID) -> tuple[Invoice, LinkRef] | None:
        found = (super(MixesAgencies, self).get(slug, invoice_id) for slug in list(self._books))
        return next(filter(None, found), None)


class BelievesTheClock(MemoryStore):
    """Gives the clock's time to an invoice, even when the clock went back."""

    def add(self, agency: str, new: NewInvoice) -> Invoice:
        made = super().add(agency, new)
        record = self._books[agency].records[made.id]
        if made.id == new.id:
            record = evolve(record, invoice=evolve(made, created_at=new.at))
            self._books[agency].records[made.id] = record
        return record.invoice


class BelievesTheKey(MemoryStore):
    """Gives the invoice of a key for any form."""

    def add(self, agency: str, new: NewInvoice) -> Invoice:
        try:
            return super().add(agency, new)
        except IdempotencyError:
            made = self.by_idempotency_key(agency, new.idempotency.key if new.idempotency else "")
            assert made
            return made[0]


class CountsRows(MemoryStore):
    """Pages by how many rows came before, as OFFSET does."""

    def __init__(self) -> None:
        super().__init__()
        self._passed: dict[tuple[str, InvoiceFilter, Position], int] = {}

    def page(
        self, agency: str, which: InvoiceFilter, *, today: date, after: Position | None, limit: int
    ) -> Sequence[Invoice]:
        found = super().page(agency, which, today=today, after=None, limit=999)
        passed = self._passed[agency, which, after] if after else 0
        for count, invoice in enumerate(found, 1):
            self._passed[agency, which, position_of(invoice)] = count
        return found[passed : passed + limit]


class ForgetsLeases(MemoryStore):
    """Gives a letter that another worker holds."""

    def claim(self, agency: str, **named: Any) -> Letter | None:
        for letter in self._books[agency].letters():
            self._books[agency].write(evolve(letter, lease_end=None))
        return super().claim(agency, **named)


class SendsForEver(MemoryStore):
    """Tries letters of any age."""

    def claim(self, agency: str, *, queued_after: datetime, **named: Any) -> Letter | None:
        return super().claim(agency, queued_after=datetime.min.replace(tzinfo=queued_after.tzinfo), **named)


class AcceptsAnyPayment(InvoiceDesk):
    """Says nothing of a second payment under another reference."""

    def record_payment(self, invoice_id: UUID, **named: Any) -> Invoice:
        try:
            return super().record_payment(invoice_id, **named)
        except InvoiceStateError:
            return self.get(invoice_id)


class LivesInGreenwich(InvoiceDesk):
    """Takes the date at Greenwich for the agency's."""

    def _today(self) -> date:
        return self._now().date()
