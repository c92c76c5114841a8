"""A list of invoices: what it is filtered by, its pages and cursors, and the totals."""

import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from hashlib import sha256
from typing import Generic, Literal, NamedTuple, TypeVar

from attrs import astuple, field, frozen

from indiopay.errors import CursorError, InvalidInputError
from indiopay.invoice import Invoice, ordinal_of
from indiopay.money import Money
from indiopay.problems import Problem
from indiopay.status import Status
from indiopay.text import fold

T = TypeVar("T")
Order = Literal["newest", "due"]

MAX_LIMIT = 200
MAX_TEXT = 200
_CURSOR = struct.Struct(">8sIQ")


@frozen
class Page(Generic[T]):
    """One page of a list. `next` is an opaque cursor for `after`, None on the last page."""

    items: tuple[T, ...]
    next: str | None


@frozen
class Totals:
    """Sums per currency, and how many invoices stand in each status. Overdue ones are counted as open too."""

    open: Mapping[str, Money]
    overdue: Mapping[str, Money]
    paid: Mapping[str, Money]
    counts: Mapping[Status, int]


def add_up(groups: Iterable[tuple[Status, bool, str, int, int]]) -> Totals:
    """Totals out of groups of (status, overdue, currency, minor units, count), each of which stands once."""
    units: dict[str, Counter[str]] = {"open": Counter(), "overdue": Counter(), "paid": Counter()}
    counts = dict.fromkeys(Status, 0)
    for status, overdue, currency, minor_units, count in groups:
        counts[status] += count
        for name in (status.value, "overdue" if overdue else ""):
            if name in units:
                units[name][currency] += minor_units
    return Totals(**{name: _money(sums) for name, sums in units.items()}, counts=counts)


def _money(sums: Mapping[str, int]) -> dict[str, Money]:
    return {currency: Money(sums[currency], currency) for currency in sorted(sums)}


class Position(NamedTuple):
    """Where a page ended: the due date of its last invoice, and the integer behind its number."""

    due_date: date
    ordinal: int


def position_of(invoice: Invoice) -> Position:
    """The place of an invoice in a list."""
    return Position(invoice.due_date, ordinal_of(invoice.number))


@frozen
class InvoiceFilter:
    """Which invoices, in which order: the newest first, or by rising due date and number.

    `words` are folded (see `indiopay.text.fold`), and each occurs somewhere in number, name, address or description.
    `overdue` True asks for the overdue ones, False for all others.
    """

    status: Status | None = None
    overdue: bool | None = None
    words: tuple[str, ...] = field(default=(), repr=False)
    due_from: date | None = None
    due_until: date | None = None
    order: Order = "newest"

    def admits(self, invoice: Invoice, *, today: date) -> bool:
        """Whether the invoice is on this list."""
        return (
            (self.status is None or invoice.status is self.status)
            and (self.overdue is None or invoice.is_overdue(today) is self.overdue)
            and (self.due_from is None or invoice.due_date >= self.due_from)
            and (self.due_until is None or invoice.due_date <= self.due_until)
            and self._found_in(invoice)
        )

    def rank(self, at: Position) -> tuple[int, int]:
        """Where that position stands in this order; a page goes by rising rank."""
        return (0, -at.ordinal) if self.order == "newest" else (at.due_date.toordinal(), at.ordinal)

    def _found_in(self, invoice: Invoice) -> bool:
        if not self.words:
            return True
        text = searched_text(invoice)
        return all(word in text for word in self.words)


def read_filter(
    *,
    status: Status | None,
    overdue: bool | None,
    text: str | None,
    due_from: date | None,
    due_until: date | None,
    order: Order,
) -> InvoiceFilter:
    """The filter that a caller asks for; InvalidInputError names every part that is not of its type."""
    typed: tuple[tuple[str, object, type], ...] = (
        ("status", status, Status),
        ("overdue", overdue, bool),
        ("text", text, str),
        ("due_from", due_from, date),
        ("due_until", due_until, date),
    )
    problems = [Problem(name, "type") for name, value, wanted in typed if not _is(value, wanted)]
    if isinstance(text, str) and len(text) > MAX_TEXT:
        problems.append(Problem("text", "too_long", {"length": len(text), "limit": MAX_TEXT}))
    if order not in ("newest", "due"):
        problems.append(Problem("order", "unknown", {"typed": str(order)[:MAX_TEXT]}))
    if problems:
        raise InvalidInputError(tuple(problems))
    words = fold(text or "").replace("\0", "").split()  # no invoice holds a NUL, and not every database takes one
    return InvoiceFilter(status, overdue, tuple(words), due_from, due_until, order)


def _is(value: object, wanted: type) -> bool:
    return value is None or (isinstance(value, wanted) and not isinstance(value, datetime))


def read_limit(limit: int) -> int:
    """How many invoices a page may hold: 1 to 200, else InvalidInputError (a ValueError)."""
    if isinstance(limit, int) and not isinstance(limit, bool) and 1 <= limit <= MAX_LIMIT:
        return limit
    raise InvalidInputError((Problem("limit", "out_of_range", {"limit": MAX_LIMIT}),))


def search_text(name: str, email: str, description: str) -> str:
    """What is searched besides the number; folded when written, so that every store finds the same."""
    return fold(f"{name}\n{email}\n{description}")


def searched_text(invoice: Invoice) -> str:
    """What a store keeps to find an invoice by: its number on a line of its own, then the rest."""
    return f"{fold(invoice.number)}\n{search_text(invoice.client.name, invoice.client.email, invoice.description)}"


def page_of(found: Sequence[Invoice], *, agency: str, which: InvoiceFilter, limit: int) -> Page[Invoice]:
    """The page of `limit` invoices out of `found`, of which a store gave one more than that if there are more."""
    items = tuple(found[:limit])
    return Page(items, write_cursor(items[-1], agency, which) if len(found) > limit else None)


def write_cursor(last: Invoice, agency: str, which: InvoiceFilter) -> str:
    """The cursor for the page after `last`: its position, under a digest of the agency and the filter."""
    return _spelled(_digest(agency, which), position_of(last))


def read_cursor(cursor: str, agency: str, which: InvoiceFilter) -> Position:
    """Where the page before ended; CursorError for anything that `write_cursor` did not write for this very list."""
    try:
        _, day, ordinal = _CURSOR.unpack(urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)))
        position = Position(date.fromordinal(day), ordinal)
    except (AttributeError, TypeError, ValueError, OverflowError, struct.error) as error:
        raise CursorError("this cursor is malformed: begin again without one") from error
    if cursor != _spelled(_digest(agency, which), position) or ordinal >> 63:  # base64 reads many spellings
        raise CursorError("this cursor belongs to a list with other filters: begin again without one")
    return position


def _spelled(digest: bytes, at: Position) -> str:
    return urlsafe_b64encode(_CURSOR.pack(digest, at.due_date.toordinal(), at.ordinal)).decode().rstrip("=")


def _digest(agency: str, which: InvoiceFilter) -> bytes:
    return sha256(repr((agency, astuple(which, recurse=False))).encode("utf-8", "backslashreplace")).digest()[:8]
