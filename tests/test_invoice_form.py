"""The form: read into the values of an invoice, or every problem at once."""

import io
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from attrs import fields

from indiopay import Agency, Client, InvoiceForm, InvoiceType, Money, Problem, Upload
from indiopay.attachment import CheckedFile
from indiopay.invoice_form import FormValues, fingerprint, read_form

from .conftest import TODAY, filled_in
from .corpus_files import cases

NO_FILES: tuple[tuple[CheckedFile, ...], tuple[Problem, ...]] = ((), ())
FILE = CheckedFile(0, "a.pdf", 3, "application/pdf", "00")


def read(agency: Agency, **changes: Any) -> FormValues | tuple[Problem, ...]:
    return read_form(filled_in(**changes), NO_FILES, agency=agency, today=TODAY)


def codes(agency: Agency, **changes: Any) -> list[tuple[str, str]]:
    found = read(agency, **changes)
    assert isinstance(found, tuple)
    return [(problem.field, problem.code) for problem in found]


def test_a_form_is_read_into_values(agency: Agency) -> None:
    """Each text becomes what it stands for; what was left out is the agency's."""
    form = filled_in(description="Note", send_by_email=True, locale="fr-fr", input_locale="")
    assert read_form(form, ((FILE,), ()), agency=agency, today=TODAY) == FormValues(
        Money(125000, "CAD"),
        date(2026, 4, 1),
        Client("Zoé Tremblay", "zoe@exemple.ca"),
        "Note",
        (FILE,),
        send_by_email=True,
        type=InvoiceType.ONE_TIME,
        locale="fr_FR",
    )


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"amount": None}, [("amount", "required")]),
        ({"amount": 12.5}, [("amount", "type")]),
        ({"amount": Money(1, "EUR")}, [("amount", "currency_mismatch")]),
        ({"due_date": 7}, [("due_date", "type")]),
        ({"client_name": None}, [("client_name", "type")]),
        ({"client_name": "zoe@exemple.ca"}, [("client_name", "looks_like_address")]),
        ({"client_email": 7}, [("client_email", "type")]),
        ({"description": None}, [("description", "type")]),
        ({"description": "x" * 5001}, [("description", "too_long")]),
        ({"send_by_email": "yes"}, [("send_by_email", "type")]),
        ({"type": "one_time"}, [("type", "type")]),
        ({"currency": 7}, [("currency", "type")]),
        ({"currency": ""}, [("currency", "required")]),
        ({"currency": "XAU"}, [("currency", "unknown")]),
        ({"currency": "XAU", "amount": ""}, [("amount", "required"), ("currency", "unknown")]),
        ({"currency": "XAU", "amount": "1,5,5"}, [("amount", "format"), ("currency", "unknown")]),
        ({"currency": "XAU", "amount": 0}, [("amount", "not_positive"), ("currency", "unknown")]),
        ({"currency": "XAU", "amount": "1,234"}, [("currency", "unknown")]),
        ({"currency": "XAU", "amount": "1,25"}, [("currency", "unknown")]),
        ({"currency": "XAU", "amount": "12"}, [("currency", "unknown")]),
        ({"locale": 0}, [("locale", "type")]),
        ({"locale": 7}, [("locale", "type")]),
        ({"input_locale": 7}, [("input_locale", "type")]),
    ],
)
def test_each_wrong_field_is_a_problem_of_that_field(
    agency: Agency, changes: dict[str, Any], wanted: list[tuple[str, str]]
) -> None:
    """Whatever its type, and no traceback."""
    assert codes(agency, **changes) == wanted


def test_problems_come_in_the_order_of_the_form(agency: Agency) -> None:
    """All of them, the files' too."""
    wrong = (Problem("files", "empty", index=1), Problem("files", "name", index=0))
    form = filled_in(amount="", due_date="hier", client_name="", client_email="", description=None, type=None)
    found = read_form(form, ((), wrong), agency=agency, today=TODAY)
    assert isinstance(found, tuple)
    order = [field.name for field in fields(InvoiceForm)]
    assert [problem.field for problem in found] == sorted((problem.field for problem in found), key=order.index)
    assert len(found) == 8


