"""Listens to the library and its driver at DEBUG while any test runs, and fails the one in which a record tells."""

import logging
import re
from collections.abc import Generator, Iterable, Iterator
from traceback import format_exception_only
from typing import Any

import pytest

_SOURCES = {"indiopay": logging.DEBUG, "psycopg": logging.DEBUG, "psycopg.pool": logging.WARNING}
"""Who is listened to; the pool would tell of each connection that it hands out, and of nothing else."""

SECRETS = {
    "a token": re.compile(r"(?<![\w-])A[Q-Za-f][\w-]{46}(?![\w-])"),  # its first byte is the version, 1
    "an address": re.compile(r"[\w.+-]@\w[\w-]*\.\w"),
    "a name": re.compile("Zoé|Tremblay|Noël|Gagné|Luc Roy|Lefèvre"),
    "a file's name": re.compile(r"\w\.(?i:pdf|png|jpe?g|docx|xlsx|txt|csv)\b"),
    "a note": re.compile("Prime|Merci|Ligne 1|En souffrance|[Rr]emplacée"),
    "a payment": re.compile(r"\bP-\d|PAIEMENT-"),
    "a dialogue": re.compile(r"\b(?:MAIL FROM|RCPT TO|EHLO|AUTH|DATA)\b|\b[2-5]\d\d(?:[ -]\d\.\d\.\d| [A-Za-z]{2})"),
    "a password": re.compile("S3cretDuCabinet"),
    "a canary": re.compile("(?i:canari)"),
}
"""What the tests of this project type into forms and hear from relays."""

_OF_DRIVERS = [kind for kind in SECRETS if kind != "a dialogue"]
"""A database speaks to no relay, and its socket's path may look like a reply."""


_OF_EVERY_RECORD = vars(logging.makeLogRecord({}))


def leaks(text: str, kinds: Iterable[str] = SECRETS) -> list[str]:
    """What of it nobody may read in a log."""
    return [f"{kind}: {found[0]!r}" for kind in kinds if (found := SECRETS[kind].search(text))]


def told_by(error: BaseException) -> Iterator[str]:
    """What a traceback shows of an error and of those behind it, without the lines of source, and their reprs."""
    waiting, seen = [error], set[int]()
    while waiting:
        error = waiting.pop()
        if id(error) not in seen:
            seen.add(id(error))
            yield from (repr(error), *format_exception_only(error))
            waiting += [behind for behind in (error.__cause__, error.__context__) if behind is not None]


def told_in(record: logging.LogRecord) -> str:
    """Everything that a handler could write of a record: its text, its arguments, its extras, its error."""
    extras = [repr(value) for name, value in vars(record).items() if name not in _OF_EVERY_RECORD]
    parts = [record.getMessage(), repr(record.args), *extras]
    if record.exc_info and record.exc_info[1]:
        parts += told_by(record.exc_info[1])
    return "\n".join(parts)


class Listener(logging.Handler):
    """Keeps what was told that nobody may read."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        kinds = SECRETS if record.name.startswith("indiopay") else _OF_DRIVERS
        self.heard += [f"{record.name} tells {leak}, in {record.msg!r}" for leak in leaks(told_in(record), kinds)]

    def require_silence(self) -> None:
        heard, self.heard = self.heard, []
        if heard:
            pytest.fail("\n".join(dict.fromkeys(heard)), pytrace=False)


_listener = Listener()


def pytest_configure() -> None:
    for name, level in _SOURCES.items():
        logging.getLogger(name).setLevel(level)
    for name in ("indiopay", "psycopg"):
        logging.getLogger(name).addHandler(_listener)


def pytest_unconfigure() -> None:
    for name in ("indiopay", "psycopg"):
        logging.getLogger(name).removeHandler(_listener)


def _in_silence() -> Generator[None, Any, Any]:
    answer = yield
    _listener.require_silence()
    return answer


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Generator[None, Any, Any]:
    return (yield from _in_silence())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, Any, Any]:
    return (yield from _in_silence())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Generator[None, Any, Any]:
    return (yield from _in_silence())
