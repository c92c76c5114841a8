"""The rules of the state machine: whatever may happen to two agencies' desks over one store, in any order."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from attrs import evolve
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from . import machine_input as drawn, truths
from .driver import Bookmark, Driver
from .machine_input import Answer, Filled
from .model import Book, Paper
from .model_list import Query


class DeskMachine(RuleBasedStateMachine):
    """What a driver is told to do, drawn by hypothesis; the truths hold after every step."""

    def __init__(self, driver: Driver) -> None:
        super().__init__()
        self.driver = driver
        self.bookmarks: list[Bookmark] = []
        self.steps = 0

    def teardown(self) -> None:
        self.driver.close()

    def paper(self, agency: int, pick: int) -> tuple[Book, Paper]:
        """One of the agency's invoices, or of the other's if it has none; the newest first."""
        books = self.driver.books
        book = books[agency] if books[agency].papers else books[1 - agency]
        return book, book.papers[-1 - pick % len(book.papers)]

    def has_invoices(self) -> bool:
        return any(book.papers for book in self.driver.books)

    @initialize(filled=st.lists(st.tuples(drawn.agencies, drawn.forms, drawn.keys), min_size=6, max_size=9))
    def begin(self, filled: list[tuple[int, Filled, str | None]]) -> None:
        for agency, one, key in filled:
            self.create(agency, one, key, None)

    @rule(agency=drawn.agencies, filled=drawn.forms, key=drawn.keys, answers=drawn.at_once)
    def create(self, agency: int, filled: Filled, key: str | None, answers: list[Answer] | None) -> None:
        book = self.driver.books[agency]
        self.driver.create(book, filled.form(book.today(self.driver.clock())), key, answers)

    @rule(agency=drawn.agencies, pick=drawn.picks, change=drawn.other_forms)
    def create_again(self, agency: int, pick: int, change: dict[str, Any]) -> None:
        """The same key, days or months later, with its own form or with another one."""
        book = self.driver.books[agency]
        if keyed := [paper for paper in book.papers if paper.key]:
            paper = keyed[pick % len(keyed)]
            self.driver.create(book, evolve(paper.form, **change), paper.key)

    @precondition(has_invoices)
    @rule(agency=drawn.agencies, pick=drawn.picks, answers=drawn.at_once)
    def send(self, agency: int, pick: int, answers: list[Answer] | None) -> None:
        self.driver.send(*self.paper(agency, pick), answers)

    @precondition(has_invoices)
    @rule(agency=drawn.agencies, pick=drawn.picks, verb=drawn.changes, word=drawn.words, days_ago=drawn.days_ago)
    def change(self, agency: int, pick: int, verb: str, word: str | None, days_ago: int | None) -> None:
        """A payment comes by the host's webhook, perhaps twice, or by hand for another day."""
        book, paper = self.paper(agency, pick)
        if verb == "renew_link":
            self.driver.renew_link(book, paper)
        elif verb == "cancel":
            self.driver.cancel(book, paper, word)
        else:
            self.driver.record_payment(book, paper, word or "P-1", days_ago)

    @precondition(has_invoices)
    @rule(agency=drawn.agencies, pick=drawn.picks, age=drawn.picks, verb=drawn.changes)
    def change_a_stale_version(self, agency: int, pick: int, age: int, verb: str) -> None:
        self.driver.change_stale(*self.paper(agency, pick), age, verb)

    @precondition(has_invoices)
    @rule(agency=drawn.agencies, pick=drawn.picks, unknown=st.booleans())
    def ask_for_what_is_anothers(self, agency: int, pick: int, unknown: bool) -> None:
        book, paper = self.paper(agency, pick)
        self.driver.ask_of_another(book, paper, UUID(int=pick) if unknown else paper.invoice.id, self.bookmarks)

    @rule(agency=drawn.agencies, limit=drawn.limits, answers=drawn.answers, after=drawn.times)
    def deliver(self, agency: int, limit: int, answers: list[Answer], after: timedelta) -> None:
        """A worker comes by after some time."""
        self.driver.clock.advance(after)
        self.driver.deliver(self.driver.books[agency], limit, answers)

    @rule(by=drawn.times)
    def move_the_clock(self, by: timedelta) -> None:
        self.driver.clock.advance(by)

    @rule()
    def restart(self) -> None:
        self.driver.restart()

    @rule(agency=drawn.agencies)
    def move(self, agency: int) -> None:
        self.driver.move(self.driver.books[agency])

    @rule(agency=drawn.agencies)
    def sweep(self, agency: int) -> None:
        self.driver.sweep(self.driver.books[agency])

    @rule(agency=drawn.agencies, query=drawn.queries, limit=drawn.pages, filled=drawn.forms)
    def walk_a_list(self, agency: int, query: Query, limit: int, filled: Filled) -> None:
        """To its end, while an invoice is added; its first bookmark is kept for later."""
        page = self.driver.turn_to(self.driver.books[agency], query, limit)
        self.bookmarks += page
        self.create(agency, filled, None, None)
        while page:
            page = self.driver.turn_to(*page[0])

    @precondition(lambda self: self.bookmarks)
    @rule(pick=drawn.picks)
    def turn_a_page(self, pick: int) -> None:
        """However much has changed since the page before."""
        self.bookmarks += self.driver.turn_to(*self.bookmarks.pop(pick % len(self.bookmarks)))

    @invariant()
    def everything_is_kept(self) -> None:
        truths.what_is_kept_is_what_the_model_keeps(self.driver)
        self.driver.met["steps"] += 1

    @invariant()
    def lists_and_totals_are_right(self) -> None:
        truths.lists_and_totals_are_a_recount(self.driver)

    @precondition(has_invoices)
    @invariant()
    def every_path_leads_to_the_same(self) -> None:
        """One invoice after each step, in turn."""
        self.steps += 1
        book, paper = self.paper(self.steps % 2, self.steps // 2)
        truths.an_invoice_is_the_same_by_every_path(self.driver, book, paper)
