"""The checks of a form as one would write them by hand, for one currency in one locale.

Amounts and dates have these few spellings, a name and a note are measured in NFC, control characters are refused.
Nothing looks for a second reading, blank names, bidi controls, lone surrogates, heaps of marks or another type, and
nothing holds what a person must be told: a ValueError is all, for the first thing wrong.
"""

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import NamedTuple
from unicodedata import normalize

from attrs import frozen

TODAY, LAST = date(2026, 11, 24), date(2036, 11, 24)

MONTHS = {"mars": 3, "août": 8, "décembre": 12}
AMOUNT = re.compile("([0-9]{1,3}(?:[ \u00a0][0-9]{3})*|[0-9]+)(?:,([0-9]{2}))?(?:[ \u00a0]\\$)?")
ISO = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
NAMED = re.compile("([0-9]{1,2})(?:er)? ([a-zéû]+) ([0-9]{4})")
TERM = re.compile("([0-9]{1,3}) jours?")
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
CONTROL_IN_NOTE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_LABEL = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
ADDRESS = re.compile(rf"[a-zA-Z0-9.!#$%&'*+/=?^_`{{|}}~-]+@{_LABEL}(?:\.{_LABEL})*")
"""HTML's own, for e-mail inputs."""


class Typed(NamedTuple):
    """What a person filled in."""

    amount: str
    due_date: str
    client_name: str
    client_email: str
    description: str


@frozen
class Amount:
    """A whole number of cents."""

    cents: int
    currency: str


@frozen
class Client:
    """Who is billed."""

    name: str
    email: str


@frozen
class Values:
    """What was read."""

    amount: Amount
    due_date: date
    client: Client
    description: str


def values(typed: Typed, check: Callable[[str], str]) -> Values:
    client = Client(name(typed.client_name), check(typed.client_email))
    return Values(Amount(cents(typed.amount), "CAD"), due_date(typed.due_date), client, note(typed.description))


def cents(text: str) -> int:
    found = AMOUNT.fullmatch(text.strip())
    whole, fraction = found.groups("00") if found else ("", "0")
    units = int("".join(whole.split()) + fraction)
    if not 0 < units < 10**14:
        raise ValueError("amount")
    return units


def due_date(text: str) -> date:
    text = text.strip()
    if ISO.fullmatch(text):
        day = date.fromisoformat(text)
    elif found := NAMED.fullmatch(text):
        day = date(int(found[3]), MONTHS.get(found[2], 0), int(found[1]))
    elif found := TERM.fullmatch(text):
        day = TODAY + timedelta(int(found[1]))
    else:
        raise ValueError("due_date")
    if not TODAY <= day <= LAST:
        raise ValueError("due_date")
    return day


def name(text: str) -> str:
    text = normalize("NFC", text.strip())
    if not 1 <= len(text) <= 200 or CONTROL.search(text):
        raise ValueError("client_name")
    return text


def note(text: str) -> str:
    text = normalize("NFC", text.replace("\r\n", "\n"))
    if len(text) > 5000 or CONTROL_IN_NOTE.search(text):
        raise ValueError("description")
    return text


def address(text: str) -> str:
    text = text.strip()
    if len(text) > 254 or not ADDRESS.fullmatch(text):
        raise ValueError("client_email")
    return text
