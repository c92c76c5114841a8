"""The languages that indiopay writes and reads, and what stands in for another."""

DEFAULT = "fr_CA"
SUPPORTED = ("fr_CA", "fr_FR", "fr_BE", "fr_CH", "fr", "en_CA", "en_US", "en_GB", "en")

_EXACT = {locale.lower(): locale for locale in SUPPORTED}


def supported_locale(locale: str) -> str:
    """The supported locale nearest to `locale`; fr_CA for another language.

    >>> supported_locale("fr-ca"), supported_locale("en_AU"), supported_locale("de")
    ('fr_CA', 'en', 'fr_CA')
    """
    wanted = locale.replace("-", "_").lower() if isinstance(locale, str) else ""
    language = wanted.partition("_")[0]
    return _EXACT.get(wanted) or _EXACT.get(language) or DEFAULT


def is_french(locale: str) -> bool:
    """Whether what is written for `locale` is French."""
    return supported_locale(locale).startswith("fr")
