"""The languages that indiopay writes and reads, how each writes numbers, and what stands in for another."""

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple


class Customs(NamedTuple):
    """How people who write in a locale read figures.

    `grouping` is which of "," and "." groups digits when it stands alone; the other one is then the decimal sign. It
    is None where spaces group, so that either may be a decimal sign. `date_order` is what stands first in 03/04/2027.
    """

    grouping: Literal[",", "."] | None
    date_order: Literal["day", "month", "either"]


CUSTOMS: Mapping[str, Customs] = {
    "fr_CA": Customs(None, "either"),
    "fr_FR": Customs(None, "day"),
    "fr_BE": Customs(None, "day"),
    "fr_CH": Customs(None, "day"),
    "fr": Customs(None, "day"),
    "en_CA": Customs(",", "either"),
    "en_US": Customs(",", "month"),
    "en_GB": Customs(",", "day"),
    "en": Customs(",", "either"),
}
SUPPORTED = tuple(CUSTOMS)
DEFAULT = "fr_CA"

_EXACT = {spelled: locale for locale in SUPPORTED for spelled in (locale, locale.lower())}
_LONGEST = 64
_BETWEEN = re.compile("[^a-z0-9]")


def supported_locale(locale: str, otherwise: str = DEFAULT) -> str:
    """The supported locale nearest to `locale`; `otherwise` for another language.

    >>> supported_locale("fr-ca"), supported_locale("en_AU"), supported_locale("de")
    ('fr_CA', 'en', 'fr_CA')
    """
    if not isinstance(locale, str):
        return otherwise
    exact = _EXACT.get(locale)
    if exact is not None:
        return exact
    language, *others = _BETWEEN.split(locale[:_LONGEST].lower())
    regions = (_EXACT.get(f"{language}_{other}") for other in others)
    return next(filter(None, regions), None) or _EXACT.get(language) or otherwise


def is_french(locale: str) -> bool:
    """Whether what is written for `locale` is French."""
    return supported_locale(locale).startswith("fr")
