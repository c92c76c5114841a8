"""What must be true of every letter that was asked for, whatever happened to it."""

from collections import Counter, defaultdict
from datetime import timedelta

from indiopay.outbox import GIVEN_UP_AFTER, Letter

from .weather import HOPELESS, Attempt
from .world import World

_TIME_ENOUGH = GIVEN_UP_AFTER - timedelta(days=1)
_STATES = {False: ("sent", "failed", "queued", "cancelled"), True: ("sent", "failed", "cancelled")}
"""What may be told of a letter before and after its five days."""


def adds_up(world: World) -> None:
    """At any time: every letter that was asked for is sent, failed, queued or cancelled; none is missing."""
    for invoice_id, asked in world.asked.items():
        found = world.desk(stepping=False).deliveries(invoice_id)
        assert len(found) == asked, f"{asked} letters were asked for, and {len(found)} are told of"
        for delivery in found:
            is_old = world.now() >= delivery.queued_at + GIVEN_UP_AFTER
            assert delivery.state in _STATES[is_old], f"a letter is {delivery.state}"


def is_settled(world: World) -> None:
    """At the end nothing waits, whoever failed says why, and within its time; then each letter on its own."""
    adds_up(world)
    by_letter = defaultdict(list)
    for attempt in world.attempts:
        by_letter[attempt.letter.id].append(attempt)
    letters = world.letters()
    for letter in letters:
        delivery = letter.delivery(world.now())
        assert delivery.state != "queued", "a letter still waits"
        assert delivery.state != "failed" or delivery.reason, "a letter failed without a reason"
        assert delivery.state != "cancelled" or letter.id in world.withdrawn, "a letter was cancelled by nobody"
        is_young = world.cleared - letter.queued_at < _TIME_ENOUGH and letter.recipient not in HOPELESS
        assert delivery.state != "failed" or not is_young, "a letter failed though it had days of fair weather"
        _went_as_it_is_told(world, letter, by_letter[letter.id])
    world.met.update(Counter(letter.state for letter in letters))
    known = {letter.message_id for letter in letters}
    assert known >= world.relay.copies.keys(), "a letter went out that nobody asked for"


def _went_as_it_is_told(world: World, letter: Letter, attempts: list[Attempt]) -> None:
    copies = world.relay.copies[letter.message_id]
    excused = [attempt for attempt in attempts if attempt.accepted and attempt.excuse]
    plain = [attempt for attempt in attempts if attempt.accepted and not attempt.excuse]
    world.met["letters"] += 1
    world.met["copies"] += len(copies)
    world.met.update(Counter(attempt.excuse for attempt in excused if attempt.excuse))
    assert len({*copies}) <= 1, "copies of a letter differ"
    assert len(copies) <= 1 + len(excused), f"{len(copies)} copies, and {len(excused)} excuses"
    assert len(plain) <= 1, "a letter was sent again though nothing had gone wrong"
    assert len(copies) <= 1 or letter.maybe_duplicate, "a second copy is not told of"
    assert letter.state != "sent" or copies, "a letter is told as sent that no relay accepted"
    assert not plain or letter.sent_at is not None, "a letter was accepted, and is not told as sent"
    if letter.state != "cancelled":
        charged = sum(attempt.charged and attempt.written is True for attempt in attempts)
        assert letter.attempts == charged, f"{letter.attempts} attempts are told, and {charged} were made"
    assert letter.message is None, "an ended letter keeps its bytes"
