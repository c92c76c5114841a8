"""PostgreSQL: one round trip a create, lost connections and answers, the host's pool, forks, schemas, plain errors."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import psycopg
import pytest
from attrs import evolve
from psycopg import ConnectionInfo
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

from indiopay import IdempotencyError, Invoice, StorageError
from indiopay.invoice import Idempotency, LinkRef, outcome_entry
from indiopay.listing import InvoiceFilter
from indiopay.outbox import accepted
from indiopay.stores import postgres as postgres_module
from indiopay.stores.postgres import PostgresStore
from indiopay.stores.postgres_schema import STEPS
from indiopay.testing.store_samples import NOW, claim, letter, new

from .conftest import TODAY
from .postgres_proxy import PostgresProxy

pytestmark = pytest.mark.no_cover  # it goes over and over what other tests cover

KEY = Idempotency("k", b"form")


@pytest.fixture
def store(postgres: str) -> Iterator[PostgresStore]:
    with closing(PostgresStore(postgres)) as made:
        yield made


@pytest.fixture
def proxy(postgres: str) -> Iterator[PostgresProxy]:
    with PostgresProxy(postgres) as running:
        yield running


@pytest.fixture
def behind(proxy: PostgresProxy) -> Iterator[PostgresStore]:
    """A store that reaches its server through the proxy."""
    with closing(PostgresStore(proxy.address)) as made:
        yield made


def host_pool(address: str, **kwargs: Any) -> "ConnectionPool[psycopg.Connection[Any]]":
    return ConnectionPool(address, min_size=2, max_size=8, kwargs=kwargs, open=True)


def numbers(store: PostgresStore) -> list[str]:
    return [invoice.number for invoice in store.page("nord", InvoiceFilter(), today=TODAY, after=None, limit=1000)]


def run(address: str, sql: str) -> None:
    with psycopg.connect(address, autocommit=True) as db:
        db.execute(sql.encode())


def end_sessions(address: str) -> None:
    run(
        address,
        """SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
        WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()""",
    )


def test_a_create_is_one_round_trip(proxy: PostgresProxy, behind: PostgresStore) -> None:
    """With its number, its history, its letter and its key."""
    behind.add("nord", new(1))
    before = proxy.round_trips
    behind.add("nord", new(2, letter=letter(2), idempotency=KEY))
    assert proxy.round_trips == before + 1


def test_a_connection_that_was_lost_is_opened_again(postgres: str, store: PostgresStore) -> None:
    """The next call neither errs nor notices, however many connections lay idle."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda turn: store.add("nord", new(turn)), range(1, 41)))
    end_sessions(postgres)
    assert len(numbers(store)) == 40
    end_sessions(postgres)
    assert store.add("nord", new(41)).number == "F-000041"
    end_sessions(postgres)
    store.apply("nord", store.add("nord", new(42)).cancel(at=NOW))


@pytest.mark.parametrize("key", [None, KEY])
def test_a_create_whose_answer_was_lost_is_asked_again(
    proxy: PostgresProxy, behind: PostgresStore, key: Idempotency | None
) -> None:
    """It gives the invoice that was made, and there is one."""
    behind.add("nord", new(1))
    proxy.loses_next_answer = True
    made = behind.add("nord", new(2, letter=letter(2), idempotency=key))
    assert not proxy.loses_next_answer
    assert (made.number, numbers(behind)) == ("F-000002", ["F-000002", "F-000001"])


