"""What a recorder heard: calls of the kernel, statements of SQLite, and between them verbs and what they promised."""

from collections.abc import Sequence
from typing import NamedTuple


class Opened(NamedTuple):
    """A file or folder was opened."""

    handle: int
    path: str
    makes: bool


class Written(NamedTuple):
    """Bytes were written at that place."""

    handle: int
    offset: int
    data: bytes


class CutOff(NamedTuple):
    """A file was given another size."""

    handle: int
    size: int


class Synced(NamedTuple):
    """What a handle opened was synced."""

    handle: int


class Linked(NamedTuple):
    """A file was given another name."""

    old: str
    new: str


class Unlinked(NamedTuple):
    """A name was taken away."""

    path: str


class FolderMade(NamedTuple):
    """A folder was made."""

    path: str


class Connected(NamedTuple):
    """A connection to a database was opened, and the file made if it may be."""

    connection: int
    path: str
    makes: bool


class Executed(NamedTuple):
    """A statement was done, once for each row of values."""

    connection: int
    sql: str
    rows: Sequence[Sequence[object]]


class Disconnected(NamedTuple):
    """A connection was closed."""

    connection: int


class Began(NamedTuple):
    """A verb is asked for; a process has begun, if it has no name."""

    verb: str


class Promised(NamedTuple):
    """The state of that index, among the recorded, must not be lost any more; the one that is there is `reached`."""

    state: int
    reached: int
