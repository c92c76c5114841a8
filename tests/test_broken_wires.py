"""Promise 4 over PostgreSQL: whatever happens to the connection, at whatever message, and to the server's sessions."""

import select
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from threading import Lock
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg_pool.base import AttemptWithBackoff

from indiopay import Invoice, StorageError
from indiopay.invoice import NewInvoice
from indiopay.stores import postgres_pool
from indiopay.stores.postgres import PostgresStore
from indiopay.stores.postgres_pool import PostgresPool, Session
from indiopay.testing.faults import Fault

from .broken_parts import benches
from .broken_parts.acts import FEWER, verb_of
from .broken_parts.benches import PostgresBench, fast_folder
from .broken_parts.breaking import BrokenPromiseError, Trial, Way, reference
from .broken_parts.scene import Scene, filling
from .broken_parts.ways import Parts, Trouble, trouble_begins
from .postgres_proxy import PostgresProxy

pytestmark = pytest.mark.no_cover  # it goes over and over what other tests cover

Tell = Callable[[str], None]

CUT = ConnectionResetError("cut")


@pytest.fixture
def proxy(postgres: str) -> Iterator[PostgresProxy]:
    with PostgresProxy(postgres) as running:
        yield running


@pytest.fixture
def bench(postgres: str, proxy: PostgresProxy, monkeypatch: pytest.MonkeyPatch) -> Iterator[PostgresBench]:
    """A store behind the proxy, that waits for no lock for long, and whose pool tries again at once."""
    monkeypatch.setattr(AttemptWithBackoff, "INITIAL_DELAY", 0.01)
    with fast_folder() as folder:
        made = PostgresBench(folder, postgres, make_conninfo(proxy.address, options="-c lock_timeout=15ms"))
        yield made
        made.close()


def wire(bench: PostgresBench, proxy: PostgresProxy, direction: str) -> Way:
    """What goes to the server ("asks"), or comes from it ("answers"), goes through the fault."""

    @contextmanager
    def way(scene: Scene, fault: Fault) -> Iterator[Parts]:
        setattr(proxy, direction, fault)
        yield {"store": bench.behind}
        setattr(proxy, direction, Fault(0))

    return way


def cut(bench: PostgresBench, way: Way, acts: Sequence[str], *, step: int = 1) -> int:
    """Break the connection at each half of a message, or at the first halves only; how often that was."""
    done = 0
    for act in acts:
        wanted = reference(act)
        halves = Trial(bench, act, Fault(0), wanted).run(way)
        for at in range(1, halves + 1, step):
            Trial(bench, act, Fault(at, CUT), wanted).run(way)
            done += 1
    return done


@pytest.mark.parametrize("direction", ["asks", "answers"])
def test_a_connection_may_break_at_every_message(
    bench: PostgresBench, proxy: PostgresProxy, direction: str, tell: Tell
) -> None:
    """Before the server is asked, or before it answers; for some verbs within a message too."""
    way = wire(bench, proxy, direction)
    done = cut(bench, way, FEWER, step=2) + cut(bench, way, ["cancel", "get"])
    tell(f"connections to PostgreSQL that broke ({direction}): {done}")


class Outage(Fault):
    """The server cannot be reached from one message on; nobody waits for it for long, until it is back."""

    def __init__(self, at: int, store: PostgresStore) -> None:
        super().__init__(at, CUT, for_good=True)
        self._pool = store._pool._pool()
        self._pool.timeout = 0.02

    def mend(self) -> None:
        super().mend()
        self._pool.timeout = 10


def test_a_server_may_be_away(bench: PostgresBench, proxy: PostgresProxy, tell: Tell) -> None:
    """From the first message of a verb on, or from its last: it is told, and works as soon as the server is back."""
    way = wire(bench, proxy, "asks")
    done = 0
    for act in FEWER:
        halves = Trial(bench, act, Fault(0), reference(act)).run(way)
        for at in {1, halves - 1} - {0, -1}:
            Trial(bench, act, Outage(at, bench.behind), reference(act)).run(way)
            done += 1
    tell(f"outages of PostgreSQL: {done}")


