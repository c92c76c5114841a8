"""Invoices in one SQLite file: nothing to install or start, safe after a crash, shared by threads and processes."""

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import TypeVar
from uuid import UUID

from indiopay.errors import IdempotencyError, InvoiceChangedError, InvoiceNotFoundError, StorageError
from indiopay.history import HistoryEntry
from indiopay.invoice import Change, Invoice, InvoiceRecord, LinkRef, NewInvoice, ordinal_of, outcome_entry
from indiopay.listing import InvoiceFilter, Position, Totals, add_up
from indiopay.outbox import Letter, expired, leased, settled, withdrawn
from indiopay.status import Status
from indiopay.stores import rows
from indiopay.stores.sqlite_file import SqliteFile

T = TypeVar("T")

_EXPORTED_AT_ONCE = 500

_NEXT_NUMBER = """INSERT INTO counters VALUES (?, 1, ?) ON CONFLICT (agency) DO UPDATE
    SET last_number = last_number + 1, last_at = max(last_at, excluded.last_at) RETURNING last_number, last_at"""
_SET_COUNTER = "INSERT INTO counters VALUES (?, ?, ?)"
_ADD_INVOICE = f"INSERT INTO invoices ({rows.RECORD}, search) VALUES ({rows.marks(rows.RECORD)}, ?)"
_ADD_LETTER = f"INSERT INTO letters (agency, {rows.LETTER}) VALUES (?, {rows.marks(rows.LETTER)})"
_ADD_ENTRY = f"INSERT INTO history (agency, {rows.ENTRY}) VALUES (?, {rows.marks(rows.ENTRY)})"

_VERSION = "SELECT version FROM invoices WHERE agency = ? AND id = ?"
_CHANGE = """UPDATE invoices SET status = ?, paid_at = ?, payment_reference = ?, cancelled_at = ?, cancel_reason = ?,
    version = ? WHERE agency = ? AND id = ?"""
_RELINK = "UPDATE invoices SET link_id = ?, key_id = ? WHERE agency = ? AND id = ?"
_REWRITE = f"UPDATE letters SET ({rows.LETTER}) = ({rows.marks(rows.LETTER)}) WHERE agency = ? AND id = ?"

_GET = f"SELECT {rows.INVOICE}, {rows.LINK} FROM invoices WHERE agency = ? AND id = ?"
_BY_LINK = f"SELECT {rows.INVOICE} FROM invoices WHERE agency = ? AND link_id = ? AND key_id = ?"
_BY_KEY = f"SELECT {rows.INVOICE}, fingerprint FROM invoices WHERE agency = ? AND idempotency_key = ?"
_RECORDS = f"SELECT {rows.RECORD} FROM invoices WHERE agency = ? AND number > ? ORDER BY number LIMIT ?"
_TOTALS = """SELECT status, status = 'open' AND due_date < ?, currency, sum(minor_units), count(*)
    FROM invoices WHERE agency = ? GROUP BY 1, 2, 3"""
_HISTORY = f"SELECT {rows.ENTRY} FROM history WHERE agency = ? AND invoice_id = ? ORDER BY seq"

_LETTERS = f"SELECT {rows.LETTER} FROM letters WHERE agency = ? AND invoice_id = ? ORDER BY seq"
_SHOWN = f"SELECT {rows.LETTER_WITHOUT_BYTES} FROM letters WHERE agency = ? AND invoice_id = ? ORDER BY seq"
_LETTER = f"SELECT {rows.LETTER} FROM letters WHERE agency = ? AND id = ?"
_FREE = f"SELECT {rows.LETTER} FROM letters WHERE state = 'queued' AND agency = ? AND ifnull(lease_end, '') <= ?"
_WORN_OUT = f"{_FREE} AND queued_at <= ?"
_DUE = f"{_FREE} AND not_before <= ? ORDER BY not_before, id LIMIT 1"
_DUE_ONE = f"{_FREE} AND not_before <= ? AND id = ?"


