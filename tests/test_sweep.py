"""A sweep takes no file that an invoice refers to, or will within a day of its writing."""

import re
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from indiopay import InvoiceDesk
from indiopay.attachment import storage_key
from indiopay.files.bucket import BucketFiles
from indiopay.files.folder import FolderFiles
from indiopay.files.memory import MemoryFiles
from indiopay.stores.memory import MemoryStore
from indiopay.stores.postgres import PostgresStore
from indiopay.stores.sqlite import SqliteStore

from .s3_server import S3Server
from .sweeping import Outcome, Race

pytestmark = pytest.mark.no_cover  # it goes over and over what other tests cover

SECONDS = 1.0


def say(name: str, seed: int, outcome: Outcome) -> str:
    return (
        f"sweep, {name}: {outcome.invoices} invoices ({outcome.imported} imported, {outcome.late} late), "
        f"{outcome.swept} files swept, seed {seed}"
    )


def require_no_fault(outcome: Outcome) -> None:
    """And that there was something to find."""
    assert outcome.faults == []
    assert min(outcome.invoices, outcome.imported, outcome.swept) > 0
    assert outcome.late < outcome.invoices / 4


def test_a_sweep_takes_no_file_of_an_invoice_in_a_folder(
    tmp_path: Path, seed: int, tell: Callable[[str], None]
) -> None:
    """Invoices in SQLite; creates that fail and keys that are used twice leave it enough."""
    with closing(SqliteStore(tmp_path / "factures.sqlite3")) as store:
        outcome = Race(store, FolderFiles(tmp_path / "fichiers"), InvoiceDesk, seed).run(SECONDS)
    tell(say("SQLite and a folder", seed, outcome))
    require_no_fault(outcome)


def test_a_sweep_takes_no_file_of_an_invoice_in_a_bucket(
    postgres: str, s3_server: S3Server, seed: int, tell: Callable[[str], None]
) -> None:
    """Invoices in PostgreSQL."""
    s3_server.empty()
    with closing(PostgresStore(postgres)) as store:
        outcome = Race(store, BucketFiles(s3_server.store()), InvoiceDesk, seed).run(SECONDS)
    tell(say("PostgreSQL and a bucket", seed, outcome))
    require_no_fault(outcome)


class _Broken(InvoiceDesk):
    """Sweeps as the desk does, but for one thing."""

    is_patient = True

    def _orphans(self) -> set[str]:
        before = self._now() - timedelta(days=self.is_patient)
        return set(self._files.keys(f"{self._slug}/", before=before))

    def _used(self) -> set[str]:
        records = self._store.export(self._slug)
        return {storage_key(self._slug, file.id) for record in records for file in record.invoice.attachments}

    def _remove(self, keys: set[str]) -> int:
        for key in keys:
            self._files.delete(key)
        return len(keys)


class _LooksAtInvoicesFirst(_Broken):
    """What was written since it looked is no file of an invoice for it."""

    def sweep(self) -> int:
        used = self._used()
        return self._remove(self._orphans() - used) if used else 0


class _TakesWhatIsYoung(_Broken):
    """It does not wait for the invoice of a file."""

    is_patient = False

    def sweep(self) -> int:
        orphans = self._orphans()
        used = self._used()
        return self._remove(orphans - used) if used else 0


class _SweepsBeforeAnImport(_Broken):
    """It takes the files that were brought for one."""

    def sweep(self) -> int:
        orphans = self._orphans()
        return self._remove(orphans - self._used())


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        (_LooksAtInvoicesFirst, "nord: .* lacks a file"),
        (_TakesWhatIsYoung, "nord: .* lacks a file"),
        (_SweepsBeforeAnImport, "sud-"),
    ],
)
def test_the_race_catches_a_broken_sweep(broken: type[InvoiceDesk], fault: str, seed: int) -> None:
    """At the invoices that it harms."""
    outcome = Race(MemoryStore(), MemoryFiles(), broken, seed).run(1.0)
    assert [found for found in outcome.faults if re.match(fault, found)], say("broken", seed, outcome)
