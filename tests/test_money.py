"""Amounts: what is typed is read exactly or refused, and what is written is what CLDR writes."""

import subprocess
import sys
from decimal import Decimal, localcontext
from operator import itemgetter
from time import process_time
from typing import Any

import pytest
from babel.core import get_global
from babel.numbers import format_currency, get_currency_precision
from hypothesis import example, given, strategies as st

from indiopay import describe
from indiopay.currencies import DECIMALS
from indiopay.errors import InvalidInputError
from indiopay.languages import SUPPORTED
from indiopay.money import Money, amount_of, currency_problem
from indiopay.problems import Problem

from .corpus_files import cases

BROAD = ("CAD", "USD", "EUR", "GBP", "CHF", "JPY", "KRW", "CNY", "XOF", "XPF", "XCG", "BRL", "ISK", "IRR", "TND", "KWD")


def refusal(text: str, *, currency: str = "CAD", locale: str = "fr_CA") -> Problem:
    """The one problem with a text."""
    with pytest.raises(InvalidInputError) as caught:
        Money.parse(text, currency=currency, locale=locale)
    (problem,) = caught.value.problems
    return problem


def code(text: str, *, currency: str = "CAD", locale: str = "fr_CA") -> str:
    return refusal(text, currency=currency, locale=locale).code


def units(text: str, *, currency: str = "CAD", locale: str = "fr_CA") -> int:
    return Money.parse(text, currency=currency, locale=locale).minor_units


def given_code(value: object, *, currency: str = "CAD") -> str:
    with pytest.raises(InvalidInputError) as caught:
        amount_of(value, currency=currency, locale="fr_CA")
    (problem,) = caught.value.problems
    assert problem.field == "amount"
    return problem.code


def babel_writes(money: Money, locale: str) -> str:
    with localcontext() as context:
        context.prec = 10_000
        return format_currency(money.amount, money.currency, locale=locale)


@pytest.mark.parametrize("case", cases("amounts"), ids=itemgetter("id"))
def test_a_typed_amount_has_one_reading_or_is_refused(case: dict[str, Any]) -> None:
    """Every amount of the corpus is read to the minor unit, or refused with its code."""
    try:
        money = Money.parse(case["input"], currency=case["currency"], locale=case["locale"])
    except InvalidInputError as error:
        (problem,) = error.problems
        assert (problem.field, {"problem": problem.code}) == ("amount", case["expect"])
        assert problem.params["typed"] == case["input"][:64]
    else:
        assert case["expect"] == {"minor_units": money.minor_units}
        assert money.currency == case["currency"]


@pytest.mark.parametrize("case", cases("currencies"), ids=itemgetter("id"))
def test_a_currency_is_a_code_of_money_in_use(case: dict[str, Any]) -> None:
    """Every currency of the corpus is known or is unknown, and money is made in known ones only."""
    problem = currency_problem(case["input"])
    if problem is None:
        assert Money(1, case["input"]).currency == case["expect"]["value"]
        return
    assert (problem.field, problem.code) == ("currency", case["expect"]["problem"])
    with pytest.raises(InvalidInputError):
        Money(1, case["input"])


def test_the_currencies_are_those_that_cldr_calls_tender_today() -> None:
    """The constant holds every currency in use of some territory, with CLDR's decimals, and nothing else."""
    rows = [row for territory in get_global("territory_currencies").values() for row in territory]
    in_use = {currency for currency, _, end, tender in rows if tender and end is None}
    assert {currency: get_currency_precision(currency) for currency in in_use} == dict(DECIMALS)


@pytest.mark.parametrize(
    "fund",
    ["BOV", "CHE", "CHW", "CLF", "COU", "MXV", "USN", "UYI", "UYW", "XDR", "XSU", "XUA", "XAG", "XPT", "XTS", "HRK"],
)
def test_funds_metals_and_withdrawn_money_are_unknown(fund: str) -> None:
    """Nobody can be billed in a fund, a metal, or money that is no longer in use."""
    assert currency_problem(fund) == Problem("currency", "unknown", {"typed": fund})


