"""The letter in mail clients: a listed subset of HTML and CSS, readable on any screen; its link is found whole."""

from collections.abc import Iterator
from datetime import date
from email import message_from_bytes, policy
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from django.utils.html import urlize
from draw_letters import PICTURES
from hypothesis import given, strategies as st
from linkify_it import LinkifyIt  # type: ignore[import-untyped]  # it has no types

from indiopay import Client
from indiopay.languages import SUPPORTED
from indiopay.letters import letter_values
from indiopay.links import url_template
from indiopay.templates import environment

from .browser import running
from .letter_html import PAGE, foreign
from .test_letters import AGENCY, FILE, INVOICE, LINK, NOW, raw, text_of

pytestmark = pytest.mark.no_cover  # it goes over and over what other tests cover

LONG = {
    "invoice": evolve(
        INVOICE,
        client=Client("W" * 200, "zoe@exemple.ca"),
        description="x" * 500 + "\n" + "mot " * 200,
        attachments=(evolve(FILE, name="f" * 120 + ".csv"),),
    ),
    "agency": evolve(AGENCY, name="N" * 200),
}
BARE = {"invoice": evolve(INVOICE, description="", attachments=())}
LATE = {"invoice": evolve(INVOICE, due_date=date(2026, 2, 1))}
LETTERS: dict[str, dict[str, Any]] = {"usual": {}, "long": LONG, "bare": BARE, "late": LATE}


def html_of(**changes: Any) -> str:
    message: Any = message_from_bytes(raw(**changes), policy=policy.default)
    return text_of(message, "html")


# --- the subset


@pytest.mark.parametrize("locale", SUPPORTED)
@pytest.mark.parametrize("name", LETTERS)
def test_a_letter_is_made_of_what_is_known_to_hold(name: str, locale: str) -> None:
    """In every language, with and without what may be left out."""
    changes = LETTERS[name]
    invoice = evolve(changes.get("invoice", INVOICE), locale=locale)
    assert foreign(html_of(**{**changes, "invoice": invoice})) == []


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        ('<div style="display: flex; gap: 1em">', "gap: 1em"),
        ('<div style="background-image: url(x.png)">', "background-image: url(x.png)"),
        ('<td style="color: url(x)">', "td style=color: url(x)"),
        ('<img src="https://exemple.ca/x.png">', "<img>"),
        ("<script>", "<script>"),
        ("<style>", "<style>"),
        ('<link href="x.css">', "<link>"),
        ('<table background="https://exemple.ca/x.png">', "table background="),
        ('<a onclick="x()">', "a onclick="),
        ('<form action="x">', "<form>"),
    ],
)
def test_what_does_not_hold_is_caught(planted: str, found: str) -> None:
    """The search above has been seen to find."""
    assert found in foreign(html_of().replace("</body>", planted + "</body>"))


def test_the_two_pages_list_the_same() -> None:
    """What the English page lists, the French one does."""
    english, french = (PAGE.parent / name for name in ("the-letter.md", "fr/le-courriel-de-facture.md"))
    rows = [
        [row.split("|")[1] for row in page.read_text().splitlines() if row.startswith("| `")]
        for page in (english, french)
    ]
    assert rows[0] == rows[1]


# --- the link


TOKENS = st.text("ABCDEFabcdef0123456789_", min_size=47, max_size=47).map(lambda text: text + "A")
PAGES = st.sampled_from(
    [
        "https://factures.exemple.ca/payer/",
        "https://exemple.ca/payer?jeton={token}",
        "https://exemple.ca/p?a=1&jeton={token}&b=2",
        "https://exämple.ca/payer/",
        "http://localhost:8000/payer/",
    ]
)


def finders(link: str, text: str) -> list[bool]:
    """Whether each of two libraries makes a link of all of it, and of no more."""
    found = [match.url for match in LinkifyIt().match(text) or () if match.text == link]
    return [found == [link], f">{link.replace('&', '&amp;')}</a>" in urlize(text, autoescape=True)]


