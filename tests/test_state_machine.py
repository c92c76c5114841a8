"""Every verb of the desk over every store, thousands of steps long, held to a small pure model."""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed as seeded, settings
from hypothesis.stateful import run_state_machine_as_test

from indiopay import InvoiceDesk
from indiopay.ports import InvoiceStore
from indiopay.stores.memory import MemoryStore
from indiopay.stores.postgres import PostgresStore
from indiopay.stores.sqlite import SqliteStore

from . import truths, wrong_twins
from .conftest import STORES
from .driver import VERBS, Driver
from .machine import DeskMachine
from .machine_input import ANSWERS, EVENTS, Answer, Filled

pytestmark = pytest.mark.no_cover  # it goes over and over what other tests cover

OpenStore = Callable[[], InvoiceStore]

STEPS_OF_A_RUN = 50
SLOWER = {"postgres": 3}  # steps cost so many times more: each of them asks some thirty questions
OUTCOMES = {
    "sent, sent",
    "sent, cancelled",
    "lost, cancelled",
    "lost, sent",
    "failed, failed",
    "waits, queued",
    "paused, queued",
    "killed, queued",
    "killed, cancelled",
    "killed, sent",
}
"""What a worker sees of a letter, and what became of it."""


@pytest.fixture(params=STORES)
def open_store(request: pytest.FixtureRequest) -> Iterator[OpenStore]:
    """Opens a store of each kind, and opens it again as a new process would; where syncing costs nothing, if it can."""
    if request.param == "memory":
        store = MemoryStore()
        yield lambda: store
    elif request.param == "postgres":
        address = request.getfixturevalue("postgres")
        yield lambda: PostgresStore(address)
    else:
        fast = Path("/dev/shm")  # noqa: S108  # a folder of our own is made in it
        with tempfile.TemporaryDirectory(prefix="indiopay-", dir=fast if fast.is_dir() else None) as folder:
            yield lambda: SqliteStore(Path(folder) / "factures.sqlite3")


def drive(
    open_store: OpenStore,
    met: Counter[str],
    *,
    steps: int,
    seed: int,
    desk_class: type[InvoiceDesk] = InvoiceDesk,
    phases: tuple[Phase, ...] = (Phase.generate, Phase.shrink),
) -> None:
    """About so many steps; an AssertionError that says which truth is broken, and by which steps."""
    run: Any = seeded(seed)(lambda: DeskMachine(Driver(open_store, met, desk_class)))
    limits = settings(
        max_examples=max(1, steps // STEPS_OF_A_RUN),
        stateful_step_count=STEPS_OF_A_RUN,
        phases=phases,
        database=None,
        deadline=None,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(run, settings=limits)


def test_a_desk_does_what_its_model_does(
    open_store: OpenStore, steps: int, seed: int, request: pytest.FixtureRequest, tell: Callable[[str], None]
) -> None:
    """Two agencies, restarts, relays that fail, clocks that go back: a desk answers as its model, and keeps as much."""
    kind = request.node.callspec.params["open_store"]
    met: Counter[str] = Counter()
    try:
        drive(open_store, met, steps=steps // SLOWER.get(kind, 1), seed=seed)
    finally:
        tell(f"state machine over {kind}: {met['steps']} steps, seed {seed}")
    assert met.keys() >= VERBS


def test_a_relay_may_say_anything_at_any_time(open_store: OpenStore) -> None:
    """Every answer, while nothing else happens and during every event: the letter is as the model says."""
    met: Counter[str] = Counter()
    driver = Driver(open_store, met)
    book = driver.books[0]
    for event in (None, *EVENTS):
        for said in ANSWERS:
            driver.create(book, Filled().form(book.today(driver.clock())), answers=[Answer(said, event)])
            driver.clock.advance(timedelta(minutes=61))
            driver.deliver(book, 100, [])
    truths.what_is_kept_is_what_the_model_keeps(driver)
    driver.close()
    assert met.keys() >= OUTCOMES


# --- red twins


TWINS = (
    wrong_twins.Overwrites,
    wrong_twins.KeepsLetters,
    wrong_twins.CountsDueToday,
    wrong_twins.KeepsLinks,
    wrong_twins.MixesAgencies,
    wrong_twins.BelievesTheClock,
    wrong_twins.BelievesTheKey,
    wrong_twins.CountsRows,
    wrong_twins.ForgetsLeases,
    wrong_twins.SendsForEver,
    wrong_twins.AcceptsAnyPayment,
    wrong_twins.LivesInGreenwich,
)
BROKEN = r"^[\w ]+: (?s:.*) is right\b|^a stale version was written"


@pytest.mark.parametrize("twin", TWINS)
def test_a_wrong_twin_is_caught(twin: Any, seed: int) -> None:
    """A store or a desk that breaks one promise does not get through."""
    is_desk = issubclass(twin, InvoiceDesk)
    store, desk_class = (MemoryStore(), twin) if is_desk else (twin(), InvoiceDesk)
    with pytest.raises(AssertionError, match=BROKEN):
        drive(lambda: store, Counter(), steps=20_000, seed=seed, desk_class=desk_class, phases=(Phase.generate,))


def test_a_store_that_forgets_at_every_restart_is_caught(seed: int) -> None:
    """A restart of the machine is one."""
    with pytest.raises(AssertionError, match=BROKEN):
        drive(MemoryStore, Counter(), steps=20_000, seed=seed, phases=(Phase.generate,))