def test_a_missing_currency_is_required_and_another_type_is_refused() -> None:
    """An empty code is asked for; what is no text is a problem of type; long codes are not repeated whole."""
    assert currency_problem("") == Problem("currency", "required")
    assert currency_problem(None) == Problem("currency", "type")
    unknown = currency_problem("C" * 2**20)
    assert unknown is not None and unknown.params["typed"] == "C" * 64


# --- reading: the rules beyond the corpus


def test_a_doubtful_text_in_another_currency_offers_no_money_of_the_fields_own() -> None:
    """A button must not turn euros into dollars."""
    problem = refusal("1,234 €")
    assert (problem.code, problem.params["readings"]) == ("ambiguous", ())
    assert "1\u00a0234" not in describe(problem, "fr_CA")


@pytest.mark.parametrize(
    ("text", "currency", "locale", "readings"),
    [
        ("1,234", "CAD", "fr_CA", [123400]),
        ("1.234", "TND", "fr_FR", [1234000, 1234]),
        ("1.234", "JPY", "fr", [1234]),
        ("1,234", "TND", "en_GB", [1234000, 1234]),
        ("0,234", "KWD", "en", [234]),
        ("1234,567", "KWD", "en", [1234567]),
        ("1234,5", "CAD", "en_CA", [123450]),
    ],
)
def test_a_doubtful_text_offers_every_reading_that_the_field_can_hold(
    text: str, currency: str, locale: str, readings: list[int]
) -> None:
    """What could be meant in two ways is refused, and what it could mean is offered as money."""
    problem = refusal(text, currency=currency, locale=locale)
    assert problem.code == "ambiguous"
    assert problem.params["readings"] == tuple(Money(minor, currency) for minor in readings)


@pytest.mark.parametrize(
    ("text", "currency", "locale", "wanted"),
    [
        ("", "CAD", "fr_CA", "required"),
        (" \u00a0\n", "CAD", "fr_CA", "required"),
        ("x" * 65, "CAD", "fr_CA", "too_long"),
        ("0.234", "CAD", "fr_CA", "too_precise"),
        ("0,234", "CAD", "fr_CA", "too_precise"),
        ("1234.567", "CAD", "fr_CA", "too_precise"),
        ("1 250,500", "CAD", "fr_CA", "too_precise"),
        ("1,2345", "CAD", "en_CA", "format"),
        ("1,5", "JPY", "en_CA", "format"),
        ("0,0", "CAD", "en_CA", "not_positive"),
        ("1234567890123,5", "CAD", "en_CA", "too_large"),
        ("00", "CAD", "fr_CA", "format"),
        ("0 123", "CAD", "fr_CA", "format"),
        ("00,5", "CAD", "fr_CA", "format"),
        ("1234 567", "CAD", "fr_CA", "format"),
        ("1234,567.89", "CAD", "en_CA", "format"),
        ("1 234.567,89", "CAD", "fr_CA", "format"),
        ("1,234.567.890", "CAD", "fr_CA", "format"),
        ("1 234,5,6", "CAD", "fr_CA", "format"),
        ("1'234 567", "CHF", "fr_CH", "format"),
        ("1’234’567", "CHF", "fr_FR", "format"),
        (",5", "CAD", "fr_CA", "format"),
        ("5,", "CAD", "fr_CA", "format"),
        ("$", "CAD", "fr_CA", "format"),
        ("CAD", "CAD", "fr_CA", "format"),
        ("1250 cad", "CAD", "fr_CA", "format"),
        ("1250 XXX", "CAD", "fr_CA", "format"),
        ("1250\t$", "CAD", "fr_CA", "format"),
        ("$  1250", "CAD", "fr_CA", "format"),
        ("$ $ $ 1250", "CAD", "fr_CA", "format"),
        ("$ 1250 x", "CAD", "fr_CA", "format"),
        ("\ud8001250", "CAD", "fr_CA", "format"),
        ("12 34 €", "CAD", "fr_CA", "format"),
        ("0 €", "CAD", "fr_CA", "currency_mismatch"),
        ("1,2345 €", "CAD", "fr_CA", "currency_mismatch"),
        ("$ 1250 USD", "CAD", "fr_CA", "currency_mismatch"),
        ("1250 $ EUR", "CAD", "fr_CA", "currency_mismatch"),
        ("1250 $", "MXN", "fr_CA", "currency_mismatch"),
    ],
)
def test_a_text_without_one_reading_is_refused_with_its_first_fault(
    text: str, currency: str, locale: str, wanted: str
) -> None:
    """Of several faults the first in the order of the rules is told."""
    assert code(text, currency=currency, locale=locale) == wanted


