"""The contract of a file store: each of ours keeps it, and each broken one fails at the duty that it breaks alone."""

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

import indiopay.testing
from indiopay.files.bucket import BucketFiles
from indiopay.files.folder import FolderFiles
from indiopay.files.memory import MemoryFiles
from indiopay.ports import FileStore
from indiopay.testing import FileStoreContract

from .broken_files import BROKEN
from .contract_report import Outcomes, duties, outcomes_in, started
from .s3_server import MEMORY, S3Server
from .test_store_contract import LEAN

pytestmark = pytest.mark.no_cover  # it goes over and over what other tests cover

DUTIES = {name.removeprefix("test_") for name in dir(FileStoreContract) if name.startswith("test_")}
OF_STREAMS = {"a_large_file_is_put_a_few_bytes_at_a_time", "a_large_file_is_read_a_few_bytes_at_a_time"}
OF_TWO_HANDLES = {"two_handles_have_the_same_files"}

OpenFiles = Callable[[], FileStore]


class TestMemoryFiles(FileStoreContract):
    shared = False
    streams = False

    @pytest.fixture
    def open_files(self) -> OpenFiles:
        files = MemoryFiles()
        return lambda: files


class TestFolderFiles(FileStoreContract):
    @pytest.fixture
    def open_files(self, tmp_path: Path) -> OpenFiles:
        return lambda: FolderFiles(tmp_path / "fichiers")


class TestBucketFiles(FileStoreContract):
    prefix = ""
    examples = 10

    @pytest.fixture
    def open_files(self, s3_server: S3Server) -> OpenFiles:
        s3_server.empty()
        return lambda: BucketFiles(s3_server.store(), self.prefix)


class TestBucketFilesUnderAPrefix(TestBucketFiles):
    prefix = "pieces/jointes"
    examples = 5


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """What became of each test of `broken_files.py`."""
    report = tmp_path_factory.mktemp("contract") / "report.xml"
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:  # no power fails here
        started(report, *LEAN, f"--basetemp={folder}/files", "tests/broken_files.py").wait()
    return outcomes_in([report])


def test_a_whole_file_store_keeps_every_duty(outcomes: Outcomes) -> None:
    """Nothing fails, and nothing is left out."""
    whole = outcomes["TestFolderFiles"]
    assert whole.keys() == {"passed"}
    assert duties(whole["passed"]) == DUTIES


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_file_store_fails_at_the_duty_that_it_breaks_and_at_no_other(outcomes: Outcomes, broken: str) -> None:
    """Each duty has been seen red, alone."""
    assert outcomes[broken].keys() - {"skipped"} == {"passed", "failure"}
    assert duties(outcomes[broken]["failure"]) == {BROKEN[broken]}


def test_every_duty_is_broken_by_one() -> None:
    """A duty that is added needs a broken file store too."""
    assert set(BROKEN.values()) == DUTIES


def test_only_a_duty_of_an_undeclared_capability_is_skipped(outcomes: Outcomes) -> None:
    """It says which; all the others are tried."""
    skipped = outcomes["TestMemoryFiles"]["skipped"]
    assert {name for name in skipped if "[two handles" not in name} == OF_STREAMS | OF_TWO_HANDLES
    assert all(("streams is False" if name in OF_STREAMS else "shared is False") in skipped[name] for name in skipped)
    assert duties(outcomes["TestMemoryFiles"]["passed"]) == DUTIES - OF_STREAMS - OF_TWO_HANDLES


def test_without_a_file_store_every_duty_errs(outcomes: Outcomes) -> None:
    """And says what to override."""
    assert outcomes["TestNoFileStore"].keys() == {"error"}
    assert duties(outcomes["TestNoFileStore"]["error"]) == DUTIES
    assert all("must override the fixture open_files" in said for said in outcomes["TestNoFileStore"]["error"].values())


def test_a_duty_that_fails_shows_what_it_compared(outcomes: Outcomes) -> None:
    """Its assertions are rewritten, though they stand in a package."""
    (said,) = outcomes["TestGivesKeysOfAnyAge"]["failure"].values()
    assert "assert (['nord/" in said


def test_every_method_of_the_port_is_tried(outcomes: Outcomes) -> None:
    """A method that is added to the port is given a duty, or this fails."""
    assert {name for name in FileStore.__dict__ if name[0] != "_"} == {"put", "read", "keys", "delete"}


def test_a_duty_cannot_be_overridden() -> None:
    """Neither in the class nor by a base that goes before the contract; an author's own tests may stand beside them."""
    name = "test_a_key_is_written_once"
    with pytest.raises(TypeError, match=f"TestOwn overrides duties of the contract: {name}"):
        type("TestOwn", (FileStoreContract,), {name: None})
    with pytest.raises(TypeError, match=f"TestOwn overrides duties of the contract: {name}"):
        type("TestOwn", (type("Mixin", (), {name: None}), FileStoreContract), {})
    assert "test_of_its_own" in vars(type("TestOwn", (FileStoreContract,), {"test_of_its_own": None}))


def test_every_duty_is_stated_in_one_sentence() -> None:
    """Whoever fails one reads what was promised."""
    stated = {name: getattr(FileStoreContract, f"test_{name}").__doc__ or "" for name in DUTIES}
    assert [name for name, text in stated.items() if not text.endswith(".") or "\n" in text] == []


def test_the_contract_is_loaded_when_it_is_asked_for() -> None:
    """It comes with pytest and Hypothesis, which the rest of the package does without."""
    script = """
import sys
sys.modules["pytest"] = sys.modules["hypothesis"] = None
import indiopay.testing
print("indiopay.testing.file_contract" in sys.modules)
try:
    indiopay.testing.FileStoreContract
except ImportError as error:
    print(error.name)
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("False\npytest\n", "")
    assert "FileStoreContract" in indiopay.testing.__all__
