"""What a desk does in its folder, verb by verb, for a recorder that listens."""

import secrets
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import pytest
from attrs import Factory, define, frozen

from indiopay import Agency, IdempotencyError, Invoice, InvoiceDesk, MailError, Upload, open_folder
from indiopay.attachment import storage_key
from indiopay.invoice import LinkRef
from indiopay.mailers.maildir import MaildirMailer
from indiopay.testing import StoppedClock, memory_desk
from tests.conftest import PAGE, PDF, filled_in
from tests.test_migrations import DUMPS

from .recorder import Recorder, State

AGENCY = Agency("cabinet", "Cabinet Exemple", "facturation@exemple.ca")
LINK_KEY = b"for tests only, 32 bytes in all!".hex()  # that of `memory_desk` too
NAME = "factures"
DATABASE = f"{NAME}/factures.sqlite3"

POLICY = Upload("Police.pdf", PDF)
SCAN = Upload("Balayage.pdf", PDF.replace(b"<< >>", b"<< >>" + b"\n" * 70_000, 1))
FORM = filled_in(files=[POLICY], send_by_email=True)
FORM_WITH_KEY = filled_in(files=[POLICY, SCAN], client_name="Noël Gagné")
KEY = "demande 7"
PAYMENT = "P-1"
_FILE_OF_FIRST_VERSION = "da9a40e09b781f59737f9932e77fa87e"


def open_desk(folder: Path, clock: StoppedClock, **options: Any) -> InvoiceDesk:
    return open_folder(folder / NAME, agency=AGENCY, page_url=PAGE, clock=clock, **options)


@define
class Run:
    """A session that is under way below `base`; the links that it handed out."""

    base: Path
    recorder: Recorder
    clock: StoppedClock = Factory(StoppedClock)
    links: dict[LinkRef, str] = Factory(dict)

    @contextmanager
    def opened(self, **options: Any) -> Iterator[InvoiceDesk]:
        """A desk, whose opening is a verb."""
        with self.recorder.verb("open"):
            desk = open_desk(self.base, self.clock, **options)
        with desk:
            yield desk
            self.hand_out(desk)

    @contextmanager
    def verb(self, name: str, desk: InvoiceDesk) -> Iterator[None]:
        """What is done within is one verb; the links are handed out at its end."""
        with self.recorder.verb(name):
            yield
        self.hand_out(desk)

    def hand_out(self, desk: InvoiceDesk) -> None:
        """Copy the link of every invoice."""
        for invoice in desk.list(limit=200).items:
            self.links[desk._found(invoice.id)[1]] = desk.link(invoice.id)


Session = Callable[[Run], None]


@frozen
class Recording:
    """What a session did below an empty folder, over what was there before, and all that it may have left."""

    calls: Sequence[object]
    states: Sequence[State]
    named: dict[str, bytes]
    links: dict[LinkRef, str]


def record(session: Session, base: Path, *, seed: int, states: Sequence[State] = ()) -> Recording:
    """Run a session below `base`; the same random bytes come of the same seed."""
    recorder, lots = Recorder(base, states), Random(seed)
    run = Run(base, recorder)
    with pytest.MonkeyPatch.context() as patch, recorder.listening():
        patch.setattr(secrets, "token_bytes", lots.randbytes)
        patch.setattr(secrets, "token_hex", lambda size: lots.randbytes(size).hex())
        session(run)
    return Recording(recorder.log, recorder.states, recorder.named, run.links)


def creating(run: Run) -> None:
    """The first opening of a folder, and every way to create."""
    with run.opened() as desk:
        with run.verb("create", desk):
            desk.create(FORM)
        with run.verb("create with a key", desk):
            made = desk.create(FORM_WITH_KEY, idempotency_key=KEY)
        with run.verb("create again with the key", desk):
            desk.create(FORM_WITH_KEY, idempotency_key=KEY)
        with run.verb("create another with the key", desk), suppress(IdempotencyError):
            desk.create(FORM, idempotency_key=KEY)
        with run.verb("record_payment", desk):
            desk.record_payment(made.id, reference=PAYMENT)
    with run.opened() as desk, run.verb("create", desk):
        desk.create(FORM)


