"""One SQLite file of ours: its connections, its transactions and its schema.

Everything that durability rests on is set here on every connection, and read back.
"""

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from indiopay.durable import create_file
from indiopay.errors import StorageError
from indiopay.stores import sqlite_lock
from indiopay.stores.migrations import read_version, refuse_newer, take_steps
from indiopay.stores.sqlite_schema import STEPS

OLDEST_SQLITE = (3, 37, 0)

# Each pragma, and what reading it back must give. synchronous 2 is FULL.
_PRAGMAS = (
    ("journal_mode", "TRUNCATE", "truncate"),
    ("synchronous", "FULL", 2),
    ("foreign_keys", "ON", 1),
    ("secure_delete", "ON", 1),
)

_ADVICE = {
    "OperationalError": "it holds what cannot be read, restore it from a backup",
    "SQLITE_BUSY": "another process holds it, try again",
    "SQLITE_CANTOPEN": "check its folder, its permissions and the free space",
    "SQLITE_CONSTRAINT": "an id, a link or a number is taken already",
    "SQLITE_CORRUPT": "it is damaged, restore it from a backup",
    "SQLITE_ERROR": "its tables are not as they should be, restore it from a backup",
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
            is_known = sqlite_lock.was_made(self._path)
            if not is_known:
                _make(self._path)
            try:
                self._settle_schema(is_known=is_known)
            except BaseException:
                self.close()
                raise

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection of the caller's own for one read; the driver's errors come out as StorageError."""
        with _told(self._path):
            db = self._take()
            try:
                yield db
            except sqlite3.Error as error:
                db.close()
                if _kind(error).startswith("SQLITE_READONLY"):
                    self.close()  # what could not be opened for writing was opened for reading, unsaid
                raise
            except BaseException:
                self._give_back(db)
                raise
            self._give_back(db)
            sqlite_lock.settle(self._path)

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """A connection of the caller's own for reads that see one state of the database."""
        with self.reading() as db:
            db.execute("BEGIN")
            try:
                yield db
            finally:
                db.rollback()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A connection in a transaction that is committed at the end, durably, or leaves nothing."""
        with self.reading() as db, sqlite_lock.turn(self._path):
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                db.rollback()
                raise

    def close(self) -> None:
        """Close the connections that are not in use. The file can be used again: it is opened anew."""
        with _told(self._path):
            while self._free:
                self._free.pop().close()

    def _settle_schema(self, *, is_known: bool) -> None:
        """Look before anything is changed: a file that is not ours, or not yet, or no longer, stays as it is."""
        version = self._found_version()
        sqlite_lock.settle(self._path)
        refuse_newer(version, STEPS)
        if is_known and not version:
            raise StorageError(
                f"the database is gone or empty: restore {self._path.name} from a backup, "
                f"or remove {self._path.name}.lock too, and begin anew"
            )
        if version < len(STEPS):
            with self.writing() as db:
                take_steps(db, STEPS, version=_version(db), names_version="indiopay_schema")
        if not is_known:
            sqlite_lock.remember_made(self._path)

    def _found_version(self) -> int:
        if not self._path.exists():
            return 0
        with closing(_opened(self._path)) as db:
            return _version(db)

    def _give_back(self, db: sqlite3.Connection) -> None:
        """One that an interrupt broke off amid a transaction is closed, which ends it."""
        if db.in_transaction:
            db.close()
        else:
            self._free.append(db)

    def _take(self) -> sqlite3.Connection:
        if self._pid != os.getpid():
            _inherited.extend(self._free)
            self._free, self._pid = [], os.getpid()
        try:
            return self._free.pop()
        except IndexError:
            return _connect(self._path)


def _make(path: Path) -> None:
    """An empty file of its owner's alone, if there is none.

    It is never opened under its own name: closing it would drop every lock that this process holds on it.
    """
    try:
        create_file(path, (), part=path.with_name(f"{path.name}.{secrets.token_hex(8)}.part"))
    except FileExistsError:
        return


def _connect(path: Path) -> sqlite3.Connection:
    db = _opened(path)
    try:
        for name, value, wanted in _PRAGMAS:
            db.execute(f"PRAGMA {name} = {value}")
            if db.execute(f"PRAGMA {name}").fetchone() != (wanted,):
                raise StorageError(f"SQLite refuses PRAGMA {name} = {value}, on which durability rests")
    except BaseException:
        db.close()
        raise
    return db


def _opened(path: Path) -> sqlite3.Connection:
    """A connection to a file that is there: SQLite would make one that is not, empty and unsaid."""
    return sqlite3.connect(
        f"{path.as_uri()}?mode=rw",
        uri=True,
        timeout=sqlite_lock.PATIENCE_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )


def _version(db: sqlite3.Connection) -> int:
    """The schema's version, 0 in an empty file; a file of another program is refused."""
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    if tables and "indiopay_schema" not in tables:
        raise StorageError("this database belongs to another program: choose another path")
    return read_version(db.execute("SELECT version FROM indiopay_schema").fetchall()) if tables else 0


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Say what to do; the driver's own words, which may quote values, stay in the cause."""
    try:
        yield
    except sqlite3.Error as error:
        raise StorageError(f"the database {path.name} could not be used ({_kind(error)}): {_advice(error)}") from error
    except (UnicodeDecodeError, OverflowError) as error:  # the driver's, of a schema or of a number
        raise StorageError(f"the database {path.name} is damaged: restore it from a backup") from error
    except OSError as error:
        raise StorageError(
            f"the database {path.name} cannot be opened ({error.strerror}): "
            "check its folder, its permissions and the free space"
        ) from error


def _kind(error: sqlite3.Error) -> str:
    return getattr(error, "sqlite_errorname", type(error).__name__)


def _advice(error: sqlite3.Error) -> str:
    known = (advice for name, advice in _ADVICE.items() if _kind(error).startswith(name))
    return next(known, "check the disk")
