"""Typed amounts and dates, held to the reference readers: near misses of every shape, and text without any."""

from collections.abc import Callable
from datetime import date
from operator import itemgetter
from typing import Any

import pytest
from babel.numbers import NumberFormatError, parse_decimal
from hypothesis import Phase, example, given, settings, strategies as st

from indiopay import InvalidInputError, Money, parse_due_date
from indiopay.currencies import DECIMALS
from indiopay.languages import SUPPORTED, supported_locale

from . import reference_amount, reference_date
from .corpus_files import cases

AmountCase = tuple[str, str, str]
DateCase = tuple[str, str, date]
SETTINGS = settings(max_examples=1000, deadline=None, print_blob=True)

SPACES = "\u0020\u00a0\u202f\u2009"
SIGNS = "-+−()%_~*/:;'’ʼ`\"«»"
LOOK_ALIKES = "\u3000\u2003\t\n\u2028\u200b\u2060\ud800١３５²①．，٬‚·‐–＄￥ꓢОСЕеſKıİé\u0301\u0308\u0336\u20dd"
LONG_RUNS = ("9" * 50, " " * 60, "\u00a0" * 61)
LOCALES = st.sampled_from((*SUPPORTED, "fr-CA", "FR_ca", "EN-us"))

MARKS = reference_amount.MARKS
ANY_MARK = st.sampled_from(sorted(MARKS))
OWN_MARK = {code: st.sampled_from([mark for mark in sorted(MARKS) if code in MARKS[mark]]) for code in DECIMALS}
WHOLES = [
    separator.join(groups.split())
    for separator in ("", *SPACES, "'", "’", ",", ".")
    for groups in ("7", "0", "1 250", "12 340", "250 000", "1 000 000", "0 125", "999 999 999 999", "1 000 000 000 000")
]
FRACTIONS = ("", "", *(sign + digits for sign in ",." for digits in ("5", "50", "00", "125", "000", "1250")))
NUMBERS = st.sampled_from([whole + fraction for whole in WHOLES for fraction in FRACTIONS])
MARKINGS = st.sampled_from(
    (*["{n}"] * 5, *["{a}{s}{n}", "{n}{s}{a}"] * 2, "{a}{s}{n}{t}{b}", "{n}{s}{a}{t}{b}", "{a}{s}{b}{t}{n}")
)
GAPS = st.sampled_from(("", "", *SPACES, "  "))
CURRENCIES = st.sampled_from(("CAD", "USD", "EUR", "JPY", "KWD", "XOF") * 20 + tuple(DECIMALS))
AMOUNT_SCRAPS = st.sampled_from(
    (
        *("0123456789" * 2 + SPACES * 4 + ",." * 8 + SIGNS + LOOK_ALIKES + "aACDEeKr$€£¥₩¤"),
        *("e2", "E+400000", "NaN", "Infinity", "0x", "XAU", "ABC", "cad", "kr", ",000", ".000", " 000", "'000"),
        *("$", "CAD", "$ CA", "CA$", "C$", "US$", "€", "EUR", *MARKS, *LONG_RUNS),
    )
)

MONTH_NAMES = """janvier janv. jan. January Jan|février fevrier févr. fév. February Feb.|mars MARS mar. March Mar
    |avril avr. April Apr|mai May MAI|juin jun. June Jun|juillet juil. juill. July Jul.|août aout AOÛT August Aug
    |septembre sept. September Sep|octobre oct. October Oct|novembre nov. NOVEMBRE November|décembre déc. December"""
WEEKDAY_NAMES = """lundi mardi mercredi jeudi vendredi samedi dimanche
    Monday Tuesday Wednesday Thursday Friday Saturday Sunday"""
NUMERIC_SHAPES = """{y}-{m:02}-{d:02}|{y}-{m:02}-{any:02}|{y}/{m:02}/{d:02}|{d} {m} {y}
    |{d:02}/{m:02}/{y}|{m:02}/{d:02}/{y}|{d}.{m}.{y}|{m}-{d}-{y}|{any}/{m}/{y}|{m:02}-{any:02}-{y}"""
NAMED_SHAPES = """{d} {month} {y}|{d}{ending} {month} {y}|{d:02} {month} {y}|{any}{ending} {month} {y}|{month} {d}, {y}
    |{month} {d}{ending} {y}|le {d} {month} {y}|le {month} {any} {y}|{right} {d}{ending} {month} {y}
    |{weekday} {d} {month} {y}|{right}, {month} {d}{ending}, {y}|le {right} {d} {month} {y}
    |{right} le {d} {month} {y}"""
TERMS = """{n} jours|{n} jour|dans {n} jours|{n} jours fin de mois|{n} jours fin du mois|dans {n} jours fin de mois
    |{n} days|{n} day|in {n} days|{n} days end of month|{n} jours end of month|dans {n} days|net {n}|Net {n}
    |net {n} jours|fin de mois|fin du mois|end of month|aujourd’hui|aujourd'hui|today|demain|tomorrow"""
