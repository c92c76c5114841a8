"""A store over a database that speaks SQL: the whole contract but `add`, which each database does in its own way."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from itertools import islice
from typing import Any, Protocol, TypeVar
from uuid import UUID

from indiopay.errors import InvoiceChangedError, InvoiceNotFoundError, StorageError
from indiopay.history import HistoryEntry
from indiopay.invoice import Change, Invoice, InvoiceRecord, LinkRef, ordinal_of, outcome_entry
from indiopay.listing import InvoiceFilter, Position, Totals, add_up
from indiopay.outbox import Letter, expired, leased, settled, withdrawn
from indiopay.status import Status
from indiopay.stores.rows import Row, Rows
from indiopay.stores.statements import Dialect, Statements

# pyright: reportReturnType=false
# A protocol's methods are their docstrings.

S = TypeVar("S")
T = TypeVar("T")

_EXPORTED_AT_ONCE = 500
_IMPORTED_AT_ONCE = 2_000


class Found(Protocol):
    """What a statement found."""

    def fetchone(self) -> Any:
        """Its next row, or None."""

    def fetchall(self) -> list[Any]:
        """All of its rows."""


class Connection(Protocol):
    """A connection of the caller's own, for as long as it holds it."""

    def execute(self, sql: str, values: Sequence[object] = ..., /) -> Found:
        """Do one statement."""

    def executemany(self, sql: str, values: Iterable[Sequence[object]], /) -> object:
        """Do one statement for each of many rows."""


class Database(Protocol):
    """Hands out connections; the driver's errors come out of each of these blocks as StorageError."""

    def reading(self) -> AbstractContextManager[Connection]:
        """For statements that stand each alone."""

    def snapshot(self) -> AbstractContextManager[Connection]:
        """For reads that see one state of the database."""

    def writing(self) -> AbstractContextManager[Connection]:
        """In a transaction that is committed at the end, durably, or leaves nothing."""

    def close(self) -> None:
        """Close the connections that are not in use."""


