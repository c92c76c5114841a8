"""What a store does with letters: leased to one worker at a time, withdrawn, given up, and emptied at their end."""

# ruff: noqa: S101  # a duty asserts

from datetime import timedelta
from uuid import UUID

import pytest
from attrs import evolve

from indiopay.errors import MailError
from indiopay.history import EntryKind, HistoryEntry
from indiopay.invoice import Change, Invoice, LinkRef, outcome_entry
from indiopay.outbox import GIVEN_UP_AFTER, LEASE, Letter, accepted, leased, refused, withdrawn
from indiopay.ports import InvoiceStore
from indiopay.testing.store_samples import NOW, SECOND, claim, letter, new, payment

_BYTES = b"Subject: =?utf-8?q?=C3=89?=\r\n\r\n\0\xff"
_LATE = NOW + GIVEN_UP_AFTER


def _claimed(store: InvoiceStore, number: int = 1) -> Letter:
    """An invoice's letter, under a lease."""
    store.add("nord", new(number, letter=letter(number)))
    found = claim(store)
    assert found is not None
    return found


def _ready(held: Letter) -> Letter:
    """The letter as it is kept before its first attempt."""
    return evolve(held, sender="a@exemple.ca", message=_BYTES, message_sha256="cd" * 32)


def _put_off(store: InvoiceStore, held: Letter) -> Letter:
    """The letter as it waits after an attempt that did not reach the relay: with its bytes, under no lease."""
    ready = _ready(held)
    assert store.keep_message("nord", ready)
    waiting = refused(ready, MailError("connect", kind="transport"), at=NOW)
    assert _finish(store, waiting)
    return waiting


def _finish(store: InvoiceStore, after: Letter) -> bool:
    return store.finish("nord", after, outcome_entry(after, NOW + SECOND))


def _kept(store: InvoiceStore) -> list[Letter]:
    """Every letter as it is kept, with its bytes."""
    return [kept for record in store.export("nord") for kept in record.letters]


def _withdrawal(invoice: Invoice, verb: str) -> Change:
    at = NOW + SECOND
    changes = {
        "cancel": invoice.cancel(at=at),
        "pay": payment(invoice, at=at),
        "renew_link": invoice.renew_link(LinkRef(b"n" * 18, 9), at=at),
    }
    return changes[verb]


class ClaimDuties:
    """A letter is taken in its turn, by one worker."""

    def test_a_claim_leases_the_letter(self, store: InvoiceStore) -> None:
        """Its lease and its token are kept before it is given away."""
        store.add("nord", new(1, letter=letter(1)))
        held = leased(letter(1), end=NOW + LEASE)
        assert claim(store) == held
        assert _kept(store) == [held]

    def test_a_leased_letter_is_no_other_workers(self, store: InvoiceStore) -> None:
        """Not in its turn, nor by name, until its lease has run out."""
        held = _claimed(store)
        before_its_end = NOW + LEASE - SECOND
        assert claim(store, before_its_end) is None
        assert claim(store, before_its_end, letter_id=held.id) is None

    def test_a_lease_that_ran_out_is_given_again_under_a_higher_token(self, store: InvoiceStore) -> None:
        """The token tells the two workers apart."""
        held = _claimed(store)
        assert claim(store, NOW + LEASE) == leased(held, end=NOW + 2 * LEASE)
        assert [kept.lease_token for kept in _kept(store)] == [2]

    def test_the_letter_that_is_due_first_comes_first(self, store: InvoiceStore) -> None:
        """By the time before which it may not be tried, not by its number or its age."""
        later = refused(_claimed(store, 4), MailError("rcpt", kind="later", code=450), at=NOW)
        assert _finish(store, later)
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
        later = refused(_claimed(store), MailError("rcpt", kind="later", code=450), at=NOW)
        assert _finish(store, later)
        for name in (None, later.id):
            assert claim(store, later.not_before - SECOND, letter_id=name) is None
        assert claim(store, later.not_before) == leased(later, end=later.not_before + LEASE)


