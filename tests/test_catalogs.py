"""The catalogs: nothing missing, nothing doubtful, right typography, and a sentence for every problem there is."""

import re
from collections.abc import Iterator
from importlib.resources import files
from operator import attrgetter
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.plurals import get_plural
from babel.messages.pofile import read_po
from list_problems import DOCS, PAGES, Page, page, problems

import indiopay
from indiopay import describe
from indiopay.messages import _SAME_WORDS

from .typography import faults
from .walk import Walk, sentences_missing

LOCALES = sorted(entry.name for entry in files("indiopay").joinpath("locales").iterdir())
LANGUAGES = [name for name in LOCALES if "_" not in name]
REGIONS = [name for name in LOCALES if "_" in name]
FRENCH = [name for name in LOCALES if name.startswith("fr")]


def catalog(locale: str) -> Catalog:
    path = files("indiopay").joinpath("locales", locale, "LC_MESSAGES", "indiopay.po")
    with path.open("rb") as stream:
        return read_po(stream, locale=locale, abort_invalid=True)


def messages(locale: str) -> dict[str, Message]:
    found = (message for message in catalog(locale) if message.id)
    return {message.id if isinstance(message.id, str) else message.id[0]: message for message in found}


def shown(locale: str) -> dict[str, Message]:
    """What a reader in that locale gets: the region's words in front of the language's."""
    return {**messages(locale.partition("_")[0]), **messages(locale)}


def texts(message: Message) -> list[str]:
    return [message.string] if isinstance(message.string, str) else list(message.string)


def places(text: str) -> list[str]:
    return sorted(re.findall(r"\{[a-z]+\}", text))


def unlike(one: dict[str, Message], other: dict[str, Message]) -> set[str]:
    """The keys that only one of two catalogs has, and those whose texts have other placeholders."""
    both = one.keys() & other.keys()
    return (one.keys() ^ other.keys()) | {
        key for key in both if len({str(places(text)) for m in (one[key], other[key]) for text in texts(m)}) > 1
    }


