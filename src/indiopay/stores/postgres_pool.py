"""Connections to one PostgreSQL database: pooled, looked at before use, given back as they were."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from select import POLLIN, poll
from typing import Any

import psycopg
from psycopg import Cursor, IsolationLevel
from psycopg.adapt import AdaptersMap
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row
from psycopg_pool import ConnectionPool

from indiopay.errors import StorageError

Pool = ConnectionPool[Any]

_CONNECTIONS = 10
_PATIENCE_SECONDS = 30

# What a connection of our own must have; what is stricter already stays.
_SETTINGS = f"""SELECT set_config('default_transaction_isolation', 'read committed', false),
    set_config('datestyle', 'ISO', false),
    set_config('lock_timeout', CASE current_setting('lock_timeout') WHEN '0' THEN '{_PATIENCE_SECONDS}s'
        ELSE current_setting('lock_timeout') END, false),
    set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on'
        ELSE current_setting('synchronous_commit') END, false)"""

_FITNESS = """SELECT current_setting('synchronous_commit'), current_setting('datestyle'), pg_backend_pid(),
    current_setting('server_encoding'), current_setting('client_encoding')"""

# By SQLSTATE, its first two characters or the error's name; "" is a connection that could not be made, or was lost.
_ADVICE = {
    "": "check its address, the role and its password, and that it runs, then try again",
    "PoolClosed": "its pool is closed, or was never opened",
    "PoolTimeout": "no connection came in time, its pool may be too small or the server out of reach",
    "08": "the connection could not be made, try again",
    "23": "an id, a link or a number is taken already",
    "25P03": "its transaction stood still for too long, try again",
    "25006": "it is read-only, connect to the primary",
    "40": "others were in the way, try again",
    "42": "its tables or the rights on them are not as they should be, check the role's rights",
    "53100": "its disk is full, free some space",
    "53": "it has no connection or memory left, try again later",
    "55P03": "another transaction holds it, try again",
    "57": "it was stopped, try again",
    "57014": "it gave up after the time that its settings allow, try again",
    "XX": "it is damaged, restore it from a backup",
    "other": "the driver's error says more",
}

_BREAKS = ("", "08", "57")
_LOST = "the connection was lost, and what was asked may have been done or not: look before you try again"

_ADAPTERS = AdaptersMap(psycopg.adapters)


class _PlainCursor(Cursor[tuple[Any, ...]]):
    """Reads and writes values as psycopg does, whatever the pool's owner has registered on its connections."""

    @property
    def adapters(self) -> AdaptersMap:
        return _ADAPTERS


class Session:
    """A connection of the caller's own, for as long as it holds it. Rows are tuples, whatever the pool's owner uses."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection

    def execute(self, sql: str, values: Sequence[object] = (), /) -> Cursor[tuple[Any, ...]]:
        """Do one statement."""
        return self._cursor().execute(sql.encode(), values)

    def executemany(self, sql: str, values: Iterable[Sequence[object]], /) -> None:
        """Do one statement for each of many rows."""
        self._cursor().executemany(sql.encode(), values)

    def _cursor(self) -> Cursor[tuple[Any, ...]]:
        return _PlainCursor(self.connection, row_factory=tuple_row)


class PostgresPool:
    """Connections out of the host's pool, or out of one of our own for `conninfo`, made anew in a forked child."""

    def __init__(self, conninfo_or_pool: str | Pool) -> None:
        if not isinstance(conninfo_or_pool, str | ConnectionPool):
            raise TypeError("a PostgresStore takes a connection string or a psycopg_pool.ConnectionPool")
        self._given = conninfo_or_pool
        self._pid = os.getpid()
        self._own: dict[int, Pool] = {}

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A connection on which each statement is a transaction; the driver's errors come out as StorageError."""
        connection = None
        try:
            pool = self._pool()
            connection = _take(pool)
            before = connection.autocommit, connection.isolation_level
            try:
                if not connection.autocommit:
                    connection.autocommit = True
                yield Session(connection)
            finally:
                _restore(connection, before)
                pool.putconn(connection)
        except psycopg.Error as error:
            raise _told(error, in_use=connection is not None) from error

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        """A connection for reads that see one state of the database."""
        with self._transaction(IsolationLevel.REPEATABLE_READ) as db:
            yield db

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A connection in a transaction that is committed at the end, durably, or leaves nothing."""
        with self._transaction(IsolationLevel.READ_COMMITTED) as db:
            yield db

    def close(self) -> None:
        """Close our own pool, if there is one: it is made anew at the next use. The host's stays open."""
        if own := self._own.pop(os.getpid(), None):
            own.close()

    @contextmanager
    def _transaction(self, level: IsolationLevel) -> Iterator[Session]:
        with self.reading() as db:
            db.connection.isolation_level = level
            with db.connection.transaction():
                yield db

    def _pool(self) -> Pool:
        """The host's, or this process's own: a child never uses, nor closes, what its parent opened."""
        if not isinstance(self._given, str):
            if os.getpid() != self._pid:
                raise StorageError("this pool was made before the fork: make a pool and a store in each process")
            return self._given
        own = self._own.get(os.getpid())
        if own is None:
            psycopg.connect(self._given).close()  # a pool would not say why it cannot connect
            own = self._own.setdefault(os.getpid(), _pool_of_ours(self._given))
        own.open()
        return own


