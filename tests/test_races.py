"""Many callers at once: one key makes one invoice, one verb ends it, and no letter goes out after that."""

import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from itertools import cycle
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest

from indiopay import (
    Delivery,
    EntryKind,
    IdempotencyError,
    IndioPayError,
    Invoice,
    InvoiceDesk,
    InvoiceForm,
    InvoiceStateError,
    Status,
    Upload,
)
from indiopay.files.memory import MemoryFiles
from indiopay.invoice import Change, LinkRef, NewInvoice
from indiopay.mailers.memory import MemoryMailer
from indiopay.outbox import Letter
from indiopay.ports import FileStore, InvoiceStore
from indiopay.stores.memory import MemoryStore
from indiopay.testing import StoppedClock, memory_desk

from .conftest import PDF, filled_in
from .test_problems import kept_files
from .wrong_twins import Overwrites

pytestmark = pytest.mark.no_cover  # it goes over and over what other tests cover

OpenDesk = Callable[..., InvoiceDesk]

ROUNDS = 10
NOTE = Upload("Note.txt", b"Note 1\n")


@pytest.fixture(autouse=True)
def _hasty_threads() -> Iterator[None]:
    """Threads change places far more often than they would."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """What each of them gives, all begun in the same moment: a value, or the type of our error."""
    ready = Barrier(len(acts))

    def run(act: Callable[[], Any]) -> Any:
        ready.wait()
        try:
            return act()
        except IndioPayError as error:
            return type(error)

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


# --- one key


FORMS = {
    "without files": ([filled_in()], 0),
    "with files": ([filled_in(files=[Upload("Police.pdf", PDF), NOTE])], 2),
    "of two amounts": ([filled_in(), filled_in(amount="1 250,01 $")], 0),
    "of two files": ([filled_in(files=[NOTE]), filled_in(files=[Upload("Note.txt", b"Note 2\n")])], 1),
}


def race_for_a_key(desk: InvoiceDesk, files: FileStore, forms: list[InvoiceForm], files_of_each: int) -> None:
    """32 callers in each round, with one key and these forms in turn: the first form wins, whichever that is."""
    chosen = [form for form, _ in zip(cycle(forms), range(32), strict=False)]
    for turn in range(1, ROUNDS + 1):
        made = at_once(*(partial(desk.create, form, idempotency_key=f"K-{turn}") for form in chosen))
        (invoice,) = desk.list(limit=1).items
        winner = chosen[made.index(invoice)]
        assert made == [invoice if form == winner else IdempotencyError for form in chosen]
        assert (invoice.number, len(desk.list().items)) == (f"F-{turn:06}", turn)
        assert kept_files(files) == turn * files_of_each


@pytest.mark.parametrize("forms", FORMS)
def test_one_key_from_many_threads_makes_one_invoice(desk: InvoiceDesk, files: FileStore, forms: str) -> None:
    """Its form gives that invoice to everybody; another form, by one cent or one byte, is refused; no file is left."""
    race_for_a_key(desk, files, *FORMS[forms])


class _LooksBeforeItLocks(MemoryStore):
    """Finds out whether a key was used, and then writes."""

    def add(self, agency: str, new: NewInvoice) -> Invoice:
        book = self._books[agency]
        if new.idempotency is None or book.with_key(new.idempotency.key):
            return super().add(agency, new)
        time.sleep(0.001)
        book.records[new.id] = book.next_record(new)
        return book.records[new.id].invoice


def test_a_store_that_looks_before_it_locks_is_caught() -> None:
    """Two callers find no invoice, and both make one."""
    with pytest.raises((AssertionError, ValueError)):
        race_for_a_key(memory_desk(store=_LooksBeforeItLocks()), MemoryFiles(), *FORMS["without files"])


@pytest.mark.parametrize("end", ["cancel", "record_payment", None])
@pytest.mark.parametrize("files", [(), (NOTE,)], ids=["without files", "with a file"])
def test_a_key_gives_its_invoice_for_ever(
    desk: InvoiceDesk, clock: StoppedClock, end: str | None, files: tuple[Upload, ...]
) -> None:
    """Years later, when its due date has passed, and after the invoice has ended: as it stands by then."""
    form = filled_in(due_date="2026-03-02", files=files, send_by_email=True)
    made = desk.create(form, idempotency_key="K-1")
    if end == "cancel":
        desk.cancel(made.id)
    elif end == "record_payment":
        desk.record_payment(made.id, reference="P-1")
    clock.advance(timedelta(days=20 * 365))
    assert [problem.code for problem in desk.check(form)] == ["past"]
    assert desk.create(form, idempotency_key="K-1") == desk.get(made.id)
    with pytest.raises(IdempotencyError):
        desk.create(filled_in(due_date="2026-03-02", files=files), idempotency_key="K-1")
    assert (len(desk.list().items), len(desk.deliveries(made.id))) == (1, 1)


# --- one end


class _Watched:
    """A store that notes whether a letter was claimed by a call that began after the invoice had ended."""

    def __init__(self, store: InvoiceStore) -> None:
        self._store = store
        self._ended: set[UUID] = set()
        self.claimed_late: list[Letter] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def apply(self, agency: str, change: Change) -> None:
        self._store.apply(agency, change)
        if change.invoice.status is not Status.OPEN:
            self._ended.add(change.invoice.id)

    def claim(self, agency: str, **named: Any) -> Letter | None:
        ended = self._ended.copy()
        letter = self._store.claim(agency, **named)
        if letter is not None and letter.invoice_id in ended:
            self.claimed_late.append(letter)
        return letter


def race_to_the_end(desk: InvoiceDesk) -> None:
    """8 callers send, 4 pay and 4 cancel, a little later in each round: one of these 8 wins, the others are refused."""
    for turn in range(ROUNDS):
        invoice_id = desk.create(filled_in(send_by_email=True)).id
        pay = [partial(desk.record_payment, invoice_id, reference=f"P-{caller}") for caller in range(4)]
        cancel = [partial(desk.cancel, invoice_id)] * 4
        ends = [partial(_later, turn / 1000, end) for end in (*pay, *cancel)]
        answers = at_once(*[partial(desk.send, invoice_id)] * 8, *ends)
        (end,) = [answer for answer in answers if isinstance(answer, Invoice)]
        sends = [answer for answer in answers if isinstance(answer, Delivery)]
        assert len(sends) + answers.count(InvoiceStateError) == 15
        assert desk.get(invoice_id) == end
        _letters_ended(desk, end, len(sends) + 1)


def _later(seconds: float, act: Callable[[], Any]) -> Any:
    time.sleep(seconds)
    return act()


def _letters_ended(desk: InvoiceDesk, end: Invoice, asked: int) -> None:
    """Each was sent, or cancelled with the invoice; after its end the history tells at most what was at the relay."""
    deliveries = desk.deliveries(end.id)
    kinds = [entry.kind for entry in desk.history(end.id)]
    assert len(deliveries) == asked == kinds.count(EntryKind.QUEUED)
    assert {delivery.state for delivery in deliveries} <= {"sent", "cancelled"}
    assert kinds.count(EntryKind.SENT) == sum(delivery.sent_at is not None for delivery in deliveries)
    ended = kinds.index(EntryKind.PAID if end.status is Status.PAID else EntryKind.CANCELLED)
    assert end.version == asked + 1
    assert set(kinds[ended + 1 :]) <= {EntryKind.SENT}


def test_one_of_many_callers_ends_an_invoice(
    open_desk: OpenDesk, clock: StoppedClock, store: InvoiceStore, mailer: MemoryMailer
) -> None:
    """One cancel or one payment wins; what was to be sent before is sent or cancelled, and never claimed after."""
    watched = _Watched(store)
    desk = open_desk(store=watched)
    race_to_the_end(desk)
    before = len(mailer.sent)
    for days in (1, 6, 3650):
        clock.advance(timedelta(days=days))
        assert (desk.deliver(), len(mailer.sent)) == (0, before)
    assert watched.claimed_late == []


class _Dawdles(Overwrites):
    """Writes whatever the version, and gives others the time to come between."""

    def get(self, agency: str, invoice_id: UUID) -> tuple[Invoice, LinkRef] | None:
        found = super().get(agency, invoice_id)
        time.sleep(0.001)
        return found


def test_a_store_that_writes_stale_versions_is_caught() -> None:
    """Two callers end one invoice, or a letter is gone as soon as it was asked for."""
    with pytest.raises((AssertionError, ValueError, KeyError)):
        race_to_the_end(memory_desk(store=_Dawdles()))


def test_a_payment_from_many_threads_is_recorded_once(desk: InvoiceDesk) -> None:
    """A webhook that comes sixteen times at once changes the invoice once, and gives the same to all."""
    for _ in range(ROUNDS):
        invoice_id = desk.create(filled_in()).id
        answers = at_once(*[partial(desk.record_payment, invoice_id, reference="P-1")] * 16)
        assert answers == [desk.get(invoice_id)] * 16
        assert (answers[0].version, len(desk.history(invoice_id))) == (2, 2)


def test_one_of_two_payments_wins(desk: InvoiceDesk) -> None:
    """All who report the one that was recorded are told so, those who report the other are refused."""
    references = ["P-1", "P-2"] * 8
    for _ in range(ROUNDS):
        invoice_id = desk.create(filled_in()).id
        answers = at_once(*(partial(desk.record_payment, invoice_id, reference=name) for name in references))
        paid = desk.get(invoice_id)
        assert answers == [paid if name == paid.payment_reference else InvoiceStateError for name in references]
        assert len(desk.history(invoice_id)) == 2
