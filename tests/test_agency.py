"""The brokerage that bills: checked when it is made, and the owner of its own calendar."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, strategies as st

from indiopay import Agency, InvalidInputError

RIGHT: dict[str, Any] = {"slug": "nord", "name": "Assurances du Nord", "email": "facturation@exemple.ca"}


def test_an_agency_is_in_quebec_unless_it_says_otherwise() -> None:
    """French of Canada, Canadian dollars, Toronto's calendar."""
    agency = Agency(**RIGHT)
    assert (agency.locale, agency.currency, agency.timezone) == ("fr_CA", "CAD", "America/Toronto")


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("slug", "", "format"),
        ("slug", "Nord", "format"),
        ("slug", "a" * 41, "format"),
        ("slug", "nord\n", "format"),
        ("slug", None, "format"),
        ("name", " ", "required"),
        ("name", "a\nb", "control"),
        ("email", "facturation", "format"),
        ("email", "é@exemple.ca", "non_ascii_local"),
        ("locale", None, "type"),
        ("locale", " ", "required"),
        ("currency", "cad", "unknown"),
        ("timezone", "America/Nowhere", "unknown"),
        ("timezone", "../../etc/passwd", "unknown"),
        ("timezone", "", "unknown"),
        ("timezone", None, "unknown"),
    ],
)
def test_a_field_that_cannot_be_used_is_told(field: str, value: object, code: str) -> None:
    """A wrong agency is refused when it is made, not when its first invoice fails."""
    with pytest.raises(InvalidInputError) as caught:
        Agency(**{**RIGHT, field: value})
    assert [(problem.field, problem.code) for problem in caught.value.problems] == [(field, code)]


def test_every_field_that_is_wrong_is_told_at_once() -> None:
    """One mistake does not hide another."""
    with pytest.raises(InvalidInputError) as caught:
        Agency("É", "", "x", "", "ZZZ", "Mars/Olympus")
    assert list(caught.value.by_field()) == ["slug", "name", "email", "locale", "currency", "timezone"]


def test_name_and_address_are_kept_as_they_were_read() -> None:
    """Trimmed, and the domain in lower case: what was checked is what letters carry."""
    agency = Agency("nord", " Assurances du Nord\n", " Facturation@EXEMPLE.ca ")
    assert (agency.name, agency.email) == ("Assurances du Nord", "Facturation@exemple.ca")


def test_the_repr_shows_no_address() -> None:
    """An agency may be logged."""
    assert "exemple.ca" not in repr(Agency(**RIGHT))


@pytest.mark.parametrize(
    ("zone", "at", "day"),
    [
        ("America/Toronto", datetime(2026, 3, 3, 4, 59, tzinfo=UTC), date(2026, 3, 2)),
        ("America/Toronto", datetime(2026, 3, 3, 5, 0, tzinfo=UTC), date(2026, 3, 3)),
        ("Pacific/Kiritimati", datetime(2026, 3, 2, 10, 0, tzinfo=UTC), date(2026, 3, 3)),
    ],
)
def test_a_day_begins_at_the_agencys_midnight(zone: str, at: datetime, day: date) -> None:
    """Not at Greenwich's, and not at the server's."""
    assert Agency(**RIGHT, timezone=zone).local_date(at) == day


@given(st.text(max_size=60))
def test_any_time_zone_is_known_or_one_problem(name: str) -> None:
    """Whatever ZoneInfo says of a key, the agency says one thing."""
    try:
        Agency(**RIGHT, timezone=name)
    except InvalidInputError as error:
        assert str(error) == "timezone: unknown"