DATE_WORDS = """le la the of net dans in jour jours day days fin de du mois end month today demain aujourd’hui tomorrow
    lun. Mon er st nd rd th re T00:00 12:00 W10 01 02 12 13 27 29 30 31 2027 0000"""

MONTHS = [st.sampled_from(names.split()) for names in MONTH_NAMES.split("|")]
WEEKDAY = st.sampled_from(WEEKDAY_NAMES.split())
RIGHT_WEEKDAY = [st.sampled_from(WEEKDAY_NAMES.split()[weekday::7]) for weekday in range(7)]
ENDINGS = st.sampled_from(("", "er", "ER", "st", "nd", "rd", "th", "e", "re"))
ANY_DAY = st.integers(0, 32)
SHAPES = st.sampled_from(
    [shape.strip() for shape in f"{NUMERIC_SHAPES}|{NUMERIC_SHAPES}|{NAMED_SHAPES}|{TERMS}".split("|")]
)
DATE_SCRAPS = st.sampled_from(
    (
        *("0123456789" * 2 + SPACES * 4 + ",./-" * 5 + SIGNS + LOOK_ALIKES + "aeEilmnrst"),
        *f"{DATE_WORDS} {WEEKDAY_NAMES} {MONTH_NAMES}".replace("|", " ").split(),
        *LONG_RUNS,
    )
)
TODAYS = st.dates(date(2024, 1, 1), date(2028, 12, 31)) | st.sampled_from(
    (date(2028, 2, 29), date(2027, 1, 31), date(2026, 12, 31), date.min, date(9989, 6, 1), date(9999, 12, 1), date.max)
)
DISTANCES = st.sampled_from((-1, 0, 1, 30, 3651, 3652, 3653)) | st.integers(0, 400)
COUNTS = st.integers(0, 70) | st.sampled_from((3652, 3653, 9999, 10000, "007", "0030"))


def spoiled(text: str, slips: list[tuple[int, int, str]]) -> str:
    """The text after each slip: a scrap put in, a character left out, replaced, doubled or swapped with the next."""
    for kind, where, scrap in slips:
        at = where % (len(text) + 1)
        before, here, there, after = text[:at], text[at : at + 1], text[at + 1 : at + 2], text[at + 2 :]
        middle = (scrap + here + there, there, scrap + there, here * 2 + there, there + here)[kind]
        text = before + middle + after
    return text


def slips(scraps: st.SearchStrategy[str]) -> st.SearchStrategy[list[tuple[int, int, str]]]:
    """None, or a few."""
    return st.just([]) | st.lists(st.tuples(st.integers(0, 4), st.integers(0, 70), scraps), max_size=2)


