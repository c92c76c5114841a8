"""Sentences and labels in the reader's language, out of the gettext catalogs in `locales/`.

Keys are symbolic ("problem.amount.ambiguous"). Of several keys the most specific one that the catalogs know, and whose
placeholders are all at hand, gives the sentence; so what a problem does not say is left out and never missed.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING

from indiopay.currencies import DECIMALS
from indiopay.due_date import format_date
from indiopay.history import HistoryEntry
from indiopay.languages import supported_locale
from indiopay.money import Money
from indiopay.outbox import Delivery
from indiopay.problems import Problem
from indiopay.status import InvoiceType, Status

if TYPE_CHECKING:
    from gettext import GNUTranslations

_PLACE = re.compile(r"\{([a-z]+)\}")
_UNSEEN = re.compile(
    "[\\s\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]+"
)
_QUOTED = 60  # fewer characters than a problem keeps of a longer text
_SAME_WORDS = {"email": "client_email"}
_SIZES = ("bytes", "kilobytes", "megabytes")


def describe(what: Problem | Status | HistoryEntry | InvoiceType | Delivery, locale: str) -> str:
    """The sentence, or the word, for it in that language. A problem's sentence quotes what was typed: escape it.

    >>> describe(Status.OPEN, "fr_CA"), describe(Problem("client_name", "required"), "en")
    ('À payer', 'Enter the client’s name.')
    """
    if isinstance(what, Problem):
        return _problem(what, locale)
    if isinstance(what, HistoryEntry):
        return _entry(what, locale)
    if isinstance(what, Delivery):
        return _delivery(what, locale)
    if isinstance(what, Status):
        return say(f"status.{what.value}", locale)
    if isinstance(what, InvoiceType):
        return say(f"type.{what.value}", locale)
    raise TypeError(f"there is nothing to say of a {type(what).__name__}")


def label(field: str, locale: str) -> str:
    """What a form, a list or a page calls the field.

    >>> label("amount", "fr_CA"), label("amount", "en")
    ('Montant du paiement', 'Payment amount')
    """
    return _worded((f"label.{field}", "label"), locale, {})


def say(key: str, locale: str, *, count: int | None = None, **params: object) -> str:
    """The catalogs' text for `key` with its params put in, in the plural that `count` asks for; KeyError if none.

    A date in it never breaks across lines.
    """
    return _worded((key,), locale, {name: _unbroken(value, locale) for name, value in params.items()}, count)


def file_size(size: int, locale: str) -> str:
    """A number of bytes as people read it: « 25 Mo », "1.4 MB"; in steps of 1024, rounded half up."""
    step = 0 if size < 1024 else 1 if size < 1024**2 - 512 else 2
    tenths = (size * 20 + 1024**step) // (2 * 1024**step)
    shown = _number(Decimal(tenths).scaleb(-1) if step == 2 and tenths % 10 else (tenths + 5) // 10, locale)
    return say(f"size.{_SIZES[step]}", locale, count=size if step == 0 else None, number=shown)


def file_kind(name: str, locale: str) -> str:
    """What the file is, by the ending of its name: « Document Word »; the ending itself for one that has no word."""
    ending = name.rpartition(".")[2].lower()
    return _worded((f"file.{ending}", "file"), locale, {"ending": ending.upper()})


def _problem(problem: Problem, locale: str) -> str:
    params = {name: _param(problem, name, value, locale) for name, value in problem.params.items()}
    told = {name: text for name, text in params.items() if text}
    told.setdefault("typed", _worded((f"typed.{_same(problem.field)}", "typed"), locale, {}))
    if problem.index is not None:
        told["position"] = _number(problem.index + 1, locale)
    told["file"] = _file(problem, told, locale)
    told["example"] = _example(problem.params.get("currency"), locale)
    told["label"] = label(problem.field, locale)
    return _worded(tuple(_problem_keys(problem)), locale, told, _count(problem))


def _problem_keys(problem: Problem) -> Iterator[str]:
    for field in (problem.field, _same(problem.field)):
        own = f"problem.{field}.{problem.code}"
        if problem.params.get("decimals") == 0:
            yield f"{own}.whole"
        if "day" in problem.params:
            yield f"{own}.weekday"
        yield from (own, f"{own}.bare")
    yield from (f"problem.{problem.code}", f"problem.{problem.code}.bare", f"problem.{_same(problem.field)}", "problem")


def _same(field: str) -> str:
    return _SAME_WORDS.get(field, field)


def _count(problem: Problem) -> int | None:
    readings = problem.params.get("readings")
    if isinstance(readings, Sequence):
        return len(readings)
    counts = (problem.params.get(name) for name in ("limit", "decimals"))
    return next((count for count in counts if isinstance(count, int)), None)


def _param(problem: Problem, name: str, value: object, locale: str) -> str:
    """The param as the sentence shows it; empty for one that says nothing."""
    if name in ("typed", "near", "name"):
        text = _shown(value, at_most=_QUOTED) if isinstance(value, str) else ""
        return text and _quoted(text, locale)
    if name == "currency" and isinstance(value, str):
        return _currency(value, locale)
    if name == "limit" and problem.code == "too_large" and isinstance(value, int):
        return file_size(value, locale) if value > 0 else ""
    if name == "day" and isinstance(value, date):
        return format_date(value, supported_locale(locale), style="full")
    return _written(value, locale)


def _unbroken(value: object, locale: str) -> str:
    text = _written(value, locale)
    return text.replace(" ", "\u00a0") if isinstance(value, date) else text


def _written(value: object, locale: str) -> str:
    if isinstance(value, Money):
        return value.format(supported_locale(locale))
    if isinstance(value, date):
        return format_date(value, supported_locale(locale))
    if isinstance(value, int | Decimal):
        return _number(value, locale)
    if isinstance(value, tuple | list):
        return _one_of([_written(item, locale) for item in value], locale)
    if isinstance(value, set | frozenset):
        return _one_of(sorted(_written(item, locale) for item in value), locale)
    return value if isinstance(value, str) else _shown(str(value))


def _one_of(texts: Sequence[str], locale: str) -> str:
    if len(texts) < 2:
        return "".join(texts)
    return _worded(("or",), locale, {"first": ", ".join(texts[:-1]), "last": texts[-1]})


def _number(value: int | Decimal, locale: str) -> str:
    from babel.numbers import format_decimal  # on first use: it takes longer to load than all else together

    return str(format_decimal(value, locale=supported_locale(locale)))


def _example(currency: object, locale: str) -> str:
    """An amount as it may be typed, which has one reading in every language."""
    from babel.numbers import format_decimal

    if not isinstance(currency, str) or currency not in DECIMALS:
        return str(format_decimal(Decimal("1250.50"), "#,##0.00", supported_locale(locale)))
    return _written(Money.of(Decimal("1250.5") if DECIMALS[currency] else 950, currency), locale)


def _currency(code: str, locale: str) -> str:
    from babel.numbers import get_currency_name

    return get_currency_name(code, count=2, locale=supported_locale(locale))


def _quoted(text: str, locale: str) -> str:
    return _worded(("quoted",), locale, {"text": text})


def _shown(typed: object, *, at_most: int | None = None) -> str:
    """On one line, without what a reader cannot see, and not longer than a sentence bears."""
    seen = _UNSEEN.sub(" ", str(typed)).strip()
    return seen if at_most is None or len(seen) <= at_most else seen[: at_most - 1].rstrip() + "…"


def _file(problem: Problem, told: Mapping[str, str], locale: str) -> str:
    if "name" in told:
        return told["name"]
    if problem.index is None:
        return say("file.this", locale)
    return say("file.numbered", locale, position=problem.index + 1)


def _entry(entry: HistoryEntry, locale: str) -> str:
    told = {name: _shown(value) for name, value in entry.details.items() if isinstance(value, str)}
    if reason := entry.details.get("reason") if entry.kind.value == "send_failed" else None:
        told["why"] = _why(str(reason), locale)
    known = {name: text for name, text in told.items() if text}
    key = f"history.{entry.kind.value}"
    return _worded((f"{key}.because", key), locale, known)


def _delivery(delivery: Delivery, locale: str) -> str:
    """Its state, then, in sentences of their own, why it waits or failed and whether it may have come twice."""
    arrived = delivery.state == "cancelled" and delivery.sent_at is not None
    told = [say("delivery.arrived" if arrived else f"delivery.{delivery.state}", locale)]
    if delivery.reason and not arrived:
        told.append(_why(delivery.reason, locale).removesuffix("."))
    if delivery.maybe_duplicate:
        told.append(say("delivery.twice" if delivery.state == "sent" else "delivery.perhaps", locale).removesuffix("."))
    return told[0] if len(told) == 1 else ". ".join(told) + "."


def _why(reason: str, locale: str) -> str:
    """The sentence for a reason such as "rcpt_550": of all of it, its code, its phase and first digit, or its phase.

    A letter that was given up says first why it waited.
    """
    if reason.startswith("expired_"):
        return f"{_why(reason.removeprefix('expired_'), locale)} {say('reason.given_up', locale)}"
    phase, _, code = reason.rpartition("_") if reason[-3:].isdigit() else (reason, "", "")
    keys = (
        f"reason.{reason}",
        f"reason..{code}",
        f"reason.{phase}.{code[:1]}",
        f"reason.{phase}",
        f"reason..{code[:1]}",
        "reason",
    )
    return _worded(keys, locale, {})


def _worded(keys: Sequence[str], locale: str, params: Mapping[str, str], count: int | None = None) -> str:
    catalog = _catalog(supported_locale(locale))
    for key in keys:
        text = key if count is None else catalog.ngettext(key, key, count)
        text = catalog.gettext(key) if text == key else text
        if text != key and set(_PLACE.findall(text)) <= params.keys():
            return _PLACE.sub(lambda place: params[place[1]], text)
    raise KeyError(keys[-1])


@cache
def _catalog(locale: str) -> "GNUTranslations":
    """The language's catalog, and the region's in front of it, if there is one."""
    from gettext import GNUTranslations
    from importlib.resources import files

    folder = files("indiopay")
    paths = [folder.joinpath("locales", name, "LC_MESSAGES", "indiopay.mo") for name in _from_base(locale)]
    first, *others = (path for path in paths if path.is_file())
    with first.open("rb") as stream:
        found = GNUTranslations(stream)
    for path in others:
        with path.open("rb") as stream:
            region = GNUTranslations(stream)
        region.add_fallback(found)
        found = region
    return found


def _from_base(locale: str) -> tuple[str, ...]:
    language = locale.partition("_")[0]
    return (language,) if language == locale else (language, locale)
