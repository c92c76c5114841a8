"""An amount that goes in comes out to the cent, by every way out."""

from collections.abc import Callable
from email import message_from_bytes, policy
from itertools import cycle
from typing import Any

import pytest

from indiopay import InvoiceDesk, Money
from indiopay.mailers.memory import MemoryMailer
from indiopay.stores.memory import MemoryStore

from .conftest import filled_in, token_of

LARGEST = {"CAD": 10**14 - 1, "JPY": 10**12 - 1, "TND": 10**15 - 1}  # with two decimals, with none, with three
AWKWARD = (1, 29, 115, 1999, 113_900, 700_000_000_003)  # as floats, 0.29 or 1.15 times 100 is no integer


@pytest.mark.parametrize("currency", LARGEST)
def test_an_amount_is_the_same_in_store_list_total_letter_page_and_record(
    open_desk: Callable[..., InvoiceDesk], mailer: MemoryMailer, currency: str
) -> None:
    """Typed as it is written, then read back from each of them."""
    desk, total = open_desk(), 0
    for units, locale in zip((*AWKWARD, LARGEST[currency]), cycle(("fr_CA", "en_CA", "fr_FR")), strict=False):
        amount = Money(units, currency)
        typed = {"amount": amount.format(locale), "currency": currency, "input_locale": locale, "locale": locale}
        invoice = desk.create(filled_in(**typed, send_by_email=True))
        total += units
        page = desk.payment_page(token_of(desk.link(invoice.id)))
        record: Any = list(desk.export_records())[-1]
        letter = message_from_bytes(mailer.sent[-1].message, policy=policy.default).get_body(("plain",))
        assert letter is not None
        assert invoice.amount == desk.get(invoice.id).amount == desk.list(limit=1).items[0].amount == amount
        assert desk.totals().open[currency] == Money(total, currency)
        assert Money.parse(page.amount_text, currency=currency, locale=locale) == page.amount == amount
        assert amount.format(locale) in letter.get_content()
        assert amount.format(locale) in page.to_html(file_url=str)
        assert record["invoice"]["amount"] == {"minor_units": units, "currency": currency}
    moved = open_desk(store=MemoryStore())
    moved.import_records(desk.export_records())
    assert moved.totals() == desk.totals()
