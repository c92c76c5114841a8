"""The brokerage (cabinet de courtage) that bills."""

import re
from collections.abc import Iterator
from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from attrs import field, frozen

from indiopay.email_address import check_address
from indiopay.errors import InvalidInputError
from indiopay.money import currency_problem
from indiopay.problems import Problem
from indiopay.text import one_line

_SLUG = re.compile(r"[a-z0-9-]{1,40}")


def _kept_name(name: str) -> str:
    read = one_line(name, field="name", limit=200)
    return name if isinstance(read, Problem) else read


def _kept_address(address: str) -> str:
    read = check_address(address, field="email")
    return address if isinstance(read, Problem) else read


@frozen
class Agency:
    """A brokerage. `slug` ([a-z0-9-]{1,40}) is its key in every store and must never change.

    `locale`, `currency` and `timezone` (an IANA name) are what its forms, pages and dates go by. A field that cannot
    be used is an `InvalidInputError` that names all of them.
    """

    slug: str
    name: str = field(repr=False, converter=_kept_name)
    email: str = field(repr=False, converter=_kept_address)
    locale: str = "fr_CA"
    currency: str = "CAD"
    timezone: str = "America/Toronto"

    def __attrs_post_init__(self) -> None:
        if problems := tuple(_problems(self)):
            raise InvalidInputError(problems)

    def local_date(self, at: datetime) -> date:
        """The civil date at the agency at that instant (aware)."""
        return at.astimezone(_zone(self.timezone)).date()


def _problems(agency: Agency) -> Iterator[Problem]:
    if not isinstance(agency.slug, str) or not _SLUG.fullmatch(agency.slug):
        yield Problem("slug", "format", _typed(agency.slug))
    for checked in (one_line(agency.name, field="name", limit=200), check_address(agency.email, field="email")):
        if isinstance(checked, Problem):
            yield checked
    if not isinstance(agency.locale, str):
        yield Problem("locale", "type")
    elif not agency.locale.strip():
        yield Problem("locale", "required")
    if problem := currency_problem(agency.currency):
        yield problem
    if not _is_zone(agency.timezone):
        yield Problem("timezone", "unknown", _typed(agency.timezone))


def _typed(value: object) -> dict[str, object]:
    return {"typed": value[:64]} if isinstance(value, str) else {}


@lru_cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _is_zone(name: object) -> bool:
    """ZoneInfo answers an unusable key with KeyError, ValueError or OSError, each for its own reason."""
    if not isinstance(name, str):
        return False
    try:
        _zone(name)
    except (KeyError, ValueError, OSError):
        return False
    return True
