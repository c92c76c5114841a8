"""The page « Use PostgreSQL »: its roles can do what they must and no more, and what it watches for is seen."""

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from indiopay import Agency, MailError, Status
from indiopay.stores.postgres import PostgresStore
from indiopay.testing import StoppedClock, memory_desk

from .conftest import filled_in

T = TypeVar("T")

DOCS = Path(__file__).parent.parent / "docs"


def sql_of(page: str) -> list[str]:
    """The SQL blocks of a page, in order."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return [re.sub("^ +", "", block, flags=re.MULTILINE) for block in re.findall(r"```sql\n(.*?)```", text, re.DOTALL)]


def block_with(words: str) -> str:
    (block,) = (block for block in sql_of("use-postgresql.md") if words in block)
    return block


def url(role: str) -> str:
    return make_conninfo(os.environ["DATABASE_URL"], user=f"indiopay_{role}")


def find(role: str, words: str) -> list[dict[str, Any]]:
    """What a role finds with a block of the page."""
    with psycopg.connect(url(role), row_factory=psycopg.rows.dict_row) as db:
        return db.execute(block_with(words).encode()).fetchall()


@pytest.fixture(scope="module", autouse=True)
def _prepared(database: None) -> None:
    """The database as the page prepares it, and a role that watches."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as db:
        db.execute(block_with("CREATE ROLE").encode())
        PostgresStore(url("owner")).close()
        for words in ("UPDATE (", "SELECT (", "lock_timeout"):
            db.execute(block_with(words).encode())
        db.execute("CREATE ROLE indiopay_watch LOGIN IN ROLE pg_monitor")
        db.execute("GRANT USAGE ON SCHEMA indiopay TO indiopay_watch")
        db.execute("GRANT SELECT ON ALL TABLES IN SCHEMA indiopay TO indiopay_watch")


@pytest.fixture
def store() -> Iterator[PostgresStore]:
    with closing(PostgresStore(url("app"))) as opened:
        yield opened


def agency(slug: str) -> Agency:
    return Agency(slug, "Assurances du Nord", "facturation@exemple.ca")


def eventually(look: Callable[[], list[T]]) -> list[T]:
    """What is found, once something is."""
    end = time.monotonic() + 20
    while not (found := look()) and time.monotonic() < end:
        time.sleep(0.02)
    return found


class RefusingMailer:
    """A relay that knows no such address."""

    def send(self, *, sender: str, recipient: str, message: bytes) -> None:
        raise MailError("rcpt", kind="never", code=550)


def test_both_languages_have_the_same_sql() -> None:
    """A query that is corrected in one page is corrected in the other."""
    assert sql_of("use-postgresql.md") == sql_of("fr/utiliser-postgresql.md")


def test_the_apps_rights_are_enough_to_create_send_pay_and_cancel(store: PostgresStore) -> None:
    """And to renew a link, and to open it."""
    desk = memory_desk(store=store)
    invoice = desk.create(filled_in(send_by_email=True), idempotency_key="k")
    assert desk.create(filled_in(send_by_email=True), idempotency_key="k") == invoice
    assert desk.send(invoice.id).state == "sent"
    assert desk.payment_page(desk.renew_link(invoice.id).rpartition("/")[2]).payable
    assert desk.record_payment(invoice.id, reference="r").status is Status.PAID
    assert desk.cancel(desk.create(filled_in()).id).status is Status.CANCELLED


def test_the_apps_rights_are_enough_to_give_a_letter_up_and_to_withdraw_one(store: PostgresStore) -> None:
    """Six days without a worker, or a cancelled invoice."""
    clock = StoppedClock()
    desk = memory_desk(store=store, clock=clock, send_at_once=False, agency=agency("retard"))
    late, cancelled = (desk.create(filled_in(send_by_email=True)) for _ in range(2))
    desk.cancel(cancelled.id)
    clock.advance(timedelta(days=6))
    assert desk.deliver() == 0
    assert [desk.deliveries(invoice.id)[0].state for invoice in (late, cancelled)] == ["failed", "cancelled"]


