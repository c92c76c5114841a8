"""Lists: what they are filtered by, their pages and cursors, and the totals."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, date, datetime
from string import ascii_letters, digits
from typing import Any
from uuid import UUID

import pytest
from attrs import evolve
from hypothesis import given, strategies as st

from indiopay import Client, CursorError, InvalidInputError, Invoice, InvoiceType, Money, Status
from indiopay.invoice import invoice_number
from indiopay.listing import (
    InvoiceFilter,
    Position,
    add_up,
    page_of,
    position_of,
    read_cursor,
    read_filter,
    read_limit,
    search_text,
    write_cursor,
)

TODAY = date(2026, 3, 2)
NO_FILTER: dict[str, Any] = {
    "status": None, "overdue": None, "text": None, "due_from": None, "due_until": None, "order": "newest"
}  # fmt: skip

filters = st.builds(
    InvoiceFilter,
    st.none() | st.sampled_from(Status),
    st.none() | st.booleans(),
    st.lists(st.text(), max_size=2).map(tuple),
    st.none() | st.dates(),
    st.none() | st.dates(),
    st.sampled_from(["newest", "due"]),
)


def invoice(number: int = 1, due: date = TODAY, **changes: Any) -> Invoice:
    made = Invoice(
        UUID(int=number),
        invoice_number(number),
        InvoiceType.ONE_TIME,
        "nord",
        Client("Zoé Tremblay", "zoe@exemple.ca"),
        Money(100, "CAD"),
        due,
        "Prime de l’été",
        (),
        "fr_CA",
        Status.OPEN,
        datetime(2026, 3, 2, tzinfo=UTC),
    )
    return evolve(made, **changes)


@given(st.integers(1, 2**63 - 1), st.dates(), filters)
def test_a_cursor_gives_back_the_position_it_was_written_for(number: int, due: date, which: InvoiceFilter) -> None:
    """Under the same agency and filter, and under no other."""
    last = invoice(number, due)
    cursor = write_cursor(last, "nord", which)
    assert read_cursor(cursor, "nord", which) == position_of(last) == Position(due, number)
    with pytest.raises(CursorError):
        read_cursor(cursor, "sud", which)
    with pytest.raises(CursorError):
        read_cursor(cursor, "nord", evolve(which, words=(*which.words, "x")))


@pytest.mark.parametrize("cursor", ["", "x", "é", None, 7, b"AAAA", "A" * 27, "A" * 28, "A" * 10**6, "-_" * 13 + "A"])
def test_a_malformed_cursor_is_one_error(cursor: object) -> None:
    """Whatever its type and length."""
    with pytest.raises(CursorError, match="begin again"):
        read_cursor(cursor, "nord", InvoiceFilter())  # type: ignore[arg-type]  # on purpose: callers may be untyped


@given(st.text() | st.text("ABCXYZabcxyz0189-_=*", min_size=26, max_size=32))
def test_a_text_that_is_no_cursor_is_refused(text: str) -> None:
    """Whatever it looks like."""
    with pytest.raises(CursorError):
        read_cursor(text, "nord", InvoiceFilter())


def test_a_cursor_has_one_spelling() -> None:
    """Signs that base64 would pass over, its padding and its spare bits make another text, and no cursor."""
    cursor = write_cursor(invoice(), "nord", InvoiceFilter())
    added = {
        cursor[:place] + signs + cursor[place:] for place in range(28) for signs in ("****", "====", "\n" * 4, "=")
    }
    ends = {cursor[:-1] + last for last in ascii_letters + digits + "-_"} - {cursor}
    spellings = {other for other in ends if urlsafe_b64decode(f"{other}=") == urlsafe_b64decode(f"{cursor}=")}
    assert len(spellings) == 3
    for other in added | spellings:
        with pytest.raises(CursorError):
            read_cursor(other, "nord", InvoiceFilter())


def test_a_cursor_for_a_number_that_no_store_holds_is_refused() -> None:
    """Right in every other way, it would not fit a store's integer."""
    which = InvoiceFilter()
    raw = urlsafe_b64decode(write_cursor(invoice(), "nord", which) + "=")
    beyond = urlsafe_b64encode(raw[:12] + b"\xff" * 8).decode().rstrip("=")
    with pytest.raises(CursorError):
        read_cursor(beyond, "nord", which)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"status": "open"}, "status: type"),
        ({"overdue": 1}, "overdue: type"),
        ({"text": 7}, "text: type"),
        ({"text": "x" * 201}, "text: too_long"),
        ({"due_from": "2026-03-02"}, "due_from: type"),
        ({"due_until": datetime(2026, 3, 2, tzinfo=UTC)}, "due_until: type"),
        ({"order": "oldest"}, "order: unknown"),
    ],
)
def test_a_filter_of_the_wrong_kind_is_told(change: dict[str, Any], code: str) -> None:
    """Each part by its name."""
    with pytest.raises(InvalidInputError) as caught:
        read_filter(**{**NO_FILTER, **change})
    assert str(caught.value) == code


