"""The page that a link opens: its values, its HTML, and the headers that go with it."""

from base64 import b64encode
from datetime import UTC, date, datetime
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any
from uuid import UUID

import pytest
from attrs import evolve
from hypothesis import given, strategies as st

from indiopay import Agency, Attachment, Client, Invoice, Money, PaymentPage, Status, format_date
from indiopay.languages import SUPPORTED
from indiopay.payment_page import payment_page

from .conftest import TODAY
from .test_listing import invoice as some_invoice

CHECKOUT = "https://paiement.exemple.ca/session/1?x=1&y=2"
FILE = Attachment(UUID(int=5), "Garanties détaillées.csv", 2048, "text/csv", "00")
AGENCY = Agency("nord", "Assurances du Nord", "facturation@exemple.ca")
PAID: dict[str, Any] = {"status": Status.PAID, "paid_at": datetime(2026, 3, 3, 4, 59, tzinfo=UTC)}
CANCELLED: dict[str, Any] = {
    "status": Status.CANCELLED,
    "cancelled_at": datetime(2026, 3, 2, 15, tzinfo=UTC),
    "cancel_reason": "Remplacée.\nMerci.",
}


def page_of(invoice: Invoice | None = None, **asked: Any) -> PaymentPage:
    return payment_page(invoice or some_invoice(due=date(2026, 4, 1)), agency=AGENCY, **{"today": TODAY, **asked})


def html_of(page: PaymentPage, **urls: Any) -> str:
    return page.to_html(**{"file_url": lambda file: f"/f/{file.id}", **urls})


class _Outline(HTMLParser):
    """The elements of a page, and the text outside its style."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags[-1:] and self.tags[-1][0] != "style":
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


@pytest.mark.parametrize("locale", SUPPORTED)
@pytest.mark.parametrize("state", [{}, PAID, CANCELLED], ids=["open", "paid", "cancelled"])
def test_no_amount_and_no_date_in_a_sentence_can_break_across_lines(locale: str, state: dict[str, Any]) -> None:
    """Whatever the style sheet says: their spaces are no-break ones, in every language and status."""
    invoice = evolve(some_invoice(due=date(2026, 4, 1)), amount=Money(123456789, "USD"), **state)
    html = html_of(page_of(invoice, today=date(2026, 4, 2), locale=locale, checkout_url=CHECKOUT))
    times = [at for at in (state.get("paid_at"), state.get("cancelled_at")) if at]
    days = [AGENCY.local_date(at) for at in times] or [invoice.due_date]
    assert all(format_date(day, locale).replace(" ", "\u00a0") in html for day in days)
    assert html.count(format_date(invoice.due_date, locale)) == 1  # where it stands alone, and may wrap
    assert invoice.amount.format(locale) in html
    assert " " not in invoice.amount.format(locale)


def test_an_open_invoice_can_be_paid() -> None:
    """Its values, worded in the client's language."""
    page = page_of(checkout_url=CHECKOUT)
    assert (page.status_text, page.amount_text, page.due_date_text) == ("À payer", "1,00\u00a0$", "1er avril 2026")
    assert (page.payable, page.checkout_url, page.due_today, page.overdue) == (True, CHECKOUT, False, False)
    assert (page.paid_on, page.cancelled_on, page.cancel_reason) == (None, None, None)


@pytest.mark.parametrize(
    ("today", "due_today", "overdue"),
    [(date(2026, 3, 31), False, False), (date(2026, 4, 1), True, False), (date(2026, 4, 2), False, True)],
)
def test_due_today_is_not_overdue(today: date, due_today: bool, overdue: bool) -> None:
    """By the agency's date."""
    page = page_of(today=today)
    assert (page.due_today, page.overdue, page.payable) == (due_today, overdue, True)


@pytest.mark.parametrize("change", [PAID, CANCELLED])
def test_what_is_paid_or_cancelled_takes_no_payment(change: dict[str, Any]) -> None:
    """Whatever the host passes."""
    page = page_of(evolve(some_invoice(), **change), checkout_url=CHECKOUT, today=date(2030, 1, 1))
    assert (page.payable, page.checkout_url, page.overdue, page.due_today) == (False, None, False, False)
    assert CHECKOUT.split("?", maxsplit=1)[0] not in html_of(page)
    assert "paiement.exemple.ca" not in page.headers["Content-Security-Policy"]


def test_dates_on_the_page_are_the_agencys() -> None:
    """Paid at 4:59 in Greenwich is paid the day before in Toronto."""
    assert page_of(evolve(some_invoice(), **PAID)).paid_on == date(2026, 3, 2)
    assert page_of(evolve(some_invoice(), **CANCELLED)).cancelled_on == date(2026, 3, 2)


@pytest.mark.parametrize(
    ("changes", "today", "said"),
    [
        ({}, TODAY, "Cette facture est à payer aujourd’hui."),
        ({}, date(2026, 3, 3), "Cette facture devait être payée au plus tard le 2\u00a0mars\u00a02026."),
        (PAID, TODAY, "Cette facture a été payée le 2\u00a0mars\u00a02026. Merci."),
        (CANCELLED, TODAY, "Cette facture a été annulée le 2\u00a0mars\u00a02026. Vous n’avez rien à payer."),
    ],
)
def test_the_page_says_where_the_invoice_stands(changes: dict[str, Any], today: date, said: str) -> None:
    """Kindly, with the date on one line."""
    assert said in html_of(page_of(evolve(some_invoice(), **changes), today=today))


