"""Tries a host's templates of the letter at start, so that a mistake shows there and not at a client's."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from itertools import product
from traceback import extract_tb
from typing import TYPE_CHECKING, Any
from uuid import UUID

from indiopay.agency import Agency
from indiopay.attachment import Attachment
from indiopay.errors import TemplatesError
from indiopay.invoice import Client, Invoice
from indiopay.letters import letter_values
from indiopay.money import Money
from indiopay.status import InvoiceType, Status

if TYPE_CHECKING:
    from jinja2 import Environment

_AT = datetime(2026, 3, 2, 15, tzinfo=UTC)
_LINK = "https://exemple.ca/payer?a=1&jeton=AAAA"
_AGENCY = Agency("cabinet", "Cabinet", "facturation@exemple.ca")
_RAW, _ESCAPED = "<sample>", "&lt;sample&gt;"
_FILE = Attachment(UUID(int=2), f"{_RAW}.csv", 2048, "text/csv", "00")
_TYPED = {
    "letter.txt": "escapes what was typed",
    "letter.html": "does not escape what was typed",
}
_WANTED = {
    "letter.txt": "{{ link }}, with spaces or line ends around it",
    "letter.html": '<a href="{{ link }}">',
}


def checked_letters(templates: "Environment") -> "Environment":
    """These templates, once they have made letters of every kind that hold their link whole; else TemplatesError."""
    for name, values in product(("letter.txt", "letter.html"), _samples()):
        body = _rendered(templates, name, values)
        if (_RAW if name.endswith(".html") else _ESCAPED) in body:
            raise TemplatesError(f"{name} {_TYPED[name]}: what it includes goes by the ending of its own name")
        if _LINK not in (_addresses(body) if name.endswith(".html") else body.split()):
            raise TemplatesError(f"{name} makes a letter without its link: write {_WANTED[name]}")
    return templates


def _rendered(templates: "Environment", name: str, values: dict[str, Any]) -> str:
    try:
        return templates.get_template(name).render(values)
    except Exception as error:  # a template may raise anything
        lines = [frame.lineno for frame in extract_tb(error.__traceback__) if frame.filename.endswith(name)]
        raise TemplatesError(f"{name}, line {next(reversed(lines), 1)}: {type(error).__name__}: {error}") from error


def _samples() -> Iterator[dict[str, Any]]:
    """With a note and a file and without, due before, today and later, in two languages."""
    for days, locale, text, files in product((-1, 0, 1), ("fr_CA", "en_CA"), ("", "a\nb"), ((), (_FILE,))):
        invoice = Invoice(
            UUID(int=1),
            "F-000001",
            InvoiceType.ONE_TIME,
            _AGENCY.slug,
            Client(f"Zoé {_RAW}", "zoe@exemple.ca"),
            Money(125000, "CAD"),
            _AGENCY.local_date(_AT) + timedelta(days),
            text,
            files,
            locale,
            Status.OPEN,
            _AT,
        )
        yield letter_values(invoice, _AGENCY, _LINK, _AT)


class _Links(HTMLParser):
    """The addresses of the links of a letter."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if (tag, name) == ("a", "href")]


def _addresses(body: str) -> list[str | None]:
    links = _Links()
    links.feed(body)
    return links.found
