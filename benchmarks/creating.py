"""Creating an invoice in SQLite, durably, against raw sqlite3 that writes the same rows under the same pragmas.

`desk.create` reads the form as it was typed, draws a link, numbers the invoice, writes it, its history and its queued
letter; `store.add` only writes, as the peers do. Django is also given a form to read, in the spellings that it knows.
The same is timed again in memory, where no disk is waited for: that is what the programs themselves cost.
"""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import core_tables
import django_models
import raw_rows
from indiopay import Agency, InvoiceForm, open_folder
from indiopay.embedded import DATABASE
from indiopay.stores.sqlite import SqliteStore
from rounds import measure, show
from samples import AGENCY, new_invoice

REPEAT = 5
DESK = Agency(AGENCY, "Assurances du Nord", "facturation@exemple.ca")
FORM = InvoiceForm(
    amount="1 250,00 $",
    due_date="30 jours",
    client_name="Zoé Tremblay",
    client_email="zoe@exemple.ca",
    description="Prime annuelle.\nMerci.",
    send_by_email=True,
)
RAW, DJANGO = "raw sqlite3", "Django, its form and its ORM"
POSTED = {
    "amount": "1250,00",
    "due_date": "2027-01-23",
    "client_name": FORM.client_name,
    "client_email": FORM.client_email,
    "description": FORM.description,
}
open_desk = partial(open_folder, agency=DESK, page_url="https://exemple.ca/", send_at_once=False)


def raw(path: Path) -> Callable[[], None]:
    """Writes the rows of one such invoice again and again, with nothing but fresh ids and numbers."""
    db = raw_rows.connect(path)
    samples = {table: list(db.execute(f"SELECT * FROM {table}").fetchone()) for table in ("invoices", "letters")}
    events = [list(row) for row in db.execute("SELECT * FROM history")]

    def insert(table: str, row: list[object]) -> None:
        marks = ", ".join("?" * len(row))
        db.execute(f"INSERT INTO {table} VALUES ({marks})", row)

    def create() -> None:
        invoice, letter, at = os.urandom(16), os.urandom(16), datetime.now(UTC).isoformat()
        db.execute("BEGIN IMMEDIATE")
        sql = "UPDATE counters SET last_number = last_number + 1, last_at = max(last_at, ?) RETURNING last_number"
        (number,) = db.execute(sql, (at,)).fetchone()
        row = samples["invoices"]
        insert("invoices", [invoice, number, *row[2:19], os.urandom(18), *row[20:]])
        for event in events:
            insert("history", [None, AGENCY, invoice, *event[3:]])
        row = samples["letters"]
        insert("letters", [None, AGENCY, letter, invoice, f"<{UUID(bytes=letter).hex}@exemple.ca>", *row[5:]])
        db.execute("COMMIT")

    return create


def variants(folder: Path) -> dict[str, Callable[[], object]]:
    """Every way to create an invoice, each in a file of its own that holds one already."""
    paths = {name: _with_one_invoice(folder / name) for name in ("raw", "store", "desk", "core", "django")}
    store, core = SqliteStore(paths["store"]), core_tables.open_sqlite(paths["core"])
    desk, fresh = open_desk(paths["desk"].parent), iter([new_invoice(b"%d" % number) for number in range(5000)])
    django_models.open_sqlite(paths["django"])
    return {
        RAW: raw(paths["raw"]),
        "store.add": lambda: store.add(AGENCY, next(fresh)),
        "desk.create": lambda: desk.create(FORM),
        "SQLAlchemy Core": lambda: core_tables.create(core, next(fresh)),
        "Django ORM": lambda: django_models.create(next(fresh)),
        DJANGO: lambda: django_models.create_from(POSTED, AGENCY),
    }


def compare(where: str, folder: str, rounds: int) -> None:
    with TemporaryDirectory(dir=folder, prefix="bench-") as kept:
        seconds = measure(variants(Path(kept)), rounds=rounds, repeat=REPEAT)
    show(f"create, SQLite {where}", "desk.create 1.3", seconds, reference=RAW, repeat=REPEAT)
    whole = {name: seconds[name] for name in (DJANGO, "desk.create", RAW)}
    show(f"create from a form, SQLite {where}", "desk.create 0.4", whole, reference=DJANGO, repeat=REPEAT)


def main(rounds: int = 61) -> None:
    compare("on the disk", ".", rounds)
    compare("in memory, so that no disk is waited for", "/dev/shm", rounds)  # noqa: S108  # a folder of its own within


def _with_one_invoice(folder: Path) -> Path:
    with open_desk(folder) as desk:
        desk.create(FORM)
    return folder / DATABASE


if __name__ == "__main__":
    main()