class Answering:
    """A mailer that answers as it is told, in turn, and accepts after that."""

    def __init__(self, mailer: MaildirMailer, *answers: MailError | None) -> None:
        self._mailer, self._answers = mailer, list(answers)

    def send(self, *, sender: str, recipient: str, message: bytes) -> None:
        if answer := self._answers.pop(0) if self._answers else None:
            raise answer
        self._mailer.send(sender=sender, recipient=recipient, message=message)


LATER = MailError("rcpt", kind="later", code=450)
NEVER = MailError("rcpt", kind="never", code=550)
UNKNOWN = MailError("silence", kind="unknown")
AWAY = MailError("connect", kind="transport")


def mailing(run: Run) -> None:
    """Letters in every state, and the verbs that end an invoice or a link."""
    mailer = Answering(MaildirMailer(run.base / NAME / "courriels"), LATER, None, NEVER, AWAY, AWAY, UNKNOWN)
    with run.opened(mailer=mailer) as desk:
        first = _created(run, desk, "create, refused for now")
        run.clock.advance(timedelta(minutes=2))
        with run.verb("deliver", desk):
            assert desk.deliver() == 1
        _created(run, desk, "create, refused for good")
        with run.verb("send, relay away", desk):
            desk.send(first.id)
        waiting = _created(run, desk, "create, relay away")
        with run.verb("cancel", desk):
            desk.cancel(waiting.id, reason="Remplacée")
        with run.verb("deliver, answer lost", desk):
            desk.deliver()
        with run.verb("renew_link", desk):
            desk.renew_link(first.id)
        with run.verb("send", desk):
            desk.send(first.id)
        for verb in ("record_payment", "record_payment again"):
            with run.verb(verb, desk):
                desk.record_payment(first.id, reference=PAYMENT)


def _created(run: Run, desk: InvoiceDesk, verb: str) -> Invoice:
    with run.verb(verb, desk):
        return desk.create(FORM)


def importing(run: Run) -> None:
    """An agency moves in; later its folder is swept."""
    there = memory_desk(send_at_once=False)
    for _ in range(3):
        there.create(FORM)
    with run.opened() as desk:
        with run.verb("bring files", desk):
            for key in there._files.keys("", before=there._now() + timedelta(days=1)):
                desk._files.put(key, there._files.read(key))
        with run.verb("import_records", desk):
            desk.import_records(there.export_records())
        with run.verb("bring files", desk):
            desk._files.put(f"{AGENCY.slug}/00/{'0' * 32}", [PDF])
        run.clock.advance(timedelta(days=36_500))
        with run.verb("sweep", desk):
            assert desk.sweep() == 1


def migrating(run: Run) -> None:
    """A database of the first version is brought up to date."""
    with run.opened() as desk:
        assert [found.number for found in desk.list(text="f-000003").items] == ["F-000003"]
        with run.verb("create", desk):
            desk.create(FORM)


def going_on(run: Run) -> None:
    """Another process goes on where one was killed: it asks again for what that one may have done."""
    with run.opened() as desk:
        with run.verb("create again with the key", desk):
            made = desk.create(FORM_WITH_KEY, idempotency_key=KEY)
        with run.verb("record_payment again", desk):
            desk.record_payment(made.id, reference=PAYMENT)
        with run.verb("create", desk):
            desk.create(FORM)


def bring_key(base: Path) -> None:
    """A folder that was begun by a key for links."""
    (base / NAME).mkdir()
    (base / NAME / "cles-des-liens").write_text(f"{LINK_KEY}\n", encoding="ascii")


def bring_first_version(base: Path) -> None:
    """A folder as the library's first version left it."""
    bring_key(base)
    with closing(sqlite3.connect(base / DATABASE)) as db:
        db.executescript((DUMPS / "sqlite-version-1.sql").read_text(encoding="utf-8"))
    kept = base / NAME / "fichiers" / storage_key(AGENCY.slug, UUID(_FILE_OF_FIRST_VERSION))
    kept.parent.mkdir(parents=True)
    kept.write_bytes(PDF)


def bring_nothing(base: Path) -> None:
    """No folder yet."""


SESSIONS: dict[str, tuple[Callable[[Path], None], Session]] = {
    "creating": (bring_nothing, creating),
    "mailing": (bring_nothing, mailing),
    "importing": (bring_key, importing),
    "migrating": (bring_first_version, migrating),
}
"""What is there before, and what is done then."""
