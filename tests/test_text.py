"""Names and notes: normalised or refused, in bounded time; and folded for search."""

import re
import unicodedata
from operator import itemgetter
from time import process_time
from typing import Any

import pytest
from hypothesis import given, strategies as st

from indiopay import Problem, text
from indiopay.text import _PLAIN_LINE, fold, is_blank, one_line, paragraph

from .corpus_files import cases


def code(read: str | Problem) -> str:
    assert isinstance(read, Problem)
    return read.code


@pytest.mark.parametrize("case", cases("descriptions"), ids=itemgetter("id"))
def test_a_note_is_kept_or_refused(case: dict[str, Any]) -> None:
    """Every description of the corpus gives its text or its code."""
    read = paragraph(case["input"], field="description", limit=5000)
    assert (read if isinstance(read, str) else {"problem": read.code}) == case["expect"].get("value", case["expect"])


NAMES = [case for case in cases("names") if case["expect"].get("problem") != "looks_like_address"]


@pytest.mark.parametrize("case", NAMES, ids=itemgetter("id"))
def test_a_name_is_kept_or_refused(case: dict[str, Any]) -> None:
    """Every name of the corpus gives its text or its code."""
    read = one_line(case["input"], field="client_name", limit=200)
    assert (read if isinstance(read, str) else {"problem": read.code}) == case["expect"].get("value", case["expect"])


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        (None, "type"),
        (b"a", "type"),
        ("\u200b\u3164\u2800 \u00a0", "required"),
        ("a\u2066b", "bidi"),
        ("a\u2069b", "bidi"),
        ("a\tb", "control"),
        ("é" + "\u0301" * 9, "too_many_marks"),
        ("e" + "\u0301" * 33, "too_many_marks"),
        ("q" + ("\u0302" * 4 + "\u200d") * 3, "too_many_marks"),
        ("q" + "\U0001d165" * 9, "too_many_marks"),
        ("\u2065\ufff0\U000e0080\U0001d159", "required"),
        ("é" * 201, "too_long"),
    ],
)
def test_a_line_that_cannot_be_kept_is_refused_with_its_first_fault(typed: object, wanted: str) -> None:
    """Wrong types, nothing to be seen, hidden signs, too many marks, too many characters."""
    assert code(one_line(typed, field="client_name", limit=200)) == wanted


def test_a_paragraph_is_of_text() -> None:
    """Something else than text is a problem of type."""
    assert code(paragraph(7, field="description", limit=10)) == "type"


def test_isolates_that_are_balanced_within_a_line_are_kept() -> None:
    """Right-to-left words may be set apart, line by line."""
    assert paragraph("a \u2067ב\u2069 c", field="description", limit=50) == "a \u2067ב\u2069 c"
    assert code(paragraph("a \u2067ב\n\u2069 c", field="description", limit=50)) == "bidi"


def test_a_problem_quotes_the_beginning_of_what_was_typed_and_the_limit() -> None:
    """Enough for a sentence, never a mebibyte."""
    read = paragraph("x" * 2**20, field="description", limit=5000)
    assert isinstance(read, Problem)
    assert read.field == "description"
    assert read.params == {"typed": "x" * 64, "near": "", "length": 2**20, "limit": 5000}


@pytest.mark.parametrize(
    ("typed", "wanted", "near"),
    [
        ("Première ligne\nPrime annu\x07elle", "control", "Prime annu"),
        ("Prime annu\u202eelle", "bidi", "Prime annu"),
        ("a \u2067ב\u2069 c\nPrime \u2067annu\nelle", "bidi", "Prime "),
        ("Prime \u2069", "bidi", "Prime "),
        ("Prime \u2067\u2066annu\u2069", "bidi", "Prime "),
        ("Prime annu\ud800elle", "encoding", "Prime annu"),
        ("Prime q" + "\u0302" * 9 + "uelle", "too_many_marks", "Prime q"),
        ("Prime q" + "\u0302" * 33 + "uelle", "too_many_marks", "Prime q"),
        ("\x07Prime", "control", ""),
        ("\u0302" * 9, "too_many_marks", ""),
        ("m" * 100 + "\x07", "control", "m" * 24),
    ],
)
def test_a_hidden_fault_is_found_by_what_stands_before_it(typed: str, wanted: str, near: str) -> None:
    """What cannot be seen cannot be quoted: the problem holds the end of its line up to there."""
    read = paragraph(typed, field="description", limit=5000)
    assert isinstance(read, Problem)
    assert (read.code, read.params["near"]) == (wanted, near)