def test_a_server_that_comes_back_after_a_while_is_used_at_once(
    proxy: PostgresProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often it was asked meanwhile: its pool tries again before a caller has lost patience."""
    monkeypatch.setattr(postgres_pool, "_PATIENCE_SECONDS", 0.5)
    monkeypatch.setattr(AttemptWithBackoff, "INITIAL_DELAY", 30)  # such pauses are reached after a minute
    with closing(PostgresStore(proxy.address)) as store:
        away = proxy.asks = Fault(error=CUT, for_good=True)
        proxy.cut()
        with pytest.raises(StorageError):
            store.get("nord", UUID(int=1))
        away.mend()
        assert store.get("nord", UUID(int=1)) is None


END_SESSIONS = """SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"""


class Termination(Fault):
    """The server ends every session when one of them is asked something, before it does it."""

    def __init__(self, at: int, bench: PostgresBench) -> None:
        super().__init__(at, CUT)
        self._admin, self._pool = bench.admin, bench.behind._pool._pool()
        self._ending, self._ended = Lock(), set[int]()

    def do(self, call: Callable[..., Any], /, *given: Any, **named: Any) -> Any:
        try:
            return super().do(call, *given, **named)
        except ConnectionResetError as error:
            if error.args != CUT.args:  # it is a real one
                raise
            with self._ending:
                self._end()
            return call(*given, **named)

    def _end(self) -> None:
        self._ended = {pid for pid, _ in self._admin.execute(END_SESSIONS).fetchall()}
        while self._admin.execute("SELECT FROM pg_stat_activity WHERE pid = ANY(%s)", ([*self._ended],)).fetchall():
            time.sleep(0.001)

    def mend(self) -> None:
        """It is over when each end is known at this side of the proxy."""
        with self._ending:
            super().mend()
        for connection in list(self._pool._pool):
            if connection.info.backend_pid in self._ended:
                select.select([connection], [], [], 10)


@pytest.mark.parametrize("act", ["cancel", "create", "import_records"])
def test_a_server_may_end_its_sessions_at_any_moment(bench: PostgresBench, proxy: PostgresProxy, act: str) -> None:
    """As it does when an administrator stops it: the next call is answered."""
    way = wire(bench, proxy, "asks")
    for at in range(1, Trial(bench, act, Fault(0), reference(act)).run(way) + 1, 2):
        Trial(bench, act, Termination(at, bench), reference(act)).run(way)


@contextmanager
def locked(bench: PostgresBench) -> Iterator[None]:
    bench.admin.execute("BEGIN; LOCK TABLE indiopay.invoices IN ACCESS EXCLUSIVE MODE")
    yield
    bench.admin.execute("ROLLBACK")


def test_a_lock_that_is_held_for_too_long_is_told(bench: PostgresBench) -> None:
    """Another transaction holds the invoices; once it has ended, each verb does what it would have done."""
    told = set()
    for act in FEWER:
        trial = Trial(bench, act, Trouble(locked(bench)), reference(act))
        trial.run(trouble_begins(store=bench.behind))
        if trial.said.error is StorageError:
            told.add(act)
    assert told >= {act for act in FEWER if verb_of(act) not in ("check", "close", "deliver", "owns")}


# --- red twins


@contextmanager
def _keeps_a_connection_that_failed(pool: PostgresPool) -> Iterator[Session]:
    connection = postgres_pool._take(pool._pool())
    try:
        connection.autocommit = True
        yield Session(connection)
    except psycopg.Error as error:
        raise StorageError("kept") from error
    pool._pool().putconn(connection)


_add = PostgresStore.add


def _acknowledges_what_failed(store: PostgresStore, agency: str, new: NewInvoice) -> Invoice:
    try:
        return _add(store, agency, new)
    except StorageError:
        return new.numbered(len(filling()[0]) + 1, new.at).invoice


def _raw(error: psycopg.Error, *, in_use: bool) -> psycopg.Error:
    return error


TWINS: list[tuple[str, str, object, str, Any]] = [
    ("raw", "cancel", postgres_pool, "_told", _raw),
    ("open", "get", PostgresPool, "reading", _keeps_a_connection_that_failed),
    ("half", "cancel", PostgresPool, "writing", PostgresPool.reading),
    ("lost", "create", PostgresStore, "add", _acknowledges_what_failed),
]
"""How each is caught, at which verb, and what is broken for it."""


@pytest.mark.parametrize(("how", "act", "part", "name", "broken"), TWINS)
def test_a_broken_build_is_caught(
    bench: PostgresBench,
    proxy: PostgresProxy,
    how: str,
    act: str,
    part: object,
    name: str,
    broken: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A store that breaks the promise in one way, by what is wrong with it."""
    monkeypatch.setattr(benches, "SETTLED_SECONDS", 0.3)
    monkeypatch.setattr(part, name, broken)
    with pytest.raises(BrokenPromiseError, match=f"^{how}:"):
        break_each(bench, wire(bench, proxy, "asks"), act)


def break_each(bench: PostgresBench, way: Way, act: str) -> None:
    """Before each message; for good if a create tries again."""
    for at in range(1, 20, 2):
        fault = Outage(at, bench.behind) if act == "create" else Fault(at, CUT)
        Trial(bench, act, fault, reference(act)).run(way)
