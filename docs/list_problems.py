"""Writes the pages that list every problem: each with something that causes it, and its sentence beside the field.

Run it after a change of words: `python docs/list_problems.py`. A test holds the pages to what it writes, and what it
lists to what the code can raise.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple
from unicodedata import combining
from zipfile import ZIP_DEFLATED, ZipFile

from indiopay import Agency, FilePolicy, InvalidInputError, InvoiceForm, Problem, Upload, describe, label
from indiopay.messages import say
from indiopay.testing import memory_desk

DOCS = Path(__file__).parent
PDF = b"%PDF-1.7\n%%EOF\n"
CONTENT_TYPES = (
    b'<Types><Override PartName="/word/document.xml" ContentType="application/vnd.'
    b'openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
)
HIDDEN = ("Zoé\x07 Roy", "Zoé\u202e Roy", "Zoé\ud800 Roy", "q" + "\u0302" * 9, 7)
ADDRESSES = ("", "zoe", "zoe@exemple.ca, luc@exemple.ca", "zoe@exemple", "zoé@exemple.ca", "z" * 65 + "@exemple.ca", 7)


class Page(NamedTuple):
    """A page, the language of its sentences, and the words around them."""

    path: str
    locale: str
    before: str
    heading: str


PAGES = (
    Page(
        "problems.md",
        "en",
        """# Every problem

What `describe(problem, locale)` says of each problem, with something that causes it. In this list today is
2 March 2026. `\\u202e` and the like stand for characters that cannot be seen.
""",
        "| code | typed | sentence |\n|---|---|---|\n",
    ),
    Page(
        "fr/problemes.md",
        "fr_CA",
        """# Tous les problèmes

