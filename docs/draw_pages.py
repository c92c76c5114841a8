"""Draws the pictures of the payment page that its documentation shows: run it when the page has changed, and look.

python docs/draw_pages.py          the pictures of the documentation
python docs/draw_pages.py folder   a picture of every page, in every look, to be looked at
"""

import sys
from datetime import UTC, date, datetime
from itertools import product
from pathlib import Path
from typing import Any
from uuid import UUID

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from attrs import evolve, fields_dict  # noqa: E402  # the tests stand in the folder above
from tests.browser import running  # noqa: E402  # the tests stand in the folder above

from indiopay import Agency, Attachment, Client, Invoice, InvoiceType, Money, PaymentPage, Status  # noqa: E402  # the tests stand in the folder above
from indiopay.payment_page import payment_page  # noqa: E402  # the tests stand in the folder above

AT = datetime(2026, 3, 2, 15, tzinfo=UTC)
DUE = date(2026, 4, 1)
AGENCY = Agency("nord", "Assurances du Nord", "facturation@exemple.ca")
CHECKOUT = "https://paiement.exemple.ca/session"
FILES = (
    Attachment(UUID(int=5), "Police d’assurance habitation.pdf", 245_000, "application/pdf", "00"),
    Attachment(UUID(int=6), "Garanties détaillées.csv", 2_048, "text/csv", "00"),
)
TEXTS = {
    "fr_CA": (
        "Prime annuelle de votre assurance habitation.\nÀ régler avant le renouvellement.",
        "La police a été remplacée.",
    ),
    "en_CA": ("Yearly premium of your home insurance.\nTo be paid before it is renewed.", "The policy was replaced."),
}
STATES: dict[str, tuple[dict[str, Any], date]] = {
    "open": ({}, AT.date()),
    "bare": ({"description": "", "attachments": ()}, AT.date()),
    "due-today": ({}, DUE),
    "overdue": ({}, date(2026, 4, 2)),
    "paid": ({"status": Status.PAID, "paid_at": AT}, DUE),
    "cancelled": ({"status": Status.CANCELLED, "cancelled_at": AT}, DUE),
}
WIDTHS, SCHEMES = (375, 1024), ("light", "dark")
PICTURES = {
    "the-page-375-light.png": ("open", "fr_CA", 375, "light"),
    "the-page-1024-dark.png": ("overdue", "en_CA", 1024, "dark"),
}


def invoice_in(written_in: str, **changes: Any) -> Invoice:
    """The invoice of a client of that language."""
    invoice = Invoice(
        UUID(int=1),
        "F-000214",
        InvoiceType.ONE_TIME,
        AGENCY.slug,
        Client("Zoé Tremblay", "zoe@exemple.ca"),
        Money(125_000, "CAD"),
        DUE,
        TEXTS[written_in][0],
        FILES,
        written_in,
        Status.OPEN,
        AT,
    )
    return evolve(invoice, **changes)


def page_in(state: str, written_in: str, **shown: Any) -> PaymentPage:
    """The page of an invoice in that state, of a client of that language; `shown` are values of either."""
    changes, today = dict(STATES[state][0]), STATES[state][1]
    asked: dict[str, Any] = {"today": today, "checkout_url": CHECKOUT}
    if state == "cancelled":
        changes["cancel_reason"] = TEXTS[written_in][1]
    for name, value in shown.items():
        (changes if name in fields_dict(Invoice) and name != "locale" else asked)[name] = value
    return payment_page(invoice_in(written_in, **changes), agency=AGENCY, **asked)


def html_of(page: PaymentPage) -> str:
    """The whole page, with addresses as a host gives them."""
    return page.to_html(file_url=lambda file: f"/fichiers/{file.id}", language_url=lambda to: f"?langue={to}")


def _draw(browser: Any, picture: Path, state: str, locale: str, width: int, scheme: str) -> None:
    page = browser.new_page(viewport={"width": width, "height": 200}, color_scheme=scheme)
    page.set_content(html_of(page_in(state, locale)))
    page.screenshot(path=picture, full_page=True)
    page.close()


if __name__ == "__main__":
    every = {f"{'-'.join(map(str, look))}.png": look for look in product(STATES, TEXTS, WIDTHS, SCHEMES)}
    folder, looks = (Path(sys.argv[1]), every) if sys.argv[1:] else (ROOT / "docs" / "pictures", PICTURES)
    with running() as chromium:
        for name, look in looks.items():
            _draw(chromium, folder / name, *look)
