"""What is in a file, against what its extension says: signatures, text, Office documents, macros and bombs."""

import codecs
from errno import EINVAL
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
_LONGEST_SIGNATURE = 8
_MAIN_PART = {
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml",
}
_CONTENT_TYPES = "[Content_Types].xml"
_MACRO_TYPES = ("macroenabled", "vbaproject", "macrosheet")
_MACRO_PART = "vbaproject.bin"

_PACKINGS = (0, 8)  # stored, deflated
_CHUNK = 64 * 1024
_CONTENT_TYPES_LIMIT = 2**20
_DIRECTORY_LIMIT = 4 * 2**20
_END = b"PK\x05\x06"
_END_SIZE = 22
_LOCATOR = b"PK\x06\x07"
_LOCATOR_SIZE = 20
_LONGEST_COMMENT = 2**16
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
    if not _beginning(stream).startswith(_SIGNATURES[extension]):
        return "mismatch"
    return _office_fault(stream, extension, size) if extension in _MAIN_PART else None


def _beginning(stream: BinaryIO) -> bytes:
    """The first bytes, however few of them the stream gives at a time."""
    begun = b""
    while len(begun) < _LONGEST_SIGNATURE and (more := stream.read(_LONGEST_SIGNATURE - len(begun))):
        begun += more
    return begun


def _is_text(stream: BinaryIO) -> bool:
    """UTF-8, with a byte order mark or without; nothing that begins as another kind of file does."""
    begun = _beginning(stream)
    marked = begun.startswith(codecs.BOM_UTF8)
    stream.seek(len(codecs.BOM_UTF8) if marked else 0)
    if _beginning(stream).startswith(_FOREIGN):
        return False
    stream.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while chunk := stream.read(_CHUNK):
            if "\0" in decoder.decode(chunk):
                return False
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _office_fault(stream: BinaryIO, extension: str, size: int) -> str | None:
    """What zipfile cannot read is no document; an entry is read by its real length, not by what its header says."""
    from zipfile import ZipFile  # on first use: an invoice does without it

    if _directory_size(stream, size) > _DIRECTORY_LIMIT:
        return "bomb"
    try:
        with ZipFile(stream) as archive:
            return _archive_fault(archive, extension, size)
    except OSError as error:
        if error.errno != EINVAL:  # else a place before the beginning, which a file in memory calls a ValueError
            raise
        return "mismatch"
    except Exception:  # noqa: BLE001  # what zipfile raises at a hostile archive is no closed list
        return "mismatch"


def _directory_size(stream: BinaryIO, size: int) -> int:
    """How long an archive says that its list of entries is, which zipfile would read whole; 0 if it says nothing."""
    stream.seek(max(0, size - _END_SIZE - _LONGEST_COMMENT))
    tail = stream.read()
    at = tail.rfind(_END)
    if at < 0:
        return 0
    if tail[max(0, at - _LOCATOR_SIZE) : at].startswith(_LOCATOR):  # only what is larger than 4 GiB has one
        return _DIRECTORY_LIMIT + 1
    return int.from_bytes(tail[at + 12 : at + 16], "little")


def _archive_fault(archive: "ZipFile", extension: str, size: int) -> str | None:
    entries = archive.infolist()
    if len(entries) > _ENTRIES_LIMIT:
        return "bomb"
    names = [entry.filename for entry in entries]
    if len(set(names)) < len(names) or any(entry.compress_type not in _PACKINGS for entry in entries):
        return "mismatch"
    with archive.open(_CONTENT_TYPES) as listed:
        kinds = _kinds_of_parts(names, listed.read(_CONTENT_TYPES_LIMIT))
    if any(name.lower().endswith(_MACRO_PART) for name in names) or any(_is_macro(kind) for kind in kinds):
        return "macro"
    if _MAIN_PART[extension] not in kinds:
        return "mismatch"
    return "bomb" if _is_bomb(archive, entries, size) else None


def _is_macro(kind: str) -> bool:
    return any(mark in kind.lower() for mark in _MACRO_TYPES)


def _kinds_of_parts(names: list[str], listed: bytes) -> set[str]:
    """The types of the parts that there are: each by its own name, however it is spelled, or by its extension."""
    from urllib.parse import unquote  # on first use: an invoice does without it

    parts = {"/" + unquote(name).replace("\\", "/").lstrip("/").lower() for name in names}
    endings = {part.rpartition(".")[2] for part in parts}
    return {
        kind
        for attributes in _elements(listed)
        if (kind := attributes.get("ContentType", ""))
        and (
            unquote(attributes.get("PartName", "")).lower() in parts
            or attributes.get("Extension", "").lower() in endings
        )
    }


def _elements(xml: bytes) -> list[dict[str, str]]:
    """The attributes of every element. An entity could grow without end, so a document that declares any is refused."""
    from xml.parsers.expat import ParserCreate  # on first use: an invoice does without it

    found: list[dict[str, str]] = []

    def refuse(*_: object) -> None:
        raise ValueError("a list of types declares nothing of its own")

    parser = ParserCreate()
    parser.StartElementHandler = lambda _, attributes: found.append(attributes)
    parser.StartDoctypeDeclHandler = refuse
    parser.Parse(xml, True)  # noqa: FBT003  # expat takes no keyword
    return found


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
