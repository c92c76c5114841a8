"""What a person typed into a text field: normalised, or refused; and folded for search. Nothing here raises."""

import re
import unicodedata
from typing import NamedTuple

from indiopay.problems import Problem

_SHOWN = 64
_MARKS = 8
_RAW_MARKS = 32
_RAW_FACTOR = 4
_NEAR = 24

# Letters and signs of Western languages: none hidden, none a mark, each in NFC whatever stands beside it.
_PLAIN = " -~\u00a0-\u00ac\u00ae-\u02ff\u2010-\u2027\u2030-\u205e\u20ac"
_PLAIN_LINE = re.compile(f"[{_PLAIN}]+")
_PLAIN_PARAGRAPH = re.compile(f"[\t\n{_PLAIN}]*")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_CONTROL_IN_PARAGRAPH = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_OVERRIDE = re.compile("[\u202a-\u202e]")
_ISOLATE_OR_LINE = re.compile("[\u2066-\u2069\n]")
_JOINERS = "\u200c\u200d"  # they stand between the marks of one letter
_BLANK = re.compile("[\u115f\u1160\u2065\u2800\u3164\uffa0\ufff0-\ufff8\U0001d159\U000e0000-\U000e0fff]")
_NOT_ASCII = re.compile("[^\x00-\x7f]")
_FOLDED = str.maketrans({"œ": "oe", "æ": "ae", "\u2019": "'"})


def one_line(text: object, *, field: str, limit: int) -> str | Problem:
    """A line of 1 to `limit` characters, trimmed and in NFC, or the first thing wrong with it."""
    if not isinstance(text, str):
        return Problem(field, "type")
    line = str(text).strip()  # a subclass of str may mean something else to a template
    if len(line) <= limit and _PLAIN_LINE.fullmatch(line):
        return line
    if len(line) <= limit * _RAW_FACTOR and is_blank(line):
        return Problem(field, "required")
    return _kept(line, _CONTROL, field, limit)


def paragraph(text: object, *, field: str, limit: int) -> str | Problem:
    r"""Any number of lines, `limit` characters at most, in NFC and with "\n" between them; perhaps none."""
    if not isinstance(text, str):
        return Problem(field, "type")
    text = str(text)
    short = len(text) <= 2 * limit * _RAW_FACTOR  # a line may end in two characters
    if short and "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if len(text) <= limit and _PLAIN_PARAGRAPH.fullmatch(text):
        return text
    if short:
        text = text.replace("\u2028", "\n").replace("\u2029", "\n")
    return _kept(text, _CONTROL_IN_PARAGRAPH, field, limit)


def fold(text: str) -> str:
    """The text without case, marks and ligatures, as search compares it; folding twice is folding once.

    >>> fold("Cœur de Zoé")
    'coeur de zoe'
    """
    if text.isascii():
        return text.lower()
    bare = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return _NOT_ASCII.sub(_unmarked, bare).translate(_FOLDED)


def _unmarked(found: re.Match[str]) -> str:
    return "" if unicodedata.category(found[0]) in ("Mn", "Mc", "Me", "Cs") else found[0]


class _Fault(NamedTuple):
    """What is wrong with a text, and where, if that can be shown."""

    code: str
    at: int = 0


def _kept(text: str, control: re.Pattern[str], field: str, limit: int) -> str | Problem:
    """NFC is quadratic in marks, so lengths and marks are judged roughly before it, and exactly after."""
    fault = _raw_fault(text, limit)
    if fault is None:
        text = unicodedata.normalize("NFC", text)
        fault = _fault(text, control, limit)
        if fault is None:
            return text
    near = text[: fault.at][-_NEAR:].rpartition("\n")[2]
    return Problem(field, fault.code, {"typed": text[:_SHOWN], "near": near, "length": len(text), "limit": limit})


def _raw_fault(text: str, limit: int) -> _Fault | None:
    if len(text) > limit * _RAW_FACTOR:
        return _Fault("too_long")
    if text.isascii():
        return None
    if found := _SURROGATE.search(text):
        return _Fault("encoding", found.start())
    return _overmarked(text, _RAW_MARKS)


def _fault(text: str, control: re.Pattern[str], limit: int) -> _Fault | None:
    if found := control.search(text):
        return _Fault("control", found.start())
    if not text.isascii():
        at = _misdirected(text)
        if at is not None:
            return _Fault("bidi", at)
        if fault := _overmarked(text, _MARKS):
            return fault
    return _Fault("too_long") if len(text) > limit else None


def is_blank(text: str) -> bool:
    """Whether nothing of it would be seen: invisible characters make no name."""
    return all(unicodedata.category(c) in ("Cf", "Mn", "Zs") or _BLANK.match(c) for c in text)


def _misdirected(text: str) -> int | None:
    """Where an override stands, or an isolate that is not closed in its line, or one closed that was not opened."""
    if found := _OVERRIDE.search(text):
        return found.start()
    opened: list[int] = []
    for sign in _ISOLATE_OR_LINE.finditer(text):
        if sign[0] not in "\u2069\n":
            opened.append(sign.start())
        elif sign[0] == "\n" and opened:
            break
        elif sign[0] == "\u2069":
            if not opened:
                return sign.start()
            opened.pop()
    return opened[0] if opened else None


def _overmarked(text: str, allowed: int) -> _Fault | None:
    """The end of a letter that bears more combining marks than are allowed."""
    run = 0
    for at, character in enumerate(text):
        if character not in _JOINERS:
            run = run + 1 if unicodedata.category(character)[0] == "M" else 0
        if run > allowed:
            return _Fault("too_many_marks", at - run + 1)
    return None
