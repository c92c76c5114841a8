"""Stores that each break one duty of the contract. Not collected by name: `test_store_contract.py` runs this file."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import pytest
from attrs import evolve

from indiopay import IdempotencyError, Invoice, InvoiceChangedError, Money, StorageError, Totals
from indiopay.history import EntryKind, HistoryEntry
from indiopay.invoice import Change, Idempotency, InvoiceRecord, LinkRef, NewInvoice, invoice_number, ordinal_of
from indiopay.listing import InvoiceFilter, Position, position_of, searched_text
from indiopay.outbox import Letter, is_free, settled, withdrawn
from indiopay.ports import InvoiceStore
from indiopay.status import Status
from indiopay.stores.memory import MemoryStore
from indiopay.testing import InvoiceStoreContract

S = TypeVar("S", bound=type[MemoryStore])

DAY = timedelta(days=1)
BROKEN: dict[str, str] = {}
"""The test class of each broken store, and the duty that catches it."""


def held_to_the_contract(store: type[InvoiceStore], **attributes: Any) -> type[InvoiceStoreContract]:
    """The contract over a store in memory, with few examples, lest the run take long."""

    def open_store(self: object) -> Callable[[], InvoiceStore]:
        made = store()
        return lambda: made

    parts = {"open_store": pytest.fixture(open_store), "examples": 1, "durable": False, "shared": False, **attributes}
    return type(f"Test{store.__name__}", (InvoiceStoreContract,), parts)


def breaks(duty: str, **attributes: Any) -> Callable[[S], S]:
    """Have a broken store tried."""

    def register(store: S) -> S:
        contract = held_to_the_contract(store, **attributes)
        setattr(sys.modules[__name__], contract.__name__, contract)
        BROKEN[contract.__name__] = duty
        return store

    return register


def put(store: MemoryStore, agency: str, record: InvoiceRecord) -> Invoice:
    """Write a record without asking."""
    store._books[agency].records[record.invoice.id] = record
    return record.invoice


class NothingDeclared(MemoryStore):
    """A whole store of which the author declares no capability."""


TestMemoryStore = held_to_the_contract(MemoryStore, shared=True)
TestNothingDeclared = held_to_the_contract(NothingDeclared)


class TestNoStore(InvoiceStoreContract):
    """An author who has not yet said how the store is opened."""


# --- numbers, times and keys


@breaks("what_is_refused_uses_no_number")
class TakesTheNumberFirst(MemoryStore):
    """Its counter goes on where the insert fails."""

    def __init__(self) -> None:
        super().__init__()
        self._lost: Counter[str] = Counter()

    def add(self, agency: str, new: NewInvoice) -> Invoice:
        try:
            invoice = super().add(agency, new)
        except StorageError:
            self._lost[agency] += 1
            raise
        with self._lock:
            number = invoice_number(ordinal_of(invoice.number) + self._lost[agency])
            record = self._books[agency].records[invoice.id]
            return put(self, agency, evolve(record, invoice=evolve(invoice, number=number)))


@breaks("an_invoice_that_ended_keeps_its_number")
class CountsWhatIsUnpaid(MemoryStore):
    """Its next number is how many invoices are not paid, and one."""

    def add(self, agency: str, new: NewInvoice) -> Invoice:
        with self._lock:
            invoice = super().add(agency, new)
            if invoice.id != new.id:
                return invoice
            book = self._books[agency]
            number = invoice_number(sum(one.status is not Status.PAID for one in book.invoices()))
            return put(self, agency, evolve(book.records[new.id], invoice=evolve(invoice, number=number)))


@breaks("times_never_fall_as_numbers_rise")
class StepsBackADay(MemoryStore):
    """It looks at the time of the invoice before only on the same day."""

    def add(self, agency: str, new: NewInvoice) -> Invoice:
        invoice = super().add(agency, new)
        if new.at.date() == invoice.created_at.date() or invoice.id != new.id:
            return invoice
        return put(self, agency, new.numbered(ordinal_of(invoice.number), new.at))


@breaks("numbers_run_from_one_in_each_agency")
class CountsAgenciesThatBeginAlike(MemoryStore):
    """It counts with LIKE, and « nord » counts the invoices of « nord-est »."""

    def add(self, agency: str, new: NewInvoice) -> Invoice:
        with self._lock:
            invoice = super().add(agency, new)
            if invoice.id != new.id or new.letter or new.idempotency:
                return invoice
            alike = [book for slug, book in self._books.items() if slug.startswith(agency)]
            number = invoice_number(sum(len(book.records) for book in alike))
            record = self._books[agency].records[new.id]
            return put(self, agency, evolve(record, invoice=evolve(invoice, number=number)))


@breaks("times_never_fall_as_numbers_rise")
class QueuesWhenTheCallerSays(MemoryStore):
    """Only the invoice is given the time of the one before."""

    def add(self, agency: str, new: NewInvoice) -> Invoice:
        with self._lock:
            invoice = super().add(agency, new)
            if invoice.id == new.id:
                record = self._books[agency].records[new.id]
                history = (record.history[0], *(evolve(entry, at=new.at) for entry in record.history[1:]))
                put(self, agency, evolve(record, history=history))
            return invoice


@breaks("a_key_of_another_form_is_refused")
class ForgetsTheForm(MemoryStore):
    """A key gives its invoice, whatever form it comes with."""

    def add(self, agency: str, new: NewInvoice) -> Invoice:
        try:
            return super().add(agency, new)
        except IdempotencyError:
            assert new.idempotency is not None
            found = self.by_idempotency_key(agency, new.idempotency.key)
            assert found is not None
            return found[0]


@breaks("a_key_is_its_agencys_own")
class SharesKeys(MemoryStore):
    """A key that any agency has used gives that agency's invoice."""

    def add(self, agency: str, new: NewInvoice) -> Invoice:
        found = [self.by_idempotency_key(any_, new.idempotency.key) for any_ in [*self._books] if new.idempotency]
        made = [invoice for invoice, _ in filter(None, found) if invoice.agency_slug != agency]
        return made[0] if made else super().add(agency, new)


