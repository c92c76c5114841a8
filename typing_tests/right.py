"""What must type-check: every public name as callers use it. Read by type checkers, never run."""

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import assert_type
from uuid import UUID

import pytest
from indiopay import (
    Agency,
    Attachment,
    Delivery,
    DeskOptions,
    Download,
    Event,
    HistoryEntry,
    InvalidInputError,
    Invoice,
    InvoiceDesk,
    InvoiceForm,
    MailError,
    Money,
    Page,
    PaymentLinks,
    PaymentPage,
    Problem,
    Status,
    Totals,
    Upload,
    describe,
    format_date,
    label,
    open_folder,
    parse_due_date,
)
from indiopay.files.folder import FolderFiles
from indiopay.files.memory import MemoryFiles
from indiopay.mailers.maildir import MaildirMailer
from indiopay.mailers.memory import MemoryMailer
from indiopay.ports import FileStore, InvoiceStore, Mailer, Scanner
from indiopay.stores.memory import MemoryStore
from indiopay.stores.postgres import PostgresStore
from indiopay.stores.sqlite import SqliteStore
from indiopay.testing import InvoiceStoreContract, StoppedClock, faults, memory_desk


class OwnMailer:
    """A host's mailer needs no base class."""

    def send(self, *, sender: str, recipient: str, message: bytes) -> None:
        """Refuse everything."""
        raise MailError("rcpt", kind="never", code=550)


class OwnFiles:
    """Nor does a file store."""

    def put(self, key: str, chunks: Iterable[bytes]) -> None:
        """Keep nothing."""

    def read(self, key: str) -> Iterator[bytes]:
        """Give nothing."""
        yield b""

    def keys(self, prefix: str, *, before: datetime) -> Iterator[str]:
        """Know nothing."""
        yield from ()

    def delete(self, key: str) -> None:
        """Do nothing."""


def scan(name: str, chunks: Iterator[bytes]) -> None:
    """A plain function is a scanner."""
    raise InvalidInputError((Problem("files", "mismatch"),))


stores: list[InvoiceStore] = [MemoryStore(), SqliteStore("factures.sqlite3"), PostgresStore("dbname=factures")]
file_stores: list[FileStore] = [MemoryFiles(), FolderFiles("fichiers"), OwnFiles()]
mailers: list[Mailer] = [MemoryMailer(), MaildirMailer("courriels"), OwnMailer()]
scanner: Scanner = scan
agency = Agency("nord", "Assurances du Nord", "facturation@exemple.ca")


def on_event(event: Event) -> None:
    """What a host that counts writes."""
    assert_type(event.invoice_id, UUID | None)


options: DeskOptions = {"send_at_once": False, "scanner": scan, "on_event": on_event}


def every_verb(desk: InvoiceDesk, invoice_id: UUID, token: str) -> None:
    """The desk, button by button."""
    form = InvoiceForm(Decimal("12.50"), date(2027, 3, 1), "Zoé", "zoe@exemple.ca", files=[Upload("a.txt", b"a")])
    assert_type(desk.check(form), tuple[Problem, ...])
    assert_type(desk.create(form, idempotency_key="1"), Invoice)
    assert_type(desk.list(status=Status.OPEN, order="due"), Page[Invoice])
    assert_type(desk.totals(), Totals)
    assert_type(desk.link(invoice_id), str)
    assert_type(desk.send(invoice_id), Delivery)
    assert_type(desk.deliveries(invoice_id), tuple[Delivery, ...])
    assert_type(desk.history(invoice_id), tuple[HistoryEntry, ...])
    assert_type(desk.record_payment(invoice_id, reference="1"), Invoice)
    assert_type(desk.cancel(invoice_id, reason=None), Invoice)
    assert_type(desk.payment_page(token, locale="en"), PaymentPage)
    assert_type(desk.download(token, invoice_id), Download)


class TestOwnStore(InvoiceStoreContract):
    """An author's own store, held to the contract."""

    durable = False
    examples = 100

    @pytest.fixture
    def open_store(self) -> Callable[[], InvoiceStore]:
        """Make it."""
        return MemoryStore


def every_page(page: PaymentPage) -> str:
    """The page as a host shows it."""

    def file_url(attachment: Attachment) -> str:
        return attachment.name

    return page.to_html(file_url=file_url, language_url=lambda locale: locale)


with open_folder("factures", agency=agency, page_url="https://exemple.ca/", **options) as opened:
    assert_type(opened, InvoiceDesk)
desk = memory_desk(agency=agency, clock=StoppedClock(), links=PaymentLinks("https://exemple.ca/", keys=[b"k" * 32]))
assert_type(Money.parse("1", currency="CAD", locale="en") + Money.of(2, "CAD"), Money)
assert_type(parse_due_date("demain", locale="fr", today=date(2027, 3, 1)), date)
assert_type(format_date(date(2027, 3, 1), "fr_CA", style="full") + label("amount", "en"), str)
assert_type(describe(Status.PAID, "en"), str)
for fault in faults.each(*faults.storage_errors(), OSError(5, "EIO")):
    assert_type(fault.through(MemoryStore()), MemoryStore)
    assert_type(fault.do(int, "1"), int)
