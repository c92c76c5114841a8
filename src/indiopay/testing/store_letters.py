"""What a store does with letters: leased to one worker at a time, and written by the one that holds the lease."""

# ruff: noqa: S101  # a duty asserts

from uuid import UUID

import pytest
from attrs import evolve

from indiopay.errors import MailError
from indiopay.history import EntryKind, HistoryEntry
from indiopay.outbox import LEASE, accepted, leased, refused
from indiopay.ports import InvoiceStore
from indiopay.testing.store_samples import NOW, SECOND, claim, claimed, kept_letters, letter, new, rendered, report


class ClaimDuties:
    """A letter is taken in its turn, by one worker."""

    def test_a_claim_leases_the_letter(self, store: InvoiceStore) -> None:
        """Its lease and its token are kept before it is given away."""
        store.add("nord", new(1, letter=letter(1)))
        held = leased(letter(1), end=NOW + LEASE)
        assert claim(store) == held
        assert kept_letters(store) == [held]

    def test_a_leased_letter_is_no_other_workers(self, store: InvoiceStore) -> None:
        """Not in its turn, nor by name, until its lease has run out."""
        held = claimed(store)
        before_its_end = NOW + LEASE - SECOND
        assert claim(store, before_its_end) is None
        assert claim(store, before_its_end, letter_id=held.id) is None

    def test_a_lease_that_ran_out_is_given_again_under_a_higher_token(self, store: InvoiceStore) -> None:
        """The token tells the two workers apart."""
        held = claimed(store)
        assert claim(store, NOW + LEASE) == leased(held, end=NOW + 2 * LEASE)
        assert [kept.lease_token for kept in kept_letters(store)] == [2]

    def test_the_letter_that_is_due_first_comes_first(self, store: InvoiceStore) -> None:
        """By the time before which it may not be tried, not by its number or its age."""
        later = refused(claimed(store, 4), MailError("rcpt", kind="later", code=450), at=NOW)
        assert report(store, later)
        for number, seconds in ((1, 2), (2, 0), (3, 1)):
            at = NOW + seconds * SECOND
            store.add("nord", new(number, letter=letter(number, at)))
        taken = [claim(store, later.not_before) for _ in range(5)]
        assert [found and found.invoice_id.int for found in taken] == [2, 3, 1, 4, None]

    def test_a_letter_may_be_claimed_by_its_name(self, store: InvoiceStore) -> None:
        """It alone, though others are due before it; a name that is no letter's gives none."""
        for number in (1, 2):
            store.add("nord", new(number, letter=letter(number)))
        assert claim(store, letter_id=letter(2).id) == leased(letter(2), end=NOW + LEASE)
        assert claim(store, letter_id=UUID(int=1)) is None

    def test_no_letter_is_claimed_before_its_time(self, store: InvoiceStore) -> None:
        """Nor when it is named; a letter that was put off waits for its next turn."""
        later = refused(claimed(store), MailError("rcpt", kind="later", code=450), at=NOW)
        assert report(store, later)
        for name in (None, later.id):
            assert claim(store, later.not_before - SECOND, letter_id=name) is None
        assert claim(store, later.not_before) == leased(later, end=later.not_before + LEASE)


