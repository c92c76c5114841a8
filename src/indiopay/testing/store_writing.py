"""What a store does with a new invoice and with a change: numbered, once for a key, whole or not at all."""

# ruff: noqa: S101  # a duty asserts

from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from attrs import evolve

from indiopay.errors import IdempotencyError, IndioPayError, InvoiceChangedError, InvoiceNotFoundError, StorageError
from indiopay.invoice import Change, Idempotency, Invoice, LinkRef
from indiopay.ports import InvoiceStore
from indiopay.testing.store_samples import NOW, SECOND, letter, listed, new, payment, record

_KEY = Idempotency("k", b"form")
_LATER = NOW + SECOND
_DAY = timedelta(days=1)

_VERBS = ("send", "pay", "cancel", "renew_link")
_TAKEN: Mapping[str, dict[str, Any]] = {
    "id": {"id": UUID(int=1)},
    "link": {"link": new(1).link},
    "link under another key": {"link": LinkRef(new(1).link.link_id, 8)},
    "letter": {"letter": evolve(letter(2), id=letter(1).id)},
}


def _change(invoice: Invoice, verb: str) -> Change:
    changes = {
        "send": invoice.send(letter(9, _LATER, of=invoice.id.int)),
        "pay": payment(invoice, paid_at=NOW - _DAY, at=_LATER),
        "cancel": invoice.cancel(at=_LATER, reason="Remplacée"),
        "renew_link": invoice.renew_link(LinkRef(b"n" * 18, 9), at=_LATER),
    }
    return changes[verb]


class NumberDuties:
    """Numbers without a gap, in the order of time."""

    def test_numbers_run_from_one_in_each_agency(self, store: InvoiceStore) -> None:
        """Each agency counts for itself."""
        turns = ("nord-est", "nord-est", "nord", "nord-est", "nord")
        added = [store.add(agency, new(number, agency=agency)).number for number, agency in enumerate(turns)]
        assert added == ["F-000001", "F-000002", "F-000001", "F-000003", "F-000002"]

    def test_an_invoice_that_ended_keeps_its_number(self, store: InvoiceStore) -> None:
        """A cancelled or paid invoice gives its number to no other."""
        added = [store.add("nord", new(number)) for number in (1, 2)]
        store.apply("nord", _change(added[0], "cancel"))
        store.apply("nord", _change(added[1], "pay"))
        assert store.add("nord", new(3)).number == "F-000003"

    def test_what_is_refused_uses_no_number(self, store: InvoiceStore) -> None:
        """Neither a replay, nor a key of another form, nor an id that is taken leaves a gap."""
        store.add("nord", new(1, idempotency=_KEY))
        store.add("nord", new(2, idempotency=_KEY))
        for refused in (new(2, idempotency=Idempotency("k", b"another")), new(1)):
            with suppress(IndioPayError):
                store.add("nord", refused)
        assert store.add("nord", new(2)).number == "F-000002"

    def test_times_never_fall_as_numbers_rise(self, store: InvoiceStore) -> None:
        """A clock that steps back gives the time of the agency's invoice before, to all of its history too."""
        times = [NOW, NOW - _DAY, NOW - SECOND, NOW + SECOND]
        added = [store.add("nord", new(n, at=at, letter=letter(n, at))) for n, at in enumerate(times, start=1)]
        assert [invoice.created_at for invoice in added] == [NOW, NOW, NOW, NOW + SECOND]
        assert [entry.at for entry in store.history("nord", added[1].id)] == [NOW, NOW]
        assert store.add("nord-est", new(9, agency="nord-est", at=NOW - _DAY)).created_at == NOW - _DAY


class KeyDuties:
    """One invoice for each idempotency key, for ever."""

    def test_a_key_and_its_form_give_their_invoice_again(self, store: InvoiceStore) -> None:
        """The second time, with new ids or with the same, nothing is written."""
        first = store.add("nord", new(1, idempotency=_KEY, letter=letter(1)))
        again = [store.add("nord", new(number, idempotency=_KEY, letter=letter(number))) for number in (2, 1)]
        assert again == [first, first]
        assert list(store.export("nord")) == [record(1, idempotency=_KEY, letter=letter(1))]

    def test_a_key_gives_its_invoice_as_it_stands_now(self, store: InvoiceStore) -> None:
        """What happened since is seen."""
        after = _change(store.add("nord", new(1, idempotency=_KEY)), "cancel").invoice
        store.apply("nord", _change(record(1).invoice, "cancel"))
        assert store.add("nord", new(2, idempotency=_KEY)) == after
        assert store.by_idempotency_key("nord", "k") == (after, b"form")

    def test_a_key_of_another_form_is_refused(self, store: InvoiceStore) -> None:
        """Nothing of the other form is kept."""
        first = store.add("nord", new(1, idempotency=_KEY))
        with pytest.raises(IdempotencyError):
            store.add("nord", new(2, idempotency=Idempotency("k", b"another")))
        assert store.get("nord", UUID(int=2)) is None
        assert store.by_idempotency_key("nord", "k") == (first, b"form")

    def test_a_key_is_its_agencys_own(self, store: InvoiceStore) -> None:
        """Another agency may use it for another form."""
        store.add("nord", new(1, idempotency=_KEY))
        other = store.add("nord-est", new(2, agency="nord-est", idempotency=Idempotency("k", b"another")))
        assert other.id == UUID(int=2)
        assert store.by_idempotency_key("nord-est", "k") == (other, b"another")

    def test_keys_that_look_alike_are_not_the_same(self, store: InvoiceStore) -> None:
        """Case, accents, width and spaces count."""
        keys = ["k", "K", "k ", "ḱ", "k\u0301", "ⓚ", "k%"]
        added = [store.add("nord", new(n, idempotency=Idempotency(key, b"form"))) for n, key in enumerate(keys)]
        assert [invoice.id.int for invoice in added] == list(range(len(keys)))
        assert [store.by_idempotency_key("nord", key) for key in keys] == [(invoice, b"form") for invoice in added]


