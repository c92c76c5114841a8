"""Promises 2, 3 and 24: what a desk acknowledged is there, whole, after the power went at any moment."""

import re
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from math import ceil
from pathlib import Path
from random import Random

import apsw
import pytest

from indiopay import InvoiceDesk

from .power_loss.broken_builds import (
    creating_row_before_file,
    naming_before_syncing,
    without_first_transaction,
    without_sync,
)
from .power_loss.calls import Began
from .power_loss.disk import Disk, Name, Sync, Truncate
from .power_loss.images import Stop, drawn, image_of, images, laid_out, safe
from .power_loss.inspection import inspect
from .power_loss.power import (
    IMAGES_OF_A_SECOND_LOSS,
    Found,
    Played,
    kill,
    kill_and_lose_power,
    lose_power,
    lose_power_twice,
    play,
)
from .power_loss.recorder import State, state_of
from .power_loss.replay import replay
from .power_loss.sessions import DATABASE, SESSIONS, record

pytestmark = pytest.mark.no_cover  # it goes over and over what other tests cover

Tell = Callable[[str], None]

FEW = 60
"""How many images catch a broken build: at least one in four shows the fault. A rare fault takes more of them."""

READING = {
    "check",
    "close",
    "deliveries",
    "paused_until",
    "download",
    "export_records",
    "get",
    "history",
    "invoice_for_link",
    "link",
    "list",
    "owns",
    "payment_page",
    "totals",
}

SAFE = {
    "DELETE+EXTRA": (
        {
            "PRAGMA journal_mode = TRUNCATE": "PRAGMA journal_mode = DELETE",
            "PRAGMA synchronous = FULL": "PRAGMA synchronous = EXTRA",
        },
        "",
    ),
    "WAL+FULL": ({"PRAGMA journal_mode = TRUNCATE": "PRAGMA journal_mode = WAL"}, "PRAGMA locking_mode = EXCLUSIVE"),
}
UNSAFE = {
    "DELETE+FULL": ({"PRAGMA journal_mode = TRUNCATE": "PRAGMA journal_mode = DELETE"}, "", "lost"),
    "TRUNCATE+OFF": ({"PRAGMA synchronous = FULL": "PRAGMA synchronous = OFF"}, "", "mixed"),
    "WAL+NORMAL": (
        {
            "PRAGMA journal_mode = TRUNCATE": "PRAGMA journal_mode = WAL",
            "PRAGMA synchronous = FULL": "PRAGMA synchronous = NORMAL",
        },
        "PRAGMA locking_mode = EXCLUSIVE",
        "lost",
    ),
}
"""What a build says instead, what it says first on a connection (WAL needs no shared memory then), and what breaks."""


