"""Due dates: civil dates, read as a person types them and written as the language does."""

import re
from calendar import monthrange
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache, lru_cache
from typing import Literal, NamedTuple

from indiopay.errors import InvalidInputError
from indiopay.languages import CUSTOMS, is_french, supported_locale
from indiopay.problems import Problem
from indiopay.typed_date import MAX_CHARACTERS, read_typed_date

Style = Literal["short", "medium", "long", "full"]

MAX_YEARS = 10

_FIELD = re.compile("'([^']*)'|([A-Za-z]+)")


def parse_due_date(text: str, *, locale: str, today: date) -> date:
    """The date that a person typed in that language: a date, or a term counted from `today`, the agency's date.

    InvalidInputError, field "due_date", if the text has no one reading, lies before today, or after ten years.

    >>> parse_due_date("1er mars 2027", locale="fr_CA", today=date(2026, 11, 24))
    datetime.date(2027, 3, 1)
    >>> parse_due_date("30 days", locale="en", today=date(2026, 11, 24))
    datetime.date(2026, 12, 24)
    """
    if not isinstance(text, str):
        raise _refused("type")
    read = read_typed_date(text, locale=supported_locale(locale), today=today)
    if isinstance(read, date):
        return _within(read, today, typed=text)
    readings = tuple(day for day in read.readings if _fault(day, today) is None)
    if read.readings and not readings:
        return _within(read.readings[0], today, typed=text)
    day = read.named if read.named and _fault(read.named, today) is None else None
    raise _refused(read.code, typed=text, readings=readings or None, day=day)


def due_date_of(value: object, *, locale: str, today: date) -> date:
    """The date in a form's due date field, typed or given; InvalidInputError, field "due_date"."""
    if isinstance(value, str):
        return parse_due_date(value, locale=locale, today=today)
    if value is None:
        raise _refused("required")
    if not isinstance(value, date) or isinstance(value, datetime):
        raise _refused("type")
    return _within(value, today)


def format_date(day: date, locale: str, *, style: Style = "long") -> str:
    """The day as CLDR writes it in that language, so that `parse_due_date` reads it back.

    French writes « 1er mars 2027 ». The short style has two digits for day and month; it is 2027-03-01 where both
    orders are in use. Every year has four digits.

    >>> format_date(date(2027, 3, 1), "fr_CA", style="full")
    'lundi 1er mars 2027'
    """
    return _month(supported_locale(locale), style, day.year, day.month)[day.day - 1]


def _within(day: date, today: date, *, typed: str | None = None) -> date:
    if fault := _fault(day, today):
        limit = today if fault == "past" else latest_due_date(today)
        raise _refused(fault, typed=typed, limit=limit)
    return day


def _fault(day: date, today: date) -> str | None:
    if day < today:
        return "past"
    if day.year - today.year < MAX_YEARS:
        return None
    return "out_of_range" if day > latest_due_date(today) else None


def latest_due_date(today: date) -> date:
    """Today in ten years, 28 February for the 29th; at the end of the calendar its last day."""
    year = today.year + MAX_YEARS
    if year > date.max.year:
        return date.max
    return today.replace(year=year, day=28 if (today.month, today.day) == (2, 29) else today.day)


def _refused(code: str, *, typed: str | None = None, **params: object) -> InvalidInputError:
    told = {"typed": None if typed is None else typed[:MAX_CHARACTERS], **params}
    return InvalidInputError(
        (Problem("due_date", code, {name: given for name, given in told.items() if given is not None}),)
    )


@lru_cache(maxsize=1024)
def _month(locale: str, style: Style, year: int, month: int) -> tuple[str, ...]:
    """Every day of a month, written: a brokerage's due dates lie in few months, and writing one day takes as long."""
    names = _names(locale)
    if style not in names.patterns:
        raise ValueError(f"style must be one of {', '.join(names.patterns)}")
    pattern = names.patterns[style]
    days = (date(year, month, day) for day in range(1, monthrange(year, month)[1] + 1))
    ordinal = "1er" if style != "short" and is_french(locale) else "1"
    return tuple(
        pattern.format(
            d=ordinal if day.day == 1 else day.day,
            dd=f"{day.day:02}",
            MM=f"{month:02}",
            MMM=names.abbreviated[month],
            MMMM=names.months[month],
            EEEE=names.weekdays[day.weekday()],
            y=f"{year:04}",
        )
        for day in days
    )


class _Names(NamedTuple):
    """A language's names, and its patterns as format strings."""

    months: Mapping[int, str]
    abbreviated: Mapping[int, str]
    weekdays: Mapping[int, str]
    patterns: Mapping[str, str]


@cache
def _names(locale: str) -> _Names:
    from babel import Locale  # on first use: it takes longer to load than all else together

    data = Locale.parse(locale)
    cldr = {style: data.date_formats[style].pattern for style in ("medium", "long", "full")}
    cldr["short"] = "y-MM-dd" if CUSTOMS[locale].date_order == "either" else _padded(data.date_formats["short"].pattern)
    patterns = {style: _FIELD.sub(_as_format, pattern) for style, pattern in cldr.items()}
    months = data.months["format"]
    return _Names(months["wide"], months["abbreviated"], data.days["format"]["wide"], patterns)


def _as_format(found: re.Match[str]) -> str:
    """A field of CLDR's as a field of a format string; a text in quotes as it is: "d 'de' MMMM"."""
    return found[1] if found[2] is None else f"{{{found[2]}}}"


def _padded(pattern: str) -> str:
    """The locale's order and separator, with two digits for day and month and four for the year."""
    return re.sub("y+", "y", re.sub("M+", "MM", re.sub("d+", "dd", pattern)))
