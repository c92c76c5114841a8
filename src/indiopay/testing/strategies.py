"""Hypothesis strategies for what a desk takes and what a store keeps: for tests of your own app, or of your own store.

They come with `indiopay[testing]`, are imported by their own name, read no clock, and shrink to small, plain values.
Every address ends in a domain that is reserved for tests, so that no letter reaches anyone.

>>> from hypothesis import given
>>> from indiopay.testing import memory_desk, strategies
>>> @given(strategies.invoice_forms())
... def test_every_form_makes_an_invoice(form):
...     assert memory_desk().create(form).number == "F-000001"
>>> test_every_form_makes_an_invoice()
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import product
from operator import attrgetter
from string import ascii_letters, ascii_lowercase, digits
from typing import get_args
from unicodedata import normalize

from attrs import evolve
from babel.numbers import get_currency_name, get_currency_symbol
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from indiopay.attachment import Attachment, FilePolicy, Upload, check_files
from indiopay.currencies import DECIMALS
from indiopay.due_date import Style, format_date, latest_due_date
from indiopay.invoice import Client, Invoice, invoice_number, new_id
from indiopay.invoice_form import DESCRIPTION_LIMIT, NAME_LIMIT, InvoiceForm
from indiopay.languages import CUSTOMS, SUPPORTED, supported_locale
from indiopay.money import Money
from indiopay.status import InvoiceType, Status
from indiopay.testing.clock import StoppedClock
from indiopay.testing.memory import memory_desk
from indiopay.text import one_line, paragraph
from indiopay.typed_amount import MAX_MAJOR_UNITS
from indiopay.uploads import opened

_TODAY = StoppedClock()().date()
_CURRENCIES = ("CAD", *sorted(DECIMALS.keys() - {"CAD"}))
_LOCALES = st.sampled_from(SUPPORTED)
_CHOSEN_LOCALES = st.none() | _LOCALES
_CHOSEN_CURRENCIES = st.none() | st.sampled_from(_CURRENCIES)
_WHOLE = st.integers(1, MAX_MAJOR_UNITS - 1)
_SPACES = ("", " ", "\u00a0", "\u202f", "\u2009")

_LETTERS = st.characters(categories=["L"])
_DIRECTIONS = "".join(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))
_SCRIPTS = [
    (ord(ends[0]), ord(ends[1])) for ends in ("AZ", "Àɏ", "Ͱώ", "Ѐӿ", "את", "ءي", "अह", "ぁヾ", "一鿿", "가힣", "🌀🙏")
]
_NAMES = (
    "Zoé Tremblay",
    "Jean-François O'Néill",
    "Noémie L’Heureux",
    "9123-4567 Québec inc.",
    "Les Entreprises Bélanger & Fils ltée",
    "👩🏽\u200d💼 Conseil Côté",
)
_ADDRESSES = ("zoe@courriel.example", "o'brien+prime@bureau.example", "info@école.example", "a_b@דוגמה.example")
_ATOM = ascii_letters + digits + "_+~!#$%&'*/=?^`{|}-"
_ALPHABETS = ("aàâäçéèêëîïôöùûüÿœæñßø", "βγδεζηθλμπ", "бвгджзийклмн", "例題会社", "한국")
_TEST_DOMAINS = ("example", "テスト")

_DESCRIPTIONS = ("", "Prime annuelle de votre assurance habitation.\nÀ régler avant le renouvellement.")
_STEMS = ("Garanties", "Police d’été (signée)", "契約書", "Reçu 😀")
_FILES = {
    "txt": b"Note\n",
    "csv": b"garantie;prime\n",
    "pdf": b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n",
    "png": bytes.fromhex(
        "89504e470d0a1a0a0000000d4948445200000001000000010100000000376ef924"
        "0000000a4944415478da6360000000020001e527defc0000000049454e44ae426082"
    ),
}


def money(*, currencies: Sequence[str] | None = None) -> SearchStrategy[Money]:
    """Any amount that can be billed: one minor unit or more, less than 10**12 major units.

    In the currencies given, else in all that the library knows. It shrinks to the smallest amount of the first one.
    """
    return st.sampled_from(_CURRENCIES if currencies is None else currencies).flatmap(_money_in)


def due_dates(*, today: date = _TODAY) -> SearchStrategy[date]:
    """Any date that an invoice made on `today` may be due: that day to ten years later. It shrinks to `today`.

    Without `today` it is the day at which `memory_desk` stands.
    """
    return st.integers(0, (latest_due_date(today) - today).days).map(lambda days: today + timedelta(days))


def clients() -> SearchStrategy[Client]:
    """Any client as the library keeps it: a form that holds its name and its address gives an equal one.

    Names are those of people and companies, words of many scripts, or whatever else fits in 200 characters; addresses
    have plain or internationalised domains.
    """
    return st.builds(Client, _names(), _addresses())


@st.composite
def typed_amounts(draw: DrawFn, *, locale: str = "fr_CA", currency: str = "CAD") -> str:
    """Texts as people type an amount in that locale, each with exactly one reading, so that `Money.parse` reads it.

    With groups or without, with every kind of space, with marks of the currency before or after the number.
    """
    language = supported_locale(locale)
    before, after = draw(st.just(("", "")) | st.sampled_from(_marks(currency, language)))
    amount = draw(_money_in(currency) | _WHOLE.map(lambda units: Money.of(units, currency)))
    number = draw(st.sampled_from(_numbers(amount, language)))
    gap = draw(st.sampled_from(_SPACES))
    return f"{before}{gap}{number}{gap}{after}"


@st.composite
def invoice_forms(draw: DrawFn, *, today: date = _TODAY, locale: str = "fr_CA", currency: str = "CAD") -> InvoiceForm:
    """Any form without a problem, with all that people fill in or leave out: a desk makes an invoice of each.

    `today`, `locale` and `currency` are those of the desk and its agency; without them they are `memory_desk`'s.
    """
    _load_all()
    input_locale, chosen = draw(_CHOSEN_LOCALES), draw(_CHOSEN_CURRENCIES)
    client = draw(clients())
    return InvoiceForm(
        draw(_given_amounts(input_locale or locale, chosen or currency)),
        draw(_given_dates(today, input_locale or locale)),
        client.name,
        client.email,
        draw(_paragraphs(DESCRIPTION_LIMIT)).replace("\n", draw(st.sampled_from(("\n", "\r\n")))),
        draw(st.lists(_uploads(), max_size=3)),
        draw(st.booleans()),
        currency=chosen,
        locale=draw(_CHOSEN_LOCALES),
        input_locale=input_locale,
    )


@st.composite
def invoices(draw: DrawFn, *, today: date = _TODAY) -> Invoice:
    """Any invoice that a store may be handed: made on `today` (UTC) by the agency "cabinet", and in any status.

    Each status has its own fields and no other's. Two invoices may have the same id or number: draw several with
    `hypothesis.strategies.lists` and its `unique_by`.
    """
    invoice, status = draw(_open_invoices(today)), draw(st.sampled_from(Status))
    if status is Status.OPEN:
        return invoice
    at = invoice.created_at + draw(st.timedeltas(timedelta(), latest_due_date(today) - today))
    if status is Status.CANCELLED:
        return invoice.cancel(at=at, reason=draw(st.none() | _paragraphs(1_000).filter(str.strip))).invoice
    reference, version = draw(_lines(200)), invoice.version + 1
    return evolve(invoice, status=status, paid_at=at, payment_reference=reference, version=version)


@cache
def _load_all() -> None:
    """What a desk loads on first use takes longer than Hypothesis allows an example; drawing may take its time."""
    memory_desk().create(InvoiceForm("1,00 $", "1er mars 2027", "Zoé", "zoe@école.example", send_by_email=True))


@cache
def _money_in(currency: str) -> SearchStrategy[Money]:
    limit = Money.of(MAX_MAJOR_UNITS, currency).minor_units
    return st.builds(Money, st.integers(1, limit - 1), st.just(currency))


def _texts(limit: int, *, controls: str = "") -> SearchStrategy[str]:
    """Any characters, also inside an isolate, and one letter as often as there is room."""
    characters = st.characters(
        exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters=_DIRECTIONS, include_characters=controls
    )
    text = st.text(characters, max_size=limit)
    return text | text.map("\u2068{}\u2069".format) | _LETTERS.map(lambda letter: letter * limit)


@cache
def _lines(limit: int) -> SearchStrategy[str]:
    normal = _texts(limit).map(lambda text: normalize("NFC", text.strip()))
    return normal.filter(lambda line: one_line(line, field="line", limit=limit) == line)


@cache
def _paragraphs(limit: int) -> SearchStrategy[str]:
    texts = st.sampled_from(_DESCRIPTIONS) | _texts(limit, controls="\n\t")
    normal = texts.map(lambda text: normalize("NFC", text))
    return normal.filter(lambda text: paragraph(text, field="text", limit=limit) == text)


@cache
def _names() -> SearchStrategy[str]:
    scripts = [st.characters(exclude_categories=["C", "M", "Z"], min_codepoint=a, max_codepoint=z) for a, z in _SCRIPTS]
    words = st.one_of([st.text(script, min_size=1, max_size=12) for script in scripts])
    joints = st.sampled_from((" ", "-", "'", "’", " & ", ", "))
    joined = st.builds(str.join, joints, st.lists(words, min_size=1, max_size=4))
    normal = joined.map(lambda name: normalize("NFC", name))
    return st.sampled_from(_NAMES) | normal | _lines(NAME_LIMIT).filter(lambda name: "@" not in name)


@cache
def _addresses() -> SearchStrategy[str]:
    plain = _joined("-", ascii_lowercase + digits)
    international = st.one_of([st.text(letters, min_size=1, max_size=12) for letters in _ALPHABETS])
    domains = st.lists(plain | international, min_size=1, max_size=2).map(".".join)
    local_parts = _joined(".", _ATOM).filter(lambda local: not local.startswith("-"))
    made = st.builds("{}@{}.{}".format, local_parts, domains, st.sampled_from(_TEST_DOMAINS))
    return st.sampled_from(_ADDRESSES) | made


def _joined(joint: str, letters: str) -> SearchStrategy[str]:
    return st.lists(st.text(letters, min_size=1, max_size=15), min_size=1, max_size=4).map(joint.join)


@cache
def _marks(currency: str, locale: str) -> list[tuple[str, str]]:
    """What may stand before a number and behind it: a symbol, the code, or both of them."""
    is_dollar = "dollar" in get_currency_name(currency, locale="en").lower()
    symbols = [get_currency_symbol(currency, locale=locale), *["$"] * is_dollar]
    marks = [*symbols, currency, *(f"{symbol} {currency}" for symbol in symbols)]
    around = [pair for symbol in symbols for pair in ((symbol, currency), (currency, symbol))]
    return [*(("", mark) for mark in marks), *((mark, "") for mark in marks), *around]


def _numbers(amount: Money, locale: str) -> list[str]:
    """Every way to write the number that has one reading in that locale, the plainest first."""
    whole, _, minor = str(amount.amount).partition(".")
    groups = (*_SPACES, ",", ".", *["'", "’"] * (locale == "fr_CH")) if len(whole) > 3 else ("",)
    fractions = [minor[:end] for end in range(len(minor), -1, -1) if not minor[end:].strip("0")]
    endings = [sign + fraction for fraction in fractions for sign in ((",", ".") if fraction else ("",))]
    return [
        f"{int(whole):,}".replace(",", group) + ending
        for ending, group in product(endings, groups)
        if _has_one_reading(whole, group, ending, grouping=CUSTOMS[locale].grouping, decimals=len(minor))
    ]


def _has_one_reading(whole: str, group: str, ending: str, *, grouping: str | None, decimals: int) -> bool:
    """One "," or "." and nothing else goes by the locale's custom, and by how many digits may stand behind it."""
    sign, figures = ending[:1], len(ending[1:])
    if group in (",", "."):
        return group != sign and (figures > 0 or len(whole) > 6 or (group == grouping and decimals < 3))
    if group or not figures:
        return True
    return sign != grouping and (sign == "," or grouping is not None or figures < 3)


