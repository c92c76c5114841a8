"""Promise 4: whatever fails in a store, a file store or a mailer, the state is before or after; the desk goes on."""

import errno
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from indiopay import Invoice, MailError, StorageError, delivery, outbox
from indiopay.files.folder import FolderFiles
from indiopay.intake import Intake
from indiopay.invoice import NewInvoice
from indiopay.mailers.memory import MemoryMailer
from indiopay.outbox import Letter
from indiopay.ports import Mailer
from indiopay.stores.memory import MemoryStore
from indiopay.testing import memory_desk
from indiopay.testing.faults import Fault, mail_errors, storage_errors
from indiopay.uploads import drop_uploads

from .broken_parts.acts import ACTS, FEWER, MAILING, verb_of
from .broken_parts.benches import Bench, MemoryBench, PostgresBench, SqliteBench, fast_folder, open_paths
from .broken_parts.breaking import BrokenPromiseError, Reference, sweep
from .broken_parts.scene import SENT, Scene, filling
from .broken_parts.ways import part_fails
from .conftest import STORES, filled_in
from .driver import VERBS

pytestmark = pytest.mark.no_cover  # it goes over and over what other tests cover

Tell = Callable[[str], None]


@pytest.fixture(params=STORES)
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    with fast_folder() as folder:
        made: Bench = MemoryBench()
        if request.param == "sqlite":
            made = SqliteBench(folder)
        elif request.param == "postgres":
            made = PostgresBench(folder, request.getfixturevalue("postgres"))
        yield made
        made.close()


def test_every_verb_is_asked() -> None:
    """A new one must be added to the acts."""
    assert {verb_of(act) for act in ACTS} == VERBS


@pytest.mark.parametrize("part", ["store", "files"])
def test_every_operation_of_a_part_may_fail(bench: Bench, part: str, tell: Tell) -> None:
    """Once or for good, before it is done or after, with every error: through every verb of the desk."""
    acts = FEWER if isinstance(bench, PostgresBench) else [*ACTS]
    done = sweep(bench, part_fails(part), storage_errors(), acts=acts)
    tell(f"faults of {part} over {bench}: {done}")


def refused(act: str, fault: Fault) -> Reference:
    """What is right when the mailer fails in this way: no verb does, and it has no error."""

    def failing(mailer: Mailer) -> Mailer:
        return Fault(fault.at, fault.error, for_good=fault.for_good, after=fault.after).through(mailer)

    wanted = Reference(act, mailer=failing)
    assert wanted.first.error is None
    return wanted


def test_every_letter_may_be_refused_or_swallowed(bench: Bench, tell: Tell) -> None:
    """In every way in which a mailer may fail, and in one in which it may not: no verb fails, and no letter is lost."""
    errors = (*mail_errors(), OSError(errno.EIO, "EIO"))
    done = sweep(bench, part_fails("mailer"), errors, acts=MAILING, wanted=refused)
    tell(f"faults of a mailer over {bench}: {done}")


SAID = {
    "transport": ("queued", 0, False, "connect"),
    "later": ("queued", 1, False, "rcpt_450"),
    "never": ("failed", 1, False, "rcpt_550"),
    "unknown": ("queued", 1, True, "data"),
}


@pytest.mark.parametrize("error", mail_errors(), ids=lambda error: error.kind)
def test_a_letter_that_was_refused_says_so(error: MailError) -> None:
    """Its invoice is there; what is known of the letter is what the mailer said."""
    desk = memory_desk(mailer=Fault(error=error).through(MemoryMailer()))
    (delivery,) = desk.deliveries(desk.create(filled_in(send_by_email=True)).id)
    assert (delivery.state, delivery.attempts, delivery.maybe_duplicate, delivery.reason) == SAID[error.kind]


def test_a_download_that_nobody_reads_leaves_no_file_open(tmp_path: Path) -> None:
    """As when only its headers are asked for."""
    scene = Scene(MemoryStore(), FolderFiles(tmp_path), MemoryMailer()).fill()
    invoice = filling()[0][SENT].invoice
    download = scene.desk().download(scene.token(SENT), invoice.attachments[0].id)
    assert open_paths(tmp_path)
    assert download.headers["Content-Length"] == "5"
    del download
    assert open_paths(tmp_path) == []


# --- red twins

_added = Intake._added


def _drops_files_that_may_be_in_use(intake: Intake, new: NewInvoice) -> Invoice:
    try:
        return _added(intake, new)
    except StorageError:
        drop_uploads(new.attachments, store=intake.files, agency=intake.agency.slug)
        raise


def _acknowledges_what_failed(intake: Intake, new: NewInvoice) -> Invoice:
    try:
        return _added(intake, new)
    except StorageError:
        return new.numbered(len(filling()[0]) + 1, new.at).invoice


def _takes_silence_for_an_absence(letter: Letter, error: MailError, *, at: datetime) -> Letter:
    return outbox.refused(letter, MailError(error.reason, kind="transport"), at=at)


TWINS: list[tuple[str, str, object, str, Any]] = [
    ("files", "store", Intake, "_added", _drops_files_that_may_be_in_use),
    ("lost", "store", Intake, "_added", _acknowledges_what_failed),
    ("copies", "mailer", delivery, "refused", _takes_silence_for_an_absence),
]
"""How each is caught, over which part that fails, and what is broken for it."""


@pytest.mark.parametrize(("how", "part", "where", "name", "broken"), TWINS)
def test_a_broken_desk_is_caught(
    how: str, part: str, where: object, name: str, broken: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By what is wrong with it."""
    monkeypatch.setattr(where, name, broken)
    errors, wanted = (mail_errors(), refused) if part == "mailer" else (storage_errors(), None)
    with pytest.raises(BrokenPromiseError, match=f"^{how}:"):
        sweep(MemoryBench(), part_fails(part), errors, acts=[MAILING[0]], wanted=wanted)
