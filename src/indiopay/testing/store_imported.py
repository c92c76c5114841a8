"""What an imported agency does: all that it did where it came from."""

# ruff: noqa: S101  # a duty asserts

from datetime import timedelta

import pytest
from attrs import evolve

from indiopay.errors import InvoiceChangedError
from indiopay.invoice import Idempotency, InvoiceRecord, LinkRef
from indiopay.listing import add_up
from indiopay.money import Money
from indiopay.outbox import GIVEN_UP_AFTER, LEASE, Letter, accepted, expired, leased, withdrawn
from indiopay.ports import InvoiceStore
from indiopay.testing.store_lists import FILTERS, five
from indiopay.testing.store_samples import NOW, SECOND, TODAY, claim, kept_letters, letter, listed, new, payment, record

_KEY = Idempotency("k", b"form")
_PUT_OFF = timedelta(minutes=10)
_LETTERS: tuple[Letter, ...] = (
    evolve(letter(1), lease_token=3, lease_end=NOW + LEASE, sender="a@exemple.ca", message=b"bytes"),
    accepted(letter(2), at=NOW),
    evolve(letter(3), attempts=2, lease_token=2, not_before=NOW + _PUT_OFF, last_phase="rcpt", last_code=450),
    withdrawn(letter(4), NOW),
    letter(5, NOW - GIVEN_UP_AFTER),
    letter(6, NOW + SECOND, of=5),
)
"""One under a lease, one sent, one put off, one withdrawn, one that waited too long, one that is fresh."""

_BY_ONE_COLUMN = ("open", "paid", "cancelled", "overdue", "due from", "due until", "word", "all by due date")


def _records() -> list[InvoiceRecord]:
    """The five invoices of the filters at higher versions, with letters and a key."""
    records = [evolve(one, amount=Money(10**n, "CAD")).numbered(n, NOW) for n, one in enumerate(five(), start=1)]
    invoices = [made.invoice for made in records]
    invoices[1], invoices[3] = payment(invoices[1]).invoice, invoices[3].cancel(at=NOW, reason="Remplacée").invoice
    return [
        evolve(
            made,
            invoice=evolve(invoice, version=6 + invoice.version),
            idempotency=_KEY if invoice.id.int == 2 else None,
            letters=tuple(one for one in _LETTERS if one.invoice_id == invoice.id),
        )
        for made, invoice in zip(records, invoices, strict=True)
    ]


class ImportedDuties:
    """What was imported is found, added up, changed and sent as what was written here."""

    def test_an_agency_goes_on_from_what_was_imported(self, store: InvoiceStore) -> None:
        """Its numbers and its times."""
        store.import_("nord", [record(1), record(2, at=NOW + SECOND)])
        added = store.add("nord", new(3))
        assert (added.number, added.created_at) == ("F-000003", NOW + SECOND)

    def test_imported_invoices_are_listed_by_what_they_are(self, store: InvoiceStore) -> None:
        """By status, due date and words, in both orders."""
        store.import_("nord", _records())
        filters = {name: FILTERS[name] for name in _BY_ONE_COLUMN}
        wanted = {name: numbers for name, (_, numbers) in filters.items()}
        assert {name: listed(store, which) for name, (which, _) in filters.items()} == wanted

    def test_imported_invoices_are_added_up(self, store: InvoiceStore) -> None:
        """Each in its status, also those that are overdue."""
        store.import_("nord", _records())
        invoices = [made.invoice for made in _records()]
        groups = ((i.status, i.is_overdue(TODAY), i.amount.currency, i.amount.minor_units, 1) for i in invoices)
        assert store.totals("nord", today=TODAY) == add_up(groups)

    def test_imported_invoices_are_found_by_what_they_had(self, store: InvoiceStore) -> None:
        """By id, link and key; with their letters and their history."""
        records = _records()
        store.import_("nord", records)
        for found in records:
            assert store.get("nord", found.invoice.id) == (found.invoice, found.link)
            assert store.by_link("nord", found.link) == found.invoice
            assert tuple(store.history("nord", found.invoice.id)) == found.history
            letters = store.deliveries("nord", found.invoice.id)
            assert [one.id for one in letters] == [one.id for one in found.letters]
        assert store.by_idempotency_key("nord", "k") == (records[1].invoice, b"form")
        assert store.add("nord", new(9, idempotency=_KEY)) == records[1].invoice

    def test_an_imported_invoice_is_changed_from_its_version(self, store: InvoiceStore) -> None:
        """And from no other."""
        store.import_("nord", _records())
        invoice = _records()[0].invoice
        with pytest.raises(InvoiceChangedError) as stale:
            store.apply("nord", evolve(invoice, version=1).cancel(at=NOW))
        assert (stale.value.expected, stale.value.found) == (1, 7)
        renewed = invoice.renew_link(LinkRef(b"n" * 18, 9), at=NOW)
        store.apply("nord", renewed)
        assert store.by_link("nord", LinkRef(b"n" * 18, 9)) == renewed.invoice

    def test_imported_letters_are_claimed_in_their_turn(self, store: InvoiceStore) -> None:
        """Once their leases have run out and their times have come; those that ended, or waited too long, never."""
        store.import_("nord", _records())
        held, _, put_off, _, old, fresh = _LETTERS
        times = (NOW, NOW + SECOND, NOW + _PUT_OFF - SECOND, NOW + _PUT_OFF, NOW + LEASE - SECOND, NOW + LEASE)
        taken = (None, fresh, None, put_off, None, held)
        wanted = [one and leased(one, end=at + LEASE) for at, one in zip(times, taken, strict=True)]
        assert [claim(store, at) for at in times] == wanted
        assert expired(old) in kept_letters(store)
