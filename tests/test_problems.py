"""Every problem at once: a form with six mistakes, over every store."""

import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from indiopay import InvalidInputError, InvoiceDesk, InvoiceForm, Problem, Upload, describe, label
from indiopay.files.folder import FolderFiles
from indiopay.files.memory import MemoryFiles
from indiopay.ports import FileStore

from .conftest import PDF, filled_in

FAR_AHEAD = 10


def six_mistakes() -> InvoiceForm:
    """An amount with two readings, a date that has passed, no name, two addresses, a hidden sign, a wrong file."""
    good = io.BytesIO(PDF)
    good.seek(7)
    return InvoiceForm(
        amount="1,234",
        due_date="2020-01-01",
        client_name=" ",
        client_email="a@exemple.ca, b@exemple.ca",
        description="a\u202eb",
        files=[Upload("Police.pdf", good), Upload("Plan.exe", b"MZ")],
        send_by_email=True,
    )


SIX = [
    ("amount", "ambiguous", None),
    ("due_date", "past", None),
    ("client_name", "required", None),
    ("client_email", "multiple", None),
    ("description", "bidi", None),
    ("files", "type", 1),
]
IN_FRENCH = [
    "Montant du paiement",
    "Date d’échéance de la facture",
    "Nom du client",
    "Adresse courriel du client",
    "Description de la facture",
    "Ajouter des fichiers",
]


def told(problems: tuple[Problem, ...]) -> list[tuple[str, str, int | None]]:
    return [(problem.field, problem.code, problem.index) for problem in problems]


def kept_files(files: FileStore) -> int:
    if isinstance(files, MemoryFiles):
        return len(files._files)
    assert isinstance(files, FolderFiles)
    return sum(path.is_file() for path in files._root.rglob("*"))


def test_six_mistakes_give_six_problems_and_leave_nothing(desk: InvoiceDesk, files: FileStore) -> None:
    """All at once, in the order of the form; nothing is stored and no file is left behind."""
    with pytest.raises(InvalidInputError) as caught:
        desk.create(six_mistakes())
    assert told(caught.value.problems) == SIX
    assert (desk.list().items, kept_files(files)) == ((), 0)
    assert desk.create(filled_in()).number == "F-000001"


def test_six_mistakes_are_described_in_french_and_in_english(desk: InvoiceDesk) -> None:
    """Each beside the seed's own label, each in a sentence of its own."""
    problems = desk.check(six_mistakes())
    assert [label(problem.field, "fr_CA") for problem in problems] == IN_FRENCH
    for locale in ("fr_CA", "en"):
        sentences = [describe(problem, locale) for problem in problems]
        assert len(set(sentences)) == 6
        assert all(sentence.endswith(".") for sentence in sentences)


def test_a_check_gives_the_same_and_leaves_the_streams_as_they_were(desk: InvoiceDesk, files: FileStore) -> None:
    """Live validation writes nothing and moves nothing."""
    form = six_mistakes()
    stream = form.files[0].content
    assert isinstance(stream, io.BytesIO)
    assert told(desk.check(form)) == told(desk.check(form)) == SIX
    assert (stream.tell(), stream.closed) == (7, False)
    assert (desk.list().items, kept_files(files)) == ((), 0)


def test_a_check_of_a_right_form_gives_none_and_writes_nothing(desk: InvoiceDesk, files: FileStore) -> None:
    """The form can then be created with the same streams."""
    stream = io.BytesIO(PDF)
    form = filled_in(files=[Upload("Police.pdf", stream)])
    assert desk.check(form) == ()
    assert (stream.tell(), kept_files(files), desk.list().items) == (0, 0, ())
    assert desk.create(form).attachments[0].size == len(PDF)
    assert (stream.tell(), stream.closed) == (0, False)


class _Broken:
    """A stream that has no position."""

    def read(self, size: int = -1) -> bytes:
        return b""


