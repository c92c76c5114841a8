"""What a file store keeps: the bytes that were given come back, once, under their key, until they are removed."""

# ruff: noqa: S101  # a duty asserts

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from typing import ClassVar

import pytest
from hypothesis import example, given, settings, strategies as st

from indiopay.errors import FileDamagedError, StorageError
from indiopay.ports import FileStore
from indiopay.testing.file_samples import HOUR, content, is_missing, key, listed, read

_SIZES = st.sampled_from((0, 1, 2, 100, 64 * 1024 - 1, 64 * 1024, 64 * 1024 + 1, 300_000))
_DIGITS = "4f" * 16
_KEY = f"nord/4f/{_DIGITS}"

_WRONG_KEYS = (
    "",
    "police.pdf",
    "nord/4f",
    "nord/4f/",
    f"{_KEY}/x",
    f"../{_KEY}",
    f"../4f/{_DIGITS}",
    f"./4f/{_DIGITS}",
    f"nord/4f/../4f/{_DIGITS}",
    f"/{_KEY}",
    f"nord//4f/{_DIGITS}",
    f"nord\\4f\\{_DIGITS}",
    f"{_KEY}\n",
    f"{_KEY}\0",
    _KEY[:-1],
    f"{_KEY}f",
    f"nord/4F/{_DIGITS.upper()}",
    f"nord/4f/{'٤' * 32}",
    f"Nord/4f/{_DIGITS}",
    f"{'n' * 41}/4f/{_DIGITS}",
    f"/4f/{_DIGITS}",
)

_VERBS: dict[str, Callable[[FileStore, str], object]] = {
    "put": lambda files, key: files.put(key, [b"x"]),
    "read": lambda files, key: files.read(key),
    "delete": lambda files, key: files.delete(key),
}


def _refuses(files: FileStore, verb: str, key: str) -> bool:
    try:
        _VERBS[verb](files, key)
    except StorageError:
        return True
    return False


class KeepingDuties:
    """The bytes that were given come back, once, under their key, until they are removed."""

    examples: ClassVar[int]

    def test_what_is_put_is_read_back(self, files: FileStore) -> None:
        """In order and whole, however it was cut into chunks."""
        numbers = count(1)

        @settings(deadline=None, max_examples=self.examples)
        @example([100, 0, 64 * 1024 + 1])
        @given(st.lists(_SIZES, min_size=1, max_size=5).filter(any))
        def check(sizes: list[int]) -> None:
            number = next(numbers)
            chunks = [content(size, seed) for seed, size in enumerate(sizes)]
            files.put(key(number), iter(chunks))
            assert read(files, key(number)) == b"".join(chunks)

        check()

    @pytest.mark.parametrize("chunks", [[], [b""], [b"", b""]], ids=["no chunk", "an empty one", "two of them"])
    def test_an_empty_file_is_a_file(self, files: FileStore, chunks: list[bytes]) -> None:
        """It is read, listed and refused a second time like any other."""
        files.put(key(1), chunks)
        assert (read(files, key(1)), listed(files)) == (b"", [key(1)])
        with pytest.raises(StorageError):
            files.put(key(1), [b"x"])

    @pytest.mark.parametrize("second", [b"first", b"other", b"", content(6_000_000)], ids=len)
    def test_a_key_is_written_once(self, files: FileStore, second: bytes) -> None:
        """A second put is a StorageError, whatever it brings, and the first stays."""
        files.put(key(1), [b"first"])
        with pytest.raises(StorageError):
            files.put(key(1), [second])
        assert (read(files, key(1)), listed(files)) == (b"first", [key(1)])

    def test_a_missing_file_is_told_at_once(self, files: FileStore) -> None:
        """By a FileDamagedError, before the first chunk is asked for."""
        files.put(key(1), [b"x"])
        with pytest.raises(FileDamagedError):
            files.read(key(2))

    @pytest.mark.parametrize("verb", _VERBS)
    def test_a_key_of_another_form_is_refused(self, files: FileStore, verb: str) -> None:
        """Whatever could be taken for a path is a StorageError, and touches nothing."""
        files.put(_KEY, [b"kept"])
        assert [wrong for wrong in _WRONG_KEYS if not _refuses(files, verb, wrong)] == []
        assert (read(files, _KEY), listed(files)) == (b"kept", [_KEY])

    def test_keys_are_found_by_what_they_begin_with(self, files: FileStore) -> None:
        """To the character, each once, and those of every agency if nothing is said."""
        keys = sorted(key(number, agency) for agency in ("nord", "nord-est", "sud") for number in range(1, 4))
        for each in keys:
            files.put(each, [b"x"])
        for prefix in ("", "nord", "nord/", "nord-est/", "est/", keys[0][:7], keys[0][:20], keys[0], f"{keys[0]}0"):
            assert listed(files, prefix) == [each for each in keys if each.startswith(prefix)]

    def test_keys_are_found_by_their_age(self, files: FileStore) -> None:
        """One that was written just now is older than none."""
        files.put(key(1), [b"x"])
        assert (listed(files, ago=HOUR), listed(files, ago=-HOUR)) == ([], [key(1)])

    def test_a_file_that_is_deleted_is_gone(self, files: FileStore) -> None:
        """It alone, whichever digits it shares with others."""
        for number in (1, 2, 5):
            files.put(key(number), [b"x"])
        files.delete(key(1))
        assert is_missing(files, key(1))
        assert ([read(files, key(2)), read(files, key(5))], listed(files)) == ([b"x"] * 2, sorted(map(key, (2, 5))))

    def test_agencies_do_not_meet(self, files: FileStore) -> None:
        """Not even where their files have the same id."""
        for agency in ("nord", "sud", "nord-est"):
            files.put(key(1, agency), [agency.encode()])
        files.delete(key(1, "nord"))
        assert is_missing(files, key(1, "nord"))
        assert [read(files, key(1, agency)) for agency in ("sud", "nord-est")] == [b"sud", b"nord-est"]

    def test_files_may_come_and_go_while_keys_are_listed(self, files: FileStore) -> None:
        """Those that were there and stay are found."""
        for number in range(1, 5):
            files.put(key(number), [b"x"])
        keys = files.keys("", before=datetime.now(UTC) + HOUR)
        first = next(keys)
        gone = {first, next(each for each in map(key, range(1, 5)) if each != first)}
        for each in gone:
            files.delete(each)
        for number in (9, 10):
            files.put(key(number), [b"x"])
        found = {first, *keys}
        assert {*map(key, range(1, 5))} - gone <= found <= set(map(key, (1, 2, 3, 4, 9, 10)))

    def test_a_delete_may_be_repeated(self, files: FileStore) -> None:
        """What is not there is not there afterwards either."""
        files.delete(key(1))
        files.put(key(1), [b"x"])
        for _ in range(2):
            files.delete(key(1))
        assert listed(files) == []
