"""When delivery pauses because the relay is away, and for how long."""

from datetime import UTC, datetime, timedelta

import pytest

from indiopay import MailError
from indiopay.breaker import Breaker

NOW = datetime(2026, 3, 2, 15, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
AWAY = MailError("connect", kind="transport")
SILENT = MailError("data", kind="unknown")
ANSWERS = (None, MailError("rcpt", kind="later", code=450), MailError("address", kind="never"))


def test_pauses_grow_while_the_relay_stays_away() -> None:
    """1, 5, then 15 minutes, and never longer."""
    breaker, at, pauses = Breaker(), NOW, list[timedelta]()
    for _ in range(5):
        assert breaker.notes(AWAY, at)
        until = breaker.paused_until(at)
        assert until is not None
        pauses.append(until - at)
        assert breaker.paused_until(until) is None
        at = until
    assert pauses == [MINUTE, 5 * MINUTE, 15 * MINUTE, 15 * MINUTE, 15 * MINUTE]


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_ends_the_pause_and_the_count(answer: MailError | None) -> None:
    """Whatever it says: the relay is there."""
    breaker = Breaker()
    breaker.notes(AWAY, NOW)
    assert not breaker.notes(answer, NOW)
    assert breaker.paused_until(NOW) is None
    breaker.notes(AWAY, NOW)
    assert breaker.paused_until(NOW) == NOW + MINUTE


def test_a_failure_amid_a_pause_does_not_lengthen_it() -> None:
    """Letters that were under way when the relay went tell nothing new."""
    breaker = Breaker()
    assert breaker.notes(AWAY, NOW)
    assert not breaker.notes(AWAY, NOW + MINUTE / 2)
    assert breaker.paused_until(NOW + MINUTE / 2) == NOW + MINUTE


def test_two_silences_running_are_an_absence() -> None:
    """One alone is not, nor two with an answer between them; after the pause one is enough."""
    breaker = Breaker()
    assert [breaker.notes(told, NOW) for told in (SILENT, None, SILENT, SILENT)] == [False, False, False, True]
    assert breaker.notes(SILENT, NOW + MINUTE)


def test_a_clock_that_is_set_back_does_not_lengthen_a_pause_by_much() -> None:
    """A little leaves the pause as it is; one that seems far longer than the longest is over."""
    breaker = Breaker()
    breaker.notes(AWAY, NOW)
    assert breaker.paused_until(NOW - MINUTE) == NOW + MINUTE
    assert breaker.paused_until(NOW - timedelta(days=1)) is None