@pytest.mark.parametrize(
    ("text", "currency", "locale", "wanted"),
    [
        ("1.234.567", "CAD", "en_US", 123456700),
        ("1.234.567,8", "CAD", "en_US", 123456780),
        ("1’234’567", "CHF", "fr-ch", 123456700),
        ("1234,5", "CAD", "de", 123450),
        ("1,234", "JPY", "en", 1234),
        ("$ 1250 CAD", "CAD", "fr_CA", 125000),
        ("1250 $ CAD", "CAD", "fr_CA", 125000),
        ("CAD$1250", "CAD", "fr_CA", 125000),
        ("CA $\u202f1250\u2009$ CA", "CAD", "fr_CA", 125000),
        ("C$ 1250", "CAD", "en_CA", 125000),
        ("1250 F\u00a0CFA", "XOF", "fr", 1250),
        ("1250 FCFA", "XOF", "fr", 1250),
        ("$5", "TTD", "en", 500),
    ],
)
def test_separators_and_marks_that_leave_one_reading_are_accepted(
    text: str, currency: str, locale: str, wanted: int
) -> None:
    """Customs of writing are accepted wherever they leave one reading."""
    assert units(text, currency=currency, locale=locale) == wanted


@given(st.text(st.sampled_from("0123456789 ,.'$€CAD-\u00a0\u2019"), max_size=20), st.sampled_from(SUPPORTED))
def test_an_accepted_text_holds_the_digits_that_it_shows(text: str, locale: str) -> None:
    """No reading adds, drops or reorders a digit, but for the zeros of missing decimals."""
    try:
        money = Money.parse(text, currency="CAD", locale=locale)
    except InvalidInputError as error:
        assert [problem.field for problem in error.problems] == ["amount"]
        return
    digits = "".join(filter(str.isdigit, text)).lstrip("0")
    assert str(money.minor_units) in (digits, digits + "0", digits + "00")
    assert 0 < money.amount < 10**12


@given(st.text(max_size=80), st.sampled_from(SUPPORTED), st.sampled_from(BROAD))
def test_any_text_is_read_or_refused_with_one_problem(text: str, locale: str, currency: str) -> None:
    """Whatever is typed, nothing but one problem of the amount comes out."""
    try:
        Money.parse(text, currency=currency, locale=locale)
    except InvalidInputError as error:
        assert [problem.field for problem in error.problems] == ["amount"]


def test_long_and_broken_texts_are_refused_in_no_time() -> None:
    """A mebibyte of anything is refused for its length, or for holding nothing, before a number is built."""
    started = process_time()
    for text in ("9" * 2**20, "1 " * 2**19, "\ud800" * 2**20, "$" * 2**20):
        assert code(text) == "too_long"
    assert code(" " * 2**20) == "required"
    assert process_time() - started < 1


def test_a_problem_says_what_its_sentence_needs() -> None:
    """Currency, decimals and the text as typed are always there; the limit where it is passed."""
    known = {"currency": "TND", "decimals": 3}
    assert refusal("1,2345", currency="TND").params == {**known, "typed": "1,2345"}
    limit = Money(10**15, "TND")
    assert refusal("1000000000000", currency="TND").params == {**known, "typed": "1000000000000", "limit": limit}
    with pytest.raises(InvalidInputError) as caught:
        amount_of(10**12, currency="TND", locale="en")
    assert caught.value.problems[0].params == {**known, "limit": limit}


def test_what_is_no_text_cannot_be_parsed() -> None:
    """Something else than text is a problem of type, and an unknown currency a problem of the currency."""
    assert code(12) == "type"  # type: ignore[arg-type]  # on purpose: callers may be untyped
    with pytest.raises(InvalidInputError) as caught:
        Money.parse("12", currency="XXX", locale="fr_CA")
    assert caught.value.problems[0].field == "currency"