@breaks("keys_that_look_alike_are_not_the_same")
class ComparesKeysWithoutCase(MemoryStore):
    """As a case-insensitive collation does."""

    def add(self, agency: str, new: NewInvoice) -> Invoice:
        key = new.idempotency
        return super().add(agency, evolve(new, idempotency=key and Idempotency(key.key.lower(), key.fingerprint)))

    def by_idempotency_key(self, agency: str, key: str) -> tuple[Invoice, bytes] | None:
        return super().by_idempotency_key(agency, key.lower())


@breaks("a_key_gives_its_invoice_as_it_stands_now")
class RepeatsTheFirstAnswer(MemoryStore):
    """It remembers what it answered to a key."""

    def __init__(self) -> None:
        super().__init__()
        self._answers: dict[tuple[str, str], Invoice] = {}

    def add(self, agency: str, new: NewInvoice) -> Invoice:
        invoice = super().add(agency, new)
        return self._answers.setdefault((agency, new.idempotency.key), invoice) if new.idempotency else invoice


# --- what is kept, and whole or not at all


@breaks("any_text_comes_back_to_the_code_point")
class CutsNames(MemoryStore):
    """Its column is too narrow, and its database does not mind."""

    def add(self, agency: str, new: NewInvoice) -> Invoice:
        return super().add(agency, evolve(new, client=evolve(new.client, name=new.client.name[:255])))


@breaks("an_invoice_with_something_taken_leaves_nothing")
class WritesHalfAnInvoice(MemoryStore):
    """The invoice is committed before its letter is refused."""

    def add(self, agency: str, new: NewInvoice) -> Invoice:
        try:
            return super().add(agency, new)
        except StorageError:
            if new.letter:
                super().add(agency, evolve(new, letter=None))
            raise


@breaks("an_invoice_with_something_taken_leaves_nothing")
class TellsLinksApartByTheirKeys(MemoryStore):
    """A new invoice may have the link of another one, under another key."""

    def add(self, agency: str, new: NewInvoice) -> Invoice:
        with self._lock:
            book = self._books[agency]
            if not book.find(lambda record: record.link == new.link):
                book.taken.discard(("link", new.link.link_id))
            return super().add(agency, new)


