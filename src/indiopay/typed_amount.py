"""Reads an amount as a person types it: exactly one reading, or a refusal with every reading that there could be.

    amount = [mark [space]] number [[space] mark]
    number = whole [sign fraction];   whole = digits, or groups of three with one kind of separator

The locale decides only what a lone "," or "." means, and whether an apostrophe groups.
"""

import re
from collections.abc import Iterator, Mapping, Set as AbstractSet
from functools import cache
from typing import NamedTuple

from indiopay.currencies import DECIMALS
from indiopay.languages import CUSTOMS, SUPPORTED, supported_locale

MAX_CHARACTERS = 64
MAX_MAJOR_UNITS = 10**12

_SPACES = str.maketrans(dict.fromkeys("\u00a0\u202f\u2009", " "))
_PARTS = re.compile(r"([^0-9]*)([0-9](?:[0-9 ',.\u2019]*[0-9])?)([^0-9]*)")
_WHOLE = re.compile(r"0|[1-9][0-9]*")
_GROUPED = {sign: re.compile(rf"[1-9][0-9]{{0,2}}(?:{re.escape(sign)}[0-9]{{3}})+") for sign in " ',."}


class Refusal(NamedTuple):
    """Why a text is no amount, and every amount that the field could hold of those it could mean, in minor units."""

    code: str
    readings: tuple[int, ...] = ()


class _Number(NamedTuple):
    """The digits before and after the decimal sign."""

    whole: str
    fraction: str = ""

    def minor_units(self, decimals: int) -> int:
        return int(self.whole + self.fraction.ljust(decimals, "0"))

    def fault(self, currency: str) -> str | None:
        decimals = DECIMALS[currency]
        return "too_precise" if len(self.fraction) > decimals else size_fault(self.minor_units(decimals), currency)


def read_typed_amount(text: str, *, currency: str, locale: str) -> int | Refusal:
    """The minor units of `currency` that a person typed in `locale`, or the first fault of the text."""
    typed = text.strip()
    if units := _usual(typed, currency, supported_locale(locale)):
        return units
    if not typed:
        return Refusal("required")
    if len(typed) > MAX_CHARACTERS:
        return Refusal("too_long")
    parts = _PARTS.fullmatch(typed.translate(_SPACES))
    if parts is None:
        return Refusal("format")
    before, number, after = parts.groups()
    meaning = _meaning(number, DECIMALS[currency], supported_locale(locale))
    stand_for = _currencies_of(before.removesuffix(" "), after.removeprefix(" "))
    if meaning is None or stand_for is None:
        return Refusal("format")
    return _judged(meaning, currency, agrees=currency in stand_for)


@cache
def _usual_shape(locale: str, decimals: int) -> re.Pattern[str]:
    """Digits and spaces, and a sign that can only be a decimal sign; groups by a sign where that is what it does."""
    grouping = CUSTOMS[locale].grouping
    sign = "".join(sign for sign in ",." if sign != grouping)
    spaced, signed = (rf"(?:[{kind}][0-9]{{3}}){{1,3}}" for kind in (" \u00a0\u202f", grouping or " "))
    groups = rf"(?:{spaced}|{signed})?" if decimals < 3 else rf"(?:{spaced})?"
    whole = rf"[1-9][0-9]{{0,2}}{groups}|[1-9][0-9]{{3,11}}|0"
    fraction = rf"(?:[{sign}]([0-9]{{1,{min(decimals, 2)}}}))?" if decimals else "()"
    return re.compile(rf"(?:([$€])[ \u00a0]?)?({whole}){fraction}(?:[ \u00a0]?([$€]))?")


_SEPARATORS = str.maketrans("", "", " \u00a0\u202f,.")


def _usual(typed: str, currency: str, locale: str) -> int | None:
    """What most people type most of the time, read at a glance; None for all that wants a closer look."""
    decimals = DECIMALS[currency]
    found = _usual_shape(locale, decimals).fullmatch(typed)
    if found is None:
        return None
    before, whole, fraction, after = found.groups()
    if (before and currency not in _marks()[before]) or (after and currency not in _marks()[after]):
        return None
    return int((whole if whole.isdigit() else whole.translate(_SEPARATORS)) + (fraction or "").ljust(decimals, "0"))


def size_fault(minor_units: int, currency: str) -> str | None:
    """Why nobody can be billed this much: "not_positive", "too_large"; None if one can."""
    if minor_units <= 0:
        return "not_positive"
    return "too_large" if minor_units >= MAX_MAJOR_UNITS * 10 ** DECIMALS[currency] else None


class _Meaning(NamedTuple):
    """The numbers that a text could mean; it is certain only if no one would read it otherwise."""

    numbers: tuple[_Number, ...]
    certain: bool = True


