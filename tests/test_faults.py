"""Parts that fail on purpose: which operation fails, how, and what passes through untouched."""

import errno
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import timedelta
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from indiopay import MailError, StorageError
from indiopay.files.memory import MemoryFiles
from indiopay.mailers.memory import MemoryMailer
from indiopay.stores.memory import MemoryStore
from indiopay.testing import StoppedClock, faults, memory_desk
from indiopay.testing.faults import Fault

from .conftest import filled_in

KEY = f"nord/4f/{'4f' * 16}"


class Counter:
    """A part whose every call changes something."""

    def __init__(self) -> None:
        self.value = 0

    def rise(self) -> int:
        self.value += 1
        return self.value

    def all_of(self, items: Iterable[int]) -> list[int]:
        return list(items)

    def numbers(self) -> Iterator[int]:
        try:
            yield from (1, 2, 3)
        finally:
            self.value = -1


def outcomes(fault: Fault, part: Counter, times: int) -> list[int | None]:
    """What so many calls give; None for one that fails."""
    failing = fault.through(part)

    def call() -> int | None:
        with suppress(StorageError):
            return failing.rise()
        return None

    return [call() for _ in range(times)]


def descriptors() -> list[Path]:
    return list(Path("/proc/self/fd").iterdir())


@pytest.mark.parametrize(
    ("fault", "wanted", "value"),
    [
        (Fault(2), [1, None, 2, 3], 3),
        (Fault(2, after=True), [1, None, 3, 4], 4),
        (Fault(2, for_good=True), [1, None, None, None], 1),
        (Fault(2, for_good=True, after=True), [1, None, None, None], 4),
        (Fault(5), [1, 2, 3, 4], 4),
        (Fault(0, for_good=True), [1, 2, 3, 4], 4),
    ],
    ids=str,
)
def test_the_operation_whose_turn_it_is_fails(fault: Fault, wanted: list[int | None], value: int) -> None:
    """Once or for good, before it is done or after; and the fault tells."""
    part = Counter()
    assert outcomes(fault, part, 4) == wanted
    assert (part.value, fault.calls, fault.happened) == (value, 4, None in wanted)


def test_operations_of_all_parts_are_counted_together() -> None:
    """The third one is the second part's first."""
    fault, first, second = Fault(3), Counter(), Counter()
    assert outcomes(fault, first, 2) + outcomes(fault, second, 2) == [1, 2, None, 1]


@pytest.mark.parametrize("error", [KeyError("k"), *faults.system_errors(), *faults.mail_errors(), None])
def test_what_is_raised_is_the_error_each_time_a_new_one(error: BaseException | None) -> None:
    """With all that it says; none that is raised holds anything of the one before. A plain fault is a store's."""
    fault, raised = Fault(error=error, for_good=True), []
    for _ in range(2):
        with pytest.raises(type(error) if error else StorageError) as caught:
            fault.through(Counter()).rise()
        raised.append(caught.value)
    assert {repr(one) for one in raised} == {repr(fault.error)}
    assert [vars(one) for one in raised] == [vars(fault.error)] * 2
    assert [one.__cause__ for one in raised] == [fault.error.__cause__] * 2
    assert raised[0] is not raised[1]
    assert fault.error.__traceback__ is None


class ClientError(Exception):
    """As many drivers have one: it is made from other things than it keeps."""

    def __init__(self, answer: dict[str, int], *, verb: str) -> None:
        super().__init__(f"{verb}: {answer}")
        self.answer = answer


def test_an_error_of_any_constructor_can_be_raised() -> None:
    """With all that it says."""
    fault = Fault(error=ClientError({"status": 503}, verb="PutObject"))
    with pytest.raises(ClientError, match="PutObject") as caught:
        fault.through(Counter()).rise()
    assert (caught.value.answer, caught.value is fault.error) == ({"status": 503}, False)


@pytest.mark.parametrize(("at", "error"), [(-1, None), ("1", None), (1, OSError)])
def test_a_fault_that_could_not_happen_is_refused(at: Any, error: Any) -> None:
    """One that never strikes would be taken for a success."""
    with pytest.raises((TypeError, ValueError)):
        Fault(at, error)


