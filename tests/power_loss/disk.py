"""A simulated disk that honours fsync and nothing more: what was not synced may be lost when the power goes.

A file's content is safe once the file is synced, a name once the folder that holds it is. All that is done to the
disk is kept in `log`, so that the disk can be built again as it was at any moment.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import PurePosixPath
from random import Random
from typing import NamedTuple

from attrs import define, field

ROOT = 0
SECTOR = 512
"""Bytes that a disk writes whole or not at all."""

TORN = 0.3
"""How often a write that is not kept whole is kept in part."""


class Write(NamedTuple):
    """Bytes put into a file."""

    node: int
    offset: int
    data: bytes


class Truncate(NamedTuple):
    """A file cut off, or filled up with zeros."""

    node: int
    size: int


class Name(NamedTuple):
    """A name given in a folder, to a new node or to one that has a name already; None takes the name away."""

    folder: int
    name: str
    node: int | None
    is_folder: bool = False


class Sync(NamedTuple):
    """Everything done so far to a file's content, or to a folder's names, is safe."""

    node: int


Operation = Write | Truncate | Name | Sync
Image = dict[str, bytes | None]
"""The content of each file by its path, and None for each folder."""


@define(eq=False)
class File:
    """A file's content: safe on the disk, as the kernel shows it, and what lies between the two."""

    safe: bytes = b""
    seen: bytearray = field(factory=bytearray)
    pending: list[Write | Truncate] = field(factory=list)

    def do(self, change: Write | Truncate) -> None:
        change_content(self.seen, change)
        self.pending.append(change)

    def sync(self) -> None:
        self.safe = bytes(self.seen)
        self.pending.clear()


@define(eq=False)
class Folder:
    """A folder's names, likewise."""

    safe: dict[str, int] = field(factory=dict)
    seen: dict[str, int] = field(factory=dict)
    pending: list[Name] = field(factory=list)

    def do(self, change: Name) -> None:
        change_names(self.seen, change)
        self.pending.append(change)

    def sync(self) -> None:
        self.safe = dict(self.seen)
        self.pending.clear()


def change_content(content: bytearray, change: Write | Truncate) -> None:
    """A write beyond the end leaves zeros before it."""
    size = change.size if isinstance(change, Truncate) else max(len(content), change.offset + len(change.data))
    content.extend(bytes(max(0, size - len(content))))
    del content[size:]
    if isinstance(change, Write):
        content[change.offset : change.offset + len(change.data)] = change.data


def change_names(names: dict[str, int], change: Name) -> None:
    """Take a name away, if it is there, or give it."""
    names.pop(change.name, None)
    if change.node is not None:
        names[change.name] = change.node


class Disk:
    """Files and folders below a folder that was always there. Paths are relative to it."""

    def __init__(self, log: Iterable[object] = ()) -> None:
        self.log: list[object] = []
        self._nodes: dict[int, File | Folder] = {ROOT: Folder()}
        for entry in log:
            self.do(entry)

    def do(self, entry: object) -> None:
        """Do an operation; whatever else is noted in a log is only kept."""
        self.log.append(entry)
        if isinstance(entry, Sync):
            self._nodes[entry.node].sync()
        elif isinstance(entry, Name):
            self._name(entry)
        elif isinstance(entry, Write | Truncate):
            self.file(entry.node).do(entry)

    def find(self, path: str) -> int | None:
        """The node that the kernel shows at the path."""
        node: int | None = ROOT
        for part in PurePosixPath(path).parts:
            node = None if node is None else self.folder(node).seen.get(part)
        return node

    def create(self, path: str, *, is_folder: bool = False) -> int:
        """A new file or folder at the path."""
        self.link(len(self._nodes), path, is_folder=is_folder)
        return len(self._nodes) - 1

    def link(self, node: int, path: str, *, is_folder: bool = False) -> None:
        """A name for the node."""
        self.do(Name(self._holder(path), PurePosixPath(path).name, node, is_folder))

    def unlink(self, path: str) -> None:
        """Take a name away; what is open stays open."""
        self.do(Name(self._holder(path), PurePosixPath(path).name, None))

    def sync_folder_of(self, path: str) -> None:
        """Have the names beside this one safe."""
        self.do(Sync(self._holder(path)))

    def file(self, node: int) -> File:
        """The file of that number."""
        found = self._nodes[node]
        assert isinstance(found, File), "a folder is no file"
        return found

    def folder(self, node: int) -> Folder:
        """The folder of that number."""
        found = self._nodes[node]
        assert isinstance(found, Folder), "a file is no folder"
        return found

    def seen(self) -> Image:
        """What the kernel shows, which is what another process finds."""
        return dict(self._below(None, ROOT, PurePosixPath()))

    def after_power_loss(self, lots: Random) -> Image:
        """What may be left: all that is safe, and of the rest what the lots say."""
        return dict(self._below(PowerLoss(lots), ROOT, PurePosixPath()))

    def _below(self, loss: "PowerLoss | None", folder: int, path: PurePosixPath) -> Iterator[tuple[str, bytes | None]]:
        held = self.folder(folder)
        for name, node in (held.seen if loss is None else loss.names(held)).items():
            found, place = self._nodes[node], path / name
            if isinstance(found, Folder):
                yield str(place), None
                yield from self._below(loss, node, place)
            else:
                yield str(place), bytes(found.seen) if loss is None else loss.content(found)

    def _holder(self, path: str) -> int:
        node = self.find(str(PurePosixPath(path).parent))
        assert node is not None, f"no folder holds {path}"
        return node

    def _name(self, change: Name) -> None:
        if change.node is not None and change.node not in self._nodes:
            self._nodes[change.node] = Folder() if change.is_folder else File()
        self.folder(change.folder).do(change)


class PowerLoss:
    """Draws what a disk had done of the work that was not synced: anything, in any order, sector by sector.

    What lies in a sector that a file grew by, and that was not written, is zeros or whatever lay there before.
    """

    def __init__(self, lots: Random) -> None:
        self._lots = lots
        self._odds = lots.choice((0, 0.1, 0.5, 0.9, 1))
        self._leftovers = lots.choice((b"\0", b"\xa5"))

    def content(self, file: File) -> bytes:
        """The file's content."""
        content = bytearray(file.safe)
        for change in file.pending:
            if self._is_kept():
                change_content(content, change)
            elif isinstance(change, Write) and self._lots.random() < TORN:
                self._tear(content, change)
        return bytes(content)

    def names(self, folder: Folder) -> dict[str, int]:
        """The folder's names."""
        names = dict(folder.safe)
        for change in folder.pending:
            if self._is_kept():
                change_names(names, change)
        return names

    def _tear(self, content: bytearray, write: Write) -> None:
        content.extend(self._leftovers * (write.offset + len(write.data) - len(content)))
        for piece in sectors(write):
            if self._lots.random() < 0.5:
                change_content(content, piece)

    def _is_kept(self) -> bool:
        return self._lots.random() < self._odds


def sectors(write: Write) -> Sequence[Write]:
    """The write in pieces that each lie in one sector."""
    end = write.offset + len(write.data)
    edges = [write.offset, *range((write.offset // SECTOR + 1) * SECTOR, end, SECTOR), end]
    return [
        Write(write.node, start, write.data[start - write.offset : stop - write.offset])
        for start, stop in pairwise(edges)
    ]
