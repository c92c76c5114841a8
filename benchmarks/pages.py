"""The payment page: its values against ones that are written by hand, its HTML against Jinja2 alone.

By hand and with Jinja2 alone, every text stands ready: nothing is worded, formatted or hashed. The same HTML comes out.
"""

from datetime import date
from functools import partial
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from attrs import evolve, fields
from babel.dates import format_date
from babel.numbers import format_currency

from indiopay import Agency, Attachment, PaymentPage
from indiopay.messages import file_kind, file_size, label, say
from indiopay.payment_page import payment_page
from indiopay.templates import environment, page_style
from rounds import Variant, measure, show
from samples import NOW, TODAY, new_invoice

REPEAT = 300
AGENCY = Agency("nord", "Assurances générales du Nord", "facturation@exemple.ca")
FILES = (
    Attachment(UUID(int=5), "Garanties détaillées.pdf", 48_211, "application/pdf", "ab" * 32),
    Attachment(UUID(int=6), "Avenant.docx", 18_500, "application/octet-stream", "ab" * 32),
)
INVOICE = evolve(new_invoice(b"3").numbered(42, NOW).invoice, attachments=FILES, due_date=date(2026, 12, 1))
CHECKOUT = "https://paiement.exemple.ca/session"
BY_HAND, ALONE = "by hand, of texts that stand ready", "Jinja2 alone, of texts that stand ready"


def values() -> PaymentPage:
    return payment_page(INVOICE, agency=AGENCY, today=TODAY, checkout_url=CHECKOUT)


def html(page: PaymentPage) -> str:
    return page.to_html(file_url=lambda file: f"/f/{file.id}", language_url=lambda locale: f"?l={locale}")


def values_and_html() -> str:
    return html(values())


def values_by_hand() -> PaymentPage:
    return PaymentPage(**READY)


def values_by_babel() -> PaymentPage:
    """The amount and the due date as one writes them who asks Babel at each call; the rest stands ready."""
    amount = format_currency(INVOICE.amount.amount, "CAD", locale="fr_CA")
    due = format_date(INVOICE.due_date, "long", locale="fr_CA").replace("1 ", "1er ", 1)
    return PaymentPage(**{**READY, "amount_text": amount, "due_date_text": due})


def _ready() -> dict[str, Any]:
    return {str(each.alias): getattr(values(), each.name) for each in fields(PaymentPage)}


def _prepared() -> dict[str, Any]:
    """All that the template asks for, ready to be put in."""
    page = values()
    said = {key: say(f"page.{key}", "fr_CA") for key in ("amount", "due", "billed_to", "files", "download", "contact")}
    said |= {"heading": say("page.heading", "fr_CA", number=page.number)}
    said |= {"pay": say("page.pay", "fr_CA", amount=page.amount_text)}
    files = [
        {"name": each.name, "url": f"/f/{each.id}", "kind": file_kind(each.name, "fr_CA"), "size": size}
        for each, size in ((file, file_size(file.size, "fr_CA")) for file in FILES)
    ]
    return {
        "page": SimpleNamespace(**_ready()),
        "style": page_style(environment()),
        "lang": "fr-CA",
        "note_lang": "fr-CA",
        "say": lambda key, **_: said[key.removeprefix("page.")],
        "label": {"description": label("description", "fr_CA")}.__getitem__,
        "files": files,
        "switch": {"lang": "en-CA", "url": "?l=en_CA", "name": say("language", "en_CA")},
    }


READY = _ready()


def main(rounds: int = 31) -> None:
    page, prepared = values(), _prepared()
    template = environment().get_template("page.html")
    alone: Variant = partial(template.render, prepared)
    assert values_by_hand() == values_by_babel() == page
    assert alone() == html(page)
    ways: dict[str, Variant] = {
        BY_HAND: values_by_hand,
        "payment_page": values,
        "by hand, two texts by naive Babel": values_by_babel,
    }
    seconds = measure(ways, rounds=rounds, repeat=REPEAT)
    show("page: values", "none", seconds, reference=BY_HAND, repeat=REPEAT)
    ways = {ALONE: alone, "to_html": partial(html, page), "payment_page and to_html": values_and_html}
    seconds = measure(ways, rounds=rounds, repeat=REPEAT)
    show("page: HTML", "none", seconds, reference=ALONE, repeat=REPEAT)
    many = evolve(INVOICE, attachments=FILES * 5)
    more = payment_page(many, agency=AGENCY, today=TODAY, checkout_url=CHECKOUT)
    ways = {"to_html, 2 files": partial(html, page), "to_html, 10 files": partial(html, more)}
    seconds = measure(ways, rounds=rounds, repeat=REPEAT)
    show("page: HTML by its files", "none", seconds, reference="to_html, 2 files", repeat=REPEAT)


if __name__ == "__main__":
    main()
