"""An agency with invoices in every state, the same to the last drawn byte each time, over parts that fail or do not."""

from collections import deque
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from typing import Any, NamedTuple

from indiopay import Agency, IndioPayError, InvoiceDesk, MailError, PaymentLinks, Upload
from indiopay.attachment import storage_key, verified
from indiopay.files.memory import MemoryFiles
from indiopay.invoice import InvoiceRecord
from indiopay.mailers.maildir import MaildirMailer
from indiopay.mailers.memory import MemoryMailer
from indiopay.outbox import GIVEN_UP_AFTER
from indiopay.ports import FileStore, InvoiceStore, Mailer
from indiopay.stores.memory import MemoryStore
from indiopay.testing import StoppedClock
from indiopay.testing.faults import Fault
from tests.conftest import KEY, PAGE, PDF, filled_in

AGENCY = Agency("nord", "Assurances du Nord", "facturation@exemple.ca")
NOW = datetime(2100, 3, 2, 15, 0, tzinfo=UTC)  # so far ahead that whatever lies in a folder is older than a day
NOTE = Upload("Note.txt", b"Note\n")
ORPHANS = {f"nord/{2 * digit}/{32 * digit}": b"orphan" for digit in "ab"}

SENT, WORN_OUT, PUT_OFF, WAITING, PAID, CANCELLED = range(6)
"""The invoices, by what became of their letters and of themselves."""


class Kept(NamedTuple):
    """What is kept: the invoices, and how many files that belong to none were there and are there still."""

    records: list[InvoiceRecord]
    orphans: int


class Scene:
    """The agency over these parts. In every scene the clock stands at the same time, and the same is drawn."""

    def __init__(self, store: InvoiceStore, files: FileStore, mailer: Mailer, *, seed: int = 2) -> None:
        self.store, self.files, self.mailer = store, files, mailer
        self.clock = StoppedClock(NOW)
        self.links = PaymentLinks(PAGE, keys=[KEY])
        self._random = Random(seed)

    def fill(self, *, with_invoices: bool = True) -> "Scene":
        """Put the invoices and their files into parts that are empty; or their files alone, for an import."""
        records, contents = filling()
        for key, content in contents.items():
            self.files.put(key, [content])
        if with_invoices:
            self.store.import_(AGENCY.slug, records)
        return self

    def desk(self, **changes: Any) -> InvoiceDesk:
        parts = {"store": self.store, "files": self.files, "mailer": self.mailer}
        desk = InvoiceDesk(agency=AGENCY, links=self.links, clock=self.clock, **{**parts, **changes})
        desk._random = desk._intake.random = self._random.randbytes  # type: ignore[assignment]  # it is never called without a size
        return desk

    def token(self, which: int) -> str:
        return self.links.token(AGENCY.slug, filling()[0][which].link)

    def records(self) -> list[InvoiceRecord]:
        return list(self.store.export(AGENCY.slug))

    def kept(self) -> Kept:
        return Kept(self.records(), len(self.stored() & {*ORPHANS}))

    def stored(self) -> set[str]:
        return set(self.files.keys("nord/", before=NOW + timedelta(days=9999)))

    def mail(self) -> list[bytes]:
        """Every letter that was handed over."""
        if isinstance(self.mailer, MemoryMailer):
            return [sent.message for sent in self.mailer.sent]
        assert isinstance(self.mailer, MaildirMailer)
        return [path.read_bytes() for path in (self.mailer._path / "new").iterdir()]

    def damaged(self, records: Iterable[InvoiceRecord]) -> Iterator[str]:
        """The files that one of these invoices has, and that are gone or not as they were."""
        for record in records:
            for file in record.invoice.attachments:
                try:
                    deque(verified(self.files.read(storage_key(AGENCY.slug, file.id)), file), maxlen=0)
                except IndioPayError as error:
                    yield f"{record.invoice.number} has a file that is {type(error).__name__}"


def referred_to(records: Iterable[InvoiceRecord]) -> set[str]:
    """The keys of the files that these invoices have."""
    return {storage_key(AGENCY.slug, file.id) for record in records for file in record.invoice.attachments}


@cache
def filling() -> tuple[list[InvoiceRecord], dict[str, bytes]]:
    """What a scene is filled with: the invoices, and the bytes of their files and of two that belong to none."""
    scene = Scene(MemoryStore(), MemoryFiles(), MemoryMailer(), seed=1)
    scene.clock.advance(-GIVEN_UP_AFTER - timedelta(days=1))
    away = Fault(error=MailError("connect", kind="transport"), for_good=True).through(MemoryMailer())
    asked = filled_in(due_date="60 jours", send_by_email=True)
    scene.desk().create(filled_in(due_date="60 jours", files=[NOTE], send_by_email=True), idempotency_key="K-1")
    scene.desk(send_at_once=False).create(asked)
    scene.clock.advance(GIVEN_UP_AFTER)
    scene.desk(mailer=away).create(asked)
    scene.desk(send_at_once=False).create(
        filled_in(due_date="60 jours", files=[Upload("Police.pdf", PDF)], send_by_email=True)
    )
    scene.desk().record_payment(scene.desk().create(asked).id, reference="P-1")
    scene.desk().cancel(scene.desk().create(asked).id)
    contents = {key: b"".join(scene.files.read(key)) for key in scene.stored()}
    return scene.records(), {**contents, **ORPHANS}
