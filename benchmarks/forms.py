"""Checking a whole form without a fault, against the checks that one would write by hand, and against pydantic.

`handmade` says what the checks by hand leave out; in pydantic they are the same, but for the address. Ours is judged
beside the address: what is by hand is given our `check_address` there, and is the reference.
"""

import random
from datetime import date
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, EmailStr, StringConstraints

import handmade
from addresses import TYPED as ADDRESSES
from handmade import TODAY, Typed
from indiopay import Agency, InvoiceForm
from indiopay.email_address import check_address
from indiopay.invoice_form import FormValues, read_form
from rounds import measure, show

REPEAT = 5
AGENCY = Agency("nord", "Assurances du Nord", "facturation@exemple.ca")
AMOUNTS = ("1 250,50 $", "89,95", "12\u00a0400,00\u00a0$", "450")
DATES = ("2027-03-15", "1er mars 2027", "31 décembre 2026", "5 août 2028", "30 jours")
NAMES = ("Zoé Tremblay", "Noël Gagné", "Jean Dubois", "Marie-Ève Côté-L’Heureux", "9123-4567 Québec inc.")
NOTES = (
    "",
    "Renewal of your home insurance, first of two payments.",
    "Prime annuelle de votre assurance habitation.\r\nÀ régler avant le renouvellement.",
    """Bonjour,

Voici la prime de votre assurance automobile, du 1er mars au 31 août, avec les deux avenants demandés en décembre.
Écrivez-nous si l’adresse du véhicule a changé.

Merci de votre confiance !
""",
)
_lots = random.Random(5000)  # noqa: S311  # the same forms in every run
TYPED = [Typed(*map(_lots.choice, (AMOUNTS, DATES, NAMES, ADDRESSES, NOTES))) for _ in range(200)]
FORMS = [
    InvoiceForm(form.amount, form.due_date, form.client_name, form.client_email, form.description) for form in TYPED
]
POSTED = [form._asdict() for form in TYPED]


class Model(BaseModel):
    """The same checks in pydantic."""

    model_config = ConfigDict(frozen=True)

    amount: Annotated[int, BeforeValidator(handmade.cents)]
    due_date: Annotated[date, BeforeValidator(handmade.due_date)]
    client_name: Annotated[str, AfterValidator(handmade.name)]
    client_email: Annotated[str, StringConstraints(pattern=f"^{handmade.ADDRESS.pattern}$", max_length=254)]
    description: Annotated[str, AfterValidator(handmade.note)]


class ModelWithEmailStr(Model):
    """With pydantic's own kind of address, which asks email-validator."""

    client_email: EmailStr


def our_address(text: str) -> str:
    read = check_address(text)
    assert isinstance(read, str)
    return read


def ours(form: InvoiceForm) -> FormValues:
    read = read_form(form, ((), ()), agency=AGENCY, today=TODAY)
    assert isinstance(read, FormValues)
    return read


def told(values: FormValues | handmade.Values) -> tuple[object, ...]:
    """What both kinds of values tell."""
    money = values.amount
    units = money.cents if isinstance(money, handmade.Amount) else money.minor_units
    client = values.client
    return units, money.currency, values.due_date, client.name, client.email, values.description


def main(rounds: int = 21) -> None:
    assert [told(ours(form)) for form in FORMS] == [told(handmade.values(form, our_address)) for form in TYPED]
    with_our_address = "by hand, with check_address"
    seconds = measure(
        {
            "by hand": lambda: [handmade.values(form, handmade.address) for form in TYPED],
            with_our_address: lambda: [handmade.values(form, our_address) for form in TYPED],
            "read_form": lambda: [ours(form) for form in FORMS],
            "pydantic, the regular expression": lambda: [Model.model_validate(form) for form in POSTED],
            "pydantic, EmailStr": lambda: [ModelWithEmailStr.model_validate(form) for form in POSTED],
        },
        rounds=rounds,
        repeat=REPEAT,
    )
    repeat = REPEAT * len(FORMS)
    beside = {name: seconds[name] for name in (with_our_address, "read_form")}
    show("check a form, beside the address", "2", beside, reference=with_our_address, repeat=repeat)
    show("check a form, address and all", "none", seconds, reference="by hand", repeat=repeat)


if __name__ == "__main__":
    main()