@pytest.mark.parametrize(
    ("upload", "code"),
    [
        (Upload("Police.pdf", _Broken()), "unreadable"),  # type: ignore[arg-type]  # on purpose
        (Upload.from_path("/nowhere/Police.pdf"), "unreadable"),
        (Upload("", b"x"), "name"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_problem(desk: InvoiceDesk, upload: Upload, code: str) -> None:
    """Vanished, closed, or no stream at all."""
    assert code in [problem.code for problem in desk.check(filled_in(files=[upload]))]


def test_a_stream_may_raise_anything(desk: InvoiceDesk) -> None:
    """A compressed file that was cut off raises EOFError."""
    packed: Any = gzip.GzipFile(fileobj=io.BytesIO(gzip.compress(b"a;b\n" * 1000)[:-12]))
    with packed as cut:
        assert [p.code for p in desk.check(filled_in(files=[Upload("a.csv", cut)]))] == ["unreadable"]


def test_a_closed_stream_is_unreadable(desk: InvoiceDesk) -> None:
    """And no traceback."""
    stream = io.BytesIO(PDF)
    stream.close()
    assert [p.code for p in desk.check(filled_in(files=[Upload("Police.pdf", stream)]))] == ["unreadable"]


@pytest.mark.parametrize("form", [None, {"amount": "12"}, "12"])
def test_what_is_no_form_is_refused(desk: InvoiceDesk, form: Any) -> None:
    """A web framework's dictionary is not one yet."""
    for verb in (desk.check, desk.create):
        with pytest.raises(InvalidInputError, match="form: type"):
            verb(form)


NAMELESS: Any = None


@pytest.mark.parametrize("files", [None, "a.pdf", [b"x"], [Upload(NAMELESS, PDF)], {Upload("a.pdf", PDF)}, 7])
def test_files_that_are_no_uploads_are_a_problem_of_type(desk: InvoiceDesk, files: object) -> None:
    """A path as text is not a file."""
    assert told(desk.check(filled_in(files=files))) == [("files", "type", None)]


def test_untouched_file_inputs_are_no_files(desk: InvoiceDesk) -> None:
    """What a browser sends for empty inputs, between real files; the index stays the form's."""
    form = filled_in(files=[Upload("", b""), Upload("Police.pdf", PDF), Upload("", io.BytesIO())])
    assert [file.name for file in desk.create(form).attachments] == ["Police.pdf"]
    wrong = filled_in(files=[Upload("", b""), Upload("Plan.exe", b"MZ")])
    assert told(desk.check(wrong)) == [("files", "type", 1)]


def test_a_file_of_this_machine_is_read_by_its_path(desk: InvoiceDesk, tmp_path: Path) -> None:
    """And closed again."""
    path = tmp_path / "Garanties.csv"
    path.write_bytes(b"a;b\n")
    invoice = desk.create(filled_in(files=[Upload.from_path(path)]))
    token = desk.link(invoice.id).rpartition("/")[2]
    assert b"".join(desk.download(token, invoice.attachments[0].id).chunks) == b"a;b\n"


def _scan(name: str, chunks: Iterator[bytes]) -> None:
    if b"VIRUS" in b"".join(chunks):
        raise InvalidInputError((Problem("anything", "mismatch", {"name": name}),))


def test_a_scanner_refuses_a_file_beside_the_other_problems(desk: InvoiceDesk) -> None:
    """Its problem is of the files, at the file's place; a file that is refused already is not scanned."""
    desk._intake.scanner = _scan
    files = [Upload("a.txt", b"fine"), Upload("b.txt", b"a VIRUS"), Upload("c.exe", b"VIRUS")]
    found = desk.check(filled_in(amount="", files=files))
    assert told(found) == [("amount", "required", None), ("files", "type", 2), ("files", "mismatch", 1)]
    assert desk.check(filled_in(files=files[:1])) == ()


def _refuse(name: str, chunks: Iterator[bytes]) -> None:
    raise InvalidInputError(())


def test_a_scanner_need_not_say_what_it_found(desk: InvoiceDesk, files: FileStore) -> None:
    """The file is refused all the same."""
    desk._intake.scanner = _refuse
    form = filled_in(files=[Upload("a.txt", b"fine")])
    assert told(desk.check(form)) == [("files", "unsafe", 0)]
    with pytest.raises(InvalidInputError):
        desk.create(form)
    assert (kept_files(files), desk.list().items) == (0, ())


class _Dies(io.BytesIO):
    """A stream that can no longer be read once it was checked."""

    is_checked = False

    def read(self, size: int | None = -1, /) -> bytes:
        if self.is_checked:
            raise OSError(5, "Input/output error")
        return super().read(size)


def test_a_stream_that_dies_under_the_scanner_is_unreadable(desk: InvoiceDesk) -> None:
    """As it is whenever else it dies."""
    stream = _Dies(b"fine")

    def scan(name: str, chunks: Iterator[bytes]) -> None:
        stream.is_checked = True
        list(chunks)

    desk._intake.scanner = scan
    assert told(desk.check(filled_in(files=[Upload("a.txt", stream)]))) == [("files", "unreadable", 0)]


def _break(name: str, chunks: Iterator[bytes]) -> None:
    next(chunks)
    raise ConnectionRefusedError


def test_a_scanner_that_is_down_lets_no_file_in(desk: InvoiceDesk, files: FileStore) -> None:
    """What it raised comes out, and nothing is kept."""
    desk._intake.scanner = _break
    with pytest.raises(ConnectionRefusedError):
        desk.create(filled_in(files=[Upload("a.txt", b"fine")]))
    assert (kept_files(files), desk.list().items) == (0, ())
