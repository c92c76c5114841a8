"""The supported locales, and what stands in for another."""

from enum import StrEnum
from typing import Any

import pytest

from indiopay.languages import SUPPORTED, is_french, supported_locale


@pytest.mark.parametrize("locale", SUPPORTED)
def test_a_supported_locale_stands_for_itself_however_it_is_spelled(locale: str) -> None:
    """With a hyphen or an underscore, in any case."""
    assert {supported_locale(spelled) for spelled in (locale, locale.lower(), locale.replace("_", "-"))} == {locale}


@pytest.mark.parametrize(
    ("locale", "nearest"),
    [
        ("en_AU", "en"),
        ("fr_LU", "fr"),
        ("de_DE", "fr_CA"),
        ("", "fr_CA"),
        ("frr", "fr_CA"),
        ("fr_CA.UTF-8", "fr_CA"),
        ("fr-Latn-CH", "fr_CH"),
        ("en_US@posix", "en_US"),
        ("fr_FR ", "fr_FR"),
        ("../../etc/passwd", "fr_CA"),
    ],
)
def test_another_locale_falls_back_to_its_language_or_to_quebec(locale: str, nearest: str) -> None:
    """Never an error, never a file's name."""
    assert supported_locale(locale) == nearest


@pytest.mark.parametrize("locale", ["de", "", None, 7])
def test_another_fallback_may_be_asked_for(locale: Any) -> None:
    """A page's is its client's language."""
    assert (supported_locale(locale), supported_locale(locale, "en_CA")) == ("fr_CA", "en_CA")
    assert supported_locale("fr-ch", "en_CA") == "fr_CH"


def test_what_is_written_for_another_language_is_french() -> None:
    """The fallback is fr_CA."""
    assert (is_french("fr-ch"), is_french("de"), is_french("en_GB")) == (True, True, False)


class Chosen(StrEnum):
    """A host's own list of languages."""

    ENGLISH = "en"


def test_a_locale_of_a_hosts_own_type_is_the_text_that_it_stands_for() -> None:
    """So that no key and no path is made of anything else."""
    assert type(supported_locale(Chosen.ENGLISH)) is str
    assert supported_locale("é" * 2**20) == "fr_CA"
