"""Files as a client gets them, in a real browser: whole, under their own name, kept and never shown."""

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from uuid import UUID

import pytest

from indiopay import Attachment, InvalidInputError, InvoiceDesk, Upload
from indiopay.attachment import download_headers, storage_key
from indiopay.files.folder import FolderFiles
from indiopay.testing import memory_desk

from .browser import running
from .conftest import PDF, filled_in, token_of
from .corpus_files import cases, content
from .page_server import Answer, desk_answers, serving

pytestmark = pytest.mark.no_cover  # it goes over and over what other tests cover


@pytest.fixture(scope="module")
def tab() -> Iterator[Any]:
    with running() as browser:
        yield browser.new_page()


class Opened(NamedTuple):
    """The page of an invoice with files, open in the browser."""

    tab: Any
    files: tuple[Attachment, ...]

    def keep(self, which: int) -> Any:
        """What the browser keeps when the client follows the link of a file; the page stays where it is."""
        there = self.tab.url
        with self.tab.expect_download() as started:
            self.tab.locator("li a").nth(which).click()
        assert self.tab.url == there
        return started.value


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    return tmp_path / "files"


@pytest.fixture
def open_page(tab: Any, stored: Path) -> Iterator[Callable[..., Opened]]:
    """Opens the page of an invoice with these files."""
    desk: InvoiceDesk = memory_desk(files=FolderFiles(stored))
    with serving(desk_answers(desk)) as address:

        def open_(*files: Upload) -> Opened:
            invoice = desk.create(filled_in(files=files))
            tab.goto(f"{address}/payer/{token_of(desk.link(invoice.id))}")
            return Opened(tab, invoice.attachments)

        yield open_


# What a client's system does not bear in a name becomes "_", and a dot that would hide the file goes.
NAMES = {
    "Police d’assurance – été.pdf": "Police d’assurance – été.pdf",
    "Garanties détaillées à l’œuvre.pdf": "Garanties détaillées à l’œuvre.pdf",
    "契約書.pdf": "契約書.pdf",
    "حساب.pdf": "حساب.pdf",
    "🏠 maison.pdf": "🏠 maison.pdf",
    "100 %.pdf": "100 %.pdf",
    "a%20b.pdf": "a%20b.pdf",
    "a%0d%0aSet-Cookie: b.pdf": "a%0d%0aSet-Cookie_ b.pdf",
    'a"; filename="b.exe".pdf': "a_; filename=_b.exe_.pdf",
    "a'; filename*=UTF-8''b.exe.pdf": "a'; filename_=UTF-8''b.exe.pdf",
    "<script>alert(1)<script>.pdf": "_script_alert(1)_script_.pdf",
    ".env.pdf": "env.pdf",
    "a;b,c=d.pdf": "a;b,c=d.pdf",
    "=cmd|calc.pdf": "=cmd_calc.pdf",
    "facture.exe .pdf": "facture.exe .pdf",
    "f" * 140 + "é.pdf": "f" * 140 + "é.pdf",
}


def test_a_file_is_kept_under_its_own_name(open_page: Callable[..., Opened]) -> None:
    """Accented, in any script, or typed by someone who means harm."""
    kept = {}
    for names in (list(NAMES)[:8], list(NAMES)[8:]):
        opened = open_page(*(Upload(name, PDF + name.encode()) for name in names))
        for which, name in enumerate(names):
            download = opened.keep(which)
            kept[name] = download.suggested_filename
            assert Path(download.path()).read_bytes() == PDF + name.encode()
    assert kept == NAMES


def test_a_name_without_its_own_alphabet_is_caught(tab: Any) -> None:
    """The comparison above has been seen to fail: with the name for old clients alone."""
    name = next(iter(NAMES))
    headers = download_headers(Attachment(UUID(int=1), name, len(PDF), "application/pdf", "00"))
    headers["Content-Disposition"] = headers["Content-Disposition"].partition("; filename*")[0]
    with serving(lambda _, __: Answer(headers, [PDF])) as address:
        tab.set_content(f"<a href='{address}'>x</a>")
        with tab.expect_download() as started:
            tab.locator("a").click()
    assert started.value.suggested_filename == "Police dassurance  ete.pdf"


