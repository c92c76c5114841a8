"""Draws the pictures of the letter that its pages show: run it when the letter has changed, and look at them."""

import sys
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.browser import running  # noqa: E402  # the tests stand in the folder above

from indiopay import Agency, Attachment, Client, Invoice, InvoiceType, Money, Status  # noqa: E402  # the tests stand in the folder above
from indiopay.letters import letter_values  # noqa: E402  # the tests stand in the folder above
from indiopay.templates import environment  # noqa: E402  # the tests stand in the folder above

AT = datetime(2026, 3, 2, 15, tzinfo=UTC)
AGENCY = Agency("nord", "Assurances du Nord", "facturation@exemple.ca")
LINK = "https://factures.exemple.ca/payer/AcPm3v9Qk2XwT7LrZ8dYb5NhJ4sGfE1uKoV6iCtWqRjHxMyB"
PICTURES = {"the-letter-700-light.png": (700, "light", "fr_CA"), "the-letter-375-dark.png": (375, "dark", "en_CA")}
NOTES = {
    "fr_CA": "Prime annuelle de votre assurance habitation.\nÀ régler avant le renouvellement.",
    "en_CA": "Yearly premium of your home insurance.\nTo be paid before it is renewed.",
}


def html_in(locale: str) -> str:
    """The HTML of a letter in that language."""
    file = Attachment(UUID(int=5), "Police d’assurance habitation.pdf", 245_000, "application/pdf", "00")
    invoice = Invoice(
        UUID(int=1),
        "F-000214",
        InvoiceType.ONE_TIME,
        AGENCY.slug,
        Client("Zoé Tremblay", "zoe@exemple.ca"),
        Money(125_000, "CAD"),
        date(2026, 4, 1),
        NOTES[locale],
        (file,),
        locale,
        Status.OPEN,
        AT,
    )
    return environment().get_template("letter.html").render(letter_values(invoice, AGENCY, LINK, AT))


if __name__ == "__main__":
    with running() as browser:
        for name, (width, scheme, locale) in PICTURES.items():
            page = browser.new_page(viewport={"width": width, "height": 200}, color_scheme=scheme)
            page.set_content(html_in(locale))
            page.screenshot(path=ROOT / "docs" / "pictures" / name, full_page=True)
            page.close()