class ChangeDuties:
    """A change is written over the version that it was made from, and over no other."""

    @pytest.mark.parametrize("verb", _VERBS)
    def test_a_change_is_written_whole(self, store: InvoiceStore, verb: str) -> None:
        """Invoice, link, history and new letters change together."""
        change = _change(store.add("nord", new(1)), verb)
        store.apply("nord", change)
        assert store.get("nord", UUID(int=1)) == (change.invoice, change.link or new(1).link)
        assert tuple(store.history("nord", UUID(int=1))) == (*record(1).history, *change.entries)
        assert tuple(store.deliveries("nord", UUID(int=1))) == change.letters

    def test_history_stands_in_the_order_in_which_it_was_written(self, store: InvoiceStore) -> None:
        """Also where a clock stepped back between two entries."""
        changes = [store.add("nord", new(1)).send(letter(9, NOW - SECOND, of=1))]
        changes.append(changes[0].invoice.cancel(at=NOW - _DAY))
        for change in changes:
            store.apply("nord", change)
        written = [*record(1).history, *changes[0].entries, *changes[1].entries]
        assert list(store.history("nord", UUID(int=1))) == written

    @pytest.mark.parametrize("verb", _VERBS)
    def test_a_stale_change_is_refused_whole(self, store: InvoiceStore, verb: str) -> None:
        """The second of two changes from one version writes nothing, and is told which version was found."""
        invoice = store.add("nord", new(1, letter=letter(1)))
        store.apply("nord", invoice.send(letter(2, of=1)))
        before = list(store.export("nord"))
        with pytest.raises(InvoiceChangedError) as refused:
            store.apply("nord", _change(invoice, verb))
        assert (refused.value.expected, refused.value.found) == (1, 2)
        assert list(store.export("nord")) == before

    def test_a_change_from_a_version_to_come_is_refused(self, store: InvoiceStore) -> None:
        """A store that was restored from a backup does not jump ahead."""
        store.add("nord", new(1))
        with pytest.raises(InvoiceChangedError) as refused:
            store.apply("nord", _change(evolve(record(1).invoice, version=4), "cancel"))
        assert (refused.value.expected, refused.value.found) == (4, 1)

    def test_a_change_of_an_unknown_invoice_is_refused(self, store: InvoiceStore) -> None:
        """It makes no invoice."""
        with pytest.raises(InvoiceNotFoundError):
            store.apply("nord", _change(record(1).invoice, "cancel"))
        assert listed(store) == []

    def test_only_the_link_of_now_opens(self, store: InvoiceStore) -> None:
        """A renewed link opens the invoice with its own key, and the one before it opens nothing."""
        change = _change(store.add("nord", new(1)), "renew_link")
        store.apply("nord", change)
        assert store.by_link("nord", LinkRef(b"n" * 18, 9)) == change.invoice
        assert store.by_link("nord", LinkRef(b"n" * 18, 7)) is None
        assert store.by_link("nord", new(1).link) is None


class AtomicityDuties:
    """What cannot be written whole leaves nothing."""

    @pytest.mark.parametrize("taken", _TAKEN.values(), ids=_TAKEN)
    def test_an_invoice_with_something_taken_leaves_nothing(self, store: InvoiceStore, taken: dict[str, Any]) -> None:
        """An id, a link or a letter's id that is taken: no invoice, no history, no letter, and the key is free."""
        store.add("nord", new(1, letter=letter(1)))
        before = list(store.export("nord"))
        with pytest.raises(StorageError):
            store.add("nord", new(2, idempotency=_KEY, **taken))
        assert list(store.export("nord")) == before
        assert store.by_idempotency_key("nord", "k") is None
        assert store.add("nord", new(3, idempotency=_KEY)).id == UUID(int=3)

    @pytest.mark.parametrize(
        "taken", ["a letter of its own", "a letter of another", "a link", "a link under another key"]
    )
    def test_a_change_with_something_taken_leaves_nothing(self, store: InvoiceStore, taken: str) -> None:
        """A letter's id or a link that is taken: neither status nor history nor letters change."""
        invoice = store.add("nord", new(1, letter=letter(1)))
        store.add("nord", new(2, letter=letter(2)))
        before = list(store.export("nord"))
        changes = {
            "a letter of its own": invoice.send(letter(1)),
            "a letter of another": invoice.send(letter(2, of=1)),
            "a link": invoice.renew_link(new(2).link, at=_LATER),
            "a link under another key": invoice.renew_link(LinkRef(new(2).link.link_id, 8), at=_LATER),
        }
        with pytest.raises(StorageError):
            store.apply("nord", changes[taken])
        assert list(store.export("nord")) == before


class WritingDuties(NumberDuties, KeyDuties, ChangeDuties, AtomicityDuties):
    """All of the above."""
