"""Promise 4, one floor lower: whatever fails beneath a store in a SQLite file, files in a folder and a Maildir.

First each operation in turn is made to fail; then a disk that is full, a lock that is held and the like are real.
"""

import errno
import resource
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from indiopay import Invoice, MailError, StorageError
from indiopay.intake import Intake
from indiopay.invoice import NewInvoice
from indiopay.stores import sqlite_file, sqlite_lock
from indiopay.stores.sqlite import SqliteStore
from indiopay.stores.sqlite_file import SqliteFile
from indiopay.testing.faults import each, system_errors
from indiopay.uploads import drop_uploads

from .broken_parts.acts import ACTS, FEWER, MAILING
from .broken_parts.benches import SqliteBench, fast_folder, held_lock
from .broken_parts.breaking import BrokenPromiseError, Reference, Trial, ask, reference, set_up, sweep
from .broken_parts.scene import SENT, filling, referred_to
from .broken_parts.ways import Trouble, locks_fail, opening_fails, statements_fail, system_fails, trouble_begins

pytestmark = pytest.mark.no_cover  # it goes over and over what other tests cover

Tell = Callable[[str], None]
What = Callable[[SqliteBench], AbstractContextManager[object]]


def sqlite_error(name: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(name)
    error.sqlite_errorname = name
    return error


SQLITE = tuple(map(sqlite_error, ("SQLITE_IOERR_FSYNC", "SQLITE_FULL", "SQLITE_BUSY", "SQLITE_IOERR_WRITE")))
REFUSALS = (MailError("maildir", kind="transport"), MailError("maildir", kind="unknown"))


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[SqliteBench]:
    """Where nobody waits for long."""
    monkeypatch.setattr(sqlite_lock, "PATIENCE_SECONDS", 0.01)
    with fast_folder() as folder:
        made = SqliteBench(folder)
        yield made
        made.close()


def test_every_statement_may_fail(bench: SqliteBench, tell: Tell) -> None:
    """A BEGIN, a COMMIT, a rollback and a row that is read too."""
    tell(f"faults of SQLite's statements: {sweep(bench, statements_fail, SQLITE, acts=FEWER)}")


def test_every_step_of_connecting_may_fail(bench: SqliteBench, tell: Tell) -> None:
    """To write, and to read."""
    tell(f"faults of connecting to SQLite: {sweep(bench, opening_fails, SQLITE, acts=['cancel', 'get'])}")


def test_every_call_that_locks_may_fail(bench: SqliteBench, tell: Tell) -> None:
    """When writers queue, and when they give their turn back."""
    tell(f"faults of the lock file: {sweep(bench, locks_fail, system_errors(), acts=FEWER)}")


def test_every_call_of_the_system_may_fail(bench: SqliteBench, tell: Tell) -> None:
    """Beneath the files and the Maildir; a letter that may arrive is known to."""
    done = sweep(bench, system_fails, system_errors(), acts=MAILING, wanted=lambda act, _: maildir_fails(act))
    tell(f"faults of the system: {done}")


def maildir_fails(act: str) -> Reference:
    return reference(act, REFUSALS)


def interrupt(bench: SqliteBench, act: str) -> None:
    for fault in each(KeyboardInterrupt()):
        scene = set_up(bench, act)
        with statements_fail(scene, fault):
            desk = scene.desk()
            with suppress(KeyboardInterrupt):
                ask(act, desk, scene)
            fault.mend()
            assert ask("cancel", desk, scene).error is None
        assert bench.left_open() == []


@pytest.mark.parametrize("act", ["create", "export_records"])
def test_an_interrupt_leaves_a_desk_that_can_be_used(bench: SqliteBench, act: str) -> None:
    """Ctrl-C at any statement, as in a notebook: no transaction is left open, and nothing locked."""
    interrupt(bench, act)


# --- troubles that are real


@contextmanager
def full(bench: SqliteBench) -> Iterator[None]:
    """The database may have no page more than it has; SQLite says so itself."""
    bench.stranger.execute("VACUUM")
    bench.store.close()
    connect = sqlite3.connect

    def limited(*at: Any, **how: Any) -> sqlite3.Connection:
        db: sqlite3.Connection = connect(*at, **how)
        db.execute("PRAGMA max_page_count = 1")
        return db

    with patch.object(sqlite3, "connect", limited):
        yield
    bench.store.close()


def short_files(size: int) -> What:
    """The system writes no file beyond this size."""

    @contextmanager
    def trouble(_: SqliteBench) -> Iterator[None]:
        with limit(resource.RLIMIT_FSIZE, size):
            yield

    return trouble


def few_files(more: int) -> What:
    """The system opens this many files more."""

    @contextmanager
    def trouble(_: SqliteBench) -> Iterator[None]:
        seen = list(Path("/proc/self/fd").iterdir())  # among them the one by which it was looked
        used = {int(path.name) for path in seen if path.is_symlink()}
        free = (number for number in count() if number not in used)
        with limit(resource.RLIMIT_NOFILE, [next(free) for _ in range(more + 1)][-1]):
            yield

    return trouble


@contextmanager
def limit(what: int, at: int) -> Iterator[None]:
    before = resource.getrlimit(what)
    resource.setrlimit(what, (at, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(what, before)


def queue(bench: SqliteBench) -> AbstractContextManager[None]:
    """Another writer does not end its turn."""
    return held_lock(bench.database)


def locked(lock: str) -> What:
    """Another program, which does not queue, has locked the database."""

    @contextmanager
    def trouble(bench: SqliteBench) -> Iterator[None]:
        bench.stranger.execute(f"BEGIN {lock}")
        yield
        bench.stranger.execute("ROLLBACK")

    return trouble


WRITING = {"cancel", "create", "import_records", "record_payment", "renew_link", "send", *MAILING, "deliver"}
READING = {"download", "export_records", "get", "history", "deliveries", "link", "list", "totals", "sweep"}
TROUBLES: dict[str, tuple[What, set[str]]] = {
    "full": (full, {"create, with files, a letter and a key"}),
    "no byte can be written": (short_files(0), WRITING),
    "short files": (short_files(4096), WRITING - {"send", "deliver"}),
    "no file can be opened": (few_files(0), WRITING | {"download"}),
    "one file can be opened": (few_files(1), WRITING),
    "another has its turn": (queue, WRITING),
    "another writes": (locked("IMMEDIATE"), WRITING),
    "another writes alone": (locked("EXCLUSIVE"), WRITING | READING),
}
"""What is wrong, and which verbs at least are told so."""


@pytest.mark.parametrize("name", TROUBLES)
def test_real_trouble_is_told_and_passes(bench: SqliteBench, name: str) -> None:
    """By an error that is typed, while it lasts; every verb does then what it would have done."""
    what, at_least = TROUBLES[name]
    told = set()
    for act in ACTS:
        trial = Trial(bench, act, Trouble(what(bench)), reference(act))
        trial.run(trouble_begins())
        if trial.said.error is StorageError:
            told.add(act)
    assert told >= at_least


def test_a_file_on_a_disk_that_cannot_be_read_is_told(bench: SqliteBench) -> None:
    """A download breaks off with the system's EIO as the cause, and nothing stays open."""
    scene = set_up(bench, "download")
    (key,) = referred_to(scene.records()[:1])
    path = bench.folder / "fichiers" / key
    path.unlink()
    path.symlink_to("/proc/self/mem")  # there is nothing at its beginning: EIO
    download = scene.desk().download(scene.token(SENT), filling()[0][SENT].invoice.attachments[0].id)
    with pytest.raises(StorageError, match="check the disk") as caught:
        list(download.chunks)
    assert getattr(caught.value.__cause__, "errno", None) == errno.EIO
    assert bench.left_open() == []


def test_a_disk_that_is_full_in_the_midst_of_a_file_keeps_nothing_of_it(bench: SqliteBench) -> None:
    """The system takes part of a chunk, and then no more; with space again the file can be put."""
    files, key = set_up(bench, "create").files, f"nord/ef/{'ef' * 16}"
    chunks = [bytes(60_000)] * 3
    with limit(resource.RLIMIT_FSIZE, 100_000), pytest.raises(StorageError, match="free space") as caught:
        files.put(key, iter(chunks))
    assert getattr(caught.value.__cause__, "errno", None) == errno.EFBIG
    assert [path.name for path in (bench.folder / "fichiers" / "nord" / "ef").iterdir()] == []
    files.put(key, iter(chunks))
    assert b"".join(files.read(key)) == b"".join(chunks)


# --- red twins


@contextmanager
def _keeps_a_connection_that_failed(file: SqliteFile) -> Iterator[sqlite3.Connection]:
    with sqlite_file._told(file._path):
        db = file._take()
        try:
            yield db
        except BaseException:
            _kept.append(db)
            raise
        file._free.append(db)


_kept: list[sqlite3.Connection] = []


@contextmanager
def _commits_each_statement(file: SqliteFile) -> Iterator[sqlite3.Connection]:
    with file.reading() as db, sqlite_lock.turn(file._path):
        yield db


@contextmanager
def _keeps_its_turn_when_it_fails(database: Path) -> Iterator[None]:
    turn = held_lock(database)
    turn.__enter__()
    _turns.append(turn)
    yield
    turn.__exit__(None, None, None)


_turns: list[AbstractContextManager[None]] = []
_add, _added = SqliteStore.add, Intake._added


def _acknowledges_what_failed(store: SqliteStore, agency: str, new: NewInvoice) -> Invoice:
    try:
        return _add(store, agency, new)
    except StorageError:
        return new.numbered(len(filling()[0]) + 1, new.at).invoice


def _drops_files_that_may_be_in_use(intake: Intake, new: NewInvoice) -> Invoice:
    try:
        return _added(intake, new)
    except StorageError:
        drop_uploads(new.attachments, store=intake.files, agency=intake.agency.slug)
        raise


TWINS: list[tuple[str, str, object, str, Any]] = [
    ("raw", "create", sqlite_file, "_told", lambda _: nullcontext()),
    ("open", "create", SqliteFile, "reading", _keeps_a_connection_that_failed),
    ("unusable", "create", sqlite_lock, "turn", _keeps_its_turn_when_it_fails),
    ("half", "create", SqliteFile, "writing", _commits_each_statement),  # a number is lost
    ("half", "cancel", SqliteFile, "writing", _commits_each_statement),  # its letters are, the invoice is not
    ("lost", "create", SqliteStore, "add", _acknowledges_what_failed),
    ("files", MAILING[0], Intake, "_added", _drops_files_that_may_be_in_use),
]
"""How each is caught, at which verb, and what is broken for it."""


@pytest.mark.parametrize(("how", "act", "part", "name", "broken"), TWINS)
def test_a_broken_build_is_caught(
    bench: SqliteBench, how: str, act: str, part: object, name: str, broken: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store or a desk that breaks the promise in one way, by what is wrong with it."""
    monkeypatch.setattr(part, name, broken)
    with pytest.raises(BrokenPromiseError, match=f"^{how}:"):
        sweep(bench, statements_fail, SQLITE, acts=[act])
    monkeypatch.undo()
    while _kept:
        _kept.pop().close()
    while _turns:
        _turns.pop().__exit__(None, None, None)


def test_a_store_that_keeps_a_connection_amid_a_transaction_is_caught(
    bench: SqliteBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interrupt leaves it unusable."""
    monkeypatch.setattr(SqliteFile, "_give_back", lambda file, db: file._free.append(db))
    with pytest.raises(AssertionError):
        interrupt(bench, "create")
