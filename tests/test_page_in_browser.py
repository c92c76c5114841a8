"""The page in a real browser: read by anyone, on any screen; nothing that was typed runs, and nothing is loaded."""

import json
from collections.abc import Callable, Iterator
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from attrs import evolve
from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]  # it has no types
from draw_pages import AGENCY, CHECKOUT, FILES, PICTURES, ROOT, SCHEMES, STATES, html_of, page_in

from indiopay import Client, Invoice, Money, PaymentPage
from indiopay.languages import SUPPORTED
from indiopay.payment_page import payment_page

from .browser import running
from .page_server import NOTHING, Answer, serving
from .test_listing import invoice as some_invoice

pytestmark = pytest.mark.no_cover  # it goes over and over what other tests cover

PAGES = {f"/{state}/{locale}": (state, locale) for state, locale in product(STATES, ("fr_CA", "en_CA"))}
LONG: dict[str, Any] = {
    "client": Client("W" * 200, "zoe@exemple.ca"),
    "amount": Money(10**14 - 1, "CAD"),
    "description": "x" * 500 + "\n" + "mot " * 200,
    "attachments": (evolve(FILES[0], name="f" * 140 + ".pdf"), *FILES),
}


def long_page(locale: str) -> PaymentPage:
    """All that is shown is as long as may be."""
    agency = evolve(AGENCY, name="N" * 200, email=f"{'a' * 64}@{'b' * 60}.ca")
    invoice = evolve(some_invoice(due=date(2026, 4, 1)), **LONG)
    return payment_page(invoice, agency=agency, today=date(2026, 4, 2), locale=locale, checkout_url=CHECKOUT)


class Site(NamedTuple):
    """Pages that are served as a host serves them, and what may be put on it."""

    address: str
    pages: dict[str, Answer]

    def put(self, path: str, html: str, headers: Any) -> str:
        self.pages[path] = Answer({**headers, "Content-Length": str(len(html.encode()))}, [html.encode()])
        return self.address + path


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    pages: dict[str, Answer] = {}
    with serving(lambda path, _: pages.get(path, NOTHING)) as address:
        yield Site(address, pages)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with running() as chromium:
        yield chromium


