"""What French typography asks of a text, and where a text does not heed it."""

import re
from collections.abc import Iterator

RULES = {
    "a straight quote": re.compile("['\"]"),
    "a colon without a no-break space before it": re.compile("(?<!\u00a0):(?!//|[0-9])"),
    "a guillemet without a no-break space inside": re.compile("«(?!\u00a0)|(?<!\u00a0)»"),
    "three dots for an ellipsis": re.compile(r"\.\.\."),
    "two spaces": re.compile("[ \u00a0\u202f]{2}"),
    "a breaking space before a unit or a sign": re.compile(" [%$€:;!?»]"),
}
CLOSE = re.compile("[\\s][;!?]")
THIN = re.compile("(?<!\u202f)[;!?]")


def faults(text: str, locale: str) -> Iterator[str]:
    """Each rule that the text breaks. France sets a thin space before ";", "!" and "?"; Québec sets none."""
    yield from (rule for rule, broken in RULES.items() if broken.search(text))
    if locale == "fr_FR" and THIN.search(text):
        yield "no thin space before ; ! ?"
    if locale != "fr_FR" and CLOSE.search(text):
        yield "a space before ; ! ?"
