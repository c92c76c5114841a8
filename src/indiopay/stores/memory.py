"""Invoices in memory: the whole contract of a store in its plainest form, for tests and for trying things out."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from operator import itemgetter
from threading import RLock
from uuid import UUID

from attrs import define, evolve, field

from indiopay.errors import IdempotencyError, InvoiceChangedError, InvoiceNotFoundError, StorageError
from indiopay.history import HistoryEntry
from indiopay.invoice import Change, Invoice, InvoiceRecord, LinkRef, NewInvoice, ordinal_of, outcome_entry
from indiopay.listing import InvoiceFilter, Position, Totals, add_up, position_of
from indiopay.outbox import Letter, expired, is_free, leased, settled, withdrawn

_Mark = tuple[str, object]


@define
class _Book:
    """One agency's invoices, in the order of their numbers, and what may stand in it once only."""

    records: dict[UUID, InvoiceRecord] = field(factory=dict)
    taken: set[_Mark] = field(factory=set)

    def invoices(self) -> list[Invoice]:
        return [record.invoice for record in self.records.values()]

    def find(self, wanted: Callable[[InvoiceRecord], bool]) -> InvoiceRecord | None:
        return next(filter(wanted, self.records.values()), None)

    def with_key(self, key: str) -> InvoiceRecord | None:
        return self.find(lambda record: record.idempotency is not None and record.idempotency.key == key)

    def take(self, marks: list[_Mark]) -> None:
        if len({*marks} - self.taken) < len(marks):
            raise StorageError("an id, a link or a key is taken already: nothing was written")
        self.taken.update(marks)

    def append(self, record: InvoiceRecord) -> Invoice:
        self.take(_all_marks(record))
        self.records[record.invoice.id] = record
        return record.invoice

    def next_record(self, new: NewInvoice) -> InvoiceRecord:
        last = next(reversed(self.records.values()), None)
        return new.numbered(len(self.records) + 1, new.at if last is None else max(new.at, last.invoice.created_at))

    def letters(self) -> list[Letter]:
        return [letter for record in self.records.values() for letter in record.letters]

    def kept(self, letter: Letter) -> Letter | None:
        record = self.records.get(letter.invoice_id)
        return next((kept for kept in record.letters if kept.id == letter.id), None) if record else None

    def write(self, letter: Letter, entry: HistoryEntry | None = None) -> None:
        record = self.records[letter.invoice_id]
        letters = tuple(letter if kept.id == letter.id else kept for kept in record.letters)
        history = record.history if entry is None else (*record.history, entry)
        self.records[letter.invoice_id] = evolve(record, letters=letters, history=history)

    def expire(self, *, now: datetime, queued_after: datetime) -> None:
        for letter in self.letters():
            if is_free(letter, now) and letter.queued_at <= queued_after:
                self.write(expired(letter), outcome_entry(expired(letter), now))


def _marks(link: LinkRef | None, letters: tuple[Letter, ...]) -> list[_Mark]:
    marks: list[_Mark] = [("letter", letter.id) for letter in letters]
    return marks if link is None else [*marks, ("link", link.link_id)]


def _all_marks(record: InvoiceRecord) -> list[_Mark]:
    marks: list[_Mark] = [("invoice", record.invoice.id), *_marks(record.link, record.letters)]
    return marks if record.idempotency is None else [*marks, ("key", record.idempotency.key)]


def _after(record: InvoiceRecord, change: Change) -> InvoiceRecord:
    letters = record.letters
    if change.cancels_letters:
        at = change.entries[0].at
        letters = tuple(withdrawn(kept, at) if kept.state == "queued" else kept for kept in letters)
    return evolve(
        record,
        invoice=change.invoice,
        link=change.link or record.link,
        letters=(*letters, *change.letters),
        history=(*record.history, *change.entries),
    )