class Tab:
    """A page of the browser, and all that it asked for, said and did."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.asked: list[str] = []
        self.said: list[str] = []
        self.ran: list[str] = []
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("console", lambda message: self.said.append(message.text))
        page.on("dialog", self._close)

    def _close(self, dialog: Any) -> None:
        self.ran.append(dialog.message)
        dialog.dismiss()


@pytest.fixture(scope="module")
def contexts(browser: Any) -> dict[bool, Any]:
    """With script and without."""
    return {script: browser.new_context(java_script_enabled=script) for script in (True, False)}


@pytest.fixture
def open_tab(contexts: dict[bool, Any]) -> Iterator[Callable[..., Tab]]:
    pages: list[Any] = []

    def open_(*, width: int = 1024, scheme: str = "light", script: bool = True) -> Tab:
        page = contexts[script].new_page()
        pages.append(page)
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=scheme)
        return Tab(page)

    yield open_
    for page in pages:
        page.close()


def served(site: Site, state: str = "open", locale: str = "fr_CA", **shown: Any) -> str:
    page = page_in(state, locale, **shown)
    return site.put(f"/{state}/{locale}", html_of(page), page.headers)


# --- for everyone

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def violations(page: Any) -> list[str]:
    """What axe-core, already there, finds against WCAG 2.2 AA, and against what it holds to be good."""
    options = json.dumps({"runOnly": TAGS, "resultTypes": ["violations"]})
    found = page.evaluate(f"axe.run({options}).then(r => r.violations.map(v => v.id))")
    return sorted(found)


@pytest.mark.parametrize(("locale", "width", "scheme"), [("fr_CA", 320, "dark"), ("en_CA", 1024, "light")])
def test_no_barrier_is_found(open_tab: Callable[..., Tab], locale: str, width: int, scheme: str) -> None:
    """In any state, light and dark, on a telephone and on a computer."""
    tab = open_tab(width=width, scheme=scheme)
    tab.page.evaluate(AXE_SCRIPT)
    for state in STATES:
        tab.page.set_content(html_of(page_in(state, locale)))
        assert (state, violations(tab.page)) == (state, [])


@pytest.fixture(scope="module")
def searched(browser: Any) -> Any:
    page = browser.new_page()
    page.evaluate(AXE_SCRIPT)
    return page


@pytest.mark.parametrize(
    ("whole", "broken", "found"),
    [
        ('<html lang="fr-CA">', "<html>", "html-has-lang"),
        ("--quiet: #4d5866", "--quiet: #a0a8b0", "color-contrast"),
        ("<main>", "<div>", "landmark-one-main"),
        ("<h1>", "<h4>", "page-has-heading-one"),
        ("<dd>", "<span>", "definition-list"),
        ("width=device-width", "maximum-scale=1, width=device-width", "meta-viewport"),
    ],
)
def test_a_barrier_is_caught(searched: Any, whole: str, broken: str, found: str) -> None:
    """The search above has been seen to find."""
    html = html_of(page_in("open", "fr_CA"))
    assert whole in html
    searched.set_content(html.replace(whole, broken))
    assert found in violations(searched)


FOCUSED = """() => {
    const style = getComputedStyle(document.activeElement);
    const seen = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth);
    return [document.activeElement.getAttribute('href'), seen];
}"""


def tabbed(page: Any) -> list[list[Any]]:
    """Where each press of the Tab key leads until it leaves the page, and how wide a line shows it."""
    stops: list[list[Any]] = []
    for _ in range(20):
        page.keyboard.press("Tab")
        stops.append(page.evaluate(FOCUSED))
        if stops[-1][0] is None:
            return stops[:-1]
    raise AssertionError(stops)


def test_a_keyboard_reaches_everything_in_the_order_in_which_it_is_read(
    site: Site, open_tab: Callable[..., Tab]
) -> None:
    """Language, payment, files, the brokerage; each is seen to be reached."""
    tab = open_tab()
    tab.page.goto(served(site))
    links = ["?langue=en_CA", CHECKOUT, *(f"/fichiers/{file.id}" for file in FILES), f"mailto:{AGENCY.email}"]
    assert tabbed(tab.page) == [[link, 3] for link in links]


def test_a_focus_that_is_not_seen_is_caught(open_tab: Callable[..., Tab]) -> None:
    """The press above has been seen to show nothing."""
    tab = open_tab()
    tab.page.set_content(html_of(page_in("open", "fr_CA")).replace("outline: 3px solid", "outline: 0 none"))
    assert {seen for _, seen in tabbed(tab.page)} == {False}


def test_enter_pays(site: Site, open_tab: Callable[..., Tab]) -> None:
    """The button is a link, and does what links do."""
    tab = open_tab()
    checkout = site.put("/paiement", "<title>Paiement</title>", {"Content-Type": "text/html"})
    tab.page.goto(served(site, checkout_url=checkout))
    tab.page.keyboard.press("Tab")
    tab.page.keyboard.press("Tab")
    tab.page.keyboard.press("Enter")
    tab.page.wait_for_url(checkout)


# --- on any screen and on paper


def overflow(page: Any) -> int:
    """By how many pixels the page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - innerWidth"))


def enlarge_text(page: Any) -> None:
    page.evaluate("document.documentElement.style.fontSize = '200%'")


@pytest.mark.parametrize("locale", SUPPORTED)
def test_nothing_sticks_out_of_a_small_screen(open_tab: Callable[..., Tab], locale: str) -> None:
    """At 320 pixels, which is also 640 at 200 % and 1280 at 400 %; and with text twice as large, in any month."""
    tab = open_tab(width=320)
    pages = [long_page(locale)]
    pages += [page_in("overdue", "fr_CA", locale=locale, due_date=date(2025, month, 28)) for month in (9, 12)]
    for page in pages:
        tab.page.set_content(html_of(page))
        assert overflow(tab.page) <= 0
        enlarge_text(tab.page)
        assert overflow(tab.page) <= 0


BROKEN = """text => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let broken = 0; texts.nextNode();) {
        const at = texts.currentNode.data.indexOf(text);
        if (at < 0) continue;
        const range = document.createRange();
        range.setStart(texts.currentNode, at);
        range.setEnd(texts.currentNode, at + text.length);
        if (new Set([...range.getClientRects()].map(r => r.top)).size > 1) return true;
    }
    return false;
}"""


@pytest.mark.parametrize("width", [320, 375])
@pytest.mark.parametrize("locale", ["fr_CA", "en_CA"])
def test_an_amount_stays_on_one_line(open_tab: Callable[..., Tab], locale: str, width: int) -> None:
    """As it is owed and on the button, with text twice as large too."""
    tab = open_tab(width=width)
    for amount in (Money(125_050, "CAD"), Money(12_345_678, "CAD")):
        page = page_in("open", "fr_CA", locale=locale, amount=amount)
        tab.page.set_content(html_of(page))
        enlarge_text(tab.page)
        assert not tab.page.evaluate(BROKEN, page.amount_text)


