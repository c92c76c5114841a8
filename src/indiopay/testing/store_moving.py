"""What a store does with a whole agency: it is read out in portions, and written in as it was or not at all."""

# ruff: noqa: S101  # a duty asserts

import tracemalloc
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import count
from typing import ClassVar
from uuid import UUID

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings, strategies as st

from indiopay.errors import StorageError
from indiopay.history import EntryKind, HistoryEntry
from indiopay.invoice import Idempotency, Invoice, InvoiceRecord, LinkRef, invoice_number
from indiopay.outbox import LEASE, Letter, leased
from indiopay.ports import InvoiceStore
from indiopay.testing import strategies
from indiopay.testing.store_samples import NOW, SECOND, letter, new, payment, record

_KEY = Idempotency("k", b"form")
_MORE_THAN_A_PORTION = 700
_MANY = 2_000
_NOTE = "é" * 4_000

_WRONG: Mapping[str, tuple[InvoiceRecord, ...]] = {
    "a gap": (record(1), record(3)),
    "a first number that is not 1": (record(2),),
    "a number twice": (record(1), new(2).numbered(1, NOW)),
    "another agency's": (record(1), record(2, agency="nord-est")),
    "an id twice": (record(1), record(2, id=UUID(int=1))),
    "a link twice": (record(1), record(2, link=new(1).link)),
    "a link twice under two keys": (record(1), record(2, link=LinkRef(new(1).link.link_id, 8))),
    "a key twice": (record(1, idempotency=_KEY), record(2, idempotency=_KEY)),
    "a letter twice": (record(1, letter=letter(1)), record(2, letter=letter(1, of=2))),
    "a letter twice in one record": (evolve(record(1), letters=(letter(1), letter(1))),),
}


def _full_letter(number: int) -> Letter:
    """A letter that uses every column."""
    return evolve(
        leased(letter(number), end=NOW + LEASE),
        attempts=3,
        sender="a@exemple.ca",
        message=bytes(range(256)),
        message_sha256="cd" * 32,
        last_phase="rcpt",
        last_code=450,
        sent_at=NOW - SECOND,
        maybe_duplicate=True,
        not_before=NOW + SECOND,
    )


def _full_records() -> list[InvoiceRecord]:
    """Three invoices, one in each status, that use every column."""
    cancelled = record(2).invoice.cancel(at=NOW, reason="Remplacée").invoice
    paid = payment(record(3).invoice, paid_at=NOW - SECOND).invoice
    details = {"text": 'é’\\"', "number": 7, "none": None, "list": [True, {"a": "b"}]}
    history = tuple(HistoryEntry(kind, NOW, details) for kind in EntryKind)
    return [
        evolve(record(1, idempotency=_KEY), letters=(_full_letter(1), letter(7, of=1)), history=history),
        evolve(record(2, idempotency=Idempotency("clé", b"\0\xff")), invoice=evolve(cancelled, version=99)),
        evolve(record(3, link=LinkRef(b"\0\xff" * 9, 255)), invoice=paid),
    ]


@cache
def _many() -> list[InvoiceRecord]:
    return [record(number, description=_NOTE) for number in range(1, _MANY + 1)]


def _held_at_most(walk: Iterator[object]) -> int:
    """How many bytes are held at once, at most, while it is walked through."""
    traced_already = tracemalloc.is_tracing()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    deque(walk, maxlen=0)
    _, peak = tracemalloc.get_traced_memory()
    if not traced_already:
        tracemalloc.stop()
    return peak - before


def _as_records(agency: str, invoices: list[Invoice]) -> list[InvoiceRecord]:
    """What was drawn, as the invoices of an agency."""
    return [
        InvoiceRecord(
            evolve(invoice, id=UUID(int=number), number=invoice_number(number), agency_slug=agency),
            new(number).link,
            None,
            (),
            (HistoryEntry(EntryKind.CREATED, invoice.created_at),),
        )
        for number, invoice in enumerate(invoices, start=1)
    ]


