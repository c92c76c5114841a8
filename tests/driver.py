"""Drives two agencies' desks over one store beside the model, and compares what each verb answers."""

import inspect
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from itertools import count
from random import Random
from typing import Any
from uuid import UUID

from attrs import evolve

from indiopay import (
    Agency,
    CursorError,
    IndioPayError,
    Invoice,
    InvoiceChangedError,
    InvoiceDesk,
    InvoiceForm,
    InvoiceNotFoundError,
    LinkError,
    PaymentLinks,
    StorageError,
)
from indiopay.files.memory import MemoryFiles
from indiopay.invoice import InvoiceRecord
from indiopay.ports import InvoiceStore
from indiopay.stores.memory import MemoryStore
from indiopay.testing import StoppedClock

from .conftest import KEY, PAGE, token_of
from .machine_input import Answer, Killed
from .model import LEADS_TO, Book, Paper
from .model_list import Query
from .model_mail import LEASE, UNKNOWN, Mail, is_away, same
from .telling_mailer import TellingMailer

VERBS = {name for name, _ in inspect.getmembers(InvoiceDesk, inspect.isfunction) if not name.startswith("_")}


def verbs_with(parameter: str) -> list[str]:
    """The desk's verbs that take it."""
    return sorted(verb for verb in VERBS if parameter in inspect.signature(getattr(InvoiceDesk, verb)).parameters)


NEEDED: dict[str, dict[str, Any]] = {"record_payment": {"reference": "P-1"}, "download": {"attachment_id": UNKNOWN}}
"""What a verb wants besides an id or a token."""

Bookmark = tuple[Book, Query, int, str, Invoice]
"""Where a page ended: whose, of which list, how long, its cursor, its last invoice."""

_runs = count(1)


