"""Due dates: what is typed is read exactly or refused, and what is written is what CLDR writes, and is read back."""

from datetime import UTC, date, datetime, timedelta
from operator import itemgetter
from typing import Any

import pytest
from babel import Locale
from hypothesis import given, strategies as st

from indiopay import InvalidInputError, Problem, describe, format_date, parse_due_date
from indiopay.due_date import Style, due_date_of, latest_due_date
from indiopay.languages import SUPPORTED

from .corpus_files import cases

TODAY = date(2026, 11, 24)
STYLES: tuple[Style, ...] = ("short", "medium", "long", "full")

TWELVE_YEARS = [date(2026, 1, 1) + timedelta(days=day) for day in range(4_383)]  # a date meets every weekday


def problem_of(value: object, *, locale: str = "fr_CA", today: date = TODAY) -> Problem:
    with pytest.raises(InvalidInputError) as caught:
        due_date_of(value, locale=locale, today=today)
    (problem,) = caught.value.problems
    assert problem.field == "due_date"
    return problem


@pytest.mark.parametrize("case", cases("due_dates"), ids=itemgetter("id"))
def test_a_typed_date_has_one_reading_or_is_refused(case: dict[str, Any]) -> None:
    """Every date of the corpus is read to the day, or refused with its code and its readings."""
    today, wanted = date.fromisoformat(case["today"]), case["expect"]
    if "date" in wanted:
        assert parse_due_date(case["input"], locale=case["locale"], today=today).isoformat() == wanted["date"]
        return
    problem = problem_of(case["input"], locale=case["locale"], today=today)
    assert problem.code == wanted["problem"]
    if "readings" in wanted:
        readings = problem.params["readings"]
        assert isinstance(readings, tuple)
        assert {day.isoformat() for day in readings} == set(wanted["readings"])


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("mercredi 25 novembre 2026", "2026-11-25"),
        ("Wed 25 November 2026", None),
        ("le mercredi 25 nov. 2026", "2026-11-25"),
        ("2nd March 2027", "2027-03-02"),
        ("March 3rd, 2027", "2027-03-03"),
        ("11th March 2027", "2027-03-11"),
        ("11st March 2027", None),
        ("02nd March 2027", None),
        ("2er mars 2027", None),
        ("1er march 2027", "2027-03-01"),
        ("25 brumaire 2027", None),
        ("9999 jours fin de mois", None),
        ("30 jours fin de mois", "2026-12-31"),
        ("demain", "2026-11-25"),
        ("x" * 65, None),
        ("aujourd'hui", "2026-11-24"),
        ("net 0", "2026-11-24"),
    ],
)
def test_the_rules_beyond_the_corpus(typed: str, wanted: str | None) -> None:
    """Weekdays, ordinals and terms are read by their rules, and by nothing looser."""
    if wanted is None:
        assert problem_of(typed).code in ("format", "out_of_range")
    else:
        assert parse_due_date(typed, locale="fr_CA", today=TODAY).isoformat() == wanted


def test_a_wrong_weekday_is_told_with_the_right_one() -> None:
    """The date is right, its weekday is not: the problem holds the day, for each reader's language to name."""
    problem = problem_of("lundi 25 novembre 2026")
    assert (problem.code, problem.params["day"]) == ("invalid", date(2026, 11, 25))
    assert "mercredi 25 novembre 2026" in describe(problem, "fr_CA")
    assert "Wednesday, November 25, 2026" in describe(problem, "en")


@pytest.mark.parametrize("typed", ["lundi 3 mars 2020", "lundi 3 mars 2099"])
def test_a_wrong_weekday_beyond_the_limits_is_told_without_a_day_that_would_be_refused_too(typed: str) -> None:
    """No sentence tells people to type what is not accepted."""
    problem = problem_of(typed)
    assert (problem.code, "day" in problem.params) == ("invalid", False)


def test_a_doubtful_date_whose_readings_have_all_passed_is_past() -> None:
    """Readings that the field could not hold are not offered."""
    assert problem_of("01/02/2026").code == "past"
    both = problem_of("11/12/2026")
    assert (both.code, both.params["readings"]) == ("ambiguous", (date(2026, 12, 11),))


def test_today_is_allowed_and_ten_years_are_the_limit() -> None:
    """A date from today to the same day in ten years; the problem says the limit."""
    leap = date(2028, 2, 29)
    assert due_date_of(leap, locale="en", today=leap) == leap
    assert due_date_of(date(2038, 2, 28), locale="en", today=leap) == date(2038, 2, 28)
    beyond, before = problem_of(date(2038, 3, 1), today=leap), problem_of(date(2028, 2, 28), today=leap)
    assert (beyond.code, beyond.params["limit"]) == ("out_of_range", date(2038, 2, 28))
    assert (before.code, before.params["limit"]) == ("past", leap)