class OutcomeDuties:
    """What becomes of a letter is written by the worker that holds it, and by no other."""

    def test_kept_bytes_come_back_with_the_next_claim(self, store: InvoiceStore) -> None:
        """Sender, bytes and hash are the same at every attempt, and it may then go out twice."""
        ready = _ready(_claimed(store))
        assert store.keep_message("nord", ready)
        assert _kept(store) == [ready]
        assert claim(store, NOW + LEASE) == evolve(leased(ready, end=NOW + 2 * LEASE), maybe_duplicate=True)

    def test_deliveries_never_hold_bytes(self, store: InvoiceStore) -> None:
        """Whoever reads what became of a letter does not see it."""
        ready = _ready(_claimed(store))
        assert store.keep_message("nord", ready)
        assert tuple(store.deliveries("nord", UUID(int=1))) == (evolve(ready, message=None),)

    @pytest.mark.parametrize("kind", ["sent", "failed"])
    def test_an_ended_letter_holds_no_bytes(self, store: InvoiceStore, kind: str) -> None:
        """What waits in no outbox opens no invoice; it is never claimed again."""
        ready = _ready(_claimed(store))
        assert store.keep_message("nord", ready)
        never = MailError("rcpt", kind="never", code=550)
        after = accepted(ready, at=NOW) if kind == "sent" else refused(ready, never, at=NOW)
        assert _finish(store, after)
        assert _kept(store) == [after]
        assert claim(store, NOW + 2 * LEASE) is None

    def test_an_outcome_is_written_with_its_entry(self, store: InvoiceStore) -> None:
        """The letter and the history of its invoice change together; a letter that waits says nothing."""
        held = _claimed(store)
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
        slow = _claimed(store)
        assert claim(store, NOW + LEASE) is not None
        before = list(store.export("nord"))
        assert not store.keep_message("nord", _ready(slow))
        assert not _finish(store, accepted(slow, at=NOW))
        assert list(store.export("nord")) == before

    def test_a_letter_has_one_outcome(self, store: InvoiceStore) -> None:
        """A worker that reports twice is heard once."""
        held = _claimed(store)
        assert _finish(store, refused(held, MailError("connect", kind="transport"), at=NOW))
        assert not _finish(store, accepted(held, at=NOW))
        assert [kept.state for kept in _kept(store)] == ["queued"]

    def test_a_letter_that_is_not_there_has_no_outcome(self, store: InvoiceStore) -> None:
        """Neither bytes nor an end are kept of it."""
        store.add("nord", new(1))
        held = leased(letter(1), end=NOW + LEASE)
        assert not store.keep_message("nord", _ready(held))
        assert not _finish(store, accepted(held, at=NOW))
        assert _kept(store) == []

    def test_letters_of_an_invoice_stand_in_the_order_in_which_they_were_written(self, store: InvoiceStore) -> None:
        """Whatever the clocks said; each has its own outcome, and the others keep theirs."""
        invoice = store.add("nord", new(1, letter=letter(3, of=1)))
        for number in (2, 1):
            change = invoice.send(letter(number, NOW + (number - 3) * SECOND, of=1))
            store.apply("nord", change)
            invoice = change.invoice
        second = claim(store, letter_id=letter(2).id)
        assert second is not None
        assert _finish(store, accepted(second, at=NOW + SECOND))
        found = store.deliveries("nord", invoice.id)
        assert [kept.id for kept in found] == [letter(number).id for number in (3, 2, 1)]
        assert [kept.state for kept in found] == ["queued", "sent", "queued"]


