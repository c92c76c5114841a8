"""Installs the wheel alone into an empty environment and runs the README's first example from it.

python tests/wheel_alone.py dist
"""

import re
import subprocess
import sys
import venv
from doctest import ELLIPSIS, OutputChecker
from pathlib import Path
from tempfile import TemporaryDirectory

README = Path(__file__).parent.parent / "README.md"
EXAMPLE = re.compile("```python\n(.*?)```.*?```text\n(.*?)```", re.DOTALL)


def main(dist: Path) -> None:
    (wheel,) = dist.resolve().glob("*.whl")
    found = EXAMPLE.search(README.read_text(encoding="utf-8"))
    if found is None:
        raise SystemExit("the README has no example")
    example, wanted = found.groups()
    with TemporaryDirectory(prefix="indiopay-") as folder:
        python = _environment(Path(folder), wheel)
        command = [python, "-I", "-X", "utf8", "-W", "error", "-c", example]
        printed = subprocess.run(command, check=True, cwd=folder, capture_output=True, text=True, encoding="utf-8")
    if not OutputChecker().check_output(wanted, printed.stdout, ELLIPSIS):
        raise SystemExit(f"the README's first example prints something else:\n{printed.stdout}")
    print(f"{wheel.name} alone runs the README's first example")


def _environment(folder: Path, wheel: Path) -> Path:
    venv.create(folder / "empty", with_pip=True)
    python = folder / "empty" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel], check=True)
    return python


if __name__ == "__main__":
    main(Path(sys.argv[1]))
