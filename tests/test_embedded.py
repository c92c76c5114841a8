"""The embedded default: a desk whose everything lies in one folder."""

import os
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest

from indiopay import Agency, FilePolicy, InvalidInputError, InvoiceDesk, StorageError, Upload, open_folder
from indiopay.durable import create_file
from indiopay.links import _key_id as key_id
from indiopay.mailers.memory import MemoryMailer

from .conftest import PAGE, PDF, filled_in, token_of


def open_(folder: Path, **options: Any) -> InvoiceDesk:
    return open_folder(
        folder, agency=Agency("nord", "Assurances du Nord", "facturation@exemple.ca"), page_url=PAGE, **options
    )


def mode(path: Path) -> str:
    return oct(path.stat().st_mode & 0o777)


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    """Invoice, link, file, letter and history, from a desk that knows only the folder."""
    with open_(tmp_path / "f") as desk:
        invoice = desk.create(filled_in(files=[Upload("Police.pdf", PDF)], send_by_email=True))
        link, history = desk.link(invoice.id), desk.history(invoice.id)
    with open_(tmp_path / "f") as again:
        assert (again.get(invoice.id), again.link(invoice.id), again.history(invoice.id)) == (invoice, link, history)
        download = again.download(token_of(link), invoice.attachments[0].id)
        assert b"".join(download.chunks) == PDF
        assert [delivery.state for delivery in again.deliveries(invoice.id)] == ["sent"]
    assert len(list((tmp_path / "f" / "courriels" / "new").iterdir())) == 1


def test_the_folder_is_its_owners_alone(tmp_path: Path) -> None:
    """Folders 0700, the key and every other file 0600."""
    folder = tmp_path / "f"
    with open_(folder) as desk:
        desk.create(filled_in(files=[Upload("Police.pdf", PDF)], send_by_email=True))
    assert mode(folder) == "0o700"
    assert mode(folder / "cles-des-liens") == "0o600"
    for path in folder.rglob("*"):
        assert mode(path) == ("0o700" if path.is_dir() else "0o600")


def test_an_empty_folder_is_closed_to_others_and_one_in_use_keeps_its_mode(tmp_path: Path) -> None:
    """A folder that holds other things belongs to its owner's rules."""
    empty, used = tmp_path / "empty", tmp_path / "used"
    for folder in (empty, used):
        folder.mkdir(mode=0o755)
    (used / "notes.txt").write_text("x")
    for folder in (empty, used):
        open_(folder).close()
    assert (mode(empty), mode(used), mode(used / "factures.sqlite3")) == ("0o700", "0o755", "0o600")


def test_a_relative_folder_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if the program changes its own."""
    monkeypatch.chdir(tmp_path)
    with open_(Path("f"), mailer=MemoryMailer()) as desk:
        monkeypatch.chdir("/")
        desk.create(filled_in(files=[Upload("Police.pdf", PDF)]))
    assert (tmp_path / "f" / "factures.sqlite3").exists()


def test_the_key_file_holds_the_ring(tmp_path: Path) -> None:
    """One key a line, all of them verify, the last signs: a link outlives a new key."""
    folder = tmp_path / "f"
    with open_(folder) as desk:
        invoice = desk.create(filled_in())
        link = desk.link(invoice.id)
    ring = folder / "cles-des-liens"
    first = bytes.fromhex(ring.read_text())
    new = next(key for key in (bytes(32), b"1" * 32, b"2" * 32) if key_id(key) != key_id(first))
    ring.write_text(f"{first.hex()}\n{new.hex()}\n")
    with open_(folder) as desk:
        assert desk.link(invoice.id) == link
        assert desk.invoice_for_link(token_of(link)) == invoice
        assert desk.renew_link(invoice.id) != link


@pytest.mark.parametrize("content", ["", "\n", "ab" * 31, "xy" * 32, "ab" * 33, "é", "ab" * 32 + "\nab"])
def test_a_key_file_that_is_too_short_or_unreadable_is_refused_untouched(tmp_path: Path, content: str) -> None:
    """A new key would make every link of the past open nothing."""
    folder = tmp_path / "f"
    open_(folder).close()
    ring = folder / "cles-des-liens"
    ring.write_text(content)
    with pytest.raises(StorageError, match="64 hex digits"):
        open_(folder)
    assert ring.read_text() == content


def test_a_key_file_that_is_gone_is_not_made_anew(tmp_path: Path) -> None:
    """Where there are invoices, it says to restore it."""
    folder = tmp_path / "f"
    open_(folder).close()
    (folder / "cles-des-liens").unlink()
    with pytest.raises(StorageError, match="restore cles-des-liens"):
        open_(folder)


@pytest.mark.parametrize("with_files", [True, False])
def test_a_database_that_is_gone_or_empty_is_not_made_anew(tmp_path: Path, with_files: bool) -> None:
    """Numbers would begin again at 1. Its lock file tells, and the files do where that is gone too."""
    with open_(tmp_path / "f") as desk:
        desk.create(filled_in(files=[Upload("Police.pdf", PDF)] if with_files else []))
    database = tmp_path / "f" / "factures.sqlite3"
    for damage in (lambda: database.write_bytes(b""), database.unlink):
        damage()
        with pytest.raises(StorageError, match=r"gone or empty: restore factures\.sqlite3"):
            open_(tmp_path / "f")
    assert not database.exists()
    database.with_name("factures.sqlite3.lock").unlink()
    with pytest.raises(StorageError, match=r"restore factures\.sqlite3") if with_files else nullcontext():
        open_(tmp_path / "f").close()


def test_letters_tell_of_a_database_that_is_gone(tmp_path: Path) -> None:
    """In a folder that was restored, or copied, nothing else may."""
    with open_(tmp_path / "f") as desk:
        desk.create(filled_in(send_by_email=True))
    for name in ("factures.sqlite3", "factures.sqlite3.lock"):
        (tmp_path / "f" / name).unlink()
    with pytest.raises(StorageError, match=r"restore factures\.sqlite3"):
        open_(tmp_path / "f")


def test_no_part_is_made_anew_where_the_database_is_gone(tmp_path: Path) -> None:
    """A new key beside a restored database would open no link, without a word."""
    open_(tmp_path / "f").close()
    for name in ("factures.sqlite3", "cles-des-liens"):
        (tmp_path / "f" / name).unlink()
    (tmp_path / "f" / "fichiers").rmdir()
    with pytest.raises(StorageError, match=r"restore factures\.sqlite3"):
        open_(tmp_path / "f")
    assert not any((tmp_path / "f" / name).exists() for name in ("cles-des-liens", "fichiers"))


def test_a_folder_of_files_that_is_gone_is_not_made_anew(tmp_path: Path) -> None:
    """Files would be put where the old ones are not."""
    open_(tmp_path / "f").close()
    (tmp_path / "f" / "fichiers").rmdir()
    with pytest.raises(StorageError, match="restore fichiers"):
        open_(tmp_path / "f")
    assert not (tmp_path / "f" / "fichiers").exists()


def test_two_processes_that_make_the_key_at_once_share_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first one's stays, and both read it."""
    import indiopay.embedded

    theirs = "cd" * 32

    def late(path: Path, chunks: Any, *, part: Path) -> None:
        path.write_text(theirs)
        create_file(path, chunks, part=part)

    monkeypatch.setattr(indiopay.embedded, "create_file", late)
    open_(tmp_path / "f").close()
    assert (tmp_path / "f" / "cles-des-liens").read_text() == theirs


