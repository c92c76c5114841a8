"""The contract of a store as a pytest class, for people who write one."""

# ruff: noqa: S101  # a duty asserts

from collections.abc import Callable
from typing import ClassVar

import pytest

from indiopay.invoice import Idempotency
from indiopay.ports import InvoiceStore
from indiopay.testing.store_agencies import AgencyDuties
from indiopay.testing.store_endings import EndingDuties
from indiopay.testing.store_imported import ImportedDuties
from indiopay.testing.store_keeping import KeepingDuties
from indiopay.testing.store_letters import LetterDuties
from indiopay.testing.store_lists import ListDuties
from indiopay.testing.store_moving import MovingDuties
from indiopay.testing.store_races import Handles, RaceDuties
from indiopay.testing.store_samples import NOW, SECOND, TODAY, claim, letter, new
from indiopay.testing.store_writing import WritingDuties


class InvoiceStoreContract(
    KeepingDuties,
    WritingDuties,
    AgencyDuties,
    ListDuties,
    LetterDuties,
    EndingDuties,
    MovingDuties,
    ImportedDuties,
    RaceDuties,
):
    """What `indiopay.ports.InvoiceStore` promises, one duty a test, for a store of your own.

    Subclass it under a name that pytest collects, and override one fixture, `open_store`. A duty is skipped only if
    `durable` or `shared` says that the store does not do it, and none may be overridden (TypeError). It comes with
    `indiopay[testing]`.

    Not tried: a crash, other processes (two handles stand for them), and that what a driver raises comes out as a
    `StorageError` with its cause.
    """

    durable: ClassVar[bool] = True
    """What was written is there when the store is opened again."""

    shared: ClassVar[bool] = True
    """Two handles of the store may be open at once, as in two processes."""

    examples: ClassVar[int] = 25
    """How many cases each duty tries that draws its cases by Hypothesis."""

    def __init_subclass__(cls) -> None:
        """Duties are kept, not replaced."""
        duties = [name for name in dir(InvoiceStoreContract) if name.startswith("test_")]
        replaced = [name for name in duties if getattr(cls, name) is not getattr(InvoiceStoreContract, name)]
        if replaced:
            raise TypeError(f"{cls.__name__} overrides duties of the contract: {', '.join(replaced)}")

    @pytest.fixture
    def open_store(self) -> Callable[[], InvoiceStore]:
        """A function that opens your store, each time over the same data, which are empty when a test begins.

        A store in memory gives the same object each time. If only one handle may be open (`shared` is False), the
        function closes the one before.
        """
        pytest.fail(f"{type(self).__name__} must override the fixture open_store", pytrace=False)

    @pytest.fixture
    def store(self, open_store: Callable[[], InvoiceStore]) -> InvoiceStore:
        """Your store, empty."""
        return open_store()

    @pytest.fixture
    def two_handles(self, open_store: Callable[[], InvoiceStore]) -> Handles:
        """Two handles over the same data."""
        if not self.shared:
            pytest.skip("shared is False: only one handle may be open at once")
        return open_store(), open_store()

    @pytest.fixture(params=["one handle", "two handles"])
    def handles(self, request: pytest.FixtureRequest) -> Handles:
        """Two handles over the same data, or one twice."""
        if request.param == "two handles":
            return tuple(request.getfixturevalue("two_handles"))
        return (request.getfixturevalue("store"),) * 2

    def test_two_handles_read_what_the_other_wrote(self, two_handles: Handles) -> None:
        """At once, not only when they are opened."""
        first, second = two_handles
        invoice = first.add("nord", new(1))
        assert first.get("nord", invoice.id) == second.get("nord", invoice.id) == (invoice, new(1).link)
        change = invoice.cancel(at=NOW)
        second.apply("nord", change)
        assert first.get("nord", invoice.id) == second.get("nord", invoice.id) == (change.invoice, new(1).link)
        assert first.totals("nord", today=TODAY) == second.totals("nord", today=TODAY)

    def test_what_was_written_is_there_when_the_store_is_opened_again(
        self, open_store: Callable[[], InvoiceStore]
    ) -> None:
        """Invoices, numbers, times, keys, links, letters under their leases, and history."""
        if not self.durable:
            pytest.skip("durable is False: the store forgets")
        store = open_store()
        key = Idempotency("k", b"form")
        invoice = store.add("nord", new(1, letter=letter(1), idempotency=key))
        store.apply("nord", invoice.send(letter(2, of=1)))
        held = claim(store)
        before = list(store.export("nord"))
        again = open_store()
        assert list(again.export("nord")) == before
        assert held in before[0].letters
        assert again.by_link("nord", new(1).link) == again.add("nord", new(2, idempotency=key)) == before[0].invoice
        added = again.add("nord", new(2, at=NOW - SECOND))
        assert (added.number, added.created_at) == ("F-000002", NOW)
