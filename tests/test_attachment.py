"""Files: what is uploaded, what a policy allows, and what is known and said of a kept one."""

import hashlib
import io
from collections import deque
from itertools import repeat
from operator import itemgetter
from pathlib import Path
from time import process_time
from typing import Any, BinaryIO
from uuid import UUID

import pytest
from hypothesis import given, strategies as st

from indiopay import Attachment, FileDamagedError, FilePolicy, Problem, Upload
from indiopay.attachment import check_files, download_headers, storage_key, verified

from .conftest import PDF
from .corpus_files import cases, content

POLICY = FilePolicy()
ID = UUID(int=0x4F0E << 112)


def problems_of(*files: tuple[str, BinaryIO | None], policy: FilePolicy = POLICY) -> list[tuple[int | None, str]]:
    _, problems = check_files([(index, name, stream) for index, (name, stream) in enumerate(files)], policy)
    assert {problem.field for problem in problems} <= {"files"}
    return [(problem.index, problem.code) for problem in problems]


def names_of(*names: str) -> list[str]:
    checked, problems = check_files([(i, name, io.BytesIO(PDF)) for i, name in enumerate(names)], POLICY)
    assert problems == ()
    return [file.name for file in checked]


@pytest.mark.no_cover  # it goes over and over what other tests cover
@pytest.mark.parametrize("case", cases("files"), ids=itemgetter("id"))
def test_a_file_is_taken_or_refused(case: dict[str, Any]) -> None:
    """Every file and every form of files of the corpus gives what is kept of it, or its code."""
    uploaded = case.get("files", [case])
    checked, problems = check_files([(i, file["name"], content(file)) for i, file in enumerate(uploaded)], POLICY)
    wanted = case["expect"]
    if "problem" in wanted:
        assert [problem.code for problem in problems] == [wanted["problem"]]
    elif "names" in wanted:
        assert [file.name for file in checked] == wanted["names"]
    else:
        (kept,) = checked
        assert kept.media_type == wanted["media_type"]
        assert kept.name == wanted.get("name", kept.name)
        assert len(kept.name) <= wanted.get("name_at_most", 150)
        assert kept.name.endswith(wanted.get("name_ends", ""))


def test_every_problem_of_every_file_comes_with_its_place() -> None:
    """A file may be wrong in its name and in its content; each problem says which file."""
    streams = (io.BytesIO(b""), io.BytesIO(PDF), None, io.BytesIO(PDF), io.BytesIO(PDF))
    found = problems_of(*zip(("a/b.pdf", "ok.pdf", "x.exe", "a\u202e.pdf", "a.DOCM"), streams, strict=True))
    assert found == [(0, "name"), (0, "empty"), (2, "type"), (2, "unreadable"), (3, "bidi"), (4, "macro")]


class _Vanished(io.BytesIO):
    def read(self, size: int | None = -1, /) -> bytes:
        raise OSError("gone")


