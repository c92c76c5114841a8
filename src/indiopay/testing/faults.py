"""Parts that fail on purpose: to see what your app does when a disk, a server or a relay lets it down, or your backend.

A `Fault` strikes one operation of the parts that are put through it, and `each` gives one fault after the other until
every operation of some work has failed in turn: to try them all is one loop. Here an invoice is created over a store
that fails. Whatever failed, the desk can be used at once, and under its key the invoice is there once:

>>> from indiopay import InvoiceForm, StorageError
>>> from indiopay.stores.memory import MemoryStore
>>> from indiopay.testing import faults, memory_desk
>>> form = InvoiceForm("89,95", "30 jours", "Noël Gagné", "noel@exemple.ca")
>>> for fault in faults.each(*faults.storage_errors()):
...     desk = memory_desk(store=fault.through(MemoryStore()))
...     try:
...         made = desk.create(form, idempotency_key="K-1")
...     except StorageError:
...         fault.mend()
...         made = desk.create(form, idempotency_key="K-1")
...     fault.mend()
...     assert desk.list().items == (made,)

The author of a backend puts what lies beneath it through a fault: a driver's connection, a client, the module `os`.
Whatever failed, the backend must give a typed error, leave nothing half done, and go on working:

>>> import os
>>> from tempfile import TemporaryDirectory
>>> from unittest.mock import patch
>>> from indiopay.files.folder import FolderFiles
>>> key = f"nord/4f/{'4f' * 16}"
>>> for fault in faults.each(*faults.system_errors()):
...     with TemporaryDirectory() as folder, patch("indiopay.durable.os", fault.through(os)):
...         try:
...             FolderFiles(folder).put(key, [b"one", b"two"])
...         except StorageError as error:
...             assert repr(error.__cause__) == repr(fault.error)
...         fault.mend()
...         FolderFiles(folder).delete(key)
...         FolderFiles(folder).put(key, [b"one", b"two"])
"""

import errno
import os
from collections.abc import Callable, Generator, Iterator
from copy import copy
from functools import partial
from itertools import count, product
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar, cast

from indiopay.errors import MailError, StorageError

T = TypeVar("T")

_END = object()


def system_errors() -> tuple[OSError, ...]:
    """What an operating system raises: EIO, ENOSPC, a lock that is not had in time, a connection that is lost."""
    codes = (errno.EIO, errno.ENOSPC, errno.ETIMEDOUT, errno.ECONNRESET)
    return tuple(OSError(code, os.strerror(code)) for code in codes)


def storage_errors() -> tuple[StorageError, ...]:
    """The same as a store or a file store raises them: each is the cause of a `StorageError`."""
    return tuple(_caused_by(error) for error in system_errors())


def mail_errors() -> tuple[MailError, ...]:
    """What a mailer raises, one of each kind: "transport", "later" (450), "never" (550), "unknown"."""
    return (
        MailError("connect", kind="transport"),
        MailError("rcpt", kind="later", code=450),
        MailError("rcpt", kind="never", code=550),
        MailError("data", kind="unknown"),
    )


