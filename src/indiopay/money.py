"""Money: a whole number of a currency's minor units, read and written without a float anywhere."""

import re
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from attrs import frozen

from indiopay.errors import InvalidInputError
from indiopay.languages import supported_locale
from indiopay.problems import Problem
from indiopay.typed_amount import MAX_CHARACTERS, MAX_MAJOR_UNITS, read_typed_amount

# ISO 4217 money in use, with the decimals that CLDR writes; a test holds both against CLDR's own data.
_CURRENCIES = {
    2: """AED AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP
        CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR JMD KES
        KGS KHR KYD KZT LKR LRD LSL MAD MDL MKD MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN
        PGK PHP PKR PLN QAR RON RUB SAR SBD SCR SDG SEK SGD SHP SLE SRD SSP STN SZL THB TJS TMT TOP TRY TTD TWD TZS
        UAH USD UYU UZS VES WST XCD XCG ZAR ZMW ZWG""",
    0: """AFN ALL BIF CLP DJF GNF IQD IRR ISK JPY KMF KPW KRW LAK LBP MGA MMK PYG RSD RWF SOS SYP UGX VND VUV XAF XOF
        XPF YER""",
    3: "BHD JOD KWD LYD OMR TND",
}
DECIMALS = {code: decimals for decimals, codes in _CURRENCIES.items() for code in codes.split()}
"""Every currency that an invoice may be in, and how many decimals its amounts have."""

_PLAIN = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")


@frozen
class Money:
    """An amount in one currency: 125050 minor units of CAD are 1 250,50 $, of JPY 125 050 ¥.

    Decimals are CLDR's. Amounts are compared and added only within one currency (ValueError). TypeError for minor
    units that are no int, InvalidInputError for a currency that is not an upper-case ISO 4217 code of money in use.
    """

    minor_units: int
    currency: str

    def __attrs_post_init__(self) -> None:
        if type(self.minor_units) is not int:
            raise TypeError("minor_units must be an int")
        if problem := currency_problem(self.currency):
            raise InvalidInputError((problem,))

    @classmethod
    def of(cls, amount: Decimal | int | str, currency: str) -> "Money":
        """Money from what a program holds: a Decimal, an int of major units, or plain text such as "1250.50".

        TypeError for a float or a bool; ValueError for NaN, infinities, exponents and decimals that the currency
        does not have. Text is not trimmed.
        """
        if isinstance(amount, bool) or not isinstance(amount, (Decimal, int, str)):
            raise TypeError("an amount must be a Decimal, an int or a str, never a float")
        if problem := currency_problem(currency):
            raise InvalidInputError((problem,))
        units = _exact_units(amount, DECIMALS[currency])
        if isinstance(units, str):
            raise ValueError(f"this is not an exact amount of {currency}: {units}")
        return cls(units, currency)

    @classmethod
    def parse(cls, text: str, *, currency: str, locale: str) -> "Money":
        """Money from what a person typed in that language; InvalidInputError, field "amount", if it has no one reading."""
        if not isinstance(text, str):
            raise InvalidInputError((Problem("amount", "type"),))
        if problem := currency_problem(currency):
            raise InvalidInputError((problem,))
        read = read_typed_amount(text, currency=currency, decimals=DECIMALS[currency], locale=locale)
        if isinstance(read, int):
            return cls(read, currency)
        raise _refused(read.code, currency, typed=text, readings=tuple(cls(units, currency) for units in read.readings))

    @property
    def amount(self) -> Decimal:
        """The amount in major units, exactly."""
        return Decimal(f"{self.minor_units}E-{DECIMALS[self.currency]}")

    def format(self, locale: str) -> str:
        """The amount as CLDR writes it in that language, with its no-break spaces: « 1 250,50 $ »."""
        return _template(self.currency, supported_locale(locale)).fill(self.minor_units)

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
    if not code:
        return Problem("currency", "required")
    return None if code in DECIMALS else Problem("currency", "unknown", {"typed": code[:MAX_CHARACTERS]})


def amount_of(value: object, *, currency: str, locale: str) -> Money:
    """The money in a form's amount field, typed or given; InvalidInputError, field "amount"."""
    if isinstance(value, str):
        return Money.parse(value, currency=currency, locale=locale)
    if value is None:
        raise _refused("required", currency)
    if isinstance(value, Money):
        return _payable(value.minor_units, currency, mismatch=value.currency != currency)
    if isinstance(value, bool) or not isinstance(value, (Decimal, int)):
        raise _refused("type", currency)
    units = _exact_units(value, DECIMALS[currency])
    if isinstance(units, str):
        raise _refused(units, currency)
    return _payable(units, currency)


def _payable(units: int, currency: str, *, mismatch: bool = False) -> Money:
    if mismatch:
        raise _refused("currency_mismatch", currency)
    if units <= 0:
        raise _refused("not_positive", currency)
    if units >= MAX_MAJOR_UNITS * 10 ** DECIMALS[currency]:
        raise _refused("too_large", currency)
    return Money(units, currency)


def _exact_units(amount: Decimal | int | str, decimals: int) -> int | str:
    """The minor units of an amount, or why there are none. Its size is judged before any number is built."""
    if isinstance(amount, int):
        return amount * 10**decimals
    if isinstance(amount, str):
        if len(amount) > MAX_CHARACTERS or not _PLAIN.fullmatch(amount):
            return "format"
        amount = Decimal(amount)
    sign, digits, exponent = amount.as_tuple()
    if not isinstance(exponent, int) or exponent > 0:
        return "format"
    if -exponent > decimals:
        return "too_precise"
    if len(digits) > MAX_CHARACTERS:
        return "too_large"
    units = int("".join(map(str, digits))) * 10 ** (decimals + exponent)
    return -units if sign else units


def _refused(code: str, currency: str, **params: object) -> InvalidInputError:
    typed = {"typed": str(params["typed"])[:MAX_CHARACTERS]} if "typed" in params else {}
    readings = {"readings": params["readings"]} if params.get("readings") else {}
    decimals = DECIMALS[currency]
    limit = {"limit": Money(MAX_MAJOR_UNITS * 10**decimals, currency)} if code == "too_large" else {}
    known = {"currency": currency, "decimals": decimals}
    return InvalidInputError((Problem("amount", code, {**known, **typed, **readings, **limit}),))


class _Template(NamedTuple):
    """How one locale writes one currency."""

    positive: tuple[str, str]
    negative: tuple[str, str]
    separator: str
    sign: str
    decimals: int

    def fill(self, minor_units: int) -> str:
        before, after = self.positive if minor_units >= 0 else self.negative
        major, minor = divmod(abs(minor_units), 10**self.decimals)
        whole = f"{major:,}".replace(",", self.separator)
        return f"{before}{whole}{self.sign}{minor:0{self.decimals}}{after}" if self.decimals else before + whole + after


@lru_cache(maxsize=None)
def _template(currency: str, locale: str) -> _Template:
    """Read off what Babel writes for 1234567 and its negative: once for each locale and currency."""
    from babel.numbers import format_currency  # on first use: it takes longer to load than all else together

    samples = [format_currency(number, currency, locale=locale) for number in (1234567, -1234567)]
    parts = [re.fullmatch(r"(\D*)1(\D)234\D567(?:(\D)(0+))?(\D*)", sample) for sample in samples]
    (before, separator, sign, zeros, after), (minus, _, _, _, end) = (part.groups("") for part in parts if part)
    return _Template((before, after), (minus, end), separator, sign, len(zeros))
