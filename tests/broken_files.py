"""File stores that each break one duty of the contract. Not collected by name: `test_file_contract.py` runs this."""

import re
import shutil
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pytest

from indiopay import FileDamagedError, StorageError
from indiopay.attachment import STORAGE_KEY
from indiopay.durable import create_file
from indiopay.files.folder import FolderFiles
from indiopay.files.memory import MemoryFiles
from indiopay.ports import FileStore
from indiopay.testing import FileStoreContract

F = TypeVar("F", bound=type[FileStore])

BROKEN: dict[str, str] = {}
"""The test class of each broken file store, and the duty that catches it."""

_PAUSE_SECONDS = 0.002
_CHUNK = 64 * 1024


def held_to_the_contract(store: type[FileStore], **attributes: Any) -> type[FileStoreContract]:
    """The contract over one in a folder, or over one in memory, which declares nothing."""

    def in_folder(self: object, tmp_path: Path) -> Callable[[], FileStore]:
        return lambda: store(tmp_path)  # type: ignore[call-arg]  # it is one in a folder

    def in_memory(self: object) -> Callable[[], FileStore]:
        made = store()
        return lambda: made

    is_in_folder = issubclass(store, FolderFiles)
    parts = {"open_files": pytest.fixture(in_folder if is_in_folder else in_memory), "examples": 5, **attributes}
    declared = {} if is_in_folder else {"shared": False, "streams": False}
    return type(f"Test{store.__name__}", (FileStoreContract,), {**declared, **parts})


def breaks(duty: str, **attributes: Any) -> Callable[[F], F]:
    """Have a broken file store tried."""

    def register(store: F) -> F:
        contract = held_to_the_contract(store, **attributes)
        setattr(sys.modules[__name__], contract.__name__, contract)
        BROKEN[contract.__name__] = duty
        return store

    return register


TestFolderFiles = held_to_the_contract(FolderFiles)
TestMemoryFiles = held_to_the_contract(MemoryFiles)


class TestNoFileStore(FileStoreContract):
    """An author who has not yet said how the file store is opened."""


# --- what is kept


@breaks("what_is_put_is_read_back")
class StopsAtAnEmptyChunk(MemoryFiles):
    """It takes an empty chunk for the end."""

    def put(self, key: str, chunks: Iterable[bytes]) -> None:
        stream = iter(chunks)
        super().put(key, iter(lambda: next(stream, b""), b""))


@breaks("an_empty_file_is_a_file")
class TakesAnEmptyFileForNone(MemoryFiles):
    """It has no file where there are no bytes."""

    def read(self, key: str) -> Iterator[bytes]:
        found = b"".join(super().read(key))
        if not found:
            raise FileDamagedError
        return iter((found,))


@breaks("a_key_is_written_once")
class TakesTheSameLengthAgain(MemoryFiles):
    """It writes over a file of the same length."""

    def put(self, key: str, chunks: Iterable[bytes]) -> None:
        content = b"".join(chunks)
        if key in self._files and len(self._files[key][1]) == len(content) < 100:
            self._files.pop(key)
        super().put(key, [content])


@breaks("a_missing_file_is_told_at_once")
class TellsLate(MemoryFiles):
    """It looks for a file when its first chunk is asked for."""

    def read(self, key: str) -> Iterator[bytes]:
        if not STORAGE_KEY.fullmatch(key):
            raise StorageError
        return self._late(key)

    def _late(self, key: str) -> Iterator[bytes]:
        yield from super().read(key)


@breaks("a_key_of_another_form_is_refused")
class TakesAPathForAKey(FolderFiles):
    """It follows a key wherever it leads in its folder."""

    def _path(self, key: str, **_: object) -> Path:
        path = (self._root / key.strip("/\0")).resolve()
        if not path.is_relative_to(self._root.resolve()):
            raise StorageError
        return path


@breaks("a_key_of_another_form_is_refused")
class TakesDotsForAnAgency(FolderFiles):
    """It allows an agency a name that is a way out of the folder."""

    def _path(self, key: str, **_: object) -> Path:
        if not re.fullmatch(r"[a-z0-9.-]{1,40}/[0-9a-f]{2}/[0-9a-f]{32}(\.part)?", key):
            raise StorageError
        return self._root / key


