"""Tries a host's templates of the letter and the page at start, so that a mistake shows there and not at a client's."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from itertools import product
from pathlib import PurePath
from traceback import extract_tb
from typing import TYPE_CHECKING, Any
from uuid import UUID

from attrs import evolve

from indiopay.agency import Agency
from indiopay.attachment import Attachment
from indiopay.errors import TemplatesError
from indiopay.invoice import Client, Invoice
from indiopay.letters import letter_values
from indiopay.money import Money
from indiopay.payment_page import PaymentPage, payment_page
from indiopay.status import InvoiceType, Status
from indiopay.templates import page_style

if TYPE_CHECKING:
    from jinja2 import Environment

_AT = datetime(2026, 3, 2, 15, tzinfo=UTC)
_LINK = "https://exemple.ca/payer?a=1&jeton=AAAA"
_CHECKOUT = "https://exemple.ca/paiement?a=1&b=2"
_DOWNLOAD = "/fichier?a=1&b=2"
_RAW, _ESCAPED = "<sample> injected=1", "&lt;sample&gt;"
_AGENCY = Agency("cabinet", "Cabinet", "facturation@exemple.ca")
_FILE = Attachment(UUID(int=2), f"{_RAW}.csv", 2048, "text/csv", "00")
_DUE: tuple[dict[str, Any], ...] = tuple({"due_date": _AGENCY.local_date(_AT) + timedelta(days)} for days in (-1, 0, 1))
_ENDED: tuple[dict[str, Any], ...] = (
    {"status": Status.PAID, "paid_at": _AT},
    {"status": Status.CANCELLED, "cancelled_at": _AT},
    {"status": Status.CANCELLED, "cancelled_at": _AT, "cancel_reason": _RAW},
)
_BLOCKED = {"script", "iframe", "frame", "object", "embed", "base"}

_TAKE_SAFE_AWAY = "take | safe away; what a template includes goes by the ending of its own name"
_QUOTE = "write quotes around the value of an attribute, and take | safe away"
_WRITE_LINK_ALONE = "write {{ link }}, with spaces or line ends around it"
_WRITE_LINK = 'write <a href="{{ link }}">'
_WRITE_ADDRESSES = 'write <a href="{{ page.checkout_url }}">, and for each file <a href="{{ file.url }}">'
_WRITE_IF = "write {% if page.checkout_url %} around the way to pay, and {% if switch %} around the other language"
_WRITE_STYLE = "write it into page.css, and here <style>{{ style | safe }}</style>"


def checked_templates(templates: "Environment") -> "Environment":
    """These templates, once they have made letters and pages of every kind, whole and escaped; else TemplatesError."""
    for invoice in _invoices(_DUE):
        _check_letter(templates, letter_values(invoice, _AGENCY, _LINK, _AT))
    for invoice, locale, is_bare in product(_invoices((*_DUE, *_ENDED)), (None, "en_CA"), (True, False)):
        page = payment_page(
            invoice,
            agency=_AGENCY,
            today=_AGENCY.local_date(_AT),
            locale=locale,
            checkout_url=None if is_bare else _CHECKOUT,
            templates=templates,
        )
        _check_page(page, page_style(templates), None if is_bare else str)
    return templates


def _check_letter(templates: "Environment", values: dict[str, Any]) -> None:
    text = _rendered("letter.txt", lambda: templates.get_template("letter.txt").render(values))
    _require(_ESCAPED not in text, "letter.txt escapes what was typed", _TAKE_SAFE_AWAY)
    _require(_LINK in text.split(), "letter.txt makes a letter without its link", _WRITE_LINK_ALONE)
    html = _Html(_rendered("letter.html", lambda: templates.get_template("letter.html").render(values)))
    _require(not html.is_raw, "letter.html does not escape what was typed", _QUOTE)
    _require(_LINK in html.addresses, "letter.html makes a letter without its link", _WRITE_LINK)


def _check_page(page: PaymentPage, style: str, language_url: Callable[[str], str] | None) -> None:
    html = _Html(_rendered("page.html", lambda: page.to_html(file_url=lambda _: _DOWNLOAD, language_url=language_url)))
    _require(not html.is_raw, "page.html does not escape what was typed", _QUOTE)
    wanted = ({page.checkout_url} - {None}) | {_DOWNLOAD for _ in page.attachments}
    _require(wanted <= html.addresses, "page.html makes a page without the way to pay or a file", _WRITE_ADDRESSES)
    _require("None" not in html.addresses, "page.html makes a link that leads nowhere", _WRITE_IF)
    _require(
        html.style in (None, style) and "\0" not in style, "page.html has a style that its headers refuse", _WRITE_STYLE
    )
    _require(not html.blocked, f"page.html has {html.blocked}", "its headers refuse it, so take it away")


def _require(holds: bool, fault: str, remedy: str) -> None:  # noqa: FBT001  # it is a condition
    if not holds:
        raise TemplatesError(f"{fault}: {remedy}")


def _rendered(name: str, render: Callable[[], str]) -> str:
    try:
        return render()
    except Exception as error:  # a template may raise anything
        lines = [frame.lineno for frame in extract_tb(error.__traceback__) if PurePath(frame.filename).name == name]
        raise TemplatesError(f"{name}, line {next(reversed(lines), 1)}: {type(error).__name__}: {error}") from error


def _invoices(states: tuple[dict[str, Any], ...]) -> Iterator[Invoice]:
    """In each of these states, with a note and a file and without, in two languages."""
    for state, locale, text, files in product(states, ("fr_CA", "en_CA"), ("", f"a\n{_RAW}"), ((), (_FILE,))):
        invoice = Invoice(
            id=UUID(int=1),
            number="F-000001",
            type=InvoiceType.ONE_TIME,
            agency_slug=_AGENCY.slug,
            client=Client(f"Zoé {_RAW}", "zoe@exemple.ca"),
            amount=Money(125000, "CAD"),
            due_date=_AGENCY.local_date(_AT),
            description=text,
            attachments=files,
            locale=locale,
            status=Status.OPEN,
            created_at=_AT,
        )
        yield evolve(invoice, **state)


class _Html(HTMLParser):
    """What matters of a page or a letter.

    The addresses to which it leads, its style sheet, the first thing in it that a page's headers refuse, and whether it
    lets markup through.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.is_raw = "<sample>" in html
        self.addresses: set[str | None] = set()
        self.style: str | None = None
        self.blocked = ""
        self._tag = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._tag = tag
        self.is_raw |= "injected" in given
        self.addresses |= {given[name] for name in ("href", "action") if name in given and tag in ("a", "form")}
        if tag == "style":
            self.style = ""
        self.blocked = self.blocked or _blocked(tag, given)

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002  # its base says so
        self._tag = ""

    def handle_data(self, data: str) -> None:
        if self._tag == "style":
            self.style = f"{self.style}{data}"


def _blocked(tag: str, given: dict[str, str | None]) -> str:
    """What of an element the policy of a page lets no browser heed."""
    if tag in _BLOCKED or (tag == "link" and given.get("rel") == "stylesheet"):
        return f"<{tag}>"
    return next((f"{name}=" for name in given if name == "style" or name.startswith("on")), "")