@breaks("a_change_with_something_taken_leaves_nothing")
class WritesHalfAChange(MemoryStore):
    """The history is committed before the letter is refused."""

    def apply(self, agency: str, change: Change) -> None:
        try:
            super().apply(agency, change)
        except StorageError:
            record = self._books[agency].records[change.invoice.id]
            put(self, agency, evolve(record, history=(*record.history, *change.entries)))
            raise


@breaks("a_change_is_written_whole")
class ForgetsThatALinkWasRenewed(MemoryStore):
    """The invoice changes, and its history does not say so."""

    def apply(self, agency: str, change: Change) -> None:
        with self._lock:
            super().apply(agency, change)
            record = self._books[agency].records[change.invoice.id]
            history = tuple(entry for entry in record.history if entry.kind is not EntryKind.LINK_RENEWED)
            put(self, agency, evolve(record, history=history))


@breaks("history_stands_in_the_order_in_which_it_was_written")
class SortsHistoryByTime(MemoryStore):
    """A clock that stepped back turns it round."""

    def history(self, agency: str, invoice_id: UUID) -> Sequence[HistoryEntry]:
        return sorted(super().history(agency, invoice_id), key=lambda entry: entry.at)


@breaks("a_stale_change_is_refused_whole")
class SendsAnyVersion(MemoryStore):
    """A letter is queued whatever happened to the invoice meanwhile."""

    def apply(self, agency: str, change: Change) -> None:
        found = self.get(agency, change.invoice.id)
        if found and change.letters:
            change = evolve(change, invoice=evolve(change.invoice, version=found[0].version + 1))
        super().apply(agency, change)


@breaks("only_the_link_of_now_opens")
class LooksAtHalfTheLink(MemoryStore):
    """Any key opens."""

    def by_link(self, agency: str, link: LinkRef) -> Invoice | None:
        record = self._books[agency].find(lambda record: record.link.link_id == link.link_id)
        return record.invoice if record else None


# --- lists and totals


@breaks("pages_hold_still_while_invoices_come_and_go")
class PagesByOffset(MemoryStore):
    """The next page begins behind as many invoices as were given."""

    def __init__(self) -> None:
        super().__init__()
        self._given: dict[object, int] = {}

    def page(
        self, agency: str, which: InvoiceFilter, *, today: date, after: Position | None, limit: int
    ) -> Sequence[Invoice]:
        start = self._given[which, after] if after else 0
        found = super().page(agency, which, today=today, after=None, limit=start + limit)[start:]
        if found:
            self._given[which, position_of(found[-1])] = start + len(found)
        return found


@breaks("the_pages_together_give_each_invoice_once")
class BeginsAtTheCursor(MemoryStore):
    """Each page begins with the last invoice of the page before."""

    def page(
        self, agency: str, which: InvoiceFilter, *, today: date, after: Position | None, limit: int
    ) -> Sequence[Invoice]:
        found = super().page(agency, which, today=today, after=None, limit=999)
        start = None if after is None else which.rank(after)
        return [one for one in found if start is None or which.rank(position_of(one)) >= start][:limit]


@breaks("the_pages_together_give_each_invoice_once")
class RanksTheSameDayById(MemoryStore):
    """Where due dates are the same, its order is that of its primary key."""

    def page(
        self, agency: str, which: InvoiceFilter, *, today: date, after: Position | None, limit: int
    ) -> Sequence[Invoice]:
        found = super().page(agency, which, today=today, after=after, limit=limit)
        return found if which.order == "newest" else sorted(found, key=lambda one: (one.due_date, one.id))


@breaks("a_list_holds_what_its_filter_admits")
class LooksAtOverdueAlone(MemoryStore):
    """What is not overdue may have any status."""

    def page(
        self, agency: str, which: InvoiceFilter, *, today: date, after: Position | None, limit: int
    ) -> Sequence[Invoice]:
        wanted = evolve(which, status=None) if which.overdue is False else which
        return super().page(agency, wanted, today=today, after=after, limit=limit)


@breaks("every_word_stands_in_the_name_the_address_the_note_or_the_number")
class SearchesTheBeginningOfNotes(MemoryStore):
    """Its search column is too narrow."""

    def page(
        self, agency: str, which: InvoiceFilter, *, today: date, after: Position | None, limit: int
    ) -> Sequence[Invoice]:
        found = super().page(agency, which, today=today, after=after, limit=limit)
        return [one for one in found if all(word in searched_text(one)[:4000] for word in which.words)]