@pytest.fixture
def shelf() -> Iterator[Path]:
    """Where images are laid out: where syncing costs nothing, if that can be."""
    fast = Path("/dev/shm")  # noqa: S108  # a folder of our own is made in it
    with tempfile.TemporaryDirectory(prefix="indiopay-", dir=fast if fast.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture
def power_losses(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--images"))


def lost(played: Played, shelf: Path, *, number: int, seed: int, among: list[Stop] | None = None) -> list[Found]:
    """All that was wrong after so many power losses."""
    lots = Random(seed)
    at = drawn(played.stops if among is None else among, number, lots)
    return lose_power(played, shelf, at=at, lots=lots)


def kinds(found: list[Found]) -> Counter[str]:
    return Counter(fault.kind for _, fault in found)


def is_cut_off(played: Played, stop: Stop) -> bool:
    """Whether the journal was just cut off, which ends a commit, and that is not synced yet."""
    return isinstance(done_last(played, stop), Truncate)


def done_last(played: Played, stop: Stop) -> object:
    """What was done on the disk just before."""
    return played.log[stop.done - 1]


@pytest.mark.parametrize("name", SESSIONS)
def test_what_was_acknowledged_is_there_after_a_power_loss(
    name: str, shelf: Path, power_losses: int, seed: int, tell: Tell
) -> None:
    """Before or after, and nothing else; each invoice whole; links open, sent letters there, and the desk goes on."""
    number = ceil(power_losses * 2 / 3 / len(SESSIONS))
    found = lost(play(name, shelf, seed=seed), shelf, number=number, seed=seed)
    tell(f"{name}: {number} images after a power loss, SQLite {apsw.sqlite_lib_version()}, seed {seed}")
    assert found == []


@pytest.mark.parametrize("name", SESSIONS)
@pytest.mark.parametrize("strike", [kill_and_lose_power, lose_power_twice])
def test_what_another_process_relied_on_is_there_after_a_power_loss(
    name: str, strike: Callable[..., list[Found]], shelf: Path, power_losses: int, seed: int, tell: Tell
) -> None:
    """It went on with what the kernel had of one that was killed, or with what an earlier power loss had left."""
    number, lots = ceil(power_losses / 6 / len(SESSIONS) / IMAGES_OF_A_SECOND_LOSS), Random(seed)
    played = play(name, shelf, seed=seed)
    found = strike(played, shelf, at=drawn(played.stops, number, lots), lots=lots)
    first = strike.__name__.partition("_")[0]
    tell(f"{name}: {number} times {first}, then {IMAGES_OF_A_SECOND_LOSS} images of each, seed {seed}")
    assert found == []


def test_a_commit_that_a_killed_process_had_not_synced_is_relied_on_by_nobody(shelf: Path, seed: int) -> None:
    """It had cut off the journal: whoever comes next sees the commit, and has it on the disk first."""
    played = play("creating", shelf, seed=seed)
    unsynced = [stop for stop in played.stops if is_cut_off(played, stop)]
    assert kill_and_lose_power(played, shelf, at=unsynced * 3, lots=Random(seed)) == []


def test_a_lock_file_that_was_lost_is_harmless(shelf: Path, seed: int) -> None:
    """It remembers that the database was made; without it the database is looked at."""
    played, lots, missing = play("creating", shelf, seed=seed), Random(seed), 0
    for stop, image in images(played.log, drawn(opening(played), FEW, lots), lots):
        missing += bool(image.get(DATABASE)) and not image.get(f"{DATABASE}.lock")
        with laid_out(image, shelf) as base:
            assert list(inspect(image, base, played.left, stop.promised)) == []
    assert missing > 0


def opening(played: Played) -> list[Stop]:
    """The moments of the first opening, which makes the database or brings it up to date."""
    return [stop for stop in played.stops if stop.turn == played.stops[0].turn]


@pytest.mark.parametrize("name", SESSIONS)
def test_nothing_happens_in_the_folder_that_the_harness_does_not_see(name: str, shelf: Path) -> None:
    """The simulated disk ends as the real folder: the same names, the same bytes, the same rows."""
    bring, session = SESSIONS[name]
    with laid_out({}, shelf) as base:
        bring(base)
        there = safe(image_of(base))
        seen, real = Disk(replay(record(session, base, seed=1).calls, there)).seen(), image_of(base)
        rows = rows_of(base)
    with laid_out(seen, shelf) as base:
        assert rows_of(base) == rows
    assert seen | {DATABASE: b""} == real | {DATABASE: b""}


def rows_of(base: Path) -> State:
    with closing(sqlite3.connect(base / DATABASE)) as db:
        return state_of(db)


def test_every_verb_that_writes_is_played(shelf: Path) -> None:
    """A new verb of the desk is played in a session, or only reads."""
    calls = [call for name in SESSIONS for call in play(name, shelf, seed=1).left.calls]
    verbs = {re.split(r"[ ,]", call.verb)[0] for call in calls if isinstance(call, Began)}
    assert verbs - {"", "open", "bring"} == {name for name in vars(InvoiceDesk) if not name.startswith("_")} - READING


@pytest.mark.parametrize("settings", UNSAFE)
def test_settings_of_sqlite_that_lose_what_was_acknowledged_are_caught(settings: str, shelf: Path, seed: int) -> None:
    """Its default, DELETE+FULL, leaves a journal that comes back; WAL+NORMAL and OFF do not sync a commit."""
    said, before, kind = UNSAFE[settings]
    played = play("migrating", shelf, seed=seed, said=said, before=before)
    found = kinds(lost(played, shelf, number=3 * FEW, seed=seed))
    assert found[kind], f"seed {seed}: {found}"


@pytest.mark.parametrize("settings", SAFE)
def test_other_safe_settings_of_sqlite_are_not_accused(settings: str, shelf: Path, seed: int) -> None:
    """The disk is no crueller than it must be."""
    said, before = SAFE[settings]
    assert lost(play("creating", shelf, seed=seed, said=said, before=before), shelf, number=FEW, seed=seed) == []


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (r"\.", "lost"),
        (r"factures/[0-9a-f]{16}\.part", "does not open"),
        (r"factures/fichiers/.*\.part", "no file"),
        (r"factures/fichiers/cabinet/..", "no file"),
        (r"factures/fichiers/cabinet", "no file"),
        (r"factures/fichiers", "no file"),
        (r"factures/courriels/tmp/.*", "no letter"),
        (r"factures/courriels/new", "no letter"),
    ],
)
def test_a_build_that_does_not_sync_what_it_relies_on_is_caught(path: str, kind: str, shelf: Path, seed: int) -> None:
    """The name of the folder itself; the link key; a file, its name, and those of its folders; a letter, its name."""
    played = play("creating", shelf, seed=seed, broken=without_sync(path))
    found = kinds(lost(played, shelf, number=FEW, seed=seed))
    assert found[kind], f"seed {seed}: {found}"


