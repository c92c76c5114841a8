"""How bytes go through a file store: whole or not at all, a few at a time."""

# ruff: noqa: S101  # a duty asserts

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from hashlib import sha256
from typing import ClassVar

import pytest

from indiopay.errors import FileDamagedError, StorageError
from indiopay.ports import FileStore
from indiopay.testing.file_samples import MemoryUse, broken_off, content, is_missing, key, listed, read

_CHUNK = 64 * 1024
_MANY = 25 * 2**20 // _CHUNK
_BOUND = 16 * 2**20

_ERRORS = (RuntimeError(), OSError(5, "Input/output error"), StorageError("of another store"), KeyboardInterrupt())
_BEFORE = {"at once": 0, "after a chunk": 1, "after 6 MiB": 96}


def _chunks(count: int, look: Callable[[], object] = lambda: None) -> Iterator[bytes]:
    """So many chunks of 64 KiB, the same each time, and no two of them alike; `look` is called after each."""
    block = content(_CHUNK - 4)
    for number in range(count):
        yield number.to_bytes(4, "big") + block
        look()


@cache
def _digest() -> bytes:
    """Of a file of 25 MiB."""
    digest = sha256()
    for chunk in _chunks(_MANY):
        digest.update(chunk)
    return digest.digest()


def _looks(files: FileStore, key: str, *, until: Callable[[], bool]) -> Iterator[bytes | None]:
    """What is under the key, time and again: None while it is neither listed nor read."""
    while not until():
        is_listed = key in listed(files)
        try:
            yield read(files, key)
        except FileDamagedError:
            yield b"" if is_listed else None


class StreamDuties:
    """Whole or not at all, a few bytes at a time."""

    streams: ClassVar[bool]

    @pytest.mark.parametrize("chunks", _BEFORE.values(), ids=_BEFORE)
    def test_an_iterator_that_fails_leaves_nothing(self, files: FileStore, chunks: int) -> None:
        """No file, no key, whatever the error, and the key may be given again."""
        for error in _ERRORS:
            with suppress(type(error), StorageError):
                files.put(key(1), broken_off(_chunks(chunks), error))
            assert (is_missing(files, key(1)), listed(files)) == (True, [])
        files.put(key(1), [b"whole"])
        assert read(files, key(1)) == b"whole"

    @pytest.mark.parametrize("error", _ERRORS, ids=lambda error: type(error).__name__)
    def test_the_error_of_an_iterator_comes_out_as_it_is(self, files: FileStore, error: BaseException) -> None:
        """Even one that the store itself might have raised."""
        for chunks in _BEFORE.values():
            with pytest.raises(type(error)) as caught:
                files.put(key(chunks), broken_off(_chunks(chunks), error))
            assert caught.value is error

    @pytest.mark.parametrize("chunks", [3, 96])
    def test_no_file_is_seen_before_it_is_whole(self, files: FileStore, chunks: int) -> None:
        """Until its last chunk was taken it is missing, and after that all of it is there, or nothing yet."""
        seen: list[bool] = []
        whole = b"".join(_chunks(chunks))

        def look() -> None:
            seen.append(is_missing(files, key(1)) and key(1) not in listed(files))

        with ThreadPoolExecutor(1) as pool:
            putting = pool.submit(files.put, key(1), _chunks(chunks, look))
            meanwhile = list(_looks(files, key(1), until=putting.done))
        putting.result()
        assert seen == [True] * chunks
        assert [len(found) for found in meanwhile if found not in (None, whole)] == []
        assert read(files, key(1)) == whole

    def test_a_file_may_come_out_of_the_store_itself(self, files: FileStore) -> None:
        """What `read` gives can be put as it is, as when files are copied."""
        for number, size in ((1, 100), (2, 6 * 2**20)):
            files.put(key(number), [content(size)])
            files.put(key(10 * number), files.read(key(number)))
            assert read(files, key(10 * number)) == content(size)

    def test_a_file_of_the_largest_size_comes_back_whole(self, files: FileStore) -> None:
        """All of its 25 MiB."""
        files.put(key(1), _chunks(_MANY))
        found = sha256()
        for chunk in files.read(key(1)):
            found.update(chunk)
        assert found.digest() == _digest()

    def test_a_large_file_is_put_a_few_bytes_at_a_time(self, files: FileStore) -> None:
        """One of 25 MiB takes no more than 16 MiB of memory."""
        self._require_streams()
        with MemoryUse() as memory:
            files.put(key(1), _chunks(_MANY, memory.look))
        assert memory.most < _BOUND

    def test_a_large_file_is_read_a_few_bytes_at_a_time(self, files: FileStore) -> None:
        """One of 25 MiB takes no more than 16 MiB of memory."""
        self._require_streams()
        files.put(key(1), _chunks(_MANY))
        with MemoryUse() as memory:
            for _ in files.read(key(1)):
                memory.look()
        assert memory.most < _BOUND

    def _require_streams(self) -> None:
        if not self.streams:
            pytest.skip("streams is False: the store holds a file at once")
