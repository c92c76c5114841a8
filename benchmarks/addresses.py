"""Checking an address of the usual kind, against the regular expression that HTML gives for e-mail inputs.

The expression takes « zoe@exemple », « a@b.test » and « zoe..t@exemple.ca », and refuses « zoe@élan.ca ».
"""

import random
from itertools import product

from email_validator import validate_email

from handmade import ADDRESS
from indiopay.email_address import check_address
from rounds import measure, show

REPEAT = 10
NAMES = ("zoe", "noel.gagne", "Marie-Eve_Cote", "j.o'neil+factures", "comptes-payables2027")
DOMAINS = ("exemple.ca", "Courrier.exemple.ca", "assurances-du-nord.example.com", "x1.photography", "mail.gouv.qc.ca")

_lots = random.Random(254)  # noqa: S311  # the same addresses in every run
TYPED = [f"{name}{_lots.randrange(1000)}@{domain}" for name, domain in product(NAMES, DOMAINS) for _ in range(8)]


def by_email_validator(text: str) -> str:
    found = validate_email(text, check_deliverability=False, allow_smtputf8=False, strict=True)
    return f"{found.local_part}@{found.domain}"


def main(rounds: int = 21) -> None:
    assert all(map(ADDRESS.fullmatch, TYPED))
    assert list(map(check_address, TYPED)) == list(map(by_email_validator, TYPED))
    variants = {
        "HTML's regular expression": lambda: [ADDRESS.fullmatch(text) for text in TYPED],
        "check_address": lambda: [check_address(text) for text in TYPED],
        "email-validator": lambda: [by_email_validator(text) for text in TYPED],
    }
    seconds = measure(variants, rounds=rounds, repeat=REPEAT)
    title = "check an address"
    show(title, "5", seconds, reference="HTML's regular expression", repeat=REPEAT * len(TYPED))


if __name__ == "__main__":
    main()
