"""Files behind a desk, in a folder and in a bucket; and what a folder does beside its contract."""

import hashlib
import io
import os
import secrets
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import NamedTuple

import obstore
import pytest

from indiopay import FileDamagedError, FilePolicy, InvalidInputError, Invoice, InvoiceDesk, StorageError, Upload
from indiopay.attachment import storage_key
from indiopay.files.bucket import BucketFiles
from indiopay.files.folder import FolderFiles
from indiopay.files.memory import MemoryFiles
from indiopay.ports import FileStore
from indiopay.stores.postgres import PostgresStore
from indiopay.stores.sqlite import SqliteStore
from indiopay.testing.faults import Fault
from indiopay.testing.file_samples import MemoryUse, content, key, listed

from .conftest import PDF, filled_in, token_of
from .s3_server import S3Server

KEY = key(1)
OpenDesk = Callable[..., InvoiceDesk]


class Place(NamedTuple):
    """Where files are kept, and how what is kept there is written over by a stranger."""

    files: FileStore
    write_over: Callable[[str, bytes], object]


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Each, with nothing in it."""
    if request.param == "folder":
        root = tmp_path / "fichiers"
        return Place(FolderFiles(root), lambda key, content: (root / key).write_bytes(content))
    server: S3Server = request.getfixturevalue("s3_server")
    server.empty()
    store = server.store()
    return Place(BucketFiles(store), lambda key, content: obstore.put(store, key, content))


@pytest.fixture
def desk(open_folder_desk: OpenDesk, place: Place) -> InvoiceDesk:
    """One with its invoices in a SQLite file."""
    return open_folder_desk(files=place.files)


@pytest.fixture
def open_folder_desk(tmp_path: Path, open_desk: OpenDesk) -> Iterator[OpenDesk]:
    with closing(SqliteStore(tmp_path / "factures.sqlite3")) as store:
        yield lambda **parts: open_desk(**{"store": store, **parts})


@pytest.fixture
def backend() -> tuple[None, None]:
    """Each test brings its own."""
    return None, None


def download(desk: InvoiceDesk, invoice: Invoice, which: int = 0) -> Iterator[bytes]:
    return desk.download(token_of(desk.link(invoice.id)), invoice.attachments[which].id).chunks


# --- what goes through a desk


def test_what_is_downloaded_is_what_was_uploaded(desk: InvoiceDesk) -> None:
    """To the byte, for small files and large ones."""
    contents = [PDF, PDF + content(2**20), PDF + content(11 * 2**20)]
    invoice = desk.create(filled_in(files=[Upload("Police.pdf", each) for each in contents]))
    assert [b"".join(download(desk, invoice, which)) for which in range(3)] == contents


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "a byte is another": lambda whole: whole[:-2] + b"x" + whole[-1:],
    "the end is missing": lambda whole: whole[:-1],
    "all is missing": lambda whole: b"",
    "there is more": lambda whole: whole + b"\n",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("size", [100, 3 * 2**20])
def test_a_damaged_file_is_told(desk: InvoiceDesk, place: Place, size: int, damage: Callable[[bytes], bytes]) -> None:
    """At the end of the download, and it never arrives whole."""
    invoice = desk.create(filled_in(files=[Upload("Police.pdf", PDF + content(size))]))
    (file,) = invoice.attachments
    place.write_over(storage_key("nord", file.id), damage(PDF + content(size)))
    given = bytearray()
    with pytest.raises(FileDamagedError, match="restore it from a backup"):
        deque(map(given.extend, download(desk, invoice)), maxlen=0)
    assert len(given) < file.size


def test_a_file_that_is_gone_is_told_before_a_download_begins(desk: InvoiceDesk, place: Place) -> None:
    """A web app can still answer with an error."""
    invoice = desk.create(filled_in(files=[Upload("Police.pdf", PDF)]))
    place.files.delete(storage_key("nord", invoice.attachments[0].id))
    with pytest.raises(FileDamagedError, match="restore it from a backup"):
        download(desk, invoice)


class _Watched:
    """A file store, with a look at the memory at each chunk that is put into it."""

    def __init__(self, files: FileStore, memory: MemoryUse) -> None:
        self._files = files
        self._memory = memory
        self.read, self.keys, self.delete = files.read, files.keys, files.delete

    def put(self, key: str, chunks: Iterable[bytes]) -> None:
        self._files.put(key, self._looked_at(chunks))

    def _looked_at(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            yield chunk
            self._memory.look()


def test_the_largest_file_goes_through_a_desk_a_few_bytes_at_a_time(
    open_folder_desk: OpenDesk, place: Place, tmp_path: Path, tell: Callable[[str], None]
) -> None:
    """25 MiB are checked, kept and downloaded in less than 16 MiB of memory."""
    source, lots, kind = tmp_path / "Police.pdf", Random(1), type(place.files).__name__
    with source.open("wb") as stream:
        stream.write(b"%PDF-1.4\n".ljust(2**20))
        stream.writelines(lots.randbytes(2**20) for _ in range(24))
    digest = hashlib.sha256()
    with MemoryUse() as creating:
        desk = open_folder_desk(files=_Watched(place.files, creating))
        invoice = desk.create(filled_in(files=[Upload.from_path(source)]))
    with MemoryUse() as downloading:
        for chunk in download(desk, invoice):
            digest.update(chunk)
            downloading.look()
    assert (invoice.attachments[0].size, digest.hexdigest()) == (25 * 2**20, invoice.attachments[0].sha256)
    tell(f"{kind}: 25 MiB created in {creating.most / 2**20:.1f}, downloaded in {downloading.most / 2**20:.1f} MiB")
    assert max(creating.most, downloading.most) < 16 * 2**20


class _Grows(io.BytesIO):
    """A file that goes on for ever, once it is told to."""

    grows = False
    taken = 0

    def read(self, size: int | None = -1, /) -> bytes:
        given = super().read(size) or (b"x" * 1000 if self.grows else b"")
        self.taken += len(given)
        return given


def test_a_file_that_grows_after_it_was_checked_is_read_no_further(open_folder_desk: OpenDesk, place: Place) -> None:
    """It is refused, and nothing of it is kept."""
    stream = _Grows(PDF)
    desk = open_folder_desk(files=place.files, scanner=lambda name, chunks: setattr(stream, "grows", True))
    with pytest.raises(InvalidInputError) as caught:
        desk.create(filled_in(files=[Upload("Note.txt", b"first"), Upload("Police.pdf", stream)]))
    assert [(problem.code, problem.index) for problem in caught.value.problems] == [("unreadable", 1)]
    assert stream.taken < 10_000
    assert (listed(place.files), desk.list().items) == ([], ())


def test_a_file_over_the_limit_is_read_no_further(open_folder_desk: OpenDesk, place: Place) -> None:
    """The limit stops the reading, and nothing is kept."""
    stream = _Grows(PDF)
    stream.grows = True
    desk = open_folder_desk(files=place.files, file_policy=FilePolicy(max_bytes=100_000))
    with pytest.raises(InvalidInputError, match="too_large"):
        desk.create(filled_in(files=[Upload("Police.pdf", stream)]))
    assert stream.taken < 200_000
    assert (listed(place.files), desk.list().items) == ([], ())


# --- a bucket from end to end


@pytest.fixture(params=["sqlite", "postgres"])
def open_desk_over_a_bucket(request: pytest.FixtureRequest, tmp_path: Path, open_desk: OpenDesk) -> Iterator[OpenDesk]:
    """Opens a desk with its invoices in that database, and its files in the bucket that is asked for."""
    made = (
        SqliteStore(tmp_path / "factures.sqlite3")
        if request.param == "sqlite"
        else PostgresStore(request.getfixturevalue("postgres"))
    )
    with closing(made) as store:
        yield lambda files: open_desk(store=store, files=files)


def test_a_desk_over_a_bucket_keeps_and_gives_files(open_desk_over_a_bucket: OpenDesk, s3_server: S3Server) -> None:
    """Each invoice has its own, under the agency's name; a sweep leaves them, and what is damaged is told."""
    s3_server.empty()
    files = BucketFiles(s3_server.store(), "cabinet")
    desk = open_desk_over_a_bucket(files)
    contents = [PDF, PDF + content(6 * 2**20)]
    first, second = (desk.create(filled_in(files=[Upload("Police.pdf", each)])) for each in contents)
    assert [b"".join(download(desk, invoice)) for invoice in (first, second)] == contents
    assert listed(files) == sorted(storage_key("nord", invoice.attachments[0].id) for invoice in (first, second))
    obstore.put(s3_server.store(), f"cabinet/{storage_key('nord', first.attachments[0].id)}", b"damaged")
    with pytest.raises(FileDamagedError):
        list(download(desk, first))
    assert (b"".join(download(desk, second)), desk.sweep()) == (contents[1], 0)