class Driver:
    """Two new agencies in a store that `open_store` opens, and opens again after a restart; counts what it `met`."""

    def __init__(
        self, open_store: Callable[[], InvoiceStore], met: Counter[str], desk_class: type[InvoiceDesk] = InvoiceDesk
    ) -> None:
        run = next(_runs)
        self._open_store, self._desk_class, self.met = open_store, desk_class, met
        self.store = open_store()
        self.clock = StoppedClock()
        self.files = MemoryFiles(clock=self.clock)
        self._links = PaymentLinks(PAGE, keys=[bytes(32), KEY])
        self._random = {size: Random(size) for size in (10, 16, 18)}
        north = Agency(f"nord-{run}", "Assurances du Nord", "nord@exemple.ca")
        south = Agency(f"sud-{run}", "Southern Insurance", "sud@exemple.ca", "en_CA", "JPY", "Pacific/Auckland")
        self.books = (Book(north), Book(south))

    def _drawn(self, size: int) -> bytes:
        return self._random[size].randbytes(size)

    @contextmanager
    def _desk(
        self,
        book: Book,
        answers: list[Answer] | None = None,
        *,
        in_turn: bool = False,
        store: InvoiceStore | None = None,
    ) -> Iterator[tuple[InvoiceDesk, TellingMailer]]:
        """A desk whose mailer gives these answers, and then accepts; without answers it leaves letters waiting."""
        mailer = TellingMailer(self, book, answers or [], in_turn=in_turn)
        desk = self._desk_class(
            agency=book.agency,
            store=store or self.store,
            files=self.files,
            mailer=mailer,
            links=self._links,
            clock=self.clock,
            send_at_once=answers is not None,
        )
        desk._random = desk._intake.random = self._drawn  # type: ignore[assignment]  # it is never called without a size
        yield desk, mailer
        if mailer.fault:
            raise mailer.fault

    def _ask(self, desk: InvoiceDesk, verb: str, *args: object, **named: object) -> Any:
        """What a verb answers: its value, or its error's type and status."""
        self.met[verb] += 1
        try:
            return getattr(desk, verb)(*args, **named)
        except Killed:
            return Killed
        except IndioPayError as error:
            self.met[type(error).__name__] += 1
            return type(error), getattr(error, "status", None)

    def answer(self, book: Book, verb: str, *args: object, **named: object) -> Any:
        with self._desk(book) as (desk, _):
            return self._ask(desk, verb, *args, **named)

    def learn(self, book: Book) -> list[InvoiceRecord]:
        """Tell the model what was drawn; every record of the agency."""
        records = list(self.store.export(book.agency.slug))
        same("how many invoices", len(records), len(book.papers))
        for paper, record in zip(book.papers, records, strict=True):
            paper.learn(record, self._links.url_for(book.agency.slug, record.link))
        return records

    # --- invoices

    def create(
        self, book: Book, form: InvoiceForm, key: str | None = None, answers: list[Answer] | None = None
    ) -> None:
        told = self.answer(book, "check", form)
        same("check", [(one.field, one.code) for one in told], book.problems(form, self.clock()))
        before = len(book.papers)
        wanted = book.create(form, key, self.clock())
        with self._desk(book, answers) as (desk, mailer):
            made = self._ask(desk, "create", form, idempotency_key=key)
        if made is Killed:
            same("a process that died", mailer.outcomes, ["killed"])
        elif isinstance(wanted, Paper):
            same("create", isinstance(made, Invoice), True)
            self.learn(book)
            same("create", made, wanted.versions[0] if len(book.papers) > before else wanted.invoice)
        else:
            same("create", made, wanted)

    def send(self, book: Book, paper: Paper, answers: list[Answer] | None) -> None:
        wanted = paper.send(self.clock())
        with self._desk(book, answers) as (desk, _):
            found = self._ask(desk, "send", paper.invoice.id)
        self.learn(book)
        if found is not Killed:
            same("send", found, wanted.shown(self.clock()) if isinstance(wanted, Mail) else wanted)

    def renew_link(self, book: Book, paper: Paper) -> None:
        paper.renew_link(self.clock())
        paper.url = self.answer(book, "renew_link", paper.invoice.id)
        same("a link that opened before", paper.url in paper.dead_urls, False)

    def cancel(self, book: Book, paper: Paper, reason: str | None) -> None:
        wanted = paper.cancel(reason, self.clock())
        same("cancel", self.answer(book, "cancel", paper.invoice.id, reason=reason), wanted)

    def record_payment(self, book: Book, paper: Paper, reference: str, days_ago: int | None = None) -> None:
        at = self.clock()
        paid_at = at - timedelta(days=days_ago) if days_ago else None
        wanted = paper.record_payment(reference, paid_at or at, at)
        found = self.answer(book, "record_payment", paper.invoice.id, reference=reference, paid_at=paid_at)
        same("record_payment", found, wanted)

    def change_stale(self, book: Book, paper: Paper, age: int, verb: str) -> None:
        """From an old version, or from one that is still to come: the store itself refuses, and tells both."""
        ahead = evolve(paper.invoice, version=paper.invoice.version + 1)
        old, at = [ahead, *paper.versions[:-1]][age % len(paper.versions)], self.clock()
        if verb == "cancel" and old.status in LEADS_TO[verb]:
            made = old.cancel(at=at)
        else:
            made = old.renew_link(self._links.draw(book.agency.slug, self._drawn), at=at)
        try:
            self.store.apply(book.agency.slug, made)
        except InvoiceChangedError as error:
            same("a stale version", (error.expected, error.found), (old.version, paper.invoice.version))
        else:
            raise AssertionError("a stale version was written")

    def ask_of_another(self, book: Book, paper: Paper, wrong: UUID, bookmarks: list[Bookmark]) -> None:
        """The other agency asks by this id, this paper's link, and this agency's cursors."""
        other = self.books[1 - self.books.index(book)]
        for verb in verbs_with("invoice_id"):
            same(verb, self.answer(other, verb, wrong, **NEEDED.get(verb, {})), (InvoiceNotFoundError, None))
        for verb in verbs_with("token"):
            same(verb, self.answer(other, verb, token_of(paper.url), **NEEDED.get(verb, {})), (LinkError, None))
        for whose, query, _, cursor, _ in bookmarks:
            if whose is book:
                same("a cursor", self.answer(other, "list", **query, after=cursor), (CursorError, None))

    def turn_to(
        self, book: Book, query: Query, limit: int, cursor: str | None = None, last: Invoice | None = None
    ) -> list[Bookmark]:
        """A page of a list; the bookmark for the next one, if there is one."""
        wanted = book.listed(query, self.clock(), last)
        page = self.answer(book, "list", **query, limit=limit, after=cursor)
        same("a page", list(page.items), wanted[:limit])
        same("a next page", page.next is not None, len(wanted) > limit)
        if page.next is None:
            return []
        other = {**query, "order": "newest" if query.get("order") == "due" else "due"}
        same("a cursor", self.answer(book, "list", **other, after=page.next), (CursorError, None))
        return [(book, query, limit, page.next, page.items[-1])]

    # --- mail

    def deliver(self, book: Book, limit: int, answers: list[Answer]) -> None:
        end = self.clock() + LEASE / 2
        with self._desk(book, answers, in_turn=True) as (desk, mailer):
            sent = self._ask(desk, "deliver", limit=limit)
        outcomes = mailer.outcomes
        same("deliver", sent, Killed if "killed" in outcomes else outcomes.count("sent"))
        same("a limit that is kept", len(outcomes) <= limit, True)
        if len(outcomes) < limit and self.clock() < end and not is_away(mailer.said) and outcomes[-1:] != ["killed"]:
            book.give_up(self.clock())
            same("letters left in turn", book.due(self.clock()), [])

    def hears_of_letter(self, book: Book, mail_id: UUID, message: bytes, *, in_turn: bool) -> tuple[Mail, int]:
        self.learn(book)
        return book.take(mail_id, message, self.clock(), in_turn=in_turn)

    def hears_of_event(self, book: Book, mail: Mail, event: str) -> None:
        """While a letter is at the relay somebody acts; or it takes so long that another worker has the letter."""
        paper = book.paper_of(mail)
        match event:
            case "cancel":
                self.cancel(book, paper, None)
            case "record_payment":
                self.record_payment(book, paper, "P-1")
            case "renew_link":
                self.renew_link(book, paper)
            case _:
                self.clock.advance(LEASE + timedelta(minutes=1))
                self.deliver(book, 100, [])

    def hears_of_answer(self, book: Book, mail: Mail, worker: int, said: str) -> str:
        outcome = said if said == "killed" else book.settle(mail, worker, said, self.clock())
        self.met[f"{outcome}, {mail.state}"] += 1
        return outcome

    # --- restarts and files

    def restart(self) -> None:
        self.close()
        self.store = self._open_store()

    def close(self) -> None:
        """A store that has something to close is closed by a desk that owns it."""
        with self._desk(self.books[0]) as (desk, _), ExitStack() as stack:
            stack.callback(getattr(self.store, "close", int))
            self._ask(desk, "owns", stack)
            self._ask(desk, "close")

    def move(self, book: Book) -> None:
        """Every record into another store, where each is equal; and not into this one, which has them."""
        records = json.loads(json.dumps(list(self.answer(book, "export_records"))))
        other = MemoryStore()
        with self._desk(book, store=other) as (desk, _):
            same("import_records", self._ask(desk, "import_records", records), len(records))
        slug = book.agency.slug
        same("records that moved", list(other.export(slug)), list(self.store.export(slug)))
        again = self.answer(book, "import_records", records)
        same("import_records", again, (StorageError, None) if records else 0)

    def sweep(self, book: Book) -> None:
        """And leave another orphan behind, for later."""
        key = f"{book.agency.slug}/ab/{self._drawn(16).hex()}"
        self.files.put(key, [b"x"])
        book.orphans[key] = self.clock()
        left = {
            key: at for key, at in book.orphans.items() if at >= self.clock() - timedelta(days=1) or not book.papers
        }
        same("sweep", self.answer(book, "sweep"), len(book.orphans) - len(left))
        book.orphans = left
