"""What is in a file, against what its extension says."""

import io
import struct
from zipfile import ZIP_BZIP2, ZipFile

import pytest

from indiopay.file_content import content_fault

from .corpus_files import office

MACRO_TYPE = '<Default Extension="bin" ContentType="application/vnd.ms-office.vbaProject"/>'


def fault(data: bytes, extension: str) -> str | None:
    return content_fault(io.BytesIO(data), extension, len(data))


@pytest.mark.parametrize(
    "text",
    [b"abc", b"\xef\xbb\xbfabc", "été".encode(), b"a" * 70_000 + "é".encode(), b"", b"<script>"],
)
def test_utf_8_is_text(text: bytes) -> None:
    """With a byte order mark or without; markup in it is text."""
    assert fault(text, "txt") is None
    assert fault(text, "csv") is None


@pytest.mark.parametrize(
    "data",
    [
        "été".encode("latin-1"),
        b"a\0b",
        b"%PDF-1.4",
        b"\xef\xbb\xbf%PDF-",
        b"GIF89a",
        b"a" * 65_535 + b"\xc3",
        b"\xff\xfea",
    ],
)
def test_what_is_no_utf_8_or_begins_as_another_kind_is_no_text(data: bytes) -> None:
    """Latin-1, NUL, another kind's signature, and a character that is cut off."""
    assert fault(data, "txt") == "mismatch"


@pytest.mark.parametrize(
    ("extension", "data"), [("pdf", b"%PDF-"), ("png", b"\x89PNG\r\n\x1a\n"), ("jpeg", b"\xff\xd8\xff")]
)
def test_a_signature_must_be_that_of_the_extension(extension: str, data: bytes) -> None:
    """A PDF begins as a PDF, an image as that image."""
    assert fault(data, extension) is None
    assert fault(b"x" + data, extension) == "mismatch"


@pytest.mark.parametrize("kind", ["docx", "xlsx"])
def test_an_office_document_is_known_by_its_main_part(kind: str) -> None:
    """A Word document is no workbook, and any other archive is neither."""
    other = {"docx": "xlsx", "xlsx": "docx"}[kind]
    packed = office(kind, {}).read()
    assert fault(packed, kind) is None
    assert fault(packed, other) == "mismatch"
    assert fault(packed[:-30], kind) == "mismatch"
    assert fault(b"PK\x03\x04" + b"x" * 100, kind) == "mismatch"


@pytest.mark.parametrize("name", ["word/vbaProject.bin", "WORD/VBAPROJECT.BIN"])
def test_a_macro_is_found_by_the_name_of_its_part(name: str) -> None:
    """Whatever its case."""
    assert fault(office("docx", {name: b"x"}).read(), "docx") == "macro"


def test_too_many_parts_are_a_bomb() -> None:
    """Ten thousand parts are no invoice's document."""
    assert fault(office("docx", {f"word/{i}.xml": b"" for i in range(10_001)}).read(), "docx") == "bomb"


def test_a_document_that_unpacks_without_end_is_a_bomb() -> None:
    """Counted by what really comes out, not by what the header says."""
    assert fault(office("xlsx", {}, 2**20).read(), "xlsx") == "bomb"


def test_an_unusual_packing_is_no_document() -> None:
    """Office documents are stored or deflated."""
    packed = io.BytesIO()
    with ZipFile(packed, "w", ZIP_BZIP2) as archive:
        archive.writestr("[Content_Types].xml", "x")
    assert fault(packed.getvalue(), "docx") == "mismatch"


def test_an_archive_that_lies_about_an_offset_is_no_document() -> None:
    """Beyond what a seek can take."""
    packed = bytearray(office("docx", {}).read())
    entry, end = packed.rfind(b"PK\1\2"), packed.rfind(b"PK\5\6")
    extra = struct.pack("<HHQ", 1, 8, 2**63)
    packed[entry + 42 : entry + 46] = b"\xff" * 4
    packed[entry + 30 : entry + 32] = struct.pack("<H", len(extra))
    packed[end + 12 : end + 16] = struct.pack("<I", int.from_bytes(packed[end + 12 : end + 16], "little") + len(extra))
    name_end = entry + 46 + int.from_bytes(packed[entry + 28 : entry + 30], "little")
    packed[name_end:name_end] = extra
    assert fault(bytes(packed), "docx") == "mismatch"


class _Fails(io.BytesIO):
    """Fails once its list of entries was read."""

    reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads += 1
        if self.reads > 5:
            raise OSError("gone")
        return super().read(size)


def test_a_document_that_cannot_be_read_is_not_called_a_wrong_one() -> None:
    """The stream's own error comes out."""
    with pytest.raises(OSError, match="gone"):
        content_fault(_Fails(office("docx", {}).read()), "docx", 100)


def test_an_archive_without_a_list_of_types_is_no_document() -> None:
    """A plain zip file under another name."""
    packed = io.BytesIO()
    with ZipFile(packed, "w") as archive:
        archive.writestr("a.txt", "x")
    assert fault(packed.getvalue(), "xlsx") == "mismatch"