def may_be_done(error: StorageError) -> bool:
    """Whether what was asked may have been done: by another just now, or before the connection broke off."""
    return isinstance(error.__cause__, psycopg.Error) and _advised(error.__cause__) in (*_BREAKS, "23", "40")


def require_fit(db: Session) -> None:
    """Refuse a connection on which invoices could be lost, or garbled: StorageError."""
    commits, dates, pid, *encodings = db.execute(_FITNESS).fetchall()[0]
    if commits == "off":
        raise StorageError("synchronous_commit is off: turn it on for this role, or invoices would be lost")
    if encodings != ["UTF8", "UTF8"]:
        raise StorageError("this database, or its client encoding, is not UTF-8: choose another database")
    if not dates.startswith("ISO"):
        raise StorageError("DateStyle is not ISO: set it to ISO for this role or pool, or no time could be read")
    if pid != db.connection.info.backend_pid and db.connection.prepare_threshold is not None:
        raise StorageError("a pooler stands in between: give the store a ConnectionPool with prepare_threshold=None")


def _pool_of_ours(conninfo: str) -> Pool:
    return ConnectionPool(
        conninfo,
        kwargs={"autocommit": True},
        min_size=1,
        max_size=_CONNECTIONS,
        timeout=_PATIENCE_SECONDS,
        reconnect_timeout=_PATIENCE_SECONDS,  # or it pauses for longer than a caller waits, after a server's absence
        configure=_configure,
        open=False,
    )


def _configure(connection: psycopg.Connection[Any]) -> None:
    connection.execute(_SETTINGS.encode())


def _take(pool: Pool) -> psycopg.Connection[Any]:
    """A connection that is alive, as far as can be told without asking; the pool replaces the others."""
    while True:
        connection: psycopg.Connection[Any] = pool.getconn()
        if _is_alive(connection):
            return connection
        pool.putconn(connection)


def _is_alive(connection: psycopg.Connection[Any]) -> bool:
    """Nothing is there to be read on an idle connection, unless it was lost: only then is the server asked."""
    waiting = poll()
    waiting.register(connection.fileno(), POLLIN)
    if not waiting.poll(0):
        return True
    try:
        ConnectionPool.check_connection(connection)
    except psycopg.Error:
        connection.close()
        return False
    return True


def _restore(connection: psycopg.Connection[Any], before: tuple[bool, IsolationLevel | None]) -> None:
    """Each setter takes a lock and asks the connection, so nothing is set that stands."""
    changed = (connection.autocommit, connection.isolation_level) != before
    if changed and connection.info.transaction_status == TransactionStatus.IDLE:
        connection.autocommit, connection.isolation_level = before


def _told(error: psycopg.Error, *, in_use: bool) -> StorageError:
    """What to do; the driver's own words stay in the cause, without the details in which a server quotes values."""
    if primary := error.diag.message_primary:
        error.args = (primary,)
    kind, advised = error.sqlstate or type(error).__name__, _advised(error)
    advice = _LOST if in_use and advised in _BREAKS else _ADVICE[advised]
    return StorageError(f"the PostgreSQL database could not be used ({kind}): {advice}")


def _advised(error: psycopg.Error) -> str:
    state = error.sqlstate or ""
    return next((known for known in (type(error).__name__, state, state[:2]) if known in _ADVICE), "other")
