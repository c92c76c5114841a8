"""Tries a host's templates of the letter and the page at start, so that a mistake shows there and not at a client's."""

import re
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
from indiopay.languages import SUPPORTED
from indiopay.letters import letter_values
from indiopay.money import Money
from indiopay.payment_page import payment_page
from indiopay.status import InvoiceType, Status
from indiopay.templates import page_style

if TYPE_CHECKING:
    from jinja2 import Environment

_AT = datetime(2026, 3, 2, 15, tzinfo=UTC)
_LINK = "https://exemple.ca/payer?a=1&jeton=AAAA"
_CHECKOUT = "https://exemple.ca/paiement?a=1&b=2"
_RAW, _ESCAPED = "<sample> injected=1", "&lt;sample&gt;"
_AGENCY = Agency("cabinet", "Cabinet", "facturation@exemple.ca")
_FILES = tuple(Attachment(UUID(int=n), f"{n} {_RAW}.csv", 2048, "text/csv", "00") for n in (1, 2))
_DUE: tuple[dict[str, Any], ...] = tuple({"due_date": _AGENCY.local_date(_AT) + timedelta(days)} for days in (-1, 0, 1))
_ENDED: tuple[dict[str, Any], ...] = (
    {"status": Status.PAID, "paid_at": _AT},
    {"status": Status.CANCELLED, "cancelled_at": _AT},
    {"status": Status.CANCELLED, "cancelled_at": _AT, "cancel_reason": _RAW},
)
_NONE = re.compile(r"\bNone\b")
_LOST_STYLE = re.compile("@import|\0", re.IGNORECASE)
_BLOCKED = {"script", "iframe", "frame", "object", "embed", "base"}

_TAKE_SAFE_AWAY = "take | safe away; what a template includes goes by the ending of its own name"
_QUOTE = "write quotes around the value of an attribute, and take | safe away"
_WRITE_LINK_ALONE = "write {{ link }}, with spaces or line ends around it"
_WRITE_LINK = 'write <a href="{{ link }}">'
_WRITE_ADDRESSES = 'write <a href="{{ page.checkout_url }}">, and for each file <a href="{{ file.url }}">'
_WRITE_IF = "write {% if %} around what may be missing: checkout_url, paid_on, cancelled_on, cancel_reason, switch"
_WRITE_STYLE = "write it into page.css, and here <style>{{ style | safe }}</style>"


def checked_templates(templates: "Environment") -> "Environment":
    """These templates, once they have made letters and pages of every kind, whole and escaped; else TemplatesError."""
    for invoice in _invoices(_DUE):
        _check_letter(templates, letter_values(invoice, _AGENCY, _LINK, _AT))
    for invoice, is_bare in product(_invoices((*_DUE, *_ENDED)), (True, False)):
        _check_page(templates, invoice, invoice.locale, is_bare=is_bare)
    for invoice, locale in product(_invoices(_DUE[:1]), SUPPORTED):
        _check_page(templates, invoice, locale, is_bare=False)
    return templates


def _check_letter(templates: "Environment", values: dict[str, Any]) -> None:
    text = _rendered("letter.txt", lambda: templates.get_template("letter.txt").render(values))
    _require(_ESCAPED not in text, "letter.txt escapes what was typed", _TAKE_SAFE_AWAY)
    _require(_LINK in text.split(), "letter.txt makes a letter without its link", _WRITE_LINK_ALONE)
    html = _Html(_rendered("letter.html", lambda: templates.get_template("letter.html").render(values)))
    _require(not html.is_raw, "letter.html does not escape what was typed", _QUOTE)
    _require(_LINK in html.addresses, "letter.html makes a letter without its link", _WRITE_LINK)


def _check_page(templates: "Environment", invoice: Invoice, locale: str, *, is_bare: bool) -> None:
    """Bare: where the host takes no payment, and has the page in one language."""
    today, style = _AGENCY.local_date(_AT), page_style(templates)
    checkout_url, language_url = (None, None) if is_bare else (_CHECKOUT, str)
    page = payment_page(
        invoice, agency=_AGENCY, today=today, locale=locale, checkout_url=checkout_url, templates=templates
    )
    html = _Html(_rendered("page.html", lambda: page.to_html(file_url=_download, language_url=language_url)))
    wanted = ({page.checkout_url} - {None}) | {_download(file) for file in page.attachments}
    _require(not html.is_raw, "page.html does not escape what was typed", _QUOTE)
    _require(wanted <= html.addresses, "page.html makes a page without the way to pay or a file", _WRITE_ADDRESSES)
    _require(not html.says_none, "page.html shows None where there is nothing", _WRITE_IF)
    is_let_in = html.styles <= {style} and not _LOST_STYLE.search(style)
    _require(is_let_in, "page.html has a style that its headers refuse", _WRITE_STYLE)
    _require(not html.blocked, f"page.html has {html.blocked}", "its headers refuse it, so take it away")


def _download(file: Attachment) -> str:
    return f"/fichier?a=1&b={file.id}"


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
    """In each of these states, with a note and files and without, in two languages."""
    for state, locale, text, files in product(states, ("fr_CA", "en_CA"), ("", f"a\n{_RAW}"), ((), _FILES)):
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

    The addresses to which it leads, its style sheets, the first thing in it that a page's headers refuse, whether it
    lets markup through, and whether it says "None".
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.is_raw = "<sample>" in html
        self.says_none = False
        self.addresses: set[str | None] = set()
        self.styles: set[str] = set()
        self.blocked = ""
        self._style: list[str] | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._style = [] if tag == "style" else None
        self.is_raw |= "injected" in given
        self.says_none |= "None" in given.values()
        self.addresses |= {given[name] for name in ("href", "action") if name in given and tag in ("a", "form")}
        self.blocked = self.blocked or _blocked(tag, given)

    def handle_endtag(self, tag: str) -> None:
        if tag == "style" and self._style is not None:
            self.styles.add("".join(self._style))
        self._style = None

    def handle_data(self, data: str) -> None:
        if self._style is None:
            self.says_none |= _NONE.search(data) is not None
        else:
            self._style.append(data)


def _blocked(tag: str, given: dict[str, str | None]) -> str:
    """What of an element the policy of a page lets no browser heed."""
    if tag in _BLOCKED or (tag == "link" and "stylesheet" in (given.get("rel") or "").lower().split()):
        return f"<{tag}>"
    return next((f"{name}=" for name in given if name == "style" or name.startswith("on")), "")
