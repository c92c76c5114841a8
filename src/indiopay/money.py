"""Money: a whole number of a currency's minor units, read and written without a float anywhere."""

import re
from decimal import Decimal
from functools import cache
from typing import NamedTuple

from attrs import frozen

from indiopay.currencies import DECIMALS
from indiopay.errors import InvalidInputError
from indiopay.languages import supported_locale
from indiopay.problems import Problem
from indiopay.typed_amount import MAX_CHARACTERS, MAX_MAJOR_UNITS, read_typed_amount, size_fault

_MAX_DIGITS = 4000  # above 4300 Python no longer turns an int into text or back (sys.set_int_max_str_digits)
_MAX_INT = 10**_MAX_DIGITS
_PLAIN = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")


@frozen
class Money:
    """An amount in one currency: 125050 minor units of CAD are 1 250,50 $, of JPY 125 050 ¥.

    >>> Money(125050, "CAD").amount, Money(125050, "JPY").amount
    (Decimal('1250.50'), Decimal('125050'))

    Decimals are CLDR's. Amounts are compared and added only within one currency (ValueError). TypeError for minor
    units that are no int, InvalidInputError for a currency that is not an upper-case ISO 4217 code of money in use.
    """

    minor_units: int
    currency: str

    def __attrs_post_init__(self) -> None:
        if isinstance(self.minor_units, bool) or not isinstance(self.minor_units, int):
            raise TypeError("minor_units must be an int")
        _require_known(self.currency)

    @classmethod
    def of(cls, amount: Decimal | int | str, currency: str) -> "Money":
        """Money from what a program holds: a Decimal, an int of major units, or plain text such as "1250.50".

        TypeError for a float or a bool; ValueError for NaN, infinities, exponents and decimals that the currency
        does not have. Text is not trimmed.
        """
        if isinstance(amount, bool) or not isinstance(amount, (Decimal, int, str)):
            raise TypeError("an amount must be a Decimal, an int or a str, never a float")
        _require_known(currency)
        if isinstance(amount, int):
            return cls(amount * _scale(currency), currency)
        if isinstance(amount, str):
            amount = _plain(amount)
        units = _exact_units(amount, DECIMALS[currency])
        exponent = amount.as_tuple().exponent
        if isinstance(units, str) or not isinstance(exponent, int) or exponent > 0:
            raise ValueError(f"this is not an exact amount of {currency}")
        return cls(units, currency)

    @classmethod
    def parse(cls, text: str, *, currency: str, locale: str) -> "Money":
        """Money from what a person typed in that language.

        InvalidInputError, field "amount", if the text has no one reading, or one that nobody can be billed.

        >>> Money.parse("1 250,50 $", currency="CAD", locale="fr_CA")
        Money(minor_units=125050, currency='CAD')
        """
        _require_known(currency)
        if not isinstance(text, str):
            raise _refused("type", currency)
        read = read_typed_amount(text, currency=currency, locale=locale)
        if isinstance(read, int):
            return cls(read, currency)
        readings = (
            {"readings": tuple(cls(units, currency) for units in read.readings)} if read.code == "ambiguous" else {}
        )
        raise _refused(read.code, currency, typed=text[:MAX_CHARACTERS], **readings)

    @property
    def amount(self) -> Decimal:
        """The amount in major units, exactly, with all the decimals of its currency."""
        sign, digits, _ = Decimal(self.minor_units).as_tuple()
        return Decimal((sign, digits, -DECIMALS[self.currency]))

    def format(self, locale: str) -> str:
        """The amount as CLDR writes it in that language, with its no-break spaces: « 1 250,50 $ »."""
        before, separator, endings = _template(self.currency, supported_locale(locale), self.minor_units < 0)
        major, minor = divmod(abs(self.minor_units), len(endings))
        whole = f"{major if major < _MAX_INT else Decimal(major):,}"
        return before + whole.replace(",", separator) + endings[minor]

    def __add__(self, other: "Money") -> "Money":
        return Money(self.minor_units + self._beside(other), self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.minor_units < self._beside(other)

    def __le__(self, other: "Money") -> bool:
        return self.minor_units <= self._beside(other)

    def __gt__(self, other: "Money") -> bool:
        return self.minor_units > self._beside(other)

    def __ge__(self, other: "Money") -> bool:
        return self.minor_units >= self._beside(other)

    def _beside(self, other: object) -> int:
        if not isinstance(other, Money):
            raise TypeError("money goes only with money")
        if other.currency != self.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not go together")
        return other.minor_units


def currency_problem(code: object) -> Problem | None:
    """What is wrong with a currency code; None for an upper-case ISO 4217 code of money in use."""
    if not isinstance(code, str):
        return Problem("currency", "type")
    if code in DECIMALS:
        return None
    return Problem("currency", "unknown", {"typed": code[:MAX_CHARACTERS]}) if code else Problem("currency", "required")


def amount_of(value: object, *, currency: str, locale: str) -> Money:
    """The money in a form's amount field: text typed in `locale`, or a Money, a Decimal or an int of major units.

    What a program gives must be as exact, positive and small as what a person types. InvalidInputError otherwise,
    field "amount", or "currency" if that is unknown.
    """
    if isinstance(value, str):
        return Money.parse(value, currency=currency, locale=locale)
    _require_known(currency)
    units = _given_units(value, currency)
    if isinstance(units, str):
        raise _refused(units, currency)
    if fault := size_fault(units, currency):
        raise _refused(fault, currency)
    return Money(units, currency)


def _given_units(value: object, currency: str) -> int | str:
    """The minor units of what a program put in a form, or the code of what is wrong with it."""
    if value is None:
        return "required"
    if isinstance(value, Money):
        return value.minor_units if value.currency == currency else "currency_mismatch"
    if isinstance(value, Decimal):
        return _exact_units(value, DECIMALS[currency])
    if isinstance(value, int) and not isinstance(value, bool):
        return value * _scale(currency)
    return "type"


def _exact_units(amount: Decimal, decimals: int) -> int | str:
    """The minor units of a Decimal, or why there are none. Its size is judged before any number is built."""
    sign, digits, exponent = amount.as_tuple()
    if not isinstance(exponent, int):
        return "format"
    if -exponent > decimals:
        return "too_precise"
    if not amount:
        return 0
    if amount.adjusted() >= _MAX_DIGITS:
        return "not_positive" if sign else "too_large"
    units = int("".join(map(str, digits))) * int(10 ** (decimals + exponent))
    return -units if sign else units


def _plain(text: str) -> Decimal:
    if not _PLAIN.fullmatch(text):
        raise ValueError("this is not a plain amount such as 1250.50")
    return Decimal(text)


def _scale(currency: str) -> int:
    return int(10 ** DECIMALS[currency])


def _require_known(currency: object) -> None:
    if problem := currency_problem(currency):
        raise InvalidInputError((problem,))


def _refused(code: str, currency: str, **params: object) -> InvalidInputError:
    if code == "too_large":
        params["limit"] = Money(MAX_MAJOR_UNITS * _scale(currency), currency)
    params |= {"currency": currency, "decimals": DECIMALS[currency]}
    return InvalidInputError((Problem("amount", code, params),))


class _Template(NamedTuple):
    """How one locale writes one currency: the minor units are looked up, with all that follows them."""

    before: str
    separator: str
    endings: tuple[str, ...]


@cache
def _template(currency: str, locale: str, negative: bool) -> _Template:  # noqa: FBT001  # part of a key
    """Read off what Babel writes for 1234567 or its negative: once for each locale and currency."""
    from babel.numbers import format_currency  # on first use: it takes longer to load than all else together

    sample = format_currency(-1234567 if negative else 1234567, currency, locale=locale)
    (parts,) = re.findall(r"^(\D*)1(\D)234\D567(?:(\D)(0+))?(\D*)$", sample)
    before, separator, sign, zeros, after = parts
    width = len(zeros)
    minors = (f"{minor:0{width}}" if width else "" for minor in range(10**width))
    return _Template(before, separator, tuple(f"{sign}{minor}{after}" for minor in minors))
