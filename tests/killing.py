"""A harness that kills writers with SIGKILL at random instants, and then counts what they had acknowledged."""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from indiopay import Agency, IndioPayError, InvoiceDesk, Upload, open_folder
from indiopay.testing import memory_desk

from .conftest import PDF, filled_in

AGENCY = Agency("nord", "Assurances du Nord", "facturation@exemple.ca")
WRITERS = 2
LONGEST_LIFE_SECONDS = 0.12

FORM = filled_in(files=[Upload("Police.pdf", PDF)], send_by_email=True)

Acknowledge = Callable[[str], None]
Writer = Callable[[Path, Acknowledge], None]


def open_desk(folder: Path) -> InvoiceDesk:
    return open_folder(folder, agency=AGENCY, page_url="https://exemple.ca/payer/")


def write_for_ever(folder: Path, acknowledge: Acknowledge) -> None:
    """Create invoices, each with a file and a letter, and acknowledge each once `create` has returned."""
    with open_desk(folder) as desk:
        while True:
            acknowledge(str(desk.create(FORM).id))


def kill_writers(folder: Path, *, kills: int, seed: int, write: Writer = write_for_ever) -> set[str]:
    """Run and kill `kills` writers, a few at once; the ids that they acknowledged."""
    lots = random.Random(seed)
    acknowledged: set[str] = set()
    memory_desk().create(FORM)  # what is loaded on first use is loaded before the fork, not within a short life
    open_desk(folder).close()
    for _ in range(0, kills, WRITERS):
        writers = [_fork(folder, write) for _ in range(WRITERS)]
        for pid, _ in writers:
            time.sleep(lots.uniform(0, LONGEST_LIFE_SECONDS))
            os.kill(pid, signal.SIGKILL)
        for pid, pipe in writers:
            os.waitpid(pid, 0)
            with os.fdopen(pipe) as lines:
                acknowledged.update(line.strip() for line in lines if line.endswith("\n"))
    return acknowledged


def _fork(folder: Path, write: Writer) -> tuple[int, int]:
    reader, writer = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writer)
        return pid, reader
    try:
        write(folder, lambda line: _tell(writer, line))
    finally:
        os._exit(1)


def _tell(pipe: int, line: str) -> None:
    os.write(pipe, f"{line}\n".encode("ascii"))


def faults(folder: Path, acknowledged: set[str]) -> list[str]:
    """Everything that a promise was broken by; empty when all of them hold."""
    with open_desk(folder) as desk:
        records = list(desk._store.export(AGENCY.slug))  # what is stored, beneath the desk
        lost = acknowledged - {str(record.invoice.id) for record in records}
        numbers = [record.invoice.number for record in records]
        found = [f"lost: {invoice_id}" for invoice_id in sorted(lost)]
        if numbers != [f"F-{number:06d}" for number in range(1, len(records) + 1)]:
            found.append(f"numbers: {numbers}")
        for record in records:
            found += _halves(desk, record.invoice.id)
    return found


def _halves(desk: InvoiceDesk, invoice_id: object) -> Iterator[str]:
    invoice = desk.get(invoice_id)  # type: ignore[arg-type]  # an id out of the store
    token = desk.link(invoice.id).rpartition("/")[2]
    if len(desk.history(invoice.id)) < 2 or len(desk.deliveries(invoice.id)) != 1:
        yield f"half: {invoice.number} has no history or no letter"
    for attachment in invoice.attachments:
        try:
            list(desk.download(token, attachment.id).chunks)
        except IndioPayError as error:
            yield f"half: {invoice.number} has a file that is {type(error).__name__}"
