"""Reads a date as a person types it: a date in figures, with a named month, or a term such as « 30 jours ».

Whether it lies in the past is not asked here. French and English are understood in every locale; the locale decides
only the order of day and month in figures.
"""

import re
import unicodedata
from calendar import monthrange
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from typing import NamedTuple

from indiopay.languages import CUSTOMS, SUPPORTED

MAX_CHARACTERS = 64


class _Words(NamedTuple):
    """What a language says of days that are counted from today; "#" is their number. Without accents."""

    in_days: tuple[str, ...]
    at_month_end: tuple[str, ...]
    today: str
    tomorrow: str
    inside: tuple[str, ...] = ()
    """What may stand between day, month and year."""


_LANGUAGES = (
    _Words(
        in_days=("# jour", "# jours", "dans # jour", "dans # jours"),
        at_month_end=tuple(f"{days}fin {of} mois" for days in ("", "# jour ", "# jours ") for of in ("de", "du")),
        today="aujourd'hui",
        tomorrow="demain",
    ),
    _Words(
        in_days=("# day", "# days", "in # day", "in # days"),
        at_month_end=("end of month", "# day end of month", "# days end of month"),
        today="today",
        tomorrow="tomorrow",
    ),
)

_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_FIGURES = re.compile(r"([0-9]{1,2})([/.-])([0-9]{1,2})\2([0-9]{4})")
_YEAR = re.compile(r"[0-9]{4}")
_COUNT = re.compile(r"[0-9]{1,4}")
_INSIDE = {word for words in _LANGUAGES for word in words.inside}
_ACCENTS = re.compile("(?<=[a-z])[\u0300-\u036f]+")


class Unread(NamedTuple):
    """Why a text is no date ("required", "format", "invalid", "out_of_range"), or all that it could be ("ambiguous").

    `named` is the date that stands there with the name of another day of the week.
    """

    code: str
    readings: tuple[date, ...] = ()
    named: date | None = None


_FORMAT, _INVALID = Unread("format"), Unread("invalid")


def read_typed_date(text: str, *, locale: str, today: date) -> date | Unread:
    """The date of a text typed in a supported locale; terms count from `today`."""
    typed = text.strip()
    if not typed:
        return Unread("required")
    if len(typed) > MAX_CHARACTERS:
        return _FORMAT
    read = _in_figures(typed, locale) if " " not in typed else None
    if read is not None:
        return read
    words = _words(typed)
    read = _in_words(words, today)
    return _in_words([_bare(word) for word in words], today) if read is _FORMAT and not typed.isascii() else read


def _iso(typed: str) -> date | None:
    try:
        return date.fromisoformat(typed)
    except ValueError:
        return None


def _in_figures(typed: str, locale: str) -> date | Unread | None:
    if _ISO.fullmatch(typed):
        return _iso(typed) or _INVALID
    if figures := _FIGURES.fullmatch(typed):
        return _by_order(int(figures[1]), int(figures[3]), int(figures[4]), locale)
    return None


def _by_order(first: int, second: int, year: int, locale: str) -> date | Unread:
    order = CUSTOMS[locale].date_order
    day_first = _date(year, second, first) if order != "month" else None
    month_first = _date(year, first, second) if order != "day" else None
    if day_first and month_first and day_first != month_first:
        return Unread("ambiguous", (min(day_first, month_first), max(day_first, month_first)))
    return day_first or month_first or _INVALID


def _words(text: str) -> list[str]:
    """In lower case, without dots and commas, whatever the kind of space."""
    text = text.lower()
    if not text.isascii():
        text = text.replace("\u2019", "'").replace("\u00a0", " ").replace("\u202f", " ").replace("\u2009", " ")
    return [word for word in text.replace(".", " ").replace(",", " ").split(" ") if word]


def _bare(word: str) -> str:
    """Without accents; digits stay what they are."""
    return _ACCENTS.sub("", unicodedata.normalize("NFD", word))


def _in_words(words: Sequence[str], today: date) -> date | Unread:
    dated = [word for word in words if word not in _INSIDE]
    return _named(dated) if len(dated) > 2 and _YEAR.fullmatch(dated[-1]) else _term(" ".join(words), today)


def _ordinal(day: int) -> str:
    """An English one goes by its last digit, but for 11th to 13th."""
    return f"{day}{'th' if day in (11, 12, 13) else {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th')}"


_DAYS = {
    **{str(day): day for day in range(100)},
    **{f"{day:02}": day for day in range(100)},
    **{_ordinal(day): day for day in range(100)},
    "1er": 1,
}


def _named(words: Sequence[str]) -> date | Unread:
    """« le lundi 1er mars 2027 », "Monday, March 1st, 2027"."""
    *before, day, month, year = words
    months = _month_names()
    if month not in months:
        day, month = month, day
    if month not in months or day not in _DAYS:
        return _FORMAT
    read = _date(int(year), months[month], _DAYS[day])
    return _on_weekday(before, read) if before else read or _INVALID


def _on_weekday(before: Sequence[str], day: date | None) -> date | Unread:
    names = before[1:] if before[0] == "le" else before
    if len(names) > 1 or not all(name in _weekday_names() for name in names):
        return _FORMAT
    if day is None:
        return _INVALID
    return day if all(_weekday_names()[name] == day.weekday() for name in names) else Unread("invalid", named=day)


class _Term(NamedTuple):
    """What a phrase asks for, besides the days that are counted in it."""

    days: int = 0
    to_month_end: bool = False


_TERMS = {
    "net #": _Term(),
    **{phrase: _Term() for words in _LANGUAGES for phrase in (*words.in_days, words.today)},
    **{phrase: _Term(to_month_end=True) for words in _LANGUAGES for phrase in words.at_month_end},
    **{words.tomorrow: _Term(days=1) for words in _LANGUAGES},
}


def _term(phrase: str, today: date) -> date | Unread:
    if "#" in phrase:
        return _FORMAT
    counted = _COUNT.search(phrase)
    term = _TERMS.get(f"{phrase[: counted.start()]}#{phrase[counted.end() :]}" if counted else phrase)
    if term is None:
        return _FORMAT
    days = term.days + int(counted[0] if counted else 0)
    if days > (date.max - today).days:
        return Unread("out_of_range")
    day = today + timedelta(days=days)
    return day.replace(day=monthrange(day.year, day.month)[1]) if term.to_month_end else day


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


@cache
def _month_names() -> Mapping[str, int]:
    return {name: month for width in ("wide", "abbreviated") for name, month in _names("months", width)}


@cache
def _weekday_names() -> Mapping[str, int]:
    return dict(_names("days", "wide"))


def _names(kind: str, width: str) -> Iterator[tuple[str, int]]:
    """Every name as CLDR writes it, and without its accents."""
    from babel import Locale  # on first use: it takes longer to load than all else together

    for locale in SUPPORTED:
        for context in ("format", "stand-alone"):
            for number, name in getattr(Locale.parse(locale), kind)[context][width].items():
                (word,) = _words(name)
                yield from ((word, number), (_bare(word), number))
