"""Files that come with an invoice: what is uploaded, what a policy allows, and what is known of a kept one."""

import io
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import count
from typing import TYPE_CHECKING, BinaryIO, NamedTuple
from uuid import UUID

from attrs import evolve, field, frozen

from indiopay.errors import FileDamagedError
from indiopay.file_content import MACRO_EXTENSIONS, MEDIA_TYPES, content_fault
from indiopay.problems import Problem
from indiopay.text import is_blank

if TYPE_CHECKING:
    from pathlib import Path

_CHUNK = 64 * 1024
_NAME_LIMIT = 150
_ENDING_LIMIT = 16
_SHOWN = 80

_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff/\\\\]")
_QUOTED_SLASH = re.compile("%(?:2[fF]|5[cC])")
_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_NOT_PLAIN = re.compile(r"[^ !#$&+\-.0-9A-Z^_`a-z{}~()]")

STORAGE_KEY = re.compile(r"[a-z0-9-]{1,40}/[0-9a-f]{2}/[0-9a-f]{32}")
"""The whole of a key that `storage_key` gives."""


@frozen
class Attachment:
    """What is known of a file; its bytes are in the file store. `size` is in bytes, `sha256` in hex."""

    id: UUID
    name: str = field(repr=False)
    size: int
    media_type: str
    sha256: str


@frozen
class FilePolicy:
    """How many files a form may have, how large, and of which kinds (extensions in lower case)."""

    max_files: int = 10
    max_bytes: int = 25 * 2**20
    max_total_bytes: int = 50 * 2**20
    extensions: frozenset[str] = frozenset(MEDIA_TYPES)

    def __attrs_post_init__(self) -> None:
        if unknown := sorted(self.extensions - MEDIA_TYPES.keys()):
            raise ValueError(f"files of these kinds cannot be checked: {', '.join(unknown)}")


@frozen
class Upload:
    """A file as it was handed in: bytes or a seekable binary stream, or a path that the desk opens.

    A nameless, empty one is an untouched file input, and no file. A stream is read whole, from its beginning; the
    desk gives it its position back and never closes it.
    """

    name: str = field(repr=False)
    content: bytes | BinaryIO | None = field(repr=False)
    path: "Path | None" = field(default=None, repr=False)

    @classmethod
    def from_path(cls, path: str | os.PathLike[str]) -> "Upload":
        """A file of this machine, under its own name; only its path is remembered here."""
        from pathlib import Path  # on first use: an invoice does without it

        found = Path(path)
        return cls(found.name, None, found)

    def is_untouched(self) -> bool:
        """Whether it is nameless and empty."""
        if self.name or self.path is not None:
            return False
        return self.content in (None, b"") if isinstance(self.content, bytes | None) else _is_empty(self.content)


@frozen
class CheckedFile:
    """A file without a problem: its place in the form, and what its attachment will say."""

    index: int
    name: str = field(repr=False)
    size: int
    media_type: str
    sha256: str


def check_files(
    files: Sequence[tuple[int, str, BinaryIO | None]], policy: FilePolicy
) -> tuple[tuple[CheckedFile, ...], tuple[Problem, ...]]:
    """What is known of each file, and every problem of every file.

    A file is its place in the form, its name as typed, and a seekable stream, None if it could not be opened. A
    stream is read from its beginning, and no further than the policy allows.
    """
    if len(files) > policy.max_files:
        return (), (Problem("files", "too_many", {"limit": policy.max_files}),)
    checked: list[CheckedFile] = []
    problems: list[Problem] = []
    room: int | None = policy.max_total_bytes
    for index, typed, stream in files:
        limit = policy.max_bytes if room is None else min(policy.max_bytes, room)
        measured = _measured(stream, limit)
        name = _Name.of(typed)
        codes = [*_name_faults(typed, name, policy), *_content_faults(stream, name.extension, measured, policy)]
        params = {"name": typed[:_SHOWN], "limit": limit, "extensions": tuple(sorted(policy.extensions))}
        problems += [Problem("files", code, params, index) for code in codes]
        if isinstance(measured, _Measure):
            room = None if room is None else room - measured.size
            if not codes:
                checked.append(CheckedFile(index, name.kept(), measured.size, name.media_type, measured.sha256))
        elif measured == "too_large" and limit < policy.max_bytes:
            room = None  # the first file that takes the sum over its limit is told, not those behind it
    return _with_own_names(checked), tuple(problems)


class _Measure(NamedTuple):
    size: int
    sha256: str


def _measured(stream: BinaryIO | None, limit: int) -> _Measure | str:
    """How long a stream is, and its hash; or why it cannot be taken. It is read no further than the limit."""
    if stream is None:
        return "unreadable"
    size, digest = 0, sha256()
    try:
        stream.seek(0)
        while chunk := stream.read(_CHUNK):
            size += len(chunk)
            if size > limit:
                return "too_large"
            digest.update(chunk)
    except Exception:  # noqa: BLE001  # a caller's stream may raise anything
        return "unreadable"
    return _Measure(size, digest.hexdigest()) if size else "empty"