def test_what_is_kept_at_a_glance_needs_no_second_look() -> None:
    """A plain character is seen, is no control and no mark, and stays as it is in NFC beside every other one."""
    plain = "".join(filter(_PLAIN_LINE.fullmatch, map(chr, range(0x110000))))
    assert {unicodedata.category(c)[0] for c in plain} <= set("LNPSZ") and not set(plain) & set("\u2028\u2029")
    assert [c for c in plain if is_blank(c) and not c.isspace()] == []
    for c in plain:
        beside = c.join(plain) + c
        assert unicodedata.normalize("NFC", beside) == beside


characters = st.characters() | st.sampled_from(
    " \t\n\r\u00a0\u00ad\u0301\u0327\u2019\u2028\u202e\u2066\u2069\u20ac\u200d\ud800éœ"
)


@given(st.text(characters, max_size=12))
def test_a_glance_keeps_what_a_closer_look_keeps(typed: str) -> None:
    """The quick way gives what the long one gives."""
    with pytest.MonkeyPatch.context() as patch:
        quick = one_line(typed, field="name", limit=8), paragraph(typed, field="note", limit=8)
        for name in ("_PLAIN_LINE", "_PLAIN_PARAGRAPH"):
            patch.setattr(text, name, re.compile("(?!)"))
        assert (one_line(typed, field="name", limit=8), paragraph(typed, field="note", limit=8)) == quick


def test_a_line_of_nothing_visible_is_empty_up_to_the_length_that_is_judged_first() -> None:
    """Beyond four times the limit it is too long, whatever follows."""
    assert code(one_line("\u200b" * 800, field="client_name", limit=200)) == "required"
    assert code(one_line("\u200b" * 800 + "Zoé", field="client_name", limit=200)) == "too_long"


def test_a_mebibyte_of_anything_is_judged_at_once() -> None:
    """Length and marks are judged before NFC, which is quadratic in marks."""
    started = process_time()
    for typed in ("e\u0301" * 2**19, "\u0301\u0323" * 2**19, "\u3164" * 2**20, "\ud800" * 2**20):
        one_line(typed, field="client_name", limit=200)
        paragraph(typed, field="description", limit=5000)
    assert process_time() - started < 2


@given(st.text())
def test_what_was_kept_is_kept_unchanged_the_next_time(typed: str) -> None:
    """A text that was normalised once is normal, so a page shows what a form kept."""
    read = paragraph(typed, field="description", limit=5000)
    if isinstance(read, str):
        assert paragraph(read, field="description", limit=5000) == read


@given(st.text())
def test_folding_twice_is_folding_once(typed: str) -> None:
    """What is searched for and what is searched in meet in one form."""
    assert fold(fold(typed)) == fold(typed)


@pytest.mark.parametrize(
    ("text", "folded"),
    [("ZOÉ", "zoe"), ("Cœur", "coeur"), ("L’Été", "l'ete"), ("Straße", "strasse"), ("a\ud800b", "ab")],
)
def test_search_disregards_case_accents_and_ligatures(text: str, folded: str) -> None:
    """« zoe » finds « Zoé », « coeur » finds « Cœur »."""
    assert fold(text) == folded


class Marked(str):
    """Text that a template would not escape."""

    __slots__ = ()


@pytest.mark.parametrize("typed", ["Zoé", "Zo\u0065\u0301", "<b>"])
def test_a_kind_of_text_of_the_hosts_becomes_plain_text(typed: str) -> None:
    """Whatever it means to a template."""
    read = [one_line(Marked(typed), field="name", limit=9), paragraph(Marked(typed), field="note", limit=9)]
    assert [type(text) for text in read] == [str, str]
