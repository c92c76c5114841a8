"""Kills writers with SIGKILL, or the database's server under them, at random instants; they tell what they did."""

import random
import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from operator import attrgetter
from typing import NamedTuple

from attrs import define

from tests.forks import Child, hear_next, listen

from .houses import House
from .restarted_postgres import RestartedPostgres
from .writers import Break, as_it_is, write_through_restarts, write_until_killed

WRITERS = 4
WRITERS_OVER_A_SERVER = 8  # after a kill some wait a second before they connect again
_BEGINS = b"begins"
_OPENED = b"opened"
_DONE = b"numbered"

_FIRST_WRITERS = 8
_OPENS_WITHIN_SECONDS = 60  # longer than any store's patience
_OPENS_SECONDS = 0.05
_RUNS_SECONDS = 0.4
_WITHHOLDS_SECONDS = 0.06
_IS_AWAY_SECONDS = 0.05
_COMES_BACK_SECONDS = 30
_POLL_SECONDS = 0.02

Told = list[list[str]]
"""What each writer told, line by line."""


class Lives(NamedTuple):
    """The longest lives in seconds: of the first writers, who find no database, and of the others, once it is open."""

    first: float
    later: float


@define
class _Doomed:
    """A writer, how long it has to live from the word on with which its life begins, and when it is killed."""

    writer: Child
    word: bytes
    seconds: float
    end: float

    @property
    def left(self) -> float:
        """The seconds that it has to live; none, if it ended by itself."""
        return 0 if self.writer.is_heard_out else self.end - time.monotonic()

    def look(self) -> None:
        """Whether its life has begun."""
        if self.word in self.writer.heard:
            self.end = min(self.end, time.monotonic() + self.seconds)


def kill_writers(house: House, *, kills: int, seed: str, lives: Lives, breaks: Break = as_it_is) -> Told:
    """Have four writers at work and kill each at a random instant of its life, until so many were killed."""
    lots, told, alive = random.Random(seed), Told(), list[_Doomed]()
    with ExitStack() as stack:
        for nth in range(kills):
            if len(alive) == WRITERS:
                told.append(_kill_next(alive))
            writer = Child(partial(write_until_killed, house.open, seed=f"{seed}/{nth}", breaks=breaks))
            stack.callback(writer.kill)
            word, longest = (_BEGINS, lives.first) if nth < _FIRST_WRITERS else (_OPENED, lives.later)
            end = time.monotonic() + _OPENS_WITHIN_SECONDS
            alive.append(_Doomed(writer, word, lots.uniform(0, longest), end))
        while alive:
            told.append(_kill_next(alive))
    return told


def _kill_next(alive: list[_Doomed]) -> list[str]:
    """Hear them until the life of one is over."""
    while (left := min(one.left for one in alive)) > 0:
        hear_next([one.writer for one in alive], left)
        for one in alive:
            one.look()
    doomed = min(alive, key=attrgetter("left"))
    alive.remove(doomed)
    return doomed.writer.kill()


def kill_server(house: House, server: RestartedPostgres, *, kills: int, seed: str, breaks: Break = as_it_is) -> Told:
    """Have eight writers at work, kill the server under them again and again, and at last themselves.

    Before two of three kills the server does what it is told and does not answer, for a little while.
    """
    lots = random.Random(seed)
    with ExitStack() as stack:
        writers = [
            Child(partial(write_through_restarts, house.open, seed=f"{seed}/{nth}", breaks=breaks))
            for nth in range(WRITERS_OVER_A_SERVER)
        ]
        for writer in writers:
            stack.callback(writer.kill)
        for nth in range(kills):
            listen(writers, lots.uniform(0, _RUNS_SECONDS if nth else _OPENS_SECONDS))
            if nth % 3:
                server.withhold_answers()
                listen(writers, lots.uniform(0, _WITHHOLDS_SECONDS))
            server.kill()
            listen(writers, lots.uniform(0, _IS_AWAY_SECONDS))
            server.start()
        _have_each_do_another_job(writers)
        return [writer.kill() for writer in writers]


def _have_each_do_another_job(writers: Sequence[Child]) -> None:
    """Whoever wrote before the server was killed writes after it was."""
    before = [writer.heard.count(_DONE) for writer in writers]
    end = time.monotonic() + _COMES_BACK_SECONDS
    while any(writer.heard.count(_DONE) == done for writer, done in zip(writers, before, strict=True)):
        assert time.monotonic() < end, [writer.heard[-200:] for writer in writers]
        listen(writers, _POLL_SECONDS)
