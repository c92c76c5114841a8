"""What each operation costs as an agency grows: to a million invoices in SQLite, to 100 000 in PostgreSQL.

Every size is timed in every round. The stores are filled by `import_`, which takes minutes for the million. A claim's
lease ends as it begins, so every claim gets the same letter and no queue shrinks.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from datetime import timedelta
from functools import partial
from itertools import count as counting, cycle
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TypeVar

import psycopg
from psycopg.conninfo import make_conninfo

from indiopay.listing import InvoiceFilter, Position
from indiopay.ports import InvoiceStore
from indiopay.stores.postgres import PostgresStore
from indiopay.stores.sqlite import SqliteStore
from postgres_server import running_postgres, tidy
from raw_rows import SqliteByHand
from rounds import Variant, measure, ratios, show
from samples import AGENCY, FIRST, NOW, TODAY, draw, new_invoice, records

T = TypeVar("T")

ROUNDS = 11
ORDERS: Mapping[str, tuple[InvoiceFilter, str]] = {
    "newest first": (InvoiceFilter(), "number DESC"),
    "by due date": (InvoiceFilter(order="due"), "due_date, number"),
}
MISSED = InvoiceFilter(words=("xylophone",))
REPEATS = {
    "create": 5,
    "get": 50,
    "by_link": 50,
    "first page, newest first": 5,
    "page at 90 %, newest first": 5,
    "first page, by due date": 5,
    "page at 90 %, by due date": 5,
    "search that finds nothing": 1,
    "totals": 1,
    "claim": 5,
}


def operations(store: InvoiceStore, count: int) -> dict[str, Variant]:
    """Each operation on a store that holds `count` invoices."""
    drawn = draw(count)
    page = partial(store.page, AGENCY, today=TODAY, limit=50)
    start = {order: partial(page, which, after=None) for order, (which, _) in ORDERS.items()}
    deep = {order: partial(page, which, after=deep_in(count)) for order, (which, _) in ORDERS.items()}
    return {
        "create": _over((new_invoice(b"after %d" % number) for number in counting()), partial(store.add, AGENCY)),
        "get": _over(cycle([record.invoice.id for record in drawn]), partial(store.get, AGENCY)),
        "by_link": _over(cycle([record.link for record in drawn]), partial(store.by_link, AGENCY)),
        **{f"first page, {order}": first for order, first in start.items()},
        **{f"page at 90 %, {order}": last for order, last in deep.items()},
        "search that finds nothing": partial(page, MISSED, after=None),
        "totals": partial(store.totals, AGENCY, today=TODAY),
        "claim": partial(store.claim, AGENCY, now=NOW, lease_end=NOW, queued_after=FIRST),
    }


def deep_in(count: int) -> Position:
    """Where nine tenths of `count` invoices lie before, in either order: they fall due a month after they are made."""
    return Position((FIRST + (NOW - FIRST) * 0.9 + timedelta(days=30)).date(), count // 10)


def table(where: str, stores: Mapping[int, InvoiceStore]) -> None:
    """Print a row for each operation: what it costs at each size, and the ratio of the largest to the smallest."""
    by_size = {count: operations(store, count) for count, store in stores.items()}
    least, most = f"{min(stores)}", f"{max(stores)}"
    print(f"\n{where}, milliseconds an operation by number of invoices  (n = {ROUNDS} rounds)")
    print(f"  {'':<32}" + "".join(f"{count:>12}" for count in stores) + "   last to first")
    for name, repeat in REPEATS.items():
        variants = {str(count): operation[name] for count, operation in by_size.items()}
        seconds = measure(variants, rounds=ROUNDS, repeat=repeat)
        cells = "".join(f"{median(times) / repeat * 1e3:12.3f}" for times in seconds.values())
        print(f"  {name:<32}{cells}  {ratios(seconds, least)[most]}")


def depth(where: str, store: InvoiceStore, count: int, offset: Callable[[str, int], object] | None = None) -> None:
    """Print what a page at nine tenths of the list costs against the first one, in both orders."""
    page = partial(store.page, AGENCY, today=TODAY, limit=50)
    for order, (which, columns) in ORDERS.items():
        variants: dict[str, Variant] = {
            "first page": partial(page, which, after=None),
            "page at 90 %": partial(page, which, after=deep_in(count)),
        }
        if offset is not None:
            variants["page at 90 %, by OFFSET"] = partial(offset, columns, count // 10 * 9)
        seconds = measure(variants, rounds=2 * ROUNDS, repeat=3)
        show(f"a page of {count}, {order}, {where}", "1.5", seconds, reference="first page", repeat=3)


def fill(where: str, store: InvoiceStore, count: int) -> None:
    start = time.perf_counter()
    store.import_(AGENCY, records(count))
    print(f"{where}: {count} invoices imported in {time.perf_counter() - start:.0f} s", flush=True)


def in_sqlite(sizes: Sequence[int]) -> None:
    with TemporaryDirectory(dir=".", prefix="bench-") as folder, ExitStack() as opened:
        paths = {count: Path(folder, f"{count}.sqlite3") for count in sizes}
        stores = {count: opened.enter_context(closing(SqliteStore(path))) for count, path in paths.items()}
        for count, store in stores.items():
            fill("SQLite", store, count)
        table("SQLite", stores)
        depth("SQLite", stores[sizes[-1]], sizes[-1], SqliteByHand(paths[sizes[-1]], AGENCY).skipping)


def in_postgres(sizes: Sequence[int]) -> None:
    with running_postgres() as address, ExitStack() as opened:
        for count in sizes:
            with psycopg.connect(address, autocommit=True) as db:
                db.execute(f"CREATE DATABASE of_{count}".encode())
        addresses = {count: make_conninfo(address, dbname=f"of_{count}") for count in sizes}
        stores = {count: opened.enter_context(closing(PostgresStore(at))) for count, at in addresses.items()}
        for count, store in stores.items():
            fill("PostgreSQL", store, count)
            tidy(addresses[count])
        table("PostgreSQL", stores)
        depth("PostgreSQL", stores[sizes[-1]], sizes[-1])


def main() -> None:
    in_sqlite((1_000, 10_000, 100_000, 1_000_000))
    in_postgres((1_000, 10_000, 100_000))


def _over(values: Iterable[T], do: Callable[[T], object]) -> Variant:
    turn = iter(values)
    return lambda: do(next(turn))


if __name__ == "__main__":
    main()
