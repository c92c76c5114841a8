"""What a store finds: every filter, both orders, pages that hold still, words without case or accents, right totals."""

# ruff: noqa: S101  # a duty asserts

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from itertools import chain, count, islice
from typing import ClassVar
from uuid import UUID

import pytest
from hypothesis import given, settings, strategies as st

from indiopay.invoice import Client, Invoice, NewInvoice, ordinal_of
from indiopay.invoice_form import DESCRIPTION_LIMIT
from indiopay.listing import InvoiceFilter, Order, Totals, add_up
from indiopay.money import Money
from indiopay.ports import InvoiceStore
from indiopay.status import Status
from indiopay.testing.store_samples import NOW, TODAY, listed, new, pages, payment

_DAY = timedelta(days=1)
_DUE = date(2026, 4, 1)
_LONG_AGO = date(2020, 1, 1)
_ENOUGH = 8
"""More pages than there are; a store that repeats itself never ends."""
_ORDERS: tuple[Order, ...] = ("newest", "due")
_IN_ORDER: Mapping[Order, list[int]] = {
    "newest": [7, 6, 5, 4, 3, 2, 1],
    "due": [3, 6, 1, 4, 7, 2, 5],
}  # seven invoices, due on three days

# Five invoices, from number 1 on. Number 2 is paid, number 4 is cancelled; numbers 1 and 3 are overdue.
_DUE_DATES = (TODAY - _DAY, TODAY - _DAY, TODAY - 2 * _DAY, TODAY - 3 * _DAY, TODAY + _DAY)
FILTERS: Mapping[str, tuple[InvoiceFilter, list[int]]] = {
    "all": (InvoiceFilter(), [5, 4, 3, 2, 1]),
    "all by due date": (InvoiceFilter(order="due"), [4, 3, 1, 2, 5]),
    "open": (InvoiceFilter(status=Status.OPEN), [5, 3, 1]),
    "paid": (InvoiceFilter(status=Status.PAID), [2]),
    "cancelled": (InvoiceFilter(status=Status.CANCELLED), [4]),
    "overdue": (InvoiceFilter(overdue=True), [3, 1]),
    "not overdue": (InvoiceFilter(overdue=False), [5, 4, 2]),
    "open, not overdue": (InvoiceFilter(status=Status.OPEN, overdue=False), [5]),
    "paid and overdue": (InvoiceFilter(status=Status.PAID, overdue=True), []),
    "paid, not overdue": (InvoiceFilter(status=Status.PAID, overdue=False), [2]),
    "due from": (InvoiceFilter(due_from=TODAY - _DAY), [5, 2, 1]),
    "due until": (InvoiceFilter(due_until=TODAY - 2 * _DAY), [4, 3]),
    "due on": (InvoiceFilter(due_from=TODAY - _DAY, due_until=TODAY - _DAY), [2, 1]),
    "due in no time": (InvoiceFilter(due_from=TODAY, due_until=TODAY - _DAY), []),
    "word": (InvoiceFilter(words=("client3",)), [3]),
    "each of them": (
        InvoiceFilter(
            status=Status.OPEN,
            overdue=True,
            words=("client",),
            due_from=TODAY - 2 * _DAY,
            due_until=TODAY - _DAY,
            order="due",
        ),
        [3, 1],
    ),
}

_CLIENT = Client("zoe martin", "zm@exemple.ca")
_NOBODY = Client("-", "-")
_FOLDED = {
    "zoe": "Zoé",
    "ete": "ÉTÉ",
    "coeur": "CŒUR",
    "aeon": "Æon",
    "l'heureux": "L’Heureux",
    "strasse": "Straße",
    "noel": "Noe\u0308l",
    "ω": "Ω",
    "f-000009": "x",
}
_SIGNS = ("%", "_", "\\", "'", "*", "[a-z]", ".", "?", "bb", "")


def five() -> list[NewInvoice]:
    """The invoices that the filters are tried on, before any is paid or cancelled."""
    return [
        new(number, due_date=due, client=Client(f"client{number}", "a@exemple.ca"))
        for number, due in enumerate(_DUE_DATES, start=1)
    ]


