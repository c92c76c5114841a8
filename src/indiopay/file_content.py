"""What is in a file, against what its extension says: signatures, text, Office documents, macros and bombs."""

import codecs
import re
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from zipfile import ZipFile, ZipInfo

MEDIA_TYPES = {
    "pdf": "application/pdf",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "txt": "text/plain",
    "csv": "text/csv",
}
"""The media type of each extension that can be checked."""

MACRO_EXTENSIONS = frozenset({"docm", "dotm", "xlsm", "xltm", "xlam"})

_SIGNATURES = {
    "pdf": b"%PDF-",
    "png": b"\x89PNG\r\n\x1a\n",
    "jpg": b"\xff\xd8\xff",
    "jpeg": b"\xff\xd8\xff",
    "docx": b"PK\x03\x04",
    "xlsx": b"PK\x03\x04",
}
_FOREIGN = (*set(_SIGNATURES.values()), b"PK\x05\x06", b"GIF8", b"{\\rtf", b"\xd0\xcf\x11\xe0", b"\x1f\x8b", b"\x7fELF")
_MAIN_PART = {
    "docx": b"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml",
    "xlsx": b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml",
}
_CONTENT_TYPES = "[Content_Types].xml"
_MACRO_PART = re.compile(rb"macroenabled|<override[^>]*vbaproject", re.IGNORECASE)
_MACRO_DEFAULT = re.compile(rb"<default[^>]*vbaproject[^>]*>", re.IGNORECASE)
_OF_EXTENSION = re.compile(rb"extension\s*=\s*[\"']([^\"']+)", re.IGNORECASE)

_PACKINGS = (0, 8)  # stored, deflated
_CHUNK = 64 * 1024
_CONTENT_TYPES_LIMIT = 2**20
_UNPACKED_LIMIT = 256 * 2**20
_UNPACKED_RATIO = 100
_ENTRIES_LIMIT = 10_000


def content_fault(stream: BinaryIO, extension: str, size: int) -> str | None:
    """Why the stream is no file of this kind: "mismatch", "macro", "bomb"; None if it is one.

    The time and the memory that this takes are bounded, whatever the file holds.
    """
    stream.seek(0)
    if extension in ("txt", "csv"):
        return None if _is_text(stream) else "mismatch"
    if stream.read(8)[: len(_SIGNATURES[extension])] != _SIGNATURES[extension]:
        return "mismatch"
    return _office_fault(stream, extension, size) if extension in _MAIN_PART else None


def _is_text(stream: BinaryIO) -> bool:
    """UTF-8, with a byte order mark or without; nothing that begins as another kind of file does."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    chunk = stream.read(_CHUNK)
    if chunk.removeprefix(codecs.BOM_UTF8).startswith(_FOREIGN):
        return False
    try:
        while chunk:
            if "\0" in decoder.decode(chunk):
                return False
            chunk = stream.read(_CHUNK)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _office_fault(stream: BinaryIO, extension: str, size: int) -> str | None:
    """What zipfile cannot read is no document; an entry is read by its real length, not by what its header says."""
    from zipfile import ZipFile  # on first use: an invoice does without it

    try:
        with ZipFile(stream) as archive:
            return _archive_fault(archive, extension, size)
    except OSError:
        raise
    except Exception:  # noqa: BLE001  # what zipfile raises at a hostile archive is no closed list
        return "mismatch"


def _archive_fault(archive: "ZipFile", extension: str, size: int) -> str | None:
    entries = archive.infolist()
    if len(entries) > _ENTRIES_LIMIT:
        return "bomb"
    if any(entry.compress_type not in _PACKINGS for entry in entries):
        return "mismatch"
    with archive.open(_CONTENT_TYPES) as listed:
        types = listed.read(_CONTENT_TYPES_LIMIT)
    if _has_macro(types, [entry.filename.lower() for entry in entries]):
        return "macro"
    if _MAIN_PART[extension] not in types:
        return "mismatch"
    return "bomb" if _is_bomb(archive, entries, size) else None


def _has_macro(types: bytes, names: list[str]) -> bool:
    """A part is a macro by its name, by a type of its own, or by the type that its extension has by default."""
    extensions = [found[1] for default in _MACRO_DEFAULT.findall(types) if (found := _OF_EXTENSION.search(default))]
    endings = ("vbaproject.bin", *(f".{extension.decode('utf-8', 'replace').lower()}" for extension in extensions))
    return _MACRO_PART.search(types) is not None or any(name.endswith(endings) for name in names)


def _is_bomb(archive: "ZipFile", entries: "list[ZipInfo]", size: int) -> bool:
    allowed = min(_UNPACKED_LIMIT, size * _UNPACKED_RATIO)
    for entry in entries:
        entry.file_size = _UNPACKED_LIMIT + 1  # else zipfile stops where the header says, which may lie
        with archive.open(entry) as unpacked:
            while chunk := unpacked.read(_CHUNK):
                allowed -= len(chunk)
                if allowed < 0:
                    return True
    return False