class SqliteStore:
    """A store in the SQLite file at `path`, which is made when it is missing. Times are kept in UTC."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._file = SqliteFile(path)

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._file.close()

    def add(self, agency: str, new: NewInvoice) -> Invoice:
        """Number and write a new invoice, or find the one that its key made."""
        with self._file.writing() as db:
            if new.idempotency and (row := db.execute(_BY_KEY, (agency, new.idempotency.key)).fetchone()):
                if row[-1] != new.idempotency.fingerprint:
                    raise IdempotencyError("this idempotency key was used for another form")
                return rows.invoice_of(row)
            number, at = db.execute(_NEXT_NUMBER, (agency, rows.time_text(new.at))).fetchone()
            record = new.numbered(number, datetime.fromisoformat(at))
            _insert(db, agency, record)
            return record.invoice

    def apply(self, agency: str, change: Change) -> None:
        """Write a change over the version that it was made from."""
        after = change.invoice
        with self._file.writing() as db:
            found = db.execute(_VERSION, (agency, after.id.bytes)).fetchone()
            if found is None:
                raise InvoiceNotFoundError("this agency has no such invoice")
            if found[0] != after.version - 1:
                raise InvoiceChangedError(after.version - 1, found[0])
            db.execute(_CHANGE, (*rows.changed_row(after), agency, after.id.bytes))
            if change.link is not None:
                db.execute(_RELINK, (*change.link, agency, after.id.bytes))
            if change.cancels_letters:
                _withdraw(db, agency, after.id, change.entries[0].at)
            _insert_events(db, agency, after.id, change.letters, change.entries)

    def get(self, agency: str, invoice_id: UUID) -> tuple[Invoice, LinkRef] | None:
        """The invoice with that id, and its link."""
        return self._one(_GET, (agency, invoice_id.bytes), lambda row: (rows.invoice_of(row), rows.link_of(row)))

    def by_link(self, agency: str, link: LinkRef) -> Invoice | None:
        """The invoice that this link opens."""
        return self._one(_BY_LINK, (agency, *link), rows.invoice_of)

    def by_idempotency_key(self, agency: str, key: str) -> tuple[Invoice, bytes] | None:
        """The invoice that was created with that key, and the fingerprint of its form."""
        return self._one(_BY_KEY, (agency, key), lambda row: (rows.invoice_of(row), row[-1]))

    def page(
        self, agency: str, which: InvoiceFilter, *, today: date, after: Position | None, limit: int
    ) -> Sequence[Invoice]:
        """The invoices that come after the position, in the filter's order."""
        where, values = rows.conditions(which, today=today, after=after)
        sql = f"SELECT {rows.INVOICE} FROM invoices WHERE agency = ?{where} ORDER BY {rows.ORDERS[which.order]} LIMIT ?"
        return self._all(sql, (agency, *values, limit), rows.invoice_of)

    def totals(self, agency: str, *, today: date) -> Totals:
        """Sums and counts over every invoice of the agency."""
        groups = self._all(_TOTALS, (today.isoformat(), agency), tuple)
        return add_up((Status(status), bool(overdue), *rest) for status, overdue, *rest in groups)

    def history(self, agency: str, invoice_id: UUID) -> Sequence[HistoryEntry]:
        """What happened to the invoice, oldest first."""
        return self._all(_HISTORY, (agency, invoice_id.bytes), rows.entry_of)

    def deliveries(self, agency: str, invoice_id: UUID) -> Sequence[Letter]:
        """The invoice's letters, oldest first, without their bytes."""
        return self._all(_SHOWN, (agency, invoice_id.bytes), rows.letter_of)

    def claim(
        self, agency: str, *, now: datetime, lease_end: datetime, queued_after: datetime, letter_id: UUID | None = None
    ) -> Letter | None:
        """Lease the letter that is due first, or the one named."""
        at = rows.time_text(now)
        with self._file.writing() as db:
            for row in db.execute(_WORN_OUT, (agency, at, rows.time_text(queued_after))).fetchall():
                ended = expired(rows.letter_of(row))
                _write_letter(db, agency, ended, outcome_entry(ended, now))
            if letter_id is None:
                row = db.execute(_DUE, (agency, at, at)).fetchone()
            else:
                row = db.execute(_DUE_ONE, (agency, at, at, letter_id.bytes)).fetchone()
            if row is None:
                return None
            letter = leased(rows.letter_of(row), end=lease_end)
            _write_letter(db, agency, letter)
            return letter

    def keep_message(self, agency: str, letter: Letter) -> bool:
        """Keep the letter's rendered bytes before its first attempt."""
        with self._file.writing() as db:
            kept = rows.letter_of(db.execute(_LETTER, (agency, letter.id.bytes)).fetchone())
            if kept.state != "queued" or kept.lease_token != letter.lease_token:
                return False
            _write_letter(db, agency, letter)
            return True

    def finish(self, agency: str, letter: Letter, entry: HistoryEntry | None) -> bool:
        """End the letter's lease with what became of it."""
        with self._file.writing() as db:
            after = settled(rows.letter_of(db.execute(_LETTER, (agency, letter.id.bytes)).fetchone()), letter)
            if after is None:
                return False
            _write_letter(db, agency, after, entry)
            return True

    def export(self, agency: str) -> Iterator[InvoiceRecord]:
        """Every invoice whole, by rising number; read in portions, so that no writer waits for a slow reader."""
        last = 0
        while portion := self._portion(agency, last):
            yield from portion
            last = ordinal_of(portion[-1].invoice.number)

    def import_(self, agency: str, records: Iterable[InvoiceRecord]) -> int:
        """Write records as they are, in one transaction, into an agency that has none yet."""
        number, last_at = 0, ""
        with self._file.writing() as db:
            if db.execute("SELECT 1 FROM counters WHERE agency = ?", (agency,)).fetchone():
                raise StorageError("this agency has invoices: import into an empty one")
            for number, record in enumerate(records, start=1):
                if ordinal_of(record.invoice.number) != number:
                    raise StorageError("the records do not run from number 1 without a gap: nothing was imported")
                _insert(db, agency, record)
                last_at = rows.time_text(record.invoice.created_at)
            if number:
                db.execute(_SET_COUNTER, (agency, number, last_at))
        return number

    def _one(self, sql: str, values: Sequence[object], read: Callable[[rows.Row], T]) -> T | None:
        with self._file.reading() as db:
            row = db.execute(sql, values).fetchone()
        return None if row is None else _understood(read, row)

    def _all(self, sql: str, values: Sequence[object], read: Callable[[rows.Row], T]) -> list[T]:
        with self._file.reading() as db:
            found = db.execute(sql, values).fetchall()
        return [_understood(read, row) for row in found]

    def _portion(self, agency: str, after: int) -> list[InvoiceRecord]:
        with self._file.reading() as db:
            db.execute("BEGIN")
            try:
                found = db.execute(_RECORDS, (agency, after, _EXPORTED_AT_ONCE)).fetchall()
                return [_record(db, agency, row) for row in found]
            finally:
                db.rollback()


