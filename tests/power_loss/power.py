"""The harness of a power loss: record a session, do it again on a simulated disk, cut the power, open what is left."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import NamedTuple

from attrs import evolve, frozen

from indiopay import StorageError
from indiopay.testing import StoppedClock, memory_desk

from .disk import Disk, Image
from .images import Stop, drawn, image_of, images, laid_out, safe, stops
from .inspection import Fault, found_state, inspect
from .recorder import State
from .replay import replay
from .sessions import FORM, SESSIONS, Recording, Session, going_on, open_desk, record

IMAGES_OF_A_SECOND_LOSS = 4

Broken = Callable[[Sequence[object]], Sequence[object]]
"""What a broken build asks of the kernel and of SQLite instead of what was recorded."""


class Found(NamedTuple):
    """A fault, and the moment at which the power went."""

    stop: Stop
    fault: Fault


@frozen
class Played:
    """A session, and what was done on the disk: the first `begins` entries before it."""

    left: Recording
    log: Sequence[object]
    begins: int

    @property
    def stops(self) -> list[Stop]:
        """The moments of the session at which the power may go."""
        return [stop for stop in stops(self.log) if stop.done > self.begins]


def whole(calls: Sequence[object]) -> Sequence[object]:
    """A build that is not broken."""
    return calls


def play(
    name: str,
    shelf: Path,
    *,
    seed: int,
    session: Session | None = None,
    broken: Broken = whole,
    said: Mapping[str, str] | None = None,
    before: str = "",
) -> Played:
    """Record the session of that name in a folder of its own, and do it again as a broken build would."""
    memory_desk().create(FORM)  # what is loaded on first use is no part of the record
    bring, usual = SESSIONS[name]
    with laid_out({}, shelf) as base:
        bring(base)
        start = safe(image_of(base))
        left = record(session or usual, base, seed=seed)
    return Played(left, replay(broken(left.calls), start, said=said, before=before), len(start))


def lose_power(played: Played, shelf: Path, *, at: Iterable[Stop], lots: Random) -> list[Found]:
    """Cut the power at these stops, and open what is left."""
    found: list[Found] = []
    for stop, image in images(played.log, at, lots):
        with laid_out(image, shelf) as base:
            found += [Found(stop, fault) for fault in inspect(image, base, played.left, stop.promised)]
    return found


def kill(played: Played, shelf: Path, *, at: Stop, seed: int, broken: Broken = whole) -> Played:
    """Kill the process at that stop. Another goes on with what the kernel had."""
    until = played.log[: at.done]
    return _go_on(played, shelf, at, Disk(until).seen(), until, seed, broken)


def kill_and_lose_power(played: Played, shelf: Path, *, at: Iterable[Stop], lots: Random) -> list[Found]:
    """Kill the process at each of these stops; when another has gone on, the power goes, a few times."""
    found: list[Found] = []
    for stop in at:
        with _opening(stop, found):
            after = kill(played, shelf, at=stop, seed=lots.getrandbits(32))
            found += lose_power(after, shelf, at=drawn(after.stops, IMAGES_OF_A_SECOND_LOSS, lots), lots=lots)
    return found


def lose_power_twice(played: Played, shelf: Path, *, at: Iterable[Stop], lots: Random) -> list[Found]:
    """Cut the power at these stops; when another process has gone on, it goes again, a few times."""
    found: list[Found] = []
    for stop, image in images(played.log, at, lots):
        with _opening(stop, found):
            after = _go_on(played, shelf, stop, image, safe(image), lots.getrandbits(32))
            found += lose_power(after, shelf, at=drawn(after.stops, IMAGES_OF_A_SECOND_LOSS, lots), lots=lots)
    return found


def _go_on(
    played: Played,
    shelf: Path,
    stop: Stop,
    image: Image,
    until: Sequence[object],
    seed: int,
    broken: Broken = whole,
) -> Played:
    states = _possible_states(played, shelf, stop, image)
    with laid_out(image, shelf) as base:
        after = record(going_on, base, seed=seed, states=states)
    left = evolve(after, named=played.left.named | after.named, links=played.left.links | after.links)
    return Played(left, replay(broken(after.calls), until), len(until))


def _possible_states(played: Played, shelf: Path, stop: Stop, image: Image) -> Sequence[State]:
    """Those from the promised one to the one that is there."""
    with laid_out(image, shelf) as base, open_desk(base, StoppedClock()) as desk:
        state = found_state(desk)
    possible = played.left.states[stop.promised.state : stop.promised.reached + 2]
    assert state in possible, f"neither before nor after: {stop}"
    return possible[: possible.index(state) + 1]


@contextmanager
def _opening(stop: Stop, found: list[Found]) -> Iterator[None]:
    try:
        yield
    except StorageError as error:
        found.append(Found(stop, Fault("does not open", f"{error}: {error.__cause__!r}")))