def test_a_filter_is_folded_as_the_text_that_it_is_looked_for_in() -> None:
    """« ZOÉ  été » is two words, without case and accents."""
    assert read_filter(**{**NO_FILTER, "text": " ZOÉ  Été "}).words == ("zoe", "ete")
    assert search_text("Zoé", "Z@exemple.ca", "L’été") == "zoe\nz@exemple.ca\nl'ete"


@pytest.mark.parametrize(
    ("which", "admitted"),
    [
        (InvoiceFilter(), True),
        (InvoiceFilter(status=Status.PAID), False),
        (InvoiceFilter(overdue=True), False),
        (InvoiceFilter(overdue=False), True),
        (InvoiceFilter(due_from=date(2026, 3, 3)), False),
        (InvoiceFilter(due_until=date(2026, 3, 1)), False),
        (InvoiceFilter(due_from=TODAY, due_until=TODAY), True),
        (InvoiceFilter(words=("f-000001", "trem")), True),
        (InvoiceFilter(words=("trem", "luc")), False),
    ],
)
def test_a_filter_admits_what_meets_all_of_it(which: InvoiceFilter, admitted: bool) -> None:
    """Bounds are included; every word must occur somewhere; due today is not overdue."""
    assert which.admits(invoice(), today=TODAY) is admitted


@pytest.mark.parametrize("limit", [0, 201, -1, True, "5", None, 1.0])
def test_a_page_holds_1_to_200(limit: object) -> None:
    """Anything else is refused; the error is a ValueError too."""
    with pytest.raises(ValueError, match="limit: out_of_range"):
        read_limit(limit)  # type: ignore[arg-type]  # on purpose: callers may be untyped


def test_a_page_has_a_cursor_only_if_more_follow() -> None:
    """A store is asked for one more than the page shows."""
    three = [invoice(number) for number in (3, 2, 1)]
    full = page_of(three, agency="nord", which=InvoiceFilter(), limit=2)
    assert (full.items, full.next) == (tuple(three[:2]), write_cursor(three[1], "nord", InvoiceFilter()))
    assert page_of(three, agency="nord", which=InvoiceFilter(), limit=3).next is None


def test_totals_add_up_by_currency_and_count_every_status() -> None:
    """Overdue is a part of open; cancelled is counted and sums to nothing; a currency that nobody used is absent."""
    totals = add_up(
        [
            (Status.OPEN, False, "CAD", 100, 1),
            (Status.OPEN, True, "CAD", 50, 2),
            (Status.PAID, False, "EUR", 7, 1),
            (Status.CANCELLED, False, "CAD", 999, 1),
        ]
    )
    assert totals.open == {"CAD": Money(150, "CAD")}
    assert totals.overdue == {"CAD": Money(50, "CAD")}
    assert totals.paid == {"EUR": Money(7, "EUR")}
    assert totals.counts == {Status.OPEN: 3, Status.PAID: 1, Status.CANCELLED: 1}
