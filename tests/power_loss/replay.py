"""Does a recorded session again on a simulated disk: the files' calls one for one, SQLite's statements by an SQLite."""

from collections.abc import Iterable, Mapping

import apsw

from .calls import (
    Connected,
    CutOff,
    Disconnected,
    Executed,
    FolderMade,
    Linked,
    Opened,
    Synced,
    Unlinked,
    Written,
)
from .disk import Disk, Sync, Truncate, Write
from .disk_vfs import mounted


def replay(
    entries: Iterable[object], log: Iterable[object] = (), *, said: Mapping[str, str] | None = None, before: str = ""
) -> list[object]:
    """What happens on a disk, on which `log` happened, in a session that ends without closing what is open.

    `said` gives statements that a broken build says instead, `before` one that it says first on each connection.
    """
    disk = Disk(log)
    with mounted(disk) as vfs:
        process = _Process(disk, vfs, said or {}, before)
        for entry in entries:
            process.do(entry)
        happened = list(disk.log)
        process.close()
    return happened


class _Process:
    def __init__(self, disk: Disk, vfs: str, said: Mapping[str, str], before: str) -> None:
        self._disk, self._vfs, self._said, self._before = disk, vfs, said, before
        self._files: dict[int, int] = {}
        self._connections: dict[int, apsw.Connection] = {}

    def do(self, entry: object) -> None:
        """What is no call is noted in the disk's log."""
        match entry:
            case Connected(number, path, makes):
                self._connect(number, path, makes=makes)
            case Executed(number, sql, rows):
                self._connections[number].executemany(self._said.get(sql, sql), rows).fetchall()
            case Disconnected(number):
                self._connections.pop(number).close()
            case Linked(old, new):
                self._disk.link(self._found(old), new)
            case Unlinked(path):
                self._disk.unlink(path)
            case FolderMade(path):
                self._disk.create(path, is_folder=True)
            case _:
                self._do_with_handle(entry)

    def _do_with_handle(self, entry: object) -> None:
        match entry:
            case Opened(handle, path, makes):
                is_new = makes and self._disk.find(path) is None
                self._files[handle] = self._disk.create(path) if is_new else self._found(path)
            case Written(handle, offset, data):
                self._disk.do(Write(self._files[handle], offset, data))
            case CutOff(handle, size):
                self._disk.do(Truncate(self._files[handle], size))
            case Synced(handle):
                self._disk.do(Sync(self._files[handle]))
            case _:
                self._disk.do(entry)

    def close(self) -> None:
        """Let go of the connections."""
        for db in self._connections.values():
            db.close()

    def _connect(self, number: int, path: str, *, makes: bool) -> None:
        flags = apsw.SQLITE_OPEN_READWRITE | (apsw.SQLITE_OPEN_CREATE if makes else 0)
        self._connections[number] = apsw.Connection(path, flags=flags, vfs=self._vfs)
        if self._before:
            self._connections[number].execute(self._before).fetchall()

    def _found(self, path: str) -> int:
        node = self._disk.find(path)
        assert node is not None, f"{path} is not on the disk: what made it was not recorded"
        return node
