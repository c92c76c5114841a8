"""The SQLite file: durable by its pragmas, refused when it cannot serve, shared by threads, processes and forks."""

import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from attrs import evolve

from indiopay import Invoice, StorageError
from indiopay.invoice import Idempotency
from indiopay.listing import InvoiceFilter
from indiopay.stores import sqlite_file, sqlite_lock
from indiopay.stores.sqlite import SqliteStore
from indiopay.stores.sqlite_file import SqliteFile
from indiopay.testing.store_samples import NOW, claim, letter, new

from .conftest import TODAY

pytestmark = pytest.mark.no_cover  # it goes over and over what other tests cover


KEY = Idempotency("k", b"form")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "factures.sqlite3"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    made = SqliteStore(path)
    yield made
    made.close()


def numbers(store: SqliteStore) -> list[str]:
    return [invoice.number for invoice in store.page("nord", InvoiceFilter(), today=TODAY, after=None, limit=1000)]


def test_every_connection_is_durable(path: Path) -> None:
    """The pragmas that durability rests on, as the database itself tells them."""
    file = SqliteFile(path)
    with file.reading() as first, file.reading() as second:
        assert first is not second
        for db in (first, second):
            told = {name: db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")}
            told |= {name: db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("foreign_keys", "secure_delete")}
            assert told == {"journal_mode": "truncate", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1}
    file.close()


def test_every_table_is_strict(path: Path, store: SqliteStore) -> None:
    """A text never slips into a number's column."""
    with sqlite3.connect(path) as db:
        tables = db.execute(
            "SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite%'"
        )
        strict = dict(tables.fetchall())
    db.close()
    assert strict == dict.fromkeys(("indiopay_schema", "counters", "invoices", "history", "letters"), 1)


def test_a_pragma_that_does_not_hold_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without durability there is no store; the connection is closed."""
    monkeypatch.setattr(sqlite_file, "_PRAGMAS", (("journal_mode", "TRUNCATE", "wal"),))
    with pytest.raises(StorageError, match="durability"):
        SqliteStore(path)


def test_an_old_sqlite_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no strict tables; the message says what to install."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 36, 0))
    with pytest.raises(StorageError, match=r"too old: install 3\.37 or newer"):
        SqliteStore(path)
    assert not path.exists()


def test_a_database_from_a_newer_version_is_refused_untouched(path: Path) -> None:
    """It says to upgrade."""
    SqliteStore(path).close()
    with sqlite3.connect(path) as db:
        db.execute("UPDATE indiopay_schema SET version = version + 1")
    db.close()
    before = path.read_bytes()
    with pytest.raises(StorageError, match="upgrade indiopay"):
        SqliteStore(path)
    assert path.read_bytes() == before


def test_a_database_of_another_program_is_refused_untouched(path: Path) -> None:
    """It says to choose another path."""
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE theirs (x)")
    db.close()
    with pytest.raises(StorageError, match="another program"):
        SqliteStore(path)


@pytest.mark.parametrize("made_by", ["another program", "a newer library"])
def test_a_database_that_is_refused_keeps_its_journal(path: Path, made_by: str) -> None:
    """It is looked at before anything is set."""
    if made_by == "a newer library":
        SqliteStore(path).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE IF NOT EXISTS theirs (x)")
        if made_by == "a newer library":
            db.execute("UPDATE indiopay_schema SET version = 99")
    with pytest.raises(StorageError, match=r"another program|upgrade indiopay"):
        SqliteStore(path)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


@pytest.mark.parametrize("damage", ["DELETE FROM indiopay_schema", "INSERT INTO indiopay_schema VALUES (1)"])
def test_a_damaged_version_is_told(path: Path, damage: str) -> None:
    """None, or two."""
    SqliteStore(path).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(damage)
    with pytest.raises(StorageError, match="restore the database from a backup"):
        SqliteStore(path)


def test_a_file_that_is_no_database_is_refused_untouched(path: Path) -> None:
    """The driver's error is the cause, and its words are not repeated."""
    path.write_bytes(b"Prime de Zoe" * 1000)
    with pytest.raises(StorageError, match="no database, restore it from a backup") as caught:
        SqliteStore(path)
    assert isinstance(caught.value.__cause__, sqlite3.DatabaseError)
    assert path.read_bytes() == b"Prime de Zoe" * 1000


def test_a_damaged_database_says_to_restore_it(path: Path, store: SqliteStore) -> None:
    """Nothing is mended, and nothing is made anew."""
    for turn in range(1, 41):
        store.add("nord", new(turn))
    store.close()
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(StorageError, match="damaged, restore it from a backup"):
        numbers(SqliteStore(path))
    assert path.read_bytes() == content


@pytest.mark.parametrize("is_there", [True, False])
def test_a_database_that_is_gone_or_empty_is_not_made_anew(path: Path, is_there: bool) -> None:
    """Its lock file remembers that it was made; who wants to begin anew removes that too."""
    SqliteStore(path).close()
    path.unlink()
    if is_there:
        path.touch()
    with pytest.raises(
        StorageError, match=r"gone or empty: restore factures\.sqlite3 .*or remove factures\.sqlite3\.lock"
    ):
        SqliteStore(path)
    assert path.exists() is is_there and (not is_there or path.read_bytes() == b"")
    path.with_name("factures.sqlite3.lock").unlink()
    assert SqliteStore(path).add("nord", new(1)).number == "F-000001"


def test_a_database_that_was_restored_alone_is_taken(path: Path, store: SqliteStore) -> None:
    """Without its lock file, which is then made again and remembers it."""
    store.add("nord", new(1))
    store.close()
    path.with_name("factures.sqlite3.lock").unlink()
    assert numbers(SqliteStore(path)) == ["F-000001"]
    path.unlink()
    with pytest.raises(StorageError, match="gone or empty"):
        SqliteStore(path)


def test_a_database_that_vanished_under_its_store_is_not_made_anew(path: Path, store: SqliteStore) -> None:
    """Neither by a write nor by a read."""
    store.close()
    path.unlink()
    with pytest.raises(StorageError, match="check its folder"):
        numbers(store)
    with pytest.raises(StorageError, match="check its folder"):
        store.add("nord", new(1))
    assert not path.exists()


@pytest.mark.parametrize("damage", ["zeros", "cut short", "cut to a page", "without tables"])
def test_a_damaged_database_is_told_from_an_empty_one(path: Path, store: SqliteStore, damage: str) -> None:
    """It says to restore it, and is left as it is."""
    for turn in range(1, 41):
        store.add("nord", new(turn))
    store.close()
    content = path.read_bytes()
    if damage == "without tables":
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("DROP TABLE history")
            db.execute("DROP TABLE letters")
            db.execute("DROP TABLE invoices")
    else:
        path.write_bytes({"zeros": bytes(len(content)), "cut short": content[:5000]}.get(damage, content[:4096]))
    content = path.read_bytes()
    with pytest.raises(StorageError, match="restore it from a backup"):
        numbers(SqliteStore(path))
    assert path.read_bytes() == content


@pytest.mark.parametrize("column", ["status = 'refunded'", "attachments = '{'", "due_date = 'x'", "currency = 'ZZZ'"])
def test_a_row_that_cannot_be_read_says_to_restore_it(path: Path, store: SqliteStore, column: str) -> None:
    """It is the database's fault, and no form's."""
    store.add("nord", new(1))
    with store._file.writing() as db:
        db.execute(f"UPDATE invoices SET {column}")  # noqa: S608  # from the list above
    with pytest.raises(StorageError, match="restore it from a backup"):
        numbers(store)


@pytest.mark.parametrize(
    ("damage", "write"),
    [
        ("counters SET last_at = 'x'", lambda store, _: store.add("nord", new(2))),
        ("invoices SET status = 'x'", lambda store, _: store.add("nord", new(1, idempotency=KEY))),
        ("letters SET queued_at = 'x'", lambda store, _: claim(store)),
        ("letters SET lease_end = 'x'", lambda store, made: store.apply("nord", made.cancel(at=NOW))),
    ],
)
def test_a_row_that_cannot_be_read_is_told_by_what_writes_too(
    path: Path, store: SqliteStore, damage: str, write: Callable[[SqliteStore, Invoice], object]
) -> None:
    """And nothing is written."""
    made = store.add("nord", new(1, letter=letter(1), idempotency=KEY))
    with store._file.writing() as db:
        db.execute(f"UPDATE {damage}")  # from the list above
    before = path.read_bytes()
    with pytest.raises(StorageError, match="restore it from a backup"):
        write(store, made)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("damage", "verb"),
    [
        ("invoices SET status = 'x'", lambda store, _: store.totals("nord", today=TODAY)),
        ("history SET details = '{'", lambda store, made: store.history("nord", made.id)),
        (
            "invoices SET version = 9223372036854775807",
            lambda store, made: store.apply("nord", evolve(made, version=2**63 - 1).cancel(at=NOW)),
        ),
        ("letters SET message_id = CAST(x'E9' AS TEXT)", lambda store, made: store.deliveries("nord", made.id)),
    ],
)
def test_no_error_of_pythons_comes_out_of_a_damaged_row(
    store: SqliteStore, damage: str, verb: Callable[[SqliteStore, Invoice], object]
) -> None:
    """A sum, a list, a change and a text that is none: each says to restore the database."""
    made = store.add("nord", new(1, letter=letter(1)))
    with store._file.writing() as db:
        db.execute(f"UPDATE {damage}")  # from the list above
    with pytest.raises(StorageError, match="restore it from a backup"):
        verb(store, made)


