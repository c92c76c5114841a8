"""Numbers without a gap, whatever happens to those who take them: many processes, rollbacks, time-outs, clocks."""

import random
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import psycopg
import pytest

from indiopay import Invoice, StorageError
from indiopay.invoice import LinkRef, NewInvoice, invoice_number
from indiopay.listing import InvoiceFilter
from indiopay.stores import sqlite_lock
from indiopay.stores.postgres import PostgresStore
from indiopay.stores.sqlite import _NEXT_NUMBER, SqliteStore
from indiopay.testing.store_samples import new

from .conftest import TODAY
from .forks import Child, Tell

pytestmark = pytest.mark.no_cover  # it goes over and over what other tests cover

WRITERS = 16
SECONDS = 1.5
PATIENCE_SECONDS = 0.1
TAKEN = LinkRef(b"taken, and so refused", 1)

SqlStore = SqliteStore | PostgresStore
Open = Callable[[], SqlStore]


class NumbersOnTheirOwn(SqliteStore):
    """A wrong store: it takes the number in a transaction of its own, as many programs do."""

    def add(self, agency: str, new: NewInvoice) -> Invoice:
        with self._file.writing() as db:
            number, at = db.execute(_NEXT_NUMBER, (agency, self._rows.from_time(new.at))).fetchone()
        record = new.numbered(number, self._rows.to_time(at))
        with self._file.writing() as db:
            self._insert(db, agency, [record])
        return record.invoice


def write_for_a_while(store: SqlStore, writer: int, seed: int) -> Counter[str]:
    """Create invoices under a clock that steps back and forth; one in five is refused after it took its number."""
    lots, outcomes, end = random.Random(f"{seed}/{writer}"), Counter[str](), time.monotonic() + SECONDS
    while time.monotonic() < end:
        at = datetime.now(UTC) + timedelta(seconds=lots.uniform(-3600, 3600))
        wanted = new(lots.getrandbits(120), at=at)
        if lots.random() < 0.2:
            wanted = new(wanted.id.int, at=at, link=TAKEN)
        try:
            store.add("nord", wanted)
            outcomes["made"] += 1
        except StorageError as error:
            outcomes["refused" if "taken already" in str(error) else "gave-up"] += 1
    return outcomes


def run_writers(open_: Open, seed: int) -> list[Counter[str]]:
    """What became of the work of each of sixteen processes."""

    def write(writer: int, tell: Tell) -> None:
        for name, count in write_for_a_while(_opened(open_), writer, seed).items():
            tell(f"{name} {count}")

    writers = [Child(partial(write, writer)) for writer in range(WRITERS)]
    return [Counter({name: int(count) for name, count in map(str.split, writer.end())}) for writer in writers]


def _opened(open_: Open) -> SqlStore:
    """The store, however often the stranger keeps it from being opened."""
    while True:
        with suppress(StorageError):
            return open_()


def faults(store: SqlStore, made: int) -> list[str]:
    """What is wrong with the numbers that were given; nothing, when promise and store agree."""
    newest = store.page("nord", InvoiceFilter(), today=TODAY, after=None, limit=1_000_000)
    invoices = list(reversed(newest))
    found = [] if len(invoices) == made + 1 else [f"{made + 1} were acknowledged, {len(invoices)} are stored"]
    if [invoice.number for invoice in invoices] != [invoice_number(n) for n in range(1, len(invoices) + 1)]:
        found.append("the numbers have gaps or repeat")
    times = [invoice.created_at for invoice in invoices]
    return found if times == sorted(times) else [*found, "a later number has an earlier time"]


def hold_sqlite(path: Path) -> None:
    """A stranger that holds the file again and again, for longer than a writer waits."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        while True:
            db.execute("BEGIN IMMEDIATE")
            time.sleep(2 * PATIENCE_SECONDS)
            db.execute("ROLLBACK")
            time.sleep(4 * PATIENCE_SECONDS)


def hold_postgres(address: str) -> None:
    """A stranger that holds the agency's counter again and again, for longer than a writer waits."""
    with psycopg.connect(address, autocommit=True) as db:
        while True:
            with db.transaction():
                db.execute("SELECT FROM indiopay.counters WHERE agency = 'nord' FOR UPDATE")
                time.sleep(2 * PATIENCE_SECONDS)
            time.sleep(4 * PATIENCE_SECONDS)


@contextmanager
def disturbed(disturb: Callable[[], None]) -> Iterator[None]:
    """While a stranger's process runs."""
    stranger = Child(lambda tell: disturb())
    try:
        yield
    finally:
        stranger.kill()


def contest(open_: Open, disturb: Callable[[], None], seed: int) -> tuple[list[Counter[str]], list[str]]:
    """Sixteen writers and a stranger at one agency: what the writers did, and what is wrong afterwards."""
    with closing(open_()) as store:
        store.add("nord", new(1, link=TAKEN))
    with disturbed(disturb):
        told = run_writers(open_, seed)
    with closing(open_()) as store:
        return told, faults(store, sum(outcomes["made"] for outcomes in told))


@pytest.fixture(params=["sqlite", "postgres"])
def contestants(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Open, Callable[[], None]]:
    """A store whose writers give up after a while, and the stranger that makes them."""
    if request.param == "sqlite":
        monkeypatch.setattr(sqlite_lock, "PATIENCE_SECONDS", PATIENCE_SECONDS)
        path = tmp_path / "numbers.sqlite3"
        return (lambda: SqliteStore(path)), lambda: hold_sqlite(path)
    address = request.getfixturevalue("postgres")
    patience = f"lock_timeout={round(PATIENCE_SECONDS * 1000)}ms"
    conninfo = psycopg.conninfo.make_conninfo(address, options=f"-c {patience}")
    return (lambda: PostgresStore(conninfo)), lambda: hold_postgres(address)


def test_sixteen_processes_leave_no_gap_and_none_is_starved(
    contestants: tuple[Open, Callable[[], None]], seed: int, tell: Callable[[str], None]
) -> None:
    """Through refusals, time-outs and clocks that step back: 1, 2, 3 ..., times that never fall, a share for each."""
    told, wrong = contest(*contestants, seed)
    made = [outcomes["made"] for outcomes in told]
    all_of_it = sum(told, Counter())
    tell(f"numbers: {dict(all_of_it)}, {min(made)} to {max(made)} a writer, seed {seed}")
    assert wrong == []
    assert all_of_it["refused"] > 0
    assert all_of_it["gave-up"] > 0
    assert min(made) >= sum(made) // WRITERS // 4


def test_a_number_in_a_transaction_of_its_own_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """The contest above has been seen to fail."""
    monkeypatch.setattr(sqlite_lock, "PATIENCE_SECONDS", PATIENCE_SECONDS)
    path = tmp_path / "numbers.sqlite3"
    _, wrong = contest(lambda: NumbersOnTheirOwn(path), lambda: hold_sqlite(path), seed)
    assert "the numbers have gaps or repeat" in wrong
