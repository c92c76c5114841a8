"""A race of creates, imports and sweeps on a clock that runs: a day of it is a moment."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from threading import Event
from typing import Any, NamedTuple
from uuid import UUID

from indiopay import (
    Agency,
    IdempotencyError,
    InvalidInputError,
    Invoice,
    InvoiceDesk,
    PaymentLinks,
    StorageError,
    Upload,
)
from indiopay.attachment import storage_key
from indiopay.invoice import InvoiceRecord, NewInvoice
from indiopay.mailers.memory import MemoryMailer
from indiopay.ports import FileStore, InvoiceStore
from indiopay.testing import memory_desk

from .conftest import KEY, PAGE, filled_in

DAY = timedelta(days=1)
_DAY_SECONDS = 0.15
_EVER = datetime(9999, 1, 1, tzinfo=UTC)
_START = datetime(2026, 3, 2, 15, tzinfo=UTC)
_CREATORS, _SWEEPERS = 4, 2
_AGENCY = Agency("nord", "Assurances du Nord", "facturation@exemple.ca")


def running_clock() -> Callable[[], datetime]:
    """One that begins now, and whose days are over in a moment."""
    begun = time.monotonic()
    return lambda: _START + (time.monotonic() - begun) / _DAY_SECONDS * DAY


class Dated:
    """A file store whose files are as old as the running clock says, since it has seen them."""

    def __init__(self, files: FileStore, clock: Callable[[], datetime]) -> None:
        self._files = files
        self._clock = clock
        self.dates: dict[str, datetime] = {}
        self.read, self.delete = files.read, files.delete

    def put(self, key: str, chunks: Iterable[bytes]) -> None:
        self._files.put(key, chunks)
        self.dates[key] = self._clock()

    def keys(self, prefix: str, *, before: datetime) -> Iterator[str]:
        for key in self._files.keys(prefix, before=_EVER):
            if self.dates.get(key, _EVER) < before:
                yield key


class Slow:
    """A store that takes its time, at most a day, before it writes and after it has exported.

    Now and then it fails before it has written, or after.
    """

    def __init__(self, store: InvoiceStore, files: Dated, clock: Callable[[], datetime], lots: random.Random) -> None:
        self._store = store
        self._files = files
        self._clock = clock
        self._lots = lots
        self.late = set[UUID]()
        self.has_time = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def add(self, agency: str, new: NewInvoice) -> Invoice:
        lot = self._lots.random()
        time.sleep(self._lots.choice((0, 0.3, 0.6, 0.8)) * _DAY_SECONDS)
        if lot < 0.1:
            raise StorageError("before it was written")
        invoice = self._store.add(agency, new)
        now = self._clock()
        if any(now - self._files.dates[storage_key(agency, file.id)] >= DAY for file in new.attachments):
            self.late.add(invoice.id)
        if lot > 0.9:
            raise StorageError("after it was written")
        return invoice

    def export(self, agency: str) -> Iterator[InvoiceRecord]:
        yield from self._store.export(agency)
        if self.has_time:
            time.sleep(self._lots.random() * _DAY_SECONDS)


class Outcome(NamedTuple):
    """How much was done, and every fault: what an invoice lacks whose files were not a day old when it was written."""

    invoices: int
    imported: int
    swept: int
    late: int
    faults: list[str]


class Race:
    """Some create invoices with files, one imports agencies, others sweep, all at once over one store."""

    def __init__(self, store: InvoiceStore, files: FileStore, kind: type[InvoiceDesk], seed: int) -> None:
        self.clock = running_clock()
        self.lots = random.Random(seed)
        self.files = Dated(files, self.clock)
        self.store: Any = Slow(store, self.files, self.clock, self.lots)
        self.kind = kind
        self.desks = {_AGENCY.slug: self._desk(_AGENCY)}
        self.counts = Counter[str]()
        self.faults: list[str] = []
        self._is_over = Event()

    def run(self, seconds: float) -> Outcome:
        """All of them, for as long as that; then one sweep a day later. There is an orphan at first."""
        self.files.put(storage_key(_AGENCY.slug, UUID(int=0)), [b"orphan"])
        works = [*[self._create] * _CREATORS, *[self._sweep] * _SWEEPERS, self._import]
        with ThreadPoolExecutor(len(works)) as pool:
            running = [pool.submit(self._over_and_over, work, number) for number, work in enumerate(works)]
            time.sleep(seconds)
            self._is_over.set()
        for work in running:
            work.result()
        time.sleep(1.1 * _DAY_SECONDS)
        self.store.has_time = False
        self.counts["swept"] += sum(desk.sweep() for desk in self.desks.values())
        self._look()
        return Outcome(
            self.counts["invoices"], self.counts["imported"], self.counts["swept"], len(self.store.late), self.faults
        )

    def _desk(self, agency: Agency) -> InvoiceDesk:
        links = PaymentLinks(PAGE, keys=[KEY])
        return self.kind(
            agency=agency, store=self.store, files=self.files, mailer=MemoryMailer(), links=links, clock=self.clock
        )

    def _over_and_over(self, work: Callable[[str], None], number: int) -> None:
        for turn in count():
            if self._is_over.is_set():
                return
            work(f"{number}-{turn}")

    def _create(self, name: str) -> None:
        """One with files, under a key that others may use too."""
        files = [Upload(f"{number}.txt", f"{name} {number}".encode()) for number in range(self.lots.randrange(1, 4))]
        with suppress(StorageError, IdempotencyError):
            self.desks[_AGENCY.slug].create(filled_in(files=files), idempotency_key=self.lots.choice((None, name, "K")))

    def _import(self, name: str) -> None:
        """An agency whose files were brought long ago."""
        agency = Agency(f"sud-{name}", "Assurances du Sud", "facturation@exemple.ca")
        source = memory_desk(agency=agency)
        for number in range(3):
            source.create(filled_in(files=[Upload("a.txt", f"{name} {number}".encode())]))
        for key in source._files.keys("", before=_EVER):
            self.files.put(key, source._files.read(key))
            self.files.dates[key] -= 10 * DAY
        self.desks = {**self.desks, agency.slug: self._desk(agency)}
        time.sleep(self.lots.random() * _DAY_SECONDS)
        try:
            self.counts["imported"] += self.desks[agency.slug].import_records(source.export_records())
        except InvalidInputError as error:
            self.faults.append(f"{agency.slug}: {error}")

    def _sweep(self, name: str) -> None:
        """The first agency, or the one that is being imported."""
        desk = self.lots.choice((self.desks[_AGENCY.slug], list(self.desks.values())[-1]))
        swept = desk.sweep()  # first: what others add while it lasts would be lost
        self.counts["swept"] += swept

    def _look(self) -> None:
        """Every file of every invoice is there, and no other."""
        for slug in self.desks:
            there, wanted = set(self.files.keys(f"{slug}/", before=_EVER)), set[str]()
            for record in self.store.export(slug):
                self.counts["invoices"] += 1
                of_it = {storage_key(slug, file.id) for file in record.invoice.attachments}
                wanted |= of_it
                if not of_it <= there and record.invoice.id not in self.store.late:
                    self.faults.append(f"{slug}: {record.invoice.number} lacks a file")
            self.faults += [f"{slug}: an orphan is left" for _ in there - wanted]
