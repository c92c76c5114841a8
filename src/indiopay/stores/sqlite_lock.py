"""The lock file beside an SQLite database: its writers queue on it, and it remembers that the database was made."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from indiopay.durable import sync_folder
from indiopay.errors import StorageError

PATIENCE_SECONDS = 30

_POLL_SECONDS = 0.001
_MADE = b"made\n"

# Descriptors of lock files that writers of this process hold. A child closes its copies: the locks are its parent's.
_turns: set[int] = set()


def _close_turns() -> None:
    while _turns:
        os.close(_turns.pop())


os.register_at_fork(after_in_child=_close_turns)


@contextmanager
def turn(database: Path) -> Iterator[None]:
    """Wait for this writer's turn: SQLite's busy time-out starves some of many writers, a lock file does not."""
    descriptor = os.open(_path(database), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    _turns.add(descriptor)
    try:
        _lock(descriptor)
        try:
            yield
        finally:
            # Said outright, because a child forked meanwhile may hold this descriptor still.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        _turns.discard(descriptor)
        os.close(descriptor)


def was_made(database: Path) -> bool:
    """Whether the database was made here before: then it is never made again."""
    path = _path(database)
    return path.exists() and path.read_bytes() == _MADE


def remember_made(database: Path) -> None:
    """Note durably, once it is so, that the database was made."""
    descriptor = os.open(_path(database), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, _MADE)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    sync_folder(database.parent)


def _path(database: Path) -> Path:
    return database.with_name(f"{database.name}.lock")


def _lock(descriptor: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                raise StorageError("the database was busy for too long: another process holds it") from error
            time.sleep(_POLL_SECONDS)