@breaks("words_are_found_without_case_or_accents")
class FindsWhatWasTyped(MemoryStore):
    """It searches the text as it was written."""

    def page(
        self, agency: str, which: InvoiceFilter, *, today: date, after: Position | None, limit: int
    ) -> Sequence[Invoice]:
        found = super().page(agency, evolve(which, words=()), today=today, after=after, limit=999)
        texts = [(one, f"{one.number}\n{one.client.name}\n{one.client.email}\n{one.description}") for one in found]
        return [one for one, text in texts if all(word in text for word in which.words)][:limit]


@breaks("signs_of_patterns_are_plain_characters")
class FindsPatterns(MemoryStore):
    """A percent sign stands for anything."""

    def page(
        self, agency: str, which: InvoiceFilter, *, today: date, after: Position | None, limit: int
    ) -> Sequence[Invoice]:
        words = tuple(part for word in which.words for part in word.split("%"))
        return super().page(agency, evolve(which, words=words), today=today, after=after, limit=limit)


@breaks("overdue_goes_by_the_day_that_is_given")
class IsOverdueToday(MemoryStore):
    """What is due today is late already."""

    def page(
        self, agency: str, which: InvoiceFilter, *, today: date, after: Position | None, limit: int
    ) -> Sequence[Invoice]:
        return super().page(agency, which, today=today + DAY, after=after, limit=limit)


@breaks("totals_equal_a_recount_after_any_history", examples=40)
class CachesTotals(MemoryStore):
    """They are counted anew only when an invoice is added."""

    def __init__(self) -> None:
        super().__init__()
        self._counted: dict[tuple[str, int, date], Totals] = {}

    def totals(self, agency: str, *, today: date) -> Totals:
        key = (agency, len(self._books[agency].records), today)
        return self._counted.setdefault(key, super().totals(agency, today=today))


@breaks("sums_are_exact")
class AddsUpInFloats(MemoryStore):
    """The sums are right as long as they are small."""

    def totals(self, agency: str, *, today: date) -> Totals:
        totals = super().totals(agency, today=today)
        return evolve(totals, open={code: Money(int(float(m.minor_units)), code) for code, m in totals.open.items()})


# --- letters


@breaks("letters_that_wait_are_withdrawn")
class WithdrawsOnlyWhatWasClaimed(MemoryStore):
    """Letters that no worker ever held still go out."""

    def apply(self, agency: str, change: Change) -> None:
        with self._lock:
            waiting = [letter for letter in self._books[agency].letters() if letter.lease_token == 0]
            super().apply(agency, change)
            for letter in waiting:
                self._books[agency].write(letter)


@breaks("a_letter_whose_lease_has_run_out_is_withdrawn_as_one_that_waits")
class WithdrawsAsOfTheCreation(MemoryStore):
    """It compares leases with the time of the invoice, not of its end."""

    def apply(self, agency: str, change: Change) -> None:
        with self._lock:
            kept = [letter for letter in self._books[agency].letters() if letter.state == "queued"]
            super().apply(agency, change)
            for letter in kept:
                if change.cancels_letters and letter.invoice_id == change.invoice.id:
                    self._books[agency].write(withdrawn(letter, change.invoice.created_at))


@breaks("a_leased_letter_is_no_other_workers")
class GivesANamedLetterToAnyone(MemoryStore):
    """Whoever names a letter gets it, though a worker holds it."""

    def claim(
        self, agency: str, *, now: datetime, lease_end: datetime, queued_after: datetime, letter_id: UUID | None = None
    ) -> Letter | None:
        for letter in self._books[agency].letters():
            if letter.id == letter_id and letter.state == "queued" and letter.lease_end:
                self._books[agency].write(evolve(letter, lease_end=now))
        return super().claim(agency, now=now, lease_end=lease_end, queued_after=queued_after, letter_id=letter_id)


@breaks("an_agency_neither_sees_nor_touches_another")
class ClaimsOfAnyAgency(MemoryStore):
    """Its worker takes what is due, whosever it is."""

    def claim(self, agency: str, **asked: Any) -> Letter | None:
        found = super().claim(agency, **asked)
        for other in [*self._books]:
            found = found or super().claim(other, **asked)
        return found