def test_at_the_end_of_the_calendar_its_last_day_is_the_limit() -> None:
    """No date that there is lies ten years ahead."""
    assert latest_due_date(date(9995, 3, 1)) == date.max
    assert parse_due_date("demain", locale="fr", today=date(9999, 12, 1)) == date(9999, 12, 2)


@pytest.mark.parametrize(
    ("value", "code"),
    [(None, "required"), (datetime(2027, 1, 1, tzinfo=UTC), "type"), (20270101, "type"), ("", "required")],
)
def test_a_field_without_a_civil_date_is_refused(value: object, code: str) -> None:
    """A datetime is no date here, and nothing is no date."""
    assert problem_of(value).code == code


def test_what_is_no_text_cannot_be_parsed() -> None:
    """`parse_due_date` takes text."""
    with pytest.raises(InvalidInputError, match="due_date: type"):
        parse_due_date(date(2027, 1, 1), locale="en", today=TODAY)  # type: ignore[arg-type]  # on purpose


@pytest.mark.parametrize("typed", ["# jours", "net #", "dans # jours"])
def test_a_sign_in_the_place_of_a_number_is_refused(typed: str) -> None:
    """It stands for one nowhere but in the code."""
    assert problem_of(typed).code == "format"


@pytest.mark.parametrize("typed", ["lundi 31 février 2027", "31 février 2027"])
def test_a_day_that_is_in_no_calendar_is_refused(typed: str) -> None:
    """With its weekday or without."""
    assert problem_of(typed).code == "invalid"


def test_a_term_that_ends_after_the_last_day_of_all_is_refused() -> None:
    """The calendar ends with the year 9999."""
    assert problem_of("30 jours", today=date(9999, 12, 15)).code == "out_of_range"


@pytest.mark.no_cover
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("locale", SUPPORTED)
def test_every_day_of_twelve_years_is_written_and_read_back(locale: str, style: Style) -> None:
    """Typed on that very day, in every language and style."""
    for day in TWELVE_YEARS:
        assert parse_due_date(format_date(day, locale, style=style), locale=locale, today=day) == day


@pytest.mark.no_cover
@pytest.mark.parametrize("style", ["medium", "long", "full"])
@pytest.mark.parametrize("locale", SUPPORTED)
def test_every_day_of_twelve_years_is_written_as_babel_writes_it(locale: str, style: Style) -> None:
    """Code point for code point, but for « 1er », which Babel does not know."""
    pattern = Locale.parse(locale).date_formats[style]
    for day in TWELVE_YEARS:
        wanted = pattern.apply(day, locale)
        if day.day == 1 and locale.startswith("fr"):
            wanted = wanted.replace("1 ", "1er ", 1)
        assert format_date(day, locale, style=style) == wanted


def test_another_style_is_refused() -> None:
    """By its type checker, and when it runs."""
    with pytest.raises(ValueError, match="style must be one of"):
        format_date(TODAY, "fr_CA", style="tiny")  # type: ignore[arg-type]  # on purpose


@pytest.mark.parametrize(
    ("locale", "written"),
    [
        ("fr_CA", "2027-03-01"),
        ("en", "2027-03-01"),
        ("fr_FR", "01/03/2027"),
        ("fr_CH", "01.03.2027"),
        ("en_GB", "01/03/2027"),
        ("en_US", "03/01/2027"),
    ],
)
def test_the_short_style_has_two_digits_for_day_and_month(locale: str, written: str) -> None:
    """The locale's order and separator; ISO where both orders are in use."""
    assert format_date(date(2027, 3, 1), locale, style="short") == written


@given(st.text(max_size=70), st.sampled_from(SUPPORTED))
def test_any_text_is_a_date_within_the_limits_or_one_problem(typed: str, locale: str) -> None:
    """Nothing but an InvalidInputError comes out, and no date that an invoice cannot have."""
    try:
        day = parse_due_date(typed, locale=locale, today=TODAY)
    except InvalidInputError as error:
        assert [problem.field for problem in error.problems] == ["due_date"]
    else:
        assert TODAY <= day <= TODAY.replace(year=2036)


@given(st.integers(0, 3650))
def test_a_term_counts_days_from_today(count: int) -> None:
    """« 30 jours » is thirty days from the agency's date, in either language."""
    wanted = TODAY + timedelta(days=count)
    for typed in (f"{count} jours", f"in {count} days", f"net {count}"):
        assert parse_due_date(typed, locale="en_US", today=TODAY) == wanted