# --- the form's field


def test_a_form_takes_text_money_decimals_and_ints() -> None:
    """What a program gives is as good as what a person types, if it is as exact."""
    for value in ("1 250,50 $", Money(125050, "CAD"), Decimal("1250.50"), Decimal("1250.5")):
        assert amount_of(value, currency="CAD", locale="fr_CA") == Money(125050, "CAD")
    assert amount_of(1250, currency="TND", locale="fr_CA") == Money(1250000, "TND")
    assert amount_of(Decimal("1E+2"), currency="CAD", locale="fr_CA") == Money(10000, "CAD")


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (None, "required"),
        (12.5, "type"),
        (True, "type"),
        (b"12", "type"),
        (Money(100, "USD"), "currency_mismatch"),
        (Money(0, "CAD"), "not_positive"),
        (Money(-1, "CAD"), "not_positive"),
        (Money(10**14, "CAD"), "too_large"),
        (0, "not_positive"),
        (-5, "not_positive"),
        (10**12, "too_large"),
        pytest.param(10**100_000, "too_large", id="10**100000"),
        (Decimal("NaN"), "format"),
        (Decimal("sNaN"), "format"),
        (Decimal("-Infinity"), "format"),
        (Decimal("0.001"), "too_precise"),
        (Decimal("1.500"), "too_precise"),
        (Decimal("1E-400000"), "too_precise"),
        (Decimal("0E+400000"), "not_positive"),
        (Decimal("-0.00"), "not_positive"),
        (Decimal("1E+400000"), "too_large"),
        (Decimal("-1E+400000"), "not_positive"),
        (Decimal(1000000000000), "too_large"),
        (Decimal("-12.50"), "not_positive"),
    ],
)
def test_a_form_refuses_what_is_not_an_exact_payable_amount(value: object, wanted: str) -> None:
    """A value that a program put in the form meets the same rules, at once, however large it is."""
    started = process_time()
    assert given_code(value) == wanted
    assert process_time() - started < 1


@pytest.mark.parametrize("value", ["12", 12, None])
def test_a_form_in_an_unknown_currency_has_a_problem_of_the_currency(value: object) -> None:
    """Without a known currency no amount can be read, whatever was given."""
    with pytest.raises(InvalidInputError) as caught:
        amount_of(value, currency="XAU", locale="fr_CA")
    assert caught.value.problems == (Problem("currency", "unknown", {"typed": "XAU"}),)


# --- the value


def test_money_is_made_of_an_int() -> None:
    """Minor units are an int: not a bool, a float, a Decimal or a text."""
    for wrong in (True, 12.0, Decimal(12), "12", None):
        with pytest.raises(TypeError):
            Money(wrong, "CAD")  # type: ignore[arg-type]  # on purpose: callers may be untyped
    assert Money(-5, "CAD").minor_units == -5


def test_money_is_ordered_and_added_within_one_currency() -> None:
    """Two amounts in one currency compare and add as their minor units do."""
    small, large = Money(1, "CAD"), Money(2, "CAD")
    assert small < large and small <= large and large > small and large >= small and small <= Money(1, "CAD")
    assert not (large < small or large <= small or small > large or small >= large)
    assert small + large == Money(3, "CAD")
    assert small != Money(1, "USD")
    assert len({small, Money(1, "CAD")}) == 1