@given(TOKENS, PAGES)
def test_two_linkifiers_find_the_link_whole_in_the_text(token: str, page: str) -> None:
    """Alone on its line, to its last character."""
    link = url_template(page).replace("{token}", token)
    values = letter_values(INVOICE, AGENCY, link, NOW)
    text = environment().get_template("letter.txt").render(values)
    assert link in text.splitlines()
    assert finders(link, text) == [True, True]


@pytest.mark.parametrize("written", ["{}x", "{}/", "a{}", "{:.60}\n{:.1}"])
def test_a_link_that_is_not_whole_is_caught(written: str) -> None:
    """The search above has been seen to find none."""
    assert finders(LINK, written.format(LINK, LINK)) == [False, False]


# --- as it is seen

WIDTHS, SCHEMES = (320, 375, 700), ("light", "dark")
_CONTRASTS = """() => {
    const probe = document.createElement('div');
    probe.style.cssText = 'background: Canvas; color: CanvasText';
    document.body.append(probe);
    const ground = getComputedStyle(probe).backgroundColor;
    probe.remove();
    const parts = text => text.match(/[0-9.]+/g).map(Number);
    const light = text => {
        const linear = c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
        const [r, g, b] = parts(text).map(c => linear(c / 255));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = element => {
        for (; element; element = element.parentElement) {
            const colour = getComputedStyle(element).backgroundColor;
            if (parts(colour)[3] !== 0) return colour;
        }
        return ground;
    };
    const says = element => [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
    return [...document.querySelectorAll('td, a, b')].filter(says).map(e => {
        const [low, high] = [light(getComputedStyle(e).color), light(behind(e))].sort((a, b) => a - b);
        return (high + 0.05) / (low + 0.05);
    });
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with running() as chromium:
        yield chromium


@pytest.fixture(scope="module", params=product(WIDTHS, SCHEMES), ids=lambda both: f"{both[0]} {both[1]}")
def screen(browser: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A page so wide, in light or dark."""
    width, scheme = request.param
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("name", LETTERS)
def test_a_letter_can_be_read_on_any_screen(screen: Any, name: str) -> None:
    """Nothing sticks out, every text stands out, and the button is as big as a finger."""
    screen.set_content(html_of(**LETTERS[name]))
    assert screen.evaluate("document.documentElement.scrollWidth") <= screen.viewport_size["width"]
    assert min(screen.evaluate(_CONTRASTS)) >= 4.5
    assert screen.locator("a").first.bounding_box()["height"] >= 44
    assert not screen.locator("div").first.is_visible()


def test_a_letter_that_sticks_out_or_fades_is_caught(screen: Any) -> None:
    """The measures above have been seen to fail."""
    broken = html_of(**LONG).replace("word-break: break-word;", "").replace("14px 28px", "4px 28px")
    screen.set_content(broken.replace("#ffffff", "#3b84c4").replace("display: none", ""))
    assert screen.evaluate("document.documentElement.scrollWidth") > screen.viewport_size["width"]
    assert min(screen.evaluate(_CONTRASTS)) < 4.5
    assert screen.locator("a").first.bounding_box()["height"] < 44
    assert screen.locator("div").first.is_visible()


@pytest.mark.parametrize("planted", ["", "http://127.0.0.1:9/x.png"])
def test_a_letter_loads_nothing(browser: Any, planted: str) -> None:
    """Nobody learns when it is read; a picture planted in it is seen to be asked for."""
    asked: list[str] = []
    page = browser.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.set_content(html_of() + (planted and f'<img src="{planted}">'))
    page.close()
    assert asked == [planted] * bool(planted)


@pytest.mark.parametrize("name", PICTURES)
def test_the_pictures_of_the_pages_are_there(name: str) -> None:
    """Small enough to load at once; `docs/draw_letters.py` draws them anew."""
    picture = Path(PAGE.parent / "pictures" / name).read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) < 60_000


def test_the_link_stands_twice_in_the_html() -> None:
    """As a button and as text."""
    html = html_of()
    assert (html.count(f'href="{LINK}"'), html.count(f">{LINK}<")) == (2, 1)
