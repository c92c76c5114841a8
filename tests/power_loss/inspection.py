"""Opens what a power loss left with the real library, and tells all that is wrong with it."""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from indiopay import IndioPayError, InvoiceDesk
from indiopay.invoice import InvoiceRecord, LinkRef
from indiopay.testing import StoppedClock
from tests.conftest import token_of

from .calls import Promised
from .disk import Image
from .recorder import State, state_of
from .sessions import AGENCY, DATABASE, FORM, NAME, Recording, open_desk

_MAILDIR = PurePosixPath(NAME, "courriels", "new")


class Fault(NamedTuple):
    """What is wrong: its kind, and more of it."""

    kind: str
    told: str


def inspect(image: Image, base: Path, left: Recording, promised: Promised) -> Iterator[Fault]:
    """Every fault of the image, laid out in `base`, of a session that left this, when this was promised of it."""
    yield from _half_files(image, left)
    try:
        with open_desk(base, StoppedClock()) as desk:
            yield from _faults(desk, image, left, promised)
    except IndioPayError as error:
        yield Fault("does not open", f"{error}: {error.__cause__!r}")


def _faults(desk: InvoiceDesk, image: Image, left: Recording, promised: Promised) -> Iterator[Fault]:
    """Before or after, and nothing else; whoever is neither is not asked more."""
    state = found_state(desk)
    if state not in left.states[promised.state : promised.reached + 2]:
        kind = "lost" if state in left.states[: promised.state] else "mixed"
        yield Fault(kind, f"state {promised.state} of {len(left.states)} was promised")
        return
    records = list(desk._store.export(AGENCY.slug))
    for record in records:
        yield from _closed(desk, record, left.links)
    yield from _lost_letters(image, records)
    yield from _stuck(desk, len(records))


def found_state(desk: InvoiceDesk) -> State:
    """All that the desk's database holds, or what SQLite says of its damage; a StorageError if that is beyond it."""
    with desk._store._file.reading() as db:  # type: ignore[attr-defined]  # an SQLite store
        ((told,),) = db.execute("PRAGMA integrity_check(1)")
        return state_of(db) if told == "ok" else ((told, ()),)


def _half_files(image: Image, left: Recording) -> Iterator[Fault]:
    """A file that has its name is whole."""
    for path in image.keys() & left.named.keys() - {DATABASE}:
        if image[path] != left.named[path]:
            yield Fault("half a file", path)


def _closed(desk: InvoiceDesk, record: InvoiceRecord, links: dict[LinkRef, str]) -> Iterator[Fault]:
    """The link that was handed out opens the invoice, and every file of it."""
    number = record.invoice.number
    try:
        link = desk.link(record.invoice.id)
        if links.get(record.link, link) != link:
            yield Fault("no link", f"{number} has another")
        for attachment in record.invoice.attachments:
            b"".join(desk.download(token_of(link), attachment.id).chunks)
    except IndioPayError as error:
        yield Fault("no link" if "link" in type(error).__name__.lower() else "no file", f"{number}: {error}")


def _lost_letters(image: Image, records: Sequence[InvoiceRecord]) -> Iterator[Fault]:
    """A letter that was sent is in the Maildir."""
    kept = {_message_sha256(content) for path, content in image.items() if PurePosixPath(path).parent == _MAILDIR}
    for record in records:
        for letter in record.letters:
            if letter.state == "sent" and letter.message_sha256 not in kept:
                yield Fault("no letter", record.invoice.number)


def _message_sha256(content: bytes | None) -> str:
    """Of the letter in a file of the Maildir: two lines of envelope stand before it."""
    lines = (content or b"").split(b"\n")
    return sha256(b"\r\n".join(lines[2:])).hexdigest()


def _stuck(desk: InvoiceDesk, count: int) -> Iterator[Fault]:
    """The desk goes on with the next number."""
    try:
        number = desk.create(FORM).number
    except IndioPayError as error:
        yield Fault("stuck", f"{error}: {error.__cause__!r}")
        return
    if number != f"F-{count + 1:06d}":
        yield Fault("stuck", f"{number} follows {count}")
