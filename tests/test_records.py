"""Records on their way out of one store and into another: whole, in order, with their files, or refused."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from attrs import evolve

from indiopay import InvalidInputError, Problem, Status, StorageError
from indiopay.attachment import Attachment
from indiopay.invoice import InvoiceRecord
from indiopay.outbox import Letter
from indiopay.records import VERSION, read_record, read_records, take_records, write_records

from .test_record_format import changed
from .whole_records import NOW, numbered, plain, whole_record

PAID = {"status": Status.PAID, "paid_at": NOW, "payment_reference": "P-1"}
CANCELLED = {"status": Status.CANCELLED, "cancelled_at": NOW}
KEY = "nord/00/00000000000000000000000000000002"


def told(problems: Iterable[Problem]) -> list[tuple[str, object, int | None]]:
    assert {problem.field for problem in problems} == {"records"}
    return [(problem.code, problem.params.get("where"), problem.index) for problem in problems]


def bare(**changes: Any) -> InvoiceRecord:
    """A record without letters and files; its invoice has `changes`."""
    return evolve(whole_record(**{"attachments": (), **changes}), letters=())


def with_letter(status: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """A plain record of an invoice in that status, whose one letter holds no bytes and has `changes`."""
    record = whole_record(**status)
    letter = evolve(record.letters[0], message=None, **changes)
    return plain(evolve(record, letters=(letter,)))


def read(*records: object, stored: Callable[[], Iterable[str]] = lambda: [KEY]) -> list[InvoiceRecord]:
    return list(read_records(records, agency="nord", stored=stored))


def refused(*records: object, **stored: Any) -> list[tuple[str, object, int | None]]:
    with pytest.raises(InvalidInputError) as caught:
        read(*records, **stored)
    return told(caught.value.problems)


def test_records_are_written_one_at_a_time() -> None:
    """Each when it is asked for, with the version of its format."""
    asked: list[int] = []

    def records() -> Iterator[InvoiceRecord]:
        for number in (1, 2):
            asked.append(number)
            yield numbered(bare(), number)

    written = write_records(records())
    assert asked == []
    assert next(written)["version"] == VERSION == 1
    assert asked == [1]
    assert len(list(written)) == 1


def test_records_are_read_one_at_a_time() -> None:
    """A bad one stops those behind it only."""
    records = read_records([plain(bare()), "bad"], agency="nord", stored=list)
    assert next(records) == bare()
    with pytest.raises(InvalidInputError):
        next(records)


def test_any_mapping_is_a_record() -> None:
    """It need not be a dict."""

    class Row(Mapping[str, object]):
        def __getitem__(self, key: str) -> object:
            return plain(bare())[key]

        def __iter__(self) -> Iterator[str]:
            return iter(plain(bare()))

        def __len__(self) -> int:
            return 6

    assert read(Row()) == [bare()]


@pytest.mark.parametrize("version", [2, 3, 2**70])
def test_a_newer_version_is_told_whatever_else_it_holds(version: int) -> None:
    """Its keys are those of a library to come."""
    assert refused({"version": version, "facture": {}}) == [("newer_version", None, 0)]


@pytest.mark.parametrize("version", [0, -1, True, "1", 1.0, None])
def test_no_other_version_has_ever_been(version: object) -> None:
    """Nor a record without one."""
    assert refused({**plain(bare()), "version": version}) == [("malformed", "$.version", 0)]
    assert refused({"invoice": {}}) == [("malformed", "$.version", 0)]


@pytest.mark.parametrize("record", [None, "record", 7, [], [plain(bare())], b"{}"])
def test_what_is_no_mapping_is_no_record(record: object) -> None:
    """A line of JSON that was not parsed yet, say."""
    assert refused(plain(bare()), record) == [("malformed", "$", 1)]


@pytest.mark.parametrize(
    "ends",
    [
        {"paid_at": NOW},
        {"payment_reference": "P-1"},
        {"cancelled_at": NOW},
        {"cancel_reason": "Remplacée"},
        {"status": Status.PAID},
        {**PAID, "paid_at": None},
        {**PAID, "payment_reference": None},
        {**PAID, "cancelled_at": NOW},
        {**PAID, "cancel_reason": "Remplacée"},
        {"status": Status.CANCELLED},
        {"status": Status.CANCELLED, "cancel_reason": "Remplacée"},
        {**CANCELLED, "paid_at": NOW},
        {**CANCELLED, "payment_reference": "P-1"},
        {**CANCELLED, "paid_at": NOW, "payment_reference": "P-1"},
    ],
)
def test_a_status_agrees_with_its_times_and_words(ends: dict[str, Any]) -> None:
    """Paid, cancelled or neither, in every field."""
    assert refused(plain(bare(**ends))) == [("malformed", "$.invoice.status", 0)]


@pytest.mark.parametrize("ends", [{}, PAID, CANCELLED, {**CANCELLED, "cancel_reason": "Remplacée"}])
def test_every_status_can_be_read(ends: dict[str, Any]) -> None:
    """A reason need not be given."""
    assert read(plain(bare(**ends))) == [bare(**ends)]


@pytest.mark.parametrize(
    ("status", "letter", "where"),
    [
        ({}, {"invoice_id": UUID(int=9)}, "invoice_id"),
        (PAID, {}, "state"),
        (CANCELLED, {}, "state"),
        ({}, {"sent_at": NOW}, "sent_at"),
        ({}, {"state": "sent"}, "sent_at"),
        ({}, {"state": "failed", "sent_at": NOW}, "sent_at"),
    ],
)
def test_a_letter_agrees_with_its_invoice_and_with_itself(
    status: dict[str, Any], letter: dict[str, Any], where: str
) -> None:
    """It is this invoice's; none waits once that is paid or cancelled; it was sent if it says so."""
    assert refused(with_letter(status, **letter)) == [("malformed", f"$.letters[0].{where}", 0)]