class OutcomeDuties:
    """What becomes of a letter is written by the worker that holds it, and by no other."""

    def test_kept_bytes_come_back_with_the_next_claim(self, store: InvoiceStore) -> None:
        """Sender, bytes and hash are the same at every attempt, and it may then go out twice."""
        ready = rendered(claimed(store))
        assert store.keep_message("nord", ready)
        assert kept_letters(store) == [ready]
        assert claim(store, NOW + LEASE) == evolve(leased(ready, end=NOW + 2 * LEASE), maybe_duplicate=True)

    def test_deliveries_never_hold_bytes(self, store: InvoiceStore) -> None:
        """Whoever reads what became of a letter does not see it."""
        ready = rendered(claimed(store))
        assert store.keep_message("nord", ready)
        assert tuple(store.deliveries("nord", UUID(int=1))) == (evolve(ready, message=None),)

    @pytest.mark.parametrize("kind", ["sent", "failed"])
    def test_an_ended_letter_holds_no_bytes(self, store: InvoiceStore, kind: str) -> None:
        """What waits in no outbox opens no invoice; it is never claimed again."""
        ready = rendered(claimed(store))
        assert store.keep_message("nord", ready)
        never = MailError("rcpt", kind="never", code=550)
        after = accepted(ready, at=NOW) if kind == "sent" else refused(ready, never, at=NOW)
        assert report(store, after)
        assert kept_letters(store) == [after]
        assert claim(store, NOW + 2 * LEASE) is None

    def test_an_outcome_is_written_with_its_entry(self, store: InvoiceStore) -> None:
        """The letter and the history of its invoice change together; a letter that waits says nothing."""
        held = claimed(store)
        first = tuple(store.history("nord", UUID(int=1)))
        away = refused(held, MailError("connect", kind="transport"), at=NOW)
        assert store.finish("nord", away, None)
        assert tuple(store.history("nord", UUID(int=1))) == first
        again = claim(store, NOW + SECOND)
        assert again == leased(away, end=NOW + SECOND + LEASE)
        sent = accepted(leased(away, end=NOW + SECOND + LEASE), at=NOW + SECOND)
        entry = HistoryEntry(EntryKind.SENT, NOW + SECOND, {"delivery_id": str(sent.id)})
        assert store.finish("nord", sent, entry)
        assert tuple(store.history("nord", UUID(int=1))) == (*first, entry)
        assert tuple(store.deliveries("nord", UUID(int=1))) == (sent,)

    def test_a_worker_whose_lease_was_lost_writes_nothing(self, store: InvoiceStore) -> None:
        """Once the letter was claimed again, neither the bytes nor the outcome of the first worker are kept."""
        slow = claimed(store)
        assert claim(store, NOW + LEASE) is not None
        before = list(store.export("nord"))
        assert not store.keep_message("nord", rendered(slow))
        assert not report(store, accepted(slow, at=NOW))
        assert list(store.export("nord")) == before

    def test_a_letter_has_one_outcome(self, store: InvoiceStore) -> None:
        """A worker that reports twice is heard once."""
        held = claimed(store)
        assert report(store, refused(held, MailError("connect", kind="transport"), at=NOW))
        assert not report(store, accepted(held, at=NOW))
        assert [kept.state for kept in kept_letters(store)] == ["queued"]

    def test_a_letter_that_is_not_there_has_no_outcome(self, store: InvoiceStore) -> None:
        """Neither bytes nor an end are kept of it."""
        store.add("nord", new(1))
        held = leased(letter(1), end=NOW + LEASE)
        assert not store.keep_message("nord", rendered(held))
        assert not report(store, accepted(held, at=NOW))
        assert kept_letters(store) == []

    def test_letters_of_an_invoice_stand_in_the_order_in_which_they_were_written(self, store: InvoiceStore) -> None:
        """Whatever the clocks said; each has its own outcome, and the others keep theirs."""
        invoice = store.add("nord", new(1, letter=letter(3, of=1)))
        for number in (2, 1):
            change = invoice.send(letter(number, NOW + (number - 3) * SECOND, of=1))
            store.apply("nord", change)
            invoice = change.invoice
        second = claim(store, letter_id=letter(2).id)
        assert second is not None
        assert report(store, accepted(second, at=NOW + SECOND))
        found = store.deliveries("nord", invoice.id)
        assert [kept.id for kept in found] == [letter(number).id for number in (3, 2, 1)]
        assert [kept.state for kept in found] == ["queued", "sent", "queued"]


class LetterDuties(ClaimDuties, OutcomeDuties):
    """All of the above."""