def test_where_the_secret_is_wrong_no_invoice_is_made(open_desk_over_a_bucket: OpenDesk, s3_server: S3Server) -> None:
    """No number is used and nothing is kept; an invoice without files needs no bucket."""
    s3_server.empty()
    stranger = BucketFiles(s3_server.store(secret_access_key=secrets.token_hex(20)))
    desk = open_desk_over_a_bucket(stranger)
    form = filled_in(files=[Upload("Police.pdf", PDF)], send_by_email=True)
    with pytest.raises(StorageError, match="keys"):
        desk.create(form, idempotency_key="K-1")
    assert (desk.list().items, listed(BucketFiles(s3_server.store()))) == ((), [])
    assert desk.create(filled_in()).number == "F-000001"
    made = open_desk_over_a_bucket(BucketFiles(s3_server.store())).create(form, idempotency_key="K-1")
    assert made.number == "F-000002"
    with pytest.raises(StorageError, match="keys"):
        download(desk, made)


def test_files_that_were_kept_wait_for_a_sweep_once_the_store_is_away(open_folder_desk: OpenDesk) -> None:
    """To try each of them in vain would hold up whoever waits for an answer."""
    fault = Fault(at=3, for_good=True)
    with pytest.raises(StorageError):
        open_folder_desk(files=fault.through(MemoryFiles())).create(
            filled_in(files=[Upload(f"{number}.txt", b"x") for number in range(10)])
        )
    assert fault.calls < 10


