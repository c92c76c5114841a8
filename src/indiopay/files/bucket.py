"""Files in a bucket of an object store (S3 and its kin, GCS, Azure), for many machines; needs the extra `s3` (obstore).

A file of up to 5 MiB is one request. A larger one is uploaded in parts of that size, and no more than a few of them are
held at once. Either way its name is taken by a request that creates only: the server lets one of many have it.
"""

import os
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    NotSupportedError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from obstore.store import ObjectStore

from indiopay.attachment import STORAGE_KEY
from indiopay.errors import FileDamagedError, StorageError
from indiopay.files.feed import feed

if TYPE_CHECKING:
    from obstore import GetResult

_PART = 5 * 2**20  # the least that S3 takes
_CHUNK = 2**20
_PAGE = 1000

_ABANDONED_AFTER = timedelta(hours=1)

_PREFIX = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*/?)?")
_BEGINNING = re.compile(r"[a-z0-9-]*(?:/[0-9a-f]*(?:/[0-9a-f]*)?)?")
_PLAIN = {"Content-Type": "application/octet-stream"}
_CLAIM = {**_PLAIN, "claim": "yes"}
_UNJOINED = ".part"

_ADVICE: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...] = (
    (AlreadyExistsError, "a file with this key is there already"),
    ((PermissionDeniedError, UnauthenticatedError), "check its keys, and that they may read, write, list and delete"),
    (FileNotFoundError, "check the name of the bucket"),
    ((NotSupportedError, NotImplementedError), "this kind of store does not do what it must"),
    (Exception, "check its address, its keys and the network, then try again"),
)

_began: dict[str, int] = {}
"""The process in which obstore began to work. Its threads are not in a child, which would wait for them for ever."""


