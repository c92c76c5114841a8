"""Files in a folder of this machine: durable, create-only, readable by their owner alone."""

import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from indiopay.attachment import STORAGE_KEY
from indiopay.durable import create_file, make_folder
from indiopay.errors import FileDamagedError, StorageError

_KEY_OR_PART = re.compile(rf"{STORAGE_KEY.pattern}(?:\.part)?")  # a part is what a killed process left of a put
_CHUNK = 64 * 1024


class FolderFiles:
    """A file store in the folder `path`, which is made when it is missing (mode 0700; its files 0600)."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._root = Path(path).absolute()
        with _told("the folder of the files cannot be made; check its path and its permissions"):
            make_folder(self._root)
        self._settled: set[Path] = set()

    def put(self, key: str, chunks: Iterable[bytes]) -> None:
        """Write a new file; durable on return, and nothing is left if it fails."""
        target = self._path(key)
        broken: list[OSError] = []
        try:
            with _told("a file could not be stored; check the free space and the permissions"):
                self._settle(target.parent)
                create_file(target, _noted(chunks, broken), part=target.with_name(f"{secrets.token_hex(16)}.part"))
        except StorageError:
            if broken:
                raise broken[0] from None
            raise

    def read(self, key: str) -> Iterator[bytes]:
        """Its bytes, in chunks of 64 KiB; opened at once, read as they are asked for."""
        path = self._path(key)
        with _told("a stored file cannot be opened; check the permissions of its folder"):
            try:
                stream = path.open("rb")
            except FileNotFoundError as error:
                raise FileDamagedError("a stored file is gone: restore it from a backup") from error
        chunks = _chunks(stream)
        next(chunks)  # from here on it closes its stream, even if nobody ever reads it
        return chunks

    def keys(self, prefix: str, *, before: datetime) -> Iterator[str]:
        """The keys that begin with `prefix` and were written before that time, abandoned parts among them."""
        with _told("the folder of the files cannot be read; check its permissions"):
            for path in _files(self._root):
                key = path.relative_to(self._root).as_posix()
                if key.startswith(prefix) and _KEY_OR_PART.fullmatch(key) and _is_older(path, before):
                    yield key

    def delete(self, key: str) -> None:
        """Remove a file, if it is there."""
        with _told("a stored file cannot be removed; check the permissions of its folder"):
            self._path(key, of=_KEY_OR_PART).unlink(missing_ok=True)

    def _settle(self, folder: Path) -> None:
        """Make the folder in its agency's, if it is missing, and have both names on the disk."""
        if not self._root.is_dir():
            raise StorageError("the folder of the files is gone: restore it from a backup, or make it again")
        if folder not in self._settled or not folder.is_dir():
            for each in (folder.parent, folder):
                make_folder(each)
            self._settled.add(folder)

    def _path(self, key: str, *, of: re.Pattern[str] = STORAGE_KEY) -> Path:
        if not of.fullmatch(key):
            raise StorageError("this is not the key of a file")
        return self._root / key


@contextmanager
def _told(message: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(message) from error


def _noted(chunks: Iterable[bytes], broken: list[OSError]) -> Iterator[bytes]:
    """The chunks. An error of theirs is not the folder's, though it may look alike."""
    try:
        yield from chunks
    except OSError as error:
        broken.append(error)
        raise


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    with stream, _told("a stored file cannot be read; check the disk"):
        yield b""
        while chunk := stream.read(_CHUNK):
            yield chunk


def _files(root: Path) -> Iterator[Path]:
    """Every file two folders below. One that cannot be looked into is an error, not an empty one."""
    shards = (shard for agency in _folders(root) for shard in _folders(agency))
    return (path for shard in shards for path in shard.iterdir())


def _folders(folder: Path) -> Iterator[Path]:
    return (path for path in folder.iterdir() if path.is_dir())


def _is_older(path: Path, time: datetime) -> bool:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC) < time
    except FileNotFoundError:  # a put has taken its part away, or another sweep a file
        return False