def test_a_schema_that_is_no_text_is_damage(path: Path, store: SqliteStore) -> None:
    """SQLite's own words about it cannot be read."""
    store.close()
    content = bytearray(path.read_bytes())
    content[content.index(b"CREATE TABLE invoices") + 7] = 0xE9
    path.write_bytes(content)
    with pytest.raises(StorageError, match="damaged: restore it from a backup"):
        SqliteStore(path)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_an_invoice_that_a_damaged_database_does_not_give_is_missed(store: SqliteStore, number: int) -> None:
    """In the middle and at either end: else a sweep would take its files for orphans, and a move would leave it."""
    for turn in (1, 2, 3):
        store.add("nord", new(turn))
    with closing(sqlite3.connect(store._file._path)) as db, db:
        db.execute("DELETE FROM history WHERE invoice_id = (SELECT id FROM invoices WHERE number = ?)", (number,))
        db.execute("DELETE FROM invoices WHERE number = ?", (number,))
    with pytest.raises(StorageError, match="lacks an invoice"):
        list(store.export("nord"))


def test_connections_that_turn_out_to_be_read_only_are_dropped_at_once(path: Path, store: SqliteStore) -> None:
    """SQLite opens a file that may not be written just now for reading, without a word; later writes would fail."""
    store.add("nord", new(1))
    store.close()
    store._file._free += [sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None) for _ in range(3)]
    with pytest.raises(StorageError, match="READONLY"):
        store.add("nord", new(2))
    store.add("nord", new(2))
    assert numbers(store) == ["F-000002", "F-000001"]