@breaks("keys_are_found_by_what_they_begin_with")
class LooksInTheAgencysFolder(MemoryFiles):
    """It takes what a key begins with for the name of an agency, and finds those of agencies that begin like it."""

    def keys(self, prefix: str, *, before: datetime) -> Iterator[str]:
        return super().keys(prefix.rstrip("/"), before=before)


@breaks("keys_are_found_by_their_age")
class GivesKeysOfAnyAge(MemoryFiles):
    """It lists them all."""

    def keys(self, prefix: str, *, before: datetime) -> Iterator[str]:
        return super().keys(prefix, before=datetime.max.replace(tzinfo=UTC))


@breaks("keys_are_found_by_their_age")
class TellsTheTimeOfAnotherZone(MemoryFiles):
    """Its clock is some hours behind."""

    def __init__(self) -> None:
        super().__init__(clock=lambda: datetime.now(UTC) - timedelta(hours=5))


@breaks("a_file_that_is_deleted_is_gone")
class DeletesTheWholeAgency(MemoryFiles):
    """It removes a file's neighbours with it."""

    def delete(self, key: str) -> None:
        super().delete(key)
        for other in [other for other in self._files if other.startswith(key[: key.index("/") + 1])]:
            super().delete(other)


@breaks("a_file_that_is_deleted_is_gone")
class DeletesTheWholeShard(FolderFiles):
    """It removes the folder that a file lies in."""

    def delete(self, key: str) -> None:
        shutil.rmtree(self._path(key).parent, ignore_errors=True)


@breaks("agencies_do_not_meet")
class DeletesByTheIdAlone(MemoryFiles):
    """It removes the file of that id, whosever it is."""

    def delete(self, key: str) -> None:
        super().delete(key)
        for other in [other for other in self._files if other.endswith(key.partition("/")[2])]:
            super().delete(other)


@breaks("files_may_come_and_go_while_keys_are_listed")
class ListsByPlace(MemoryFiles):
    """It gives the first key, then the second, and so on, and skips one when an earlier one goes."""

    def keys(self, prefix: str, *, before: datetime) -> Iterator[str]:
        place = 0
        while len(found := list(super().keys(prefix, before=before))) > place:
            yield found[place]
            place += 1


@breaks("a_delete_may_be_repeated")
class WantsToFindWhatItDeletes(MemoryFiles):
    """It complains if there is no file."""

    def delete(self, key: str) -> None:
        if key not in self._files:
            raise StorageError
        super().delete(key)


# --- how bytes go through


@breaks("an_iterator_that_fails_leaves_nothing")
class LeavesItsPart(FolderFiles):
    """It does not remove what it could not finish."""

    def put(self, key: str, chunks: Iterable[bytes]) -> None:
        try:
            super().put(key, chunks)
        except RuntimeError:
            self._path(key).with_name(f"{'0' * 32}.part").write_bytes(b"half")
            raise


@breaks("an_iterator_that_fails_leaves_nothing")
class KeepsTheFirstHalf(MemoryFiles):
    """It keeps what it had when the chunks broke off."""

    after: ClassVar[type[BaseException]] = BaseException

    def put(self, key: str, chunks: Iterable[bytes]) -> None:
        taken: list[bytes] = []
        try:
            taken.extend(chunks)
        except self.after:
            super().put(key, taken)
            raise
        super().put(key, taken)


@breaks("an_iterator_that_fails_leaves_nothing")
class KeepsWhatAnInterruptLeft(KeepsTheFirstHalf):
    """It tidies up after errors, but not after Ctrl-C."""

    after = KeyboardInterrupt


@breaks("the_error_of_an_iterator_comes_out_as_it_is")
class TakesEveryErrorForItsOwn(MemoryFiles):
    """It wraps what the chunks raise."""

    def put(self, key: str, chunks: Iterable[bytes]) -> None:
        try:
            super().put(key, chunks)
        except Exception as error:
            raise StorageError("a file could not be stored") from error


@breaks("no_file_is_seen_before_it_is_whole")
class WritesInPlace(MemoryFiles):
    """It shows a file while it is being written."""

    def put(self, key: str, chunks: Iterable[bytes]) -> None:
        super().put(key, [])
        at, _ = self._files[key]
        try:
            for chunk in chunks:
                self._files[key] = (at, self._files[key][1] + chunk)
        except BaseException:
            self._files.pop(key)
            raise


