"""One SQLite file of ours: its connections, its transactions, its schema and the queue of its writers.

Everything that durability rests on is set here on every connection, and read back.
"""

import fcntl
import os
import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from indiopay.durable import create_file
from indiopay.errors import StorageError

OLDEST_SQLITE = (3, 37, 0)
SCHEMA_VERSION = 1

_PATIENCE_SECONDS = 30
_TURN_POLL_SECONDS = 0.001

# Each pragma, and what reading it back must give. synchronous 2 is FULL.
_PRAGMAS = (
    ("journal_mode", "TRUNCATE", "truncate"),
    ("synchronous", "FULL", 2),
    ("foreign_keys", "ON", 1),
    ("secure_delete", "ON", 1),
)

_SCHEMA = (
    "CREATE TABLE indiopay_schema (version INTEGER NOT NULL) STRICT",
    f"INSERT INTO indiopay_schema VALUES ({SCHEMA_VERSION})",
    """CREATE TABLE counters (
        agency TEXT PRIMARY KEY, last_number INTEGER NOT NULL, last_at TEXT NOT NULL
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE invoices (
        id BLOB NOT NULL, number INTEGER NOT NULL, type TEXT NOT NULL, agency TEXT NOT NULL,
        client_name TEXT NOT NULL, client_email TEXT NOT NULL, minor_units INTEGER NOT NULL, currency TEXT NOT NULL,
        due_date TEXT NOT NULL, description TEXT NOT NULL, attachments TEXT NOT NULL, locale TEXT NOT NULL,
        status TEXT NOT NULL, created_at TEXT NOT NULL, paid_at TEXT, payment_reference TEXT, cancelled_at TEXT,
        cancel_reason TEXT, version INTEGER NOT NULL, link_id BLOB NOT NULL, key_id INTEGER NOT NULL,
        idempotency_key TEXT, fingerprint BLOB, search TEXT NOT NULL,
        PRIMARY KEY (agency, id), UNIQUE (agency, number), UNIQUE (agency, link_id), UNIQUE (agency, idempotency_key)
    ) STRICT""",
    "CREATE INDEX invoices_due ON invoices (agency, status, due_date, number, currency, minor_units)",
    """CREATE TABLE history (
        seq INTEGER PRIMARY KEY, agency TEXT NOT NULL, invoice_id BLOB NOT NULL,
        kind TEXT NOT NULL, at TEXT NOT NULL, details TEXT NOT NULL,
        FOREIGN KEY (agency, invoice_id) REFERENCES invoices (agency, id)
    ) STRICT""",
    "CREATE INDEX history_of ON history (agency, invoice_id)",
    """CREATE TABLE letters (
        seq INTEGER PRIMARY KEY, agency TEXT NOT NULL, id BLOB NOT NULL, invoice_id BLOB NOT NULL,
        message_id TEXT NOT NULL, recipient TEXT NOT NULL, queued_at TEXT NOT NULL, not_before TEXT NOT NULL,
        kind TEXT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL, sender TEXT, message BLOB,
        message_sha256 TEXT, last_phase TEXT, last_code INTEGER, sent_at TEXT, maybe_duplicate INTEGER NOT NULL,
        lease_token INTEGER NOT NULL, lease_end TEXT,
        UNIQUE (agency, id), UNIQUE (agency, message_id),
        FOREIGN KEY (agency, invoice_id) REFERENCES invoices (agency, id)
    ) STRICT""",
    "CREATE INDEX letters_of ON letters (agency, invoice_id)",
    "CREATE INDEX letters_waiting ON letters (agency, not_before) WHERE state = 'queued'",
)

_ADVICE = {
    "SQLITE_BUSY": "another process holds it, try again",
    "SQLITE_CANTOPEN": "check its folder and its permissions",
    "SQLITE_CORRUPT": "it is damaged, restore it from a backup",
    "SQLITE_FULL": "the disk is full, free some space",
    "SQLITE_NOTADB": "it is no database, restore it from a backup or choose another path",
    "SQLITE_READONLY": "it was moved or may not be written, check its folder and its permissions",
}

