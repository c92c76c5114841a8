"""Files to put into a store under test, and how it is asked about them."""

import tracemalloc
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from mmap import PAGESIZE
from pathlib import Path
from random import Random
from typing import Self
from uuid import UUID

from indiopay.attachment import storage_key
from indiopay.errors import FileDamagedError
from indiopay.ports import FileStore

HOUR = timedelta(hours=1)


def key(number: int, agency: str = "nord") -> str:
    """The key of the file with that number. Every fourth has the same two digits."""
    return storage_key(agency, UUID(int=(0x4E + number % 4 << 120) + number))


@lru_cache(8)
def content(size: int, seed: int = 0) -> bytes:
    """Bytes of which no two stretches are alike, so that none can be lost or moved unseen."""
    return Random(seed).randbytes(size)  # noqa: S311  # nothing is secret


def read(store: FileStore, key: str) -> bytes:
    """All of a file."""
    return b"".join(store.read(key))


def is_missing(store: FileStore, key: str) -> bool:
    """Whether there is no such file, whenever the store tells it."""
    try:
        read(store, key)
    except FileDamagedError:
        return True
    return False


def listed(store: FileStore, prefix: str = "", *, ago: timedelta = -HOUR) -> list[str]:
    """The keys that were written before that long ago; all of them, unless it is said. They come sorted."""
    return sorted(store.keys(prefix, before=datetime.now(UTC) - ago))


def broken_off(chunks: Iterable[bytes], error: BaseException) -> Iterator[bytes]:
    """The chunks, and then the error."""
    yield from chunks
    raise error


class MemoryUse:
    """How much more memory is used within the block, at most: Python's own, and the process's where that is told."""

    most = 0

    def __enter__(self) -> Self:
        tracemalloc.start()
        self._before = _resident()
        return self

    def __exit__(self, *ended: object) -> None:
        self.look()
        tracemalloc.stop()

    def look(self) -> None:
        """At the process now; what Python took in between it remembers."""
        self.most = max(self.most, _resident() - self._before, tracemalloc.get_traced_memory()[1])


def _resident() -> int:
    """Bytes; 0 where the system does not tell."""
    told = Path("/proc/self/statm")
    return int(told.read_text().split()[1]) * PAGESIZE if told.exists() else 0
