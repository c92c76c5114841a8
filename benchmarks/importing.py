"""`import indiopay`, and the first use of its model, against `import attrs`; each in a fresh interpreter."""

import subprocess
import sys

from rounds import show

STATEMENTS = {
    "import attrs": "import attrs",
    "import indiopay": "import indiopay",
    "from indiopay import Invoice": "from indiopay import Invoice",
}
TIMED = "import time; start = time.perf_counter(); {}; print(time.perf_counter() - start)"


def seconds(statement: str) -> float:
    """What the import takes inside a new interpreter, told by that interpreter."""
    command = [sys.executable, "-I", "-c", TIMED.format(statement)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main(rounds: int = 21) -> None:
    names = list(STATEMENTS)
    times: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds + 1):
        for name in names[turn % 3 :] + names[: turn % 3]:
            times[name].append(seconds(STATEMENTS[name]))
    told = {name: measured[1:] for name, measured in times.items()}
    show("import", "0.1 for the root, 1.6 for the model", told, reference="import attrs", repeat=1)


if __name__ == "__main__":
    main()
