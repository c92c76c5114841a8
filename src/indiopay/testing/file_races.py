"""What a file store does when many threads come at once, over one handle of it and over two."""

# ruff: noqa: S101  # a duty asserts

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import zip_longest
from threading import Barrier
from typing import TypeVar

import pytest

from indiopay.errors import FileDamagedError, StorageError
from indiopay.ports import FileStore
from indiopay.testing.file_samples import content, key, listed, read

A = TypeVar("A")
T = TypeVar("T")
FileHandles = tuple[FileStore, FileStore]

_WORKERS = 8
_RIVALS = 6  # for two keys
_PAUSE_SECONDS = 0.001
_SMALL, _LARGE = 100_000, 6 * 2**20
_CHUNK = 16 * 1024


def _at_once(do: Callable[[A], T], each: Sequence[A]) -> list[T]:
    """What `do` gives for each, all of them begun together, each in a thread of its own."""
    gate = Barrier(len(each))

    def run(one: A) -> T:
        gate.wait()
        return do(one)

    with _hasty(), ThreadPoolExecutor(len(each)) as pool:
        return list(pool.map(run, each))


@contextmanager
def _hasty() -> Iterator[None]:
    """Lets threads take turns as often as they can."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


def _cut(whole: bytes) -> Iterator[bytes]:
    return (whole[start : start + _CHUNK] for start in range(0, len(whole), _CHUNK))


def _slowly(chunks: Iterator[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        yield chunk
        time.sleep(_PAUSE_SECONDS)


class RaceDuties:
    """Whoever comes at once is served as if one came after the other."""

    @pytest.mark.parametrize("sizes", [(_SMALL, _SMALL), (_SMALL, _LARGE)], ids=str)
    def test_one_of_many_that_put_under_one_key_wins(self, file_handles: FileHandles, sizes: tuple[int, int]) -> None:
        """Its bytes are there, and the others get a StorageError."""
        files = [content(sizes[number // 2 % 2], number) for number in range(_RIVALS)]

        def has_won(number: int) -> bool:
            try:
                file_handles[number // 2 % 2].put(key(number % 2), _cut(files[number]))
            except StorageError:
                return False
            return True

        won = _at_once(has_won, range(_RIVALS))
        for number in (0, 1):
            assert won[number::2].count(True) == 1
            assert read(file_handles[0], key(number)) == files[number::2][won[number::2].index(True)]

    def test_many_that_put_at_once_do_not_meet(self, file_handles: FileHandles) -> None:
        """Each file is there with its own bytes."""

        def put(number: int) -> None:
            file_handles[number % 2].put(key(number), _slowly(_cut(content(_SMALL, number))))

        _at_once(put, range(2 * _WORKERS))
        assert listed(file_handles[0]) == sorted(map(key, range(2 * _WORKERS)))
        for number in range(2 * _WORKERS):
            assert read(file_handles[0], key(number)) == content(_SMALL, number)

    def test_each_reader_gets_all_of_the_file(self, file_handles: FileHandles) -> None:
        """However many read it, in turns or at once."""
        whole = content(_LARGE)
        file_handles[0].put(key(1), _cut(whole))
        in_turns = zip_longest(*(handle.read(key(1)) for handle in file_handles), fillvalue=b"")
        assert [b"".join(chunks) == whole for chunks in zip(*in_turns, strict=True)] == [True, True]
        found = _at_once(lambda number: read(file_handles[number % 2], key(1)) == whole, range(_WORKERS // 2))
        assert all(found)

    def test_a_reader_is_told_if_a_delete_cuts_its_file_short(self, file_handles: FileHandles) -> None:
        """It gets the rest of the bytes, or an error."""
        reader, other = file_handles
        whole = content(_LARGE)
        reader.put(key(1), _cut(whole))
        chunks = reader.read(key(1))
        found = [next(chunks)]
        other.delete(key(1))
        try:
            found += chunks
        except (FileDamagedError, StorageError):
            return
        assert b"".join(found) == whole