# Connections that a parent process opened: kept from being closed here, which would harm the parent's.
_inherited: list[sqlite3.Connection] = []


class SqliteFile:
    """The file at `path`, made with its schema when it is missing (mode 0600). StorageError if it cannot serve."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        if sqlite3.sqlite_version_info < OLDEST_SQLITE:
            raise StorageError(f"SQLite {sqlite3.sqlite_version} is too old: install 3.37 or newer")
        self._path = Path(path).absolute()
        self._free: list[sqlite3.Connection] = []
        self._pid = os.getpid()
        with _told(self._path):
            _make(self._path)
            with self.writing() as db:
                _settle_schema(db)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection of the caller's own for one read; the driver's errors come out as StorageError."""
        with _told(self._path):
            db = self._take()
            try:
                yield db
            except sqlite3.Error:
                db.close()
                raise
            except BaseException:
                self._free.append(db)
                raise
            self._free.append(db)

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A connection in a transaction that is committed at the end, durably, or leaves nothing."""
        with self.reading() as db, self._turn():
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                db.rollback()
                raise

    def close(self) -> None:
        """Close the connections that are not in use. The file can be used again: it is opened anew."""
        while self._free:
            self._free.pop().close()

    def _take(self) -> sqlite3.Connection:
        if self._pid != os.getpid():
            _inherited.extend(self._free)
            self._free, self._pid = [], os.getpid()
        try:
            return self._free.pop()
        except IndexError:
            return _connect(self._path)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait for this writer's turn: SQLite's busy time-out starves some of many writers, a lock file does not."""
        descriptor = os.open(f"{self._path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _lock(descriptor)
            try:
                yield
            finally:
                # Said outright, because a child forked meanwhile holds this descriptor too.
                fcntl.flock(descriptor, fcntl.LOCK_UN)
        finally:
            os.close(descriptor)


def _lock(descriptor: int) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                raise StorageError("the database was busy for too long: another process holds it") from error
            time.sleep(_TURN_POLL_SECONDS)


def _make(path: Path) -> None:
    """An empty file of its owner's alone, if there is none.

    It is never opened under its own name: closing it would drop every lock that this process holds on it.
    """
    try:
        create_file(path, (), part=path.with_name(f"{path.name}.{secrets.token_hex(8)}.part"))
    except FileExistsError:
        return


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=_PATIENCE_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        for name, value, wanted in _PRAGMAS:
            db.execute(f"PRAGMA {name} = {value}")
            if db.execute(f"PRAGMA {name}").fetchone() != (wanted,):
                raise StorageError(f"SQLite refuses PRAGMA {name} = {value}, on which durability rests")
    except BaseException:
        db.close()
        raise
    return db


def _settle_schema(db: sqlite3.Connection) -> None:
    """Write the schema into an empty file, and refuse a file that is not of this version."""
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    if not tables:
        for statement in _SCHEMA:
            db.execute(statement)
    elif "indiopay_schema" not in tables:
        raise StorageError("this database belongs to another program: choose another path")
    elif (version := db.execute("SELECT version FROM indiopay_schema").fetchone()) != (SCHEMA_VERSION,):
        raise StorageError(
            f"this library does not know the database's schema version ({version and version[0]}): upgrade indiopay"
        )


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Say what to do; the driver's own words, which may quote values, stay in the cause."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise StorageError(f"the database {path.name} could not be used ({_kind(error)}): {_advice(error)}") from error
    except OSError as error:
        raise StorageError(
            f"the database {path.name} cannot be opened ({error.strerror}): check its folder and its permissions"
        ) from error


def _kind(error: sqlite3.Error) -> str:
    return getattr(error, "sqlite_errorname", type(error).__name__)


def _advice(error: sqlite3.Error) -> str:
    known = (advice for name, advice in _ADVICE.items() if _kind(error).startswith(name))
    return next(known, "check the disk")