Ce que `describe(problem, locale)` dit de chaque problème, avec une saisie qui le cause. Dans cette liste, nous sommes
le 2 mars 2026. `\\u202e` et ses semblables désignent des caractères qui ne se voient pas.
""",
        "| code | saisie | phrase |\n|---|---|---|\n",
    ),
)


def bomb() -> bytes:
    """A document that unpacks to much more than it weighs."""
    packed = BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", CONTENT_TYPES)
        archive.writestr("word/document.xml", b" " * 2**20)
    return packed.getvalue()


FORM: Mapping[str, Sequence[Any]] = {
    "amount": ("", "mille " * 11, "douze", "1,234", "1,50€", "1,2345", "0", "1000000000000", 12.5),
    "due_date": ("", "bientôt", "04/05/2026", "2026-02-30", "lundi 3 mars 2026", "2026-03-01", "2099-01-01", 20260401),
    "client_name": ("", "zoe@exemple.ca", "é" * 201, *HIDDEN),
    "client_email": ADDRESSES,
    "description": ("é" * 5_001, *HIDDEN),
    "files": (
        [Upload(f"{number}.pdf", PDF) for number in range(11)],
        *(
            [upload]
            for upload in (
                Upload("a/b.pdf", PDF),
                Upload("Police\u202e.pdf", PDF),
                Upload("Police.exe", PDF),
                Upload("Police.pdf", b""),
                Upload("Police.pdf", b"Bonjour"),
                Upload("Police.docm", PDF),
                Upload("Police.docx", bomb()),
                Upload("Police.pdf", PDF * 10_000),
                Upload.from_path("Police.pdf"),
            )
        ),
        "Police.pdf",
    ),
    "send_by_email": ("oui",),
    "type": ("Unique",),
    "currency": ("", "cad", 7),
    "locale": (7,),
    "input_locale": (7,),
}
AGENCY: Mapping[str, Sequence[Any]] = {
    "slug": ("Nord",),
    "name": ("", "é" * 201, *HIDDEN),
    "email": ADDRESSES,
    "locale": ("", 7),
    "currency": ("",),
    "timezone": ("Montréal",),
}
LIST: Mapping[str, Sequence[Any]] = {
    "status": ("open",),
    "overdue": ("oui",),
    "text": (7, "é" * 201),
    "due_from": ("2026-03-02",),
    "due_until": ("2026-03-02",),
    "order": ("name",),
    "limit": (0,),
}
REFERENCES = ("", "é" * 1_001, *HIDDEN)
TIMES = ("hier", datetime(1, 1, 1, tzinfo=UTC))


def causes() -> Iterator[tuple[object, Callable[[], object]]]:
    """Everything that is wrong somewhere, as it is shown, and what is done with it."""
    desk = memory_desk(file_policy=FilePolicy(max_bytes=100_000))
    invoice = desk.create(form_with()).id
    for field, values in FORM.items():
        yield from ((value, partial(desk.create, form_with(**{field: value}))) for value in values)
    yield "12", partial(desk.create, wrong("12"))
    guarded = memory_desk(scanner=refuse)
    yield "Police.pdf", partial(guarded.create, form_with(files=[Upload("Police.pdf", PDF)]))
    for field, values in AGENCY.items():
        yield from ((value, partial(agency_with, **{field: value})) for value in values)
    for field, values in LIST.items():
        yield from ((value, partial(desk.list, **{field: value})) for value in values)
    for value in REFERENCES:
        yield value, partial(desk.record_payment, invoice, reference=wrong(value))
        yield value, partial(desk.create, form_with(), idempotency_key=wrong(value))
    for value in REFERENCES[1:]:
        yield value, partial(desk.cancel, invoice, reason=wrong(value))
    for at in TIMES:
        yield at, partial(desk.record_payment, invoice, reference="P-1", paid_at=wrong(at))
        yield at, partial(memory_desk(clock=partial(wrong, at)).create, form_with())
    for cause, records in unimportable():
        yield cause, partial(memory_desk().import_records, wrong(records))


def refuse(_name: str, _chunks: Iterator[bytes]) -> None:
    """A scanner that finds harm in every file."""
    raise InvalidInputError(())


def unimportable() -> Iterator[tuple[object, object]]:
    """What is no record, and a good one with something wrong in it or missing beside it."""
    desk = memory_desk()
    desk.create(form_with(files=[Upload("Police.pdf", PDF)]))
    plain: dict[str, Any] = next(desk.export_records())
    yield 7, 7
    yield {"version": 2}, [{"version": 2}]
    yield 20260401, [{**plain, "invoice": {**plain["invoice"], "due_date": 20260401}}]
    yield "sud", [{**plain, "invoice": {**plain["invoice"], "agency_slug": "sud"}}]
    yield "Police.pdf", [plain]


def wrong(value: object) -> Any:
    """A value of a type that no type checker would let pass."""
    return value


def form_with(**changes: Any) -> InvoiceForm:
    """A form without a problem, but for `changes`."""
    right = {"amount": 100, "due_date": "30 jours", "client_name": "Zoé Roy", "client_email": "zoe@exemple.ca"}
    return InvoiceForm(**{**right, **changes})


def agency_with(**changes: Any) -> Agency:
    """An agency without a problem, but for `changes`."""
    return Agency(**{"slug": "nord", "name": "Nord", "email": "nord@exemple.ca", **changes})


def problems() -> dict[tuple[str, str], list[tuple[object, Problem]]]:
    """What causes each problem, by its field and its code, in the order of the fields."""
    found: dict[tuple[str, str], list[tuple[object, Problem]]] = {}
    for cause, act in causes():
        try:
            act()
        except InvalidInputError as error:
            for problem in error.problems:
                found.setdefault((problem.field, problem.code), []).append((cause, problem))
    return found


def page(about: Page) -> str:
    """The whole page, a table for each field."""
    tables: dict[str, str] = {}
    for (field, code), told in problems().items():
        start = f"\n## {label(field, about.locale)}{say('colon', about.locale)} `{field}`\n\n{about.heading}"
        rows = {describe(problem, about.locale): f"| `{code}` | {shown(cause)} |" for cause, problem in told}
        lines = (f"{row} {cell(sentence)} |\n" for sentence, row in rows.items())
        tables[field] = tables.get(field, start) + "".join(lines)
    return about.before + "".join(tables.values())


def shown(cause: object) -> str:
    """What caused a problem, on one line and not too long, with what cannot be seen spelled out."""
    text = ", ".join(file.name for file in cause) if isinstance(cause, list) else str(cause)
    seen = "".join(c if c.isprintable() and not combining(c) else f"\\u{ord(c):04x}" for c in text)
    return f"`{seen[:30] + '…' if len(seen) > 31 else seen}`" if seen else "–"


def cell(sentence: str) -> str:
    """A sentence as Markdown text in a table."""
    return "".join(f"\\{c}" if c in "|\\`*_<[]" else c for c in sentence)


def main() -> None:
    """Write both pages beside this file."""
    for about in PAGES:
        (DOCS / about.path).write_text(page(about), encoding="utf-8")


if __name__ == "__main__":
    main()
