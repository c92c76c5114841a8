"""What a person typed into a text field: normalised, or refused; and folded for search. Nothing here raises."""

import re
import unicodedata

from indiopay.problems import Problem

_SHOWN = 64
_MARKS = 8
_RAW_MARKS = 32
_RAW_FACTOR = 4

_LINE_ENDS = re.compile("\r\n|[\r\u2028\u2029]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_CONTROL_IN_PARAGRAPH = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_OVERRIDE = re.compile("[\u202a-\u202e]")
_ISOLATE = re.compile("[\u2066-\u2069]")
_BLANK_LETTERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
_FOLDED = str.maketrans({"œ": "oe", "æ": "ae", "\u2019": "'"})


def one_line(text: object, *, field: str, limit: int) -> str | Problem:
    """A line of 1 to `limit` characters, trimmed and in NFC, or the first thing wrong with it."""
    if not isinstance(text, str):
        return Problem(field, "type")
    line = text.strip()
    if _is_blank(line[: limit * _RAW_FACTOR]):
        return Problem(field, "required")
    return _kept(line, _CONTROL, field, limit)


def paragraph(text: object, *, field: str, limit: int) -> str | Problem:
    r"""Any number of lines, `limit` characters at most, in NFC and with "\n" between them; perhaps none."""
    if not isinstance(text, str):
        return Problem(field, "type")
    return _kept(_LINE_ENDS.sub("\n", text), _CONTROL_IN_PARAGRAPH, field, limit)


def fold(text: str) -> str:
    """The text without case, marks and ligatures, as search compares it; folding twice is folding once.

    >>> fold("Cœur de Zoé")
    'coeur de zoe'
    """
    if text.isascii():
        return text.lower()
    bare = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(c for c in bare if unicodedata.category(c) not in ("Mn", "Mc", "Me", "Cs")).translate(_FOLDED)


def _kept(text: str, control: re.Pattern[str], field: str, limit: int) -> str | Problem:
    """NFC is quadratic in marks, so lengths and marks are judged roughly before it, and exactly after."""
    code = _raw_fault(text, limit)
    if code is None:
        normal = unicodedata.normalize("NFC", text)
        code = _fault(normal, control, limit)
        if code is None:
            return normal
    return Problem(field, code, {"typed": text[:_SHOWN], "limit": limit})


def _raw_fault(text: str, limit: int) -> str | None:
    if len(text) > limit * _RAW_FACTOR:
        return "too_long"
    if text.isascii():
        return None
    if _SURROGATE.search(text):
        return "encoding"
    return "too_many_marks" if _longest_run_of_marks(text) > _RAW_MARKS else None


def _fault(text: str, control: re.Pattern[str], limit: int) -> str | None:
    if control.search(text):
        return "control"
    if not text.isascii():
        if _OVERRIDE.search(text) or not all(map(_is_balanced, text.split("\n"))):
            return "bidi"
        if _longest_run_of_marks(text) > _MARKS:
            return "too_many_marks"
    return "too_long" if len(text) > limit else None


def _is_blank(text: str) -> bool:
    """Whether nothing of it would be seen: invisible characters make no name."""
    return all(c in _BLANK_LETTERS or unicodedata.category(c) in ("Cf", "Mn", "Zs") for c in text)


def _is_balanced(line: str) -> bool:
    """Whether each isolate that the line opens is closed in it, and none is closed that was not opened."""
    depth = 0
    for sign in _ISOLATE.findall(line):
        depth += -1 if sign == "\u2069" else 1
        if depth < 0:
            return False
    return depth == 0


def _longest_run_of_marks(text: str) -> int:
    longest = run = 0
    for c in text:
        run = run + 1 if unicodedata.category(c) in ("Mn", "Me") else 0
        longest = max(longest, run)
    return longest
