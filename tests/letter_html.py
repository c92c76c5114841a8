"""What the HTML of a letter may be made of, as the page on the letter lists it; and what in it is something else."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "the-letter.md"
_REMOTE = re.compile(r"url\(|@import|expression\(|https?:", re.IGNORECASE)


def listed(kind: str) -> set[str]:
    """The names in the first column of the page's table of "Property", "Element" or "Attribute"."""
    _, _, table = PAGE.read_text(encoding="utf-8").partition(f"\n| {kind} |")
    rows = table.partition("\n\n")[0].splitlines()[2:]
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row.split("|")[1])}


class _Reader(HTMLParser):
    """Notes what is not on the lists."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._elements, self._attributes, self._properties = map(listed, ("Element", "Attribute", "Property"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self._elements:
            self.found.append(f"<{tag}>")
        for name, value in attrs:
            self.found += self._of_attribute(tag, name, value or "")

    def _of_attribute(self, tag: str, name: str, value: str) -> Iterator[str]:
        if name not in self._attributes:
            yield f"{tag} {name}="
        if (tag, name) != ("a", "href") and _REMOTE.search(value):
            yield f"{tag} {name}={value}"
        for declaration in value.split(";") if name == "style" else ():
            if declaration.strip() and declaration.partition(":")[0].strip() not in self._properties:
                yield declaration.strip()


def foreign(html: str) -> list[str]:
    """Every element, attribute and property that is not listed, and every address but a link's."""
    reader = _Reader()
    reader.feed(html)
    return reader.found
