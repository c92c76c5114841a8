"""The floors: a module imports only what lies below it, drivers stay above, and no float comes near money."""

import ast
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "indiopay"
MODULES = sorted(PACKAGE.rglob("*.py"))


def check_floors(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the contracts over the package in `folder`, which goes before the installed one."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"]
    environment = {"PYTHONPATH": str(folder / "src"), "PYTHONUTF8": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package and of its contracts, to plant mistakes in."""
    shutil.copytree(PACKAGE, tmp_path / "src" / "indiopay", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_package_keeps_its_floors(copy: Path) -> None:
    """Every contract holds."""
    done = check_floors(copy)
    assert done.returncode == 0, done.stdout
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    assert f"{len(contracts)} kept, 0 broken" in done.stdout


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("money.py", "from indiopay.invoice import Invoice", "A module imports only floors below"),
        ("due_date.py", "from indiopay.money import Money", "rooms on one floor"),
        ("newcomer.py", "", "A module imports only floors below"),
        ("invoice.py", "import sqlite3", "No file, socket or driver below floor 7"),
        ("letters.py", "import smtplib", "No file, socket or driver below floor 7"),
        (
            "desk.py",
            "from indiopay.stores.sqlite import SqliteStore",
            "Desk, intake and delivery know ports",
        ),
        ("stores/sqlite.py", "from indiopay.stores.memory import MemoryStore", "The stores share their rows"),
        ("listing.py", "from indiopay import Money", "Nothing inside the package imports its roof"),
    ],
)
def test_a_planted_violation_is_caught(copy: Path, module: str, line: str, contract: str) -> None:
    """Each contract has been seen to break."""
    path = copy / "src" / "indiopay" / module
    path.write_text(f"{line}\n{path.read_text() if path.exists() else ''}")
    done = check_floors(copy)
    assert done.returncode == 1
    assert contract in " ".join(done.stdout.partition("Broken contracts")[2].split())


def floats(source: str) -> list[int]:
    """The lines with a float literal, a call of `float`, or a true division."""
    found = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.expr | ast.stmt))
    return [node.lineno for node in found if _is_float(node)]


def _is_float(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, float)
    if isinstance(node, ast.Name):
        return node.id == "float"
    return isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div) and not _is_path(node)


def _is_path(node: ast.BinOp | ast.AugAssign) -> bool:
    """Paths are joined with "/" too: one side is a text or a name of a folder."""
    return (isinstance(node, ast.BinOp) and "path" in ast.dump(node).lower()) or "Constant(value='" in ast.dump(node)


PURE = [
    path
    for path in MODULES
    if path.parent == PACKAGE and path.stem not in ("durable", "embedded", "delivery", "intake", "desk")
]


@pytest.mark.parametrize("path", PURE, ids=lambda path: path.stem)
def test_no_float_comes_near_money(path: Path) -> None:
    """Amounts are integers from typing to paper."""
    assert floats(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("planted", ["x = 1.5", "x = float('1')", "x = total / 100", "total /= 2"])
def test_a_planted_float_is_caught(planted: str) -> None:
    """The search above has been seen to find."""
    assert floats(planted) == [1]
