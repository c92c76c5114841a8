"""Files and folders that are whole and on the disk when the call returns, or not there at all.

A name that is found was perhaps given by a process that was killed before it synced the folder: it is synced again.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def make_folder(folder: Path) -> None:
    """Make the folder and those above it (mode 0700), each name synced in the folder that holds it."""
    was_there = folder.is_dir()
    if not was_there:
        make_folder(folder.parent)
        _make(folder)
    try:
        sync_folder(folder.parent)
    except PermissionError:  # it holds the folder, but is a stranger's
        if not was_there:
            raise


def create_file(path: Path, chunks: Iterable[bytes], *, part: Path) -> None:
    """Write a new file (mode 0600) as `part`, then give it its name; FileExistsError if that name is taken.

    `part` is on the same file system. A failing iterator leaves nothing behind.
    """
    try:
        _write(part, chunks)
        os.link(part, path)
    except FileExistsError:
        sync_folder(path.parent)
        raise
    finally:
        with suppress(FileNotFoundError):
            os.unlink(part)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk."""
    _sync(folder, os.O_RDONLY | os.O_DIRECTORY)


def sync_file(path: Path) -> None:
    """Have what is in a file on the disk, whoever wrote it."""
    _sync(path, os.O_RDONLY)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _make(folder: Path) -> None:
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        if not folder.is_dir():
            raise


def _write(path: Path, chunks: Iterable[bytes]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        for chunk in chunks:
            _write_all(descriptor, chunk)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, chunk: bytes) -> None:
    """The system may take less than it is given."""
    left = memoryview(chunk)
    while left:
        left = left[os.write(descriptor, left) :]
