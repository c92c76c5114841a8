"""A host's templates of the letter, tried at start."""

import os
from pathlib import Path

import pytest

from indiopay import TemplatesError
from indiopay.template_check import checked_letters
from indiopay.templates import environment

TEXT, HTML = "{{ number }} {{ link }}\n", '<a href="{{ link }}">{{ number }}</a>'


def test_the_packages_own_letters_pass() -> None:
    """And so does a folder that overrides none of them."""
    assert checked_letters(environment()) is environment()


def test_a_hosts_letters_that_hold_the_link_pass(tmp_path: Path) -> None:
    """Whatever else they say or leave out."""
    (tmp_path / "letter.txt").write_text(TEXT)
    (tmp_path / "letter.html").write_text(HTML)
    checked_letters(environment(tmp_path))


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
        checked_letters(environment(tmp_path))


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
        checked_letters(environment(tmp_path))


def test_a_letter_that_cannot_be_read_any_more_is_refused_without_a_line(tmp_path: Path) -> None:
    """What is known is said."""
    (tmp_path / "letter.txt").write_text(TEXT)
    templates = environment(tmp_path)
    (tmp_path / "letter.txt").write_bytes(b"\xff\xfe\xff")
    os.utime(tmp_path / "letter.txt", (1, 1))
    with pytest.raises(TemplatesError, match=r"^letter.txt: UnicodeDecodeError"):
        checked_letters(templates)