def test_a_database_that_was_moved_away_takes_no_invoice(path: Path, store: SqliteStore) -> None:
    """It would be lost."""
    store.add("nord", new(1))
    path.rename(path.with_name("moved"))
    with pytest.raises(StorageError, match="moved or may not be written"):
        store.add("nord", new(2))


@pytest.mark.parametrize("kind", ["missing folder", "a folder"])
def test_a_path_that_cannot_be_opened_is_told(tmp_path: Path, kind: str) -> None:
    """With what to check."""
    with pytest.raises(StorageError, match="check its folder, its permissions and the free space"):
        SqliteStore(tmp_path / "nowhere" / "x.sqlite3" if kind == "missing folder" else tmp_path)


def test_the_database_is_its_owners_alone(path: Path, store: SqliteStore) -> None:
    """Mode 0600, and its journal's and its lock file's too."""
    store.add("nord", new(1))
    assert {oct(found.stat().st_mode & 0o777) for found in path.parent.iterdir()} == {"0o600"}


def test_what_was_written_is_there_after_it_is_opened_again(path: Path, store: SqliteStore) -> None:
    """A store that was closed can still be used."""
    store.add("nord", new(1))
    store.close()
    assert numbers(store) == ["F-000001"]
    again = SqliteStore(path)
    assert numbers(again) == ["F-000001"]
    again.close()


