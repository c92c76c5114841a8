"""Invoices in PostgreSQL, for many machines; needs the extra `postgres` (psycopg 3)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypeVar

from indiopay.errors import IdempotencyError, StorageError
from indiopay.invoice import Invoice, NewInvoice
from indiopay.listing import search_text
from indiopay.stores.migrations import read_version, take_steps
from indiopay.stores.postgres_pool import Pool, PostgresPool, Session, may_be_done, require_fit
from indiopay.stores.postgres_schema import STEPS
from indiopay.stores.rows import ENTRY, LETTER, SEARCHED, Rows, marks
from indiopay.stores.sql_store import SqlStore
from indiopay.stores.statements import Dialect

T = TypeVar("T")

DIALECT = Dialect(
    mark="%s",
    schema="indiopay",
    position="strpos",
    lock=" FOR NO KEY UPDATE",
    lock_free=" FOR UPDATE SKIP LOCKED",
    plan_anew="DISCARD PLANS",
)

_VERSION_TABLE = "indiopay.indiopay_schema"
# Of the catalog itself: to_regclass may answer out of a cache, from before another process made the tables.
_HAS_TABLES = "SELECT EXISTS (SELECT FROM pg_tables WHERE schemaname = 'indiopay' AND tablename = 'indiopay_schema')"
_VERSION = f"SELECT version FROM {_VERSION_TABLE}"
_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended('indiopay', 0))"

# What the database itself puts into a new invoice, once it has the number.
_PADDED = "lpad(last_number::text, greatest(6, length(last_number::text)), '0')"
_GIVEN = {"number": "last_number", "created_at": "last_at", "search": f"'f-' || {_PADDED} || chr(10) || %s"}
_COLUMNS = SEARCHED.split(", ")
_SENT = [at for at, column in enumerate(_COLUMNS) if column not in _GIVEN]

# One statement, one round trip: the key, then the agency's counter, then invoice, history and letter.
_ADD = f"""
WITH counter AS (
    INSERT INTO indiopay.counters SELECT %s, 1, %s
    WHERE NOT EXISTS (SELECT FROM indiopay.invoices WHERE agency = %s AND idempotency_key = %s)
    ON CONFLICT (agency) DO UPDATE
    SET last_number = counters.last_number + 1, last_at = greatest(counters.last_at, excluded.last_at)
    RETURNING last_number, last_at
), invoice AS (
    INSERT INTO indiopay.invoices ({SEARCHED})
    SELECT {", ".join(_GIVEN.get(column, "%s") for column in _COLUMNS)} FROM counter
), history AS (
    INSERT INTO indiopay.history (agency, {ENTRY})
    SELECT %s, %s, kind, last_at, details
    FROM counter, unnest(%s::text[], %s::jsonb[]) WITH ORDINALITY AS entry (kind, details, seq) ORDER BY entry.seq
), letter AS (
    INSERT INTO indiopay.letters (agency, {LETTER})
    SELECT %s, {marks(LETTER).replace("?", "%s")} FROM counter WHERE %s
)
SELECT last_number, last_at FROM counter
"""
_NO_LETTER = (None,) * (LETTER.count(",") + 1)


def _as_it_is(value: T) -> T:
    return value


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC)


ROWS = Rows(_as_it_is, _as_it_is, _as_it_is, _utc, _as_it_is, _as_it_is, _as_it_is)
"""PostgreSQL has a type for each kind of value."""


class PostgresStore(SqlStore):
    """A store in a PostgreSQL database, in a schema of its own, `indiopay`, which is made when it is missing.

    Give it a connection string, and it opens connections when it needs them, at most ten a process; or give it your
    own `psycopg_pool.ConnectionPool`, which stays yours to close.
    """

    def __init__(self, conninfo_or_pool: str | Pool) -> None:
        self._pool = PostgresPool(conninfo_or_pool)
        super().__init__(self._pool, ROWS, DIALECT)
        try:
            self._settle_schema()
        except BaseException:
            self.close()
            raise

    def add(self, agency: str, new: NewInvoice) -> Invoice:
        """Number and write a new invoice, or find the one that its key made.

        If the connection breaks off before the answer, it is asked again: the invoice's id tells whether it was made.
        """
        values, doubt = _values(agency, new), StorageError("this key is being used just now: try again")
        for connection in (self._pool.reading, self._pool.writing, self._pool.writing):
            row = None
            try:
                with connection() as db:
                    row = db.execute(_ADD, values).fetchone()
            except StorageError as error:
                doubt = error
                if not may_be_done(error):
                    raise
            if row is not None:
                return new.numbered(row[0], _utc(row[1])).invoice
            if made := self._made_before(agency, new):
                return made
        raise doubt

    def _made_before(self, agency: str, new: NewInvoice) -> Invoice | None:
        if new.idempotency is None:
            found = self.get(agency, new.id)
            return found[0] if found and found[1] == new.link else None
        made = self.by_idempotency_key(agency, new.idempotency.key)
        if made and made[1] != new.idempotency.fingerprint:
            raise IdempotencyError("this idempotency key was used for another form")
        return made and made[0]

    def _settle_schema(self) -> None:
        with self._pool.reading() as db:
            require_fit(db)
            is_ready = _version(db) == len(STEPS)
        if not is_ready:
            with self._pool.writing() as db:
                db.execute(_ONE_AT_A_TIME)
                take_steps(db, STEPS, version=_version(db), names_version=_VERSION_TABLE)


def _values(agency: str, new: NewInvoice) -> Sequence[object]:
    """The values of `_ADD`, in its order."""
    record = new.numbered(1, new.at)
    row = ROWS.record_row(record)
    searched = search_text(new.client.name, new.client.email, new.description)
    kinds, details = zip(*(ROWS.entry_row(new.id, entry)[1::2] for entry in record.history), strict=True)
    return (
        *(agency, new.at, agency, new.idempotency and new.idempotency.key),
        *(row[at] for at in _SENT),
        searched,
        *(agency, new.id, list(kinds), list(details)),
        *(agency, *(_NO_LETTER if new.letter is None else ROWS.letter_row(new.letter)), new.letter is not None),
    )


def _version(db: Session) -> int:
    has_tables = db.execute(_HAS_TABLES).fetchall() == [(True,)]
    return read_version(db.execute(_VERSION).fetchall()) if has_tables else 0
