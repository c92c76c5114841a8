"""Writing a long date in fr_CA, against an f-string that writes that very text; reading one, against the best peer.

Babel never writes « 1er »: on the first of a month its text is compared without. Read are only texts that every peer of
the row reads right: in figures, year first or with a day above 12; and with a month's name, which Babel answers with an
IndexError, and dateutil once it is given the words. Babel and dateutil swap day and month where the locale's order does
not fit, dateparser takes « mardi 1er mars 2027 », which is a Monday, and reads « 30 jours » as thirty days ago.
"""

import random
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from functools import partial
from statistics import median

import babel.dates
import dateparser
import dateutil.parser
from babel import Locale

from indiopay import format_date, parse_due_date
from rounds import Variant, measure, show

Reader = Callable[[str], date | None]

REPEAT = 10
FR_CA = Locale.parse("fr_CA")
TODAY = date(2026, 11, 24)
MONTHS = ["", *FR_CA.months["format"]["wide"].values()]

_lots = random.Random(20261124)  # noqa: S311  # the same days in every run
DAYS = [TODAY + timedelta(_lots.randrange(3650)) for _ in range(200)]


def by_hand(day: date) -> str:
    """What a person would write who needs this one style in this one locale."""
    return f"{'1er' if day.day == 1 else day.day} {MONTHS[day.month]} {day.year}"


FIGURES = [day.strftime("%d/%m/%Y" if day.day > 12 else "%Y-%m-%d") for day in DAYS]
NAMED = list(map(by_hand, DAYS))


class French(dateutil.parser.parserinfo):
    """The words that dateutil does not know."""

    MONTHS = [(name[:4], name) for name in MONTHS[1:]]  # noqa: RUF012  # as dateutil declares it
    JUMP = [" ", "er"]  # noqa: RUF012  # the same


def ours(text: str) -> date:
    return parse_due_date(text, locale="fr_CA", today=TODAY)


def by_dateutil(words: dateutil.parser.parserinfo, text: str) -> date:
    return dateutil.parser.parse(text, words).date()


def by_dateparser(text: str) -> date | None:
    found = dateparser.parse(text, languages=["fr"])
    return found and found.date()


def write(rounds: int) -> None:
    assert [format_date(day, "fr_CA") for day in DAYS] == NAMED
    told = [babel.dates.format_date(day, "long", locale=FR_CA) for day in DAYS]
    assert told == [text.replace("1er ", "1 ") for text in NAMED]
    variants = {
        "f-string": lambda: [by_hand(day) for day in DAYS],
        "format_date": lambda: [format_date(day, "fr_CA") for day in DAYS],
        "Babel, a Locale kept": lambda: [babel.dates.format_date(day, "long", locale=FR_CA) for day in DAYS],
        "Babel, the locale's name": lambda: [babel.dates.format_date(day, "long", locale="fr_CA") for day in DAYS],
    }
    seconds = measure(variants, rounds=rounds, repeat=REPEAT)
    show("write a long date, fr_CA", "1.5", seconds, reference="f-string", repeat=REPEAT * len(DAYS))


def reading(reader: Reader, texts: list[str]) -> Variant:
    assert list(map(reader, texts)) == DAYS
    return lambda: [reader(text) for text in texts]


def read(title: str, texts: list[str], peers: Mapping[str, Reader], rounds: int) -> None:
    """Each text once a round: dateparser takes a thousandth of a second for one."""
    variants = {name: reading(reader, texts) for name, reader in {**peers, "parse_due_date": ours}.items()}
    seconds = measure(variants, rounds=rounds, repeat=1)
    best = min(peers, key=lambda name: median(seconds[name]))
    show(title, "0.5 of the best peer", seconds, reference=best, repeat=len(texts))


def main(rounds: int = 21) -> None:
    write(rounds)
    in_figures: dict[str, Reader] = {
        "Babel, a Locale kept": partial(babel.dates.parse_date, locale=FR_CA),
        "Babel, the locale's name": partial(babel.dates.parse_date, locale="fr_CA"),
        "dateutil": partial(by_dateutil, dateutil.parser.parserinfo()),
        "dateparser": by_dateparser,
    }
    read("read a date in figures, fr_CA", FIGURES, in_figures, rounds)
    named: dict[str, Reader] = {
        "dateutil, with French words": partial(by_dateutil, French()),
        "dateparser": by_dateparser,
    }
    read("read a date with a month's name, fr_CA", NAMED, named, rounds)


if __name__ == "__main__":
    main()