def test_a_fault_that_is_mended_is_over() -> None:
    """Even one for good; what happened has happened."""
    fault, part = Fault(for_good=True), Counter()
    assert outcomes(fault, part, 2) == [None, None]
    fault.mend()
    assert outcomes(fault, part, 2) == [1, 2]
    assert (fault.happened, fault.calls) == (True, 4)


@pytest.mark.parametrize(("at", "given"), [(2, []), (3, [1]), (4, [1, 2]), (5, [1, 2, 3])])
def test_an_iterator_that_a_call_gives_back_breaks_halfway(at: int, given: list[int]) -> None:
    """Each item is an operation, and so is its end; one that broke is over, and has let go of what it held."""
    part = Counter()
    numbers = Fault(at).through(part).numbers()
    assert list(islice(numbers, at - 2)) == given
    with pytest.raises(StorageError):
        next(numbers)
    assert list(numbers) == []
    assert part.value == (-1 if at > 2 else 0)


def test_an_item_whose_answer_is_lost_was_taken() -> None:
    """It is not given again."""
    left = iter([1, 2, 3])
    items = Fault(2, after=True).through(Counter()).all_of
    with pytest.raises(StorageError):
        items(left)
    assert list(left) == [2, 3]


@pytest.mark.parametrize("at", [2, 3])
def test_an_iterator_that_a_call_is_given_breaks_halfway(at: int) -> None:
    """By its place or by its name: a file store is told in the midst of a file, and keeps nothing."""
    files = MemoryFiles()
    for put in (lambda failing: failing.put(KEY, iter([b"one", b"two"])), _put_by_name):
        with pytest.raises(StorageError):
            put(Fault(at).through(files))
    files.put(KEY, [b"whole"])


def _put_by_name(files: MemoryFiles) -> None:
    files.put(key=KEY, chunks=iter([b"one", b"two"]))


def test_a_list_is_one_thing() -> None:
    """Its items are no operations, in or out."""
    fault = Fault(2)
    assert fault.through(Counter()).all_of([1, 2, 3]) == [1, 2, 3]
    assert fault.calls == 1


def test_a_part_keeps_its_type_and_what_is_no_call_passes() -> None:
    """Attributes are read and set, and classes are themselves."""
    mailer = MemoryMailer()
    fault = Fault()
    part = fault.through(mailer)
    assert isinstance(part, MemoryMailer)
    assert part.sent is mailer.sent
    part.sent = []
    assert part.sent is mailer.sent
    assert fault.through(os).PathLike is os.PathLike
    assert (fault.through(os).O_RDONLY, fault.calls) == (os.O_RDONLY, 0)


def test_a_drivers_connection_and_its_cursors_are_counted() -> None:
    """Statements, rows, the transaction of a block: here its COMMIT fails, and can be done after."""
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute("CREATE TABLE t (x)")
        fault = Fault(5, sqlite3.OperationalError("disk I/O error"))
        failing = fault.through(db)

        def fill() -> None:
            with failing as entered:
                entered.executemany("INSERT INTO t VALUES (?)", [(1,), (2,)])
                assert entered.execute("SELECT x FROM t").fetchone() == (1,)

        with pytest.raises(sqlite3.OperationalError):
            fill()
        assert (fault.calls, db.in_transaction) == (5, True)
        failing.commit()
        assert [x for (x,) in failing.execute("SELECT x FROM t")] == [1, 2]


def test_a_close_that_fails_is_done() -> None:
    """As a system closes what it says that it could not."""
    stream = BytesIO()
    with pytest.raises(StorageError):
        Fault().through(stream).close()
    assert stream.closed


