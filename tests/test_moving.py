"""An agency moves from any store into any other: everything is as it was, and goes on."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import permutations
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from indiopay import (
    Agency,
    IdempotencyError,
    InvalidInputError,
    Invoice,
    InvoiceDesk,
    LinkError,
    MailError,
    PaymentLinks,
    Status,
    StorageError,
    Upload,
)
from indiopay.mailers.memory import MemoryMailer
from indiopay.outbox import GIVEN_UP_AFTER, LEASE
from indiopay.ports import FileStore, InvoiceStore
from indiopay.testing import StoppedClock, memory_desk, strategies

from .conftest import KEY, PAGE, PDF, STORES, filled_in, opened, token_of

pytestmark = pytest.mark.no_cover  # it goes over and over what other tests cover

Both = tuple[InvoiceStore, FileStore]
OpenDesk = Callable[..., InvoiceDesk]


class Ends(NamedTuple):
    """Where an agency comes from and where it goes to."""

    source: Both
    target: Both


@pytest.fixture(params=permutations(STORES, 2), ids="-to-".join)
def ends(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ends]:
    """Two stores of different kinds, each with its files."""
    folders = [tmp_path / name for name in ("source", "target")]
    for folder in folders:
        folder.mkdir()
    source, target = (
        opened(kind, folder, lambda: request.getfixturevalue("postgres"))
        for kind, folder in zip(request.param, folders, strict=True)
    )
    with source as first, target as second:
        yield Ends(first, second)


ANSWERS: dict[str, BaseException] = {
    "later": MailError("rcpt", kind="later", code=450),
    "never": MailError("rcpt", kind="never", code=550),
    "unknown": MailError("data", kind="unknown"),
    "killed": SystemExit(),
}


class _Answers(MemoryMailer):
    """A mailer that answers each recipient in its own way."""

    def send(self, *, sender: str, recipient: str, message: bytes) -> None:
        if answer := ANSWERS.get(recipient.partition("@")[0]):
            raise answer
        super().send(sender=sender, recipient=recipient, message=message)


def desk_over(both: Both, clock: StoppedClock, mailer: MemoryMailer) -> InvoiceDesk:
    return InvoiceDesk(
        agency=Agency("nord", "Assurances du Nord", "facturation@exemple.ca"),
        store=both[0],
        files=both[1],
        mailer=mailer,
        links=PaymentLinks(PAGE, keys=[KEY]),
        clock=clock,
    )


def to(name: str) -> dict[str, Any]:
    """What sends an invoice to someone whose relay answers so."""
    return {"client_email": f"{name}@exemple.ca", "send_by_email": True}


def lives(desk: InvoiceDesk, clock: StoppedClock) -> None:
    """Every kind of invoice and letter that there is, with pauses between."""
    form = filled_in(files=[Upload("Police.pdf", PDF), Upload("Note.txt", b"Bonjour")], **to("zoe"))
    desk.create(filled_in(due_date="2026-03-02", description="En souffrance"), idempotency_key="K-1")
    clock.advance(timedelta(seconds=1, microseconds=7))
    paid = desk.create(form, idempotency_key="K-2")
    clock.advance(timedelta(hours=1))
    desk.record_payment(paid.id, reference="P-1", paid_at=clock() - timedelta(minutes=5))
    cancelled = desk.create(filled_in(currency="USD", **to("later")))
    desk.cancel(cancelled.id, reason="Remplacée\npar la suivante")
    renewed = desk.create(form)
    desk.renew_link(renewed.id)
    old = desk.create(filled_in(client_name="Noël ’ 日本", **to("later")))
    clock.advance(GIVEN_UP_AFTER + timedelta(seconds=1))
    desk.deliver()
    for name in ("never", "unknown", "later"):
        desk.create(filled_in(**to(name)))
    desk.send(old.id)
    with pytest.raises(SystemExit):
        desk.create(filled_in(**to("killed")))
    clock.advance(timedelta(microseconds=1))


def copy_files(source: FileStore, target: FileStore, clock: StoppedClock) -> None:
    for key in source.keys("nord/", before=clock() + timedelta(days=36_500)):
        target.put(key, source.read(key))


def through_json(desk: InvoiceDesk) -> Iterator[dict[str, object]]:
    """An export that was a file in between."""
    lines = [json.dumps(record, allow_nan=False) for record in desk.export_records()]
    return map(json.loads, lines)


def moved(ends: Ends, clock: StoppedClock) -> tuple[InvoiceDesk, InvoiceDesk, MemoryMailer]:
    """The desk that an agency lived at, the one that it moved to, and the mailer of that."""
    before = desk_over(ends.source, clock, _Answers())
    lives(before, clock)
    mailer = MemoryMailer()
    after = desk_over(ends.target, clock, mailer)
    copy_files(ends.source[1], ends.target[1], clock)
    assert after.import_records(through_json(before)) == 9
    return before, after, mailer


def invoices_of(desk: InvoiceDesk) -> tuple[Invoice, ...]:
    return desk.list(limit=200).items


def test_every_record_is_equal(ends: Ends, clock: StoppedClock) -> None:
    """In the stores, and as they export it; with every status and every state of a letter among them."""
    before, after, _ = moved(ends, clock)
    records = list(ends.source[0].export("nord"))
    assert list(ends.target[0].export("nord")) == records
    assert list(after.export_records()) == list(before.export_records())
    letters = [letter for record in records for letter in record.letters]
    assert {record.invoice.status for record in records} == set(Status)
    assert {letter.state for letter in letters} == {"queued", "sent", "failed", "cancelled"}
    for kind in ("message", "maybe_duplicate", "lease_end", "sent_at", "reason"):
        assert any(getattr(letter, kind) for letter in letters), kind


def test_every_verb_that_reads_answers_the_same(ends: Ends, clock: StoppedClock) -> None:
    """List, totals, history, deliveries, links, pages and files."""
    before, after, _ = moved(ends, clock)
    assert invoices_of(after) == invoices_of(before)
    assert after.list(text="noel", overdue=False) == before.list(text="noel", overdue=False)
    assert after.totals() == before.totals()
    for invoice in invoices_of(before):
        for verb in (InvoiceDesk.get, InvoiceDesk.link, InvoiceDesk.history, InvoiceDesk.deliveries):
            assert verb(after, invoice.id) == verb(before, invoice.id)
        token = token_of(before.link(invoice.id))
        assert after.payment_page(token) == before.payment_page(token)
        for attachment in invoice.attachments:
            chunks = (desk.download(token, attachment.id).chunks for desk in (after, before))
            assert len({b"".join(each) for each in chunks}) == 1


def test_keys_answer_and_counting_goes_on(ends: Ends, clock: StoppedClock) -> None:
    """The same key and form give the invoice of before; a new one has the next number and no earlier time."""
    before, after, _ = moved(ends, clock)
    form = filled_in(due_date="2026-03-02", description="En souffrance")
    first = before.create(form, idempotency_key="K-1")
    assert after.create(form, idempotency_key="K-1") == first
    with pytest.raises(IdempotencyError):
        after.create(filled_in(), idempotency_key="K-1")
    clock.advance(timedelta(days=-100))
    last = invoices_of(before)[0]
    added = after.create(filled_in())
    assert (added.number, added.created_at) == ("F-000010", last.created_at)


def test_letters_that_wait_go_out_with_the_bytes_that_they_had(ends: Ends, clock: StoppedClock) -> None:
    """Once, when their time has come; none that has ended goes out again."""
    _, after, mailer = moved(ends, clock)
    waiting = [letter for record in ends.source[0].export("nord") for letter in record.letters if letter.message]
    assert (len(waiting), after.deliver()) == (4, 0)
    clock.advance(LEASE)
    assert after.deliver() == 4
    assert sorted(sent.message for sent in mailer.sent) == sorted(letter.message or b"" for letter in waiting)
    clock.advance(2 * LEASE)
    assert after.deliver() == 0


def test_an_agency_that_moves_back_is_the_same(ends: Ends, clock: StoppedClock, tmp_path: Path) -> None:
    """And once more, into memory."""
    before, after, _ = moved(ends, clock)
    with opened("memory", tmp_path, str) as third:
        copy_files(ends.target[1], third[1], clock)
        back = desk_over(third, clock, MemoryMailer())
        assert back.import_records(after.export_records()) == 9
        assert list(back.export_records()) == list(before.export_records())


def test_a_sweep_after_the_move_removes_no_file(ends: Ends, clock: StoppedClock) -> None:
    """Every file is referred to."""
    _, after, _ = moved(ends, clock)
    clock.advance(timedelta(days=36_500))
    assert after.sweep() == 0


# --- over every store: what is refused leaves nothing


@pytest.fixture
def exported(clock: StoppedClock) -> list[dict[str, Any]]:
    """Three records, the second with a file."""
    desk = memory_desk(agency=Agency("nord", "Assurances du Nord", "facturation@exemple.ca"), clock=clock)
    for files in ((), [Upload("Police.pdf", PDF)], ()):
        desk.create(filled_in(files=files))
    return list(desk.export_records())


def put_file(files: FileStore, record: dict[str, Any]) -> None:
    file_id = record["invoice"]["attachments"][0]["id"]
    files.put(f"nord/{file_id[:2]}/{file_id}", [PDF])


def is_empty(desk: InvoiceDesk) -> bool:
    return invoices_of(desk) == () and list(desk.export_records()) == []


def test_nothing_is_imported_before_the_files_are_there(
    desk: InvoiceDesk, files: FileStore, exported: list[dict[str, Any]]
) -> None:
    """The records before the one with the file neither; with the file all are."""
    with pytest.raises(InvalidInputError, match="records: file_missing"):
        desk.import_records(exported)
    assert is_empty(desk)
    put_file(files, exported[1])
    assert desk.import_records(iter(exported)) == 3


def test_a_record_that_cannot_be_read_leaves_nothing(
    desk: InvoiceDesk, files: FileStore, exported: list[dict[str, Any]]
) -> None:
    """Not even those before it."""
    put_file(files, exported[1])
    with pytest.raises(InvalidInputError) as caught:
        desk.import_records([*exported[:2], {**exported[2], "letters": None}])
    assert [(problem.code, problem.index) for problem in caught.value.problems] == [("malformed", 2)]
    assert is_empty(desk)


def test_another_agencys_records_leave_nothing(open_desk: OpenDesk, exported: list[dict[str, Any]]) -> None:
    """Links and files are the agency's own."""
    desk = open_desk(agency=Agency("sud", "Assurances du Sud", "sud@exemple.ca"))
    with pytest.raises(InvalidInputError, match="records: other_agency"):
        desk.import_records(exported)
    assert is_empty(desk)


