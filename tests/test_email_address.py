"""Addresses: the verdict of email-validator, with a code, mostly without asking it."""

import random
import re
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from operator import itemgetter
from typing import Any

import pytest
from email_validator import EmailNotValidError, validate_email

from indiopay import Problem
from indiopay.email_address import check_address, envelope_address

from .corpus_files import cases

COMPARED, LOTS = 20_000, 8
PIECES = (
    "a",
    "Z",
    "9",
    ".",
    "-",
    "_",
    "+",
    "'",
    "!",
    "exemple",
    "ca",
    "--",
    "..",
    "xn--",
    "é",
    "test",
    "local",
    " ",
    "@",
)


@pytest.mark.parametrize("case", cases("emails"), ids=itemgetter("id"))
def test_an_address_is_kept_or_refused(case: dict[str, Any]) -> None:
    """Every address of the corpus gives its text and its envelope form, or its code."""
    read = check_address(case["input"])
    if "problem" in case["expect"]:
        assert isinstance(read, Problem)
        assert (read.field, read.code) == ("client_email", case["expect"]["problem"])
    else:
        assert isinstance(read, str)
        assert read == case["expect"]["value"]
        assert envelope_address(read) == case["expect"].get("ascii", read)


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        (None, "type"),
        ("", "required"),
        ("x" * 2000, "too_long"),
        ("a\x00@exemple.ca", "format"),
        ("a b@exemple.ca", "format"),
        ("-a@exemple.ca", "format"),
        ("Zoé <zoe@exemple.ca>", "format"),
        ("zoé b@exemple.ca", "format"),
        ("zoé@exemple.ca", "non_ascii_local"),
        ("é" * 65 + "@exemple.ca", "too_long"),
        ("\ud800@exemple.ca", "format"),
        ("a@exemple.local", "domain"),
        ("a@" + ("x" * 60 + ".") * 4 + "photography", "domain"),
        (f"{'x' * 60}@{'y' * 60}.{'y' * 60}.{'y' * 60}.{'y' * 20}.ca", "too_long"),
    ],
)
def test_a_fault_has_its_code(typed: object, code: str) -> None:
    """Each kind of fault is told apart, so that a sentence can say what to do."""
    read = check_address(typed)
    assert isinstance(read, Problem)
    assert read.code == code


def test_a_problem_names_its_field_and_quotes_the_beginning() -> None:
    """The agency's own address is checked by the same rule, under its own field."""
    assert check_address("x" * 100, field="email") == Problem("email", "format", {"typed": "x" * 64})


PLAIN = ("a", "Z", "9", "_", "+", "'", "exemple", "zoe", "-", ".", "x" * 30)


def random_address(lots: random.Random) -> str:
    """Plain or odd, of the pieces whose order decides."""
    pieces = lots.choice((PIECES, PLAIN))
    local, domain = ("".join(lots.choices(pieces, k=lots.randint(1, 4))) for _ in range(2))
    return f"{local}@{domain}{lots.choice(('', '.ca', '.CA', '.q.ca', '.test', '.c', '.photography'))}"


def disagreement(read: Callable[[object], str | Problem], lots: random.Random) -> tuple[str | None, bool]:
    """An address on which `read` and email-validator differ, if the next one is such; and whether it is accepted."""
    typed = random_address(lots)
    ours, theirs = read(typed), _kept_by_email_validator(typed.strip())
    return (None if (None if isinstance(ours, Problem) else ours) == theirs else typed), theirs is not None


def compare(lot: str) -> tuple[str | None, int]:
    """The first of a lot's addresses on which the two differ, and how many of them are accepted."""
    lots, accepted = random.Random(lot), 0
    for _ in range(COMPARED // LOTS):
        differs, taken = disagreement(check_address, lots)
        if differs is not None:
            return differs, accepted
        accepted += taken
    return None, accepted


@pytest.mark.no_cover
def test_the_fast_path_agrees_with_email_validator(seed: int, tell: Callable[[str], None]) -> None:
    """Random addresses, plain and odd: accepted by the one exactly when by the other, and kept the same."""
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        found = list(pool.map(compare, [f"{seed}, {lot}" for lot in range(LOTS)]))
    assert [differs for differs, _ in found if differs is not None] == [], f"seed {seed}"
    accepted = sum(taken for _, taken in found)
    assert accepted > COMPARED // 10
    tell(f"{COMPARED} random addresses, {accepted} of them accepted, as email-validator does; seed {seed}")


@pytest.mark.parametrize("plain", [r"[\w.+'-]+@[\w-]+(\.[\w-]+)+", r"[^@\s-][^@\s]*@[a-z0-9.-]+\.[a-z]{2,}"])
def test_a_looser_fast_path_would_be_seen(seed: int, plain: str) -> None:
    """Two patterns that people use for addresses are caught by the same comparison."""

    def loose(typed: object) -> str | Problem:
        return str(typed) if re.fullmatch(plain, str(typed)) else check_address(typed)

    lots = random.Random(seed)
    assert any(disagreement(loose, lots)[0] for _ in range(COMPARED // 100))


def _kept_by_email_validator(typed: str) -> str | None:
    if typed.startswith("-"):
        return None  # our one rule beside it
    try:
        found = validate_email(typed, check_deliverability=False, allow_smtputf8=False, strict=True)
    except EmailNotValidError:
        return None
    return f"{found.local_part}@{found.domain}"