class Fault:
    """Has the `at`-th operation fail with `error` (1 is the first, 0 none); with `for_good`, every one after it too.

    What is raised is a copy of the error, each time a new one; without an `error` it is a `StorageError`. With `after`
    the operation is done first, and its answer is lost: what it opened is closed.

    An operation is a call, or an item of an iterator that a call gives back (`read`, `keys`, `export`) or is given
    (`put`, `import_`): a stream breaks halfway. The operations of all parts that are put through one fault are counted
    together, in all threads: `calls` is how many there were, `happened` whether one has failed. A `close` that fails is
    done all the same, as by a system.
    """

    def __init__(
        self, at: int = 1, error: BaseException | None = None, *, for_good: bool = False, after: bool = False
    ) -> None:
        if not isinstance(at, int) or at < 0:
            raise ValueError("at is the number of an operation: 1 is the first, 0 is none")
        if error is not None and not isinstance(error, BaseException):
            raise TypeError("error is an error, not its class")
        self.at = at
        self.error = error or storage_errors()[0]
        self.for_good = for_good
        self.after = after
        self.calls = 0
        self.happened = False
        self.is_used = False
        self._is_over = False
        self._lock = Lock()

    def __repr__(self) -> str:
        return f"Fault({self.at}, {self.error!r}, for_good={self.for_good}, after={self.after})"

    def through(self, part: T) -> T:
        """The same part, but that each of its operations is counted, and fails in its turn.

        A part is a store, a file store, a mailer, an object of a driver, a module. What a call gives back is given as
        it is, but for iterators, as the cursors of many drivers are: their operations count too.
        """
        self.is_used = True
        return cast("T", _Part(part, self))

    def do(self, call: Callable[..., T], /, *given: Any, **named: Any) -> T:
        """Do one operation, in its turn: `through` made by hand."""
        self.is_used = True
        fails, closes = self._strikes(), getattr(call, "__name__", "") == "close"
        if fails and not (self.after or closes):
            raise _anew(self.error) from self.error.__cause__
        answer = call(*map(self._watched, given), **{name: self._watched(value) for name, value in named.items()})
        if fails:
            _drop(call, answer)
            raise _anew(self.error) from self.error.__cause__
        return cast("T", self._watched(answer))

    def mend(self) -> None:
        """It is over: from now on nothing fails."""
        self._is_over = True

    def _strikes(self) -> bool:
        with self._lock:
            self.calls += 1
            is_turn = 0 < self.at <= self.calls and (self.for_good or self.calls == self.at)
            self.happened |= is_turn and not self._is_over
            return is_turn and not self._is_over

    def _watched(self, value: Any) -> Any:
        return _Items(value, self) if isinstance(value, Iterator) and not isinstance(value, _Items) else value


def each(*errors: BaseException) -> Iterator[Fault]:
    """A fault at the first operation, the next at the second, and so on, until one no longer happens.

    All that for each of the errors (one `StorageError` if there are none): once and for good, before and after the
    operation; but a `MailError` that says that nothing was accepted comes before it only. Each fault is for one run of
    the same work over parts as they were at first; if nothing was put through it, that is a ValueError.
    """
    for error, for_good, after in product(errors or storage_errors()[:1], (False, True), (False, True)):
        if after and isinstance(error, MailError) and error.kind != "unknown":
            continue
        for at in count(1):
            fault = Fault(at, error, for_good=for_good, after=after)
            yield fault
            if not fault.is_used:
                raise ValueError("nothing was put through this fault: hand in fault.through(part)")
            if not fault.happened:
                break


def _anew(error: BaseException) -> BaseException:
    """A copy, even of one whose constructor wants other things than it keeps."""
    try:
        return copy(error)
    except TypeError:
        again = type(error).__new__(type(error), *error.args)
        vars(again).update(vars(error))
        return again


def _drop(call: object, answer: Any) -> None:
    """What nobody gets is closed: a file, a stream, a connection."""
    if call is os.open:
        os.close(answer)
    elif hasattr(answer, "close"):
        answer.close()


def _caused_by(error: OSError) -> StorageError:
    told = StorageError(f"made to fail on purpose: {error.strerror}")
    told.__cause__ = error
    return told


class _Part:
    """Stands in for a part, and has each call of it counted."""

    __slots__ = ("_fault", "_part")

    _part: Any
    _fault: Fault

    def __init__(self, part: object, fault: Fault) -> None:
        object.__setattr__(self, "_part", part)
        object.__setattr__(self, "_fault", fault)

    if not TYPE_CHECKING:
        __class__ = property(lambda self: type(self._part))  # isinstance takes it for the part

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._part, name)
        return partial(self._fault.do, found) if callable(found) and not isinstance(found, type) else found

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self._part, name, value)

    def __enter__(self) -> Any:
        entered = self._fault.do(self._part.__enter__)
        return self if entered is self._part else entered

    def __exit__(self, *ended: object) -> Any:
        return self._fault.do(self._part.__exit__, *ended)


class _Items(_Part):
    """Stands in for an iterator, and has each item of it counted."""

    __slots__ = ()

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        try:
            item = self._fault.do(lambda: next(self._part, _END))
        except BaseException:
            if isinstance(self._part, Generator):
                self._part.close()  # one that fails is over
            raise
        if item is _END:
            raise StopIteration
        return item
