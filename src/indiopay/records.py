"""An agency's invoices as plain records, one at a time, and back: what is exported and imported.

A record names the version of its format (`indiopay.record_format` says how it is spelled). What is read must be whole
and agree with itself. A refusal says which record and where, and quotes nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from hashlib import sha256

from indiopay.attachment import storage_key
from indiopay.errors import InvalidInputError, StorageError
from indiopay.invoice import Invoice, InvoiceRecord
from indiopay.outbox import Letter
from indiopay.problems import Problem
from indiopay.record_format import places_of, reader, writer
from indiopay.status import Status
from indiopay.typed_amount import size_fault

VERSION = 1


def write_records(records: Iterable[InvoiceRecord]) -> Iterator[dict[str, object]]:
    """Each record as a plain one, as it comes."""
    write = writer()
    for record in records:
        yield {"version": VERSION, **write(record)}


def take_records(
    records: Iterable[Mapping[str, object]],
    take: Callable[[Iterator[InvoiceRecord]], int],
    *,
    agency: str,
    stored: Callable[[], Iterable[str]],
) -> int:
    """What `take` makes of the records that `read_records` gives.

    An error of the caller's own iterator comes out as it is, whatever a store takes it for.
    """
    broken: list[Exception] = []
    try:
        return take(read_records(_noted(records, broken), agency=agency, stored=stored))
    except StorageError:
        if broken:
            raise broken[0] from None
        raise


def _noted(records: Iterable[Mapping[str, object]], broken: list[Exception]) -> Iterator[Mapping[str, object]]:
    if not isinstance(records, Iterable):
        raise InvalidInputError((Problem("records", "type"),))
    try:
        yield from records
    except Exception as error:
        broken.append(error)
        raise


def read_records(
    records: Iterable[object], *, agency: str, stored: Callable[[], Iterable[str]]
) -> Iterator[InvoiceRecord]:
    """Each plain record as it comes; InvalidInputError, field "records", for the first one that cannot be taken.

    It must be of this agency and no older than the one before it; each of its files is among the keys that `stored`
    gives (asked once, at the first file), and is no other invoice's.
    """
    claimed: dict[str, bool] | None = None
    last_at: datetime | None = None
    for index, plain in enumerate(records):
        record = read_record(plain, index)
        invoice = record.invoice
        if invoice.agency_slug != agency:
            raise _refused("other_agency", index)
        if last_at is not None and invoice.created_at < last_at:
            raise _refused("malformed", index, "$.invoice.created_at")
        last_at = invoice.created_at
        if invoice.attachments:
            claimed = dict.fromkeys(stored(), False) if claimed is None else claimed
            _claim(invoice, claimed, index)
        yield record


def read_record(plain: object, index: int) -> InvoiceRecord:
    """The record that was written as `plain`, the `index`-th; InvalidInputError names every place that is wrong."""
    if type(plain) is not dict and not isinstance(plain, Mapping):
        raise _refused("malformed", index, "$")
    parts = dict(plain)
    version = parts.pop("version", None)
    if type(version) is not int or version < VERSION:
        raise _refused("malformed", index, "$.version")
    if version > VERSION:
        raise _refused("newer_version", index)
    try:
        record = reader()(parts, InvoiceRecord)
    except Exception:  # noqa: BLE001  # whatever it was: the slower reader says where
        record = _explained(parts, index)
    if places := _contradictions(record):
        raise _refused("malformed", index, *places)
    return record


def _explained(parts: Mapping[str, object], index: int) -> InvoiceRecord:
    """The same record, read by the slower reader, whose error says where."""
    try:
        return reader(explains=True)(parts, InvoiceRecord)
    except Exception as error:  # noqa: BLE001  # cattrs has gathered all that was raised
        raise _refused("malformed", index, *places_of(error)) from None


def _refused(code: str, index: int, *places: str) -> InvalidInputError:
    told: list[dict[str, object]] = [{"where": place} for place in places] or [{}]
    return InvalidInputError(tuple(Problem("records", code, params, index) for params in told))


def _claim(invoice: Invoice, claimed: dict[str, bool], index: int) -> None:
    """Note that its files are this invoice's: all of them must be there, and none may be another's."""
    keys = [storage_key(invoice.agency_slug, attachment.id) for attachment in invoice.attachments]
    if missing := [f"$.invoice.attachments[{place}]" for place, key in enumerate(keys) if key not in claimed]:
        raise _refused("file_missing", index, *missing)
    for place, key in enumerate(keys):
        if claimed[key]:
            raise _refused("malformed", index, f"$.invoice.attachments[{place}].id")
        claimed[key] = True


def _contradictions(record: InvoiceRecord) -> list[str]:
    """Where a record says what cannot be, though each part of it could."""
    invoice, places = record.invoice, []
    if size_fault(invoice.amount.minor_units, invoice.amount.currency):
        places.append("$.invoice.amount.minor_units")
    if not _has_its_end(invoice):
        places.append("$.invoice.status")
    for index, letter in enumerate(record.letters):
        places += [f"$.letters[{index}].{name}" for name in _contradictions_of(letter, invoice)]
    return places


def _has_its_end(invoice: Invoice) -> bool:
    """Whether all of it says that it was paid, that it was cancelled, or neither."""
    is_paid, is_cancelled = invoice.status is Status.PAID, invoice.status is Status.CANCELLED
    return (
        (invoice.paid_at is not None) is (invoice.payment_reference is not None) is is_paid
        and (invoice.cancelled_at is not None) is is_cancelled
        and (is_cancelled or invoice.cancel_reason is None)
    )


def _contradictions_of(letter: Letter, invoice: Invoice) -> list[str]:
    names = []
    if letter.invoice_id.int != invoice.id.int:
        names.append("invoice_id")
    if letter.state == "queued" and invoice.status is not Status.OPEN:
        names.append("state")
    if letter.state != "cancelled" and (letter.sent_at is not None) is not (letter.state == "sent"):
        names.append("sent_at")
    if letter.message is not None and not _waits_with(letter.message, letter):
        names.append("message")
    return names


def _waits_with(message: bytes, letter: Letter) -> bool:
    """Whether the letter waits, and these are the bytes that were rendered."""
    is_ready = letter.state == "queued" and letter.sender is not None
    return is_ready and sha256(message).hexdigest() == letter.message_sha256