class WithdrawalDuties:
    """A letter is withdrawn with its invoice or its link."""

    @pytest.mark.parametrize("verb", ["cancel", "pay", "renew_link"])
    def test_letters_that_wait_are_withdrawn(self, store: InvoiceStore, verb: str) -> None:
        """In the same transaction, without their bytes; none of them is claimed after it, and no other is touched."""
        invoice = store.add("nord", new(1, letter=letter(1)))
        asked = invoice.send(letter(2, of=1))
        store.apply("nord", asked)
        store.add("nord", new(3, letter=letter(3)))
        first = claim(store, letter_id=letter(1).id)
        assert first is not None
        waiting = _put_off(store, first)
        store.apply("nord", _withdrawal(asked.invoice, verb))
        at = NOW + SECOND
        assert _kept(store) == [withdrawn(waiting, at), withdrawn(letter(2, of=1), at), letter(3)]
        assert claim(store, NOW + 2 * LEASE, letter_id=letter(1).id) is None
        assert claim(store, NOW + 2 * LEASE, letter_id=letter(2).id) is None

    def test_letters_that_ended_are_not_withdrawn(self, store: InvoiceStore) -> None:
        """What was sent stays sent."""
        held = _claimed(store)
        sent = accepted(held, at=NOW)
        assert _finish(store, sent)
        found = store.get("nord", UUID(int=1))
        assert found is not None
        store.apply("nord", _withdrawal(found[0], "cancel"))
        assert _kept(store) == [sent]

    def test_a_letter_withdrawn_at_the_relay_says_that_it_arrived(self, store: InvoiceStore) -> None:
        """The one that a worker holds stays withdrawn, keeps no bytes, and tells what became of it."""
        held = _claimed(store)
        found = store.get("nord", UUID(int=1))
        assert found is not None
        store.apply("nord", _withdrawal(found[0], "renew_link"))
        assert _kept(store) == [withdrawn(held, NOW + SECOND)]
        assert not store.keep_message("nord", _ready(held))
        sent = accepted(held, at=NOW + SECOND)
        assert _finish(store, sent)
        assert [(kept.state, kept.reason, kept.sent_at) for kept in _kept(store)] == [
            ("cancelled", "at_relay", NOW + SECOND)
        ]
        assert store.history("nord", UUID(int=1))[-1] == outcome_entry(sent, NOW + SECOND)


class ExpiryDuties:
    """A letter is tried for five days, and then has failed."""

    def test_a_letter_that_waited_too_long_ends_at_the_next_claim(self, store: InvoiceStore) -> None:
        """With its history entry and without its bytes; the others are claimed as ever."""
        _put_off(store, _claimed(store))
        store.add("nord", new(2, letter=letter(2, NOW + SECOND)))
        assert claim(store, _LATE) == leased(letter(2, NOW + SECOND), end=_LATE + LEASE)
        ended = _kept(store)[0]
        assert (ended.state, ended.reason, ended.message) == ("failed", "expired", None)
        assert store.history("nord", UUID(int=1))[-1] == outcome_entry(ended, _LATE)

    def test_a_letter_that_waited_too_long_is_not_claimed_by_name(self, store: InvoiceStore) -> None:
        """It ends, as any other."""
        store.add("nord", new(1, letter=letter(1)))
        assert claim(store, _LATE, letter_id=letter(1).id) is None
        assert [kept.reason for kept in _kept(store)] == ["expired"]

    def test_a_letter_is_tried_until_the_last_moment(self, store: InvoiceStore) -> None:
        """One microsecond before its five days are over it is claimed."""
        store.add("nord", new(1, letter=letter(1)))
        assert claim(store, _LATE - timedelta.resolution) is not None

    def test_a_letter_does_not_end_under_its_lease(self, store: InvoiceStore) -> None:
        """Its worker may still send it."""
        store.add("nord", new(1, letter=letter(1)))
        held = claim(store, _LATE - SECOND)
        assert held is not None
        assert claim(store, _LATE) is None
        assert _kept(store) == [held]
        assert _finish(store, accepted(held, at=_LATE))


class LetterDuties(ClaimDuties, OutcomeDuties, WithdrawalDuties, ExpiryDuties):
    """All of the above."""
