"""Invoices in one SQLite file: nothing to install or start, safe after a crash, shared by threads and processes."""

import os
from datetime import date, datetime
from json import loads
from operator import attrgetter
from uuid import UUID

from indiopay.errors import IdempotencyError
from indiopay.invoice import Invoice, NewInvoice
from indiopay.stores.rows import Rows
from indiopay.stores.sql_store import SqlStore, understood
from indiopay.stores.sqlite_file import SqliteFile
from indiopay.stores.statements import Dialect

DIALECT = Dialect(mark="?", schema="main", position="instr")

_NEXT_NUMBER = """INSERT INTO counters VALUES (?, 1, ?) ON CONFLICT (agency) DO UPDATE
    SET last_number = last_number + 1, last_at = max(last_at, excluded.last_at) RETURNING last_number, last_at"""


def _time_text(at: datetime) -> str:
    """One width for every time, so that text sorts as time does."""
    return at.isoformat(timespec="microseconds")


ROWS = Rows(
    from_id=attrgetter("bytes"),
    to_id=lambda column: UUID(bytes=column),
    from_time=_time_text,
    to_time=datetime.fromisoformat,
    from_day=date.isoformat,
    to_day=date.fromisoformat,
    to_json=loads,
)
"""Ids are kept as 16 bytes; times (UTC, microseconds), days and JSON as text."""


class SqliteStore(SqlStore):
    """A store in the SQLite file at `path`, which is made when it is missing."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._file = SqliteFile(path)
        super().__init__(self._file, ROWS, DIALECT)

    def add(self, agency: str, new: NewInvoice) -> Invoice:
        """Number and write a new invoice, or find the one that its key made."""
        with self._file.writing() as db:
            if new.idempotency and (row := db.execute(self._sql.by_key, (agency, new.idempotency.key)).fetchone()):
                if row[-1] != new.idempotency.fingerprint:
                    raise IdempotencyError("this idempotency key was used for another form")
                return understood(self._rows.invoice_of, row)
            number, at = db.execute(_NEXT_NUMBER, (agency, self._rows.from_time(new.at))).fetchone()
            record = new.numbered(number, understood(self._rows.to_time, at))
            db.execute(self._sql.add_invoice, self._rows.searched_row(record))
            self._insert_events(db, agency, record.invoice.id, record.letters, record.history)
            return record.invoice
