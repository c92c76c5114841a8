"""Where scenes are set up one after the other over the same parts, and what must never be left open there."""

import fcntl
import os
import re
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import psycopg

from indiopay.files.folder import FolderFiles
from indiopay.files.memory import MemoryFiles
from indiopay.mailers.memory import MemoryMailer
from indiopay.stores.memory import MemoryStore
from indiopay.stores.postgres import PostgresStore
from indiopay.stores.sqlite import SqliteStore

from .scene import Scene

_EMPTY = ("DELETE FROM letters", "DELETE FROM history", "DELETE FROM invoices", "DELETE FROM counters")
_SESSIONS = """SELECT count(*), count(*) FILTER (WHERE state LIKE 'idle in transaction%') FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"""
SETTLED_SECONDS = 5


class Bench(Protocol):
    """One place for scenes."""

    def scene(self) -> Scene:
        """An empty one, in the place of the one before. It cannot be had while anything there is locked."""

    def left_open(self) -> list[str]:
        """What is open though nobody uses it: files, locks, transactions, connections, threads."""

    def close(self) -> None:
        """Close all that was opened."""


class MemoryBench:
    """Everything in memory, new each time."""

    def __init__(self) -> None:
        self._threads = _threads()

    def __str__(self) -> str:
        return "memory"

    def scene(self) -> Scene:
        return Scene(MemoryStore(), MemoryFiles(), MemoryMailer())

    def left_open(self) -> list[str]:
        return _more(self._threads)

    def close(self) -> None:
        """Nothing is open."""


class SqliteBench:
    """A store in a SQLite file, and a folder of files. A stranger, as another process is one, empties and locks it."""

    def __init__(self, folder: Path) -> None:
        self._threads = _threads()
        self.folder, self.database = folder, folder / "factures.sqlite3"
        self._files = folder / "fichiers"
        self.store = SqliteStore(self.database)
        self.stranger = sqlite3.connect(self.database, timeout=0, isolation_level=None)
        self.stranger.execute("PRAGMA synchronous = OFF")

    def __str__(self) -> str:
        return "SQLite"

    def scene(self) -> Scene:
        for statement in ("BEGIN IMMEDIATE", *_EMPTY, "COMMIT"):
            self.stranger.execute(statement)
        shutil.rmtree(self._files, ignore_errors=True)
        return Scene(self.store, FolderFiles(self._files), MemoryMailer())

    def left_open(self) -> list[str]:
        return [*_more(self._threads), *self._open_files(), *self._locks()]

    def _open_files(self) -> Iterator[str]:
        """One connection of the store's may be open, with its journal; and the stranger's."""
        opened = open_paths(self.database.parent)
        for path, may_be in ((self.database, 2), (self.database.with_name("factures.sqlite3-journal"), 1)):
            for _ in range(min(may_be, opened.count(path))):
                opened.remove(path)
        return (f"{path.name} is open" for path in opened)

    def _locks(self) -> Iterator[str]:
        try:
            with held_lock(self.database):
                self.stranger.execute("BEGIN EXCLUSIVE")
                self.stranger.execute("ROLLBACK")
        except (BlockingIOError, sqlite3.OperationalError) as error:
            yield f"a lock is held: {error}"

    def close(self) -> None:
        self.store.close()
        self.stranger.close()


class PostgresBench:
    """A store in PostgreSQL, and a folder of files. An administrator empties, locks and looks.

    Scenes are set up over a store that reaches the server directly; another one may be tried `behind` something.
    """

    def __init__(self, folder: Path, server: str, behind: str | None = None) -> None:
        self._files = folder / "fichiers"
        self.admin = psycopg.connect(server, autocommit=True)
        self.admin.execute("SET lock_timeout = '2s'")
        self.store = PostgresStore(server)
        self.behind = PostgresStore(behind) if behind else self.store
        self._threads = _threads()

    def __str__(self) -> str:
        return "PostgreSQL"

    def scene(self) -> Scene:
        self.admin.execute("; ".join(_EMPTY).replace("FROM ", "FROM indiopay.").encode())
        shutil.rmtree(self._files, ignore_errors=True)
        return Scene(self.store, FolderFiles(self._files), MemoryMailer())

    def left_open(self) -> list[str]:
        """A pool makes and ends connections in the background, so it is looked at until it has settled."""
        deadline = time.monotonic() + SETTLED_SECONDS
        while (found := self._in_use()) and time.monotonic() < deadline:
            time.sleep(0.002)
        return found

    def _in_use(self) -> list[str]:
        stats = [store._pool._pool().get_stats() for store in {self.store, self.behind}]
        size, free = (sum(one[name] for one in stats) for name in ("pool_size", "pool_available"))
        sessions, in_transactions = self.admin.execute(_SESSIONS).fetchall()[0]
        is_settled = sessions <= size == free and not in_transactions
        told = (
            f"{size} connections, {free} of them free; {sessions} sessions, {in_transactions} of them in transactions"
        )
        return [*([] if is_settled else [told]), *_more(self._threads)]

    def close(self) -> None:
        for store in {self.store, self.behind}:
            store.close()
        self.admin.close()


@contextmanager
def fast_folder() -> Iterator[Path]:
    """A folder of our own, where syncing costs nothing if there is such a place."""
    fast = Path("/dev/shm")  # noqa: S108  # what is made in it has a name of its own
    with TemporaryDirectory(prefix="indiopay-", dir=fast if fast.is_dir() else None) as folder:
        yield Path(folder)


@contextmanager
def held_lock(database: Path) -> Iterator[None]:
    """The lock on which the writers of this SQLite file queue, held by another: BlockingIOError if it is not free."""
    descriptor = os.open(database.with_name(f"{database.name}.lock"), os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def open_paths(folder: Path) -> list[Path]:
    """The files below a folder that this process has open, each as often as it is."""
    paths = [link.readlink() for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return [path for path in paths if path.is_relative_to(folder)]


def _threads() -> list[str]:
    """The threads that run, by name without its numbers; but for those of a proxy, which are the tests' own."""
    return sorted(re.sub(r"\d+", "", thread.name) for thread in threading.enumerate() if thread.name != "proxy")


def _more(threads: list[str]) -> list[str]:
    now = _threads()
    return [] if now == threads else [f"threads: {now}"]
