"""For people who test their own app, or who write stores, file stores and mailers."""

from typing import TYPE_CHECKING

from indiopay.testing.clock import StoppedClock
from indiopay.testing.memory import memory_desk

if TYPE_CHECKING:
    from indiopay.testing.store_contract import InvoiceStoreContract as InvoiceStoreContract

__all__ = ["InvoiceStoreContract", "StoppedClock", "memory_desk"]

_DUTIES = (
    "agencies",
    "contract",
    "endings",
    "imported",
    "keeping",
    "letters",
    "lists",
    "moving",
    "races",
    "writing",
)

if not TYPE_CHECKING:  # else a type checker would believe every name

    def __getattr__(name):  # noqa: ANN001, ANN202  # the names above are typed where they are made
        """The contract comes with pytest and Hypothesis, which `memory_desk` does without."""
        if name != "InvoiceStoreContract":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import pytest

        pytest.register_assert_rewrite(
            *(f"{__name__}.store_{duties}" for duties in _DUTIES)
        )  # so that a failure says why
        from indiopay.testing.store_contract import InvoiceStoreContract

        globals()[name] = InvoiceStoreContract
        return InvoiceStoreContract