class _VanishesLater(io.BytesIO):
    """Measured once, and gone when its content is looked at."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        if self.tell():
            raise OSError("gone")
        return super().seek(offset, whence)


@pytest.mark.parametrize("stream", [None, _Vanished(b"x"), _VanishesLater(PDF), io.StringIO("text")])
def test_a_stream_that_cannot_be_read_is_a_problem(stream: Any) -> None:
    """Unopened, vanished early or late, or not of bytes: unreadable, and no traceback."""
    assert problems_of(("a.pdf", stream)) == [(0, "unreadable")]


@pytest.mark.parametrize("stem", ["\u200b", "\u2800", "\u3164", "\U000e0041", "\xa0\u2009", "\u200b" * 200 + "a"])
def test_a_name_of_which_nothing_would_be_seen_is_a_problem(stem: str) -> None:
    """A link must bear a name, in the part of it that is kept."""
    assert problems_of((f"{stem}.txt", io.BytesIO(b"x"))) == [(0, "name")]


class _Endless(io.BytesIO):
    """Never ends, and counts what was taken of it."""

    taken = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.taken += size or 0
        return b"x" * (size or 0)


def test_a_stream_is_read_no_further_than_the_limit() -> None:
    """The limit stops the reading, not the memory."""
    endless = _Endless()
    assert problems_of(("a.txt", endless)) == [(0, "too_large")]
    assert endless.taken <= POLICY.max_bytes + 2 * 64 * 1024


def test_a_host_may_change_the_policy_within_what_can_be_checked() -> None:
    """Fewer files, smaller ones, other kinds; a kind that nothing can check is refused at once."""
    policy = FilePolicy(max_files=1, max_bytes=10, extensions=frozenset({"txt"}))
    assert problems_of(("a.txt", io.BytesIO(b"x")), ("b.txt", io.BytesIO(b"x")), policy=policy) == [(None, "too_many")]
    assert problems_of(("a.txt", io.BytesIO(b"x" * 11)), policy=policy) == [(0, "too_large")]
    assert problems_of(("a.pdf", io.BytesIO(b"%PDF-")), policy=policy) == [(0, "type")]
    with pytest.raises(ValueError, match="svg"):
        FilePolicy(extensions=frozenset({"svg", "pdf"}))


def test_only_the_first_file_that_takes_the_sum_over_its_limit_is_told() -> None:
    """Those behind it are judged by themselves."""
    policy = FilePolicy(max_bytes=10, max_total_bytes=25)
    files = [(i, f"{i}.txt", io.BytesIO(b"x" * size)) for i, size in enumerate((10, 10, 10, 10, 11))]
    _, problems = check_files(files, policy)
    assert [(p.code, p.index, p.params["limit"]) for p in problems] == [("too_large", 2, 5), ("too_large", 4, 10)]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("." * 200 + "a.txt", "." * 146 + ".txt"),
        ("é" * 200 + ".TXT", "é" * 146 + ".TXT"),
        ("e\u0301" * 100 + ".txt", "é" * 100 + ".txt"),
        ("a.b.txt", "a.b.txt"),
    ],
)
def test_a_long_name_keeps_its_extension(typed: str, kept: str) -> None:
    """Also a second time, with a number before it."""
    (first, second), problems = check_files([(i, typed, io.BytesIO(b"x")) for i in (0, 1)], POLICY)
    assert (first.name, problems) == (kept, ())
    assert second.name.endswith(f" (2).{kept[-3:]}") and len(second.name) <= 150


@pytest.mark.parametrize("typed", ["." * 2**20 + ".pdf", "x." + "é" * 2**20, "x." * 2**19, "%" * 2**20 + ".pdf"])
def test_a_mebibyte_of_a_name_is_judged_at_once(typed: str) -> None:
    """Whatever it is made of."""
    started = process_time()
    check_files([(0, typed, io.BytesIO(b"x"))], POLICY)
    assert process_time() - started < 0.25


def test_equal_names_get_a_number_before_the_extension() -> None:
    """Names are compared without case, so that they stay apart in any folder."""
    assert names_of("a.pdf", "A.pdf", "a (2).pdf", "a.pdf") == ["a.pdf", "A (2).pdf", "a (2) (2).pdf", "a (3).pdf"]


def test_a_numbered_name_is_not_longer_than_a_name_may_be() -> None:
    """The stem gives way, the extension stays."""
    first, second = names_of("n" * 150 + ".pdf", "n" * 150 + ".pdf")
    assert (len(first), len(second), second[-8:]) == (150, 150, " (2).pdf")


class _Odd(io.BytesIO):
    """A stream whose position cannot be asked for."""

    def tell(self) -> int:
        raise RuntimeError("no position")


@pytest.mark.parametrize(
    ("upload", "untouched"),
    [
        (Upload("", b""), True),
        (Upload("", io.BytesIO()), True),
        (Upload("", b"x"), False),
        (Upload("", io.BytesIO(b"x")), False),
        (Upload("a.pdf", b""), False),
        (Upload("", None, Path("a")), False),
        (Upload("", _Odd()), False),
        (Upload("", io.StringIO("x").detach), False),  # type: ignore[arg-type]  # on purpose: no stream at all
    ],
)
def test_a_nameless_empty_upload_is_an_untouched_file_input(upload: Upload, untouched: bool) -> None:
    """What a browser sends for an empty file field is no file, and no mistake."""
    assert upload.is_untouched() is untouched


def test_an_upload_from_a_path_only_remembers_it(tmp_path: Path) -> None:
    """The file need not be there yet, and its name is the path's last part."""
    upload = Upload.from_path(tmp_path / "Police été.pdf")
    assert (upload.name, upload.content, upload.path) == ("Police été.pdf", None, tmp_path / "Police été.pdf")


