"""The moments at which the power may go, and folders laid out as it may leave them."""

import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from random import Random
from typing import NamedTuple

from .calls import Began, Promised
from .disk import Disk, Image, Name, Sync, Truncate, Write

AT_REST = 0.25
"""How often the power goes when a verb has returned, and the next one has not begun."""

_serial = count()


class Stop(NamedTuple):
    """How much of a disk's log was done when the power went, in which verb, and what was promised by then."""

    done: int
    turn: int
    verb: str
    promised: Promised


def stops(log: Sequence[object]) -> list[Stop]:
    """Before each operation on the disk, and after the last one, of every verb."""
    found: list[Stop] = []
    turn, verb, promised = 0, "", Promised(0, -1)
    for done, entry in enumerate([*log, Began("")]):
        if verb and isinstance(entry, Write | Truncate | Name | Sync | Began):
            found.append(Stop(done, turn, verb, promised))
        if isinstance(entry, Began):
            turn, verb = turn + 1, entry.verb
        if isinstance(entry, Promised):
            promised = entry
    return found


def drawn(found: Iterable[Stop], number: int, lots: Random) -> list[Stop]:
    """So many stops, as many of each verb that did anything; often the moment when it has returned."""
    of_turn: defaultdict[int, list[Stop]] = defaultdict(list)
    for stop in found:
        of_turn[stop.turn].append(stop)
    verbs = [of_verb for of_verb in of_turn.values() if len(of_verb) > 1]
    turns = [verbs[n % len(verbs)] for n in range(number)]
    return [of_verb[-1] if lots.random() < AT_REST else lots.choice(of_verb) for of_verb in turns]


def images(log: Sequence[object], chosen: Iterable[Stop], lots: Random) -> Iterator[tuple[Stop, Image]]:
    """What a power loss left at each stop."""
    disk, done = Disk(), 0
    for stop in sorted(chosen):
        for entry in log[done : stop.done]:
            disk.do(entry)
        done = stop.done
        yield stop, disk.after_power_loss(lots)


@contextmanager
def laid_out(image: Image, shelf: Path) -> Iterator[Path]:
    """The image as a folder, by a name that no other ever has: a process remembers names."""
    base = shelf / f"image-{next(_serial)}"
    base.mkdir()
    for path, content in sorted(image.items()):
        if content is None:
            (base / path).mkdir()
        else:
            (base / path).write_bytes(content)
    yield base
    shutil.rmtree(base)


def image_of(base: Path) -> Image:
    """A real folder as an image."""
    return {
        str(path.relative_to(base)): path.read_bytes() if path.is_file() else None for path in sorted(base.rglob("*"))
    }


def safe(image: Image) -> list[object]:
    """What was done on a disk that holds the image, and nothing that may be lost."""
    disk = Disk()
    for path, content in sorted(image.items()):
        node = disk.create(path, is_folder=content is None)
        if content is not None:
            disk.do(Write(node, 0, content))
        disk.do(Sync(node))
        disk.sync_folder_of(path)
    return disk.log
