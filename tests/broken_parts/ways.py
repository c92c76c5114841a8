"""Where a fault gets in beneath a desk: into a part itself, or into what lies beneath a part."""

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from indiopay.files.folder import FolderFiles
from indiopay.mailers.maildir import MaildirMailer
from indiopay.stores import sqlite_lock
from indiopay.stores.sqlite import SqliteStore
from indiopay.testing.faults import Fault

from .breaking import Way
from .scene import Scene

Parts = dict[str, Any]


class Trouble(Fault):
    """A fault that is real: what is entered at its beginning, and left when it is mended."""

    def __init__(self, what: AbstractContextManager[object]) -> None:
        super().__init__(0)
        self.happened = True
        self._what, self._end = what, ExitStack()

    def begin(self) -> None:
        self._end.enter_context(self._what)

    def mend(self) -> None:
        self._end.close()


def trouble_begins(**parts: Any) -> Way:
    """Around the desk."""

    @contextmanager
    def way(scene: Scene, fault: Fault) -> Iterator[Parts]:
        assert isinstance(fault, Trouble)
        fault.begin()
        yield parts

    return way


def part_fails(name: str) -> Way:
    """The store, the file store or the mailer itself."""

    @contextmanager
    def way(scene: Scene, fault: Fault) -> Iterator[Parts]:
        yield {name: fault.through(getattr(scene, name))}

    return way


@contextmanager
def opening_fails(scene: Scene, fault: Fault) -> Iterator[Parts]:
    """A connection to the SQLite file is opened, set and used."""
    assert isinstance(scene.store, SqliteStore)
    scene.store.close()
    with connecting_through(fault):
        yield {}
    scene.store.close()


@contextmanager
def statements_fail(scene: Scene, fault: Fault) -> Iterator[Parts]:
    """The connection to the SQLite file that lies idle is used, and those that follow it."""
    assert isinstance(scene.store, SqliteStore)
    idle = scene.store._file._free
    idle[:] = [fault.through(connection) for connection in idle]
    with connecting_through(fault):
        yield {}
    scene.store.close()


@contextmanager
def connecting_through(fault: Fault) -> Iterator[None]:
    connect = sqlite3.connect
    with patch.object(sqlite3, "connect", lambda *at, **how: fault.through(fault.do(connect, *at, **how))):
        yield


@contextmanager
def locks_fail(scene: Scene, fault: Fault) -> Iterator[Parts]:
    """The lock file beside the SQLite file, on which its writers queue."""
    with patch.object(sqlite_lock, "os", fault.through(os)), patch.object(sqlite_lock, "fcntl", fault.through(fcntl)):
        yield {}


@contextmanager
def system_fails(scene: Scene, fault: Fault) -> Iterator[Parts]:
    """The system's calls beneath the folder of files and a Maildir."""
    assert isinstance(scene.files, FolderFiles)
    maildir = scene.files._root.with_name("courriels")
    shutil.rmtree(maildir, ignore_errors=True)
    scene.mailer = MaildirMailer(maildir)
    with patch("indiopay.durable.os", fault.through(os)):
        yield {"mailer": scene.mailer}
