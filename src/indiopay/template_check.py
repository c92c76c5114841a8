"""Tries a host's templates of the letter and the page at start, so that a mistake shows there and not at a client's."""

from collections.abc import Callable, Iterator
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
from indiopay.payment_page import PaymentPage, payment_page
from indiopay.status import InvoiceType, Status
from indiopay.templates import page_style

if TYPE_CHECKING:
    from jinja2 import Environment

_AT = datetime(2026, 3, 2, 15, tzinfo=UTC)
_LINK = "https://exemple.ca/payer?a=1&jeton=AAAA"
_CHECKOUT = "https://exemple.ca/paiement?a=1&b=2"
_DOWNLOAD = "/fichier?a=1&b=2"
_RAW, _ESCAPED = "<sample>", "&lt;sample&gt;"
_AGENCY = Agency("cabinet", "Cabinet", "facturation@exemple.ca")
_FILE = Attachment(UUID(int=2), f"{_RAW}.csv", 2048, "text/csv", "00")
_ENDS: tuple[dict[str, Any], ...] = (
    {"status": Status.OPEN},
    {"status": Status.PAID, "paid_at": _AT},
    {"status": Status.CANCELLED, "cancelled_at": _AT},
    {"status": Status.CANCELLED, "cancelled_at": _AT, "cancel_reason": _RAW},
)


def checked_templates(templates: "Environment") -> "Environment":
    """These templates, once they have made letters and pages of every kind, whole and escaped; else TemplatesError."""
    for invoice in _invoices(_ENDS[:1]):
        _check_letter(templates, letter_values(invoice, _AGENCY, _LINK, _AT))
    for invoice, checkout_url in product(_invoices(_ENDS), (None, _CHECKOUT)):
        today = _AGENCY.local_date(_AT)
        page = payment_page(invoice, agency=_AGENCY, today=today, checkout_url=checkout_url, templates=templates)
        _check_page(page, page_style(templates))
    return templates


def _check_letter(templates: "Environment", values: dict[str, Any]) -> None:
    text = _rendered("letter.txt", lambda: templates.get_template("letter.txt").render(values))
    _require(_ESCAPED not in text, "letter.txt escapes what was typed", _GOES_BY_ENDING)
    _require(_LINK in text.split(), "letter.txt makes a letter without its link", _WRITE_LINK_ALONE)
    html = _Html(_rendered("letter.html", lambda: templates.get_template("letter.html").render(values)))
    _require(not html.is_raw, "letter.html does not escape what was typed", _GOES_BY_ENDING)
    _require(_LINK in html.addresses, "letter.html makes a letter without its link", 'write <a href="{{ link }}">')


def _check_page(page: PaymentPage, style: str) -> None:
    html = _Html(_rendered("page.html", lambda: page.to_html(file_url=lambda _: _DOWNLOAD, language_url=str)))
    _require(not html.is_raw, "page.html does not escape what was typed", _GOES_BY_ENDING)
    wanted = ({page.checkout_url} - {None}) | {_DOWNLOAD for _ in page.attachments}
    _require(wanted <= html.addresses, "page.html makes a page without the way to pay or a file", _WRITE_ADDRESSES)
    _require(html.style in ("", style), "page.html has a style that its headers do not let in", _WRITE_STYLE)


_GOES_BY_ENDING = "what it includes goes by the ending of its own name"
_WRITE_LINK_ALONE = "write {{ link }}, with spaces or line ends around it"
_WRITE_ADDRESSES = 'write <a href="{{ page.checkout_url }}">, and for each file <a href="{{ file.url }}">'
_WRITE_STYLE = "write it into page.css, and here <style>{{ style | safe }}</style>"


def _require(holds: bool, fault: str, remedy: str) -> None:  # noqa: FBT001  # it is a condition
    if not holds:
        raise TemplatesError(f"{fault}: {remedy}")


def _rendered(name: str, render: Callable[[], str]) -> str:
    try:
        return render()
    except Exception as error:  # a template may raise anything
        lines = [frame.lineno for frame in extract_tb(error.__traceback__) if frame.filename.endswith(name)]
        raise TemplatesError(f"{name}, line {next(reversed(lines), 1)}: {type(error).__name__}: {error}") from error


def _invoices(ends: tuple[dict[str, Any], ...]) -> Iterator[Invoice]:
    """With a note and a file and without, due before today, today and later, in two languages, in these states."""
    for days, locale, text, files, end in product(
        (-1, 0, 1), ("fr_CA", "en_CA"), ("", f"a\n{_RAW}"), ((), (_FILE,)), ends
    ):
        yield Invoice(
            id=UUID(int=1),
            number="F-000001",
            type=InvoiceType.ONE_TIME,
            agency_slug=_AGENCY.slug,
            client=Client(f"Zoé {_RAW}", "zoe@exemple.ca"),
            amount=Money(125000, "CAD"),
            due_date=_AGENCY.local_date(_AT) + timedelta(days),
            description=text,
            attachments=files,
            locale=locale,
            created_at=_AT,
            **end,
        )


class _Html(HTMLParser):
    """The addresses of the links of a page or a letter, its style sheet, and whether it lets markup through."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.is_raw = _RAW in html
        self.addresses: set[str | None] = set()
        self.style = ""
        self._tag = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tag = tag
        self.addresses |= {value for name, value in attrs if (tag, name) == ("a", "href")}

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002  # its base says so
        self._tag = ""

    def handle_data(self, data: str) -> None:
        self.style += data if self._tag == "style" else ""