def test_what_was_opened_and_got_lost_is_closed(tmp_path: Path) -> None:
    """A descriptor, a file, an iterator that was begun."""
    opened: list[BytesIO] = []

    class Opener:
        def open(self) -> BytesIO:
            opened.append(BytesIO())
            return opened[0]

    with pytest.raises(StorageError):
        Fault(after=True).through(Opener()).open()
    assert opened[0].closed
    before = descriptors()
    with pytest.raises(StorageError):
        Fault(after=True).through(os).open(tmp_path / "a", os.O_CREAT | os.O_WRONLY)
    assert (len(descriptors()), (tmp_path / "a").exists()) == (len(before), True)


def test_an_operation_may_be_done_by_hand() -> None:
    """It counts, and fails in its turn."""
    fault = Fault(2)
    assert fault.do(int, "12") == 12
    with pytest.raises(StorageError):
        fault.do(int, "12")


def test_threads_are_counted_together() -> None:
    """One of a hundred calls fails, whoever makes it."""
    fault = Fault(50)
    part = fault.through(Counter())
    barrier = threading.Barrier(4)

    def work(_: int) -> int:
        barrier.wait()
        failed = 0
        for _ in range(25):
            try:
                part.rise()
            except StorageError:
                failed += 1
        return failed

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(work, range(4))) == 1
    assert fault.calls == 100


def test_each_goes_through_every_operation_in_every_way() -> None:
    """For each error: once and for good, before and after; the last of each way does not happen."""
    first, second = KeyError(1), KeyError(2)
    met = []
    for fault in faults.each(first, second):
        part = fault.through(Counter())
        with suppress(KeyError):
            part.rise()
            part.rise()
        met.append((fault.error, fault.for_good, fault.after, fault.at, fault.happened))
    ways = [
        (error, for_good, after) for error in (first, second) for for_good in (False, True) for after in (False, True)
    ]
    assert met == [(*way, at, at < 3) for way in ways for at in (1, 2, 3)]


def test_each_has_no_mailer_accept_what_it_refuses() -> None:
    """Only a silence comes after the letter was accepted."""
    met = set()
    for fault in faults.each(*faults.mail_errors()):
        with suppress(MailError):
            fault.through(MemoryMailer()).send(sender="a@exemple.ca", recipient="b@exemple.ca", message=b"")
        met.add((getattr(fault.error, "kind", None), fault.after))
    assert met == {("transport", False), ("later", False), ("never", False), ("unknown", False), ("unknown", True)}


def test_each_refuses_a_sweep_that_sees_nothing() -> None:
    """A part that was not put through the fault never fails; one that is not used is another matter."""
    for fault in faults.each():
        fault.through(Counter())
        assert fault.at == 1
    with pytest.raises(ValueError, match="nothing was put through this fault"):
        list(faults.each())


def test_errors_of_every_sort_are_ready() -> None:
    """A system's, the same as a store raises them, and a mailer's."""
    system, storage = faults.system_errors(), faults.storage_errors()
    codes = [errno.EIO, errno.ENOSPC, errno.ETIMEDOUT, errno.ECONNRESET]
    assert [error.errno for error in system] == codes
    assert [(type(error), getattr(error.__cause__, "errno", None)) for error in storage] == [
        (StorageError, code) for code in codes
    ]
    assert isinstance(system[2], TimeoutError) and isinstance(system[3], ConnectionError)
    kinds = {(error.kind, error.code) for error in faults.mail_errors()}
    assert kinds == {("transport", None), ("later", 450), ("never", 550), ("unknown", None)}
    assert {type(error) for error in faults.mail_errors()} == {MailError}


def test_a_host_sees_what_its_app_sees() -> None:
    """A desk over parts that fail: a letter that waits until the relay is asked again, and an error that is typed."""
    away, clock = Fault(error=faults.mail_errors()[0], for_good=True), StoppedClock()
    desk = memory_desk(mailer=away.through(MemoryMailer()), clock=clock)
    invoice = desk.create(filled_in(send_by_email=True))
    assert [delivery.state for delivery in desk.deliveries(invoice.id)] == ["queued"]
    away.mend()
    clock.advance(timedelta(minutes=1))
    assert desk.deliver() == 1
    with pytest.raises(StorageError):
        memory_desk(store=Fault().through(MemoryStore())).create(filled_in())
