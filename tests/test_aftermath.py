"""Every kind of fault is found where it is planted, and none in a whole house."""

import fcntl
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from indiopay.embedded import DATABASE

from .kills.aftermath import faults
from .kills.houses import House, fast_folder, in_folder
from .kills.writers import do_job, form_of

pytestmark = pytest.mark.no_cover  # it goes over and over what other tests cover

Told = list[str]

JOBS = [f"{number:016x}" for number in range(8)]


@pytest.fixture
def told() -> Told:
    return []


@pytest.fixture
def house(told: Told) -> Iterator[House]:
    """Some jobs were done, half of them under a key, and the writer is gone."""
    with fast_folder() as folder:
        whole = in_folder(folder / "factures")
        with whole.open() as desk:
            for nth, job in enumerate(JOBS):
                if nth % 2:
                    told.append(f"began {job}")
                do_job(desk, told.append, job, key=job if nth % 2 else None)
        yield whole


def test_a_whole_house_has_no_fault(house: House, told: Told) -> None:
    """Whatever was done in it."""
    assert {line.split()[0] for line in told} == {
        "began",
        "created",
        "numbered",
        "asked",
        "renewed",
        "cancelled",
        "paid",
    }
    assert faults(house, told) == []


def sql(statement: str) -> Callable[[House, Told], None]:
    def plant(house: House, told: Told) -> None:
        with closing(sqlite3.connect(house.folder / DATABASE, isolation_level=None)) as db:
            assert db.execute(statement).rowcount

    return plant


def word(line: str) -> Callable[[House, Told], None]:
    def plant(house: House, told: Told) -> None:
        told.append(line)

    return plant


def of_the_last(verb: str) -> Callable[[House, Told], None]:
    """A word about the last invoice, which stays open and has one letter."""

    def plant(house: House, told: Told) -> None:
        with house.open() as desk:
            told.append(verb.format(id=desk.list().items[0].id))

    return plant


def _again(house: House, told: Told) -> None:
    with house.open() as desk:
        desk.create(form_of(JOBS[0]))


def _under_anothers_key(house: House, told: Told) -> None:
    with house.open() as desk:
        desk.create(form_of("other"), idempotency_key="key")
    told.append("began key")


def _file(house: House) -> Path:
    return next(path for path in house.files.rglob("*") if path.is_file())


def _garbled(house: House, told: Told) -> None:
    _file(house).write_bytes(_file(house).read_bytes()[:-1] + b"!")


def _letter(house: House) -> Path:
    return next(house.letters.iterdir())


def _rewritten(house: House, told: Told) -> None:
    _letter(house).write_bytes(_letter(house).read_bytes() + b"!")


def _of_nobody(house: House, told: Told) -> None:
    letter = _letter(house)
    letter.with_name("other").write_bytes(letter.read_bytes().replace(b"Message-ID: <", b"Message-ID: <0"))


PLANTED: list[tuple[str, Callable[[House, Told], object]]] = [
    ("broke", word("broke: StorageError()")),
    ("lost", word(f"created {uuid4()}")),
    ("undone", of_the_last("cancelled {id}")),
    ("undone", of_the_last("paid {id} P-1")),
    ("undone", of_the_last("numbered {id} F-000001")),
    ("undone", of_the_last("renewed {id} 1 https://exemple.ca/payer/x")),
    ("undone", of_the_last(f"asked {{id}} {uuid4()} queued")),
    ("gap", sql("UPDATE invoices SET agency = 'sud' WHERE number = 8")),
    ("gap", sql("UPDATE counters SET last_number = last_number + 1")),
    ("gap", sql("UPDATE invoices SET number = 9 WHERE number = 8")),
    ("time", sql("UPDATE invoices SET created_at = '2020-01-01T00:00:00.000000+00:00' WHERE number = 8")),
    ("twice", _again),
    ("twice", sql("UPDATE invoices SET description = 'other' WHERE number = 8")),
    ("half", lambda house, told: _file(house).unlink()),
    ("half", _garbled),
    ("half", sql("UPDATE invoices SET attachments = '[]' WHERE number = 8")),
    ("half", sql("UPDATE invoices SET version = version + 1 WHERE number = 8")),
    ("half", sql("UPDATE invoices SET status = 'open', paid_at = NULL WHERE number = 1")),
    ("half", sql("DELETE FROM history WHERE seq = 1")),
    ("half", sql("DELETE FROM history WHERE kind = 'paid'")),
    ("half", sql("DELETE FROM letters WHERE seq = 1")),
    ("letter", sql("DELETE FROM history WHERE kind = 'sent'")),
    (
        "letter",
        sql("UPDATE letters SET state = 'queued' WHERE invoice_id = (SELECT id FROM invoices WHERE number = 1)"),
    ),
    ("letter", sql("UPDATE letters SET lease_end = '2020-01-01T00:00:00.000000+00:00' WHERE state = 'sent'")),
    ("letter", sql("UPDATE letters SET message = x'00' WHERE state = 'sent'")),
    ("letter", lambda house, told: _letter(house).unlink()),
    ("letter", lambda house, told: shutil.copy(_letter(house), _letter(house).with_name("again"))),
    ("letter", _rewritten),
    ("letter", _of_nobody),
    ("left", lambda house, told: (house.files / "nord" / "stray").touch()),
    ("refused", sql("UPDATE indiopay_schema SET version = 99")),
    ("refused", _under_anothers_key),
    ("refused", sql("DROP TABLE letters")),
]


@pytest.mark.parametrize(("kind", "plant"), PLANTED, ids=[f"{nth}-{kind}" for nth, (kind, _) in enumerate(PLANTED)])
def test_a_planted_fault_is_found(house: House, told: Told, kind: str, plant: Callable[[House, Told], object]) -> None:
    """One thing that is not as it should be."""
    plant(house, told)
    assert kind in {fault.kind for fault in faults(house, told)}


def test_a_lock_that_is_left_is_found(house: House, told: Told) -> None:
    """Nobody waits for it."""
    with (house.folder / f"{DATABASE}.lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert [fault.kind for fault in faults(house, told)] == ["held"]
