"""What a typed amount must come to: every conceivable reading of the text, then the rules in the order of their faults.

A second reading of the rules, in another style than the library's: a table of shapes instead of a reader. It knows
nothing of the library but the currencies' decimals and the names of the locales.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

from babel import Locale
from babel.numbers import get_currency_symbol

from indiopay.currencies import DECIMALS
from indiopay.languages import SUPPORTED

SPACES = "\u0020\u00a0\u202f\u2009"
APOSTROPHES = "'\u2019"
LONGEST = 64
TOO_LARGE = 10**12

_ONE_KIND = str.maketrans({**dict.fromkeys(SPACES, " "), **dict.fromkeys(APOSTROPHES, "'")})
_PARTS = re.compile("([^0-9]*)([0-9](?:.*[0-9])?)([^0-9]*)", re.DOTALL)


class Number(NamedTuple):
    """One reading: what groups, what the decimal sign is (nothing: ""), the digits before it and those after it."""

    grouping: str
    sign: str
    whole: str
    fraction: str


def _shape(grouping: str, sign: str) -> re.Pattern[str]:
    whole = f"[1-9][0-9]{{0,2}}(?:{re.escape(grouping)}[0-9]{{3}})+" if grouping else "0|[1-9][0-9]*"
    return re.compile(f"({whole})" + (f"{re.escape(sign)}([0-9]+)" if sign else "()"))


_SHAPES = {
    (grouping, sign): _shape(grouping, sign)
    for grouping, sign in product(("", " ", "'", ",", "."), ("", ",", "."))
    if not grouping or grouping != sign
}


def expected(text: str, currency: str, locale: str) -> int | tuple[str, frozenset[int]]:
    """The minor units, or the first fault with the readings that the field could hold (none unless "ambiguous")."""
    typed = text.strip()
    if not typed or len(typed) > LONGEST:
        return ("too_long" if typed else "required"), frozenset()
    parts = _PARTS.fullmatch(typed.translate(_ONE_KIND))
    before, number, after = parts.groups() if parts else ("", "", "")
    marked = list(_marks(before.removesuffix(" "), after.removeprefix(" ")))
    readings, sure = _meant(list(_numbers(number, locale)), currency, locale)
    if not readings or not marked:
        return "format", frozenset()
    return _decided(readings, sure, currency, agreed=any(currency in currencies for currencies in marked))


def _decided(readings: list[Number], sure: bool, currency: str, *, agreed: bool) -> int | tuple[str, frozenset[int]]:
    """A text without a fault of format, by the faults that are left; no button can offer what the field cannot hold."""
    held = frozenset(_minor_units(number, currency) for number in readings if _fault(number, currency) is None)
    if not sure and held:
        return "ambiguous", held if agreed else frozenset()
    fault = _fault(readings[0], currency) if agreed else "currency_mismatch"
    return (fault, frozenset()) if fault else _minor_units(readings[0], currency)


def _fault(number: Number, currency: str) -> str | None:
    if len(number.fraction) > DECIMALS[currency]:
        return "too_precise"
    if not int(number.whole + number.fraction):
        return "not_positive"
    return "too_large" if int(number.whole) >= TOO_LARGE else None


def _minor_units(number: Number, currency: str) -> int:
    return int(number.whole + number.fraction.ljust(DECIMALS[currency], "0"))


def _numbers(text: str, locale: str) -> Iterator[Number]:
    """Every number that the text could be, in some locale or other; the apostrophe groups in Switzerland alone."""
    swiss = locale.replace("-", "_").lower() == "fr_ch"
    for (grouping, sign), shape in _SHAPES.items():
        found = shape.fullmatch(text)
        if found and (swiss or grouping != "'"):
            yield Number(grouping, sign, "".join(re.findall("[0-9]", found[1])), found[2])


def _meant(numbers: list[Number], currency: str, locale: str) -> tuple[list[Number], bool]:
    """Those that a person may mean here, and whether it is sure: what is not sure is ambiguous, even if it is alone."""
    french, three = locale.lower().startswith("fr"), DECIMALS[currency] == 3
    if len(numbers) == 2:
        by_sign = {number.sign: number for number in numbers}
        grouped = by_sign.pop("")
        [(sign, decimal)] = by_sign.items()
        # A lone sign before three digits that would be a group as well: what it is, by sign and language.
        sole = {
            (",", True): decimal if three else None,
            (",", False): None if three else grouped,
            (".", True): None,
            (".", False): decimal,
        }[sign, french]
        return ([sole], True) if sole else (numbers, False)
    if not french and [number[:2] for number in numbers] == [("", ",")]:
        return [number for number in numbers if len(number.fraction) <= DECIMALS[currency]], False
    return numbers, True


def _marks(before: str, after: str) -> Iterator[frozenset[str]]:
    """For every way to read what stands around the number as two marks at most: the currencies that they agree on."""
    for left, right in product(_side(before), _side(after)):
        if len(left + right) <= 2:
            yield frozenset(DECIMALS).intersection(*(MARKS[mark] for mark in left + right))


def _side(text: str) -> list[tuple[str, ...]]:
    """Every way to read the text as marks, at most one space apart."""
    halves = [(text[:i], text[i:].removeprefix(" ")) for i in range(1, len(text))]
    ways: list[tuple[str, ...]] = [(text,), *halves] if text else [()]
    return [way for way in ways if MARKS.keys() >= set(way)]


def _spellings(symbol: str) -> set[str]:
    """A symbol with and without the one space that may stand inside: where CLDR has one, or between sign and letter."""
    plain = symbol.translate(_ONE_KIND)
    bare = plain.replace(" ", "")
    signs = [unicodedata.category(c) == "Sc" for c in bare]
    edges = [i for i in range(1, len(bare)) if signs[i - 1] != signs[i]]
    return {plain, bare, *(f"{bare[:i]} {bare[i:]}" for i in edges)}


def _symbols(code: str) -> set[str]:
    """The code, what CLDR writes for it in any of the locales, and the dollar's own sign for every dollar."""
    symbols = {code, *(get_currency_symbol(code, locale) for locale in SUPPORTED)}
    if "dollar" in Locale("en").currencies[code].lower():
        symbols.add("$")
    return symbols | {"C$"} if code == "CAD" else symbols


def _every_mark() -> dict[str, set[str]]:
    marks: defaultdict[str, set[str]] = defaultdict(set)
    for code in DECIMALS:
        for symbol in _symbols(code):
            for spelling in _spellings(symbol):
                marks[spelling].add(code)
    return dict(marks)


MARKS = _every_mark()
"""Every mark, its spaces plain, and the currencies that it may stand for."""
