"""For people who test their own app, or who write stores, file stores and mailers."""

from typing import TYPE_CHECKING

from indiopay.testing.clock import StoppedClock
from indiopay.testing.memory import memory_desk

if TYPE_CHECKING:
    from indiopay.testing.file_contract import FileStoreContract as FileStoreContract
    from indiopay.testing.mailer_contract import MailerContract as MailerContract
    from indiopay.testing.store_contract import InvoiceStoreContract as InvoiceStoreContract

__all__ = ["FileStoreContract", "InvoiceStoreContract", "MailerContract", "StoppedClock", "memory_desk"]

_DUTIES = {
    "FileStoreContract": ("file_contract", "file_keeping", "file_races", "file_streams"),
    "InvoiceStoreContract": (
        "store_contract",
        "store_agencies",
        "store_endings",
        "store_imported",
        "store_keeping",
        "store_letters",
        "store_lists",
        "store_moving",
        "store_races",
        "store_writing",
    ),
    "MailerContract": ("mailer_contract",),
}
"""The rooms of each contract, the contract's own first."""

if not TYPE_CHECKING:  # else a type checker would believe every name

    def __getattr__(name):  # noqa: ANN001, ANN202  # the names above are typed where they are made
        """The contracts come with pytest and Hypothesis, which `memory_desk` does without."""
        if name not in _DUTIES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        import pytest

        rooms = [f"{__name__}.{room}" for room in _DUTIES[name]]
        pytest.register_assert_rewrite(*rooms)  # so that a failure says why
        contract = getattr(import_module(rooms[0]), name)
        globals()[name] = contract
        return contract