def _content_faults(
    stream: BinaryIO | None, extension: str, measured: _Measure | str, policy: FilePolicy
) -> Iterator[str]:
    if isinstance(measured, str):
        yield measured
    elif stream is not None and extension in policy.extensions:
        try:
            fault = content_fault(stream, extension, measured.size)
        except Exception:  # noqa: BLE001  # a caller's stream may raise anything
            fault = "unreadable"
        if fault:
            yield fault


class _Name(NamedTuple):
    """A file's name as typed, parted at its last dot; a name of nothing but dots before it has no extension."""

    stem: str
    ending: str = ""

    @classmethod
    def of(cls, typed: str) -> "_Name":
        stem, dot, ending = typed.rpartition(".")
        return cls(stem, dot + ending) if stem.strip(".") else cls(typed)

    @property
    def extension(self) -> str:
        """In lower case; a longer one than any that is known is no extension."""
        return self.ending[1:].lower() if len(self.ending) <= _ENDING_LIMIT else ""

    @property
    def media_type(self) -> str:
        return MEDIA_TYPES[self.extension]

    def kept(self, turn: int = 1) -> str:
        """In NFC, and short enough; roughly cut before that, since NFC is quadratic in marks."""
        ending = self.ending if turn == 1 else f" ({turn}){self.ending}"
        return unicodedata.normalize("NFC", self.stem[: 4 * _NAME_LIMIT])[: _NAME_LIMIT - len(ending)] + ending


def _name_faults(typed: str, name: _Name, policy: FilePolicy) -> Iterator[str]:
    is_unsafe = typed.endswith((".", " ")) or _UNSAFE.search(typed) or _QUOTED_SLASH.search(typed)
    if is_unsafe or is_blank(name.stem[:_NAME_LIMIT]):
        yield "name"
    elif _BIDI.search(typed):
        yield "bidi"
    elif name.extension in MACRO_EXTENSIONS:
        yield "macro"
    elif name.extension not in policy.extensions:
        yield "type"


def _with_own_names(files: Iterable[CheckedFile]) -> tuple[CheckedFile, ...]:
    """Equal names, compared without case, get " (2)", " (3)" before the extension."""
    taken: set[str] = set()
    named: list[CheckedFile] = []
    for file in files:
        stem, dot, ending = file.name.rpartition(".")
        turns = (_Name(stem, dot + ending).kept(turn) for turn in count(1))
        name = next(name for name in turns if name.casefold() not in taken)
        taken.add(name.casefold())
        named.append(evolve(file, name=name))
    return tuple(named)


def _is_empty(stream: BinaryIO) -> bool:
    try:
        position = stream.tell()
        end = stream.seek(0, io.SEEK_END)
        stream.seek(position)
    except Exception:  # noqa: BLE001  # a caller's stream may raise anything
        return False
    return end == 0


def storage_key(agency_slug: str, attachment_id: UUID) -> str:
    """Where the bytes of an attachment are kept: "nord/4f/4f0e…", the agency and the id, never a name."""
    return f"{agency_slug}/{attachment_id.hex[:2]}/{attachment_id.hex}"


def download_headers(attachment: Attachment) -> dict[str, str]:
    """What a web framework must send with the bytes: never rendered, never kept, under its own name (RFC 6266)."""
    return {
        "Content-Type": attachment.media_type,
        "Content-Length": str(attachment.size),
        "Content-Disposition": _disposition(attachment.name),
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "private, no-store",
    }


def _disposition(name: str) -> str:
    """An ASCII name for old clients, then the real one (RFC 5987)."""
    from urllib.parse import quote  # on first use: an invoice does without it

    bare = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii")
    stem, extension = os.path.splitext(_NOT_PLAIN.sub("_", bare))
    plain = f"{stem or 'fichier'}{extension}" if extension else f"fichier{os.path.splitext(name)[1]}"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def verified(chunks: Iterable[bytes], attachment: Attachment) -> Iterator[bytes]:
    """The chunks as they come; FileDamagedError at the end, or where they are too long, if they are not what was kept.

    The last one is given out once all of them have the right hash, so that a damaged file never arrives whole. No more
    is read than was kept, and never more given out.
    """
    size, digest, held = 0, sha256(), b""
    for chunk in filter(None, chunks):
        size += len(chunk)
        if size > attachment.size:
            break
        digest.update(chunk)
        if held:
            yield held
        held = chunk
    if size != attachment.size or digest.hexdigest() != attachment.sha256:
        raise FileDamagedError("a stored file is not what was stored: restore it from a backup")
    yield held