class BucketFiles:
    """A file store in a bucket: `store` is one of obstore's, `prefix` a folder in it (a-z, A-Z, 0-9, ".", "_", "-").

    The bucket must honour create-only puts (`If-None-Match: *`), or two files might get one name. Have it remove
    incomplete uploads after some days: a process that is killed leaves parts of one, which nobody sees. In a process
    that was forked after the first use of a bucket, every verb is a StorageError: open it in each worker.
    """

    def __init__(self, store: ObjectStore, prefix: str = "") -> None:
        if not isinstance(store, ObjectStore):
            raise TypeError("a BucketFiles takes a store of obstore, such as obstore.store.S3Store")
        if not _PREFIX.fullmatch(prefix):
            raise ValueError('a prefix holds names of a-z, A-Z, 0-9, ".", "_" and "-", with "/" between them')
        self._store = store
        self._root = f"{prefix.rstrip('/')}/" if prefix else ""

    def put(self, key: str, chunks: Iterable[bytes]) -> None:
        """Write a new file; durable on return, and nothing is left if it fails, unless the bucket is out of reach."""
        path = self._path(key)
        rest = iter(chunks)
        first = _gathered(rest)
        if len(first) <= _PART:
            self._create(path, first)
        else:
            self._put_parts(path, chain((first,), rest))

    def read(self, key: str) -> Iterator[bytes]:
        """Its bytes, in chunks of 1 MiB, each asked for when it is wanted: a slow reader may take its time."""
        path = self._path(key)
        with self._reading("a stored file cannot be opened"):
            found = obstore.get(self._store, path, options={"head": True})
            if _claims(found):
                raise FileNotFoundError
        return self._chunks(path, found.meta["size"])

    def keys(self, prefix: str, *, before: datetime) -> Iterator[str]:
        """The keys that begin with `prefix` and were written before that time by the bucket's clock, to the second.

        What a killed `put` left of a large file ends in ".part"; `delete` takes that name too.
        """
        if not _BEGINNING.fullmatch(prefix):
            return
        start = self._root + prefix
        with _told("the bucket cannot be listed"):
            for page in obstore.list(self._store, start.rpartition("/")[0] or None, chunk_size=_PAGE):
                for found in page:
                    key = found["path"].removeprefix(self._root)
                    is_ours = found["path"].startswith(start) and STORAGE_KEY.fullmatch(key)
                    if is_ours and found["last_modified"] < before:
                        yield key + (_UNJOINED if not found["size"] and self._is_claim(found["path"]) else "")

    def delete(self, key: str) -> None:
        """Remove a file, if it is there."""
        name = key.removesuffix(_UNJOINED)
        path = self._path(name)
        if name == key or self._is_claim(path):
            self._remove(path)

    def _create(self, path: str, content: bytes, named: Mapping[str, str] = _PLAIN) -> None:
        """One request, and others of the same if its answer is lost: the mark tells what an earlier one wrote."""
        mark = secrets.token_hex(16)
        with _told("a file could not be stored"):
            try:
                obstore.put(self._store, path, content, mode="create", attributes={**named, "mark": mark})
            except AlreadyExistsError:
                found = self._head(path)
                if found and found.attributes.get("mark") == mark:
                    return
                if not _is_abandoned(found):
                    raise
                self._remove(path)
                self._create(path, content, named)

    def _head(self, path: str) -> "GetResult | None":
        with suppress(FileNotFoundError):
            return obstore.get(self._store, path, options={"head": True})
        return None

    def _is_claim(self, path: str) -> bool:
        """Whether the name was taken by an upload in parts that has not been joined: then there is no file yet."""
        with _told("a stored file cannot be looked at"):
            found = self._head(path)
        return _claims(found)

    def _put_parts(self, path: str, chunks: Iterator[bytes]) -> None:
        """An upload in parts cannot be told to create only: an empty claim takes its name just before it is joined."""
        taken: list[str] = []

        def named_last() -> Iterator[bytes]:
            yield from chunks
            self._create(path, b"", _CLAIM)
            taken.append(path)

        try:
            feed(partial(self._upload, path), named_last())
        except BaseException:
            for name in taken:
                with suppress(StorageError):  # nothing refers to it: a sweep takes it
                    self._remove(name)
            raise

    def _upload(self, path: str, chunks: Iterator[bytes]) -> None:
        with _told("a file could not be stored"):
            obstore.put(
                self._store, path, chunks, use_multipart=True, chunk_size=_PART, max_concurrency=1, attributes=_PLAIN
            )

    def _chunks(self, path: str, size: int) -> Iterator[bytes]:
        for start in range(0, size, _CHUNK):
            with self._reading("a stored file cannot be read"):
                chunk = bytes(obstore.get_range(self._store, path, start=start, end=min(start + _CHUNK, size)))
            yield chunk

    def _remove(self, path: str) -> None:
        with _told("a stored file cannot be removed"):
            try:
                obstore.delete(self._store, path)
            except FileNotFoundError:
                self._require_bucket()

    @contextmanager
    def _reading(self, what: str) -> Iterator[None]:
        with _told(what):
            try:
                yield
            except FileNotFoundError as error:
                self._require_bucket()
                raise FileDamagedError("a stored file is gone: restore it from a backup") from error

    def _require_bucket(self) -> None:
        """A file that is not there is one thing, a bucket that is not there another."""
        next(iter(obstore.list(self._store, self._root, chunk_size=1)), None)

    def _path(self, key: str) -> str:
        if not STORAGE_KEY.fullmatch(key):
            raise StorageError("this is not the key of a file")
        return self._root + key


@contextmanager
def _told(what: str) -> Iterator[None]:
    if _began.setdefault("pid", os.getpid()) != os.getpid():
        raise StorageError(f"{what}: a bucket was used before this process was forked, open it in each worker")
    try:
        yield
    except (BaseError, OSError, NotImplementedError) as error:
        advice = next(advice for kind, advice in _ADVICE if isinstance(error, kind))
        raise StorageError(f"{what}: {advice}") from error
    except BaseException as error:
        if type(error).__module__ != "pyo3_runtime":
            raise
        raise StorageError(f"{what}: check the settings, one of them holds what no request may") from error


def _claims(found: "GetResult | None") -> bool:
    return found is not None and "claim" in found.attributes


def _is_abandoned(found: "GetResult | None") -> bool:
    """A claim that nobody has joined in all this time is a killed process's."""
    if found is None or not _claims(found):
        return False
    return found.meta["last_modified"] < datetime.now(UTC) - _ABANDONED_AFTER


def _gathered(chunks: Iterator[bytes]) -> bytes:
    """Chunks until they are more than one part, or all of them."""
    content = bytearray()
    for chunk in chunks:
        content += chunk
        if len(content) > _PART:
            break
    return bytes(content)
