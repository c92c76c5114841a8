"""SQLite on the simulated disk: what its `os_unix.c` asks of the kernel is asked of the disk, call for call."""

# ruff: noqa: N802  # SQLite's names

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import apsw

from .disk import Disk, Sync, Truncate, Write

_JOURNALS = apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_SUPER_JOURNAL | apsw.SQLITE_OPEN_WAL
_names = count()


@contextmanager
def mounted(disk: Disk) -> Iterator[str]:
    """The name under which SQLite knows the disk."""
    vfs = DiskVFS(f"disk-{next(_names)}", disk)
    try:
        yield vfs.name
    finally:
        vfs.unregister()


class DiskVFS(apsw.VFS):
    """The disk's folder. One process alone is there: a lock is always free."""

    def __init__(self, name: str, disk: Disk) -> None:
        self.name, self._disk = name, disk
        super().__init__(name, base="")

    def xFullPathname(self, name: str) -> str:
        return name

    def xAccess(self, pathname: str, flags: int) -> bool:
        """An empty file is none, as for `unixAccess`: that is how a journal that was cut off is known."""
        node = self._disk.find(pathname)
        return node is not None and (flags != apsw.SQLITE_ACCESS_EXISTS or bool(self._disk.file(node).seen))

    def xDelete(self, filename: str, syncdir: bool) -> None:
        if self._disk.find(filename) is None:
            raise apsw.IOError
        self._disk.unlink(filename)
        if syncdir:
            self._disk.sync_folder_of(filename)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        if name is None:
            return apsw.VFSFile("", None, flags)
        path = name if isinstance(name, str) else name.filename()
        node, makes = self._disk.find(path), bool(flags[0] & apsw.SQLITE_OPEN_CREATE)
        if node is None and not makes:
            raise apsw.CantOpenError
        opened = self._disk.create(path) if node is None else node
        return DiskFile(self._disk, opened, path, syncs_folder=makes and bool(flags[0] & _JOURNALS))  # type: ignore[return-value]  # it has a file's methods, which is all that is asked


class DiskFile:
    """An open file. The first sync of a journal syncs the folder that holds it too, once for each opening."""

    def __init__(self, disk: Disk, node: int, path: str, *, syncs_folder: bool) -> None:
        self._disk, self._node, self._path, self._syncs_folder = disk, node, path, syncs_folder

    def xRead(self, amount: int, offset: int) -> bytes:
        return bytes(self._disk.file(self._node).seen[offset : offset + amount])

    def xWrite(self, data: bytes, offset: int) -> None:
        self._disk.do(Write(self._node, offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:
        self._disk.do(Truncate(self._node, newsize))

    def xSync(self, flags: int) -> None:
        self._disk.do(Sync(self._node))
        if self._syncs_folder:
            self._disk.sync_folder_of(self._path)
            self._syncs_folder = False

    def xFileSize(self) -> int:
        return len(self._disk.file(self._node).seen)

    def xDeviceCharacteristics(self) -> int:
        return apsw.SQLITE_IOCAP_POWERSAFE_OVERWRITE

    def xSectorSize(self) -> int:
        return 4096

    def xFileControl(self, op: int, ptr: int) -> bool:
        return False

    def xLock(self, level: int) -> None: ...

    def xUnlock(self, level: int) -> None: ...

    def xCheckReservedLock(self) -> bool:
        return False

    def xClose(self) -> None: ...
