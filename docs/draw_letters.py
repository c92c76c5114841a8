"""Draws the pictures of the letter that its pages show: run it when the letter has changed, and look at them."""

from draw_pages import AGENCY, AT, FILES, ROOT, invoice_in  # it finds the tests in the folder above
from tests.browser import running

from indiopay.letters import letter_values
from indiopay.templates import environment

LINK = "https://factures.exemple.ca/payer/AcPm3v9Qk2XwT7LrZ8dYb5NhJ4sGfE1uKoV6iCtWqRjHxMyB"
PICTURES = {"the-letter-700-light.png": (700, "light", "fr_CA"), "the-letter-375-dark.png": (375, "dark", "en_CA")}


def html_in(locale: str) -> str:
    """The HTML of a letter in that language."""
    invoice = invoice_in(locale, attachments=FILES[:1])
    return environment().get_template("letter.html").render(letter_values(invoice, AGENCY, LINK, AT))


if __name__ == "__main__":
    with running() as browser:
        for name, (width, scheme, locale) in PICTURES.items():
            page = browser.new_page(viewport={"width": width, "height": 200}, color_scheme=scheme)
            page.set_content(html_in(locale))
            page.screenshot(path=ROOT / "docs" / "pictures" / name, full_page=True)
            page.close()
