"""The files of a form: opened for as long as they are read, checked, and kept in a file store, all of them or none."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from io import BytesIO
from typing import BinaryIO, TypeGuard
from uuid import UUID

from indiopay.attachment import Attachment, CheckedFile, FilePolicy, Upload, check_files, storage_key, verified
from indiopay.errors import InvalidInputError, StorageError
from indiopay.invoice_form import CheckedFiles
from indiopay.ports import FileStore, Scanner
from indiopay.problems import Problem

log = logging.getLogger(__name__)

_CHUNK = 64 * 1024

OpenedFile = tuple[int, str, BinaryIO | None]
"""A file's place in the form, its name as typed, and its stream; None if it cannot be opened."""


@contextmanager
def opened(uploads: object) -> Iterator[list[OpenedFile]]:
    """The files of a form, opened; untouched file inputs are none. A caller's streams get their position back."""
    with ExitStack() as stack:
        yield [
            (index, upload.name, _stream(upload, stack))
            for index, upload in enumerate(uploads if _are_uploads(uploads) else ())
            if not upload.is_untouched()
        ]


def check_uploads(
    uploads: object, files: Sequence[OpenedFile], policy: FilePolicy, scanner: Scanner | None
) -> CheckedFiles:
    """Check every file of the form by the policy, and those without a problem by the scanner."""
    if not _are_uploads(uploads):
        return (), (Problem("files", "type"),)
    checked, problems = check_files(files, policy)
    if scanner is None:
        return checked, problems
    streams = _streams(files)
    found = [problem for file in checked for problem in _scanned(file, streams[file.index], scanner)]
    return checked, (*problems, *found)


def keep_uploads(
    files: Sequence[OpenedFile],
    checked: Sequence[CheckedFile],
    *,
    store: FileStore,
    agency: str,
    random: Callable[[int], bytes],
) -> tuple[Attachment, ...]:
    """Put every file into the store; if one fails, none stays. What changed since it was checked is refused."""
    streams = _streams(files)
    kept: list[Attachment] = []
    try:
        for file in checked:
            attachment = Attachment(UUID(bytes=random(16)), file.name, file.size, file.media_type, file.sha256)
            unchanged = verified(_chunks(streams[file.index]), attachment)
            store.put(storage_key(agency, attachment.id), _readable(unchanged, file.name, file.index))
            kept.append(attachment)
    except BaseException:
        drop_uploads(kept, store=store, agency=agency)
        raise
    return tuple(kept)


def drop_uploads(attachments: Iterable[Attachment], *, store: FileStore, agency: str) -> None:
    """Remove files that nothing refers to, until the store fails: a sweep takes the others."""
    try:
        for attachment in attachments:
            store.delete(storage_key(agency, attachment.id))
    except StorageError as error:
        log.warning("files that nothing refers to wait for a sweep: %s", type(error.__cause__).__name__)


def _are_uploads(uploads: object) -> TypeGuard[Sequence[Upload]]:
    return isinstance(uploads, Sequence) and all(isinstance(u, Upload) and isinstance(u.name, str) for u in uploads)


def _streams(files: Sequence[OpenedFile]) -> dict[int, BinaryIO]:
    return {index: stream for index, _, stream in files if stream is not None}


def _scanned(file: CheckedFile, stream: BinaryIO, scanner: Scanner) -> Iterator[Problem]:
    try:
        scanner(file.name, _readable(_chunks(stream), file.name, file.index))
    except InvalidInputError as error:
        problems = error.problems or (Problem("files", "unsafe", {"name": file.name}),)
        yield from (Problem("files", problem.code, problem.params, file.index) for problem in problems)


def _readable(chunks: Iterator[bytes], name: str, index: int) -> Iterator[bytes]:
    try:
        yield from chunks
    except Exception as error:  # a caller's stream may raise anything
        raise InvalidInputError((Problem("files", "unreadable", {"name": name}, index),)) from error


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    stream.seek(0)
    while chunk := stream.read(_CHUNK):
        yield chunk


def _stream(upload: Upload, stack: ExitStack) -> BinaryIO | None:
    try:
        if upload.path is not None:
            return stack.enter_context(upload.path.open("rb")) if upload.path.is_file() else None
        if upload.content is None or isinstance(upload.content, bytes):
            return BytesIO(upload.content or b"")
        stack.callback(_give_back, upload.content, upload.content.tell())
        return upload.content
    except Exception:  # noqa: BLE001  # a caller's stream may raise anything
        return None


def _give_back(stream: BinaryIO, position: int) -> None:
    with suppress(Exception):  # it was told as unreadable, if it was
        stream.seek(position)