@pytest.mark.parametrize(
    "error", [OSError("disk"), ValueError("line 3"), sqlite3.OperationalError("odd"), psycopg.OperationalError("odd")]
)
def test_an_error_of_the_iterator_comes_out_as_it_is_and_leaves_nothing(
    desk: InvoiceDesk, exported: list[dict[str, Any]], error: Exception
) -> None:
    """Also one that a store knows as its driver's; and the store works on."""

    def records() -> Iterator[dict[str, Any]]:
        yield exported[0]
        raise error

    with pytest.raises(type(error)) as caught:
        desk.import_records(records())
    assert caught.value is error
    assert is_empty(desk)
    assert desk.import_records(exported[:1]) == 1


def test_records_that_are_not_all_there_leave_nothing(desk: InvoiceDesk, exported: list[dict[str, Any]]) -> None:
    """A number is missing."""
    with pytest.raises(StorageError):
        desk.import_records([exported[0], exported[2]])
    assert is_empty(desk)


def test_an_agency_with_invoices_takes_no_records(desk: InvoiceDesk, exported: list[dict[str, Any]]) -> None:
    """An import is no merge."""
    invoice = desk.create(filled_in())
    with pytest.raises(StorageError):
        desk.import_records(exported[:1])
    assert invoices_of(desk) == (invoice,)


