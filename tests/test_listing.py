"""Lists: what they are filtered by, their pages and cursors, and the totals."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from string import ascii_letters, digits
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

import pytest
from attrs import evolve
from hypothesis import given, strategies as st

from indiopay import Agency, Client, CursorError, InvalidInputError, Invoice, InvoiceType, Money, Status
from indiopay.invoice import invoice_number
from indiopay.listing import (
    InvoiceFilter,
    Page,
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


small_filters = st.builds(
    InvoiceFilter,
    st.none() | st.sampled_from(Status),
    st.none() | st.booleans(),
    order=st.sampled_from(["newest", "due"]),
)
due_soon = st.lists(st.tuples(st.integers(-2, 2), st.sampled_from(Status)), max_size=12)


@given(small_filters, due_soon, st.lists(due_soon, max_size=12), st.integers(1, 4))
def test_pages_show_each_invoice_once_while_others_are_added(
    which: InvoiceFilter, first: list[tuple[int, Status]], later: list[list[tuple[int, Status]]], limit: int
) -> None:
    """Those that were there are all shown, in order, whatever comes between two pages."""
    kept = [invoice(number, TODAY + timedelta(days), status=status) for number, (days, status) in enumerate(first, 1)]
    there = [one for one in kept if which.admits(one, today=TODAY)]
    shown: list[Invoice] = []
    page = _page(kept, which, None, limit)
    for added in [*later, *[[]] * 99]:
        shown += page.items
        if page.next is None:
            break
        start = len(kept) + 1
        kept += [invoice(n, TODAY + timedelta(days), status=status) for n, (days, status) in enumerate(added, start)]
        page = _page(kept, which, read_cursor(page.next, "nord", which), limit)
    assert page.next is None
    ranks = [which.rank(position_of(one)) for one in shown]
    assert ranks == sorted(set(ranks))
    assert [one for one in there if one not in shown] == []


def _page(kept: list[Invoice], which: InvoiceFilter, after: Position | None, limit: int) -> Page[Invoice]:
    """What a store finds, one more than the page shows."""
    admitted = [one for one in kept if which.admits(one, today=TODAY)]
    behind = [one for one in admitted if after is None or which.rank(position_of(one)) > which.rank(after)]
    found = sorted(behind, key=lambda one: which.rank(position_of(one)))[: limit + 1]
    return page_of(found, agency="nord", which=which, limit=limit)


HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def clock_changes(zone: ZoneInfo) -> Iterator[datetime]:
    """When a zone's clocks were changed, and will be, from 2012 to 2030; no two changes lie within five days."""
    times = [datetime(2012, 1, 1, tzinfo=UTC) + 5 * DAY * step for step in range(1388)]
    offsets = [at.astimezone(zone).utcoffset() for at in times]
    for at, before, after in zip(times, offsets, offsets[1:], strict=False):
        if before != after:
            yield _change_between(zone, at, at + 5 * DAY)


def _change_between(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """To the minute."""
    while after - before > timedelta(minutes=1):
        middle = before + (after - before) / 2
        middle = middle.replace(second=0, microsecond=0)
        same = middle.astimezone(zone).utcoffset() == before.astimezone(zone).utcoffset()
        before, after = (middle, after) if same else (before, middle)
    return after


def turns_at_midnight(local_date: Callable[[Agency, datetime], date]) -> int:
    """Try the days around every change of every zone's clocks; how many moments."""
    tried = 0
    for name in sorted(available_timezones()):
        agency, zone = Agency("nord", "Assurances du Nord", "facturation@exemple.ca", timezone=name), ZoneInfo(name)
        for change in clock_changes(zone):
            for due in (change.astimezone(zone).date() + days * DAY for days in (-1, 0, 1)):
                midnight = datetime.combine(due + DAY, time(), zone).astimezone(UTC)
                one = invoice(due=due)
                for moment in (midnight, change, change + HOUR, change - HOUR):
                    for at in (moment, moment - datetime.resolution):
                        assert one.is_overdue(local_date(agency, at)) is (at >= midnight), (name, due, at)
                        tried += 1
    return tried


@pytest.mark.no_cover
def test_an_invoice_is_overdue_from_the_agencys_midnight_on_in_every_zone() -> None:
    """On the days around every change of a clock: not a microsecond before, and never back again."""
    assert turns_at_midnight(Agency.local_date) > 100_000


def test_a_calendar_without_summer_time_is_caught() -> None:
    """It comes an hour late to midnight, or an hour early."""

    def in_winter_time(agency: Agency, at: datetime) -> date:
        offset = ZoneInfo(agency.timezone).utcoffset(datetime(at.year, 1, 1))  # noqa: DTZ001  # a local time
        return (at + (offset or timedelta())).date()

    with pytest.raises(AssertionError):
        turns_at_midnight(in_winter_time)


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