def test_no_name_becomes_a_path(open_page: Callable[..., Opened], seed: int, tell: Callable[[str], None]) -> None:
    """Drawn from all that a name is made of: one file, in the folder of downloads, of the kind that was uploaded."""
    random = Random(seed)
    pieces = (
        "..",
        ".",
        "/",
        "\\",
        "%2e%2e%2f",
        "~",
        "C:",
        "étÉ",
        "a",
        " ",
        "\u202e",
        "\n",
        "\0",
        '"',
        "*",
        "'",
        "LPT1",
        "😀",
    )
    tried = 0
    while tried < 8:
        name = "".join(random.choices(pieces, k=random.randint(1, 6))) + ".csv"
        try:
            opened = open_page(Upload(name, name.encode()))
        except InvalidInputError:
            continue
        kept = opened.keep(0).suggested_filename
        assert kept == Path(kept).name and kept.endswith(".csv") and not kept.startswith(".")
        tried += 1
    tell(f"names kept by a browser: {tried}, seed {seed}")


ACCEPTED = [case for case in cases("files") if "name" in case["expect"] and "content_base64" in case]


def test_what_was_accepted_is_never_shown(open_page: Callable[..., Opened]) -> None:
    """Each file of the corpus is kept, to the byte; one of each kind, opened by its address, takes no page’s place."""
    kinds = set()
    for case in ACCEPTED:
        opened = open_page(Upload(case["name"], content(case).read()))
        assert Path(opened.keep(0).path()).read_bytes() == content(case).read()
        if (kind := opened.files[0].media_type) not in kinds:
            with opened.tab.expect_download(), pytest.raises(Exception, match="Download is starting"):
                opened.tab.goto(f"{opened.tab.url}/{opened.files[0].id}")
            kinds.add(kind)
    assert len(kinds) >= 6


MARKUP = b"<!DOCTYPE html><title>x</title><script>document.title = 'ran'</script>"


@pytest.mark.parametrize(
    ("lost", "title"),
    [
        ({"Content-Disposition"}, ""),
        ({"Content-Disposition", "Content-Type", "X-Content-Type-Options"}, "x"),
        ({"Content-Disposition", "Content-Type", "X-Content-Type-Options", "Content-Security-Policy"}, "ran"),
    ],
)
def test_what_a_proxy_loses_is_made_up_for(tab: Any, lost: set[str], title: str) -> None:
    """Markup in a text file is text without the first header, runs nothing without three, and runs without any."""
    headers = download_headers(Attachment(UUID(int=1), "a.txt", len(MARKUP), "text/plain", "00"))
    with serving(lambda _, __: Answer({k: v for k, v in headers.items() if k not in lost}, [MARKUP])) as address:
        tab.goto(address)
        assert tab.title() == title


PIXEL = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
    b"\x00\x00\x00\rIDATx\x9cc\xf8\xcf\xc0P\x0f\x00\x04\x85\x01\x80\x84\xa9\x8c!\x00\x00\x00\x00IEND\xaeB`\x82"
)


def showing(image: str) -> Answer:
    return Answer({"Content-Type": "text/html"}, [f"<img src='{image}'>".encode()])


@pytest.mark.parametrize("lost", ["", "Cross-Origin-Resource-Policy"])
def test_no_other_site_shows_a_file(tab: Any, lost: str) -> None:
    """An image of an invoice stays blank on another's page; without the header it does not."""
    headers = download_headers(Attachment(UUID(int=1), "a.png", len(PIXEL), "image/png", "00"))
    kept = {name: value for name, value in headers.items() if name != lost}
    with (
        serving(lambda _, __: Answer(kept, [PIXEL])) as theirs,
        serving(lambda _, __: showing(f"{theirs}/image")) as address,
    ):
        tab.goto(address.replace("127.0.0.1", "localhost"))
        assert tab.evaluate("document.images[0].naturalWidth") == (1 if lost else 0)


def test_a_damaged_file_is_no_download(open_page: Callable[..., Opened], stored: Path) -> None:
    """The browser tells that it broke off, though not a byte is missing in the store."""
    opened = open_page(Upload("Police.pdf", PDF), Upload("Avenant.pdf", PDF + b"x" * 2**18))
    for which, file in enumerate(opened.files):
        path = stored / storage_key("cabinet", file.id)
        path.chmod(0o600)
        path.write_bytes(path.read_bytes()[:-1] + b"?")
        assert opened.keep(which).failure()
