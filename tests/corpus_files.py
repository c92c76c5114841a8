"""The corpus: what people typed, and what must come of it; one JSON object a line."""

import io
import json
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import ZIP_DEFLATED, ZipFile

CORPUS = Path(__file__).parent / "corpus"

_MAIN = {
    "docx": ("word/document.xml", "wordprocessingml.document.main+xml"),
    "xlsx": ("xl/worksheets/sheet1.xml", "spreadsheetml.sheet.main+xml"),
}
_TYPES = """<?xml version="1.0" encoding="UTF-8"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/\
content-types"><Override PartName="/{}" ContentType="application/vnd.openxmlformats-officedocument.{}"/></Types>"""


def cases(name: str) -> list[dict[str, Any]]:
    """Every case of one corpus file."""
    return [json.loads(line) for line in (CORPUS / f"{name}.jsonl").read_text(encoding="ascii").splitlines()]


def content(case: dict[str, Any]) -> BinaryIO:
    """The bytes of a file in the corpus, as they stand there or by their recipe."""
    if "content_base64" in case:
        return io.BytesIO(b64decode(case["content_base64"]))
    recipe, _, size = case["content"].partition(":")
    return _RECIPES[recipe](int(size))


def _pdf(size: int) -> BinaryIO:
    head, foot = b"%PDF-1.4\n%", b"\n%%EOF\n"
    return io.BytesIO(head + b"x" * (size - len(head) - len(foot)) + foot)


def _text(size: int) -> BinaryIO:
    return io.BytesIO(b"a" * size)


def office(kind: str, entries: dict[str, bytes], unpacked_spaces: int = 0) -> BinaryIO:
    """An Office document with these entries besides its main part of that many spaces."""
    main, media_type = _MAIN[kind]
    packed = io.BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", _TYPES.format(main, media_type))
        for name, body in entries.items():
            archive.writestr(name, body)
        with archive.open(main, "w", force_zip64=True) as part:
            for _ in range(0, unpacked_spaces, 2**20):
                part.write(b" " * 2**20)
    packed.seek(0)
    return packed


_RECIPES: dict[str, Callable[[int], BinaryIO]] = {
    "pdf": _pdf,
    "text": _text,
    "xlsx-bomb": lambda size: office("xlsx", {}, size),
    "docx-bomb": lambda size: office("docx", {}, size),
}
