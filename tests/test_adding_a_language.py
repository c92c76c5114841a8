"""The page « Add a language », followed step by step on a copy of the package."""

import re
import shutil
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

import indiopay

PACKAGE = Path(indiopay.__file__).parent
PAGE = Path(__file__).parent.parent / "docs" / "add-a-language.md"

TRIED = """
from datetime import date, timedelta
from indiopay import InvalidInputError, Money, Problem, Status, describe, format_date, label, parse_due_date
from indiopay.currencies import DECIMALS
import indiopay
assert indiopay.__file__.startswith({folder!r}), indiopay.__file__
assert describe(Status.OPEN, "es_ES") == "Por pagar", describe(Status.OPEN, "es_ES")
assert label("amount", "es") == "Importe del pago"
required = Problem("amount", "required", {{"currency": "EUR"}})
assert describe(required, "es").startswith("Escriba el importe del pago, por ejemplo 1")
assert describe(Problem("files", "too_many", {{"limit": 10}}), "es").endswith("10 archivos.")
for currency in DECIMALS:
    for minor in (1, 950, 1250, 125050, 123456789):
        money = Money(minor, currency)
        assert Money.parse(money.format("es"), currency=currency, locale="es") == money, money.format("es")
day = date(2026, 11, 24)
while day.year < 2028:
    for style in ("short", "medium", "long", "full"):
        written = format_date(day, "es", style=style)
        assert parse_due_date(written, locale="es", today=day) == day, written
    day += timedelta(days=1)
for typed, wanted in (("en 30 días", "2026-12-24"), ("mañana", "2026-11-25"), ("fin de mes", "2026-11-30")):
    assert str(parse_due_date(typed, locale="fr_CA", today=date(2026, 11, 24))) == wanted
assert describe(Status.OPEN, "fr_CA") == "À payer"
print("tried")
"""


def fences(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def follow(package: Path, steps: list[str]) -> None:
    """Put each line that a step adds behind the line that it shows."""
    for step in steps:
        heading, place, *added = step.splitlines()
        path = package / heading.removeprefix("--- src/indiopay/")
        text = path.read_text(encoding="utf-8")
        assert text.count(place[1:] + "\n") == 1
        lines = "".join(line.removeprefix("+") + "\n" for line in added)
        path.write_text(text.replace(place[1:] + "\n", place[1:] + "\n" + lines), encoding="utf-8")


def translate(package: Path, entries: str) -> None:
    """The English catalog, with the entries of the page in place of its own, compiled."""
    folder = package / "locales" / "es" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    words = read_po(BytesIO((PACKAGE / "locales/en/LC_MESSAGES/indiopay.po").read_bytes()))
    for message in read_po(BytesIO(entries.encode())):
        if message.id:
            words[message.id].string = message.string
    with (folder / "indiopay.mo").open("wb") as compiled:
        write_mo(compiled, words)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package."""
    return Path(shutil.copytree(PACKAGE, tmp_path / "indiopay", ignore=shutil.ignore_patterns("__pycache__")))


def tried(package: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", TRIED.format(folder=str(package))]
    return subprocess.run(command, cwd=package.parent, capture_output=True, text=True, check=False)


def test_a_language_is_added_by_what_the_page_says_and_nothing_else(package: Path) -> None:
    """Its words are said, its amounts and dates are written and read back, its terms are understood everywhere."""
    translate(package, "\n".join(fences("po")))
    follow(package, fences("diff"))
    done = tried(package)
    assert (done.stdout, done.stderr) == ("tried\n", "")


@pytest.mark.parametrize("left_out", [0, 1])
def test_no_step_of_the_page_is_idle(package: Path, left_out: int) -> None:
    """Without one of them, what it brings is missing."""
    translate(package, "\n".join(fences("po")))
    follow(package, [step for number, step in enumerate(fences("diff")) if number != left_out])
    assert "Error" in tried(package).stderr
