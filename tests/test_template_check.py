"""A host’s templates of the letter and the page, tried at start."""

import os
from pathlib import Path

import pytest

from indiopay import TemplatesError
from indiopay.template_check import checked_templates
from indiopay.templates import environment

TEXT, HTML = "{{ number }} {{ link }}\n", '<a href="{{ link }}">{{ number }}</a>'


def test_the_packages_own_letters_pass() -> None:
    """And so does a folder that overrides none of them."""
    assert checked_templates(environment()) is environment()


def test_a_hosts_letters_that_hold_the_link_pass(tmp_path: Path) -> None:
    """Whatever else they say or leave out."""
    (tmp_path / "letter.txt").write_text(TEXT)
    (tmp_path / "letter.html").write_text(HTML)
    checked_templates(environment(tmp_path))


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("letter.txt", "Bonjour"),
        ("letter.txt", "{{ link }}."),
        ("letter.txt", "({{ link }})"),
        ("letter.txt", "{{ link|e }}"),
        ("letter.txt", "{% if note %}{{ link }}{% endif %}"),
        ("letter.txt", "{% if not overdue %}{{ link }}{% endif %}"),
        ("letter.txt", "{% if lang == 'fr-CA' %}{{ link }}{% endif %}"),
        ("letter.html", "<p>{{ link }}</p>"),
        ("letter.html", "<!-- <a href='{{ link }}'> -->"),
        ("letter.html", "<a href='{{ link }}?x=1'>"),
        ("letter.html", "<a href={{ link|urlencode }}>"),
        ("letter.html", "{% if files %}<a href='{{ link }}'>{% endif %}"),
        ("letter.html", "<img src='{{ link }}'>"),
    ],
)
def test_a_letter_without_its_whole_link_is_refused(tmp_path: Path, name: str, body: str) -> None:
    """In any of its forms: it would be of no use to a client."""
    (tmp_path / name).write_text(body)
    with pytest.raises(TemplatesError, match=f"{name} makes a letter without its link"):
        checked_templates(environment(tmp_path))


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("a\n{{ nunber }}", r"letter.txt, line 2: UndefinedError: 'nunber' is undefined"),
        ("{{ say('nothing') }}", r"letter.txt, line 1: KeyError"),
        ("{{ link }}\n\n{% if note %}{{ 1 / 0 }}{% endif %}", r"letter.txt, line 3: ZeroDivisionError"),
        ("{% include 'gone.txt' %}", r"letter.txt, line 1: TemplateNotFound"),
    ],
)
def test_a_letter_that_breaks_is_refused_with_its_line(tmp_path: Path, body: str, why: str) -> None:
    """In any of its branches."""
    (tmp_path / "letter.txt").write_text(body)
    with pytest.raises(TemplatesError, match=why):
        checked_templates(environment(tmp_path))


def test_what_was_tried_is_what_is_used(tmp_path: Path) -> None:
    """A file that is changed under a running desk changes no letter, until the next start tries it."""
    (tmp_path / "letter.txt").write_text(TEXT)
    templates = checked_templates(environment(tmp_path))
    (tmp_path / "letter.txt").write_text("Bonjour")
    os.utime(tmp_path / "letter.txt", (1, 1))
    assert "F-1" in templates.get_template("letter.txt").render(number="F-1", link="x")


@pytest.mark.parametrize(
    ("name", "body", "included", "why"),
    [
        ("letter.html", '<a href="{{ link }}">{% include "names.txt" %}</a>', "names.txt", "does not escape"),
        ("letter.html", '<a href="{{ link }}">{{ client|safe }}</a>', "page.css", "does not escape"),
        ("letter.txt", '{{ link }}\n{% include "names.html" %}', "names.html", "escapes what was typed"),
    ],
)
def test_what_was_typed_is_escaped_in_html_and_only_there(
    tmp_path: Path, name: str, body: str, included: str, why: str
) -> None:
    """Whatever a template includes: else a client's name would be read as HTML, or a text be full of signs."""
    (tmp_path / name).write_text(body)
    (tmp_path / included).write_text("{{ client }} {{ files }}")
    with pytest.raises(TemplatesError, match=f"{name} {why}"):
        checked_templates(environment(tmp_path))


# --- the page


PAGE = """<title>{{ page.number }}</title><style>{{ style | safe }}</style>{{ page.client_name }}{{ page.description }}
{% if page.checkout_url %}<a href="{{ page.checkout_url }}">{{ page.amount_text }}</a>{% endif %}
{% for file in files %}<a href="{{ file.url }}">{{ file.name }}</a>{% endfor %}"""


@pytest.mark.parametrize("body", [PAGE, PAGE.replace("<style>{{ style | safe }}</style>", "")])
def test_a_hosts_page_that_shows_the_way_to_pay_and_the_files_passes(tmp_path: Path, body: str) -> None:
    """Whatever else it says or leaves out."""
    (tmp_path / "page.html").write_text(body)
    checked_templates(environment(tmp_path))


