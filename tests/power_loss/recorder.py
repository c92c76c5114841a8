"""Records all that a library asks of the kernel and of SQLite below one folder, in order.

SQLite's own calls cannot be seen from Python: its statements are kept instead, to be done again on a simulated disk.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from .calls import (
    Began,
    Connected,
    CutOff,
    Disconnected,
    Executed,
    FolderMade,
    Linked,
    Opened,
    Promised,
    Synced,
    Unlinked,
    Written,
)

Row = tuple[Any, ...]
State = tuple[tuple[str, tuple[Row, ...]], ...]
"""Every table with every row of it."""


def state_of(db: sqlite3.Connection) -> State:
    """All that a database holds."""
    ask = sqlite3.Connection.execute  # a recorded connection does not record this
    tables = [name for (name,) in ask(db, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
    return tuple((table, tuple(ask(db, f"SELECT * FROM {table}"))) for table in tables)  # noqa: S608  # the database's own names


class Recorder:
    """What happened below `base`, where paths begin; the states that the database passed through; each named file.

    `states` are those that may be found at first: the last of them is the one that is there.
    """

    def __init__(self, base: Path, states: Sequence[State] = ()) -> None:
        self.base, self.states = base, list(states)
        self.log: list[object] = [Began(""), Promised(0, len(states) - 1)]
        self.named: dict[str, bytes] = {}
        self._handles: dict[int, int] = {}
        self._ends: dict[int, int] = {}  # where each descriptor's own writes have come to
        self._opened = self._connected = 0

    @contextmanager
    def verb(self, name: str) -> Iterator[None]:
        """What is done within is one verb. Once it returned, what it said must hold."""
        self.log.append(Began(name))
        yield
        self._promise()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hear of everything that this process does meanwhile."""
        with pytest.MonkeyPatch.context() as patch:
            for name in ("open", "write", "pwrite", "ftruncate", "fsync", "close", "link", "unlink", "mkdir"):
                patch.setattr(os, name, _heard(getattr(os, name), getattr(self, f"_{name}")))
            patch.setattr(sqlite3, "connect", partial(self._connect, sqlite3.connect))
            yield

    def committed(self, db: sqlite3.Connection) -> None:
        """A transaction ended: what it changed is promised."""
        state = state_of(db)
        if self.states[-1:] != [state]:
            self.states.append(state)
            self._promise()

    def _promise(self) -> None:
        last = len(self.states) - 1
        self.log.append(Promised(max(0, last), last))

    def _place(self, path: object) -> str | None:
        """The path below the base, if it is there."""
        whole = Path(os.fsdecode(path)) if isinstance(path, str | bytes | os.PathLike) else Path("/")
        return str(whole.relative_to(self.base)) if whole.is_relative_to(self.base) else None

    def _open(self, descriptor: int, path: object, flags: int, *_: object) -> None:
        if (place := self._place(path)) is not None:
            assert not flags & (os.O_TRUNC | os.O_APPEND), "this way of opening is not recorded"
            self._handles[descriptor], self._ends[descriptor] = self._opened, 0
            self.log.append(Opened(self._opened, place, bool(flags & os.O_CREAT)))
            self._opened += 1

    def _write(self, taken: int, descriptor: int, data: bytes) -> None:
        if descriptor in self._handles:
            self._pwrite(taken, descriptor, data, self._ends[descriptor])
            self._ends[descriptor] += taken

    def _pwrite(self, taken: int, descriptor: int, data: bytes, offset: int) -> None:
        if descriptor in self._handles:
            self.log.append(Written(self._handles[descriptor], offset, bytes(data[:taken])))

    def _ftruncate(self, _: None, descriptor: int, size: int) -> None:
        if descriptor in self._handles:
            self.log.append(CutOff(self._handles[descriptor], size))

    def _fsync(self, _: None, descriptor: int) -> None:
        if descriptor in self._handles:
            self.log.append(Synced(self._handles[descriptor]))

    def _close(self, _: None, descriptor: int) -> None:
        self._handles.pop(descriptor, None)

    def _link(self, _: None, old: object, new: object) -> None:
        was, place = self._place(old), self._place(new)
        if was is not None and place is not None:
            self.log.append(Linked(was, place))
            self.named[place] = (self.base / place).read_bytes()

    def _unlink(self, _: None, path: object) -> None:
        if (place := self._place(path)) is not None:
            self.log.append(Unlinked(place))

    def _mkdir(self, _: None, path: object, *__: object) -> None:
        if (place := self._place(path)) is not None:
            self.log.append(FolderMade(place))

    def _connect(self, real: Callable[..., "RecordedConnection"], database: str, **options: Any) -> sqlite3.Connection:
        db = real(database, factory=RecordedConnection, **options)
        place = self._place(unquote(urlsplit(database).path))
        assert place is not None, "a database beside the folder"
        self.log.append(Connected(self._connected, place, "mode=rw" not in database))
        db.recorder, db.number = self, self._connected
        self._connected += 1
        return db


class RecordedConnection(sqlite3.Connection):
    """A connection that tells a recorder what it was asked."""

    recorder: Recorder
    number: int

    def execute(self, sql: str, values: Any = (), /) -> sqlite3.Cursor:
        found = super().execute(sql, values)
        self.recorder.log.append(Executed(self.number, sql, (tuple(values),)))
        if sql == "COMMIT":
            self.recorder.committed(self)
        return found

    def executemany(self, sql: str, values: Any, /) -> sqlite3.Cursor:
        rows = [tuple(row) for row in values]
        self.recorder.log.append(Executed(self.number, sql, rows))
        return super().executemany(sql, rows)

    def rollback(self) -> None:
        if self.in_transaction:
            self.recorder.log.append(Executed(self.number, "ROLLBACK", ((),)))
        super().rollback()

    def close(self) -> None:
        self.recorder.log.append(Disconnected(self.number))
        super().close()


def _heard(real: Callable[..., Any], hear: Callable[..., None]) -> Callable[..., Any]:
    def call(*given: Any, **options: Any) -> Any:
        answer = real(*given, **options)
        hear(answer, *given)
        return answer

    return call
