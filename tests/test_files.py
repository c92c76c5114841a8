"""File stores: what is put comes back whole, once, under keys that never become paths of a stranger's choosing."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from indiopay import FileDamagedError, StorageError
from indiopay.files.folder import FolderFiles
from indiopay.ports import FileStore

from .test_problems import kept_files

KEY = f"nord/4f/{'4f' * 16}"
LATER = datetime.now(UTC) + timedelta(days=1)


def test_what_is_put_is_read_back(files: FileStore) -> None:
    """In order, whatever its size."""
    chunks = [b"a" * 70_000, b"", b"b"]
    files.put(KEY, chunks)
    assert b"".join(files.read(KEY)) == b"".join(chunks)


def test_a_key_is_written_once(files: FileStore) -> None:
    """A second put is refused, and the first stays."""
    files.put(KEY, [b"first"])
    with pytest.raises(StorageError):
        files.put(KEY, [b"second"])
    assert b"".join(files.read(KEY)) == b"first"


def test_an_iterator_that_fails_leaves_nothing(files: FileStore) -> None:
    """Its own error comes out."""

    def chunks() -> Iterator[bytes]:
        yield b"x"
        raise RuntimeError

    with pytest.raises(RuntimeError):
        files.put(KEY, chunks())
    assert (kept_files(files), list(files.keys("", before=LATER))) == (0, [])


def test_a_missing_file_is_told_at_once(files: FileStore) -> None:
    """Not at the first chunk."""
    with pytest.raises(FileDamagedError, match="backup"):
        files.read(KEY)


def test_a_delete_may_be_repeated(files: FileStore) -> None:
    """Afterwards the file is gone."""
    files.put(KEY, [b"x"])
    for _ in range(2):
        files.delete(KEY)
    with pytest.raises(FileDamagedError):
        files.read(KEY)


def test_keys_are_found_by_prefix_and_age(files: FileStore) -> None:
    """One agency's, and only those written before."""
    other = KEY.replace("nord", "sud")
    for key in (KEY, other):
        files.put(key, [b"x"])
    assert list(files.keys("nord/", before=LATER)) == [KEY]
    assert list(files.keys("nord/", before=datetime(2000, 1, 1, tzinfo=UTC))) == []


@pytest.mark.parametrize(
    "key", ["../x", "nord/4f/../../x", f"/etc/{KEY}", f"{KEY}/x", f"{KEY}\n", f"Nord/4f/{'4f' * 16}", ""]
)
def test_a_folder_takes_only_keys(tmp_path: Path, key: str) -> None:
    """A key that is a path is refused by every verb."""
    files = FolderFiles(tmp_path / "fichiers")
    for verb in (lambda: files.put(key, [b"x"]), lambda: files.read(key), lambda: files.delete(key)):
        with pytest.raises(StorageError, match="not the key"):
            verb()
    assert [path.name for path in tmp_path.rglob("*")] == ["fichiers"]


def test_a_stranger_in_the_folder_is_no_file_of_ours(tmp_path: Path) -> None:
    """A sweep takes only what it could have written."""
    files = FolderFiles(tmp_path)
    (tmp_path / "nord" / "4f").mkdir(parents=True)
    (tmp_path / "nord" / "4f" / "notes.txt").write_text("x")
    assert list(files.keys("", before=LATER)) == []


def test_what_a_killed_process_left_of_a_put_is_swept(tmp_path: Path) -> None:
    """A part is listed by its age and can be deleted, and never read."""
    files = FolderFiles(tmp_path)
    files.put(KEY, [b"x"])
    (tmp_path / "nord" / "4f" / f"{'ab' * 16}.part").write_bytes(b"half")
    part = f"nord/4f/{'ab' * 16}.part"
    assert set(files.keys("nord/", before=LATER)) == {KEY, part}
    with pytest.raises(StorageError):
        files.read(part)
    files.delete(part)
    assert list(files.keys("nord/", before=LATER)) == [KEY]


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