@pytest.mark.parametrize(
    ("whole", "broken", "why"),
    [
        ("{{ page.number }}", "\n{{ page.nunber }}", r"page.html, line 2: UndefinedError"),
        ("{{ page.number }}", "{% if page.cancel_reason %}{{ 1 / 0 }}{% endif %}", r"page.html, line 1: ZeroDivision"),
        ("{{ page.number }}", "{% if page.overdue %}{{ say('nothing') }}{% endif %}", r"page.html, line 1: KeyError"),
        ("{{ page.number }}", "{{ (page.cancel_reason or '') | safe }}", r"page.html does not escape what was typed"),
        ("{{ page.description }}", "{{ page.description | safe }}", r"page.html does not escape what was typed"),
        ("{{ file.name }}", "{{ file.name | safe }}", r"page.html does not escape what was typed"),
        ("{{ page.checkout_url }}", "{{ page.checkout_url | urlencode }}", r"without the way to pay or a file"),
        ("page.checkout_url %}", "page.checkout_url and not page.overdue %}", r"without the way to pay or a file"),
        ('<a href="{{ file.url }}">', "<a>", r"without the way to pay or a file"),
        ("{{ style | safe }}", "{{ style }} p { color: red }", r"a style that its headers refuse"),
        (
            "{% if page.checkout_url %}",
            "{% if page.payable %}",
            r"shows None where there is nothing: write .% if",
        ),
        ("{{ page.number }}", "{{ page.paid_on }}", r"shows None where there is nothing"),
        ("{{ page.number }}", "{{ page.cancel_reason }}", r"shows None where there is nothing"),
        ("{{ page.number }}", "{{ {'fr-CA': 1, 'en-CA': 2}[lang] }}", r"page.html, line 1: UndefinedError"),
        ("{% for file in files %}", "{% for file in files[:1] %}", r"without the way to pay or a file"),
        ("<title>", "<style>p { color: red }</style><title>", r"a style that its headers refuse"),
        ("<title>", "<link rel='icon Stylesheet' href=x.css><title>", r"page.html has <link>: its headers refuse it"),
        ("{{ page.number }}", "{{ switch.url }}", r"page.html, line 1: UndefinedError: 'None' has no attribute 'url'"),
        ("{{ page.number }}", "{% if note_lang != lang %}{{ nothing }}{% endif %}", r"'nothing' is undefined"),
        ("<title>", "<title lang={{ page.client_name }}>", r"does not escape what was typed: write quotes"),
        ("<title>", "<script>1</script><title>", r"page.html has <script>: its headers refuse it"),
        ("<title>", "<link rel=stylesheet href=x.css><title>", r"page.html has <link>: its headers refuse it"),
        ("<title>", "<title style='color: red'>", r"page.html has style=: its headers refuse it"),
        ("<title>", "<title onclick='x()'>", r"page.html has onclick=: its headers refuse it"),
    ],
)
def test_a_page_that_would_fail_at_a_clients_is_refused(tmp_path: Path, whole: str, broken: str, why: str) -> None:
    """In any of its states, with its line where it breaks."""
    assert whole in PAGE
    (tmp_path / "page.html").write_text(PAGE.replace(whole, broken))
    with pytest.raises(TemplatesError, match=why):
        checked_templates(environment(tmp_path))


@pytest.mark.parametrize("style", ["</style><p>", "p { color: red }\0", "@IMPORT url(x.css);"])
def test_a_style_that_no_page_can_hold_is_refused(tmp_path: Path, style: str) -> None:
    """A browser would read another one than its hash was made of."""
    (tmp_path / "page.css").write_text(style)
    with pytest.raises(TemplatesError, match="a style that its headers refuse"):
        checked_templates(environment(tmp_path))


def test_a_form_may_be_the_way_to_pay(tmp_path: Path) -> None:
    """The headers let it go to the checkout; and a logo is the host's, who changes the headers for it."""
    paid_by_form = PAGE.replace('<a href="{{ page.checkout_url }}">', '<form action="{{ page.checkout_url }}"><button>')
    (tmp_path / "page.html").write_text(f"<img src='/logo.png'>{paid_by_form}")
    checked_templates(environment(tmp_path))


def test_the_line_of_a_mistake_is_that_of_its_own_file(tmp_path: Path) -> None:
    """And not of one whose name ends alike."""
    (tmp_path / "page.html").write_text("one\n{% include 'mypage.html' %}")
    (tmp_path / "mypage.html").write_text("\n\n\n{{ nothing }}")
    with pytest.raises(TemplatesError, match=r"^page.html, line 2: UndefinedError: 'nothing' is undefined$"):
        checked_templates(environment(tmp_path))


def test_a_hosts_style_is_let_in_by_the_packages_page(tmp_path: Path) -> None:
    """To the code point, with the signs that HTML has a use for."""
    (tmp_path / "page.css").write_text("body > p::before { content: '<b>&amp;'; }")
    checked_templates(environment(tmp_path))
