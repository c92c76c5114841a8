"""How letters end that were not sent: withdrawn with their invoice or their link, or given up."""

# ruff: noqa: S101  # a duty asserts

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from indiopay.invoice import Change, Invoice, LinkRef, outcome_entry
from indiopay.outbox import GIVEN_UP_AFTER, LEASE, accepted, expired, leased, withdrawn
from indiopay.ports import InvoiceStore
from indiopay.testing.store_samples import (
    NOW,
    SECOND,
    claim,
    claimed,
    kept_letters,
    letter,
    new,
    payment,
    put_off,
    rendered,
    report,
)

_LATE = NOW + GIVEN_UP_AFTER


def _withdrawal(invoice: Invoice, verb: str, at: datetime = NOW + SECOND) -> Change:
    changes = {
        "cancel": invoice.cancel(at=at),
        "pay": payment(invoice, at=at),
        "renew_link": invoice.renew_link(LinkRef(b"n" * 18, 9), at=at),
    }
    return changes[verb]


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
        waiting = put_off(store, first)
        store.apply("nord", _withdrawal(asked.invoice, verb))
        at = NOW + SECOND
        assert kept_letters(store) == [withdrawn(waiting, at), withdrawn(letter(2, of=1), at), letter(3)]
        assert claim(store, NOW + 2 * LEASE, letter_id=letter(1).id) is None
        assert claim(store, NOW + 2 * LEASE, letter_id=letter(2).id) is None

    def test_a_letter_whose_lease_has_run_out_is_withdrawn_as_one_that_waits(self, store: InvoiceStore) -> None:
        """What no worker holds when the invoice is cancelled is at no relay, though one held it before."""
        held = claimed(store)
        found = store.get("nord", UUID(int=1))
        assert found is not None
        store.apply("nord", _withdrawal(found[0], "cancel", NOW + LEASE))
        assert [(kept.state, kept.reason) for kept in kept_letters(store)] == [("cancelled", None)]
        assert kept_letters(store) == [withdrawn(held, NOW + LEASE)]

    def test_letters_that_ended_are_not_withdrawn(self, store: InvoiceStore) -> None:
        """What was sent stays sent."""
        held = claimed(store)
        sent = accepted(held, at=NOW)
        assert report(store, sent)
        found = store.get("nord", UUID(int=1))
        assert found is not None
        store.apply("nord", _withdrawal(found[0], "cancel"))
        assert kept_letters(store) == [sent]

    def test_a_letter_withdrawn_at_the_relay_says_that_it_arrived(self, store: InvoiceStore) -> None:
        """The one that a worker holds stays withdrawn, keeps no bytes, and tells what became of it."""
        held = claimed(store)
        found = store.get("nord", UUID(int=1))
        assert found is not None
        store.apply("nord", _withdrawal(found[0], "renew_link"))
        assert kept_letters(store) == [withdrawn(held, NOW + SECOND)]
        assert not store.keep_message("nord", rendered(held))
        sent = accepted(held, at=NOW + SECOND)
        assert report(store, sent)
        assert [(kept.state, kept.reason, kept.sent_at) for kept in kept_letters(store)] == [
            ("cancelled", "at_relay", NOW + SECOND)
        ]
        assert store.history("nord", UUID(int=1))[-1] == outcome_entry(sent, NOW + SECOND)


class ExpiryDuties:
    """A letter is tried for five days, and then has failed."""

    def test_letters_that_waited_too_long_end_at_the_next_claim(self, store: InvoiceStore) -> None:
        """All of them, each with its history entry and without its bytes; the others are claimed as ever."""
        waited = put_off(store, claimed(store))
        store.add("nord", new(2, letter=letter(2)))
        store.add("nord", new(3, letter=letter(3, NOW + SECOND)))
        assert claim(store, _LATE) == leased(letter(3, NOW + SECOND), end=_LATE + LEASE)
        assert kept_letters(store)[:2] == [expired(waited), expired(letter(2))]
        for ended in kept_letters(store)[:2]:
            assert (ended.state, ended.message) == ("failed", None)
            assert store.history("nord", ended.invoice_id)[-1] == outcome_entry(ended, _LATE)

    def test_a_letter_that_waited_too_long_is_not_claimed_by_name(self, store: InvoiceStore) -> None:
        """It ends, as it does when another one is named."""
        store.add("nord", new(1, letter=letter(1)))
        assert claim(store, _LATE, letter_id=letter(1).id) is None
        assert [kept.reason for kept in kept_letters(store)] == ["expired"]
        for number in (2, 3):
            store.add("nord", new(number, letter=letter(number, NOW + number * SECOND)))
        assert claim(store, _LATE + 2 * SECOND, letter_id=letter(3).id) is not None
        assert [kept.reason for kept in kept_letters(store)] == ["expired", "expired", None]

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
        assert kept_letters(store) == [held]
        assert report(store, accepted(held, at=_LATE))


class EndingDuties(WithdrawalDuties, ExpiryDuties):
    """All of the above."""
