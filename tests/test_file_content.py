"""What is in a file, against what its extension says."""

import io
import struct
from pathlib import Path
from time import process_time
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZipFile

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
    """Fails after so many reads."""

    left = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.left -= 1
        if self.left < 0:
            raise OSError("gone")
        return super().read(size)


def test_a_document_that_cannot_be_read_is_not_called_a_wrong_one() -> None:
    """The stream's own error comes out, whenever it comes once the archive's end was found."""
    packed = office("docx", {}).read()
    failed = 0
    for reads in range(5, 40):
        stream = _Fails(packed)
        stream.left = reads
        try:
            assert content_fault(stream, "docx", len(packed)) is None
        except OSError as error:
            assert str(error) == "gone"
            failed += 1
    assert 5 < failed < 35


class _Sips(io.BytesIO):
    """Gives at most three bytes at a time."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(3, size) if size is not None and size > 0 else size)


def test_a_stream_that_gives_little_at_a_time_is_known_by_its_beginning_all_the_same() -> None:
    """A signature may come in pieces."""
    assert content_fault(_Sips(b"%PDF-1.7"), "pdf", 8) is None
    assert content_fault(_Sips(b"\xef\xbb\xbf%PDF-1.7"), "txt", 11) == "mismatch"
    assert content_fault(_Sips("\ufeffété".encode()), "txt", 8) is None


def test_bytes_and_a_file_with_the_same_fault_are_refused_alike(tmp_path: Path) -> None:
    """A list of entries that begins before the file does."""
    packed = bytearray(office("docx", {}).read())
    packed[packed.rfind(b"PK\5\6") + 16] += 1
    path = tmp_path / "a.docx"
    path.write_bytes(packed)
    with path.open("rb") as stream:
        assert content_fault(stream, "docx", len(packed)) == fault(bytes(packed), "docx") == "mismatch"


def typed(types: str | bytes, *parts: str) -> bytes:
    """An archive with this list of types, and these parts."""
    packed = io.BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", types)
        for part in parts:
            archive.writestr(part, "x" * 100)
    return packed.getvalue()


MAIN = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
WORD = f'<o:Override PartName="/word/document.xml" ContentType="{MAIN}"/>'


@pytest.mark.parametrize(
    "macro",
    [
        '<o:Override PartName="/word/x.dat" ContentType="application/vnd.ms-office.vbaProject"/>',
        '<o:Override ContentType="a/vba&#80;roject" PartName="/WORD/X.DAT"/>',
        '<o:Override PartName="/word/x.dat" more=">" ContentType="application/vnd.ms-office.vbaProject"/>',
        '<o:Default Extension="DAT" ContentType="application/vnd.ms-office.vbaProject"/>',
        '<o:Default Extension="dat" ContentType="application/vnd.ms-excel.macrosheet+xml"/>',
        '<o:Override PartName="/word/x.dat" ContentType="application/vnd.ms-word.document.macroEnabled.main+xml"/>',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_macro_is_found_by_the_type_of_its_part(macro: str, encoding: str) -> None:
    """However the list of types spells it; a type that no part has is no macro."""
    types = f'<?xml version="1.0" encoding="{encoding}"?><o:Types xmlns:o="urn:o">{WORD}{macro}</o:Types>'.encode(
        encoding
    )
    assert fault(typed(types, "word/document.xml", "word/x.dat"), "docx") == "macro"
    assert fault(typed(types, "word/document.xml"), "docx") is None


@pytest.mark.parametrize("name", ["%6d.bin", "M.bin"])
@pytest.mark.parametrize("entry", ["word/m.bin", "word\\m.bin", "/word/m.bin", "word/%6D.bin"])
def test_a_macro_is_found_however_its_name_is_spelled(name: str, entry: str) -> None:
    """By escapes, in capitals, with strokes that lean the other way."""
    macro = f'<o:Override PartName="/word/{name}" ContentType="application/vnd.ms-office.vbaProject"/>'
    types = f'<o:Types xmlns:o="urn:o">{WORD}{macro}</o:Types>'
    assert fault(typed(types, "word/document.xml", entry), "docx") == "macro"


@pytest.mark.parametrize(
    "types",
    [
        f"<Types><!--{WORD}--></Types>",
        f'<!DOCTYPE Types [<!ENTITY a "b">]><o:Types xmlns:o="urn:o">{WORD}</o:Types>',
        f'<o:Types xmlns:o="urn:o">{" " * 2**20}{WORD}</o:Types>',
        f'<o:Types xmlns:o="urn:o">{WORD}',
    ],
)
def test_a_list_of_types_that_cannot_be_trusted_makes_no_document(types: str) -> None:
    """Its main part only in a comment, entities, a mebibyte of nothing, an end that is missing."""
    assert fault(typed(types, "word/document.xml"), "docx") == "mismatch"


def test_a_document_without_its_main_part_or_with_two_lists_of_types_is_none() -> None:
    """What is declared must be there, once."""
    types = f'<o:Types xmlns:o="urn:o">{WORD}</o:Types>'
    assert fault(typed(types), "docx") == "mismatch"
    packed = io.BytesIO(typed(types, "word/document.xml"))
    with pytest.warns(UserWarning, match="Duplicate name"), ZipFile(packed, "a") as archive:
        archive.writestr("[Content_Types].xml", types)
    assert fault(packed.getvalue(), "docx") == "mismatch"


@pytest.mark.parametrize("hostile", [b"<default vbaproject", b"<override", b"<default vbaproject extension=", b"<a>"])
def test_a_hostile_list_of_types_costs_no_time(hostile: bytes) -> None:
    """A small file that once took days."""
    started = process_time()
    assert fault(typed((hostile * 2**20)[: 2**20 - 100]), "docx") == "mismatch"
    assert process_time() - started < 1


@pytest.mark.parametrize("end", [struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 1, 1, 23_000_000, 0, 0), b""])
def test_a_list_of_entries_that_is_too_long_is_not_read(end: bytes) -> None:
    """By the length that its end gives, or because that end stands elsewhere, as in files beyond 4 GiB."""
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, 0, 1) + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 1, 1, 1, 0, 0)
    started = process_time()
    assert fault(b"PK\x03\x04" + b"PK\1\2" * 5_000_000 + (end or locator), "docx") == "bomb"
    assert process_time() - started < 1


def test_an_archive_without_a_list_of_types_is_no_document() -> None:
    """A plain zip file under another name."""
    packed = io.BytesIO()
    with ZipFile(packed, "w") as archive:
        archive.writestr("a.txt", "x")
    assert fault(packed.getvalue(), "xlsx") == "mismatch"
