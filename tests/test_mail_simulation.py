"""Thousands of letters in all weathers, on a clock that stands still: the promises about mail, letter by letter."""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from indiopay import Agency
from indiopay.delivery import Dispatch
from indiopay.outbox import GIVEN_UP_AFTER, LEASE
from indiopay.ports import InvoiceStore
from indiopay.stores.memory import MemoryStore
from indiopay.stores.sqlite import SqliteStore

from .mail import accounting, careless
from .mail.weather import FAIR, HOPELESS, WEATHERS
from .mail.world import World
from .wrong_twins import KeepsLetters

pytestmark = pytest.mark.no_cover  # it goes over and over what other tests cover

ROUNDS = 25
LETTERS_OF_A_ROUND = 6
LETTERS_OF_A_RUN = ROUNDS * LETTERS_OF_A_ROUND
MINUTE = timedelta(minutes=1)


def lived(
    world: World, *, weathers: tuple[str, ...] = WEATHERS, rounds: int = ROUNDS, letters: int = LETTERS_OF_A_ROUND
) -> Counter[str]:
    """So many rounds, then six fair days; what was met on the way."""
    world.live(rounds=rounds, letters=letters, acts=2, weathers=weathers)
    accounting.adds_up(world)
    world.clear_up()
    accounting.is_settled(world)
    return world.met


@pytest.fixture(params=["memory", "sqlite"])
def new_store(request: pytest.FixtureRequest) -> Iterator[Callable[[], InvoiceStore]]:
    """A new store at each call; where syncing costs nothing, if it can."""
    if request.param == "memory":
        yield MemoryStore
        return
    fast = Path("/dev/shm")  # noqa: S108  # a folder of our own is made in it
    with tempfile.TemporaryDirectory(prefix="indiopay-", dir=fast if fast.is_dir() else None) as folder:
        stores = [SqliteStore(Path(folder) / "factures.sqlite3")]
        with closing(stores[0]):
            yield stores.pop


