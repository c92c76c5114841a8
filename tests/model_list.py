"""The model's lists and totals: a recount of every invoice, without an index."""

import unicodedata
from collections.abc import Iterable
from datetime import date
from typing import Any

from indiopay import Invoice, Money, Status, Totals

Query = dict[str, Any]


def listed(invoices: Iterable[Invoice], query: Query, today: date, after: Invoice | None) -> list[Invoice]:
    """The invoices of a list, in its order, behind the one where the page before ended."""
    place = _by_due_date if query.get("order") == "due" else _newest_first
    found = (one for one in invoices if _is_on(query, one, today))
    return sorted((one for one in found if after is None or place(one) > place(after)), key=place)


def totals(invoices: list[Invoice], today: date) -> Totals:
    by_status = {status: [one for one in invoices if one.status is status] for status in Status}
    overdue = [one for one in invoices if _is_overdue(one, today)]
    counts = {status: len(those) for status, those in by_status.items()}
    return Totals(_sums(by_status[Status.OPEN]), _sums(overdue), _sums(by_status[Status.PAID]), counts)


def _newest_first(invoice: Invoice) -> tuple[int, ...]:
    return (-int(invoice.number[2:]),)


def _by_due_date(invoice: Invoice) -> tuple[int, ...]:
    return invoice.due_date.toordinal(), int(invoice.number[2:])


def _is_overdue(invoice: Invoice, today: date) -> bool:
    return invoice.status is Status.OPEN and invoice.due_date < today


def _is_on(query: Query, invoice: Invoice, today: date) -> bool:
    text = f"{invoice.number}\n{invoice.client.name}\n{invoice.client.email}\n{invoice.description}"
    return (
        query.get("status", invoice.status) is invoice.status
        and query.get("overdue", _is_overdue(invoice, today)) is _is_overdue(invoice, today)
        and query.get("due_from", invoice.due_date) <= invoice.due_date <= query.get("due_until", invoice.due_date)
        and all(word in _plain(text) for word in _plain(query.get("text", "")).split())
    )


def _plain(text: str) -> str:
    letters = unicodedata.normalize("NFD", text.lower()).replace("’", "'")
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _sums(invoices: list[Invoice]) -> dict[str, Money]:
    sums: dict[str, int] = {}
    for invoice in invoices:
        sums[invoice.amount.currency] = sums.get(invoice.amount.currency, 0) + invoice.amount.minor_units
    return {currency: Money(units, currency) for currency, units in sums.items()}
