"""The stores keep the contract: every duty of `InvoiceStoreContract`, over each of them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from indiopay.ports import InvoiceStore
from indiopay.stores.memory import MemoryStore
from indiopay.stores.sqlite import SqliteStore
from indiopay.testing import InvoiceStoreContract


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
        opened: list[SqliteStore] = []

        def open_() -> InvoiceStore:
            opened.append(SqliteStore(tmp_path / "invoices.sqlite3"))
            return opened[-1]

        yield open_
        for store in opened:
            store.close()