# --- a folder


def test_a_stranger_in_the_folder_is_no_file_of_ours(tmp_path: Path) -> None:
    """A sweep takes only what it could have written."""
    files = FolderFiles(tmp_path)
    (tmp_path / "nord" / "4f").mkdir(parents=True)
    (tmp_path / "nord" / "4f" / "notes.txt").write_text("x")
    assert listed(files) == []


def test_what_a_killed_process_left_of_a_put_is_swept(tmp_path: Path) -> None:
    """A part is listed by its age and can be deleted, and never read."""
    files = FolderFiles(tmp_path)
    files.put(KEY, [b"x"])
    part = f"nord/4f/{'ab' * 16}.part"
    (tmp_path / part).write_bytes(b"half")
    assert listed(files, "nord/") == [KEY, part]
    with pytest.raises(StorageError):
        files.read(part)
    files.delete(part)
    assert listed(files, "nord/") == [KEY]


def test_what_vanishes_while_a_folder_is_listed_is_left_out(tmp_path: Path) -> None:
    """A put that goes on takes its part away, and another process may sweep too."""
    files = FolderFiles(tmp_path)
    for number in (1, 5, 9):
        files.put(key(number), [b"x"])
    keys = files.keys("", before=datetime.now(UTC) + timedelta(days=1))
    found = {next(keys)}
    gone, stays = {key(1), key(5), key(9)} - found
    files.delete(gone)
    assert set(keys) == {stays}


def test_a_folder_that_cannot_be_made_or_used_is_told(tmp_path: Path) -> None:
    """The system's error is the cause."""
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(StorageError, match="cannot be made") as caught:
        FolderFiles(tmp_path / "file")
    assert isinstance(caught.value.__cause__, OSError)
    files = FolderFiles(tmp_path / "fichiers")
    (tmp_path / "fichiers" / "nord").write_bytes(b"x")
    with pytest.raises(StorageError, match="could not be stored"):
        files.put(KEY, [b"x"])
    with pytest.raises(StorageError, match="cannot be opened"):
        files.read(KEY)
    with pytest.raises(StorageError, match="cannot be removed"):
        files.delete(KEY)


def test_a_folder_that_vanished_under_its_store_is_not_made_anew(tmp_path: Path) -> None:
    """A disk that is no longer mounted, perhaps: what went beneath it would be hidden later."""
    files = FolderFiles(tmp_path / "fichiers")
    (tmp_path / "fichiers").rmdir()
    with pytest.raises(StorageError, match="restore it from a backup"):
        files.put(KEY, [b"x"])
    assert not (tmp_path / "fichiers").exists()


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_a_folder_that_cannot_be_looked_into_is_not_taken_for_an_empty_one(
    tmp_path: Path, depth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backup would be content with nothing."""
    files = FolderFiles(tmp_path / "fichiers")
    files.put(KEY, [b"x"])
    closed = tmp_path.joinpath("fichiers", *KEY.split("/")[:depth])

    def listdir(path: Path) -> list[str]:
        if Path(path) == closed:
            raise PermissionError(13, "Permission denied")
        return listed_by_the_system(path)

    listed_by_the_system = os.listdir
    monkeypatch.setattr(os, "listdir", listdir)
    with pytest.raises(StorageError, match="cannot be read; check its permissions"):
        listed(files)


def test_a_folder_that_is_gone_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    """Nor is one that is no longer mounted."""
    files = FolderFiles(tmp_path / "fichiers")
    (tmp_path / "fichiers").rmdir()
    with pytest.raises(StorageError, match="cannot be read"):
        listed(files)


def test_a_relative_folder_of_files_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if the program changes its own."""
    monkeypatch.chdir(tmp_path)
    files = FolderFiles("fichiers")
    monkeypatch.chdir("/")
    files.put(KEY, [b"x"])
    assert (tmp_path / "fichiers" / KEY).read_bytes() == b"x"
