"""Files and folders that are whole and on the disk when the call returns, or not there at all."""

import os
from collections.abc import Iterable
from pathlib import Path


def make_folder(folder: Path) -> None:
    """Make the folder and those above it (mode 0700), each name synced in the folder that holds it."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        if not folder.is_dir():
            raise
    _sync_folder(folder.parent)


def create_file(path: Path, chunks: Iterable[bytes], *, part: Path) -> None:
    """Write a new file (mode 0600) as `part`, then give it its name; FileExistsError if that name is taken.

    `part` is on the same file system. A failing iterator leaves nothing behind.
    """
    try:
        _write(part, chunks)
        os.link(part, path)
    finally:
        part.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _write(path: Path, chunks: Iterable[bytes]) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.writelines(chunks)
        stream.flush()
        os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
