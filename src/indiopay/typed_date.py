"""Reads a date as a person types it: a date in figures, with a named month, or a term such as « 30 jours ».

Whether it lies in the past is not asked here. French and English are understood in every locale; the locale decides
only the order of day and month in figures.
"""

import re
import unicodedata
from calendar import monthrange
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from functools import cache
from typing import NamedTuple

from indiopay.languages import CUSTOMS, SUPPORTED

MAX_CHARACTERS = 64


class _Words(NamedTuple):
    """What a language says around days and months: regular expressions, in lower case and without accents."""

    before_days: str
    days: str
    month_end: str
    today: str
    tomorrow: str


_LANGUAGES = (
    _Words("dans", "jours?", "fin d[eu] mois", "aujourd'hui", "demain"),
    _Words("in", "days?", "end of month", "today", "tomorrow"),
)

_ISO = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_FIGURES = re.compile(r"([0-9]{1,2})([/.-])([0-9]{1,2})\2([0-9]{4})")
_DAY = r"(?P<day>[0-9]{1,2})(?P<ending>er|st|nd|rd|th)?"
_NAMED = (
    re.compile(rf"(?:le )?(?:(?P<weekday>[a-z]+) )?{_DAY} (?P<month>[a-z]+) (?P<year>[0-9]{{4}})"),
    re.compile(rf"(?:le )?(?:(?P<weekday>[a-z]+) )?(?P<month>[a-z]+) {_DAY} (?P<year>[0-9]{{4}})"),
)
_COUNT = r"(?P<count>[0-9]{1,4})"
_TERMS = (
    re.compile(rf"net {_COUNT}"),
    *(re.compile(rf"(?:{words.before_days} )?{_COUNT} {words.days}") for words in _LANGUAGES),
    *(re.compile(rf"(?:{_COUNT} {words.days} )?(?P<end>{words.month_end})") for words in _LANGUAGES),
    *(re.compile(rf"{words.today}|(?P<tomorrow>{words.tomorrow})") for words in _LANGUAGES),
)
_ACCENTS = re.compile("(?<=[a-z])[\u0300-\u036f]+")
_SPACES = re.compile("[ \u00a0\u202f\u2009.,]+")


class Unread(NamedTuple):
    """Why a text is no date ("required", "format", "invalid"), or every date that it could be ("ambiguous").

    `named` is the date that stands there with the name of another day of the week.
    """

    code: str
    readings: tuple[date, ...] = ()
    named: date | None = None


def read_typed_date(text: str, *, locale: str, today: date) -> date | Unread:
    """The date of a text typed in a supported locale; terms count from `today`."""
    typed = text.strip()
    if not typed:
        return Unread("required")
    if len(typed) > MAX_CHARACTERS:
        return Unread("format")
    if iso := _ISO.fullmatch(typed):
        year, month, day = map(int, iso.groups())
        return _one(_date(year, month, day))
    if figures := _FIGURES.fullmatch(typed):
        return _in_figures(int(figures[1]), int(figures[3]), int(figures[4]), locale)
    plain = _plain(typed)
    term = _term(plain, today)
    return term if term is not None else _named(plain)


def _in_figures(first: int, second: int, year: int, locale: str) -> date | Unread:
    day_first, month_first = _date(year, second, first), _date(year, first, second)
    match CUSTOMS[locale].date_order:
        case "day":
            return _one(day_first)
        case "month":
            return _one(month_first)
    readings = sorted({day for day in (day_first, month_first) if day})
    return Unread("ambiguous", tuple(readings)) if len(readings) > 1 else _one(*readings)


def _named(plain: str) -> date | Unread:
    found = next((match for match in (shape.fullmatch(plain) for shape in _NAMED) if match), None)
    if found is None or not _is_ordinal(found["day"], found["ending"]):
        return Unread("format")
    month, weekday = _month_names().get(found["month"]), _weekday_names().get(found["weekday"] or "")
    if month is None or (found["weekday"] and weekday is None):
        return Unread("format")
    day = _date(int(found["year"]), month, int(found["day"]))
    if day and weekday not in (None, day.weekday()):
        return Unread("invalid", named=day)
    return _one(day)


def _is_ordinal(day: str, ending: str | None) -> bool:
    """« 1er » is the one French ordinal; English ones go by their last digit, but for 11th to 13th."""
    if ending is None or (day, ending) == ("1", "er"):
        return True
    english = "th" if day in ("11", "12", "13") else {"1": "st", "2": "nd", "3": "rd"}.get(day[-1], "th")
    return ending == english and not day.startswith("0")


def _term(plain: str, today: date) -> date | None:
    found = next((match for match in (shape.fullmatch(plain) for shape in _TERMS) if match), None)
    if found is None:
        return None
    groups = found.groupdict()
    day = _after(today, 1 if groups.get("tomorrow") else int(groups.get("count") or 0))
    return _month_end(day) if groups.get("end") else day


def _after(today: date, days: int) -> date:
    """A term beyond the calendar stands for its last day, which is out of every range."""
    return today + timedelta(days=min(days, (date.max - today).days))


def _month_end(day: date) -> date:
    return day.replace(day=monthrange(day.year, day.month)[1])


def _one(*readings: date | None) -> date | Unread:
    return next((day for day in readings if day), Unread("invalid"))


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _plain(text: str) -> str:
    """Without case, accents, dots and commas, and with one kind of space; digits stay what they are."""
    bare = _ACCENTS.sub("", unicodedata.normalize("NFD", text.lower()))
    return _SPACES.sub(" ", bare.replace("\u2019", "'")).strip()


@cache
def _month_names() -> Mapping[str, int]:
    return {name: month for width in ("wide", "abbreviated") for name, month in _names("months", width)}


@cache
def _weekday_names() -> Mapping[str, int]:
    return dict(_names("days", "wide"))


def _names(kind: str, width: str) -> Iterator[tuple[str, int]]:
    from babel import Locale  # on first use: it takes longer to load than all else together

    for locale in SUPPORTED:
        for context in ("format", "stand-alone"):
            for number, name in getattr(Locale.parse(locale), kind)[context][width].items():
                yield _plain(name), number