def test_a_transaction_that_fails_leaves_nothing_and_gives_its_connection_back(path: Path) -> None:
    """The next one works."""
    file = SqliteFile(path)
    for error, raised in ((RuntimeError(), RuntimeError), (sqlite3.OperationalError(), StorageError)):
        with pytest.raises(raised), file.writing() as db:  # noqa: PT012  # the block is what fails
            db.execute("INSERT INTO counters VALUES ('nord', 1, '')")
            raise error
    with file.writing() as db:
        assert db.execute("SELECT count(*) FROM counters").fetchone() == (0,)
    file.close()


def test_many_threads_write_one_file(store: SqliteStore) -> None:
    """Their numbers have no gap."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda turn: store.add("nord", new(turn)), range(1, 41)))
    assert numbers(store) == [f"F-{number:06d}" for number in range(40, 0, -1)]


def _write_ten(path: Path, first: int) -> None:
    store = SqliteStore(path)
    for turn in range(first, first + 10):
        store.add("nord", new(turn))
    store.close()


def test_many_processes_write_one_file(path: Path, store: SqliteStore) -> None:
    """None is starved, none errs."""
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_write_ten, args=(path, first)) for first in (1, 11, 21)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert len(numbers(store)) == 30


def test_a_forked_child_drops_the_connections_that_it_inherited(store: SqliteStore) -> None:
    """Parent and child both go on writing."""
    store.add("nord", new(1))
    child = os.fork()
    if child == 0:
        try:
            store.add("nord", new(2))
            os._exit(0)
        except BaseException:  # noqa: BLE001  # a child must not run on into the tests
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    store.add("nord", new(3))
    assert len(numbers(store)) == 3


def test_a_killed_writer_leaves_no_lock_with_a_child_that_it_forked(path: Path, store: SqliteStore) -> None:
    """The child lives on, and others write."""
    reader, ready = os.pipe()
    writer = os.fork()
    if writer == 0:
        threading.Thread(target=_write_for_ever, args=(path,), daemon=True).start()
        time.sleep(0.2)
        child = os.fork()
        if child:
            os.write(ready, b"%d" % child)
        time.sleep(60)
        os._exit(0)
    child = int(os.read(reader, 20))
    os.kill(writer, signal.SIGKILL)
    os.waitpid(writer, 0)
    try:
        started = time.monotonic()
        store.add("nord", new(1))
        assert time.monotonic() - started < 10
    finally:
        os.kill(child, signal.SIGKILL)
        os.close(reader)
        os.close(ready)


def _write_for_ever(path: Path) -> None:
    with SqliteFile(path).writing():
        time.sleep(60)


def test_a_writer_that_waits_too_long_is_told(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was written, and the store goes on working."""
    monkeypatch.setattr(sqlite_lock, "PATIENCE_SECONDS", 0.05)
    held, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with store._file.writing():
            held.set()
            leave.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    with pytest.raises(StorageError, match="busy for too long"):
        store.add("nord", new(1))
    leave.set()
    holder.join()
    assert store.add("nord", new(1)).number == "F-000001"


def test_opening_the_file_again_drops_no_lock_of_this_process(path: Path, store: SqliteStore) -> None:
    """POSIX forgets all of a process's locks on a file when it closes any descriptor of that file."""
    stranger = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('BEGIN IMMEDIATE')"
    with store._file.writing():
        opening = threading.Thread(target=lambda: SqliteStore(path).close())
        opening.start()
        opening.join(0.2)
        done = subprocess.run([sys.executable, "-c", stranger, path], capture_output=True, text=True, check=False)
    opening.join()
    assert "database is locked" in done.stderr


def test_bytes_of_a_letter_are_gone_from_the_file_once_it_ended(path: Path, store: SqliteStore) -> None:
    """A copied file opens only invoices whose letters wait."""
    with store._file.writing() as db:
        db.execute("CREATE TABLE scratch (secret BLOB)")
        db.execute("INSERT INTO scratch VALUES (?)", (b"SECRET" * 100,))
    assert b"SECRET" in path.read_bytes()
    with store._file.writing() as db:
        db.execute("UPDATE scratch SET secret = NULL")
    assert b"SECRET" not in path.read_bytes()
