"""The « Création de facture » form: what was typed, read into the values of an invoice, or every problem at once."""

import json
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from hashlib import sha256
from typing import Any, TypeVar

from attrs import define, field, frozen

from indiopay.agency import Agency
from indiopay.attachment import CheckedFile, Upload
from indiopay.due_date import due_date_of
from indiopay.email_address import check_address
from indiopay.errors import InvalidInputError
from indiopay.invoice import Client
from indiopay.languages import supported_locale
from indiopay.money import Money, amount_of, currency_problem
from indiopay.problems import Problem
from indiopay.status import InvoiceType
from indiopay.text import one_line, paragraph

T = TypeVar("T")

NAME_LIMIT = 200
DESCRIPTION_LIMIT = 5_000

_IN_ANY_CURRENCY = ("required", "type", "too_long", "format", "not_positive")
_OF_EACH_KIND = ("CAD", "JPY", "TND")  # with two decimals, with none, with three
_LONG = 2**16  # longer than any text that an invoice can hold


@frozen
class InvoiceForm:
    """What a person filled in: texts as typed, or values. Nothing is checked until a desk reads it.

    `currency` and `input_locale` (the language in which amount and date were typed) are the agency's when None;
    so is `locale`, the client's language, in which the page and the letter are written.
    """

    amount: str | Money | Decimal | int | None = field(repr=False)
    due_date: str | date | None = field(repr=False)
    client_name: str = field(repr=False)
    client_email: str = field(repr=False)
    description: str = field(default="", repr=False)
    files: Sequence[Upload] = ()
    send_by_email: bool = False
    type: InvoiceType = InvoiceType.ONE_TIME
    currency: str | None = None
    locale: str | None = None
    input_locale: str | None = None


@define
class FormValues:
    """A form that was read without a problem. Nobody changes it: it is not frozen, which takes a form's time again."""

    amount: Money
    due_date: date
    client: Client
    description: str = field(repr=False)
    files: tuple[CheckedFile, ...]
    send_by_email: bool
    type: InvoiceType
    locale: str


CheckedFiles = tuple[tuple[CheckedFile, ...], tuple[Problem, ...]]
"""What `attachment.check_files` gives for the files of a form."""


def read_form(
    form: InvoiceForm, files: CheckedFiles, *, agency: Agency, today: date
) -> FormValues | tuple[Problem, ...]:
    """The values of a form, or every problem of it, in the order of its fields.

    `today` is the agency's date. The same form gives the same problems, whatever the store.
    """
    input_locale = _locale(form.input_locale, agency, "input_locale")
    reading_locale = agency.locale if isinstance(input_locale, Problem) else input_locale
    checked, file_problems = files
    amount: Any = _amount(form, agency, reading_locale)
    due: Any = _due_date(form, reading_locale, today)
    name: Any = _client_name(form.client_name)
    email: Any = check_address(form.client_email)
    description: Any = paragraph(form.description, field="description", limit=DESCRIPTION_LIMIT)
    send: Any = _of_type(form.send_by_email, bool, "send_by_email")
    kind: Any = _of_type(form.type, InvoiceType, "type")
    currency = None if form.currency is None else currency_problem(form.currency)
    locale: Any = _locale(form.locale, agency, "locale")
    read = (amount, due, name, email, description, *file_problems, send, kind, currency, locale, input_locale)
    if Problem in map(type, read):
        return tuple(one for one in read if isinstance(one, Problem))
    return FormValues(amount, due, Client(name, email), description, checked, send, kind, supported_locale(locale))


def fingerprint(form: InvoiceForm, files: Iterable[CheckedFile]) -> bytes:
    """The SHA-256 of a form as it was typed and of its files' names and hashes."""
    typed = [form.amount, form.due_date, form.client_name, form.client_email, form.description]
    chosen = [form.send_by_email, form.type, form.currency, form.locale, form.input_locale]
    kept = [[file.index, file.name, file.sha256] for file in files]
    told = [_exactly(value) for value in (*typed, *chosen)]
    return sha256(json.dumps([told, kept]).encode("ascii")).digest()


def _exactly(value: object) -> list[str]:  # noqa: PLR0911  # one for each kind of value
    """A value's kind and content, spelled the same by every Python for ever; no content for what no form may hold."""
    match value:
        case str() if len(value) > _LONG:
            return ["long", sha256(value.encode("utf-8", "surrogatepass")).hexdigest()]
        case str():
            return ["text", str.__str__(value)]
        case Money():
            return ["money", f"{value.minor_units:x}", value.currency]
        case int():
            return ["bool" if isinstance(value, bool) else "int", f"{value:x}"]
        case Decimal():
            return ["decimal", str(value)]
        case date():
            return ["date", value.isoformat()]
        case InvoiceType():
            return ["type", value.value]
    return ["none" if value is None else "other"]


def _amount(form: InvoiceForm, agency: Agency, locale: str) -> Money | Problem | None:
    if form.currency is None or currency_problem(form.currency) is None:
        return _read_amount(form, form.currency or agency.currency, locale)
    return _fault_in_any_currency([_read_amount(form, currency, locale) for currency in _OF_EACH_KIND])


def _read_amount(form: InvoiceForm, currency: str, locale: str) -> Money | Problem:
    try:
        return amount_of(form.amount, currency=currency, locale=locale)
    except InvalidInputError as error:
        return error.problems[0]


def _fault_in_any_currency(read: Sequence[Money | Problem]) -> Problem | None:
    """In an unknown currency only what is wrong in every currency can be told, with nothing that is of one."""
    codes = {one.code if isinstance(one, Problem) else None for one in read}
    first = read[0]
    if not isinstance(first, Problem) or len(codes) > 1 or first.code not in _IN_ANY_CURRENCY:
        return None
    return Problem(first.field, first.code, {name: told for name, told in first.params.items() if name == "typed"})


def _due_date(form: InvoiceForm, locale: str, today: date) -> date | Problem:
    try:
        return due_date_of(form.due_date, locale=locale, today=today)
    except InvalidInputError as error:
        return error.problems[0]


def _client_name(typed: object) -> str | Problem:
    name = one_line(typed, field="client_name", limit=NAME_LIMIT)
    if isinstance(name, str) and "@" in name:
        return Problem("client_name", "looks_like_address", {"typed": name[:64]})
    return name


def _locale(given: object, agency: Agency, name: str) -> str | Problem:
    return agency.locale if given in (None, "") else _of_type(given, str, name)


def _of_type(value: object, wanted: type[T], name: str) -> T | Problem:
    return value if isinstance(value, wanted) else Problem(name, "type")
