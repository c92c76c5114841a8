"""Files and folders that are whole and on the disk, or not there at all."""

import os
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from indiopay.durable import create_file, make_folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


def test_a_file_is_its_owners_and_holds_its_chunks(tmp_path: Path) -> None:
    """Mode 0600; its part is gone."""
    create_file(tmp_path / "a", [b"one", b"two"], part=tmp_path / "a.part")
    assert (tmp_path / "a").read_bytes() == b"onetwo"
    assert oct((tmp_path / "a").stat().st_mode & 0o777) == "0o600"
    assert names(tmp_path) == ["a"]


def test_a_name_that_is_taken_is_refused_and_kept(tmp_path: Path) -> None:
    """Nothing is ever written over."""
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(FileExistsError):
        create_file(tmp_path / "a", [b"new"], part=tmp_path / "a.part")
    assert (tmp_path / "a").read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


def test_a_failing_iterator_leaves_nothing(tmp_path: Path) -> None:
    """Not even a part."""

    def chunks() -> Iterator[bytes]:
        yield b"one"
        raise RuntimeError

    with pytest.raises(RuntimeError):
        create_file(tmp_path / "a", chunks(), part=tmp_path / "a.part")
    assert names(tmp_path) == []


def test_a_file_is_synced_before_it_has_its_name_and_its_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order that a power failure tests."""
    done: list[str] = []
    fsync, link = os.fsync, os.link

    def noted_sync(descriptor: int) -> None:
        done.append("sync")
        fsync(descriptor)

    def noted_link(part: Path, path: Path) -> None:
        done.append("name")
        link(part, path)

    monkeypatch.setattr(os, "fsync", noted_sync)
    monkeypatch.setattr(os, "link", noted_link)
    create_file(tmp_path / "a", [b"x"], part=tmp_path / "a.part")
    assert done == ["sync", "name", "sync"]


def test_folders_are_made_down_to_the_last_and_synced_in_the_one_above(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mode 0700 each; one that is there is synced again, since its maker may have been killed."""
    synced: list[Path] = []
    fsync = os.fsync

    def noted_sync(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted_sync)
    make_folder(tmp_path / "a" / "b")
    assert synced == [tmp_path.parent, tmp_path, tmp_path / "a"]
    make_folder(tmp_path / "a" / "b")
    assert synced[3:] == [tmp_path / "a"]
    assert [oct(path.stat().st_mode & 0o777) for path in (tmp_path / "a", tmp_path / "a" / "b")] == ["0o700"] * 2


def test_a_folder_made_by_another_meanwhile_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes start at once."""
    mkdir = os.mkdir

    def late(path: Path, mode: int) -> None:
        mkdir(path, mode)
        raise FileExistsError

    monkeypatch.setattr(os, "mkdir", late)
    make_folder(tmp_path / "a")
    assert (tmp_path / "a").is_dir()


def test_a_file_in_a_folders_place_is_an_error(tmp_path: Path) -> None:
    """It is not written over."""
    (tmp_path / "a").write_bytes(b"x")
    with pytest.raises(OSError, match="a"):
        make_folder(tmp_path / "a")


def test_a_name_that_is_taken_is_on_the_disk_before_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who gave it may have been killed before the folder was synced."""
    (tmp_path / "a").write_bytes(b"old")
    synced: list[Path] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(Path(f"/proc/self/fd/{descriptor}").readlink()))
    with pytest.raises(FileExistsError):
        create_file(tmp_path / "a", [b"new"], part=tmp_path / "a.part")
    assert synced == [tmp_path / "a.part", tmp_path]


@pytest.mark.parametrize("was_there", [True, False])
def test_a_folder_in_one_that_may_not_be_read_is_only_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, was_there: bool
) -> None:
    """What cannot be synced is not made there."""
    above = tmp_path / "above"
    (above / "a" if was_there else above).mkdir(parents=True)
    open_ = os.open

    def refuse(path: Path, flags: int) -> int:
        if path == above:
            raise PermissionError
        return open_(path, flags)

    monkeypatch.setattr(os, "open", refuse)
    with nullcontext() if was_there else pytest.raises(PermissionError):
        make_folder(above / "a")


def test_a_disk_that_takes_less_than_it_is_given_is_given_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One byte at a time."""
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, content: write(descriptor, content[:1]))
    create_file(tmp_path / "a", [b"one", b"", b"two"], part=tmp_path / "a.part")
    assert (tmp_path / "a").read_bytes() == b"onetwo"