class SqlStore:
    """A store over `database`, which keeps values as `rows` says and speaks `dialect`."""

    def __init__(self, database: Database, rows: Rows, dialect: Dialect) -> None:
        self._database = database
        self._rows = rows
        self._sql = Statements(dialect)

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._database.close()

    def apply(self, agency: str, change: Change) -> None:
        """Write a change over the version that it was made from."""
        after, invoice_id = change.invoice, self._rows.from_id(change.invoice.id)
        with self._database.writing() as db:
            if change.cancels_letters:
                self._withdraw(db, agency, invoice_id, change.entries[0].at)
            found = db.execute(self._sql.version, (agency, invoice_id)).fetchone()
            if found is None:
                raise InvoiceNotFoundError("this agency has no such invoice")
            if found[0] != after.version - 1:
                raise InvoiceChangedError(after.version - 1, found[0])
            db.execute(self._sql.change, (*self._rows.changed_row(after), agency, invoice_id))
            if change.link is not None:
                db.execute(self._sql.relink, (*change.link, agency, invoice_id))
            self._insert_events(db, agency, after.id, change.letters, change.entries)

    def get(self, agency: str, invoice_id: UUID) -> tuple[Invoice, LinkRef] | None:
        """The invoice with that id, and its link."""
        return self._one(self._sql.get, (agency, self._rows.from_id(invoice_id)), self._linked)

    def by_link(self, agency: str, link: LinkRef) -> Invoice | None:
        """The invoice that this link opens."""
        return self._one(self._sql.by_link, (agency, *link), self._rows.invoice_of)

    def by_idempotency_key(self, agency: str, key: str) -> tuple[Invoice, bytes] | None:
        """The invoice that was created with that key, and the fingerprint of its form."""
        return self._one(self._sql.by_key, (agency, key), lambda row: (self._rows.invoice_of(row), row[-1]))

    def page(
        self, agency: str, which: InvoiceFilter, *, today: date, after: Position | None, limit: int
    ) -> Sequence[Invoice]:
        """The invoices that come after the position, in the filter's order."""
        sql, values = self._sql.page(self._rows, which, today=today, after=after)
        return self._all(sql, (agency, *values, limit), self._rows.invoice_of)

    def totals(self, agency: str, *, today: date) -> Totals:
        """Sums and counts over every invoice of the agency."""
        return add_up(self._all(self._sql.totals, (self._rows.from_day(today), agency), _group))

    def history(self, agency: str, invoice_id: UUID) -> Sequence[HistoryEntry]:
        """What happened to the invoice, oldest first."""
        return self._all(self._sql.history, (agency, self._rows.from_id(invoice_id)), self._rows.entry_of)

    def deliveries(self, agency: str, invoice_id: UUID) -> Sequence[Letter]:
        """The invoice's letters, oldest first, without their bytes."""
        return self._all(self._sql.deliveries, (agency, self._rows.from_id(invoice_id)), self._rows.letter_of)

    def claim(
        self, agency: str, *, now: datetime, lease_end: datetime, queued_after: datetime, letter_id: UUID | None = None
    ) -> Letter | None:
        """Lease the letter that is due first, or the one named."""
        at = self._rows.from_time(now)
        with self._database.writing() as db:
            for row in db.execute(self._sql.worn_out, (agency, at, self._rows.from_time(queued_after))).fetchall():
                ended = expired(self._letter_of(row))
                self._write_letter(db, agency, ended, outcome_entry(ended, now))
            named = () if letter_id is None else (self._rows.from_id(letter_id),)
            row = db.execute(self._sql.due_one if named else self._sql.due, (agency, at, at, *named)).fetchone()
            if row is None:
                return None
            letter = leased(self._letter_of(row), end=lease_end)
            self._write_letter(db, agency, letter)
            return letter

    def keep_message(self, agency: str, letter: Letter) -> bool:
        """Keep the letter's rendered bytes before its first attempt."""
        with self._database.writing() as db:
            kept = self._kept(db, agency, letter)
            if kept is None or kept.state != "queued" or kept.lease_token != letter.lease_token:
                return False
            self._write_letter(db, agency, letter)
            return True

    def finish(self, agency: str, letter: Letter, entry: HistoryEntry | None) -> bool:
        """End the letter's lease with what became of it."""
        with self._database.writing() as db:
            kept = self._kept(db, agency, letter)
            after = kept and settled(kept, letter)
            if after is None:
                return False
            self._write_letter(db, agency, after, entry)
            return True

    def export(self, agency: str) -> Iterator[InvoiceRecord]:
        """Every invoice whole, by rising number; read in portions, so that no writer waits for a slow reader.

        Numbers have no gap: what a damaged database does not give is not taken for what is not there.
        """
        last = 0
        while portion := self._portion(agency, last):
            yield from portion
            last = ordinal_of(portion[-1].invoice.number)

    def import_(self, agency: str, records: Iterable[InvoiceRecord]) -> int:
        """Write records as they are, in one transaction, into an agency that has none yet."""
        number, last_at = 0, None
        ordered = _in_order(agency, records)
        with self._database.writing() as db:
            if db.execute(self._sql.last_number, (agency,)).fetchone():
                raise StorageError("this agency has invoices: import into an empty one")
            while portion := list(islice(ordered, _IMPORTED_AT_ONCE)):
                self._insert(db, agency, portion)
                number += len(portion)
                last_at = portion[-1].invoice.created_at
            if last_at is not None:
                db.execute(self._sql.set_counter, (agency, number, self._rows.from_time(last_at)))
        return number

    def _one(self, sql: str, values: Sequence[object], read: Callable[[Row], T]) -> T | None:
        with self._database.reading() as db:
            row = db.execute(sql, values).fetchone()
        return None if row is None else understood(read, row)

    def _all(self, sql: str, values: Sequence[object], read: Callable[[Row], T]) -> list[T]:
        with self._database.reading() as db:
            found = db.execute(sql, values).fetchall()
        return [understood(read, row) for row in found]

    def _linked(self, row: Row) -> tuple[Invoice, LinkRef]:
        return self._rows.invoice_of(row), self._rows.link_of(row)

    def _portion(self, agency: str, after: int) -> list[InvoiceRecord]:
        with self._database.snapshot() as db:
            found = db.execute(self._sql.portion, (agency, after, _EXPORTED_AT_ONCE)).fetchall()
            (last,) = db.execute(self._sql.last_number, (agency,)).fetchone() or (0,)
            _require_all([row[1] for row in found], after, min(after + _EXPORTED_AT_ONCE, last))
            if not found:
                return []
            span = (agency, agency, after, found[-1][1])
            letters = _grouped(db.execute(self._sql.letters_of_portion, span).fetchall(), at=1)
            history = _grouped(db.execute(self._sql.history_of_portion, span).fetchall(), at=0)
        return [
            understood(lambda row: self._rows.record_of(row, letters[row[0]], history[row[0]]), row) for row in found
        ]

    def _insert(self, db: Connection, agency: str, records: Sequence[InvoiceRecord]) -> None:
        db.executemany(self._sql.add_invoice, map(self._rows.searched_row, records))
        if self._sql.plan_anew:
            db.execute(self._sql.plan_anew)
        entries = ((agency, *self._rows.entry_row(r.invoice.id, entry)) for r in records for entry in r.history)
        db.executemany(self._sql.add_entry, entries)
        db.executemany(self._sql.add_letter, ((agency, *self._rows.letter_row(x)) for r in records for x in r.letters))

    def _insert_events(
        self,
        db: Connection,
        agency: str,
        invoice_id: UUID,
        letters: tuple[Letter, ...],
        entries: tuple[HistoryEntry, ...],
    ) -> None:
        for entry in entries:
            db.execute(self._sql.add_entry, (agency, *self._rows.entry_row(invoice_id, entry)))
        for letter in letters:
            db.execute(self._sql.add_letter, (agency, *self._rows.letter_row(letter)))

    def _withdraw(self, db: Connection, agency: str, invoice_id: object, now: datetime) -> None:
        for row in db.execute(self._sql.letters, (agency, invoice_id)).fetchall():
            letter = self._letter_of(row)
            if letter.state == "queued":
                self._write_letter(db, agency, withdrawn(letter, now))

    def _kept(self, db: Connection, agency: str, letter: Letter) -> Letter | None:
        row = db.execute(self._sql.letter, (agency, self._rows.from_id(letter.id))).fetchone()
        return None if row is None else self._letter_of(row)

    def _letter_of(self, row: Row) -> Letter:
        return understood(self._rows.letter_of, row)

    def _write_letter(self, db: Connection, agency: str, letter: Letter, entry: HistoryEntry | None = None) -> None:
        db.execute(self._sql.rewrite, (*self._rows.letter_row(letter), agency, self._rows.from_id(letter.id)))
        if entry is not None:
            self._insert_events(db, agency, letter.invoice_id, (), (entry,))