@pytest.mark.parametrize("verb", ["__add__", "__lt__", "__le__", "__gt__", "__ge__"])
def test_money_does_not_mix_with_another_currency_or_type(verb: str) -> None:
    """Another currency is a ValueError, another type a TypeError."""
    money = Money(1, "CAD")
    with pytest.raises(ValueError, match="CAD and USD"):
        getattr(money, verb)(Money(1, "USD"))
    with pytest.raises(TypeError):
        getattr(money, verb)(1)


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("1250.50", "CAD", 125050),
        ("1250", "CAD", 125000),
        ("-0.5", "CAD", -50),
        ("1.234", "TND", 1234),
        (1250, "JPY", 1250),
        (-3, "KWD", -3000),
        (Decimal("1250.5"), "CAD", 125050),
        (Decimal(0), "CAD", 0),
        ("9" * 4000, "JPY", int("9" * 4000)),
    ],
)
def test_a_program_makes_money_of_exact_values(amount: Decimal | int | str, currency: str, minor: int) -> None:
    """A Decimal, an int of major units and plain text are taken exactly."""
    assert Money.of(amount, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    "amount",
    ["", " 12", "12 ", "1e3", "1_000", "+5", "12,50", "1 250", ".5", "5.", "NaN", "12\n", "１２", "1.234", "9" * 2**20]
    + [Decimal(text) for text in ("NaN", "sNaN", "Infinity", "1E+2", "0E+2", "1E+400000", "1E-400000", "0.001")],
)
def test_a_program_cannot_make_money_of_inexact_values(amount: Decimal | str) -> None:
    """NaN, infinities, exponents, excess decimals and anything but plain text are a ValueError that repeats nothing."""
    with pytest.raises(ValueError, match=r"^this is not") as caught:
        Money.of(amount, "CAD")
    assert not isinstance(caught.value, InvalidInputError)


def test_a_program_cannot_make_money_of_floats_or_in_unknown_currencies() -> None:
    """A float or a bool is a TypeError, an unknown currency an InvalidInputError."""
    for wrong in (12.5, True, None):
        with pytest.raises(TypeError):
            Money.of(wrong, "CAD")  # type: ignore[arg-type]  # on purpose: callers may be untyped
    with pytest.raises(InvalidInputError):
        Money.of("12", "cad")


@given(st.integers(), st.sampled_from(sorted(DECIMALS)))
@example(10**50 + 1, "CAD")
def test_the_amount_is_exact_and_makes_the_same_money(minor: int, currency: str) -> None:
    """The amount in major units loses nothing, whatever its size."""
    money = Money(minor, currency)
    assert money.amount.as_tuple().exponent == -DECIMALS[currency]
    assert Money.of(money.amount, currency) == money


# --- writing


@pytest.mark.parametrize("locale", SUPPORTED)
def test_every_currency_is_written_as_babel_writes_it(locale: str) -> None:
    """In every language, each currency is code point for code point what Babel writes."""
    for currency in DECIMALS:
        for minor in (0, 5, -5, 100, 123456789, -100000):
            money = Money(minor, currency)
            assert money.format(locale) == babel_writes(money, locale)


@given(st.integers(), st.sampled_from(SUPPORTED), st.sampled_from(BROAD))
@example(10**60 + 7, "fr_CA", "CAD")
@example(-(10**4500), "fr_FR", "JPY")
def test_any_size_is_written_as_babel_writes_it(minor: int, locale: str, currency: str) -> None:
    """Zero, negative amounts and amounts of any size are what Babel writes."""
    money = Money(minor, currency)
    assert money.format(locale) == babel_writes(money, locale)


@given(st.integers(1, 10**14 - 1), st.sampled_from(SUPPORTED), st.sampled_from(sorted(DECIMALS)))
def test_what_is_written_is_read_back(minor: int, locale: str, currency: str) -> None:
    """Every payable amount survives being written and typed again, with its symbol and with plain spaces."""
    money = Money(min(minor, 10**12 * 10 ** DECIMALS[currency] - 1), currency)
    written = money.format(locale)
    assert Money.parse(written, currency=currency, locale=locale) == money
    plain = written.replace("\u00a0", " ").replace("\u202f", " ")
    assert Money.parse(plain, currency=currency, locale=locale) == money


def test_another_language_is_written_in_canadian_french() -> None:
    """A language that is not supported falls back, and the spelling of a locale does not matter."""
    money = Money(125050, "CAD")
    assert money.format("de") == money.format("fr-ca") == "1\u00a0250,50\u00a0$"


def test_babel_is_loaded_only_when_needed() -> None:
    """Importing money loads no Babel; plain amounts are read without it; writing loads it."""
    script = (
        "import sys; from indiopay.money import Money; import indiopay.due_date; "
        "money = Money.parse('1250,50', currency='CAD', locale='fr_CA'); assert 'babel' not in sys.modules; "
        "money.format('fr_CA'); assert 'babel' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
