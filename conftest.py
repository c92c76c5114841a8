"""Runs every example of the README, the docs and the docstrings, each document in an empty folder of its own."""

import io
import smtplib
from collections.abc import Iterator
from contextlib import ExitStack, chdir, redirect_stdout
from doctest import ELLIPSIS, OutputChecker
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from sybil import Example, Sybil
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.markdown import CodeBlockParser
from sybil.parsers.rest import DocTestParser
from tests.relay import Relay

_run = PythonEvaluator()


def _run_and_listen(example: Example) -> None:
    with redirect_stdout(io.StringIO()) as printed:
        _run(example)
    example.namespace["printed"] = printed.getvalue()


def _compare(example: Example) -> str | None:
    """A text block is what the Python block before it prints, to the code point; "..." stands for anything."""
    wanted, printed = str(example.parsed), example.namespace["printed"]
    return None if OutputChecker().check_output(wanted, printed, ELLIPSIS) else f"it prints:\n{printed}"


def _enter(namespace: dict[str, Any]) -> None:
    stack = namespace["stack"] = ExitStack()
    stack.enter_context(chdir(stack.enter_context(TemporaryDirectory(prefix="indiopay-"))))


def _leave(namespace: dict[str, Any]) -> None:
    namespace["stack"].close()


@pytest.fixture(scope="session")
def relay() -> Iterator[Relay]:
    """A mail relay on loopback that stands where smtplib looks for one."""
    with Relay() as running, pytest.MonkeyPatch.context() as patch:
        patch.setattr(smtplib.SMTP, "default_port", running.port)
        yield running


_DOCUMENTS = Sybil(
    parsers=[CodeBlockParser("python", _run_and_listen), CodeBlockParser("text", _compare)],
    patterns=["*.md"],
    setup=_enter,
    teardown=_leave,
    fixtures=["relay"],
)
_DOCSTRINGS = Sybil(parsers=[DocTestParser()], patterns=["indiopay/*.py", "testing/*.py"])

pytest_collect_file = (_DOCUMENTS + _DOCSTRINGS).pytest()