@pytest.mark.parametrize(("name", "kind"), [("creating", "does not open"), ("migrating", "mixed")])
def test_a_schema_that_is_made_statement_by_statement_is_caught(name: str, kind: str, shelf: Path, seed: int) -> None:
    """It is there in part."""
    played = play(name, shelf, seed=seed, broken=without_first_transaction)
    found = kinds(lost(played, shelf, number=6 * FEW, seed=seed, among=opening(played)))
    assert found[kind], f"seed {seed}: {found}"


def test_a_file_that_is_named_before_it_is_synced_is_caught(shelf: Path, seed: int) -> None:
    """The name is there, and half of the content."""
    played = play("creating", shelf, seed=seed, broken=naming_before_syncing)
    between = [stop for stop in played.stops if _around(played, stop) == [Name, Sync, Sync]]
    found = kinds(lost(played, shelf, number=FEW, seed=seed, among=between))
    assert found["half a file"], f"seed {seed}: {found}"


def _around(played: Played, stop: Stop) -> list[type]:
    """What was done before, a name or the sync of one, and what would have been done next."""
    return [type(entry) for entry in played.log[stop.done - 2 : stop.done + 1]]


def test_a_row_that_is_written_before_its_file_is_caught(shelf: Path, seed: int) -> None:
    """Both are there when `create` returns, and between them only one."""
    played = play("creating", shelf, seed=seed, session=creating_row_before_file)
    found = kinds(lost(played, shelf, number=2 * FEW, seed=seed))
    assert found["no file"], f"seed {seed}: {found}"


@pytest.mark.parametrize(
    ("given", "path", "kind"),
    [
        ("factures", r"\.", "lost"),
        ("cabinet", r"factures/fichiers", "no file"),
        ("new", r"factures/courriels", "no letter"),
    ],
)
def test_a_build_that_takes_a_name_that_it_finds_for_safe_is_caught(
    given: str, path: str, kind: str, shelf: Path, seed: int
) -> None:
    """The process that gave it was killed before it synced it."""
    played = play("creating", shelf, seed=seed)
    named = next(stop for stop in played.stops if _gives(done_last(played, stop), given))
    after = kill(played, shelf, at=named, seed=seed, broken=without_sync(path))
    found = kinds(lose_power(after, shelf, at=after.stops[-1:] * FEW, lots=Random(seed)))
    assert found[kind], f"seed {seed}: {found}"


def test_a_build_that_takes_a_commit_that_it_sees_for_safe_is_caught(shelf: Path, seed: int) -> None:
    """The process that made it was killed before it synced the end of its journal."""
    played = play("creating", shelf, seed=seed)
    ended = [stop for stop in played.stops if stop.verb == "create with a key" and is_cut_off(played, stop)]
    after = kill(played, shelf, at=ended[0], seed=seed, broken=without_sync(f"{DATABASE}-journal"))
    again = [stop for stop in after.stops if stop.verb == "open"]
    found = kinds(lost(after, shelf, number=FEW, seed=seed, among=again))
    assert found["lost"], f"seed {seed}: {found}"


def _gives(done: object, name: str) -> bool:
    return isinstance(done, Name) and done.name == name
