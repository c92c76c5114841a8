"""What the library logs: little, ids and the names of types."""

import ast
import re
from pathlib import Path

import pytest

import indiopay

pytestmark = pytest.mark.no_cover  # the coverage of what it tries is not asked for

SOURCES = sorted(Path(indiopay.__file__).parent.rglob("*.py"))

_FIT = re.compile(r"\w+\.(?:id|delivery_id)|type\([\w.]+\)\.__name__")
_PLAIN = ("'delivery pauses: %s'", "error")  # made by `delivery._plain`, of codes


def unfit_calls(source: str) -> list[str]:
    """The calls of a logger with more in them than ids and names of types."""
    return [ast.unparse(call) for call in ast.walk(ast.parse(source)) if isinstance(call, ast.Call) and _is_unfit(call)]


def _is_unfit(call: ast.Call) -> bool:
    logger, _, verb = ast.unparse(call.func).rpartition(".")
    if logger not in ("log", "logging", "logger", "warnings") or verb == "getLogger":
        return False
    if not call.args or call.keywords or not isinstance(call.args[0], ast.Constant):
        return True
    given = tuple(map(ast.unparse, call.args))
    return given != _PLAIN and not all(map(_FIT.fullmatch, given[1:]))


def test_logs_hold_ids_and_the_names_of_types() -> None:
    """And it logs in few places."""
    sources = [path.read_text(encoding="utf-8") for path in SOURCES]
    assert not [call for source in sources for call in unfit_calls(source)]
    assert 0 < sum(source.count("    log.") for source in sources) < 10


@pytest.mark.parametrize(
    "call",
    [
        'log.info(f"to {address}")',
        'log.info("to %s", invoice.client)',
        'log.warning("failed", exc_info=True)',
        "log.info(text)",
        'log.exception("failed: %s", error)',
        'logging.warning("%s", letter.recipient)',
        'warnings.warn(f"{name}")',
    ],
)
def test_a_log_with_more_in_it_is_caught(call: str) -> None:
    """However it comes in."""
    assert unfit_calls(call)
