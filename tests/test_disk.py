"""The simulated disk: what is synced stays, the rest may go in part, and SQLite asks of it what it asks of a kernel."""

from random import Random

import apsw
import pytest

from .power_loss.disk import ROOT, SECTOR, Disk, Image, Operation, Sync, Truncate, Write
from .power_loss.disk_vfs import mounted

DRAWS = 300


def outcomes(disk: Disk) -> list[Image]:
    """What many power losses leave."""
    return [disk.after_power_loss(Random(seed)) for seed in range(DRAWS)]


def contents(disk: Disk, path: str = "a") -> set[bytes | None]:
    return {image.get(path) for image in outcomes(disk)}


@pytest.fixture
def disk() -> Disk:
    """A disk with one file, "a", that holds "old", all of it safe."""
    disk = Disk()
    node = disk.create("a")
    for operation in (Write(node, 0, b"old"), Sync(node), Sync(ROOT)):
        disk.do(operation)
    return disk


@pytest.fixture
def node(disk: Disk) -> int:
    found = disk.find("a")
    assert found is not None
    return found


def test_what_is_synced_stays(disk: Disk) -> None:
    """The name and the content."""
    assert outcomes(disk) == [{"a": b"old"}] * DRAWS


def test_what_is_not_synced_is_kept_or_lost(disk: Disk, node: int) -> None:
    """The kernel shows it all the while."""
    disk.do(Write(node, 0, b"new"))
    assert disk.seen() == {"a": b"new"}
    assert contents(disk) == {b"old", b"new"}


@pytest.mark.parametrize(
    ("size", "left"), [(1, {b"old", b"o"}), (5, {b"old", b"old\0\0"})], ids=["cut off", "filled up"]
)
def test_a_size_that_is_not_synced_is_kept_or_lost(disk: Disk, node: int, size: int, left: set[bytes]) -> None:
    """A file that was cut off may have its old end again."""
    disk.do(Truncate(node, size))
    assert contents(disk) == left


def test_of_two_writes_the_later_one_alone_may_be_kept(disk: Disk, node: int) -> None:
    """A disk does its work in any order; what lies between is zeros."""
    disk.do(Write(node, 3, b"er"))
    disk.do(Write(node, 5, b"!"))
    assert contents(disk) >= {b"old", b"older", b"older!", b"old\0\0!"}


def test_a_write_is_torn_at_sectors(disk: Disk, node: int) -> None:
    """Each of them is written whole or not at all; a file that grew may show what lay there before."""
    disk.do(Write(node, 0, b"n" * (2 * SECTOR)))
    old = b"old".ljust(SECTOR, b"\0")
    assert contents(disk) >= {b"old", b"n" * 2 * SECTOR, b"n" * SECTOR + bytes(SECTOR), old + b"n" * SECTOR}
    assert contents(disk) >= {b"n" * SECTOR + b"\xa5" * SECTOR}


def test_a_sync_of_a_file_does_not_keep_its_name(disk: Disk) -> None:
    """Its folder's sync does."""
    node = disk.create("b")
    disk.do(Write(node, 0, b"new"))
    disk.do(Sync(node))
    assert contents(disk, "b") == {None, b"new"}
    disk.do(Sync(ROOT))
    assert contents(disk, "b") == {b"new"}


def test_a_sync_of_a_folder_does_not_keep_the_content_of_its_files(disk: Disk) -> None:
    """Nor the names in the folders below it."""
    disk.do(Write(disk.create("b"), 0, b"new"))
    disk.create("below", is_folder=True)
    disk.create("below/c")
    disk.do(Sync(ROOT))
    assert contents(disk, "b") >= {b"", b"new"}
    assert {"below/c" in image for image in outcomes(disk)} == {True, False}
    assert all("below" in image for image in outcomes(disk))


def test_a_name_that_was_taken_away_may_be_there_again(disk: Disk) -> None:
    """Until its folder is synced."""
    disk.unlink("a")
    assert disk.seen() == {}
    assert contents(disk) == {None, b"old"}
    disk.do(Sync(ROOT))
    assert contents(disk) == {None}


def test_a_second_name_is_the_same_file(disk: Disk, node: int) -> None:
    """It stays when the first one goes."""
    disk.link(node, "b")
    disk.unlink("a")
    disk.do(Write(node, 0, b"new"))
    assert disk.seen() == {"b": b"new"}


def test_a_disk_is_built_again_from_its_log(disk: Disk, node: int) -> None:
    """As it was, with what was not synced; what is no operation is only kept."""
    disk.do(Write(node, 0, b"new"))
    disk.do("a note")
    again = Disk(disk.log)
    assert (again.log, again.seen(), outcomes(again)) == (disk.log, disk.seen(), outcomes(disk))


def of_commit(journal_mode: str, synchronous: str) -> list[str]:
    """What a commit does to the disk; "db" is the database, "journal" its journal."""
    disk = Disk()
    disk.create("db")
    with mounted(disk) as vfs:
        db = apsw.Connection("db", flags=apsw.SQLITE_OPEN_READWRITE, vfs=vfs)
        db.execute(f"PRAGMA journal_mode = {journal_mode}; PRAGMA synchronous = {synchronous}").fetchall()
        db.execute("CREATE TABLE t (a)")
        begins = len(disk.log)
        db.execute("INSERT INTO t VALUES (1)")
        done = [_said(disk, operation) for operation in disk.log[begins:]]
        db.close()
    return [line for at, line in enumerate(done) if done[at - 1 : at] != [line]]


def _said(disk: Disk, operation: object) -> str:
    assert isinstance(operation, Operation)
    kind = type(operation).__name__.lower()
    if not isinstance(operation, Write | Truncate | Sync):
        return f"{'unlink' if operation.node is None else 'create'} {operation.name.removeprefix('db-')}"
    names = {disk.find(name): name.removeprefix("db-") for name in ("db", "db-journal")}
    return f"{kind} {'folder' if operation.node == ROOT else names.get(operation.node, 'journal')}"


def test_a_journal_that_is_cut_off_is_synced() -> None:
    """TRUNCATE with FULL: a commit ends with a sync of the journal; who opens a journal has its name safe too."""
    assert of_commit("TRUNCATE", "FULL") == [
        "write journal",
        "sync journal",
        "sync folder",
        "write journal",
        "sync journal",
        "write db",
        "sync db",
        "truncate journal",
        "sync journal",
    ]


@pytest.mark.parametrize(("synchronous", "end"), [("FULL", []), ("EXTRA", ["sync folder"])])
def test_a_journal_that_is_deleted_is_synced_only_if_asked(synchronous: str, end: list[str]) -> None:
    """The first sync of a new journal syncs the folder; its deletion does with EXTRA, and not with FULL."""
    assert of_commit("DELETE", synchronous) == [
        "create journal",
        "write journal",
        "sync journal",
        "sync folder",
        "write journal",
        "sync journal",
        "write db",
        "sync db",
        "unlink journal",
        *end,
    ]
