"""Numbers without a gap in PostgreSQL, against a plain sequence: eight processes write, each for an agency of its own.

The statement is the store's. The reference takes its number from a sequence, which leaves gaps; the peer takes all
numbers from one counter, as many programs do, so that agencies wait for one another. Values are made beforehand, so
that nothing but the database is waited for.
"""

from contextlib import closing
from functools import partial
from multiprocessing import get_context
from typing import Any

import psycopg

from indiopay.stores.postgres import _ADD, PostgresStore, _values
from postgres_server import running_postgres, tidy
from rounds import Variant, measure, show
from samples import AGENCY, new_invoice, records

WRITERS, EACH, ROUNDS, FILLED_WITH = 8, 25, 41, 10_000
SEQUENCE, COUNTERS, ONE_COUNTER = "a plain sequence", "a counter for each agency", "one counter for all"
NAMES = (SEQUENCE, COUNTERS, ONE_COUNTER)

MAKE_SEQUENCE = "CREATE SEQUENCE indiopay.plain"
_ROWS = _ADD.partition("), invoice AS (")[2]
BY_SEQUENCE = f"""WITH given AS (SELECT %s::text, %s::timestamptz AS last_at), counter AS (
    SELECT nextval('indiopay.plain') AS last_number, last_at FROM given
    WHERE NOT EXISTS (SELECT FROM indiopay.invoices WHERE agency = %s AND idempotency_key = %s)
), invoice AS ({_ROWS}"""


def write(address: str, writer: int, orders: Any) -> None:
    """One process: on each order, create some invoices in the way that was named."""
    with psycopg.connect(address, autocommit=True) as db:
        ways = {name: _way(name, f"{NAMES.index(name)}-{writer}", db) for name in NAMES}
        while name := orders.recv():
            for _ in range(EACH):
                ways[name]()
            orders.send(None)


def main() -> None:
    with running_postgres() as address:
        with closing(PostgresStore(address)) as store:
            store.import_(AGENCY, records(FILLED_WITH))
        tidy(address)
        with psycopg.connect(address, autocommit=True) as db:
            db.execute(MAKE_SEQUENCE)
        pipes = [_started(address, writer) for writer in range(WRITERS)]
        seconds = measure({name: partial(_all_at_once, pipes, name) for name in NAMES}, rounds=ROUNDS, repeat=1)
        for pipe in pipes:
            pipe.send(None)
    title = f"{WRITERS * EACH} invoices by {WRITERS} writers for {WRITERS} agencies, PostgreSQL"
    show(title, "1.11, which is 0.9 of its pace", seconds, reference=SEQUENCE, repeat=1)


def _started(address: str, writer: int) -> Any:
    spawning = get_context("spawn")
    ours, theirs = spawning.Pipe()
    spawning.Process(target=write, args=(address, writer, theirs), daemon=True).start()
    return ours


def _all_at_once(pipes: list[Any], name: str) -> None:
    for pipe in pipes:
        pipe.send(name)
    for pipe in pipes:
        pipe.recv()


def _way(name: str, agency: str, db: psycopg.Connection) -> Variant:
    invoices = (new_invoice(b"%d" % number, agency=agency) for number in range((ROUNDS + 1) * EACH))
    statement = (BY_SEQUENCE if name == SEQUENCE else _ADD).encode()
    counter = "all" if name == ONE_COUNTER else agency
    values = iter([(counter, *_values(agency, new)[1:]) for new in invoices])
    return lambda: db.execute(statement, next(values), prepare=True).fetchone()


if __name__ == "__main__":
    main()