def _seven(store: InvoiceStore, ids: Iterable[int]) -> None:
    """The invoices that fill pages, due on three days."""
    for number, id_ in enumerate(ids, start=1):
        store.add("nord", new(id_, due_date=_DUE + number % 3 * _DAY))


def _numbers(invoices: Iterable[Invoice]) -> list[int]:
    return [ordinal_of(invoice.number) for invoice in invoices]


def _recount(invoices: Mapping[UUID, Invoice], today: date) -> Totals:
    found = invoices.values()
    return add_up((i.status, i.is_overdue(today), i.amount.currency, i.amount.minor_units, 1) for i in found)


class FilterDuties:
    """A list holds what its filter admits, in its order."""

    def test_a_list_holds_what_its_filter_admits(self, store: InvoiceStore) -> None:
        """Every filter alone, some together and all, the newest first or by due date and number."""
        added = [store.add("nord", one) for one in five()]
        store.apply("nord", payment(added[1]))
        store.apply("nord", added[3].cancel(at=NOW))
        wanted = {name: numbers for name, (_, numbers) in FILTERS.items()}
        assert {name: listed(store, which) for name, (which, _) in FILTERS.items()} == wanted

    def test_overdue_goes_by_the_day_that_is_given(self, store: InvoiceStore) -> None:
        """Due today is not overdue; the day after it is."""
        store.add("nord", new(1, due_date=_DUE))
        days = (_DUE - _DAY, _DUE, _DUE + _DAY, _DUE)
        assert [listed(store, InvoiceFilter(overdue=True), today=day) for day in days] == [[], [], [1], []]
        assert [listed(store, InvoiceFilter(overdue=False), today=day) for day in days] == [[1], [1], [], [1]]


class WordDuties:
    """Words are found as people look for them."""

    def test_words_are_found_without_case_or_accents(self, store: InvoiceStore) -> None:
        """« zoe » finds « Zoé », and a number is found by its text."""
        numbers = {word: number for number, word in enumerate(_FOLDED, start=1)}
        for word, number in numbers.items():
            store.add("nord", new(number, client=_NOBODY, description=f"a {_FOLDED[word]} b"))
        assert {word: listed(store, InvoiceFilter(words=(word,))) for word in numbers} == {
            word: [number] for word, number in numbers.items()
        }

    def test_every_word_stands_in_the_name_the_address_the_note_or_the_number(self, store: InvoiceStore) -> None:
        """Each may stand anywhere, also within a word or at the end of a long note, but none may be missing."""
        store.add("nord", new(1, client=_CLIENT, description="prime annuelle"))
        store.add("nord", new(2, client=_CLIENT, description="prime unique"))
        store.add("nord", new(3, client=_NOBODY, description="renouvelable".rjust(DESCRIPTION_LIMIT, "-")))
        wanted = {
            ("martin",): [2, 1],
            ("zm@", "annuel", "zoe"): [1],
            ("000002", "prime"): [2],
            ("unique", "annuel"): [],
            ("renouvelable",): [3],
        }
        assert {words: listed(store, InvoiceFilter(words=words)) for words in wanted} == wanted

    def test_signs_of_patterns_are_plain_characters(self, store: InvoiceStore) -> None:
        """A sign finds itself and stands for nothing else."""
        for number, sign in enumerate(_SIGNS, start=1):
            store.add("nord", new(number, client=_NOBODY, description=f"a{sign}c"))
        found = [listed(store, InvoiceFilter(words=(f"a{sign}c",))) for sign in _SIGNS]
        assert found == [[number] for number in range(1, len(_SIGNS) + 1)]


