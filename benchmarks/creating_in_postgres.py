"""Creating an invoice in PostgreSQL, against the driver alone that sends one prepared statement for all of its rows.

Each way writes the same rows into the same tables, for an agency of its own. `desk.create` also reads a form. The
reference's rows are made before it is timed; every other way makes its own while it is.
"""

from collections.abc import Callable
from contextlib import closing
from functools import partial

import psycopg

import core_tables
import django_models
from creating import DJANGO, FORM, POSTED
from indiopay.invoice import NewInvoice
from indiopay.stores.postgres import _ADD, ROWS, PostgresStore, _values
from indiopay.stores.rows import ENTRY, LETTER, SEARCHED, marks
from postgres_server import running_postgres, tidy
from reading import desk_over
from rounds import Variant, measure, show
from samples import AGENCY, new_invoice, records

ROUNDS, REPEAT, FILLED_WITH = 41, 20, 10_000
RAW = "psycopg, one prepared statement"

NEXT = """UPDATE indiopay.counters SET last_number = last_number + 1, last_at = greatest(last_at, %s) WHERE agency = %s
    RETURNING last_number, last_at"""
INVOICE, ENTRIES, A_LETTER = (
    f"INSERT INTO indiopay.{table} ({columns}) VALUES {rows}".replace("?", "%s").encode()
    for table, columns, rows in (
        ("invoices", SEARCHED, f"({marks(SEARCHED)})"),
        ("history", f"agency, {ENTRY}", f"(?, {marks(ENTRY)}), (?, {marks(ENTRY)})"),
        ("letters", f"agency, {LETTER}", f"(?, {marks(LETTER)})"),
    )
)


def statement_a_table(db: psycopg.Connection, new: NewInvoice) -> None:
    """A round trip for each table, and two for the transaction around them."""
    agency = new.agency_slug
    with db.transaction():
        found = db.execute(NEXT, (new.at, agency)).fetchone()
        assert found is not None
        record = new.numbered(*found)
        db.execute(INVOICE, ROWS.searched_row(record))
        db.execute(ENTRIES, [value for entry in record.history for value in (agency, *ROWS.entry_row(new.id, entry))])
        db.execute(A_LETTER, (agency, *ROWS.letter_row(record.letters[0])))


def variants(address: str, store: PostgresStore) -> dict[str, Variant]:
    """Every way to create an invoice."""
    db, core = psycopg.connect(address, autocommit=True), core_tables.open_postgres(address)
    django_models.open_postgres(address)
    desk, statement = desk_over(store), _ADD.encode()
    values = iter([_values("raw", new) for new in _invoices("raw")])
    return {
        RAW: lambda: db.execute(statement, next(values), prepare=True).fetchone(),
        "store.add": _each("store", partial(store.add, "store")),
        "desk.create": lambda: desk.create(FORM),
        "psycopg, a statement a table": _each("tables", partial(statement_a_table, db)),
        "SQLAlchemy Core": _each("core", partial(core_tables.create, core)),
        "Django ORM": _each("django", django_models.create),
        DJANGO: lambda: django_models.create_from(POSTED, "django"),
    }


def main() -> None:
    with running_postgres() as address, closing(PostgresStore(address)) as store:
        store.import_(AGENCY, records(FILLED_WITH))
        tidy(address)
        for agency in ("raw", "store", "tables", "core", "django"):
            store.add(agency, new_invoice(b"the first", agency=agency))
        seconds = measure(variants(address, store), rounds=ROUNDS, repeat=REPEAT)
    show("create, PostgreSQL", "store.add 1.3", seconds, reference=RAW, repeat=REPEAT)
    whole = {name: seconds[name] for name in (DJANGO, "desk.create", RAW)}
    show("create from a form, PostgreSQL", "desk.create 0.4", whole, reference=DJANGO, repeat=REPEAT)


def _invoices(agency: str) -> list[NewInvoice]:
    return [new_invoice(b"%d" % number, agency=agency) for number in range((ROUNDS + 1) * REPEAT)]


def _each(agency: str, create: Callable[[NewInvoice], object]) -> Variant:
    invoices = iter(_invoices(agency))
    return lambda: create(next(invoices))


if __name__ == "__main__":
    main()
