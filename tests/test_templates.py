"""The templates that letters and page share, and a host's folder in front of them."""

from pathlib import Path

import pytest
from jinja2 import Environment

from indiopay import TemplatesError
from indiopay.templates import environment, page_style


def test_the_packages_own_templates_are_parsed_once() -> None:
    """One environment for every desk that brings none."""
    assert environment() is environment()
    assert "color-scheme" in page_style(environment())


def test_a_hosts_file_goes_before_the_packages(tmp_path: Path) -> None:
    """One that the folder lacks is the package's."""
    (tmp_path / "page.css").write_text("body { color: red }")
    templates = environment(tmp_path)
    assert page_style(templates) == "body { color: red }"
    assert templates.get_template("letter.txt").filename != str(tmp_path / "letter.txt")


def test_html_is_escaped_and_text_is_not() -> None:
    """By the ending of a template's name."""
    templates = environment()
    assert callable(templates.autoescape)
    assert [templates.autoescape(name) for name in ("page.html", "letter.txt", None)] == [True, False, True]


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    """At start, not at a client's."""
    with pytest.raises(TemplatesError, match="folder"):
        environment(tmp_path / "nowhere")


def test_a_folder_of_which_nothing_would_be_used_is_told(tmp_path: Path) -> None:
    """A misspelt name would else go unseen."""
    (tmp_path / "lettre.txt").write_text("{{ link }}")
    with pytest.raises(TemplatesError, match=r"holds none of letter.html, letter.txt, page.html, page.css"):
        environment(tmp_path)


def test_a_name_that_leads_to_no_file_is_told(tmp_path: Path) -> None:
    """The package's own would else go out in its place."""
    (tmp_path / "letter.txt").symlink_to(tmp_path / "gone.txt")
    with pytest.raises(TemplatesError, match=r"letter.txt is not a file"):
        environment(tmp_path)


def test_an_empty_name_is_no_folder() -> None:
    """It would be the one where the program happens to run."""
    with pytest.raises(TemplatesError, match="empty"):
        environment("")


@pytest.mark.parametrize("name", ["page.html", "letter.html", "letter.txt", "page.css"])
def test_a_file_that_is_no_text_is_told(tmp_path: Path, name: str) -> None:
    """By its name."""
    (tmp_path / name).write_bytes(b"\xff\xfe\xff")
    with pytest.raises(TemplatesError, match=name):
        environment(tmp_path)


@pytest.mark.parametrize("name", ["page.html", "letter.html", "letter.txt"])
def test_a_mistake_in_a_template_is_told_with_its_line(tmp_path: Path, name: str) -> None:
    """As a developer wants it."""
    (tmp_path / name).write_text("one\n{{ two")
    with pytest.raises(TemplatesError, match=f"{name}, line 2"):
        environment(tmp_path)


def test_templates_that_were_not_made_here_have_no_style() -> None:
    """And a page needs one, whose hash its headers name."""
    with pytest.raises(TemplatesError, match="make them with"):
        page_style(Environment())  # noqa: S701  # nothing is rendered


def test_a_style_is_read_once_however_many_agencies_have_their_own(tmp_path: Path) -> None:
    """What is changed later was not tried, and is not used."""
    style = tmp_path / "page.css"
    style.write_text("body { color: red }")
    desks = [environment(tmp_path) for _ in range(9)]
    style.write_text("body { color: blue }")
    assert {page_style(templates) for templates in desks} == {"body { color: red }"}


def test_a_mark_at_the_beginning_of_a_file_is_no_part_of_it(tmp_path: Path) -> None:
    """Some editors write one."""
    (tmp_path / "page.css").write_text("body { color: red }", encoding="utf-8-sig")
    (tmp_path / "page.html").write_text("<p>", encoding="utf-8-sig")
    templates = environment(tmp_path)
    assert (page_style(templates), templates.get_template("page.html").render()) == ("body { color: red }", "<p>")
