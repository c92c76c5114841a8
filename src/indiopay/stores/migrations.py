"""A database's schema: the steps that make it. Its version, which a table names, is how many steps were taken."""

from collections.abc import Sequence
from typing import Any, Protocol

from indiopay.errors import StorageError

Step = Sequence[str]


class _Connection(Protocol):
    def execute(self, sql: str, /) -> Any: ...


def read_version(found: Sequence[Sequence[object]]) -> int:
    """The version in the rows of the table that names it: one row, one number. Anything else is a StorageError."""
    if len(found) != 1 or not isinstance(found[0][0], int) or found[0][0] < 1:
        raise StorageError("the table that names the schema's version is damaged: restore the database from a backup")
    return found[0][0]


def refuse_newer(version: int, steps: Sequence[Step]) -> None:
    """A database with more steps than are known here was made by a newer library: StorageError."""
    if version > len(steps):
        raise StorageError(f"this library does not know the database's schema version ({version}): upgrade indiopay")


def take_steps(db: _Connection, steps: Sequence[Step], *, version: int, names_version: str) -> None:
    """Take the steps that are missing, within the caller's transaction, and write down the new version.

    `names_version` is the table that names it; the first step makes it, with one row.
    """
    refuse_newer(version, steps)
    for step in steps[version:]:
        for statement in step:
            db.execute(statement)
    if version < len(steps):
        db.execute(f"UPDATE {names_version} SET version = {len(steps)}")
