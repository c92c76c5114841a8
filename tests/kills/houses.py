"""Where writers write until they are killed: a store, its files and its letters, opened anew by every process."""

import fcntl
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from attrs import evolve, frozen
from psycopg.conninfo import make_conninfo

from indiopay import Agency, InvoiceDesk, PaymentLinks, open_folder
from indiopay.embedded import DATABASE, FILES, MAILDIR
from indiopay.files.folder import FolderFiles
from indiopay.invoice import InvoiceRecord
from indiopay.mailers.maildir import MaildirMailer
from indiopay.stores.postgres import PostgresStore
from indiopay.stores.postgres_schema import STEPS
from indiopay.stores.sqlite import SqliteStore
from indiopay.testing.store_samples import record
from tests.conftest import KEY, PAGE

AGENCY = Agency("nord", "Assurances du Nord", "facturation@exemple.ca")

OTHER = "cabinet"

_VERSION_1 = Path(__file__).parent.parent / "databases" / "sqlite-version-1.sql"
_PATIENCE_SECONDS = 10


@frozen
class House:
    """`open` gives a desk as a new process would; `held` says what the dead still hold.

    `others` is what the store holds of other agencies, from an older version on.
    """

    folder: Path
    open: Callable[..., InvoiceDesk]
    held: Callable[[], str]
    others: Sequence[InvoiceRecord] = ()

    @property
    def files(self) -> Path:
        return self.folder / FILES

    @property
    def letters(self) -> Path:
        return self.folder / MAILDIR / "new"


@contextmanager
def fast_folder() -> Iterator[Path]:
    """A folder where syncing costs nothing, if there is such a place; it is gone with the block."""
    fast = Path("/dev/shm")  # noqa: S108  # a folder of our own is made in it
    with tempfile.TemporaryDirectory(prefix="indiopay-", dir=fast if fast.is_dir() else None) as name:
        yield Path(name)


def in_folder(folder: Path) -> House:
    """A folder that is not there yet."""

    def open_(**options: Any) -> InvoiceDesk:
        return open_folder(folder, agency=AGENCY, page_url=PAGE, **options)

    return House(folder, open_, lambda: _held_file(folder / f"{DATABASE}.lock"))


def in_older_folder(folder: Path) -> House:
    """A folder whose database is as the first version left it, with the invoices of another agency."""
    house = in_folder(folder)
    house.open().close()
    older = folder.with_name("older.sqlite3")
    with closing(sqlite3.connect(older)) as db:
        db.executescript(_VERSION_1.read_text(encoding="utf-8"))
    shutil.copy(older, folder / DATABASE)
    with closing(SqliteStore(older)) as store:
        return evolve(house, others=list(store.export(OTHER)))


def in_postgres(folder: Path, address: str) -> House:
    """An empty database; the files and the letters in a folder."""

    def open_(**options: Any) -> InvoiceDesk:
        store = PostgresStore(address)
        desk = InvoiceDesk(
            agency=AGENCY,
            store=store,
            files=FolderFiles(folder / FILES),
            mailer=MaildirMailer(folder / MAILDIR),
            links=PaymentLinks(PAGE, keys=[KEY]),
            **options,
        )
        desk.owns(store)
        return desk

    return House(folder, open_, lambda: _held_sessions(address))


def in_older_postgres(folder: Path, address: str) -> House:
    """A database as the released steps make it, with the invoices of another agency."""
    others = [record(number, agency=OTHER) for number in range(1, 4)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("indiopay.stores.postgres.STEPS", STEPS)
        with closing(PostgresStore(address)) as store:
            store.import_(OTHER, others)
    return evolve(in_postgres(folder, address), others=others)


@contextmanager
def database(server: str, name: str) -> Iterator[str]:
    """The address of a database that is there for as long as the block."""
    with psycopg.connect(server, autocommit=True) as db:
        db.execute(f"CREATE DATABASE {name}".encode())
    yield make_conninfo(server, dbname=name)
    with psycopg.connect(server, autocommit=True) as db:
        db.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def _held_file(lock: Path) -> str:
    with lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return "the lock file"
    return ""


def _held_sessions(address: str) -> str:
    """What the server still does for the dead: it notices only when it answers, or when it asks for more."""
    others = """SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()"""
    end = time.monotonic() + _PATIENCE_SECONDS
    with psycopg.connect(address, autocommit=True) as db:
        while (row := db.execute(others).fetchone()) and row[0]:
            if time.monotonic() > end:
                return f"{row[0]} sessions"
            time.sleep(0.01)
    return ""
