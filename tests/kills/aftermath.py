"""What is found when every writer is dead: all that was told is there, whole, and the work goes on."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import NamedTuple

from indiopay import EntryKind, IndioPayError, Invoice, InvoiceDesk, Status
from indiopay.attachment import storage_key
from indiopay.invoice import InvoiceRecord, invoice_number
from indiopay.outbox import Letter
from tests.conftest import token_of

from .houses import AGENCY, OTHER, House
from .writers import form_of

_MESSAGE_ID = re.compile(rb"^Message-ID: (<.*>)\r$", re.MULTILINE)
_CHANGES = (EntryKind.QUEUED, EntryKind.LINK_RENEWED, EntryKind.PAID, EntryKind.CANCELLED)
_STATUS = {EntryKind.PAID: Status.PAID, EntryKind.CANCELLED: Status.CANCELLED}


class Fault(NamedTuple):
    """How a promise was broken."""

    kind: str
    what: str


def faults(house: House, told: Sequence[str]) -> list[Fault]:
    """Every way in which a promise was broken; nothing when all of them hold."""
    found = [Fault("broke", line) for line in told if line.startswith("broke")]
    if held := house.held():
        return [*found, Fault("held", held)]
    try:
        with house.open() as desk:
            found += _at_once(desk, house, told)
        with house.open(clock=lambda: datetime.now(UTC) + timedelta(hours=26)) as desk:
            found += _a_day_later(desk, house)
    except IndioPayError as error:
        found.append(Fault("gap" if "lacks an invoice" in str(error) else "refused", repr(error)))
    return found


def _at_once(desk: InvoiceDesk, house: House, told: Sequence[str]) -> Iterator[Fault]:
    """The first process after the dead finds what was told, asks again for what was asked under a key, and goes on."""
    for job in _jobs(told):
        if desk.create(form_of(job), idempotency_key=job).description != job:
            yield Fault("twice", f"{job} gives another's invoice")
    records = list(desk._store.export(AGENCY.slug))  # what is stored, beneath the desk
    if house.others and list(desk._store.export(OTHER)) != house.others:
        yield Fault("lost", "what the database held before it was brought up to date")
    yield from _numbers(records)
    yield from _told(desk, records, told)
    for job, count in Counter(record.invoice.description for record in records).items():
        if count > 1:
            yield Fault("twice", job)
    if desk.create(form_of("the next")).number != invoice_number(len(records) + 1):
        yield Fault("gap", "the next number is not the next")


def _a_day_later(desk: InvoiceDesk, house: House) -> Iterator[Fault]:
    """When every lease has run out, and the files of the dead may be swept."""
    desk.deliver(limit=1_000_000)
    desk.sweep()
    records = list(desk._store.export(AGENCY.slug))
    copies = _copies(house)
    for record in records:
        yield from _halves(desk, record)
        for letter in record.letters:
            yield from _letter(record, letter, copies.pop(letter.message_id, []))
    yield from (Fault("letter", f"{message_id} is nobody's") for message_id in copies)
    referred = {storage_key(AGENCY.slug, file.id) for record in records for file in record.invoice.attachments}
    kept = {path.relative_to(house.files).as_posix() for path in house.files.rglob("*") if path.is_file()}
    yield from (Fault("left", key) for key in kept - referred)


def _numbers(records: Sequence[InvoiceRecord]) -> Iterator[Fault]:
    numbers = [record.invoice.number for record in records]
    if numbers != [invoice_number(number) for number in range(1, len(records) + 1)]:
        yield Fault("gap", f"{len(records)} invoices, the last is {numbers[-1]}")
    times = [record.invoice.created_at for record in records]
    if times != sorted(times):
        yield Fault("time", "a later number has an earlier time")


# --- what was told


def _jobs(told: Iterable[str]) -> set[str]:
    return {line.removeprefix("began ") for line in told if line.startswith("began ")}


def _told(desk: InvoiceDesk, records: Iterable[InvoiceRecord], told: Iterable[str]) -> Iterator[Fault]:
    by_id = {str(record.invoice.id): record for record in records}
    for line in told:
        word, _, rest = line.partition(" ")
        if word in _HOLDS:
            invoice_id, *details = rest.split()
            if invoice_id not in by_id:
                yield Fault("lost", line)
            elif not _HOLDS[word](desk, by_id[invoice_id], *details):
                yield Fault("undone", line)


def _was_asked(desk: InvoiceDesk, record: InvoiceRecord, letter_id: str, state: str) -> bool:
    found = [letter for letter in record.letters if str(letter.id) == letter_id]
    return len(found) == 1 and (state == "queued" or found[0].state == state)


def _was_renewed(desk: InvoiceDesk, record: InvoiceRecord, nth: str, link: str) -> bool:
    """A later one may have been done and not told."""
    renewals = _kinds(record)[EntryKind.LINK_RENEWED]
    return renewals > int(nth) or (renewals == int(nth) and desk.link(record.invoice.id) == link)


_HOLDS: Mapping[str, Callable[..., bool]] = {
    "created": lambda desk, record: True,
    "numbered": lambda desk, record, number: record.invoice.number == number,
    "cancelled": lambda desk, record: record.invoice.status is Status.CANCELLED,
    "paid": lambda desk, record, reference: record.invoice.payment_reference == reference,
    "asked": _was_asked,
    "renewed": _was_renewed,
}


# --- what is whole


def _halves(desk: InvoiceDesk, record: InvoiceRecord) -> Iterator[Fault]:
    """Whether it is all that its job asked for, and as its history tells."""
    invoice, form, kinds = record.invoice, form_of(record.invoice.description), _kinds(record)
    beginning = [EntryKind.CREATED, EntryKind.QUEUED][: 1 + form.send_by_email]
    began = [entry.kind for entry in record.history[: len(beginning)] if entry.at == invoice.created_at]
    changes = sum(kinds[kind] for kind in _CHANGES) - form.send_by_email
    if began != beginning or invoice.version != 1 + changes:
        yield Fault("half", f"{invoice.number} lacks a part of its history")
    ends = [_STATUS[entry.kind] for entry in record.history if entry.kind in _STATUS]
    if (ends or [Status.OPEN]) != [invoice.status]:
        yield Fault("half", f"{invoice.number} is not in the status that its history tells")
    queued = [entry.details["delivery_id"] for entry in record.history if entry.kind is EntryKind.QUEUED]
    if queued != [str(letter.id) for letter in record.letters]:
        yield Fault("half", f"{invoice.number} lacks a letter that it asked for")
    if _kept(desk, invoice) != [(upload.name, upload.content) for upload in form.files]:
        yield Fault("half", f"{invoice.number} lacks a file that it asked for, or has another")


def _kept(desk: InvoiceDesk, invoice: Invoice) -> list[tuple[str, bytes | str]]:
    """The files that its link opens, with their bytes or why there are none."""
    token, kept = token_of(desk.link(invoice.id)), list[tuple[str, bytes | str]]()
    for file in invoice.attachments:
        try:
            kept.append((file.name, b"".join(desk.download(token, file.id).chunks)))
        except IndioPayError as error:
            kept.append((file.name, repr(error)))
    return kept


# --- letters


def _letter(record: InvoiceRecord, letter: Letter, copies: Sequence[bytes]) -> Iterator[Fault]:
    """A day later each has gone out, or has ended with its invoice or its link; never both, and never unsaid."""
    told = [entry for entry in record.history if entry.details.get("delivery_id") == str(letter.id)]
    kinds = [entry.kind for entry in told]
    went = letter.sent_at is not None
    is_held = letter.lease_end is not None and letter.last_phase != "at_relay"  # nobody may be left to end that lease
    if letter.state not in ("sent", "cancelled") or is_held or letter.message:
        yield Fault("letter", f"{letter.id} is {letter.state}, or still under way")
    if kinds != [EntryKind.QUEUED, EntryKind.SENT][: 1 + went] or went < (letter.state == "sent"):
        yield Fault("letter", f"{letter.id} is {letter.state}, and its history tells {kinds}")
    if len(copies) < went or (len(copies) > 1 and not letter.maybe_duplicate):
        yield Fault("letter", f"{letter.id} went out {len(copies)} times")
    if {sha256(copy).hexdigest() for copy in copies} - {letter.message_sha256}:
        yield Fault("letter", f"{letter.id} went out with other bytes than were kept")


def _copies(house: House) -> dict[str, list[bytes]]:
    """What went out, by Message-ID, without the envelope that the Maildir puts before it."""
    found: dict[str, list[bytes]] = defaultdict(list)
    for path in house.letters.iterdir():
        message = path.read_bytes().split(b"\n", 2)[2].replace(b"\n", b"\r\n")
        (message_id,) = _MESSAGE_ID.findall(message)
        found[message_id.decode()].append(message)
    return found


def _kinds(record: InvoiceRecord) -> Counter[EntryKind]:
    return Counter(entry.kind for entry in record.history)
