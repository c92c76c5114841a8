"""Reading one invoice, a page of fifty and the totals, against the driver alone that makes the same objects by hand.

Every variant reads the same rows of the same tables. Core's rows are made into the same objects too; Django gives its
own. `desk.get` and `desk.list` also look at the filter, and write the cursor of the next page.
"""

from collections.abc import Callable, Iterable
from contextlib import closing
from functools import partial
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import sqlalchemy as sa

import core_tables
import django_models
from creating import DESK
from indiopay import InvoiceDesk, PaymentLinks
from indiopay.files.memory import MemoryFiles
from indiopay.listing import InvoiceFilter
from indiopay.mailers.memory import MemoryMailer
from indiopay.ports import InvoiceStore
from indiopay.stores.postgres import PostgresStore
from indiopay.stores.sqlite import SqliteStore
from postgres_server import running_postgres, tidy
from raw_rows import PostgresByHand, SqliteByHand
from rounds import Variant, measure, show
from samples import AGENCY, TODAY, draw, records

IN_SQLITE, IN_POSTGRES = 100_000, 20_000
RAW = "by hand"
EVERYTHING = InvoiceFilter()


def over(ids: Iterable[UUID], get: Callable[[UUID], object]) -> Variant:
    """Gets one invoice after the other."""
    turn = cycle(ids)
    return lambda: get(next(turn))


def compare(
    where: str, count: int, store: InvoiceStore, by_hand: SqliteByHand | PostgresByHand, core: sa.Connection
) -> None:
    desk, ids = desk_over(store), [record.invoice.id for record in draw(count)]
    _row(
        f"get one by id, {where}",
        {
            RAW: over(ids, by_hand.get),
            "store.get": over(ids, partial(store.get, AGENCY)),
            "desk.get": over(ids, desk.get),
            "SQLAlchemy Core": over(ids, partial(core_tables.get, core, AGENCY)),
            "Django ORM": over(ids, partial(django_models.get, AGENCY)),
        },
        repeat=100,
    )
    _row(
        f"a page of 50, {where}",
        {
            RAW: lambda: by_hand.newest(50),
            "store.page": lambda: store.page(AGENCY, EVERYTHING, today=TODAY, after=None, limit=50),
            "desk.list": desk.list,
            "SQLAlchemy Core": lambda: core_tables.newest(core, AGENCY, 50),
            "Django ORM": lambda: django_models.newest(AGENCY, 50),
        },
        repeat=10,
    )
    _row(
        f"totals over {count}, {where}",
        {
            RAW: lambda: by_hand.totals(TODAY),
            "store.totals": lambda: store.totals(AGENCY, today=TODAY),
            "SQLAlchemy Core": lambda: core_tables.totals(core, AGENCY, TODAY),
            "Django ORM": lambda: django_models.totals(AGENCY, TODAY),
        },
        repeat=1,
    )


def desk_over(store: InvoiceStore) -> InvoiceDesk:
    """A desk over that store, with nothing else outside of memory."""
    links = PaymentLinks("https://exemple.ca/", keys=[bytes(range(32))])
    return InvoiceDesk(
        agency=DESK, store=store, files=MemoryFiles(), mailer=MemoryMailer(), links=links, send_at_once=False
    )


def main() -> None:
    with TemporaryDirectory(dir=".", prefix="bench-") as folder:
        path = Path(folder, "invoices.sqlite3")
        with closing(SqliteStore(path)) as store:
            store.import_(AGENCY, records(IN_SQLITE))
            django_models.open_sqlite(path)
            compare("SQLite", IN_SQLITE, store, SqliteByHand(path, AGENCY), core_tables.open_sqlite(path))
    with running_postgres() as address, closing(PostgresStore(address)) as postgres:
        postgres.import_(AGENCY, records(IN_POSTGRES))
        tidy(address)
        django_models.open_postgres(address)
        compare(
            "PostgreSQL", IN_POSTGRES, postgres, PostgresByHand(address, AGENCY), core_tables.open_postgres(address)
        )


def _row(title: str, variants: dict[str, Variant], *, repeat: int, rounds: int = 31) -> None:
    seconds = measure(variants, rounds=rounds, repeat=repeat)
    show(title, "1.3", seconds, reference=RAW, repeat=repeat)


if __name__ == "__main__":
    main()
