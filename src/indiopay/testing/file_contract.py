"""The contract of a file store as a pytest class, for people who write one."""

# ruff: noqa: S101  # a duty asserts

from collections.abc import Callable
from typing import ClassVar

import pytest

from indiopay.errors import StorageError
from indiopay.ports import FileStore
from indiopay.testing.file_keeping import KeepingDuties
from indiopay.testing.file_races import FileHandles, RaceDuties
from indiopay.testing.file_samples import is_missing, key, listed, read
from indiopay.testing.file_streams import StreamDuties


class FileStoreContract(KeepingDuties, StreamDuties, RaceDuties):
    """What `indiopay.ports.FileStore` promises, one duty a test, for a file store of your own.

    Subclass it under a name that pytest collects, and override one fixture, `open_files`. A duty is skipped only if
    `shared` or `streams` says that the store does not do it, and none may be overridden (TypeError). It comes with
    `indiopay[testing]`.

    Not tried: a crash, another process, lists of more files than a server names at once, and that what a driver raises
    comes out as a `StorageError` with its cause.
    """

    shared: ClassVar[bool] = True
    """Two handles of the store may be open at once, as in two processes; what one has put is there for the other."""

    streams: ClassVar[bool] = True
    """A file goes through the store a few bytes at a time, and is never held at once."""

    examples: ClassVar[int] = 25
    """How many cases each duty tries that draws its cases by Hypothesis."""

    def __init_subclass__(cls) -> None:
        """Duties are kept, not replaced."""
        duties = [name for name in dir(FileStoreContract) if name.startswith("test_")]
        replaced = [name for name in duties if getattr(cls, name) is not getattr(FileStoreContract, name)]
        if replaced:
            raise TypeError(f"{cls.__name__} overrides duties of the contract: {', '.join(replaced)}")

    @pytest.fixture
    def open_files(self) -> Callable[[], FileStore]:
        """A function that opens your file store, each time over the same files, of which there are none at first.

        A store in memory gives the same object each time.
        """
        pytest.fail(f"{type(self).__name__} must override the fixture open_files", pytrace=False)

    @pytest.fixture
    def files(self, open_files: Callable[[], FileStore]) -> FileStore:
        """Your file store, empty."""
        return open_files()

    @pytest.fixture
    def two_file_handles(self, open_files: Callable[[], FileStore]) -> FileHandles:
        """Two handles over the same files."""
        if not self.shared:
            pytest.skip("shared is False: the store is one object")
        return open_files(), open_files()

    @pytest.fixture(params=["one handle", "two handles"])
    def file_handles(self, request: pytest.FixtureRequest) -> FileHandles:
        """Two handles over the same files, or one twice."""
        if request.param == "two handles":
            return tuple(request.getfixturevalue("two_file_handles"))
        return (request.getfixturevalue("files"),) * 2

    def test_two_handles_have_the_same_files(self, two_file_handles: FileHandles) -> None:
        """What one has put is there for the other as soon as `put` returns, and what it has removed is gone."""
        first, second = two_file_handles
        assert is_missing(second, key(1))
        first.put(key(1), [b"first"])
        assert (read(second, key(1)), listed(second)) == (b"first", [key(1)])
        with pytest.raises(StorageError):
            second.put(key(1), [b"second"])
        second.delete(key(1))
        assert (is_missing(first, key(1)), listed(first)) == (True, [])
