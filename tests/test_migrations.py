"""Schema versions: an older database is brought up to date whole or not at all, a newer one is refused."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from indiopay import EntryKind, InvoiceForm, Status, StorageError
from indiopay.stores import sqlite_file
from indiopay.stores.migrations import take_steps
from indiopay.stores.sqlite import SqliteStore
from indiopay.stores.sqlite_schema import STEPS
from indiopay.testing import memory_desk

DUMPS = Path(__file__).parent / "databases"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "factures.sqlite3"


@pytest.fixture
def first_version(path: Path) -> Path:
    """A database as the library's first version left it: three invoices of one agency, one of another."""
    with closing(sqlite3.connect(path)) as db:
        db.executescript((DUMPS / "sqlite-version-1.sql").read_text(encoding="utf-8"))
    return path


def tables(path: Path) -> list[tuple[str, str]]:
    """Every table and index with the statement that made it, but for the spaces."""
    with closing(sqlite3.connect(path)) as db:
        found = db.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name").fetchall()
    return [(name, "".join(sql.split())) for name, sql in found]


def test_a_database_of_the_first_version_keeps_all_that_it_held(first_version: Path) -> None:
    """Invoices, links, keys, history and letters, and counting goes on."""
    with closing(SqliteStore(first_version)) as store:
        desk = memory_desk(store=store)
        third, second, first = desk.list().items
        assert [i.number for i in (first, second, third)] == ["F-000001", "F-000002", "F-000003"]
        assert [i.status for i in (first, second, third)] == [Status.CANCELLED, Status.PAID, Status.OPEN]
        assert first.attachments[0].name == "Police.pdf"
        assert [entry.kind for entry in desk.history(first.id)] == [EntryKind.CREATED, EntryKind.CANCELLED]
        assert [letter.state for letter in desk.deliveries(third.id)] == ["queued"]
        assert desk.invoice_for_link(desk.link(second.id).rpartition("/")[2]) == second
        assert store.by_idempotency_key("cabinet", "première") is not None
        assert desk.create(InvoiceForm("1", "30 jours", "Zoé", "zoe@exemple.ca")).number == "F-000004"


@pytest.mark.parametrize("text", ["000003", "f-000003", "oeuvres", "OEUVRES 3", "eve"])
def test_an_invoice_of_the_first_version_is_found_as_a_new_one_is(first_version: Path, text: str) -> None:
    """By its number and by its words."""
    with closing(SqliteStore(first_version)) as store:
        assert [found.number for found in memory_desk(store=store).list(text=text).items] == ["F-000003"]


def test_the_tables_of_an_older_database_end_as_those_of_a_new_one(first_version: Path, tmp_path: Path) -> None:
    """No step that was released has been changed since."""
    SqliteStore(first_version).close()
    SqliteStore(tmp_path / "new.sqlite3").close()
    assert tables(first_version) == tables(tmp_path / "new.sqlite3")


def test_a_migration_that_fails_leaves_the_database_as_it_was(
    first_version: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is one transaction; the next opening, with a step that works, does it."""
    before = first_version.read_bytes()
    monkeypatch.setattr(sqlite_file, "STEPS", (*STEPS, ("CREATE TABLE colours (name TEXT) STRICT", "SELECT no_such")))
    with pytest.raises(StorageError):
        SqliteStore(first_version)
    assert first_version.read_bytes() == before
    monkeypatch.setattr(sqlite_file, "STEPS", STEPS)
    SqliteStore(first_version).close()
    assert first_version.read_bytes() != before


def test_a_database_that_is_up_to_date_is_only_read(path: Path) -> None:
    """Opening it waits for no writer."""
    SqliteStore(path).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with closing(SqliteStore(path)) as store:
            assert store.by_idempotency_key("nord", "k") is None


class Recorder:
    """Stands for a database, and keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def execute(self, sql: str, /) -> None:
        self.told.append(sql)


@pytest.mark.parametrize(
    ("version", "told"),
    [(0, ["a", "b", "c", "UPDATE v SET version = 2"]), (1, ["c", "UPDATE v SET version = 2"]), (2, [])],
)
def test_the_steps_that_are_missing_are_taken_in_order(version: int, told: list[str]) -> None:
    """And the version is written down after the last."""
    db = Recorder()
    take_steps(db, [("a", "b"), ("c",)], version=version, names_version="v")
    assert db.told == told


def test_a_newer_database_is_refused_untouched() -> None:
    """It names the version, and what to do."""
    db = Recorder()
    with pytest.raises(StorageError, match=r"version \(3\): upgrade indiopay"):
        take_steps(db, [("a",), ("b",)], version=3, names_version="v")
    assert db.told == []