@cache
def _given_amounts(locale: str, currency: str) -> SearchStrategy[str | Money | Decimal | int]:
    values = _money_in(currency)
    typed = typed_amounts(locale=locale, currency=currency)
    return st.one_of(typed, values, values.map(attrgetter("amount")), _WHOLE)


@st.composite
def _given_dates(draw: DrawFn, today: date, locale: str) -> str | date:
    """The day as a value, as the library writes it, or as a term."""
    day = draw(due_dates(today=today))
    days = (day - today).days
    written = [format_date(day, locale, style=style) for style in get_args(Style)]
    ways: list[str | date] = [day, day.isoformat(), *written, f"{days} jours", f"in {days} days", f"net {days}"]
    return draw(st.sampled_from(ways))


@cache
@st.composite
def _uploads(draw: DrawFn) -> Upload:
    kind = draw(st.sampled_from(tuple(_FILES)))
    stem = draw(st.sampled_from(_STEMS) | st.text(_LETTERS, min_size=1, max_size=40))
    note = draw(_paragraphs(200)) if kind in ("txt", "csv") else ""
    return Upload(f"{stem}.{kind}", _FILES[kind] + note.encode())


@cache
@st.composite
def _attachments(draw: DrawFn) -> tuple[Attachment, ...]:
    with opened(draw(st.lists(_uploads(), max_size=3))) as files:
        checked, _ = check_files(files, FilePolicy())
    ids = draw(st.lists(st.uuids(), min_size=len(checked), max_size=len(checked), unique=True))
    return tuple(Attachment(ids[file.index], file.name, file.size, file.media_type, file.sha256) for file in checked)


@st.composite
def _open_invoices(draw: DrawFn, today: date) -> Invoice:
    created_at = datetime.combine(today, draw(st.times()), UTC)
    return Invoice(
        new_id(created_at, draw(st.binary(min_size=10, max_size=10))),
        invoice_number(draw(st.integers(1, 9_999_999))),
        InvoiceType.ONE_TIME,
        "cabinet",
        draw(clients()),
        draw(money()),
        draw(due_dates(today=today)),
        draw(_paragraphs(DESCRIPTION_LIMIT)),
        draw(_attachments()),
        draw(_LOCALES),
        Status.OPEN,
        created_at,
        version=draw(st.integers(1, 99)),
    )
