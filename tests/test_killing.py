"""Promise 1: what `create` acknowledged is there, whole, after SIGKILL at any instant."""

import secrets
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from indiopay import Invoice
from indiopay.files.folder import FolderFiles
from indiopay.invoice import NewInvoice
from indiopay.stores.sqlite import SqliteStore

from .killing import FORM, Acknowledge, Writer, faults, kill_writers, open_desk

pytestmark = pytest.mark.no_cover  # it goes over and over what other tests cover

WINDOW_SECONDS = 0.01


def test_nothing_acknowledged_is_lost_and_nothing_is_half(tmp_path: Path, kills: int, seed: int) -> None:
    """After every kill each acknowledged invoice has its number, history, letter and file; numbers have no gap."""
    acknowledged = kill_writers(tmp_path / "factures", kills=kills, seed=seed)
    print(f"{kills} kills, {len(acknowledged)} invoices acknowledged, seed {seed}")
    assert len(acknowledged) > kills // 10
    assert faults(tmp_path / "factures", acknowledged) == []


class _AcknowledgesTooEarly(SqliteStore):
    """Says that an invoice is there before its transaction is committed."""

    acknowledge: Acknowledge

    def add(self, agency: str, new: NewInvoice) -> Invoice:
        self.acknowledge(str(new.id))
        time.sleep(WINDOW_SECONDS)
        return super().add(agency, new)


def _write_acknowledging_too_early(folder: Path, acknowledge: Acknowledge) -> None:
    with open_desk(folder) as desk:
        desk._store.__class__ = _AcknowledgesTooEarly  # a store that is broken on purpose
        desk._store.acknowledge = acknowledge  # type: ignore[attr-defined]  # of the broken store
        while True:
            desk.create(FORM)


class _KeepsFilesTooLate(FolderFiles):
    """Writes a file only some time after it was asked to, when the row may be there already."""

    late: list[tuple[str, bytes]]

    def put(self, key: str, chunks: Iterable[bytes]) -> None:
        self.late.append((key, b"".join(chunks)))

    def catch_up(self) -> None:
        while self.late:
            key, content = self.late.pop()
            super().put(key, [content])


def _write_rows_before_files(folder: Path, acknowledge: Acknowledge) -> None:
    with open_desk(folder) as desk:
        files = desk._files  # a file store that is broken on purpose
        files.__class__ = _KeepsFilesTooLate
        files.late = []  # type: ignore[attr-defined]  # of the broken file store
        while True:
            invoice = desk.create(FORM)
            time.sleep(WINDOW_SECONDS)
            files.catch_up()  # type: ignore[attr-defined]  # of the broken file store
            acknowledge(str(invoice.id))


@pytest.mark.parametrize(
    ("write", "fault"), [(_write_acknowledging_too_early, "lost"), (_write_rows_before_files, "half")]
)
def test_the_harness_catches_a_broken_build(tmp_path: Path, write: Writer, fault: str) -> None:
    """A build that acknowledges before the commit loses invoices; one that writes the row first leaves halves."""
    seed = secrets.randbits(32)
    acknowledged = kill_writers(tmp_path / "factures", kills=40, seed=seed, write=write)
    found = faults(tmp_path / "factures", acknowledged)
    assert [line for line in found if line.startswith(fault)], f"40 kills, seed {seed}: {found}"
