"""What a store does when many threads come at once, over one handle of it and over two."""

# ruff: noqa: S101  # a duty asserts

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier
from typing import TypeVar

from indiopay.errors import InvoiceChangedError
from indiopay.history import EntryKind
from indiopay.invoice import Change, Idempotency, Invoice, InvoiceRecord, invoice_number
from indiopay.outbox import Letter
from indiopay.ports import InvoiceStore
from indiopay.testing.store_samples import NOW, SECOND, claim, letter, new, payment

A = TypeVar("A")
T = TypeVar("T")
Handles = tuple[InvoiceStore, InvoiceStore]

_WORKERS = 8
_ROUNDS = 2


def _at_once(do: Callable[[A], T], each: Sequence[A]) -> list[T]:
    """What `do` gives for each, all of them begun together, each in a thread of its own."""
    gate = Barrier(len(each))

    def run(one: A) -> T:
        gate.wait()
        return do(one)

    with _hasty(), ThreadPoolExecutor(len(each)) as pool:
        return list(pool.map(run, each))


@contextmanager
def _hasty() -> Iterator[None]:
    """Lets threads take turns as often as they can."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


def _won(store: InvoiceStore, change: Change) -> bool:
    try:
        store.apply("nord", change)
    except InvoiceChangedError:
        return False
    return True


def _apply_sends(store: InvoiceStore, invoice: Invoice) -> None:
    """Make changes that follow one another, each with a letter."""
    for number in range(1, 21):
        change = invoice.send(letter(number, of=invoice.id.int))
        store.apply("nord", change)
        invoice = change.invoice


class RaceDuties:
    """Whoever comes at once is served one after the other."""

    def test_many_that_add_at_once_get_numbers_without_a_gap(self, handles: Handles) -> None:
        """None twice, none skipped, and times rise with them, whatever each clock says."""

        def add(number: int) -> Invoice:
            return handles[number % 2].add("nord", new(number, at=NOW - number * SECOND))

        added = sorted(_at_once(add, range(1, _ROUNDS * _WORKERS + 1)), key=lambda invoice: invoice.number)
        assert [invoice.number for invoice in added] == [invoice_number(n) for n in range(1, len(added) + 1)]
        times = [invoice.created_at for invoice in added]
        assert times == sorted(times)

    def test_many_with_one_key_make_one_invoice(self, handles: Handles) -> None:
        """All of them get the same."""

        def add(number: int) -> Invoice:
            key = Idempotency(f"k{number // 100}", b"form")
            return handles[number % 2].add("nord", new(number, idempotency=key))

        for turn in range(1, _ROUNDS + 1):
            made = _at_once(add, range(100 * turn, 100 * turn + _WORKERS))
            assert {invoice.number for invoice in made} == {invoice_number(turn)}
        assert len(list(handles[0].export("nord"))) == _ROUNDS

    def test_one_of_many_that_change_an_invoice_wins(self, handles: Handles) -> None:
        """One cancels it or is paid, and the others find it changed."""
        for turn in range(1, _ROUNDS + 1):
            invoice = handles[0].add("nord", new(turn))
            rivals = (invoice.cancel(at=NOW), payment(invoice))
            changes = [(handle, change) for change in rivals for handle in handles]
            won = _at_once(lambda pair: _won(*pair), changes * (_WORKERS // len(changes)))
            assert won.count(True) == 1
            entries = [entry.kind for entry in handles[0].history("nord", invoice.id)]
            assert entries in ([EntryKind.CREATED, EntryKind.CANCELLED], [EntryKind.CREATED, EntryKind.PAID])

    def test_no_two_workers_get_the_same_letter(self, handles: Handles) -> None:
        """Together they get each letter once."""
        for number in range(_WORKERS * _ROUNDS):
            handles[0].add("nord", new(number, letter=letter(number)))
        claimed: list[Letter | None] = []
        for _ in range(_ROUNDS):
            claimed += _at_once(lambda number: claim(handles[number % 2]), range(_WORKERS))
        while left := claim(handles[0]):
            claimed.append(left)
        ids = sorted(found.id.int for found in claimed if found)
        assert ids == [letter(number).id.int for number in range(_WORKERS * _ROUNDS)]

    def test_no_reader_sees_half_a_change(self, handles: Handles) -> None:
        """An invoice, its letters and its history are read as they stood at one moment."""
        writer, reader = handles
        invoice = writer.add("nord", new(1))
        seen: list[InvoiceRecord] = []
        with _hasty(), ThreadPoolExecutor(1) as pool:
            writing = pool.submit(_apply_sends, writer, invoice)
            while not writing.done():
                seen += reader.export("nord")
        assert writing.result() is None
        for found in seen:
            assert found.invoice.version == 1 + len(found.letters) == len(found.history)