def _understood(read: Callable[[rows.Row], T], row: rows.Row) -> T:
    try:
        return read(row)
    except (LookupError, TypeError, ValueError) as error:
        raise StorageError("the database holds a row that cannot be read: restore it from a backup") from error


def _record(db: sqlite3.Connection, agency: str, row: rows.Row) -> InvoiceRecord:
    key = (agency, row[0])
    letters = map(rows.letter_of, db.execute(_LETTERS, key))
    return rows.record_of(row, letters, map(rows.entry_of, db.execute(_HISTORY, key)))


def _insert(db: sqlite3.Connection, agency: str, record: InvoiceRecord) -> None:
    db.execute(_ADD_INVOICE, rows.record_row(record))
    _insert_events(db, agency, record.invoice.id, record.letters, record.history)


def _insert_events(
    db: sqlite3.Connection,
    agency: str,
    invoice_id: UUID,
    letters: tuple[Letter, ...],
    entries: tuple[HistoryEntry, ...],
) -> None:
    for entry in entries:
        db.execute(_ADD_ENTRY, (agency, *rows.entry_row(invoice_id, entry)))
    for letter in letters:
        db.execute(_ADD_LETTER, (agency, *rows.letter_row(letter)))


def _withdraw(db: sqlite3.Connection, agency: str, invoice_id: UUID, now: datetime) -> None:
    for row in db.execute(_LETTERS, (agency, invoice_id.bytes)).fetchall():
        letter = rows.letter_of(row)
        if letter.state == "queued":
            _write_letter(db, agency, withdrawn(letter, now))


def _write_letter(db: sqlite3.Connection, agency: str, letter: Letter, entry: HistoryEntry | None = None) -> None:
    db.execute(_REWRITE, (*rows.letter_row(letter), agency, letter.id.bytes))
    if entry is not None:
        _insert_events(db, agency, letter.invoice_id, (), (entry,))
