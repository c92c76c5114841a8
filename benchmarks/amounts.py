"""Writing an amount in fr_CA, against an f-string that writes that very text; reading one, against the best peer.

Read are only texts that every peer reads right. Babel, even strict, takes « NaN », « 1e3 », « 1_000 » and « 007 »,
reads « 1,234 » as 1.234, and refuses « 1 250,50 $ ». price-parser takes « 12 34,5 » and « 1,23,456 », and reads « 1e3 »
as 1 and « -5 » as 5: it finds a number in any text, so it stands beside Babel and is no goal. Both give a Decimal,
which is not yet whole minor units.
"""

import random

from babel import Locale
from babel.numbers import format_currency, parse_decimal
from moneyed import Money as PyMoney
from moneyed.l10n import format_money
from price_parser import Price

from indiopay import Money
from rounds import measure, show

REPEAT = 10
BEST = "Babel strict, a Locale kept"
FR_CA = Locale.parse("fr_CA")

_lots = random.Random(125050)  # noqa: S311  # the same amounts in every run
AMOUNTS = [Money(_lots.randrange(1, 10 ** _lots.randint(2, 8)), "CAD") for _ in range(200)]
DECIMALS = [money.amount for money in AMOUNTS]
PY_MONEYS = [PyMoney(amount, "CAD") for amount in DECIMALS]


def by_hand(money: Money) -> str:
    """What a person would write who needs this one currency in this one locale."""
    major, minor = divmod(money.minor_units, 100)
    whole = f"{major:,}".replace(",", "\u00a0")
    return f"{whole},{minor:02}\u00a0$"


def typed(money: Money) -> str:
    """As people type it: half of them with cents, a quarter with one decimal, a quarter whole."""
    text = by_hand(money).removesuffix("\u00a0$")
    return text.removesuffix(",00") if text.endswith(",00") else text.removesuffix("0")


ROUND = [1, 1, 10, 100]
READ = [Money(money.minor_units * ROUND[at % 4], "CAD") for at, money in enumerate(AMOUNTS)]
TYPED = list(map(typed, READ))
READ_DECIMALS = [money.amount for money in READ]


def ours(text: str) -> Money:
    return Money.parse(text, currency="CAD", locale="fr_CA")


def write(rounds: int) -> None:
    assert [money.format("fr_CA") for money in AMOUNTS] == list(map(by_hand, AMOUNTS))
    assert [format_currency(amount, "CAD", locale=FR_CA) for amount in DECIMALS] == list(map(by_hand, AMOUNTS))
    assert [format_money(money, locale="fr_CA") for money in PY_MONEYS] == list(map(by_hand, AMOUNTS))
    variants = {
        "f-string": lambda: [by_hand(money) for money in AMOUNTS],
        "Money.format": lambda: [money.format("fr_CA") for money in AMOUNTS],
        "Babel, a Locale kept": lambda: [format_currency(amount, "CAD", locale=FR_CA) for amount in DECIMALS],
        "Babel, the locale's name": lambda: [format_currency(amount, "CAD", locale="fr_CA") for amount in DECIMALS],
        "py-moneyed": lambda: [format_money(money, locale="fr_CA") for money in PY_MONEYS],
    }
    seconds = measure(variants, rounds=rounds, repeat=REPEAT)
    show("write an amount, fr_CA", "1.5", seconds, reference="f-string", repeat=REPEAT * len(AMOUNTS))


def read(rounds: int) -> None:
    assert list(map(ours, TYPED)) == READ
    assert [parse_decimal(text, locale=FR_CA, strict=True) for text in TYPED] == READ_DECIMALS
    assert [Price.fromstring(text, decimal_separator=",").amount for text in TYPED] == READ_DECIMALS
    peers = {
        BEST: lambda: [parse_decimal(text, locale=FR_CA, strict=True) for text in TYPED],
        "Babel strict, the locale's name": lambda: [parse_decimal(text, locale="fr_CA", strict=True) for text in TYPED],
        "price-parser": lambda: [Price.fromstring(text, decimal_separator=",").amount for text in TYPED],
    }
    seconds = measure({**peers, "Money.parse": lambda: [ours(text) for text in TYPED]}, rounds=rounds, repeat=REPEAT)
    goal = "0.5 of the best peer that reads a grammar"
    show("read an amount, fr_CA", goal, seconds, reference=BEST, repeat=REPEAT * len(TYPED))


def main(rounds: int = 21) -> None:
    write(rounds)
    read(rounds)


if __name__ == "__main__":
    main()
