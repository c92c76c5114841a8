"""What a store does when many threads come at once, over one handle of it and over two."""

# ruff: noqa: S101  # a duty asserts

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import chain
from threading import Barrier
from typing import TypeVar

from indiopay.errors import InvoiceChangedError, MailError
from indiopay.history import EntryKind
from indiopay.invoice import Change, Idempotency, Invoice, invoice_number
from indiopay.outbox import Letter, accepted, refused
from indiopay.ports import InvoiceStore
from indiopay.testing.store_samples import (
    NOW,
    SECOND,
    claim,
    claimed,
    kept_letters,
    letter,
    new,
    payment,
    record,
    rendered,
    report,
)

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


def _renew_links(store: InvoiceStore, invoice: Invoice) -> None:
    """Make changes that follow one another, each with the link that is made of its version."""
    for version in range(2, 22):
        change = invoice.renew_link(new(version).link, at=NOW)
        store.apply("nord", change)
        invoice = change.invoice


def _deliver(store: InvoiceStore) -> None:
    """Do a worker's work until no letter waits."""
    while held := claim(store):
        report(store, accepted(held, at=NOW))


def _seen_during(write: Callable[[], None], read: Callable[[], Iterable[T]]) -> list[T]:
    """What is read over and over until all is written."""
    seen: list[T] = []
    with _hasty(), ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        while not writing.done():
            seen += read()
    writing.result()
    return seen


def _withdrawn_at_work(handles: Handles, number: int) -> list[Callable[[], object]]:
    """Cancel an invoice, and write what a worker has of its letter: its bytes, that it has to wait, or that it went."""
    held = claimed(handles[0], number)
    waiting = refused(held, MailError("connect", kind="transport"), at=NOW)
    writes = (
        partial(report, handles[1], accepted(held, at=NOW)),
        partial(handles[1].keep_message, "nord", rendered(held)),
        partial(report, handles[1], waiting),
    )
    return [writes[number % 3], partial(handles[0].apply, "nord", record(number).invoice.cancel(at=NOW))]


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
        for found in _seen_during(partial(_apply_sends, writer, invoice), partial(reader.export, "nord")):
            assert found.invoice.version == 1 + len(found.letters) == len(found.history)

    def test_no_reader_sees_an_invoice_with_the_link_of_another_moment(self, handles: Handles) -> None:
        """Both are of one version."""
        writer, reader = handles
        invoice = writer.add("nord", new(1))
        for found in _seen_during(partial(_renew_links, writer, invoice), lambda: [reader.get("nord", invoice.id)]):
            assert found is not None
            assert found[1] == new(found[0].version).link

    def test_no_reader_sees_half_an_outcome(self, handles: Handles) -> None:
        """A letter was sent, and the history of its invoice says so, at one moment."""
        writer, reader = handles
        for number in range(1, 21):
            writer.add("nord", new(number, letter=letter(number)))
        for found in _seen_during(partial(_deliver, writer), partial(reader.export, "nord")):
            assert (found.letters[0].state == "sent") is (found.history[-1].kind is EntryKind.SENT)

    def test_a_letter_is_withdrawn_whatever_its_worker_writes_at_once(self, handles: Handles) -> None:
        """Of an invoice that was cancelled no letter waits, no bytes are kept, and what was sent says so."""
        for turn in range(8):
            calls = [_withdrawn_at_work(handles, number) for number in range(3 * turn + 1, 3 * turn + 4)]
            _at_once(lambda call: call(), list(chain.from_iterable(calls)))
        for kept in kept_letters(handles[0]):
            assert (kept.state == "queued", kept.message) == (False, None)
            assert (kept.sent_at is not None) is (kept.invoice_id.int % 3 == 0)
