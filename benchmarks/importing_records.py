"""An agency of 200 000 invoices out of SQLite into a file of JSON lines, and into another SQLite: under a minute.

Also what of it is JSON's, what is the reading of records, and how much memory was taken at most.
"""

import json
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from tempfile import TemporaryDirectory

from indiopay import Agency, InvoiceDesk, open_folder
from indiopay.records import read_records, write_records
from samples import AGENCY, records

COUNT = 200_000
GOAL_SECONDS = 60


def open_desk(folder: Path) -> InvoiceDesk:
    agency = Agency(AGENCY, "Assurances du Nord", "facturation@exemple.ca")
    return open_folder(folder, agency=agency, page_url="https://exemple.ca/")


def lines(path: Path) -> Iterator[Mapping[str, object]]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def keep(path: Path, exported: Iterator[dict[str, object]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{json.dumps(record)}\n" for record in exported)


def peak_mib() -> int:
    return getrusage(RUSAGE_SELF).ru_maxrss // 1024


def told(what: str, start: float) -> float:
    """Says how long it took since then."""
    seconds = time.perf_counter() - start
    print(f"  {what:<60} {seconds:6.1f} s   {seconds / COUNT * 1e6:6.1f} µs each   at most {peak_mib()} MiB")
    return seconds


def main() -> None:
    print(f"\nan agency of {COUNT:,} invoices moves  (goal: imported in under {GOAL_SECONDS} s)")
    with TemporaryDirectory(dir=".", prefix="bench-") as folder:
        path = Path(folder, "factures.jsonl")
        keep(path, write_records(records(COUNT)))
        print(f"  {path.stat().st_size // 2**20} MiB of JSON lines")
        start = time.perf_counter()
        assert sum(1 for _ in lines(path)) == COUNT
        told("the lines alone", start)
        start = time.perf_counter()
        assert sum(1 for _ in read_records(lines(path), agency=AGENCY, stored=list)) == COUNT
        told("the lines, read as records", start)
        with open_desk(Path(folder, "desk")) as desk:
            start = time.perf_counter()
            assert desk.import_records(lines(path)) == COUNT
            seconds = told("desk.import_records of the lines, into SQLite", start)
            start = time.perf_counter()
            keep(Path(folder, "again.jsonl"), desk.export_records())
            told("desk.export_records into a file", start)
        assert Path(folder, "again.jsonl").read_bytes() == path.read_bytes()
    if seconds >= GOAL_SECONDS:
        sys.exit("too long")


if __name__ == "__main__":
    main()