def understood(read: Callable[[S], T], row: S) -> T:
    """What `read` makes of a row, or of one of its columns; StorageError if it can make nothing of it."""
    try:
        return read(row)
    except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise StorageError("the database holds a row that cannot be read: restore it from a backup") from error


def _group(row: Row) -> tuple[Status, bool, str, int, int]:
    status, overdue, currency, minor_units, count = row
    return Status(status), bool(overdue), currency, int(minor_units), count


def _require_all(numbers: list[int], after: int, last: int) -> None:
    if numbers != list(range(after + 1, last + 1)):
        raise StorageError("the database lacks an invoice, or has one too many: restore it from a backup")


def _in_order(agency: str, records: Iterable[InvoiceRecord]) -> Iterator[InvoiceRecord]:
    for number, record in enumerate(records, start=1):
        if record.invoice.agency_slug != agency:
            raise StorageError("a record belongs to another agency: nothing was imported")
        if ordinal_of(record.invoice.number) != number:
            raise StorageError("the records do not run from number 1 without a gap: nothing was imported")
        yield record


def _grouped(found: Iterable[Row], *, at: int) -> defaultdict[object, list[Row]]:
    groups: defaultdict[object, list[Row]] = defaultdict(list)
    for row in found:
        groups[row[at]].append(row)
    return groups
