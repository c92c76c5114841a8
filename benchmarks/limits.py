"""Hostile texts of up to 2**20 characters in each field of a form, answered within 50 ms of CPU and 8 MiB.

An answer is what `check` finds, worded; then what `create` says under an idempotency key, on a desk in memory. What is
loaded on first use is there before. CPU time is the least of three turns, memory the peak beyond the input. The worst
of each field is shown; if it is out of bounds, the program fails.
"""

import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import product
from typing import Any

from indiopay import IndioPayError, InvoiceForm, Upload, describe
from indiopay.testing import memory_desk

MAX_MILLISECONDS, MAX_MIB = 50, 8
TURNS = 3
SIZES = (64, 600, 800, 1016, 2**10, 20_000, 2**16, 2**20)
"""Among them what is looked at of an amount, a file's name, a name, an address and a note that is too long."""

GOOD = {"amount": "89,95", "due_date": "30 jours", "client_name": "Noël Gagné", "client_email": "noel@exemple.ca"}
FIELDS = (*GOOD, "description", "files", "currency", "locale", "input_locale")

ASCII = ("7", "x", " ", "@", ",;", ".", "%2", "<b>", "\x00", "\r", "\r\n")
UNSEEN = ("\u00a0", "\u200b", "\u3164", "\u202e", "\u2066\u2069", "\ud800")
JOINED = ("é", "e\u0301", "\u0301\u0323", "a" + "\u0301\u0323" * 4, "\u1112\u1161\u11ab", "İ", "\U0001f469\u200d")
BETWEEN = (
    ("1", " 234", ",50 $"),
    ("\u00a0", "\U0001f469\u200d", "\u00a0"),
    ("a@", "a.", "ca"),
    ("a@", "é", ".ca"),
    ("a@", ",;", "@"),
    ("a.", "x", ""),
    ("a.", "İ", ""),
    ("", "x", ".csv"),
    ("", "\u0301\u0323", ".csv"),
    ("", ".", ".csv"),
)

Answer = Callable[[InvoiceForm], None]

desk = memory_desk()


def texts() -> Iterator[tuple[str, str]]:
    """Each text after what it is called: what it begins and ends with, and its length."""
    alone = [("", unit, "") for unit in (*ASCII, *UNSEEN, *JOINED)]
    for size, (start, unit, end) in product(SIZES, (*alone, *BETWEEN)):
        body = (start + unit * (size // len(unit) + 1))[: size - len(end)]
        yield f"{start + unit!a} ... {end!a}, {size:,} characters", body + end


def filled(field: str, text: str) -> InvoiceForm:
    value: Any = [Upload(text, b"garantie;prime\n")] if field == "files" else text
    return InvoiceForm(**{**GOOD, field: value})


def check(form: InvoiceForm) -> None:
    for problem in desk.check(form):
        describe(problem, "fr_CA")


def create(form: InvoiceForm) -> None:
    with suppress(IndioPayError):
        desk.create(form, idempotency_key="the same each time")


def milliseconds(answer: Answer, form: InvoiceForm) -> float:
    """CPU time of this process, the least of some turns."""
    turns = []
    for _ in range(TURNS):
        start = time.process_time()
        answer(form)
        turns.append(time.process_time() - start)
    return min(turns) * 1000


def mib(answer: Answer, form: InvoiceForm) -> float:
    """The most that was held at once, beyond what was there before."""
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    answer(form)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return (peak - before) / 2**20


def worst(answer: Answer, forms: list[tuple[InvoiceForm, str]]) -> Iterator[str]:
    """The forms that took longest and most, and a word where that is too much."""
    for cost, bound, unit in ((milliseconds, MAX_MILLISECONDS, "ms"), (mib, MAX_MIB, "MiB")):
        most, name = max((cost(answer, form), name) for form, name in forms)
        yield f"{most:8.1f} {unit:<4} {name}{'' if most < bound else '  TOO MUCH'}"


def main() -> None:
    broken = 0
    hostile = list(texts())
    print(f"\nlimits  (goal: under {MAX_MILLISECONDS} ms and {MAX_MIB} MiB; the least of {TURNS} turns)")
    for answer, field in product((check, create), FIELDS):
        answer(filled(field, "é@élan.ca"))  # loads what is loaded on first use
        told = list(worst(answer, [(filled(field, text), name) for name, text in hostile]))
        print(f"  {answer.__name__}, {field}", *told, sep="\n")
        broken += sum(line.endswith("TOO MUCH") for line in told)
    if broken:
        sys.exit(f"{broken} bounds are broken")


if __name__ == "__main__":
    main()
