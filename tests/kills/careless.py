"""Desks that are broken on purpose, in the ways in which invoices are lost when a process is killed."""

import time
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, cast

from indiopay import Invoice
from indiopay.invoice import NewInvoice
from indiopay.stores.migrations import Step
from tests.forks import Tell

_WINDOW_SECONDS = 0.01


Add = Callable[[str, NewInvoice], Invoice]


def acknowledges_before_the_commit(desk: Any, tell: Tell) -> None:
    """Says that an invoice is there before its transaction is committed."""
    add: Add = desk._store.add

    def early(agency: str, new: NewInvoice) -> Invoice:
        tell(f"created {new.id}")
        time.sleep(_WINDOW_SECONDS)
        return add(agency, new)

    desk._store.add = early


def numbers_on_their_own(desk: Any, tell: Tell) -> None:
    """Takes the number in a transaction of its own, as many programs do."""
    store = desk._store
    schema, mark = ("main", "?") if hasattr(store, "_file") else ("indiopay", "%s")
    next_number = f"""INSERT INTO {schema}.counters VALUES ({mark}, 1, {mark}) ON CONFLICT (agency)
        DO UPDATE SET last_number = counters.last_number + 1 RETURNING last_number, last_at"""  # noqa: S608  # of the names above

    def add(agency: str, new: NewInvoice) -> Invoice:
        if new.idempotency and (made := store.by_idempotency_key(agency, new.idempotency.key)):
            return cast(Invoice, made[0])
        with store._database.writing() as db:
            number, at = db.execute(next_number, (agency, store._rows.from_time(new.at))).fetchone()
        record = new.numbered(number, store._rows.to_time(at))
        with store._database.writing() as db:
            store._insert(db, agency, [record])
        return record.invoice

    store.add = add


def rows_before_files(desk: Any, tell: Tell) -> None:
    """Writes the files of an invoice only when its row is there."""
    add: Add = desk._store.add
    put, late = desk._files.put, list[tuple[str, bytes]]()

    def catch_up(agency: str, new: NewInvoice) -> Invoice:
        invoice = add(agency, new)
        time.sleep(_WINDOW_SECONDS)
        while late:
            key, content = late.pop()
            put(key, [content])
        return invoice

    desk._store.add = catch_up
    desk._files.put = lambda key, chunks: late.append((key, b"".join(chunks)))


def asks_again_blindly(desk: Any, tell: Tell) -> None:
    """When an answer was lost, does as if nothing had been done: without a key, and without a look."""
    create = desk.create
    desk.create = lambda form, idempotency_key: create(form)
    desk._store._made_before = lambda agency, new: None


def takes_steps_one_by_one(db: Any, steps: Sequence[Step], *, version: int, names_version: str) -> None:
    """Makes a schema in many transactions, and a killed one is not taken back."""
    for statement in chain(*steps[version:]):
        db.execute(statement)
        db.execute("COMMIT")
        db.execute("BEGIN")
    db.execute(f"UPDATE {names_version} SET version = {len(steps)}")  # noqa: S608  # of the store's own names
