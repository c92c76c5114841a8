"""The Jinja environment that letters and page share, loaded on first use; a host's folder may override it."""

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from indiopay.errors import TemplatesError

if TYPE_CHECKING:
    from jinja2 import Environment


_TEMPLATES = ("letter.html", "letter.txt", "page.html")
_STYLE = "page.css"


def environment(folder: str | os.PathLike[str] | None = None) -> "Environment":
    """The templates of the package, with those in `folder`, if given, in front of them.

    A folder may hold `page.html`, `page.css`, `letter.html` and `letter.txt`; one that it lacks is the package's.
    TemplatesError if the folder or one of these files cannot be used.
    """
    if folder is None:
        return _own()
    if not os.fspath(folder):
        raise TemplatesError("the templates must be a folder, and its name is empty")
    return _checked(Path(folder))


def page_style(templates: "Environment") -> str:
    """The page's style sheet as it stands, which is no template: the very text whose hash the page's headers name."""
    if "style" not in templates.globals:
        raise TemplatesError("these templates have no style: make them with indiopay.templates.environment")
    return str(templates.globals["style"])


@cache
def _own() -> "Environment":
    return _environment(None)


def _checked(folder: Path) -> "Environment":
    """With every template parsed and the style sheet read, so that a mistake shows at start and not at a client's."""
    from jinja2 import TemplateSyntaxError

    _require_files(folder)
    name = _STYLE
    try:
        templates = _environment(folder)
        for name in _TEMPLATES:
            templates.get_template(name)
    except TemplateSyntaxError as error:
        raise TemplatesError(f"{name}, line {error.lineno}: {error.message}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise TemplatesError(f"{name} cannot be read as UTF-8 text ({type(error).__name__})") from error
    return templates


def _require_files(folder: Path) -> None:
    """A folder of which nothing would be used, or whose link leads nowhere, is a mistake."""
    try:
        known = {path.name for path in folder.iterdir()} & {*_TEMPLATES, _STYLE}
        lost = [name for name in sorted(known) if not folder.joinpath(name).is_file()]
    except OSError as error:
        raise TemplatesError(f"the templates must be a folder that can be read ({type(error).__name__})") from error
    if not known:
        raise TemplatesError(f"the folder of templates holds none of {', '.join((*_TEMPLATES, _STYLE))}")
    if lost:
        raise TemplatesError(f"{lost[0]} is not a file that can be read")


def _environment(folder: Path | None) -> "Environment":
    from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PackageLoader, StrictUndefined

    own = PackageLoader("indiopay", "jinja")
    # utf-8-sig: some editors put a mark at the beginning of a file, at which a style's first rule would be lost
    loader = own if folder is None else ChoiceLoader([FileSystemLoader(folder, encoding="utf-8-sig"), own])
    templates = Environment(
        loader=loader,
        autoescape=_is_escaped,  # noqa: S701  # all but plain text is
        undefined=StrictUndefined,
        auto_reload=False,  # what was tried is what is used
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    templates.globals["style"] = loader.get_source(templates, _STYLE)[0]
    return templates


def _is_escaped(name: str | None) -> bool:
    return name is None or not name.endswith(".txt")
