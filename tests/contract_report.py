"""What became of each duty of a contract, tried by pytest in a process of its own."""

import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).parent.parent

Outcomes = Mapping[str, Mapping[str, Mapping[str, str]]]
"""For each test class: its tests that "passed", "skipped", "failure" or "error", each with what was said."""


def started(report: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """A run of these tests, which writes its report there."""
    command = [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", f"--junitxml={report}"]
    return subprocess.Popen([*command, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def outcomes_in(reports: Iterable[Path]) -> Outcomes:
    """What the reports tell."""
    found: dict[str, dict[str, dict[str, str]]] = defaultdict(lambda: defaultdict(dict))
    for report in reports:
        for case in ET.parse(report).iter("testcase"):  # noqa: S314  # our own report
            told = next(iter(case), None)
            kind, said = ("passed", "") if told is None else (told.tag, f"{told.get('message')}\n{told.text}")
            found[case.attrib["classname"].rpartition(".")[2]][kind][case.attrib["name"].removeprefix("test_")] = said
    return found


def duties(tests: Mapping[str, str]) -> set[str]:
    """The duties behind those tests, without their cases."""
    return {name.partition("[")[0] for name in tests}
