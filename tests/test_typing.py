"""What type checkers make of the package: what callers rightly write is accepted, mistakes are seen."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
WRONG = (ROOT / "typing_tests" / "wrong.py").read_text(encoding="utf-8")


def mypy(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", os.devnull, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_right_uses_type_check_and_every_mistake_is_seen() -> None:
    """An ignore without a mistake behind it would be reported."""
    done = mypy("typing_tests/right.py", "typing_tests/wrong.py")
    assert done.returncode == 0, done.stdout


def test_the_mistakes_are_mistakes(tmp_path: Path) -> None:
    """Without its ignores, each marked line is an error."""
    bare = tmp_path / "wrong.py"
    bare.write_text(WRONG.replace("# type: ignore", "# "), encoding="utf-8")
    done = mypy(bare)
    marked = [number for number, line in enumerate(WRONG.splitlines(), start=1) if "# type: ignore" in line]
    assert {int(line.split(":")[1]) for line in done.stdout.splitlines() if ": error:" in line} == set(marked)


def test_a_second_type_checker_agrees() -> None:
    """No error, and no ignore that is not needed, by basedpyright."""
    command = [sys.executable, "-m", "basedpyright", "--level", "error", "typing_tests"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