def test_french_and_english_are_there() -> None:
    """French, which is Québec's but for its own words, and English."""
    assert {"en", "fr", "fr_CA", "fr_FR"} <= set(LOCALES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_the_same_things(language: str) -> None:
    """No key is missing in a language, and each text holds the same placeholders, in every plural."""
    assert unlike(messages("fr"), messages(language)) == set()


def test_a_missing_key_and_another_placeholder_are_seen() -> None:
    """By the very comparison that finds none in ours."""
    french, english = Catalog(), Catalog()
    for key, one, other in (("a", "{x}", "{x}"), ("b", "{x}", "{y}"), ("c", "{x}", "x")):
        french.add(key, one)
        english.add(key, other)
    french.add("d", "d")
    by_key = ({str(message.id): message for message in words if message.id} for words in (french, english))
    assert unlike(*by_key) == {"b", "c", "d"}


@pytest.mark.parametrize("region", REGIONS)
def test_a_region_changes_words_and_adds_none(region: str) -> None:
    """Each of its keys is its language's too, with the same placeholders, and says something else."""
    own, language = messages(region), messages(region.partition("_")[0])
    assert own.keys() <= language.keys()
    assert unlike(own, {key: language[key] for key in own}) == set()
    assert all(texts(own[key]) != texts(language[key]) for key in own)


@pytest.mark.parametrize("locale", LOCALES)
def test_every_text_is_there_and_certain(locale: str) -> None:
    """Nothing is empty, fuzzy or obsolete, and what has a plural has all the forms of its language."""
    words = catalog(locale)
    assert not words.obsolete and not words.fuzzy
    source = files("indiopay").joinpath("locales", locale, "LC_MESSAGES", "indiopay.po").read_text(encoding="utf-8")
    assert source.count("\nmsgid ") == len(messages(locale)), "a key stands there twice"
    assert (words.num_plurals, words.plural_expr) == tuple(get_plural(locale)[:2])
    for message in messages(locale).values():
        assert all(texts(message)) and not message.fuzzy, message.id
        assert len(texts(message)) == (words.num_plurals if message.pluralizable else 1), message.id


@pytest.mark.parametrize("locale", FRENCH)
def test_french_has_its_own_typography(locale: str) -> None:
    """Curved apostrophes, no-break spaces, guillemets; a thin space before ; ! ? in France, none in Québec."""
    for message in shown(locale).values():
        for text in texts(message):
            assert list(faults(text, locale)) == [], text


@pytest.mark.parametrize("locale", LOCALES)
def test_a_number_is_not_parted_from_what_it_counts(locale: str) -> None:
    """A no-break space holds them together."""
    parted = re.compile(r"(?:[0-9]|\{(?:limit|length|decimals|number)\}) (?!at |to |au |or |ou )[a-zé]")
    for message in messages(locale).values():
        assert not [text for text in texts(message) if parted.search(text)]


@pytest.mark.parametrize("locale", FRENCH)
def test_sentences_about_problems_have_it_too(locale: str) -> None:
    """With what they quote, amounts and dates in them."""
    for told in problems().values():
        for _, problem in told:
            sentence = describe(problem, locale)
            assert list(faults(sentence, locale)) == [], sentence
            assert sentence.endswith(".") and not re.search(r"[{}]|\\", sentence), sentence


@pytest.mark.parametrize("path", sorted(DOCS.glob("fr/*.md")), ids=attrgetter("stem"))
def test_the_french_pages_have_it_too(path: Path) -> None:
    """In their prose, which is that of Québec."""
    prose = re.sub("^(```|:::).*?^\\1$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    prose = re.sub("`[^`]*`|\\]\\([^)]*\\)|^\\|[-|]*\\|$", "x", prose, flags=re.MULTILINE)
    for line in prose.replace("\\_", "_").splitlines():
        assert list(faults(line.strip(), "fr_CA")) == [], line


@pytest.mark.parametrize(
    ("text", "locale"),
    [
        ("l'échéance", "fr"),
        ("un «mot »", "fr"),
        ("un «\u00a0mot »", "fr"),
        ("Motif : non", "fr"),
        ("Motif: non", "fr"),
        ("et puis...", "fr"),
        ("Merci\u00a0!", "fr_CA"),
        ("un; deux", "fr_FR"),
        ("un\u00a0; deux", "fr_FR"),
        ("5 $", "fr_CA"),
        ("un  mot", "fr_CA"),
    ],
)
def test_each_rule_of_typography_can_be_broken(text: str, locale: str) -> None:
    """So that a fault in a catalog would be seen."""
    assert list(faults(text, locale))


@pytest.mark.parametrize(
    ("text", "locale"), [("Merci!", "fr_CA"), ("Merci\u202f!", "fr_FR"), ("«\u00a0l’été\u00a0»\u00a0: 5\u00a0$", "fr")]
)
def test_right_french_breaks_no_rule(text: str, locale: str) -> None:
    """Neither as Québec sets it nor as France does."""
    assert not list(faults(text, locale))


def sources() -> Iterator[tuple[str, str]]:
    package = Path(indiopay.__file__).parent
    for path in package.rglob("*.py"):
        if "testing" not in path.parts:
            yield path.relative_to(package).as_posix(), path.read_text(encoding="utf-8")


WALK = Walk(dict(sources()))
RAISED = WALK.problems()


@pytest.mark.parametrize("locale", LANGUAGES)
def test_every_problem_that_the_code_can_raise_has_a_sentence(locale: str) -> None:
    """Of its own, or of its kind in any field; the walk through the code finds them, no list."""
    assert len(RAISED) > 80
    worded = {(_SAME_WORDS.get(field, field), code) for field, code in RAISED}
    assert sentences_missing(worded, messages(locale)) == set()


def test_every_problem_is_made_where_the_walk_can_follow() -> None:
    """By its own name, with a field and a code."""
    assert WALK.strays == []


@pytest.mark.parametrize(
    "hidden",
    [
        "from problems import Problem as P\nP('name', 'odd')",
        "P = Problem\nP('name', 'odd')",
        "partial(Problem, 'name')('odd')",
        "Problem(field='name', code='odd')",
        "Problem(*told)",
        "def make():\n    return Problem",
    ],
)
def test_a_problem_that_the_walk_cannot_follow_is_seen(hidden: str) -> None:
    """So that no code escapes it."""
    assert Walk({"twin": hidden}).strays


TWIN = """
class Refusal(NamedTuple):
    code: str
    at: int = 0

def read(text, *, field="amount"):
    fault = _fault(text) or _other(text)
    if fault.code in KNOWN:
        return text
    return Problem(field, fault.code)

def check(form):
    read(form.amount)
    read(form.note, field="note")
    _other_file()
    return (Problem("files", code) for code in _codes(form))

def _other_file(code="too_late"):
    return Problem("files", code)

def _fault(text):
    return Refusal("made_up") if text else None

def _other(text):
    return Refusal(at=1, code="also_made_up")

def _codes(form):
    for name, code in (("a", "too_odd"), ("b", "too_even")):
        yield code
"""


def test_a_problem_without_a_sentence_is_found_wherever_its_code_comes_from() -> None:
    """Through a named tuple, a parameter's default, a keyword, a loop over pairs and a generator."""
    found = Walk({"twin": TWIN}).problems()
    assert found == {
        *((field, code) for field in ("amount", "note") for code in ("made_up", "also_made_up")),
        *(("files", code) for code in ("too_odd", "too_even", "too_late")),
    }
    assert sentences_missing(found, messages("fr")) == found


def test_the_pages_list_every_problem_that_the_code_can_raise_and_no_other() -> None:
    """What the walk finds and what was caused for the pages are the same."""
    assert problems().keys() == RAISED


@pytest.mark.parametrize("about", PAGES, ids=attrgetter("path"))
def test_the_pages_of_problems_are_up_to_date(about: Page) -> None:
    """`python docs/list_problems.py` would change nothing."""
    assert (DOCS / about.path).read_text(encoding="utf-8") == page(about)