class MemoryStore:
    """A store that forgets everything with the process."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._books: defaultdict[str, _Book] = defaultdict(_Book)

    def add(self, agency: str, new: NewInvoice) -> Invoice:
        """Number and keep a new invoice, or find the one that its key made."""
        with self._lock:
            book = self._books[agency]
            before = book.with_key(new.idempotency.key) if new.idempotency else None
            if before is None:
                return book.append(book.next_record(new))
            if before.idempotency != new.idempotency:
                raise IdempotencyError("this idempotency key was used for another form")
            return before.invoice

    def apply(self, agency: str, change: Change) -> None:
        """Put the invoice as it will be in the place of the version before it."""
        with self._lock:
            book = self._books[agency]
            record = book.records.get(change.invoice.id)
            if record is None:
                raise InvoiceNotFoundError("this agency has no such invoice")
            if record.invoice.version != change.invoice.version - 1:
                raise InvoiceChangedError(change.invoice.version - 1, record.invoice.version)
            book.take(_marks(change.link, change.letters))
            book.records[change.invoice.id] = _after(record, change)

    def get(self, agency: str, invoice_id: UUID) -> tuple[Invoice, LinkRef] | None:
        """The invoice with that id, and its link."""
        with self._lock:
            record = self._books[agency].records.get(invoice_id)
            return (record.invoice, record.link) if record else None

    def by_link(self, agency: str, link: LinkRef) -> Invoice | None:
        """The invoice that this link opens."""
        with self._lock:
            record = self._books[agency].find(lambda record: record.link == link)
            return record.invoice if record else None

    def by_idempotency_key(self, agency: str, key: str) -> tuple[Invoice, bytes] | None:
        """The invoice that was created with that key, and the fingerprint of its form."""
        with self._lock:
            record = self._books[agency].with_key(key)
            return (record.invoice, record.idempotency.fingerprint) if record and record.idempotency else None

    def page(
        self, agency: str, which: InvoiceFilter, *, today: date, after: Position | None, limit: int
    ) -> Sequence[Invoice]:
        """The invoices that come after the position, in the filter's order."""
        with self._lock:
            invoices = self._books[agency].invoices()
        admitted = [invoice for invoice in invoices if which.admits(invoice, today=today)]
        start = None if after is None else which.rank(after)
        ranked = sorted(((which.rank(position_of(found)), found) for found in admitted), key=itemgetter(0))
        return [invoice for rank, invoice in ranked if start is None or rank > start][:limit]

    def totals(self, agency: str, *, today: date) -> Totals:
        """Sums and counts over every invoice of the agency."""
        with self._lock:
            invoices = self._books[agency].invoices()
        return add_up((i.status, i.is_overdue(today), i.amount.currency, i.amount.minor_units, 1) for i in invoices)

    def history(self, agency: str, invoice_id: UUID) -> Sequence[HistoryEntry]:
        """What happened to the invoice, in the order in which it was written."""
        with self._lock:
            record = self._books[agency].records.get(invoice_id)
            return record.history if record else ()

    def deliveries(self, agency: str, invoice_id: UUID) -> Sequence[Letter]:
        """The invoice's letters, in the order in which they were written, without their bytes."""
        with self._lock:
            record = self._books[agency].records.get(invoice_id)
            return tuple(evolve(letter, message=None) for letter in record.letters) if record else ()

    def claim(
        self, agency: str, *, now: datetime, lease_end: datetime, queued_after: datetime, letter_id: UUID | None = None
    ) -> Letter | None:
        """Lease the letter that is due first, or the one named."""
        with self._lock:
            book = self._books[agency]
            book.expire(now=now, queued_after=queued_after)
            due = [x for x in book.letters() if is_free(x, now) and x.not_before <= now and letter_id in (None, x.id)]
            if not due:
                return None
            first = leased(min(due, key=lambda letter: (letter.not_before, letter.id)), end=lease_end)
            book.write(first)
            return first

    def keep_message(self, agency: str, letter: Letter) -> bool:
        """Keep the letter's rendered bytes before its first attempt."""
        with self._lock:
            book = self._books[agency]
            kept = book.kept(letter)
            if kept is None or kept.state != "queued" or kept.lease_token != letter.lease_token:
                return False
            book.write(letter)
            return True

    def finish(self, agency: str, letter: Letter, entry: HistoryEntry | None) -> bool:
        """End the letter's lease with what became of it."""
        with self._lock:
            book = self._books[agency]
            kept = book.kept(letter)
            after = settled(kept, letter) if kept else None
            if after is None:
                return False
            book.write(after, entry)
            return True

    def export(self, agency: str) -> Iterator[InvoiceRecord]:
        """Every invoice whole, by rising number."""
        with self._lock:
            return iter(tuple(self._books[agency].records.values()))

    def import_(self, agency: str, records: Iterable[InvoiceRecord]) -> int:
        """Keep records as they are, in an agency that has none yet."""
        book = _Book()
        for number, record in enumerate(records, start=1):
            if record.invoice.agency_slug != agency:
                raise StorageError("a record belongs to another agency: nothing was imported")
            if ordinal_of(record.invoice.number) != number:
                raise StorageError("the records do not run from number 1 without a gap: nothing was imported")
            book.append(record)
        with self._lock:
            if self._books[agency].records:
                raise StorageError("this agency has invoices: import into an empty one")
            self._books[agency] = book
        return len(book.records)