def test_the_key_answers_for_a_create_that_failed_on_a_lost_connection(
    proxy: PostgresProxy, behind: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the server stays away after the lost answer, the caller's own retry finds the invoice."""
    behind.add("nord", new(1))
    with monkeypatch.context() as away:
        away.setattr(behind, "_made_before", _unreachable)
        proxy.loses_next_answer = True
        with pytest.raises(StorageError, match="unreachable"):
            behind.add("nord", new(2, idempotency=KEY))
    again = behind.add("nord", new(3, idempotency=KEY))
    assert (again.id.int, again.number) == (2, "F-000002")


def _unreachable(*_: object) -> None:
    raise StorageError("unreachable")


def test_a_change_whose_answer_was_lost_is_an_error_that_can_be_looked_at(
    proxy: PostgresProxy, behind: PostgresStore
) -> None:
    """Whether it was written is told by reading; the store goes on working."""
    invoice = behind.add("nord", new(1))
    proxy.loses_next_answer = True
    with pytest.raises(StorageError, match="may have been done or not"):
        behind.apply("nord", invoice.cancel(at=NOW))
    found = behind.get("nord", invoice.id)
    assert found is not None
    assert found[0].version == 1


def test_connections_that_break_in_use_are_told_and_replaced(proxy: PostgresProxy, behind: PostgresStore) -> None:
    """The error says to look before trying again, and looking works."""
    behind.add("nord", new(1))
    with pytest.raises(StorageError, match="may have been done or not: look"), behind._pool.reading() as db:  # noqa: PT012  # the break is the test
        proxy.cut()
        db.execute("SELECT 1")
    assert numbers(behind) == ["F-000001"]


def test_connections_of_our_own_read_committed_wait_half_a_minute_and_commit_durably(postgres: str) -> None:
    """Whatever the role's settings are; a shorter wait stays."""
    relaxed = "-c synchronous_commit=off -c default_transaction_isolation=serializable"
    run(postgres, "ALTER ROLE postgres SET lock_timeout = '7s'")
    try:
        with closing(PostgresStore(make_conninfo(postgres, options=relaxed))) as store, store._pool.reading() as db:
            names = ("default_transaction_isolation", "lock_timeout", "synchronous_commit")
            told = [db.execute(f"SHOW {name}").fetchone() for name in names]
    finally:
        run(postgres, "ALTER ROLE postgres RESET lock_timeout")
    assert told == [("read committed",), ("7s",), ("on",)]


def test_a_hosts_pool_is_given_back_as_it_was(postgres: str) -> None:
    """Its rows, its transactions and its isolation level stay the host's; closing the store leaves it open."""
    with host_pool(postgres, row_factory=dict_row) as pool:
        store = PostgresStore(pool)
        store.apply("nord", store.add("nord", new(1)).cancel(at=NOW))
        assert list(store.export("nord"))
        store.close()
        with pool.connection() as connection:
            assert connection.execute("SELECT 1 AS one").fetchone() == {"one": 1}
            assert (connection.autocommit, connection.isolation_level) == (False, None)
            assert connection.info.transaction_status.name == "INTRANS"


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_creates_of_many_threads_succeed_on_a_hosts_pool_of_any_isolation_level(postgres: str, level: str) -> None:
    """Each create that its level refuses is done again under READ COMMITTED."""
    options = f"-c default_transaction_isolation={level.replace(' ', chr(92) + ' ')}"
    with host_pool(make_conninfo(postgres, options=options)) as pool, ThreadPoolExecutor(8) as threads:
        store = PostgresStore(pool)
        list(threads.map(lambda turn: store.add("nord", new(turn)), range(1, 81)))
        assert numbers(store) == [f"F-{number:06d}" for number in range(80, 0, -1)]


def test_a_hosts_pool_that_commits_late_is_refused(postgres: str) -> None:
    """What it acknowledges could be lost."""
    with (
        host_pool(make_conninfo(postgres, options="-c synchronous_commit=off")) as pool,
        pytest.raises(StorageError, match="synchronous_commit is off"),
    ):
        PostgresStore(pool)


def test_a_hosts_pool_that_writes_dates_its_own_way_is_refused_and_our_own_does_not(postgres: str) -> None:
    """What was created could not be told."""
    german = make_conninfo(postgres, options="-c DateStyle=German")
    with host_pool(german) as pool, pytest.raises(StorageError, match="DateStyle is not ISO"):
        PostgresStore(pool)
    with closing(PostgresStore(german)) as store:
        assert store.add("nord", new(1)).created_at == NOW


@pytest.mark.parametrize("kind", ["uuid", "timestamptz", "date", "bytea", "jsonb", "int4", "int8", "text", "numeric"])
def test_what_a_host_reads_its_own_way_changes_nothing(postgres: str, kind: str) -> None:
    """Loaders that it has registered on its connections are not the store's."""

    def configure(connection: psycopg.Connection[Any]) -> None:
        connection.adapters.register_loader(kind, NumberLoader)

    with ConnectionPool(postgres, min_size=1, configure=configure, open=True) as pool:
        store = PostgresStore(pool)
        made = store.add("nord", new(1, letter=letter(1), idempotency=KEY))
        assert store.add("nord", new(2, idempotency=KEY)) == made
        assert [record.invoice for record in store.export("nord")] == [made]
        assert store.totals("nord", today=TODAY).open == {"CAD": made.amount}


class NumberLoader(Loader):
    """Takes everything for its length."""

    def load(self, data: Buffer) -> int:
        return len(data)


def test_a_schema_that_an_administrator_made_is_used(postgres: str) -> None:
    """By a role that may make none itself."""
    run(postgres, "DROP ROLE IF EXISTS keeper; CREATE ROLE keeper LOGIN; CREATE SCHEMA indiopay AUTHORIZATION keeper")
    try:
        with closing(PostgresStore(make_conninfo(postgres, user="keeper"))) as store:
            assert store.add("nord", new(1)).number == "F-000001"
    finally:
        run(postgres, "DROP SCHEMA indiopay CASCADE; DROP ROLE keeper")


@pytest.mark.parametrize("damage", ["DELETE FROM", "INSERT INTO", "UPDATE"])
def test_a_damaged_version_is_told(postgres: str, damage: str) -> None:
    """None, two, or one that cannot be."""
    PostgresStore(postgres).close()
    run(postgres, f"{damage} indiopay.indiopay_schema {DAMAGES[damage]}")
    with pytest.raises(StorageError, match="restore the database from a backup"):
        PostgresStore(postgres)


DAMAGES = {"DELETE FROM": "", "INSERT INTO": "VALUES (1)", "UPDATE": "SET version = 0"}


def test_an_import_into_a_new_database_reads_each_invoice_a_few_times(postgres: str, store: PostgresStore) -> None:
    """Foreign keys are not checked by a plan that was made while there were no invoices."""
    count = 5_000
    for first in range(1, 11):
        store.add("sud", new(first, agency="sud", letter=letter(first)))
    store.import_("nord", (new(n + 10).numbered(n, NOW) for n in range(1, count + 1)))
    with store._pool.reading() as db:
        db.execute("SELECT pg_stat_force_next_flush()")
        (read,) = db.execute("SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname = 'invoices'").fetchall()
    assert read[0] < 10 * count


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_in_another_encoding_is_refused(postgres: str, encoding: str) -> None:
    """It would garble names, or refuse them late."""
    run(postgres, "DROP DATABASE IF EXISTS elsewhere")
    run(postgres, f"CREATE DATABASE elsewhere ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")
    with pytest.raises(StorageError, match="not UTF-8"):
        PostgresStore(make_conninfo(postgres, dbname="elsewhere"))


def test_a_pooler_that_would_mix_up_prepared_statements_is_refused(
    postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answers with a process of its own; a pool that prepares nothing is safe behind it."""
    monkeypatch.setattr(ConnectionInfo, "backend_pid", 1)
    with pytest.raises(StorageError, match="prepare_threshold=None"):
        PostgresStore(postgres)
    with host_pool(postgres, prepare_threshold=None) as pool:
        assert PostgresStore(pool).add("nord", new(1)).number == "F-000001"


def test_a_pool_that_is_closed_or_used_up_is_told(postgres: str, store: PostgresStore) -> None:
    """Each in its own words."""
    store.add("nord", new(1))
    with ConnectionPool(postgres, min_size=1, max_size=1, timeout=0.05, open=True) as pool:
        store = PostgresStore(pool)
        with pool.connection(timeout=5), pytest.raises(StorageError, match="no connection came in time"):
            numbers(store)
    with pytest.raises(StorageError, match="its pool is closed"):
        numbers(store)


@pytest.mark.parametrize("given", [None, 5, b"dbname=x"])
def test_something_else_than_an_address_or_a_pool_is_refused(given: Any) -> None:
    """By its type."""
    with pytest.raises(TypeError, match="connection string"):
        PostgresStore(given)


def _in_a_child(work: Callable[[], bool]) -> bool:
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if work() else 1)
        except BaseException:  # noqa: BLE001  # a child must not run on into the tests
            os._exit(2)
    return os.waitpid(child, 0)[1] == 0


def test_a_forked_child_opens_connections_of_its_own(store: PostgresStore) -> None:
    """Parent and child both go on writing."""
    store.add("nord", new(1))
    assert _in_a_child(lambda: store.add("nord", new(2)).number == "F-000002")
    assert store.add("nord", new(3)).number == "F-000003"


def test_a_forked_child_is_refused_its_parents_pool(postgres: str) -> None:
    """Two processes on one connection would garble it; the parent goes on."""
    with host_pool(postgres) as pool:
        store = PostgresStore(pool)

        def refused() -> bool:
            with pytest.raises(StorageError, match="in each process"):
                store.add("nord", new(1))
            return True

        assert _in_a_child(refused)
        assert store.add("nord", new(2)).number == "F-000001"


def test_a_closed_store_can_be_used_again(store: PostgresStore) -> None:
    """As one in a file can."""
    store.add("nord", new(1))
    store.close()
    assert numbers(store) == ["F-000001"]


def test_an_empty_database_that_many_open_at_once_is_made_once(postgres: str) -> None:
    """No opening fails."""

    def open_(_: int) -> None:
        PostgresStore(postgres).close()

    with ThreadPoolExecutor(6) as threads:
        assert list(threads.map(open_, range(6))) == [None] * 6


def test_an_older_schema_is_brought_up_to_date_and_a_newer_one_is_refused(
    postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within one transaction: a step that fails leaves the version and the tables as they were."""
    PostgresStore(postgres).close()
    added = ("ALTER TABLE indiopay.invoices ADD COLUMN colour text",)
    monkeypatch.setattr(postgres_module, "STEPS", (*STEPS, (*added, "SELECT 1 / 0")))
    with pytest.raises(StorageError):
        PostgresStore(postgres)
    monkeypatch.setattr(postgres_module, "STEPS", (*STEPS, added))
    with closing(PostgresStore(postgres)) as store:
        store.add("nord", new(1))
    monkeypatch.setattr(postgres_module, "STEPS", STEPS)
    with pytest.raises(StorageError, match="upgrade indiopay"):
        PostgresStore(postgres)


def test_a_server_that_cannot_be_reached_is_told_at_once(postgres: str) -> None:
    """The driver's error is the cause; no wait for a pool."""
    started = time.monotonic()
    with pytest.raises(StorageError, match="check its address") as caught:
        PostgresStore(make_conninfo(postgres, host="127.0.0.1", port=1))
    assert isinstance(caught.value.__cause__, psycopg.OperationalError)
    assert time.monotonic() - started < 5


def test_a_database_that_cannot_be_written_is_told(postgres: str) -> None:
    """A standby, for example."""
    with pytest.raises(StorageError, match="read-only, connect to the primary"):
        PostgresStore(make_conninfo(postgres, options="-c default_transaction_read_only=on"))


def test_a_role_without_rights_is_told(postgres: str) -> None:
    """It may not make the schema."""
    run(postgres, "DROP ROLE IF EXISTS visitor; CREATE ROLE visitor LOGIN")
    with pytest.raises(StorageError, match="check the role's rights"):
        PostgresStore(make_conninfo(postgres, user="visitor"))


def test_a_writer_that_waits_too_long_is_told(postgres: str, store: PostgresStore) -> None:
    """Nothing was written, and the store goes on working."""
    store.add("nord", new(1))
    hurried = PostgresStore(make_conninfo(postgres, options="-c lock_timeout=50ms"))
    with closing(hurried), psycopg.connect(postgres) as db:
        db.execute("SELECT FROM indiopay.counters FOR UPDATE")
        with pytest.raises(StorageError, match="another transaction holds it"):
            hurried.add("nord", new(2))
        db.rollback()
        assert hurried.add("nord", new(2)).number == "F-000002"


def test_an_id_or_a_link_that_is_taken_is_refused_and_takes_no_number(store: PostgresStore) -> None:
    """Nor is another's invoice given for it."""
    store.add("nord", new(1))
    for clash in (new(1, link=LinkRef(b"x" * 18, 7)), new(2, link=new(1).link)):
        with pytest.raises(StorageError, match="taken already"):
            store.add("nord", clash)
    assert store.add("nord", new(3)).number == "F-000002"


def test_a_key_that_another_takes_at_the_same_moment_gives_its_invoice(postgres: str, store: PostgresStore) -> None:
    """The one that waits for the other's commit is answered by it, or refused if its form is another."""
    store.add("nord", new(1))
    answers: list[object] = []

    def create(fingerprint: bytes, number: int) -> None:
        try:
            answers.append(store.add("nord", new(number, idempotency=Idempotency("k", fingerprint))).id.int)
        except IdempotencyError:
            answers.append("refused")

    with psycopg.connect(postgres) as db:
        db.execute("SELECT FROM indiopay.counters FOR UPDATE")
        waiting = [threading.Thread(target=create, args=(b"form", 10 + turn)) for turn in range(4)]
        for thread in waiting:
            thread.start()
        time.sleep(0.2)
        db.rollback()
    for thread in waiting:
        thread.join()
    create(b"another", 20)
    assert len(set(answers[:4])) == 1
    assert answers[4:] == ["refused"]
    assert len(numbers(store)) == 2


def test_letters_end_while_their_invoice_changes_without_a_deadlock(store: PostgresStore) -> None:
    """Both lock the letter before the invoice."""
    store.add("nord", new(1))
    end = time.monotonic() + 1

    def send_and_renew() -> int:
        turns = 0
        while time.monotonic() < end:
            turns += 1
            store.apply("nord", _found(store).send(evolve(letter(turns), invoice_id=new(1).id)))
            store.apply("nord", _found(store).renew_link(LinkRef(turns.to_bytes(18, "little"), 9), at=NOW))
        return turns

    def deliver() -> int:
        done = 0
        while time.monotonic() < end:
            if held := claim(store):
                sent = accepted(held, at=NOW)
                done += store.finish("nord", sent, outcome_entry(sent, NOW))
        return done

    with ThreadPoolExecutor(4) as threads:
        work = [threads.submit(send_and_renew), *(threads.submit(deliver) for _ in range(3))]
        assert all(done.result() > 10 for done in work[:1])
        assert sum(done.result() for done in work[1:]) > 10


def _found(store: PostgresStore) -> Invoice:
    found = store.get("nord", new(1).id)
    assert found is not None
    return found[0]
