"""The contract of a store: a whole store passes, and each broken one fails at the duty that it breaks and no other."""

import subprocess
import sys

import pytest

import indiopay.testing
from indiopay.ports import InvoiceStore
from indiopay.testing import InvoiceStoreContract

from . import broken_stores
from .broken_stores import BROKEN
from .contract_report import Outcomes, duties, outcomes_in, started

pytestmark = pytest.mark.no_cover  # it goes over and over what other tests cover

DUTIES = {name.removeprefix("test_") for name in dir(InvoiceStoreContract) if name.startswith("test_")}

OF_TWO_HANDLES = {
    "a_letter_is_withdrawn_whatever_its_worker_writes_at_once[two handles]",
    "many_that_add_at_once_get_numbers_without_a_gap[two handles]",
    "many_with_one_key_make_one_invoice[two handles]",
    "no_reader_sees_an_invoice_with_the_link_of_another_moment[two handles]",
    "no_reader_sees_half_a_change[two handles]",
    "no_reader_sees_half_an_outcome[two handles]",
    "no_two_workers_get_the_same_letter[two handles]",
    "one_of_many_that_change_an_invoice_wins[two handles]",
    "two_handles_read_what_the_other_wrote",
}
OF_A_DURABLE_STORE = {"what_was_written_is_there_when_the_store_is_opened_again"}

CLASSES = [name for name in vars(broken_stores) if name.startswith("Test")]
LEAN = ("-p", "no:logging", "--capture=no", "--tb=short")  # they are thousands of tests


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """What became of each test of `broken_stores.py`."""
    folder = tmp_path_factory.mktemp("contract")
    halves = {folder / f"{half}.xml": CLASSES[half::2] for half in (0, 1)}
    runs = [
        started(report, *LEAN, *(f"tests/broken_stores.py::{name}" for name in classes))
        for report, classes in halves.items()
    ]
    for run in runs:
        run.wait()
    return outcomes_in(halves)


def test_a_whole_store_keeps_every_duty(outcomes: Outcomes) -> None:
    """Nothing fails, and only what needs a durable store is left out."""
    whole = outcomes["TestMemoryStore"]
    assert whole.keys() == {"passed", "skipped"}
    assert whole["skipped"].keys() == OF_A_DURABLE_STORE
    assert duties(whole["passed"]) == DUTIES - OF_A_DURABLE_STORE


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_store_fails_at_the_duty_that_it_breaks_and_at_no_other(outcomes: Outcomes, broken: str) -> None:
    """Each duty has been seen red, alone."""
    assert outcomes[broken].keys() == {"passed", "skipped", "failure"}
    assert duties(outcomes[broken]["failure"]) == {BROKEN[broken]}


def test_only_a_duty_of_an_undeclared_capability_is_skipped(outcomes: Outcomes) -> None:
    """It says which; all the others are tried."""
    skipped = outcomes["TestNothingDeclared"]["skipped"]
    assert skipped.keys() == OF_TWO_HANDLES | OF_A_DURABLE_STORE
    assert all("shared is False" in skipped[name] for name in OF_TWO_HANDLES)
    assert all("durable is False" in skipped[name] for name in OF_A_DURABLE_STORE)


def test_without_a_store_every_duty_errs(outcomes: Outcomes) -> None:
    """And says what to override."""
    assert outcomes["TestNoStore"].keys() == {"error"}
    assert duties(outcomes["TestNoStore"]["error"]) == DUTIES
    assert all("must override the fixture open_store" in said for said in outcomes["TestNoStore"]["error"].values())


def test_a_duty_that_fails_shows_what_it_compared(outcomes: Outcomes) -> None:
    """Its assertions are rewritten, though they stand in a package."""
    (said,) = outcomes["TestTakesTheNumberFirst"]["failure"].values()
    assert "assert 'F-000003' == 'F-000002'" in said


def test_every_method_of_the_port_is_tried_with_another_agencys_ids(outcomes: Outcomes) -> None:
    """A method that is added to the port is tried too, or fails."""
    duty = "an_agency_neither_sees_nor_touches_another"
    methods = {name for name in InvoiceStore.__dict__ if name[0] != "_"}
    assert len(methods) == 14
    assert {name for name in outcomes["TestMemoryStore"]["passed"] if duty in name} == {f"{duty}[{m}]" for m in methods}


def test_a_duty_cannot_be_overridden() -> None:
    """Neither in the class nor by a base that goes before the contract; an author's own tests may stand beside them."""
    with pytest.raises(TypeError, match="TestOwn overrides duties of the contract: test_sums_are_exact"):
        type("TestOwn", (InvoiceStoreContract,), {"test_sums_are_exact": None})
    mixin = type("Mixin", (), {"test_sums_are_exact": None})
    with pytest.raises(TypeError, match="TestOwn overrides duties of the contract: test_sums_are_exact"):
        type("TestOwn", (mixin, InvoiceStoreContract), {})
    assert "test_of_its_own" in vars(type("TestOwn", (InvoiceStoreContract,), {"test_of_its_own": None}))


def test_every_duty_is_stated_in_one_sentence() -> None:
    """Whoever fails one reads what was promised."""
    stated = {name: getattr(InvoiceStoreContract, f"test_{name}").__doc__ or "" for name in DUTIES}
    assert [name for name, text in stated.items() if not text.endswith(".") or "\n" in text] == []


def test_the_package_does_without_pytest_until_the_contract_is_asked_for() -> None:
    """`memory_desk` is for any runner of tests; the contract says what it lacks."""
    script = """
import sys
sys.modules["pytest"] = sys.modules["hypothesis"] = None
import indiopay.testing
print(indiopay.testing.memory_desk().list().items, "indiopay.testing.store_contract" in sys.modules)
try:
    indiopay.testing.InvoiceStoreContract
except ImportError as error:
    print(error.name)
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("() False\npytest\n", "")


def test_the_names_for_tests_are_these() -> None:
    """Sorted; any other is an error."""
    names = ["FileStoreContract", "InvoiceStoreContract", "MailerContract", "StoppedClock", "memory_desk"]
    assert indiopay.testing.__all__ == names
    assert all(getattr(indiopay.testing, name).__doc__ for name in names)
    with pytest.raises(AttributeError, match="no attribute 'StoreContract'"):
        indiopay.testing.StoreContract  # type: ignore[attr-defined]  # noqa: B018  # on purpose
