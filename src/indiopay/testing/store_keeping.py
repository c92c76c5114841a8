"""What a store keeps: all that was given comes back, to the code point, the minor unit and the microsecond."""

# ruff: noqa: S101  # a duty asserts

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from indiopay.attachment import Attachment
from indiopay.invoice import Client, Idempotency, NewInvoice
from indiopay.invoice_form import DESCRIPTION_LIMIT
from indiopay.money import Money
from indiopay.ports import InvoiceStore
from indiopay.testing.store_samples import NOW, letter, new, payment, record
from indiopay.typed_amount import MAX_MAJOR_UNITS

_KEY = Idempotency("k", b"form")

_TEXTS = {
    "composed": "Zoé Noël Gagné",
    "combining": "Zoe\u0301 Noe\u0308l",
    "astral": "👩🏽\u200d💼 😀 𠮷野家",
    "right to left": "\u2067שמש\u2069 مرحبا",
    "quotes": "'O''Brien' \"L’été\" `a` « b »",
    "signs of query languages": r"100 % _ \ \\ \n ?1 :name $1 %s %(x)s {0} -- ; /* */",
    "spaces": "  a\u00a0b\tc\n\nd  ",
    "long": "Zoé 😀\n" * (DESCRIPTION_LIMIT // 6),
}
_AMOUNTS = [
    Money(units, currency)
    for currency, scale in (("JPY", 1), ("CAD", 100), ("TND", 1000))
    for units in (1, MAX_MAJOR_UNITS * scale - 1)
]
_DAYS = [  # by rising time, as no time of creation falls
    (date(1970, 1, 1), datetime(1999, 12, 31, 0, 0, 0, 1, tzinfo=UTC)),
    (date(2028, 2, 29), datetime(2028, 2, 29, 12, 0, tzinfo=UTC)),
    (date.max, datetime.max.replace(tzinfo=UTC)),
]


def _new_of(text: str, number: int) -> NewInvoice:
    file = Attachment(UUID(int=number + 9000), text, 2**40, "text/plain", "ab" * 32)
    key = Idempotency(text, b"form")
    return new(number, client=Client(text, text), description=text, attachments=(file,), idempotency=key)


class KeepingDuties:
    """What was given comes back, to the code point, the minor unit and the microsecond."""

    def test_a_new_invoice_is_there_with_all_that_came_with_it(self, store: InvoiceStore) -> None:
        """Invoice, link, history, letter and key come back as they were given."""
        kept = record(1, letter=letter(1), idempotency=_KEY)
        assert store.add("nord", new(1, letter=letter(1), idempotency=_KEY)) == kept.invoice
        assert store.get("nord", UUID(int=1)) == (kept.invoice, kept.link)
        assert store.by_link("nord", kept.link) == kept.invoice
        assert store.by_idempotency_key("nord", "k") == (kept.invoice, b"form")
        assert tuple(store.history("nord", UUID(int=1))) == kept.history
        assert tuple(store.deliveries("nord", UUID(int=1))) == kept.letters

    def test_any_text_comes_back_to_the_code_point(self, store: InvoiceStore) -> None:
        """Names, addresses, notes, file names and keys are kept as they are, in every script."""
        given = {name: _new_of(text, number) for number, (name, text) in enumerate(_TEXTS.items(), start=1)}
        whole = {name: one.numbered(number, NOW).invoice for number, (name, one) in enumerate(given.items(), start=1)}
        assert {name: store.add("nord", one) for name, one in given.items()} == whole
        found = {name: store.by_idempotency_key("nord", text) for name, text in _TEXTS.items()}
        assert found == {name: (invoice, b"form") for name, invoice in whole.items()}

    def test_any_reason_and_reference_comes_back_to_the_code_point(self, store: InvoiceStore) -> None:
        """On the invoice, and in its history."""
        for number, text in enumerate(_TEXTS.values(), start=1):
            cancelled = store.add("nord", new(number)).cancel(at=NOW, reason=text)
            paid = payment(store.add("nord", new(number + 100)), reference=text)
            for change in (cancelled, paid):
                store.apply("nord", change)
                invoice_id = change.invoice.id
                assert store.get("nord", invoice_id) == (change.invoice, new(invoice_id.int).link)
                assert store.history("nord", invoice_id)[-1] == change.entries[0]

    def test_any_amount_comes_back_to_the_minor_unit(self, store: InvoiceStore) -> None:
        """The smallest and the largest, in currencies of no, two and three decimals."""
        added = [store.add("nord", new(number, amount=amount)) for number, amount in enumerate(_AMOUNTS)]
        assert [invoice.amount for invoice in added] == _AMOUNTS
        assert [store.get("nord", invoice.id) for invoice in added] == [(i, new(i.id.int).link) for i in added]

    def test_any_time_comes_back_to_the_microsecond(self, store: InvoiceStore) -> None:
        """Days and times are kept however far away, and times stay in UTC."""
        for number, (due_date, at) in enumerate(_DAYS, start=1):
            added = store.add("nord", new(number, due_date=due_date, at=at))
            paid = payment(added, paid_at=at, at=at)
            store.apply("nord", paid)
            assert store.get("nord", added.id) == (paid.invoice, new(number).link)
            assert (added.due_date, added.created_at, added.created_at.utcoffset()) == (due_date, at, timedelta())
            assert {entry.at for entry in store.history("nord", added.id)} == {at}

    def test_files_keep_their_order(self, store: InvoiceStore) -> None:
        """Several files, or none, come back as they were given."""
        files = tuple(Attachment(UUID(int=n), f"{n}.csv", n, "text/csv", "cd" * 32) for n in (5, 3, 9, 1, 7))
        for number, attachments in enumerate((files, ()), start=1):
            added = store.add("nord", new(number, attachments=attachments))
            assert store.get("nord", added.id) == (added, new(number).link)
            assert added.attachments == attachments