def test_an_empty_agency_exports_nothing_and_takes_nothing(desk: InvoiceDesk) -> None:
    """And counts from one."""
    assert list(desk.export_records()) == []
    assert desk.import_records([]) == 0
    assert desk.create(filled_in()).number == "F-000001"


def test_an_export_holds_this_agencys_invoices_only(open_desk: OpenDesk) -> None:
    """One store may hold many."""
    south = open_desk(agency=Agency("sud", "Assurances du Sud", "sud@exemple.ca"))
    south.create(filled_in())
    assert list(open_desk().export_records()) == []


def test_links_need_the_key_that_made_them(open_desk: OpenDesk, desk: InvoiceDesk) -> None:
    """It is in no record: without it the links open nothing."""
    link = desk.link(desk.create(filled_in()).id)
    records = list(desk.export_records())
    other = memory_desk(agency=Agency("nord", "Assurances du Nord", "facturation@exemple.ca"))
    assert KEY.hex() not in json.dumps(records) and token_of(link) not in json.dumps(records)
    assert other.import_records(records) == 1
    with pytest.raises(LinkError):
        other.payment_page(token_of(link))


@given(st.lists(strategies.invoice_forms(), min_size=1, max_size=3), st.data())
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_people_fill_in_can_be_moved(forms: list[Any], data: st.DataObject) -> None:
    """Any form, sent or not, paid, cancelled or neither."""
    source = memory_desk()
    for form in forms:
        invoice = source.create(form)
        end = data.draw(st.sampled_from(("pay", "cancel", None)))
        if end == "pay":
            source.record_payment(invoice.id, reference="P-1")
        elif end == "cancel":
            source.cancel(invoice.id, reason=data.draw(st.none() | st.just("Remplacée")))
    target = memory_desk(files=source._files)
    assert target.import_records(through_json(source)) == len(forms)
    assert list(target.export_records()) == list(source.export_records())
