"""The lock file beside an SQLite database: its writers queue on it, and it remembers that the database was made.

It has one byte more while a writer has its turn. That byte stays when the writer is killed, perhaps between the end of
its transaction and the sync of that end: whoever sees the transaction then syncs it before relying on it.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from indiopay.durable import sync_file, sync_folder
from indiopay.errors import StorageError

PATIENCE_SECONDS = 30

_POLL_SECONDS = 0.001
_MADE = b"made\n"
_IN_TURN = b"!"

# Descriptors of lock files that writers of this process hold. A child closes its copies: the locks are its parent's.
_turns: set[int] = set()


def _close_turns() -> None:
    while _turns:
        os.close(_turns.pop())


os.register_at_fork(after_in_child=_close_turns)


@contextmanager
def turn(database: Path) -> Iterator[None]:
    """Wait for this writer's turn: SQLite's busy time-out starves some of many writers, a lock file does not."""
    with _opened(database) as descriptor:
        _lock(descriptor)
        _settle(descriptor, database)
        os.pwrite(descriptor, _IN_TURN, len(_MADE))
        yield
        os.ftruncate(descriptor, len(_MADE))


def settle(database: Path) -> None:
    """Have what was seen of the database on the disk. A writer that lives sees to that itself."""
    with suppress(FileNotFoundError, BlockingIOError):
        if os.stat(f"{database}.lock").st_size > len(_MADE):  # noqa: PTH116  # after every read: a Path would cost more
            with _opened(database) as descriptor:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _settle(descriptor, database)


def was_made(database: Path) -> bool:
    """Whether the database was made here before: then it is never made again."""
    path = _path(database)
    return path.exists() and path.read_bytes().startswith(_MADE)


def remember_made(database: Path) -> None:
    """Note durably, once it is so, that the database was made."""
    with _opened(database) as descriptor:
        os.write(descriptor, _MADE)
        os.fsync(descriptor)
    sync_folder(database.parent)


def _settle(descriptor: int, database: Path) -> None:
    if os.fstat(descriptor).st_size > len(_MADE):
        with suppress(FileNotFoundError):
            sync_file(database.with_name(f"{database.name}-journal"))
        os.ftruncate(descriptor, len(_MADE))


@contextmanager
def _opened(database: Path) -> Iterator[int]:
    descriptor = os.open(_path(database), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    _turns.add(descriptor)
    try:
        yield descriptor
    finally:
        _turns.discard(descriptor)
        try:
            # Said outright, because a child forked meanwhile may hold this descriptor still.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
        finally:
            os.close(descriptor)


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