def shapeless(scraps: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Scraps in any order, or any characters, lone surrogates too."""
    return st.lists(scraps, max_size=9).map("".join) | st.text() | st.text(st.characters(), max_size=70)


AMOUNT_SLIPS, DATE_SLIPS = slips(AMOUNT_SCRAPS), slips(DATE_SCRAPS)


@st.composite
def amounts(draw: st.DrawFn) -> AmountCase:
    """A text near one that is well formed, a currency that is often the text's own, and a locale."""
    currency, marking = draw(CURRENCIES), draw(MARKINGS)
    mark = OWN_MARK[currency] if draw(st.integers(0, 3)) else ANY_MARK
    parts = {"n": NUMBERS, "a": mark, "b": mark, "s": GAPS, "t": GAPS}
    written = marking.format(**{name: draw(part) for name, part in parts.items() if f"{{{name}}}" in marking})
    return spoiled(written, draw(AMOUNT_SLIPS)), currency, draw(LOCALES)


@st.composite
def dates(draw: st.DrawFn) -> DateCase:
    """A text near one that is well formed, a locale, and a day that is often not far from the one in the text."""
    today, shape = draw(TODAYS), draw(SHAPES)
    day = date.fromordinal(max(1, min(today.toordinal() + draw(DISTANCES), date.max.toordinal())))
    parts = {
        "any": ANY_DAY,
        "month": MONTHS[day.month - 1],
        "ending": ENDINGS,
        "right": RIGHT_WEEKDAY[day.weekday()],
        "weekday": WEEKDAY,
        "n": COUNTS,
    }
    found = {name: draw(part) for name, part in parts.items() if f"{{{name}" in shape}
    written = shape.format(y=f"{day.year:04}", m=day.month, d=day.day, **found)
    return spoiled(written, draw(DATE_SLIPS)), draw(LOCALES), today


AMOUNTS = st.one_of(*[amounts()] * 4, st.tuples(shapeless(AMOUNT_SCRAPS), CURRENCIES, LOCALES))
DATES = st.one_of(*[dates()] * 4, st.tuples(shapeless(DATE_SCRAPS), LOCALES, TODAYS))


def outcome(read: Callable[[], object], field: str) -> object:
    """What was read, or the code and the readings of the one problem of that field."""
    try:
        return read()
    except InvalidInputError as refused:
        (problem,) = refused.problems
    readings = problem.params.get("readings", ())
    assert problem.field == field
    assert isinstance(readings, tuple) and len(set(readings)) == len(readings)
    return problem.code, frozenset(readings)


def check_amount(read: Callable[..., Money], case: AmountCase) -> None:
    """Fails unless `read` gives what the reference gives."""
    text, currency, locale = case
    wanted = reference_amount.expected(text, currency, locale)
    assert outcome(lambda: read(text, currency=currency, locale=locale), "amount") == (
        Money(wanted, currency)
        if isinstance(wanted, int)
        else (wanted[0], frozenset(Money(units, currency) for units in wanted[1]))
    )


def check_date(read: Callable[..., date], case: DateCase) -> None:
    """Fails unless `read` gives what the reference gives."""
    text, locale, today = case
    wanted = reference_date.expected(text, locale, today)
    assert outcome(lambda: read(text, locale=locale, today=today), "due_date") == wanted


@pytest.mark.parametrize("case", cases("amounts"), ids=itemgetter("id"))
def test_the_reference_reads_every_amount_of_the_corpus(case: dict[str, Any]) -> None:
    """The reference is itself held to what people typed."""
    read = reference_amount.expected(case["input"], case["currency"], case["locale"])
    assert ({"minor_units": read} if isinstance(read, int) else {"problem": read[0]}) == case["expect"]


@pytest.mark.parametrize("case", cases("due_dates"), ids=itemgetter("id"))
def test_the_reference_reads_every_date_of_the_corpus(case: dict[str, Any]) -> None:
    """The reference is itself held to what people typed, and to the days that a form would offer."""
    read = reference_date.expected(case["input"], case["locale"], date.fromisoformat(case["today"]))
    if isinstance(read, date):
        assert {"date": read.isoformat()} == case["expect"]
    else:
        days = {"readings": sorted(day.isoformat() for day in read[1])} if read[1] else {}
        assert {"problem": read[0], **days} == case["expect"]


@pytest.mark.no_cover
@SETTINGS
@example(("5 C g.", "XCG", "fr_CA"))
@example(("1,234 €", "CAD", "fr_CA"))
@given(AMOUNTS)
def test_an_amount_is_read_as_the_reference_reads_it(case: AmountCase) -> None:
    """The same value, or one problem with the same code and the same readings; no other exception."""
    check_amount(Money.parse, case)


@pytest.mark.no_cover
@SETTINGS
@example(("demain", "fr_CA", date.max))
@example(("net #", "fr_CA", date(2026, 11, 23)))
@example(("# jours fin de mois", "fr_CA", date(2026, 11, 23)))
@example(("0th mars 2027", "fr_CA", date(2026, 11, 23)))
@given(DATES)
def test_a_due_date_is_read_as_the_reference_reads_it(case: DateCase) -> None:
    """The same day, or one problem with the same code and the same readings; no other exception."""
    check_date(parse_due_date, case)


def babel_amount(text: str, *, currency: str, locale: str) -> Money:
    """A wrong reader: what it cannot read it takes as Babel takes it."""
    try:
        return Money.parse(text, currency=currency, locale=locale)
    except InvalidInputError as refused:
        try:
            value = parse_decimal(text, supported_locale(locale))
        except NumberFormatError:
            raise refused from None
        if not value.is_finite() or value.adjusted() > 12:
            raise
        return Money(int(value.scaleb(DECIMALS[currency])), currency)


def guessed_amount(text: str, *, currency: str, locale: str) -> Money:
    """A wrong reader: where there are several readings, or one that is not sure, it takes the first."""
    try:
        return Money.parse(text, currency=currency, locale=locale)
    except InvalidInputError as refused:
        readings = refused.problems[0].params.get("readings", ())
        if not isinstance(readings, tuple) or not readings:
            raise
        return Money(readings[0].minor_units, currency)


def swapped_date(text: str, *, locale: str, today: date) -> date:
    """A wrong reader: where day and month do not fit, it swaps them."""
    try:
        return parse_due_date(text, locale=locale, today=today)
    except InvalidInputError:
        return parse_due_date(text, locale="en_GB" if locale == "en_US" else "en_US", today=today)


@pytest.mark.parametrize(
    ("check", "wrong", "generated"),
    [
        (check_amount, babel_amount, AMOUNTS),
        (check_amount, guessed_amount, AMOUNTS),
        (check_date, swapped_date, DATES),
    ],
)
def test_a_wrong_reader_is_caught(
    check: Callable[[Any, Any], None], wrong: Callable[..., Any], generated: st.SearchStrategy[Any]
) -> None:
    """The same check over the same texts fails for a reader that guesses."""

    @settings(SETTINGS, database=None, phases=[Phase.generate], print_blob=False)
    @given(generated)
    def differential(case: Any) -> None:
        check(wrong, case)

    with pytest.raises(AssertionError):
        differential()