@pytest.mark.parametrize(
    ("status", "letter"),
    [
        (PAID, {"state": "sent", "sent_at": NOW}),
        ({}, {"state": "failed"}),
        (CANCELLED, {"state": "cancelled"}),
        (CANCELLED, {"state": "cancelled", "sent_at": NOW}),
    ],
)
def test_every_end_of_a_letter_can_be_read(status: dict[str, Any], letter: dict[str, Any]) -> None:
    """One that was cancelled at the relay may have arrived."""
    record = with_letter(status, **letter)
    assert plain(read(record)[0]) == record


@pytest.mark.parametrize(
    "letter",
    [{"sender": None}, {"message_sha256": None}, {"message_sha256": "00" * 32}, {"message": b""}, {"state": "failed"}],
)
def test_the_bytes_of_a_letter_are_those_that_were_rendered(letter: dict[str, Any]) -> None:
    """Kept with their sender and their hash, and only while the letter waits."""
    record = whole_record()
    changed_letter: Letter = evolve(record.letters[0], **letter)
    where = "$.letters[0].message"
    assert refused(plain(evolve(record, letters=(changed_letter,)))) == [("malformed", where, 0)]


def test_every_contradiction_is_told_at_once() -> None:
    """With the letter that it stands in."""
    second = evolve(whole_record().letters[0], id=UUID(int=4), invoice_id=UUID(int=9))
    record = evolve(whole_record(**CANCELLED, paid_at=NOW), letters=(whole_record().letters[0], second))
    record = changed(plain(record), ("invoice", "amount", "minor_units"), 10**14)
    assert [where for _, where, _ in refused(record)] == [
        "$.invoice.amount.minor_units",
        "$.invoice.status",
        "$.letters[0].state",
        "$.letters[1].invoice_id",
        "$.letters[1].state",
    ]


def test_another_agencys_record_is_refused() -> None:
    """Its links and its files are that agency's."""
    assert refused(plain(bare()), plain(bare(agency_slug="sud"))) == [("other_agency", None, 1)]


def test_times_of_creation_never_fall() -> None:
    """Date order is number order; equal times are in order."""
    first, same = plain(numbered(bare(), 1)), plain(numbered(bare(), 2))
    earlier = plain(numbered(bare(created_at=NOW - timedelta(microseconds=1)), 3))
    assert len(read(first, same)) == 2
    assert refused(first, same, earlier) == [("malformed", "$.invoice.created_at", 2)]