def test_an_upload_shows_neither_its_name_nor_its_content() -> None:
    """A file's name may name a client."""
    assert repr(Upload("Zoé.pdf", b"secret")) == "Upload()"
    assert "Zoé" not in repr(Attachment(ID, "Zoé.pdf", 1, "application/pdf", "00"))


def test_a_storage_key_is_made_of_agency_and_id_alone() -> None:
    """Never of a name."""
    assert storage_key("nord", ID) == f"nord/4f/{ID.hex}"


@pytest.mark.parametrize(
    ("name", "disposition"),
    [
        ("Police.pdf", "attachment; filename=\"Police.pdf\"; filename*=UTF-8''Police.pdf"),
        ("Été 1.pdf", "attachment; filename=\"Ete 1.pdf\"; filename*=UTF-8''%C3%89t%C3%A9%201.pdf"),
        ('a"; b.pdf', "attachment; filename=\"a__ b.pdf\"; filename*=UTF-8''a%22%3B%20b.pdf"),
        ("契約.pdf", "attachment; filename=\"fichier.pdf\"; filename*=UTF-8''%E5%A5%91%E7%B4%84.pdf"),
    ],
)
def test_a_download_is_never_rendered_and_keeps_its_name(name: str, disposition: str) -> None:
    """Attachment, sandboxed, sniffed at by nobody, kept by nobody; an ASCII name for old clients."""
    headers = download_headers(Attachment(ID, name, 12, "application/pdf", "00"))
    assert headers == {
        "Content-Type": "application/pdf",
        "Content-Length": "12",
        "Content-Disposition": disposition,
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "private, no-store",
    }


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=150))
def test_a_disposition_is_one_plain_header_whatever_the_name(name: str) -> None:
    """ASCII, one line, and exactly the two parameters that were written."""
    written = download_headers(Attachment(ID, f"{name}.pdf", 1, "application/pdf", "00"))["Content-Disposition"]
    assert written.isascii() and written.isprintable()
    assert written.count('"') == 2 and written.count(";") == 2


@pytest.mark.parametrize("chunks", [[b"ab"], [b"a", b"c"], [b"abc"], [b"ab", b"c", b""], [b"abcd"], []])
def test_bytes_that_are_not_those_stored_never_arrive_whole(chunks: list[bytes]) -> None:
    """Another hash or another length is a FileDamagedError, and the last chunk is not given out."""
    kept, given = Attachment(ID, "a.txt", 3, "text/plain", "b" * 64), bytearray()
    with pytest.raises(FileDamagedError, match="backup"):
        deque(map(given.extend, verified(chunks, kept)), maxlen=0)
    assert len(given) < kept.size


def test_no_more_is_read_or_given_out_than_was_stored() -> None:
    """A file that goes on for ever ends the download where it became too long."""
    kept = Attachment(ID, "a.txt", 5, "text/plain", "b" * 64)
    given = verified(repeat(b"ab"), kept)
    assert next(given) == b"ab"
    with pytest.raises(FileDamagedError):
        next(given)


@given(st.lists(st.binary()))
def test_what_was_stored_is_given_out_in_its_chunks(chunks: list[bytes]) -> None:
    """However they are cut; an empty one, which would end a response, is left out."""
    whole = b"%" + b"".join(chunks)
    kept = Attachment(ID, "a.txt", len(whole), "text/plain", hashlib.sha256(whole).hexdigest())
    assert list(verified([b"%", *chunks], kept)) == [b"%", *filter(None, chunks)]


def test_a_checked_file_is_known_by_its_size_and_hash() -> None:
    """What the attachment will say is measured, not believed."""
    (file,), problems = check_files([(3, "Été.PDF", io.BytesIO(PDF))], POLICY)
    assert problems == ()
    assert (file.index, file.name, file.size, file.media_type) == (3, "Été.PDF", len(PDF), "application/pdf")
    kept = Attachment(ID, file.name, file.size, file.media_type, file.sha256)
    assert b"".join(verified([PDF[:7], PDF[7:]], kept)) == PDF


def test_a_problem_says_what_its_sentence_needs() -> None:
    """The file's name, the limit and the kinds that are accepted."""
    _, (problem,) = check_files([(0, "x.exe", io.BytesIO(b"MZ"))], FilePolicy(extensions=frozenset({"pdf", "csv"})))
    params = {"name": "x.exe", "limit": POLICY.max_bytes, "extensions": ("csv", "pdf")}
    assert problem == Problem("files", "type", params, index=0)
