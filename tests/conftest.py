"""What the tests share: an agency, a clock that stands still, and a desk over every store."""

import gc
import secrets
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Any

import psycopg
import pytest

from indiopay import Agency, InvoiceDesk, InvoiceForm, PaymentLinks
from indiopay.files.folder import FolderFiles
from indiopay.files.memory import MemoryFiles
from indiopay.mailers.memory import MemoryMailer
from indiopay.ports import FileStore, InvoiceStore
from indiopay.stores.memory import MemoryStore
from indiopay.stores.postgres import PostgresStore
from indiopay.stores.sqlite import SqliteStore
from indiopay.testing import StoppedClock

PAGE = "https://exemple.ca/payer/"
KEY = bytes(range(32))
TODAY = date(2026, 3, 2)
PDF = b"%PDF-1.4\n1 0 obj\n<< >>\nendobj\ntrailer\n<< >>\n%%EOF\n"


def filled_in(**changes: Any) -> InvoiceForm:
    """A form without a problem, but for `changes`."""
    typed: dict[str, Any] = {
        "amount": "1 250,00 $",
        "due_date": "30 jours",
        "client_name": "Zoé Tremblay",
        "client_email": "zoe@exemple.ca",
    }
    return InvoiceForm(**{**typed, **changes})


@pytest.fixture
def agency() -> Agency:
    return Agency("nord", "Assurances du Nord", "facturation@exemple.ca")


@pytest.fixture
def clock() -> StoppedClock:
    """A clock that stands at 10:00 on 2 March 2026 in Toronto."""
    return StoppedClock()


@pytest.fixture
def mailer() -> MemoryMailer:
    return MemoryMailer()


_END_OTHER_SESSIONS = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"""


@pytest.fixture
def postgres(postgres_server: str) -> str:
    """The address of a database that holds nothing."""
    with psycopg.connect(postgres_server, autocommit=True) as db:
        db.execute(_END_OTHER_SESSIONS)
        db.execute("DROP SCHEMA IF EXISTS indiopay CASCADE")
    return postgres_server


STORES = ("memory", "sqlite", "postgres")


@contextmanager
def opened(kind: str, folder: Path, address: Callable[[], str]) -> Iterator[tuple[InvoiceStore, FileStore]]:
    """A store of that kind, with the files that go with it."""
    if kind == "memory":
        yield MemoryStore(), MemoryFiles()
        return
    with closing(SqliteStore(folder / "invoices.sqlite3") if kind == "sqlite" else PostgresStore(address())) as store:
        yield store, FolderFiles(folder / "files")


@pytest.fixture(params=STORES)
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[InvoiceStore, FileStore]]:
    """Every store, with the files that go with it."""
    with opened(request.param, tmp_path, lambda: request.getfixturevalue("postgres")) as both:
        yield both


@pytest.fixture
def store(backend: tuple[InvoiceStore, FileStore]) -> InvoiceStore:
    return backend[0]


@pytest.fixture
def files(backend: tuple[InvoiceStore, FileStore]) -> FileStore:
    return backend[1]


@pytest.fixture
def open_desk(
    backend: tuple[InvoiceStore, FileStore], agency: Agency, clock: StoppedClock, mailer: MemoryMailer
) -> Callable[..., InvoiceDesk]:
    """Opens a desk over the store under test; its parts may be changed."""

    def open_(**changes: Any) -> InvoiceDesk:
        store, files = backend
        parts: dict[str, Any] = {
            "agency": agency,
            "store": store,
            "files": files,
            "mailer": mailer,
            "links": PaymentLinks(PAGE, keys=[KEY]),
            "clock": clock,
        }
        return InvoiceDesk(**{**parts, **changes})

    return open_


@pytest.fixture
def desk(open_desk: Callable[..., InvoiceDesk]) -> InvoiceDesk:
    return open_desk()


def token_of(link: str) -> str:
    """The token at the end of a link."""
    return link.removeprefix(PAGE)


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Says at the end of the run how much was tried, and from which seed."""
    return lambda line: record_property("told", line)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = chain.from_iterable(terminalreporter.stats.values())
    told = {line: None for report in reports for name, line in getattr(report, "user_properties", ()) if name == "told"}
    for line in told:
        terminalreporter.write_line(line)


def pytest_collection_finish() -> None:
    gc.freeze()  # thousands of tests stay to the end, and are not looked through again and again


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.get_closest_marker("forks") is None)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kills", type=int, default=500, help="how many writers are killed over each store")
    parser.addoption("--images", type=int, default=2000, help="how often the power goes")
    parser.addoption("--steps", type=int, default=1500, help="how many steps the state machine takes over each store")
    parser.addoption("--letters", type=int, default=300, help="how many letters go out in all weathers")
    parser.addoption("--seed", type=int, default=None, help="replays a random run")


@pytest.fixture
def kills(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--kills"))


@pytest.fixture
def letters(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--letters"))


@pytest.fixture
def steps(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--steps"))


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    chosen = request.config.getoption("--seed")
    return secrets.randbits(32) if chosen is None else int(chosen)