def _judged(meaning: _Meaning, currency: str, *, agrees: bool) -> int | Refusal:
    """The one reading, or the first of: ambiguous, currency_mismatch, too_precise, not_positive, too_large."""
    decimals = DECIMALS[currency]
    held = tuple(number.minor_units(decimals) for number in meaning.numbers if not number.fault(currency))
    if held and not meaning.certain:
        return Refusal("ambiguous", held if agrees else ())  # in another currency's money the field holds none of them
    if not agrees:
        return Refusal("currency_mismatch")
    fault = meaning.numbers[0].fault(currency)
    return Refusal(fault) if fault else held[0]


def _meaning(number: str, decimals: int, locale: str) -> _Meaning | None:
    """What the text means in this locale; None if it is no number."""
    number = number.replace("\u2019", "'")
    if "'" in number and locale != "fr_CH":
        return None
    spacers = [sign for sign in " '" if sign in number]
    points = [sign for sign in ",." if sign in number]
    if spacers:
        return _parted(number, spacers, points)
    if len(points) == 2:
        points.sort(key=number.rfind)
        return _parted(number, points[:1], points[1:])
    if not points:
        return _Meaning((_Number(number),)) if _WHOLE.fullmatch(number) else None
    if number.count(points[0]) > 1:
        return _parted(number, points, [])
    return _lone(number, points[0], decimals, CUSTOMS[locale].grouping)


def _parted(number: str, separators: list[str], signs: list[str]) -> _Meaning | None:
    """A whole part in groups, and at most one decimal sign behind it."""
    if len(separators) > 1 or len(signs) > 1:
        return None
    whole, sign, fraction = number.partition(signs[0]) if signs else (number, "", "")
    if not _GROUPED[separators[0]].fullmatch(whole) or (sign and not fraction.isdigit()):
        return None
    return _Meaning((_Number(whole.replace(separators[0], ""), fraction),))


def _lone(number: str, sign: str, decimals: int, grouping: str | None) -> _Meaning | None:
    """One "," or "." and nothing else: a decimal sign or a separator of groups, by the locale's custom."""
    whole, _, fraction = number.partition(sign)
    if not _WHOLE.fullmatch(whole):
        return None
    decimal, grouped = _Number(whole, fraction), _Number(whole + fraction)
    could_group = _GROUPED[sign].fullmatch(number) is not None
    if sign != grouping:
        doubtful = could_group and grouping is None and not (sign == "," and decimals == 3)
        return _Meaning((grouped, decimal), certain=False) if doubtful else _Meaning((decimal,))
    if could_group:
        return _Meaning((grouped, decimal), certain=False) if decimals == 3 else _Meaning((grouped,))
    return _Meaning((decimal,), certain=False) if len(fraction) <= decimals else None


def _currencies_of(before: str, after: str) -> AbstractSet[str] | None:
    """The currencies that all marks of an amount may stand for; None if there are three, or one is no mark."""
    if not before and not after:
        return DECIMALS.keys()
    if before and after:
        first, second = _marks().get(before), _marks().get(after)
        return None if first is None or second is None else first & second
    side = before or after
    return _marks().get(side) or _both(side)


def _both(side: str) -> frozenset[str] | None:
    """What two marks side by side stand for: « $ CAD »."""
    splits = ((side[:end].removesuffix(" "), side[end:]) for end in range(1, len(side)))
    pairs = [_marks()[first] & _marks()[second] for first, second in splits if {first, second} <= _marks().keys()]
    return frozenset().union(*pairs) if pairs else None


@cache
def _marks() -> Mapping[str, frozenset[str]]:
    """Every mark and the currencies that it stands for: ISO codes, and CLDR's symbols in French and English."""
    from babel import Locale  # on first use: it takes longer to load than all else together

    table: dict[str, set[str]] = {code: {code} for code in DECIMALS}
    names: Mapping[str, str] = Locale("en").currencies
    table["$"] = {code for code in DECIMALS if "dollar" in names[code].lower()}
    symbols = [symbol for locale in SUPPORTED for symbol in Locale.parse(locale).currency_symbols.items()]
    for code, symbol in (*symbols, ("CAD", "C$")):
        if code in DECIMALS:
            for spelling in _spellings(symbol.translate(_SPACES)):
                table.setdefault(spelling, set()).add(code)
    return {mark: frozenset(codes) for mark, codes in table.items()}


def _spellings(symbol: str) -> Iterator[str]:
    """A symbol as CLDR writes it, without its space, and with one between its letters and its sign."""
    yield symbol
    yield symbol.replace(" ", "")
    letters_first = re.fullmatch(r"([A-Z]+) ?([^\w .]+)", symbol)
    sign_first = re.fullmatch(r"([^\w .]+) ?([A-Z]+)", symbol)
    for found in (letters_first, sign_first):
        if found:
            yield f"{found[1]} {found[2]}"