@breaks("a_file_may_come_out_of_the_store_itself")
class TakesOneCallAtATime(MemoryFiles):
    """It cannot be asked for a chunk while it takes chunks."""

    def __init__(self) -> None:
        super().__init__()
        self._busy = threading.local()

    def put(self, key: str, chunks: Iterable[bytes]) -> None:
        self._busy.now = True
        try:
            super().put(key, chunks)
        finally:
            self._busy.now = False

    def read(self, key: str) -> Iterator[bytes]:
        return map(self._unless_busy, super().read(key))

    def _unless_busy(self, chunk: bytes) -> bytes:
        if getattr(self._busy, "now", False):
            raise StorageError
        return chunk


@breaks("a_file_of_the_largest_size_comes_back_whole")
class HasALargestSizeOfItsOwn(MemoryFiles):
    """It cuts a file off, without a word."""

    def put(self, key: str, chunks: Iterable[bytes]) -> None:
        super().put(key, [b"".join(chunks)[: 8 * 2**20]])


@breaks("a_large_file_is_put_a_few_bytes_at_a_time")
class GathersChunks(FolderFiles):
    """It holds a file at once when it puts it."""

    def put(self, key: str, chunks: Iterable[bytes]) -> None:
        super().put(key, [b"".join(chunks)])


@breaks("a_large_file_is_read_a_few_bytes_at_a_time")
class ReadsAtOnce(FolderFiles):
    """It holds a file at once when it reads it."""

    def read(self, key: str) -> Iterator[bytes]:
        return iter((b"".join(super().read(key)),))


# --- many at once


@breaks("one_of_many_that_put_under_one_key_wins")
class LooksBeforeItWrites(MemoryFiles):
    """It looks whether a key is free, and writes a moment later."""

    def put(self, key: str, chunks: Iterable[bytes]) -> None:
        content = b"".join(chunks)
        if key in self._files:
            raise StorageError
        time.sleep(_PAUSE_SECONDS)
        self._files.pop(key, None)
        super().put(key, [content])


@breaks("many_that_put_at_once_do_not_meet")
class HasOnePartInAFolder(FolderFiles):
    """The files of a folder that are being written all have the same name."""

    locks: ClassVar = defaultdict[str, threading.Lock](threading.Lock)

    def put(self, key: str, chunks: Iterable[bytes]) -> None:
        target = self._path(key)
        self._settle(target.parent)
        try:
            with self.locks[key]:
                create_file(target, chunks, part=target.with_name(f"{'0' * 32}.part"))
        except (FileExistsError, FileNotFoundError) as error:
            raise StorageError from error


@breaks("no_file_is_seen_before_it_is_whole")
class TakesItsNameFirst(MemoryFiles):
    """It has an empty file take the name, just before the bytes do."""

    def put(self, key: str, chunks: Iterable[bytes]) -> None:
        content = b"".join(chunks)
        super().put(key, [])
        time.sleep(10 * _PAUSE_SECONDS)
        self._files[key] = (self._files[key][0], content)


@breaks("each_reader_gets_all_of_the_file")
class HasOnePlaceForAllReaders(MemoryFiles):
    """How far a file was read stands once."""

    def __init__(self) -> None:
        super().__init__()
        self._place = Counter[str]()

    def read(self, key: str) -> Iterator[bytes]:
        content = b"".join(super().read(key))
        self._place[key] = 0
        return iter(lambda: self._next(key, content), b"")

    def _next(self, key: str, content: bytes) -> bytes:
        at = self._place[key]
        self._place[key] += _CHUNK
        return content[at : at + _CHUNK]


@breaks("a_reader_is_told_if_a_delete_cuts_its_file_short")
class EndsWhereItIsDeleted(MemoryFiles):
    """It takes a file that is gone for one that was read."""

    def read(self, key: str) -> Iterator[bytes]:
        content = b"".join(super().read(key))
        chunks = (content[at : at + _CHUNK] for at in range(0, len(content), _CHUNK))
        return (chunk for chunk in chunks if key in self._files)


@breaks("two_handles_have_the_same_files")
class RemembersWhatWasMissing(FolderFiles):
    """It looks only once for what is not there."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._missing, self._put = set[str](), set[str]()

    def put(self, key: str, chunks: Iterable[bytes]) -> None:
        self._put.add(key)
        super().put(key, chunks)

    def read(self, key: str) -> Iterator[bytes]:
        if key in self._missing - self._put:
            raise FileDamagedError
        try:
            return super().read(key)
        except FileDamagedError:
            self._missing.add(key)
            raise
