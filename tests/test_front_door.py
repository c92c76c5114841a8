"""The package's front door: what it offers, and what it does not load."""

import subprocess
import sys
from importlib.resources import files

import pytest

import indiopay

NAMES = """
    Agency Attachment AttachmentNotFoundError Client CursorError Delivery DeskOptions Download EntryKind Event
    FileDamagedError FilePolicy HistoryEntry IdempotencyError IndioPayError InvalidInputError Invoice
    InvoiceChangedError InvoiceDesk InvoiceForm InvoiceNotFoundError InvoiceStateError InvoiceType LinkError
    MailError Money Page PaymentLinks PaymentPage Problem Status StorageError TemplatesError Totals Upload describe
    format_date label open_folder parse_due_date
""".split()  # noqa: SIM905  # as a list it fills a page
HEAVY = """
    sqlite3 psycopg obstore smtplib mailbox socket ssl jinja2 babel cattrs email_validator email typing attrs attr
    zoneinfo logging json pytest hypothesis
""".split()  # noqa: SIM905  # as a list it fills a page


def fresh(code: str) -> str:
    """What a new interpreter prints."""
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_the_public_names_are_these_and_sorted() -> None:
    """A name comes or goes only with this list."""
    assert indiopay.__all__ == NAMES == sorted(NAMES)
    assert dir(indiopay) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_can_be_had(name: str) -> None:
    """Each leads to something of the package's own, documented."""
    found = getattr(indiopay, name)
    assert found.__module__.startswith("indiopay.")
    assert found.__doc__


def test_an_unknown_name_is_an_attribute_error() -> None:
    """As of any module."""
    with pytest.raises(AttributeError, match="no attribute 'Invoices'"):
        indiopay.Invoices  # type: ignore[attr-defined]  # noqa: B018  # on purpose
    with pytest.raises(ImportError):
        exec("from indiopay import Invoices", {})  # noqa: S102  # on purpose


def test_importing_the_package_loads_nothing_else() -> None:
    """No driver, no template engine, no locale data, not even `typing`."""
    script = "import sys; before = set(sys.modules); import indiopay; print(*set(sys.modules) - before)"
    assert not set(fresh(script).split()) & set(HEAVY)


def test_a_value_loads_no_driver_no_template_engine_and_no_locale_data() -> None:
    """The pure floors stay light for async callers and scripts."""
    script = "import sys; from indiopay import Invoice, InvoiceForm, Money, PaymentLinks; print(*sys.modules)"
    loaded = set(fresh(script).split())
    heavy = {"sqlite3", "jinja2", "babel", "cattrs", "email_validator", "smtplib", "pytest", "hypothesis"}
    assert not loaded & heavy


def test_a_star_import_gives_the_public_names() -> None:
    """In a notebook."""
    assert fresh("from indiopay import *; print(*sorted(n for n in globals() if n[0] != '_'))").split() == NAMES


def test_the_package_is_typed() -> None:
    """Type checkers read its annotations."""
    assert files("indiopay").joinpath("py.typed").is_file()