def test_the_files_are_asked_for_once_and_only_if_there_are_any() -> None:
    """An agency without files lists none."""
    asked: list[bool] = []

    def stored() -> Iterator[str]:
        asked.append(True)
        return iter([KEY, KEY.replace("02", "05")])

    other = evolve(whole_record().invoice.attachments[0], id=UUID(int=5))
    none, one, two = bare(), whole_record(), whole_record(attachments=(other,))
    assert len(read(plain(none), stored=stored)) == 1
    assert asked == []
    assert len(read(plain(none), plain(numbered(one, 2)), plain(numbered(two, 3)), stored=stored)) == 3
    assert asked == [True]


def with_files(*ids: int) -> InvoiceRecord:
    sample = whole_record().invoice.attachments[0]
    files: tuple[Attachment, ...] = tuple(evolve(sample, id=UUID(int=file_id)) for file_id in ids)
    return bare(attachments=files)


def test_a_file_that_is_missing_is_told_with_all_that_are() -> None:
    """By its place, not by its name."""
    assert refused(plain(bare()), plain(numbered(with_files(7, 2, 8), 2))) == [
        ("file_missing", "$.invoice.attachments[0]", 1),
        ("file_missing", "$.invoice.attachments[2]", 1),
    ]


def test_a_file_of_another_agency_is_missing() -> None:
    """Even under the same id."""
    assert refused(plain(whole_record()), stored=lambda: [KEY.replace("nord", "sud")])[0][0] == "file_missing"


@pytest.mark.parametrize("records", [(with_files(2), with_files(2)), (with_files(2, 2),)], ids=["two", "one"])
def test_a_file_belongs_to_one_invoice(records: tuple[InvoiceRecord, ...]) -> None:
    """Once."""
    plains = [plain(numbered(record, number)) for number, record in enumerate(records, start=1)]
    where = f"$.invoice.attachments[{len(records[-1].invoice.attachments) - 1}].id"
    assert refused(*plains) == [("malformed", where, len(plains) - 1)]


def take(records: Any, into: Callable[[Iterator[InvoiceRecord]], int] = lambda found: len(list(found))) -> int:
    return take_records(records, into, agency="nord", stored=list)


def a_store_that_wraps(records: Iterator[InvoiceRecord]) -> int:
    """It takes every error for its driver's."""
    try:
        return len(list(records))
    except OSError as error:
        raise StorageError("the database cannot be opened") from error


def test_what_is_taken_is_counted() -> None:
    """By whoever takes it."""
    assert take([plain(bare())]) == 1
    assert take(iter(())) == 0


@pytest.mark.parametrize("records", [None, 7])
def test_what_is_no_iterable_is_refused(records: object) -> None:
    """A file's name would be one: its letters are no records."""
    with pytest.raises(InvalidInputError) as caught:
        take(records)
    assert told(caught.value.problems) == [("type", None, None)]
    with pytest.raises(InvalidInputError) as caught:
        take("factures.jsonl")
    assert told(caught.value.problems) == [("malformed", "$", 0)]


def test_an_error_of_the_iterator_comes_out_as_it_is() -> None:
    """The very same, also out of a store that takes it for its own."""
    broken = OSError("the disk of the export")

    def records() -> Iterator[dict[str, Any]]:
        yield plain(bare())
        raise broken

    for into in (a_store_that_wraps, lambda found: len(list(found))):
        with pytest.raises(OSError, match="export") as caught:
            take(records(), into)
        assert caught.value is broken


def test_an_error_of_the_store_comes_out_as_it_is() -> None:
    """Whether it has begun to read or not."""
    full = StorageError("the disk is full")

    def into(records: Iterator[InvoiceRecord]) -> int:
        next(records)
        raise full

    with pytest.raises(StorageError) as caught:
        take([plain(bare())], into)
    assert caught.value is full


def test_a_record_alone_says_which_one_it_is() -> None:
    """Counted from zero."""
    with pytest.raises(InvalidInputError) as caught:
        read_record(None, 41)
    assert caught.value.problems[0].index == 41