def test_what_sticks_out_is_caught(open_tab: Callable[..., Tab]) -> None:
    """The measure above has been seen to fail."""
    tab = open_tab(width=320)
    tab.page.set_content(html_of(long_page("fr_CA")).replace("overflow-wrap: anywhere", ""))
    assert overflow(tab.page) > 0
    page = page_in("open", "fr_CA", amount=Money(12_345_678, "CAD"))
    tab.page.set_content(html_of(page).replace("clamp(1rem, 8vw, 2.25rem)", "2.25rem"))
    enlarge_text(tab.page)
    assert tab.page.evaluate(BROKEN, page.amount_text)


def test_a_name_that_is_all_marks_stays_in_its_place(open_tab: Callable[..., Tab]) -> None:
    """It neither widens the page nor paints over what stands above it."""
    tab = open_tab(width=320)
    for mark in ("\u0e49", "\u20dd", "\u0301", "\u0336"):
        files = (evolve(FILES[0], name=f"A{mark * 140}.txt"),)
        tab.page.set_content(html_of(page_in("open", "fr_CA", attachments=files)))
        assert overflow(tab.page) <= 0
        assert tab.page.evaluate("getComputedStyle(document.querySelector('li')).overflow") == "clip"


def test_text_twice_as_large_is_twice_as_large(open_tab: Callable[..., Tab]) -> None:
    """And all of them are still there."""
    tab = open_tab(width=1024)
    tab.page.set_content(html_of(page_in("open", "fr_CA")))
    sizes = "[...document.querySelectorAll('p, dt, dd, h1, h2, a')].map(e => parseFloat(getComputedStyle(e).fontSize))"
    before = tab.page.evaluate(sizes)
    enlarge_text(tab.page)
    assert tab.page.evaluate(sizes) == pytest.approx([2 * size for size in before])


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_page_is_dark_where_the_client_wants_it(site: Site, open_tab: Callable[..., Tab], scheme: str) -> None:
    """By the system's setting alone, and only then."""
    tab = open_tab(scheme=scheme)
    tab.page.goto(served(site))
    ground = tab.page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert (max(ground) < 60, min(ground) > 200) == (scheme == "dark", scheme == "light")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_it_prints_clean(site: Site, open_tab: Callable[..., Tab], scheme: str) -> None:
    """Black on white, on one sheet, with all that was said and nothing to press."""
    tab = open_tab(scheme=scheme)
    tab.page.goto(served(site))
    tab.page.emulate_media(media="print", color_scheme=scheme)
    assert not tab.page.locator(".pay").is_visible() and not tab.page.locator(".language").is_visible()
    for said in ("Assurances du Nord", "F-000214", "1\u00a0250,00\u00a0$", "Zoé Tremblay", "Prime annuelle", ".csv"):
        assert tab.page.get_by_text(said).first.is_visible()
    seen = "[...document.querySelectorAll('body *')].filter(e => e.checkVisibility())"
    assert set(tab.page.evaluate(f"{seen}.map(e => getComputedStyle(e).color)")) <= {"rgb(0, 0, 0)", "rgb(51, 51, 51)"}
    assert tab.page.pdf(format="Letter").count(b"/Type /Page\n") == 1


# --- for nobody else


def test_the_page_loads_nothing(site: Site, open_tab: Callable[..., Tab]) -> None:
    """No font, image, style or script, from here or from elsewhere; and its own style is let in by its hash."""
    tab = open_tab(scheme="dark")
    address = served(site)
    tab.page.goto(address)
    assert (tab.asked, tab.said) == ([address], [])
    assert tab.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 22, 28)"


def test_the_page_works_without_script(site: Site, open_tab: Callable[..., Tab]) -> None:
    """All of it: what is read, and the link that switches language."""
    tab = open_tab(script=False)
    english, french = page_in("open", "fr_CA", locale="en_CA"), page_in("open", "fr_CA")
    there = site.put("/en", html_of(english), english.headers)
    html = french.to_html(file_url=lambda file: "/f", language_url=lambda locale: "/en")
    tab.page.goto(site.put("/fr", html, french.headers))
    tab.page.get_by_role("link", name="English").click()
    tab.page.wait_for_url(there)
    assert tab.page.get_by_role("link", name="Pay $1,250.00").is_visible()
    assert tab.page.locator("[lang=fr-CA]").all_inner_texts() == ["Français", french.description]


HOSTILE = (
    "<script>alert('script')</script>",
    "<img src=x onerror=alert('img')>",
    "<svg onload=alert('svg')></svg>",
    "<iframe srcdoc=\"<script>parent.alert('frame')</script>\"></iframe>",
    "<a href=\"javascript:alert('link')\" id=bad>x</a>",
    "<base href='https://mal.example/'>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "<style>body { display: none }</style>",
    "<form action='https://mal.example/'><button id=send>x</button></form>",
    "</style></title></textarea>--><script>alert('end')</script>",
    "' onmouseover=alert('quote') x='",
    '" autofocus onfocus=alert("double") x="',
    "{{ 7 * 7 }}{% raw %}",
)


