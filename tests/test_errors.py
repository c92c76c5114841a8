"""The error tree: one root, and messages that say what happened and nothing of anybody."""

import inspect
import pickle

import pytest

import indiopay
from indiopay import errors
from indiopay.errors import (
    IndioPayError,
    InvalidInputError,
    InvoiceChangedError,
    InvoiceStateError,
    MailError,
)
from indiopay.problems import Problem
from indiopay.status import Status

MADE: list[IndioPayError] = [
    InvalidInputError((Problem("amount", "required"), Problem("files", "empty", {"name": "Zoé.pdf"}, 1))),
    InvoiceStateError("cancel", Status.PAID),
    InvoiceChangedError(1, 3),
    MailError("rcpt", kind="never", code=550),
    MailError("connect", kind="transport"),
]
MESSAGES = [
    "amount: required, files: empty",
    "cancel is not for an invoice that is paid",
    "the invoice is at version 3, not 1: read it again",
    "never: rcpt (550)",
    "transport: connect",
]


def test_every_error_stands_under_one_root_and_is_public() -> None:
    """One `except IndioPayError` is enough, and each has its name in the package."""
    tree = [found for _, found in inspect.getmembers(errors, inspect.isclass) if issubclass(found, Exception)]
    assert len(tree) == 13
    for error in tree:
        assert issubclass(error, IndioPayError)
        assert getattr(indiopay, error.__name__) is error


@pytest.mark.parametrize(
    ("error", "message"),
    list(zip(MADE, MESSAGES, strict=True)),
)
def test_a_message_says_what_happened(error: IndioPayError, message: str) -> None:
    """In words for a developer, without what a person typed."""
    assert str(error) == message


def test_problems_come_by_field_in_the_order_of_the_form() -> None:
    """As a form shows them, beside each field."""
    amount, first, second = (
        Problem("amount", "required"),
        Problem("files", "name", {}, 0),
        Problem("files", "empty", {}, 0),
    )
    assert InvalidInputError((first, amount, second)).by_field() == {"files": (first, second), "amount": (amount,)}


@pytest.mark.parametrize("error", MADE)
def test_an_error_survives_the_way_to_another_process(error: IndioPayError) -> None:
    """Workers hand errors back pickled."""
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301  # our own bytes


def test_a_problem_shows_no_params() -> None:
    """They hold what a person typed."""
    assert "Zoé" not in repr(Problem("files", "empty", {"name": "Zoé.pdf"}))
