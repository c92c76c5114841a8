"""A real browser, where this machine has one."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def running() -> Iterator[Any]:
    """Chromium without a window; the test is skipped, with the reason, where there is none."""
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no browser on this machine: install chromium")
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory(prefix="indiopay-") as home, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=[*_QUIET], env={"HOME": home, "LC_ALL": "C.UTF-8"})
        yield browser
        browser.close()