class PageDuties:
    """Pages that follow one another, whatever happens meanwhile."""

    @pytest.mark.parametrize("order", _ORDERS)
    def test_the_pages_together_give_each_invoice_once(self, store: InvoiceStore, order: Order) -> None:
        """In the list's order, by number where due dates are the same; only the last page may be short."""
        _seven(store, ids=range(7, 0, -1))
        for limit in (1, 2, 3, 7):
            found = list(islice(pages(store, InvoiceFilter(order=order), limit=limit), _ENOUGH))
            assert _numbers(chain.from_iterable(found)) == _IN_ORDER[order]
            assert {len(page) for page in found[:-1]} <= {limit}

    @pytest.mark.parametrize("order", _ORDERS)
    def test_pages_hold_still_while_invoices_come_and_go(self, store: InvoiceStore, order: Order) -> None:
        """Each is given once, though others join before it, and those that were given leave the list."""
        _seven(store, ids=range(1, 8))
        seen: list[int] = []
        still_open = pages(store, InvoiceFilter(status=Status.OPEN, order=order), limit=2)
        for turn, page in enumerate(islice(still_open, _ENOUGH), start=1):
            seen += _numbers(page)
            store.add("nord", new(10 * turn, due_date=_LONG_AGO))
            store.add("nord", new(10 * turn + 1, due_date=_LONG_AGO))
            store.apply("nord", page[-1].cancel(at=NOW))
        assert seen == _IN_ORDER[order]


class TotalDuties:
    """Sums and counts that are right at all times."""

    examples: ClassVar[int]

    def test_totals_count_every_status_and_currency(self, store: InvoiceStore) -> None:
        """Open holds overdue too; overdue goes by the day that is given; an agency without invoices has zeros."""
        assert store.totals("nord", today=TODAY) == add_up(())
        amounts = (Money(100, "CAD"), Money(200, "CAD"), Money(400, "USD"), Money(800, "CAD"))
        added = [store.add("nord", new(number, amount=amount)) for number, amount in enumerate(amounts, start=1)]
        store.apply("nord", payment(added[1]))
        store.apply("nord", added[3].cancel(at=NOW))
        totals = store.totals("nord", today=_DUE + _DAY)
        assert totals.open == totals.overdue == {"CAD": Money(100, "CAD"), "USD": Money(400, "USD")}
        assert totals.paid == {"CAD": Money(200, "CAD")}
        assert totals.counts == {Status.OPEN: 2, Status.PAID: 1, Status.CANCELLED: 1}
        assert store.totals("nord", today=_DUE).overdue == {}

    def test_sums_are_exact(self, store: InvoiceStore) -> None:
        """Beyond what a float can tell apart."""
        for number in range(1, 12):
            store.add("nord", new(number, amount=Money(10**15 - 1, "TND")))
        assert store.totals("nord", today=TODAY).open == {"TND": Money(11 * (10**15 - 1), "TND")}

    def test_totals_equal_a_recount_after_any_history(self, store: InvoiceStore) -> None:
        """After every single one of many changes."""
        agencies = map("agence-{}".format, count())
        verbs = st.tuples(st.sampled_from(("add", "pay", "cancel")), st.integers(0, 9))

        @settings(deadline=None, max_examples=self.examples)
        @given(st.lists(verbs, max_size=12))
        def check(verbs: list[tuple[str, int]]) -> None:
            agency, invoices = next(agencies), dict[UUID, Invoice]()
            for verb, which in verbs:
                _take_step(store, agency, invoices, verb, which)
                assert store.totals(agency, today=_DUE + _DAY) == _recount(invoices, _DUE + _DAY)

        check()


def _take_step(store: InvoiceStore, agency: str, invoices: dict[UUID, Invoice], verb: str, which: int) -> None:
    """Add an invoice, or pay or cancel one of those that are open, in the store and in `invoices`."""
    still_open = [invoice for invoice in invoices.values() if invoice.status is Status.OPEN]
    if verb == "add":
        amount = Money(10**which, ("CAD", "USD", "JPY")[which % 3])
        added = store.add(
            agency, new(len(invoices) + 1, agency=agency, amount=amount, due_date=_DUE + which % 3 * _DAY)
        )
        invoices[added.id] = added
    elif still_open:
        invoice = still_open[which % len(still_open)]
        change = payment(invoice) if verb == "pay" else invoice.cancel(at=NOW)
        store.apply(agency, change)
        invoices[invoice.id] = change.invoice


class ListDuties(FilterDuties, WordDuties, PageDuties, TotalDuties):
    """All of the above."""