def test_the_same_key_twice_is_refused(tmp_path: Path) -> None:
    """Two keys of one id cannot be told apart."""
    folder = tmp_path / "f"
    folder.mkdir()
    (folder / "cles-des-liens").write_text(f"{'ab' * 32}\n{'ab' * 32}\n")
    with pytest.raises(StorageError, match="cles-des-liens"):
        open_(folder)


def a_file(folder: Path) -> None:
    folder.write_bytes(b"x")


def a_folder_in_place_of_the_key(folder: Path) -> None:
    (folder / "cles-des-liens").mkdir(parents=True)


def a_file_in_place_of_the_files(folder: Path) -> None:
    folder.mkdir()
    (folder / "fichiers").write_bytes(b"x")


def a_folder_in_place_of_the_database(folder: Path) -> None:
    (folder / "factures.sqlite3").mkdir(parents=True)
    (folder / "cles-des-liens").write_text("ab" * 32)


@pytest.mark.parametrize(
    "plant",
    [a_file, a_folder_in_place_of_the_key, a_file_in_place_of_the_files, a_folder_in_place_of_the_database],
)
def test_a_folder_that_cannot_serve_is_told(tmp_path: Path, plant: Callable[[Path], None]) -> None:
    """With what to check."""
    plant(tmp_path / "f")
    with pytest.raises(StorageError, match="check its"):
        open_(tmp_path / "f")


def _refusal_of_a_stranger(folder: Path) -> str:
    """What a process without rights is told; root gives its own up in a child."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setuid(65534)
            open_(folder)
        except StorageError as error:
            os.write(writing, str(error).encode())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as told:
        return told.read()


def test_a_folder_that_may_not_be_written_is_told() -> None:
    """With what to check, and nothing is left half-made."""
    folder = Path(mkdtemp(prefix="indiopay-"))
    folder.chmod(0o555)
    try:
        assert "check its path, its permissions and the free space" in _refusal_of_a_stranger(folder / "f")
        assert list(folder.iterdir()) == []
    finally:
        folder.rmdir()


@pytest.mark.parametrize("url", ["", "factures", "https://exemple.ca/payer", "ftp://exemple.ca/"])
def test_an_address_of_pages_that_cannot_work_is_refused(tmp_path: Path, url: str) -> None:
    """It is a mistake of the host's, so a ValueError, before anything is written."""
    with pytest.raises(ValueError, match="payment links"):
        open_folder(tmp_path / "f", agency=Agency("nord", "Nord", "a@exemple.ca"), page_url=url)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a\0b", "\ud800"])
def test_a_path_that_cannot_be_is_told(tmp_path: Path, name: str) -> None:
    """It has nothing to do with the key file."""
    with pytest.raises(StorageError, match="check its path"):
        open_(tmp_path / name)


def test_an_agency_that_is_none_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    """A caller's mistake."""
    agency: Any = "nord"
    with pytest.raises(TypeError, match="Agency"):
        open_folder(tmp_path / "f", agency=agency, page_url=PAGE)
    assert list(tmp_path.iterdir()) == []


def test_every_option_of_the_desk_may_be_given(tmp_path: Path) -> None:
    """The clock, the policy, when to send."""
    at = datetime(2026, 3, 2, 15, tzinfo=UTC)
    with open_(tmp_path, clock=lambda: at, send_at_once=False, file_policy=FilePolicy(max_files=0)) as desk:
        invoice = desk.create(filled_in(send_by_email=True))
        assert (invoice.created_at, desk.deliveries(invoice.id)[0].state) == (at, "queued")
        with pytest.raises(InvalidInputError, match="too_many"):
            desk.create(filled_in(files=[Upload("Police.pdf", PDF)]))