@breaks("an_agency_neither_sees_nor_touches_another")
class ListsAgenciesThatBeginAlike(MemoryStore):
    """It looks for the agency with LIKE."""

    def page(self, agency: str, which: InvoiceFilter, **asked: Any) -> Sequence[Invoice]:
        found: list[Invoice] = []
        for slug in filter(lambda slug: slug.startswith(agency), [*self._books]):
            found += super().page(slug, which, **asked)
        return found


@breaks("two_agencies_may_hold_the_same_ids")
class EndsTwins(MemoryStore):
    """It ends every letter with that id."""

    def finish(self, agency: str, letter: Letter, entry: HistoryEntry | None) -> bool:
        done = super().finish(agency, letter, entry)
        for other in self._books if done else ():
            if other != agency and self._books[other].kept(letter):
                self._books[other].write(letter)
        return done


@breaks("a_worker_whose_lease_was_lost_writes_nothing")
class FencesNoOneOff(MemoryStore):
    """Whoever reports last is believed."""

    def finish(self, agency: str, letter: Letter, entry: HistoryEntry | None) -> bool:
        with self._lock:
            kept = self._books[agency].kept(letter)
            after = settled(kept, evolve(letter, lease_token=kept.lease_token)) if kept else None
            if after:
                self._books[agency].write(after, entry)
            return after is not None


@breaks("an_ended_letter_holds_no_bytes")
class KeepsTheBytes(MemoryStore):
    """What was sent can still be read."""

    def finish(self, agency: str, letter: Letter, entry: HistoryEntry | None) -> bool:
        kept = self._books[agency].kept(letter)
        done = super().finish(agency, letter, entry)
        if done and kept and kept.message:
            self._books[agency].write(evolve(letter, message=kept.message))
        return done


@breaks("deliveries_never_hold_bytes")
class ShowsTheBytes(MemoryStore):
    """A reader of deliveries sees the letter, and the link in it."""

    def deliveries(self, agency: str, invoice_id: UUID) -> Sequence[Letter]:
        return [letter for letter in self._books[agency].letters() if letter.invoice_id == invoice_id]


@breaks("letters_of_an_invoice_stand_in_the_order_in_which_they_were_written")
class SortsLettersByTime(MemoryStore):
    """A clock that stepped back turns them round."""

    def deliveries(self, agency: str, invoice_id: UUID) -> Sequence[Letter]:
        return sorted(super().deliveries(agency, invoice_id), key=lambda letter: letter.queued_at)


@breaks("the_letter_that_is_due_first_comes_first")
class ClaimsTheOldest(MemoryStore):
    """A letter that was put off goes before those that are fresh."""

    def claim(
        self, agency: str, *, now: datetime, lease_end: datetime, queued_after: datetime, letter_id: UUID | None = None
    ) -> Letter | None:
        free = [letter for letter in self._books[agency].letters() if is_free(letter, now) and letter.not_before <= now]
        ages = {letter.queued_at for letter in free if letter.queued_at > queued_after}
        oldest = min(free, key=lambda letter: letter.queued_at).id if len(ages) > 1 else letter_id
        return super().claim(
            agency, now=now, lease_end=lease_end, queued_after=queued_after, letter_id=letter_id or oldest
        )


@breaks("a_letter_that_waited_too_long_is_not_claimed_by_name")
class SendsTooLate(MemoryStore):
    """Only letters that are claimed in their turn are given up."""

    def claim(
        self, agency: str, *, now: datetime, lease_end: datetime, queued_after: datetime, letter_id: UUID | None = None
    ) -> Letter | None:
        oldest = queued_after if letter_id is None else datetime.min.replace(tzinfo=now.tzinfo)
        return super().claim(agency, now=now, lease_end=lease_end, queued_after=oldest, letter_id=letter_id)


@breaks("a_letter_that_waited_too_long_is_not_claimed_by_name")
class EndsOnlyWhatIsNamed(MemoryStore):
    """A claim by name looks at that letter alone."""

    def claim(
        self, agency: str, *, now: datetime, lease_end: datetime, queued_after: datetime, letter_id: UUID | None = None
    ) -> Letter | None:
        named = [x.queued_at for x in self._books[agency].letters() if x.id == letter_id]
        never = datetime.min.replace(tzinfo=now.tzinfo)
        since = never if named and named[0] > queued_after else queued_after
        return super().claim(agency, now=now, lease_end=lease_end, queued_after=since, letter_id=letter_id)