def test_the_page_shows_everything_the_client_needs() -> None:
    """Agency, number, client, amount, date, note with its lines, files with kind and size, the way to pay."""
    invoice = evolve(some_invoice(due=date(2026, 4, 1)), description="Ligne 1\nLigne 2", attachments=(FILE,))
    outline = _Outline(html_of(page_of(invoice, checkout_url=CHECKOUT)))
    for shown in (
        "Assurances du Nord",
        "Facture F-000001",
        "Zoé Tremblay",
        "1,00\u00a0$",
        "1er avril 2026",
        "Ligne 1\nLigne 2",
    ):
        assert shown in outline.text
    assert "Garanties détaillées.csv" in outline.text and "2\u00a0ko" in outline.text
    assert {f"/f/{FILE.id}", CHECKOUT} <= {link["href"] for link in outline.all("a")}


def test_a_page_without_checkout_says_whom_to_ask() -> None:
    """The brokerage's address stands on every page."""
    html = html_of(page_of())
    assert "Pour savoir comment payer, communiquez avec Assurances du Nord." in html
    assert 'href="mailto:facturation@exemple.ca"' in html


def test_the_language_is_switched_by_a_plain_link() -> None:
    """To the other language, and back to the client's own."""
    french, english = page_of(), page_of(locale="en_CA")
    assert (french.locale, english.locale) == ("fr_CA", "en_CA")
    for page, other, name in ((french, "en_CA", "English"), (english, "fr_CA", "Français")):
        link = next(
            a for a in _Outline(html_of(page, language_url=lambda locale: f"?l={locale}")).all("a") if "hreflang" in a
        )
        assert (link["href"], link["lang"]) == (f"?l={other}", other.replace("_", "-"))
        assert name in html_of(page, language_url=lambda locale: locale)
    assert "hreflang" not in html_of(french)


@pytest.mark.parametrize(
    ("shown", "client", "other"),
    [("fr_FR", "fr_FR", "en"), ("en_US", "en_US", "fr_CA"), ("en", "fr_BE", "fr_BE"), ("fr", "en_GB", "en_GB")],
)
def test_the_other_language_is_the_clients_own_or_the_regions(shown: str, client: str, other: str) -> None:
    """A region that writes one language only falls back to the language, or to Québec's French."""
    page = page_of(evolve(some_invoice(), locale=client), locale=shown)
    assert f"?l={other}" in html_of(page, language_url=lambda locale: f"?l={locale}")


@pytest.mark.parametrize("locale", ["de", "", "../../x", "\x00", "é" * 2**20])
def test_a_language_that_is_not_ours_is_the_clients(locale: str) -> None:
    """Whatever stands in an address."""
    assert page_of(evolve(some_invoice(), locale="en_US"), locale=locale).locale == "en_US"


def test_a_note_says_in_which_language_it_is_written() -> None:
    """When the page is shown in another one, for a voice that reads it aloud."""
    invoice = evolve(some_invoice(), description="Prime annuelle", **CANCELLED)
    told = [
        [note.get("lang") for note in _Outline(html_of(page_of(invoice, locale=locale))).all("p") if "dir" in note]
        for locale in ("fr_CA", "en_CA")
    ]
    assert told == [[None, None], ["fr-CA", "fr-CA"]]


def test_the_headers_are_those_that_the_page_needs() -> None:
    """Kept by nobody, framed by nobody, indexed by nobody; the style by its hash, the checkout by its origin."""
    page = page_of(checkout_url="https://Paiement.exemple.ca:8443/a?b")
    style = html_of(page).partition("<style>")[2].partition("</style>")[0]
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert page.headers == {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Language": "fr-CA",
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Robots-Tag": "noindex, nofollow",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{digest}'; "
        "form-action 'self' https://paiement.exemple.ca:8443; frame-ancestors 'none'; base-uri 'none'",
    }


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "//paiement.exemple.ca",
        "/payer",
        "ftp://exemple.ca/",
        "https://",
        "https://user:secret@exemple.ca/",
        "https://exemple.ca/a b",
        "https://exemple.ca\\@evil.example/",
        "https://exemple.ca/\r\nX: y",
        "https://ex;emple.ca/",
        "https://exemple.ca:port/",
        "https://" + "é" * 70 + ".ca/",
        7,
    ],
)
def test_a_checkout_address_that_is_none_is_refused(url: Any) -> None:
    """Only http and https, and nothing that would reach a header."""
    with pytest.raises(ValueError, match="checkout_url"):
        page_of(checkout_url=url)


def test_an_international_checkout_host_stands_in_ascii() -> None:
    """As a header must have it."""
    assert "https://xn--caf-dma.ca;" in page_of(checkout_url="https://café.ca/").headers["Content-Security-Policy"]


@given(st.text(min_size=1), st.text(), st.text(min_size=1))
def test_nothing_that_was_typed_becomes_markup(name: str, note: str, file: str) -> None:
    """Whatever the note, the client's name and a file's name: the same elements, and no script."""
    plain = evolve(some_invoice(), client=Client("x", "x@exemple.ca"), description="x", attachments=(FILE,))
    hostile = evolve(
        plain,
        client=Client(f"<script>{name}", "x@exemple.ca"),
        description=f"</style><img src=x onerror=1>{note}",
        attachments=(evolve(FILE, name=f'"><b>{file}'),),
    )
    wanted, found = (_Outline(html_of(page_of(invoice))) for invoice in (plain, hostile))
    assert found.tags == wanted.tags


def test_a_page_shows_no_client_in_its_repr() -> None:
    """Pages end up in logs."""
    assert repr(page_of()) == "PaymentPage(number=F-000001, status=open)"