def test_the_apps_rights_are_enough_to_move_an_agency_and_to_read_it(store: PostgresStore) -> None:
    """Records go in, and come out as they went in."""
    source = memory_desk(agency=agency("copie"))
    source.create(filled_in(send_by_email=True))
    desk = memory_desk(store=store, agency=agency("copie"))
    assert desk.import_records(source.export_records()) == 1
    assert list(desk.export_records()) == list(source.export_records())
    assert desk.list(text="zoe").items == source.list().items
    assert desk.totals() == source.totals()


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM indiopay.invoices",
        "DELETE FROM indiopay.letters",
        "TRUNCATE indiopay.history",
        "UPDATE indiopay.invoices SET number = number + 1",
        "UPDATE indiopay.invoices SET minor_units = 1",
        "UPDATE indiopay.history SET at = now()",
        "UPDATE indiopay.indiopay_schema SET version = 9",
        "DROP TABLE indiopay.counters",
    ],
)
def test_the_app_can_neither_delete_nor_change_what_was_said(statement: str) -> None:
    """The database refuses it, whatever the app tries."""
    with psycopg.connect(url("app")) as db, pytest.raises(psycopg.errors.InsufficientPrivilege):
        db.execute(statement.encode())


def test_reports_read_invoices_and_see_no_link() -> None:
    """Not in the bytes of a letter; and they write nothing."""
    with psycopg.connect(url("reports"), autocommit=True) as db:
        assert db.execute("SELECT count(*) FROM indiopay.invoices JOIN indiopay.history ON id = invoice_id").fetchone()
        assert db.execute("SELECT count(state) FROM indiopay.letters").fetchone()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            db.execute("SELECT message FROM indiopay.letters")
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            db.execute("INSERT INTO indiopay.counters VALUES ('nord', 1, now())")


def test_letters_that_wait_or_failed_are_seen(store: PostgresStore) -> None:
    """With how long they have waited, and with the relay's code."""
    at = datetime.now(UTC) - timedelta(hours=2)
    parts: dict[str, Any] = {"store": store, "clock": StoppedClock(at), "agency": agency("attente")}
    failed = memory_desk(**parts, mailer=RefusingMailer()).create(filled_in(send_by_email=True))
    memory_desk(**parts, send_at_once=False).create(filled_in(send_by_email=True))
    seen = [row for row in find("watch", "state = 'queued'") if row["agency"] == "attente"]
    assert [(row["count"], row["oldest"], row["attempts"]) for row in seen] == [(1, at, 0)]
    seen = [row for row in find("watch", "state = 'failed'") if row["agency"] == "attente"]
    assert [(row["invoice_id"], row["last_phase"], row["last_code"]) for row in seen] == [(failed.id, "rcpt", 550)]


def test_who_waits_for_a_number_and_for_whom_is_seen(store: PostgresStore) -> None:
    """And so is the stranger's transaction that it is about."""
    desk = memory_desk(store=store, agency=agency("verrou"))
    desk.create(filled_in())
    with psycopg.connect(os.environ["DATABASE_URL"]) as stranger:
        stranger.execute("SELECT FROM indiopay.counters WHERE agency = 'verrou' FOR UPDATE")
        waiting = Thread(target=desk.create, args=[filled_in()])
        waiting.start()
        (seen,) = eventually(lambda: find("watch", "'%indiopay.counters%'"))
        assert seen["waits_for"] == [stranger.info.backend_pid]
        open_now = {row["pid"]: row["state"] for row in find("watch", "xact_start IS NOT NULL")}
        assert open_now[stranger.info.backend_pid] == "idle in transaction"
    waiting.join()
    assert len(desk.list().items) == 2


def test_tables_and_connections_are_seen() -> None:
    """Every table of the schema, and as many connections as the server allows."""
    tables = {"counters", "history", "indiopay_schema", "invoices", "letters"}
    assert {row["relname"] for row in find("watch", "n_dead_tup")} == tables
    (connections,) = find("watch", "max_connections")
    assert 0 < connections["used"] < int(connections["allowed"])
