"""What a typed due date must come to: every day that the text could mean, then the rules in the order of their faults.

A second reading of the rules, in another style than the library's: tables of words, and days as ordinal numbers, so
that no day is too far away to be thought of. It knows nothing of the library but the names of the locales.
"""

import re
import unicodedata
from collections.abc import Iterator
from datetime import date
from itertools import product
from typing import Literal

from babel import Locale

from indiopay.languages import SUPPORTED

LONGEST = 64

_SEPARATORS = str.maketrans(dict.fromkeys("\u00a0\u202f\u2009,.", " "))
_WIDTHS: tuple[Literal["wide"], Literal["abbreviated"]] = ("wide", "abbreviated")
_CONTEXTS: tuple[Literal["format"], Literal["stand-alone"]] = ("format", "stand-alone")
_ACCENTS = {chr(mark) for mark in range(0x300, 0x370)}
_TEENS = (11, 12, 13)


def _words(text: str) -> list[str]:
    """The words without case, accents, dots and commas; an accent stands on a letter."""
    kept: list[str] = []
    for c in unicodedata.normalize("NFD", text.lower()):
        if c not in _ACCENTS or not (kept and kept[-1].isalpha()):
            kept.append(c)
    return re.split(" +", "".join(kept).translate(_SEPARATORS).strip(" "))


def _ordinal(day: int) -> str:
    return f"{day}{'th' if day in _TEENS else {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th')}"


_DAYS = {spelled: day for day in range(100) for spelled in (f"{day}", f"{day:02}", _ordinal(day))} | {"1er": 1}
_MONTHS = {
    _words(name)[0]: month
    for locale, context, width in product(SUPPORTED, _CONTEXTS, _WIDTHS)
    for month, name in Locale.parse(locale).months[context][width].items()
}
_WEEKDAYS = {
    _words(name)[0]: weekday
    for locale, context in product(SUPPORTED, _CONTEXTS)
    for weekday, name in Locale.parse(locale).days[context]["wide"].items()
}
_NUMBERS = re.compile(r"([0-9]{1,2})([/.-])([0-9]{1,2})\2([0-9]{4})")
_ISO = re.compile("([0-9]{4})-([0-9]{2})-([0-9]{2})")
_ORDERS = {"en_us": "m", "fr_ca": "dm", "en_ca": "dm", "en": "dm"}

_N = "(?P<n>[0-9]{1,4})"
_TERMS = {
    "today|aujourd['’]hui": 0,
    "tomorrow|demain": 1,
    f"(?:dans )?{_N} jours?|net (?P<net>[0-9]{{1,4}})": None,
    f"(?:in )?{_N} days?": None,
}
_ENDS = {"fin d[eu] mois", f"{_N} jours? fin d[eu] mois", "end of month", f"{_N} days? end of month"}


def expected(text: str, locale: str, today: date) -> date | tuple[str, frozenset[date]]:
    """The date, or the first fault with the readings that the field could hold (none unless "ambiguous")."""
    typed = text.strip()
    if not typed:
        return "required", frozenset()
    readings = list(_readings(typed, locale, today)) if len(typed) <= LONGEST else []
    return _decided(readings, today) if readings else ("format", frozenset())


def _decided(readings: list[int | None], today: date) -> date | tuple[str, frozenset[date]]:
    """A text that has a shape, by its days; `None` is a day that is in no calendar."""
    days = {day for day in readings if day is not None}
    first, last = today.toordinal(), _ten_years_on(today).toordinal()
    held = frozenset(date.fromordinal(day) for day in days if first <= day <= last)
    if len(days) > 1 and held:
        return "ambiguous", held
    if len(days) == 1 and held:
        return min(held)
    return ("invalid" if not days else "past" if max(days) < first else "out_of_range"), frozenset()


def _ten_years_on(today: date) -> date:
    if today.year + 10 > date.max.year:
        return date.max
    leap_day = (today.month, today.day) == (2, 29)
    return today.replace(year=today.year + 10, day=28 if leap_day else today.day)


def _readings(typed: str, locale: str, today: date) -> Iterator[int | None]:
    """Every day that the text could mean here, by every shape that it has; nothing if it has none."""
    if found := _ISO.fullmatch(typed):
        yield _day(int(found[1]), int(found[2]), int(found[3]))
    if found := _NUMBERS.fullmatch(typed):
        one, _, other, year = found.groups()
        for order in _ORDERS.get(locale.replace("-", "_").lower(), "d"):
            month, day = (one, other) if order == "m" else (other, one)
            yield _day(int(year), int(month), int(day))
    words = _words(typed)
    yield from _named(words[1:] if words[0] == "le" else words)
    yield from _terms(" ".join(words), today)


def _day(year: int, month: int, day: int) -> int | None:
    try:
        return date(year, month, day).toordinal()
    except ValueError:
        return None


def _named(words: list[str]) -> Iterator[int | None]:
    """A day, a month's name and a year of four digits, or the month first; a weekday before them must be theirs."""
    weekday = _WEEKDAYS.get(words[0]) if words else None
    if weekday is not None:
        words = words[1:]
    if len(words) != 3 or not re.fullmatch("[0-9]{4}", words[2]):
        return
    for day, month in (words[:2], words[1::-1]):
        if day in _DAYS and month in _MONTHS:
            found = _day(int(words[2]), _MONTHS[month], _DAYS[day])
            right = found is not None and weekday in {None, (found - 1) % 7}
            yield found if right else None


def _terms(phrase: str, today: date) -> Iterator[int]:
    """Days counted from today, and then perhaps to the end of the month."""
    for pattern, away in _TERMS.items():
        if found := re.fullmatch(pattern, phrase):
            yield today.toordinal() + (away if away is not None else int(next(filter(None, found.groups()))))
    for pattern in _ENDS:
        if found := re.fullmatch(pattern, phrase):
            yield _end_of_month(today.toordinal() + int(found.groupdict().get("n") or 0))


def _end_of_month(ordinal: int) -> int:
    """The last day of its month, or the day itself when it lies beyond every calendar."""
    while ordinal < date.max.toordinal() and date.fromordinal(ordinal + 1).day != 1:
        ordinal += 1
    return ordinal
