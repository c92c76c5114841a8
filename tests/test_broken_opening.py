"""A folder whose first opening fails, at whatever step, opens at the next try; nothing is left open."""

import errno
import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import pytest

from indiopay import InvoiceDesk, StorageError, TemplatesError, Upload, open_folder
from indiopay.stores import sqlite_lock
from indiopay.testing.faults import Fault, each

from .broken_parts.benches import fast_folder, open_paths
from .broken_parts.scene import AGENCY
from .broken_parts.ways import connecting_through
from .conftest import PAGE, PDF, filled_in

pytestmark = pytest.mark.no_cover  # it goes over and over what other tests cover


@contextmanager
def system(fault: Fault) -> Iterator[None]:
    """Every call of it that lasting things are made by."""
    with (
        patch("indiopay.durable.os", fault.through(os)),
        patch.object(sqlite_lock, "os", fault.through(os)),
        patch.object(sqlite_lock, "fcntl", fault.through(fcntl)),
    ):
        yield


BENEATH = {
    "system": (system, OSError(errno.EIO, "EIO")),
    "database": (connecting_through, sqlite3.OperationalError("disk I/O error")),
}


def open_(folder: Path) -> InvoiceDesk:
    return open_folder(folder, agency=AGENCY, page_url=PAGE)


def works(folder: Path) -> bool:
    """Whether it can be opened and written, and is the same when it is opened again: a link keeps its key."""
    with open_(folder) as desk:
        made = desk.create(filled_in(files=[Upload("Police.pdf", PDF)], send_by_email=True))
        link = desk.link(made.id)
    with open_(folder) as desk:
        return (made.number, desk.link(made.id), desk.deliveries(made.id)[0].state) == ("F-000001", link, "sent")


@pytest.mark.parametrize("what", BENEATH)
def test_a_first_opening_that_fails_can_be_tried_again(what: str, tell: Callable[[str], None]) -> None:
    """At every call of the system and every statement, once and for good, before it is done and after."""
    beneath, error = BENEATH[what]
    done = 0
    for fault in each(error):
        with fast_folder() as folder, beneath(fault):
            try:
                open_(folder / "factures").close()
            except StorageError as told:
                assert told.__cause__ is not None
            done += fault.happened
            fault.mend()
            assert open_paths(folder) == [], fault
            assert works(folder / "factures"), fault
    tell(f"first openings that failed, {what}: {done}")


def test_a_desk_that_cannot_be_made_leaves_its_database_closed(tmp_path: Path) -> None:
    """Its templates are not there."""
    with pytest.raises(TemplatesError):
        open_folder(tmp_path / "f", agency=AGENCY, page_url=PAGE, templates=tmp_path / "nowhere")
    assert open_paths(tmp_path) == []