def test_every_letter_is_accounted_for(
    new_store: Callable[[], InvoiceStore], letters: int, seed: int, tell: Callable[[str], None], request: Any
) -> None:
    """Whatever the weather, whoever is killed or sleeps: sent, or failed and why; twice for a reason, and told."""
    kind = request.node.callspec.params["new_store"]
    runs = max(1, letters // LETTERS_OF_A_RUN) if kind == "memory" else 1
    met: Counter[str] = Counter()
    for run in range(runs):
        met += lived(World(new_store(), seed + run, kill=0.08, sleep=0.03, workers=8, poisoned=True))
    tell(f"letters over {kind}: {met['letters']} in {runs} runs from seed {seed}: {dict(sorted(met.items()))}")
    assert met["letters"] == runs * LETTERS_OF_A_RUN + met["asked again"]
    assert kind == "sqlite" or letters < 450 or met["killed"] * met["silence"]


def test_without_faults_every_letter_goes_out_once_at_the_first_attempt(seed: int) -> None:
    """Three workers, and nobody in another's way."""
    world = World(MemoryStore(), seed)
    world.live(rounds=ROUNDS, letters=LETTERS_OF_A_ROUND, weathers=(FAIR,))
    world.clear_up()
    accounting.is_settled(world)
    assert {len(copies) for copies in world.relay.copies.values()} == {1}
    assert {(letter.state, letter.attempts, letter.maybe_duplicate) for letter in world.letters()} == {
        ("sent", 1, False)
    }
    assert len(world.relay.copies) == LETTERS_OF_A_RUN


def test_letters_that_no_worker_took_have_failed_after_five_days(seed: int) -> None:
    """As anybody sees who asks; and no worker takes them then."""
    world = World(MemoryStore(), seed, pace=(0,))
    asked = world.ask(20)
    world.clock.advance(GIVEN_UP_AFTER)
    accounting.adds_up(world)
    world.round()
    told = [delivery for invoice in asked for delivery in world.desk(stepping=False).deliveries(invoice.id)]
    assert {(delivery.state, delivery.reason) for delivery in told} == {("failed", "expired")}
    assert not world.relay.calls


def test_a_relay_that_stays_away_costs_no_attempt_and_is_the_cause(seed: int) -> None:
    """For five days; the workers ask for it now and again, and never for all letters at once."""
    world = World(MemoryStore(), seed, workers=1, pace=(0, 1, 2))
    world.relay.weather = "away"
    asked = world.ask(50)
    for _ in range(6 * 24):
        world.round()
        world.clock.advance(timedelta(hours=1))
    told = [delivery for invoice in asked for delivery in world.desk(stepping=False).deliveries(invoice.id)]
    assert {(delivery.state, delivery.attempts) for delivery in told} == {("failed", 0)}
    assert {delivery.reason for delivery in told} == {"expired_connect"}
    assert sum(world.relay.calls.values()) <= 6 * 24


# --- nobody is held up


def longest_wait(world: World, poisons: Sequence[str], *, good: int, every: timedelta = MINUTE) -> timedelta:
    """How long the last of so many good letters waits behind bad ones, with a worker that comes by so often."""
    for poison in poisons:
        world.ask_at(poison)
        world.clock.advance(timedelta(seconds=1))
    good_ones = [world.ask_at("zoe@exemple.ca") for _ in range(good)]
    asked = world.clock()
    while any(world.desk(stepping=False).deliveries(one.id)[0].state == "queued" for one in good_ones):
        world.round()
        world.clock.advance(every)
        if world.clock() > asked + 5 * LEASE:
            break
    return world.clock() - asked


@pytest.mark.parametrize("poison", HOPELESS)
def test_a_letter_that_always_fails_holds_up_no_other(poison: str, seed: int, tell: Callable[[str], None]) -> None:
    """One at the head of the others: the last of them is sent within a lease."""
    world = World(MemoryStore(), seed, workers=1, limit=1000, pace=(0,))
    waited = longest_wait(world, [poison], good=100)
    tell(f"a hundred letters behind one for {poison}: {waited}")
    assert waited <= LEASE


def test_letters_that_always_fail_hold_up_no_other(seed: int, tell: Callable[[str], None]) -> None:
    """One of each kind at the head of a thousand."""
    world = World(MemoryStore(), seed, workers=1, limit=100, pace=(0,))
    waited = longest_wait(world, HOPELESS, good=1000)
    tell(f"a thousand letters behind {len(HOPELESS)} that always fail: {waited}")
    assert waited <= LEASE


def test_a_relay_that_comes_back_is_asked_within_a_lease(seed: int) -> None:
    """After a day of absence."""
    world = World(MemoryStore(), seed, workers=1)
    world.relay.weather = "away"
    asked = world.ask(20)
    for _ in range(24 * 4):
        world.round()
        world.clock.advance(15 * MINUTE)
    world.relay.weather, back = FAIR, world.clock()
    while any(world.desk(stepping=False).deliveries(one.id)[0].state == "queued" for one in asked):
        world.round()
        world.clock.advance(MINUTE)
    assert world.clock() - back <= LEASE


@pytest.mark.parametrize("weather", ["stalls", "slow", "away", "mixed"])
def test_an_agency_whose_relay_is_slow_holds_up_no_other(weather: str, seed: int, tell: Callable[[str], None]) -> None:
    """One worker serves both in turn, and comes back to the other within a lease."""
    store, longest = MemoryStore(), timedelta()
    slow = World(store, seed, workers=1, limit=100, pace=(0, 1, 2))
    other = World(
        store, seed + 1, agency=Agency("sud", "Sud", "sud@exemple.ca"), clock=slow.clock, workers=1, pace=(0,)
    )
    slow.relay.weather = weather
    for _ in range(12):
        slow.ask(20)
        (asked,), at = other.ask(1), other.clock()
        slow.round()
        other.round()
        assert other.desk(stepping=False).deliveries(asked.id)[0].state == "sent"
        longest = max(longest, other.clock() - at)
        other.clock.advance(MINUTE)
    tell(f"a letter beside an agency whose relay is {weather}: {longest}")
    assert longest <= LEASE


# --- red twins

LONG, CROWDED = {"rounds": 12}, {"rounds": 3, "letters": 40, "weathers": ("slow",)}
CHANGING = {"rounds": 12, "weathers": (FAIR, "slow", "grey", "stalls")}
RESTLESS, TWO = {"kill": 0.02, "sleep": 0.02}, {"workers": 2, "visits": 20}
DROWSY = {"sleep": 0.08, "workers": 5}
UNFENCED = "after it was withdrawn|is not told of|not told as sent|attempts are told|copies, and [0-9]+ excuses"
TWINS: list[tuple[Any, str, dict[str, Any], dict[str, Any]]] = [
    (careless.NoFence, UNFENCED, DROWSY, CHANGING),
    (careless.ForgetsBytes, "copies of a letter differ", RESTLESS, LONG),
    (careless.GivesUpSoon, "cancelled by nobody", RESTLESS, LONG),
    (careless.SentBeforeSending, "no relay accepted", RESTLESS, LONG),
    (careless.OneLeaseForAll, "copies, and [0-9]+ excuses", TWO, CROWDED),
    (careless.TakesSilenceForARefusal, "second copy is not told of", RESTLESS, LONG),
    (careless.ChargesForAbsence, "attempts are told", RESTLESS, LONG),
    (careless.NeverAsksAgain, "days of fair weather", RESTLESS, LONG),
    (KeepsLetters, "after it was withdrawn", RESTLESS, LONG),
]


@pytest.mark.parametrize(("options", "life"), [(RESTLESS, LONG), (DROWSY, CHANGING), (TWO, CROWDED)])
def test_a_careful_way_out_is_not_caught(options: dict[str, Any], life: dict[str, Any], seed: int) -> None:
    """In the lives in which the careless ones are."""
    assert lived(World(MemoryStore(), seed, poisoned=True, **options), **life)["letters"]


@pytest.mark.parametrize(("twin", "fault", "options", "life"), TWINS, ids=lambda one: getattr(one, "__name__", ""))
def test_a_careless_way_out_is_caught(
    twin: Any, fault: str, options: dict[str, Any], life: dict[str, Any], seed: int
) -> None:
    """The accounting has been seen to find each of them."""

    def live_until_caught() -> None:
        for run in range(40):
            parts = {"dispatch": twin} if issubclass(twin, Dispatch) else {}
            store = MemoryStore() if parts else twin()
            lived(World(store, seed + run, poisoned=True, **parts, **options), **life)

    with pytest.raises(AssertionError, match=fault):
        live_until_caught()


def test_a_round_that_ends_at_any_failure_is_caught(seed: int) -> None:
    """The letters behind are held up by the one at the head."""
    world = World(careless.KeepsItsPlace(), seed, workers=1, dispatch=careless.StopsAtAnyFailure, pace=(0,))
    assert longest_wait(world, ["later@exemple.ca"], good=5) > LEASE
