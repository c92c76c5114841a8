"""Creating an invoice end to end, against raw sqlite3 that writes the same rows under the same pragmas.

Ours reads the form as it was typed, draws a link, numbers the invoice, writes it, its history and its queued letter.
"""

import os
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from indiopay import Agency, InvoiceForm, open_folder
from rounds import measure, show

REPEAT = 50
AGENCY = Agency("nord", "Assurances du Nord", "facturation@exemple.ca")
FORM = InvoiceForm(
    amount="1 250,00 $",
    due_date="30 jours",
    client_name="Zoé Tremblay",
    client_email="zoe@exemple.ca",
    description="Prime annuelle.\nMerci.",
    send_by_email=True,
)


def raw(path: Path) -> Callable[[], None]:
    """Writes the rows of one such invoice again and again, with nothing but fresh ids and numbers."""
    db = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode = TRUNCATE", "synchronous = FULL", "foreign_keys = ON", "secure_delete = ON"):
        db.execute(f"PRAGMA {pragma}")
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
            insert("history", [None, "nord", invoice, *event[3:]])
        row = samples["letters"]
        insert("letters", [None, "nord", letter, invoice, f"<{UUID(bytes=letter).hex}@exemple.ca>", *row[5:]])
        db.execute("COMMIT")

    return create


def main(rounds: int = 21) -> None:
    with TemporaryDirectory(dir=".", prefix="bench-") as folder:
        for name in ("ours", "raw"):
            with open_folder(
                f"{folder}/{name}", agency=AGENCY, page_url="https://exemple.ca/", send_at_once=False
            ) as desk:
                desk.create(FORM)
        desk = open_folder(f"{folder}/ours", agency=AGENCY, page_url="https://exemple.ca/", send_at_once=False)
        variants = {
            "raw sqlite3": raw(Path(folder, "raw", "factures.sqlite3")),
            "desk.create": lambda: desk.create(FORM),
        }
        seconds = measure(variants, rounds=rounds, repeat=REPEAT)
        desk.close()
    show("create, end to end", "1.5", seconds, reference="raw sqlite3", repeat=REPEAT)


if __name__ == "__main__":
    main()
