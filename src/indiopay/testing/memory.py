"""A desk that keeps everything in memory."""

from typing import Unpack

from indiopay.agency import Agency
from indiopay.desk import DeskOptions, InvoiceDesk
from indiopay.files.memory import MemoryFiles
from indiopay.links import PaymentLinks
from indiopay.mailers.memory import MemoryMailer
from indiopay.ports import FileStore, InvoiceStore, Mailer
from indiopay.stores.memory import MemoryStore
from indiopay.testing.clock import StoppedClock


class _Parts(DeskOptions):
    agency: Agency
    store: InvoiceStore
    files: FileStore
    mailer: Mailer
    links: PaymentLinks


class MemoryDeskChanges(DeskOptions, total=False):
    """Every parameter of `InvoiceDesk`; those not given are in memory, with a clock that stands still."""

    agency: Agency
    store: InvoiceStore
    files: FileStore
    mailer: Mailer
    links: PaymentLinks


def memory_desk(**changes: Unpack[MemoryDeskChanges]) -> InvoiceDesk:
    """A complete desk without a file, a server or a real clock; `changes` replace its parts.

    It belongs to the agency "cabinet" and stands at 2 March 2026 unless told otherwise. Its link key is the same each
    time: for tests only.
    """
    clock = changes.get("clock", StoppedClock())
    parts: _Parts = {
        "agency": Agency("cabinet", "Cabinet Exemple", "facturation@exemple.ca"),
        "store": MemoryStore(),
        "files": MemoryFiles(clock=clock),
        "mailer": MemoryMailer(),
        "links": PaymentLinks("https://exemple.ca/payer/", keys=[b"for tests only, 32 bytes in all!"]),
        "clock": clock,
    }
    parts.update(changes)
    return InvoiceDesk(**parts)