class ExportDuties:
    """An agency is read out whole."""

    def test_an_export_gives_every_invoice_by_rising_number(self, store: InvoiceStore) -> None:
        """Each with its link, its key, its letters and its history."""
        ids = (7, 3, 5)
        given = [new(n, letter=letter(n), idempotency=Idempotency(f"k{n}", b"form")) for n in ids]
        for one in given:
            store.add("nord", one)
        assert list(store.export("nord")) == [one.numbered(number, NOW) for number, one in enumerate(given, start=1)]

    def test_an_export_takes_little_memory(self, store: InvoiceStore) -> None:
        """It is read in portions: all of it never takes as much as its notes alone weigh."""
        store.import_("nord", iter(_many()))
        assert _held_at_most(store.export("nord")) < _MANY * len(_NOTE)

    def test_an_export_holds_up_no_writer(self, store: InvoiceStore) -> None:
        """An invoice is added while a slow reader is halfway through."""
        store.import_("nord", _many()[:_MORE_THAN_A_PORTION])
        reading = store.export("nord")
        first = next(reading).invoice.number
        with ThreadPoolExecutor(1) as pool:
            added = pool.submit(store.add, "nord", new(_MANY)).result(timeout=60)
        numbers = [first, *(found.invoice.number for found in reading)]
        imported = [invoice_number(number) for number in range(1, _MORE_THAN_A_PORTION + 1)]
        assert numbers in (imported, [*imported, added.number])


class ImportDuties:
    """An agency is written in as it was, or not at all."""

    examples: ClassVar[int]

    def test_records_come_back_as_they_were_given(self, store: InvoiceStore) -> None:
        """With every column in use."""
        records = _full_records()
        assert store.import_("nord", iter(records)) == 3
        assert list(store.export("nord")) == records

    def test_whatever_a_desk_may_hold_comes_back_equal(self, store: InvoiceStore) -> None:
        """Invoices in any status, with any names, notes, amounts, days and files."""
        agencies = map("agence-{}".format, count())

        @settings(deadline=None, max_examples=self.examples, suppress_health_check=[HealthCheck.too_slow])
        @given(st.lists(strategies.invoices(), max_size=4))
        def check(invoices: list[Invoice]) -> None:
            agency = next(agencies)
            records = _as_records(agency, invoices)
            assert store.import_(agency, iter(records)) == len(records)
            assert list(store.export(agency)) == records

        check()

    def test_an_agency_with_invoices_takes_no_records(self, store: InvoiceStore) -> None:
        """Nothing of them is written."""
        store.add("nord", new(9))
        before = list(store.export("nord"))
        with pytest.raises(StorageError):
            store.import_("nord", [record(1)])
        assert list(store.export("nord")) == before

    def test_no_records_leave_an_agency_empty(self, store: InvoiceStore) -> None:
        """It may still take some, or count from one."""
        assert store.import_("nord", []) == store.import_("nord", iter(())) == 0
        assert store.import_("nord", [record(1)]) == 1
        assert store.import_("nord-est", []) == 0
        assert store.add("nord-est", new(1, agency="nord-est")).number == "F-000001"

    @pytest.mark.parametrize("records", _WRONG.values(), ids=_WRONG)
    def test_records_that_do_not_fit_leave_nothing(
        self, store: InvoiceStore, records: tuple[InvoiceRecord, ...]
    ) -> None:
        """Numbers with a gap, another agency's record, or what stands twice: all of it is refused."""
        with pytest.raises(StorageError):
            store.import_("nord", iter(records))
        assert list(store.export("nord")) == list(store.export("nord-est")) == []
        assert store.import_("nord", [record(1)]) == 1

    def test_an_import_that_breaks_off_leaves_nothing(self, store: InvoiceStore) -> None:
        """The error of the iterator comes out as it is, however much was read before it."""

        def breaking_off() -> Iterator[InvoiceRecord]:
            yield from _many()
            raise _BrokenOffError

        with pytest.raises(_BrokenOffError):
            store.import_("nord", breaking_off())
        assert list(store.export("nord")) == []
        assert store.import_("nord", [record(1)]) == 1


class _BrokenOffError(Exception):
    """What only this module can raise."""


class MovingDuties(ExportDuties, ImportDuties):
    """All of the above."""
