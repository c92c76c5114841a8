"""The French pages have French typography, as the catalogs have."""

import re
from pathlib import Path

import pytest

from .typography import faults

PAGES = sorted((Path(__file__).parent.parent / "docs" / "fr").glob("*.md"))
NOT_PROSE = re.compile(r"^```.*?^```$|`[^`]*`|\]\([^)]*\)|https?://\S+", re.DOTALL | re.MULTILINE)


def prose(markdown: str) -> str:
    """The sentences of a page, each paragraph on one line, without its code and its addresses."""
    return re.sub(r"\s*\n\s*", "\n", re.sub(r"(?<=\S)\n {0,3}(?=[^\s|#*-])", " ", NOT_PROSE.sub("x", markdown)))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_french_page_has_french_typography(page: Path) -> None:
    """Québec's: a no-break space before a colon and inside guillemets, none before ; ! ?."""
    lines = prose(page.read_text(encoding="utf-8")).splitlines()
    assert [(line, fault) for line in lines for fault in faults(line, "fr_CA")] == []


@pytest.mark.parametrize("wrong", ["Voici :", "« oui »", "Quoi ?", "l'été", "Attendez...", "Créez trois\nrôles : un"])
def test_a_fault_in_a_page_is_caught(wrong: str) -> None:
    """In a line, and where a line was broken."""
    assert list(faults(prose(f"Texte.\n\n{wrong}\n"), "fr_CA"))
