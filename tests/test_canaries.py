"""Whoever logs what nobody may read makes the test fail in which it does so."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from indiopay.links import PaymentLinks

from .canaries import Listener, leaks
from .conftest import KEY, PAGE

ROOT = Path(__file__).parent.parent
LINKS = PaymentLinks(PAGE, keys=[KEY])
TOKEN = LINKS.token("nord", LINKS.draw("nord", bytes))

TOLD = {
    "a token": f"opened {PAGE}{TOKEN}",
    "an address": "refused zoe@exemple.ca",
    "a name": "for Zoé Tremblay",
    "a file's name": "kept Police d’été.pdf",
    "a note": "about Prime annuelle",
    "a payment": "by PAIEMENT-1",
    "a dialogue": "said 550 no such user",
    "a password": "with S3cretDuCabinet",
    "a canary": "Canari",
}

LOUD = """
import logging, threading
import pytest

log = logging.getLogger("indiopay.somewhere")

@pytest.fixture
def loud():
    log.debug("for Zoé")

@pytest.fixture
def loud_at_the_end():
    yield
    log.debug("for Zoé")

def test_in_a_message():
    log.debug("to zoe@exemple.ca")

def test_in_an_argument():
    log.debug("to %.0s", "zoe@exemple.ca")

def test_in_an_extra():
    log.debug("sent", extra={"to": "zoe@exemple.ca"})

def test_in_an_error_behind_an_error():
    try:
        try:
            raise OSError("zoe@exemple.ca")
        except OSError as error:
            raise RuntimeError from error
    except RuntimeError:
        log.debug("failed", exc_info=True)

def test_by_the_driver():
    logging.getLogger("psycopg").debug("to zoe@exemple.ca")

def test_in_another_thread():
    other = threading.Thread(target=log.debug, args=("to zoe@exemple.ca",))
    other.start()
    other.join()

def test_while_it_is_set_up(loud):
    pass

def test_while_it_is_torn_down(loud_at_the_end):
    pass

def test_in_silence():
    log.debug("letter %s waits: the relay is away (%s)", "019a2b3c-550e-7abc-8def-0123456789ab", 421)
"""


@pytest.mark.parametrize("kind", TOLD)
def test_each_kind_is_known_from_the_others(kind: str) -> None:
    """So that none hides behind another."""
    assert [leak.partition(":")[0] for leak in leaks(TOLD[kind])] == [kind]


def test_a_test_that_leaks_fails(tmp_path: Path) -> None:
    """Wherever the leak is; one that keeps silence passes."""
    (tmp_path / "test_loud.py").write_text(LOUD, encoding="utf-8")
    asked = ["-p", "tests.canaries", "-p", "no:cacheprovider", "-v", "--tb=no", str(tmp_path)]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "--rootdir", str(tmp_path), *asked],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert "6 failed, 2 passed, 2 errors" in run.stdout
    assert "test_in_silence PASSED" in run.stdout


def test_every_test_is_listened_to() -> None:
    """The library and its driver, down to DEBUG."""
    for name in ("indiopay", "psycopg"):
        log = logging.getLogger(name)
        assert log.isEnabledFor(logging.DEBUG) and any(isinstance(handler, Listener) for handler in log.handlers)
