"""The states of a letter, and when it is tried again."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from attrs import evolve
from hypothesis import given, strategies as st

from indiopay import MailError
from indiopay.outbox import (
    GIVEN_UP_AFTER,
    Letter,
    accepted,
    expired,
    is_free,
    leased,
    new_letter,
    refused,
    settled,
    unprepared,
    withdrawn,
)

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def letter(number: int = 7) -> Letter:
    return new_letter(UUID(int=number), UUID(int=1), recipient="zoe@exemple.ca", domain="exemple.ca", at=NOW)


def test_a_new_letter_waits_and_is_due_at_once() -> None:
    """A new letter is queued, free, due at once, and has no reason to wait."""
    new = letter()
    assert (new.state, new.not_before, new.reason, new.attempts) == ("queued", NOW, None, 0)
    assert is_free(new, NOW)


def test_the_message_id_is_made_of_the_letters_id_and_the_agencys_domain() -> None:
    """Every copy of a letter has one Message-ID, which holds nothing of the client."""
    assert letter().message_id == "<00000000000000000000000000000007@exemple.ca>"


def test_a_lease_fences_off_the_one_before() -> None:
    """Each claim raises the fencing token, and a leased letter is free again only when the lease has run out."""
    first = leased(letter(), end=NOW + HOUR)
    second = leased(first, end=NOW + 2 * HOUR)
    assert (first.lease_token, second.lease_token) == (1, 2)
    assert not is_free(first, NOW)
    assert is_free(first, NOW + HOUR)


def test_a_silent_worker_that_kept_the_bytes_makes_the_next_copy_doubtful() -> None:
    """A lease that ran out after rendering may have ended between the 250 and the commit."""
    silent = evolve(leased(letter(), end=NOW + HOUR), message=b"bytes", message_sha256="00")
    assert leased(silent, end=NOW + 3 * HOUR).maybe_duplicate
    assert not leased(leased(letter(), end=NOW + HOUR), end=NOW + 3 * HOUR).maybe_duplicate


def test_an_accepted_letter_is_sent_and_its_bytes_are_erased() -> None:
    """After the 250 a letter is sent, counted, free of bytes, lease and reason."""
    tried = evolve(
        leased(letter(), end=NOW + HOUR), message=b"bytes", message_sha256="00", last_phase="rcpt", last_code=450
    )
    sent = accepted(tried, at=NOW)
    assert (sent.state, sent.sent_at, sent.attempts, sent.message, sent.reason) == ("sent", NOW, 1, None, None)
    assert sent.lease_end is None


@pytest.mark.parametrize(
    ("kind", "state", "attempts", "duplicate"),
    [
        ("transport", "queued", 0, False),
        ("later", "queued", 1, False),
        ("never", "failed", 1, False),
        ("unknown", "queued", 1, True),
    ],
)
def test_each_kind_of_failure_has_its_outcome(kind: str, state: str, attempts: int, duplicate: bool) -> None:
    """Transport charges nothing, later and unknown wait, never fails; only silence may make a duplicate."""
    tried = evolve(leased(letter(), end=NOW + HOUR), message=b"bytes", message_sha256="00")
    after = refused(tried, MailError("rcpt", kind=kind, code=550), at=NOW)  # type: ignore[arg-type]  # a parameter
    assert (after.state, after.attempts, after.maybe_duplicate) == (state, attempts, duplicate)
    assert (after.reason, after.lease_end) == ("rcpt_550", None)
    assert (after.message is None) is (state == "failed")


def test_a_transport_failure_leaves_the_letter_due_behind_the_others() -> None:
    """A relay that is away puts no letter off; but the one that met it lets those that were due before it pass."""
    after = refused(leased(letter(), end=NOW + HOUR), MailError("connect", kind="transport"), at=NOW + HOUR / 2)
    assert (after.not_before, after.reason) == (NOW + HOUR / 2, "connect")


@pytest.mark.parametrize(("waited", "lag"), [(0, 0), (90, 90), (600, 360), (-5, 0)])
def test_a_letter_that_a_relay_dismisses_waits_as_long_again(waited: int, lag: int) -> None:
    """Up to six hours, in minutes: letters that the relay cannot bear come up more and more rarely."""
    at = NOW + waited * HOUR / 60
    after = refused(leased(letter(), end=at + HOUR), MailError("rcpt", kind="transport", code=421), at=at)
    assert (after.not_before, after.attempts) == (at + lag * HOUR / 60, 0)


def test_a_letter_that_cannot_be_prepared_waits_and_counts_no_attempt() -> None:
    """No relay has seen it."""
    after = unprepared(evolve(leased(letter(), end=NOW + HOUR), last_code=450), "render", at=NOW)
    assert (after.state, after.attempts, after.reason, after.lease_end) == ("queued", 0, "render", None)
    assert after.not_before == NOW + HOUR / 4


@given(attempts=st.integers(0, 40), number=st.integers(0, 2**128 - 1))
def test_the_pause_grows_to_six_hours_and_never_ends_the_five_days(attempts: int, number: int) -> None:
    """A letter waits from one minute to six hours and a tenth between two attempts."""
    after = refused(evolve(letter(number), attempts=attempts), MailError("data", kind="later", code=451), at=NOW)
    pause = after.not_before - NOW
    assert timedelta(seconds=54) <= pause <= timedelta(hours=6, minutes=36)
    if attempts == 0:
        assert pause <= timedelta(seconds=66)


def test_a_letter_that_waited_five_days_is_seen_as_failed_even_if_no_worker_ran() -> None:
    """deliveries() tells the truth at five days, to the microsecond."""
    before = letter().delivery(NOW + GIVEN_UP_AFTER - datetime.resolution)
    after = letter().delivery(NOW + GIVEN_UP_AFTER)
    assert (before.state, after.state, after.reason) == ("queued", "failed", "expired")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (MailError("connect", kind="transport"), "expired_connect"),
        (MailError("rcpt", kind="later", code=450), "expired_rcpt_450"),
    ],
)
def test_a_letter_that_is_given_up_says_why_it_waited(error: MailError, reason: str) -> None:
    """The cause of the last attempt, if there was one."""
    waiting = refused(leased(letter(), end=NOW + HOUR), error, at=NOW)
    assert (expired(waiting).reason, expired(letter()).reason) == (reason, "expired")


def test_a_sent_letter_stays_sent_for_ever() -> None:
    """Only letters that wait can expire."""
    assert accepted(letter(), at=NOW).delivery(NOW + 2 * GIVEN_UP_AFTER).state == "sent"


def test_a_letter_in_no_workers_hands_is_cancelled_without_doubt() -> None:
    """A free letter that is withdrawn never arrives, and says nothing more."""
    gone = withdrawn(letter(), NOW)
    assert (gone.state, gone.reason, gone.lease_end) == ("cancelled", None, None)


def test_a_letter_at_the_relay_is_cancelled_and_says_that_it_may_arrive() -> None:
    """The delivery of a letter cancelled under a lease says so, and then says that it arrived."""
    held = evolve(leased(letter(), end=NOW + HOUR), message=b"bytes", message_sha256="00")
    gone = withdrawn(held, NOW)
    assert (gone.state, gone.reason, gone.message) == ("cancelled", "at_relay", None)
    arrived = settled(gone, accepted(held, at=NOW))
    assert arrived is not None
    assert (arrived.state, arrived.sent_at, arrived.attempts) == ("cancelled", NOW, 1)


def test_a_failure_after_the_cancel_changes_nothing() -> None:
    """What a worker learns too late of a cancelled letter is not written, unless it arrived."""
    held = leased(letter(), end=NOW + HOUR)
    late = refused(held, MailError("rcpt", kind="never", code=550), at=NOW)
    assert settled(withdrawn(held, NOW), late) is None


def test_a_letter_that_was_given_up_under_its_worker_was_sent_after_all() -> None:
    """The relay's answer came, late."""
    held = leased(letter(), end=NOW + HOUR)
    given_up = evolve(expired(held), lease_token=held.lease_token, lease_end=held.lease_end)
    sent = accepted(held, at=NOW)
    assert settled(given_up, sent) == sent


def test_an_older_lease_settles_nothing() -> None:
    """A worker whose letter was claimed again is fenced off."""
    old = leased(letter(), end=NOW + HOUR)
    kept = leased(old, end=NOW + 3 * HOUR)
    assert settled(kept, accepted(old, at=NOW)) is None
    assert settled(accepted(kept, at=NOW), accepted(kept, at=NOW)) is None


def test_an_expired_letter_has_failed_and_holds_no_bytes() -> None:
    """Giving up erases the bytes too."""
    gone = expired(evolve(letter(), message=b"bytes", message_sha256="00"))
    assert (gone.state, gone.reason, gone.message) == ("failed", "expired", None)