def test_amount_and_date_are_read_in_the_language_they_were_typed_in(agency: Agency) -> None:
    """`input_locale` is the typist's, `locale` the client's."""
    values = read(agency, amount="1,250.50", due_date="03/04/2026", input_locale="en_US", locale="fr_CA")
    assert isinstance(values, FormValues)
    assert (values.amount, values.due_date, values.locale) == (Money(125050, "CAD"), date(2026, 3, 4), "fr_CA")


def test_the_forms_currency_goes_before_the_agencys(agency: Agency) -> None:
    """A bill in euros from Québec."""
    values = read(agency, amount="12,50 €", currency="EUR")
    assert isinstance(values, FormValues)
    assert values.amount == Money(1250, "EUR")


@pytest.mark.parametrize("case", [case for case in cases("names") if "problem" in case["expect"]])
def test_a_name_that_cannot_be_kept_is_refused(agency: Agency, case: dict[str, Any]) -> None:
    """Every name of the corpus that has a problem, addresses among them."""
    assert codes(agency, client_name=case["input"]) == [("client_name", case["expect"]["problem"])]


def test_the_same_form_has_the_same_fingerprint() -> None:
    """Streams are known by what is in them."""
    first, again = (filled_in(files=[Upload("a.pdf", io.BytesIO(b"x"))]) for _ in range(2))
    assert fingerprint(first, (FILE,)) == fingerprint(again, (FILE,))


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": "1 250,0 $"},
        {"amount": Decimal("1250.00")},
        {"amount": 1250},
        {"amount": Money(125000, "CAD")},
        {"amount": Money(125000, "USD")},
        {"due_date": "31 jours"},
        {"due_date": date(2026, 4, 1)},
        {"client_name": "Zoé"},
        {"client_email": "Zoe@exemple.ca"},
        {"description": " "},
        {"send_by_email": True},
        {"currency": "CAD"},
        {"locale": "fr_CA"},
        {"input_locale": "fr_CA"},
    ],
)
def test_a_form_that_differs_in_one_field_has_another_fingerprint(changes: dict[str, Any]) -> None:
    """As typed, not as understood."""
    assert fingerprint(filled_in(**changes), (FILE,)) != fingerprint(filled_in(), (FILE,))


@pytest.mark.parametrize(
    "other",
    [
        (),
        (CheckedFile(0, "b.pdf", 3, "application/pdf", "00"),),
        (CheckedFile(0, "a.pdf", 3, "application/pdf", "01"),),
    ],
)
def test_a_form_that_differs_in_a_file_has_another_fingerprint(other: tuple[CheckedFile, ...]) -> None:
    """In its number, its name or one byte."""
    assert fingerprint(filled_in(), other) != fingerprint(filled_in(), (FILE,))


def test_a_text_that_no_invoice_can_hold_is_told_apart_by_its_hash() -> None:
    """A mebibyte is not spelled out."""
    long, other, like_it = "é" * 2**20, "é" * 2**20 + "\ud800", "é" * 2**20
    texts = [fingerprint(filled_in(description=text), ()) for text in (long, other, like_it)]
    assert texts[0] == texts[2] != texts[1]


def test_a_fingerprint_is_spelled_the_same_for_ever() -> None:
    """It is stored: no newer Python, and no newer version of ours, may spell it otherwise."""
    form = filled_in(
        amount=Decimal("12.50"),
        due_date=date(2026, 4, 1),
        client_name="Zoé",
        description="Merci \U0001fae8\n",
        send_by_email=True,
    )
    assert fingerprint(form, (FILE,)).hex() == "18e37ad73c7fb0fd4cd04c3faf98b27ba077a3998c3d8ac207b45cb9a4bb4546"


def test_a_form_shows_nothing_that_was_typed() -> None:
    """Forms end up in logs."""
    shown = repr(filled_in(description="secret", files=[Upload("Zoé.pdf", b"x")]))
    assert not any(word in shown for word in ("Zoé", "zoe@", "1 250", "secret", "30 jours"))