def hostile_invoice() -> Invoice:
    text = "\n".join(HOSTILE)
    files = tuple(evolve(FILES[0], id=UUID(int=n), name=f"{each}.pdf") for n, each in enumerate(HOSTILE))
    changes: dict[str, Any] = {"client": Client(text, "zoe@exemple.ca"), "description": text, "attachments": files}
    return evolve(some_invoice(due=date(2026, 4, 1)), **changes)


def hostile_page() -> PaymentPage:
    agency = evolve(AGENCY, name="Nord" + "".join(HOSTILE[:2]))
    return payment_page(hostile_invoice(), agency=agency, today=date(2026, 4, 1))


def test_nothing_that_was_typed_runs(site: Site, open_tab: Callable[..., Tab]) -> None:
    """It is all read as it was typed, and the browser had nothing to refuse."""
    tab, page = open_tab(), hostile_page()
    address = site.put("/hostile", html_of(page), page.headers)
    tab.page.goto(address)
    tab.page.mouse.move(100, 100)
    assert (tab.ran, tab.said, tab.asked) == ([], [], [address])
    assert tab.page.locator(".note").inner_text() == "\n".join(HOSTILE)
    assert tab.page.locator("bdi").all_text_contents()[2:] == [f"{each}.pdf" for each in HOSTILE]


def wait(tab: Tab, holds: Callable[[], bool]) -> None:
    """Until it holds; AssertionError after some seconds."""
    for _ in range(100):
        if holds():
            return
        tab.page.wait_for_timeout(50)
    raise AssertionError((tab.ran, tab.said))


def unescaped(page: PaymentPage) -> str:
    """As a host's template that forgot to escape would have it."""
    return html_of(page).replace("<main>", "<main>" + "".join(HOSTILE))


def test_the_headers_stop_what_a_template_lets_through(site: Site, open_tab: Callable[..., Tab]) -> None:
    """Scripts, handlers, frames, styles, addresses and forms: the browser refuses them all, and says so."""
    tab, page = open_tab(), hostile_page()
    address = site.put("/let-through", unescaped(page), page.headers)
    tab.page.goto(address)
    for trap in ("#bad", "#send"):
        tab.page.locator(trap).dispatch_event("click")
    directives = ("default-src", "style-src", "form-action", "base-uri")
    wait(tab, lambda: all(directive in " ".join(tab.said) for directive in directives))
    assert (tab.ran, tab.page.url) == ([], address)
    assert tab.page.evaluate("document.baseURI") == address
    assert tab.page.locator("body").is_visible()


def test_without_the_headers_it_runs(site: Site, open_tab: Callable[..., Tab]) -> None:
    """The traps above are real."""
    tab = open_tab()
    tab.page.goto(site.put("/bare", unescaped(hostile_page()), {"Content-Type": "text/html; charset=utf-8"}))
    wait(tab, lambda: {"script", "img", "svg", "frame"} <= set(tab.ran))


@pytest.mark.parametrize("ours", [True, False], ids=["ours", "the twin"])
def test_nobody_frames_the_page(site: Site, open_tab: Callable[..., Tab], ours: bool) -> None:
    """A page that would have a click land on it stays empty; one without our headers does not."""
    page = page_in("open", "fr_CA")
    headers = page.headers if ours else {"Content-Type": "text/html"}
    there = site.put("/framed", html_of(page), headers)
    tab = open_tab()
    tab.page.goto(site.put("/around", f"<iframe src='{there}'></iframe>", {"Content-Type": "text/html"}))
    assert (tab.page.frames[1].locator(".pay").count() == 0) == ours


def test_no_address_is_told_to_the_checkout(site: Site, open_tab: Callable[..., Tab]) -> None:
    """It would hold the link's token."""
    tab = open_tab()
    checkout = site.put("/paiement", "<p>Paiement</p>", {"Content-Type": "text/html"})
    tab.page.goto(served(site, checkout_url=checkout))
    with tab.page.expect_request(checkout) as asked:
        tab.page.locator(".pay a").click()
    assert "referer" not in asked.value.all_headers()
    assert tab.page.evaluate("document.referrer") == ""


@pytest.mark.parametrize("name", PICTURES)
def test_the_pictures_of_the_page_are_there(name: str) -> None:
    """Small enough to load at once; `docs/draw_pages.py` draws them anew."""
    picture = Path(ROOT, "docs", "pictures", name).read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) < 80_000
