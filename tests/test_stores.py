"""The stores keep the contract: every duty of `InvoiceStoreContract`, over each of them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from indiopay.ports import InvoiceStore
from indiopay.stores.memory import MemoryStore
from indiopay.stores.postgres import PostgresStore
from indiopay.stores.sqlite import SqliteStore
from indiopay.testing import InvoiceStoreContract

pytestmark = pytest.mark.no_cover  # it goes over and over what other tests cover


class TestMemoryStore(InvoiceStoreContract):
    """It forgets with the process, and many may use it at once."""

    durable = False

    @pytest.fixture
    def open_store(self) -> Callable[[], InvoiceStore]:
        store = MemoryStore()
        return lambda: store


class TestSqliteStore(InvoiceStoreContract):
    """Each handle has connections of its own to one file."""

    @pytest.fixture
    def open_store(self, tmp_path: Path) -> Iterator[Callable[[], InvoiceStore]]:
        with ExitStack() as stack:
            yield lambda: stack.enter_context(closing(SqliteStore(tmp_path / "invoices.sqlite3")))


class TestPostgresStore(InvoiceStoreContract):
    """Each handle has connections of its own to one database."""

    @pytest.fixture
    def open_store(self, postgres: str) -> Iterator[Callable[[], InvoiceStore]]:
        with ExitStack() as stack:
            yield lambda: stack.enter_context(closing(PostgresStore(postgres)))
