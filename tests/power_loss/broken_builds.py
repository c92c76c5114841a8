"""Builds that are broken on purpose: what they ask of the kernel and of SQLite, made out of what a whole one asks."""

import re
from collections.abc import Iterable, Iterator, Sequence

from indiopay.ports import FileStore

from .calls import Executed, Opened, Synced
from .power import Broken
from .sessions import FORM, Run

_PART = r".*\.part"


def without_sync(path: str) -> Broken:
    """A build that never syncs what it opens by such a path."""

    def calls_of(calls: Sequence[object]) -> Sequence[object]:
        matching = _handles(calls, path)
        return [call for call in calls if not (isinstance(call, Synced) and call.handle in matching)]

    return calls_of


def naming_before_syncing(calls: Sequence[object]) -> Sequence[object]:
    """A build that gives a file its name, and has the name safe, before its content is."""
    return list(_naming_before_syncing(calls))


def _naming_before_syncing(calls: Sequence[object]) -> Iterator[object]:
    parts, late = _handles(calls, _PART), list[Synced]()
    for call in calls:
        if isinstance(call, Synced) and call.handle in parts:
            late.append(call)
            continue
        yield call
        if isinstance(call, Synced):
            yield from late
            late.clear()


def without_first_transaction(calls: Sequence[object]) -> Sequence[object]:
    """A build whose schema is made, or brought up to date, statement by statement."""
    said = [call.sql if isinstance(call, Executed) else "" for call in calls]
    ends = {said.index("BEGIN IMMEDIATE"), said.index("COMMIT")}
    return [call for at, call in enumerate(calls) if at not in ends]


class LateFiles:
    """A file store that keeps a file only when it is told to catch up."""

    def __init__(self, files: FileStore) -> None:
        self._files, self._late = files, list[tuple[str, bytes]]()

    def put(self, key: str, chunks: Iterable[bytes]) -> None:
        self._late.append((key, b"".join(chunks)))

    def catch_up(self) -> None:
        for key, content in self._late:
            self._files.put(key, [content])


def creating_row_before_file(run: Run) -> None:
    """Invoices whose files are kept when they are there already, and before `create` returns."""
    with run.opened() as desk:
        late = LateFiles(desk._files)
        desk._files = desk._intake.files = late  # type: ignore[assignment]  # a file store that is broken on purpose
        with run.verb("create", desk):
            desk.create(FORM)
            late.catch_up()


def _handles(calls: Sequence[object], path: str) -> set[int]:
    return {call.handle for call in calls if isinstance(call, Opened) and re.fullmatch(path, call.path)}