@breaks("letters_that_waited_too_long_end_at_the_next_claim")
class EndsOneAtATime(MemoryStore):
    """A claim gives up the oldest letter, and no other."""

    def claim(
        self, agency: str, *, now: datetime, lease_end: datetime, queued_after: datetime, letter_id: UUID | None = None
    ) -> Letter | None:
        with self._lock:
            book = self._books[agency]
            old = [x for x in book.letters() if is_free(x, now) and x.queued_at <= queued_after][1:]
            for letter in old:
                book.write(evolve(letter, queued_at=now))
            found = super().claim(agency, now=now, lease_end=lease_end, queued_after=queued_after, letter_id=letter_id)
            for letter in old:
                book.write(letter)
            return found


# --- whole agencies, and opening again


@breaks("an_import_that_breaks_off_leaves_nothing")
class WritesHalfAnImport(MemoryStore):
    """What was read before the iterator failed stays."""

    def import_(self, agency: str, records: Iterable[InvoiceRecord]) -> int:
        read: list[InvoiceRecord] = []
        try:
            read.extend(records)  # keeps what came before an error
        finally:
            count = super().import_(agency, read)
        return count


@breaks("an_import_that_breaks_off_leaves_nothing")
class CommitsEveryThousand(MemoryStore):
    """It imports in portions, each in a transaction of its own."""

    def import_(self, agency: str, records: Iterable[InvoiceRecord]) -> int:
        read: list[InvoiceRecord] = []
        try:
            read.extend(records)
        except BaseException:
            super().import_(agency, read[: len(read) // 1000 * 1000])
            raise
        return super().import_(agency, read)


@breaks("records_that_do_not_fit_leave_nothing")
class MergesLetters(MemoryStore):
    """Of two letters of one id it keeps the last, if they come in one record."""

    def import_(self, agency: str, records: Iterable[InvoiceRecord]) -> int:
        merged = (evolve(one, letters=tuple({x.id: x for x in one.letters}.values())) for one in records)
        return super().import_(agency, merged)


class Importer(MemoryStore):
    """It knows what was imported."""

    def __init__(self) -> None:
        super().__init__()
        self.imported: set[UUID] = set()

    def import_(self, agency: str, records: Iterable[InvoiceRecord]) -> int:
        read = list(records)
        self.imported |= {record.invoice.id for record in read}
        return super().import_(agency, read)


@breaks("imported_invoices_are_listed_by_what_they_are")
class ListsImportsAsOpen(Importer):
    """It has imported the column of their status as it is for a new one."""

    def page(self, agency: str, which: InvoiceFilter, **asked: Any) -> Sequence[Invoice]:
        found = super().page(agency, which, **asked)
        return [one for one in found if one.id not in self.imported or which.status in (None, Status.OPEN)]


@breaks("imported_invoices_are_added_up")
class CountsImportsAtNothing(Importer):
    """It has not imported the column of their amounts."""

    def totals(self, agency: str, *, today: date) -> Totals:
        totals = super().totals(agency, today=today)
        return Totals({}, {}, {}, totals.counts) if self.imported else totals


@breaks("imported_invoices_are_found_by_what_they_had")
class ForgetsImportedKeys(Importer):
    """A key that was used before the move makes a second invoice."""

    def by_idempotency_key(self, agency: str, key: str) -> tuple[Invoice, bytes] | None:
        found = super().by_idempotency_key(agency, key)
        return None if found and found[0].id in self.imported else found


@breaks("an_imported_invoice_is_changed_from_its_version")
class ImportsTheFirstVersion(Importer):
    """It has not imported the column of their versions."""

    def apply(self, agency: str, change: Change) -> None:
        if change.invoice.id in self.imported and change.invoice.version != 2:
            raise InvoiceChangedError(change.invoice.version - 1, 1)
        super().apply(agency, change)


@breaks("imported_letters_are_claimed_in_their_turn")
class ImportsNoLeases(Importer):
    """A letter that a worker held where it came from is given to another one."""

    def claim(self, agency: str, **asked: Any) -> Letter | None:
        for letter in self._books[agency].letters():
            if letter.invoice_id in self.imported and letter.state == "queued":
                self._books[agency].write(evolve(letter, lease_end=None))
        return super().claim(agency, **asked)


@breaks("an_agency_goes_on_from_what_was_imported")
class CountsFromOneAfterAnImport(Importer):
    """It has not imported the counter."""

    def add(self, agency: str, new: NewInvoice) -> Invoice:
        with self._lock:
            invoice = super().add(agency, new)
            book = self._books[agency]
            if invoice.id != new.id or not self.imported or len(self.imported) > 6:
                return invoice
            return put(self, agency, evolve(book.records[new.id], invoice=evolve(invoice, number=invoice_number(1))))


@breaks("an_export_gives_every_invoice_by_rising_number")
class ExportsById(MemoryStore):
    """Its order is that of another index."""

    def export(self, agency: str) -> Iterator[InvoiceRecord]:
        yield from sorted(super().export(agency), key=lambda record: record.invoice.id)


@breaks("an_export_takes_little_memory")
class ExportsAllAtOnce(MemoryStore):
    """Every row is there before the first is given."""

    def export(self, agency: str) -> Iterator[InvoiceRecord]:
        invoices = [(record, record.invoice) for record in super().export(agency)]
        copies = [(record, evolve(one, description=one.description.encode().decode())) for record, one in invoices]
        yield from [evolve(record, invoice=one) for record, one in copies]


class TestForgets(InvoiceStoreContract):
    """A store that says it is durable, and is empty each time it is opened."""

    shared = False
    examples = 1

    @pytest.fixture
    def open_store(self) -> Callable[[], InvoiceStore]:
        return MemoryStore


BROKEN["TestForgets"] = "what_was_written_is_there_when_the_store_is_opened_again"


class ForgetsTheTime(MemoryStore):
    """It keeps its books, and the last time only in a variable."""

    def __init__(self, first: MemoryStore) -> None:
        super().__init__()
        self._books = first._books
        self._last: dict[str, datetime] = {}

    def add(self, agency: str, new: NewInvoice) -> Invoice:
        with self._lock:
            invoice = super().add(agency, new)
            if invoice.id != new.id or agency in self._last:
                return invoice
            self._last[agency] = new.at
            return put(self, agency, new.numbered(ordinal_of(invoice.number), new.at))

    def import_(self, agency: str, records: Iterable[InvoiceRecord]) -> int:
        read = list(records)
        self._last.update((agency, record.invoice.created_at) for record in read)
        return super().import_(agency, read)


class TestForgetsTheTime(InvoiceStoreContract):
    """A store that is opened again, and believes the clock."""

    shared = False
    examples = 1

    @pytest.fixture
    def open_store(self) -> Callable[[], InvoiceStore]:
        first = MemoryStore()
        return lambda: ForgetsTheTime(first)


BROKEN["TestForgetsTheTime"] = "what_was_written_is_there_when_the_store_is_opened_again"


class Handle(MemoryStore):
    """One of several over the same books; it remembers what it read until it writes itself."""

    def __init__(self, first: MemoryStore) -> None:
        super().__init__()
        self._books, self._lock = first._books, first._lock
        self._read: dict[tuple[str, UUID], tuple[Invoice, LinkRef] | None] = {}

    def get(self, agency: str, invoice_id: UUID) -> tuple[Invoice, LinkRef] | None:
        return self._read.setdefault((agency, invoice_id), super().get(agency, invoice_id))

    def add(self, agency: str, new: NewInvoice) -> Invoice:
        self._read.clear()
        return super().add(agency, new)

    def apply(self, agency: str, change: Change) -> None:
        self._read.clear()
        super().apply(agency, change)


class TestHandle(InvoiceStoreContract):
    """A store whose handles do not see one another's writes."""

    durable = False
    examples = 1

    @pytest.fixture
    def open_store(self) -> Callable[[], InvoiceStore]:
        first = MemoryStore()
        return lambda: Handle(first)


BROKEN["TestHandle"] = "two_handles_read_what_the_other_wrote"


# --- threads


def pause() -> None:
    """Long enough for another thread to come in between."""
    time.sleep(0.001)


@breaks("many_that_add_at_once_get_numbers_without_a_gap", shared=True)
class NumbersWithoutALock(MemoryStore):
    """It reads the last number, and writes the next one later."""

    def add(self, agency: str, new: NewInvoice) -> Invoice:
        if new.idempotency:
            return super().add(agency, new)
        record = self._books[agency].next_record(new)
        pause()
        return self._books[agency].append(record)


@breaks("many_with_one_key_make_one_invoice", shared=True)
class LooksForTheKeyFirst(MemoryStore):
    """It looks for the key, and writes it later: a second one is an error."""

    def add(self, agency: str, new: NewInvoice) -> Invoice:
        if new.idempotency is None or self.by_idempotency_key(agency, new.idempotency.key):
            return super().add(agency, new)
        pause()
        with self._lock:
            return self._books[agency].append(self._books[agency].next_record(new))


@breaks("one_of_many_that_change_an_invoice_wins", shared=True)
class LooksAtTheVersionFirst(MemoryStore):
    """It looks at the version, and writes later."""

    def apply(self, agency: str, change: Change) -> None:
        before = self.get(agency, change.invoice.id)
        if before is None or before[0].version != change.invoice.version - 1:
            return super().apply(agency, change)
        pause()
        with self._lock:
            version = self._books[agency].records[change.invoice.id].invoice.version + 1
            return super().apply(agency, evolve(change, invoice=evolve(change.invoice, version=version)))


@breaks("no_two_workers_get_the_same_letter", shared=True)
class LeasesLate(MemoryStore):
    """It gives a letter away, and writes its lease later."""

    def claim(self, agency: str, **asked: Any) -> Letter | None:
        with self._lock:
            before = {letter.id: letter for letter in self._books[agency].letters()}
            found = super().claim(agency, **asked)
            if found is None:
                return None
            self._books[agency].write(before[found.id])
        pause()
        with self._lock:
            self._books[agency].write(found)
        return found


@breaks("no_reader_sees_half_a_change", shared=True)
class ChangesInTwoSteps(MemoryStore):
    """The history follows the invoice a moment later."""

    def apply(self, agency: str, change: Change) -> None:
        with self._lock:
            before = self._books[agency].records.get(change.invoice.id)
            super().apply(agency, change)
            after = self._books[agency].records[change.invoice.id]
            put(self, agency, evolve(after, history=before.history if before else ()))
        pause()
        with self._lock:
            put(self, agency, evolve(self._books[agency].records[change.invoice.id], history=after.history))


@breaks("no_reader_sees_an_invoice_with_the_link_of_another_moment", shared=True)
class ReadsInTwoSteps(MemoryStore):
    """It reads the link a moment after the invoice."""

    def get(self, agency: str, invoice_id: UUID) -> tuple[Invoice, LinkRef] | None:
        first = super().get(agency, invoice_id)
        pause()
        second = super().get(agency, invoice_id)
        return (first[0], second[1]) if first and second else None

    def apply(self, agency: str, change: Change) -> None:
        """Slowly enough to be read in between."""
        pause()
        super().apply(agency, change)


@breaks("no_reader_sees_half_an_outcome", shared=True)
class TellsLater(MemoryStore):
    """What became of a letter stands in the history a moment later."""

    def finish(self, agency: str, letter: Letter, entry: HistoryEntry | None) -> bool:
        done = super().finish(agency, letter, None)
        if done and entry:
            pause()
            with self._lock:
                kept = self._books[agency].kept(letter)
                assert kept is not None
                self._books[agency].write(kept, entry)
        return done


@breaks("a_letter_is_withdrawn_whatever_its_worker_writes_at_once", shared=True)
class LooksAtTheLetterFirst(MemoryStore):
    """It looks whether the worker still holds the letter, and writes later."""

    def keep_message(self, agency: str, letter: Letter) -> bool:
        kept = self._books[agency].kept(letter)
        if kept is None or kept.state != "queued" or kept.lease_token != letter.lease_token:
            return False
        pause()
        with self._lock:
            self._books[agency].write(letter)
        return True

    def finish(self, agency: str, letter: Letter, entry: HistoryEntry | None) -> bool:
        kept = self._books[agency].kept(letter)
        after = settled(kept, letter) if kept else None
        if after is None:
            return False
        pause()
        with self._lock:
            self._books[agency].write(after, entry)
        return True
