"""Agencies, their clerks and workers around one store and one relay, for so many rounds; everything is looked at."""

import threading
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any
from uuid import UUID

import attrs

from indiopay import Agency, Invoice, InvoiceDesk, InvoiceStateError, PaymentLinks, Status
from indiopay.delivery import Dispatch
from indiopay.files.memory import MemoryFiles
from indiopay.outbox import GIVEN_UP_AFTER, LEASE, Letter
from indiopay.ports import InvoiceStore
from indiopay.testing import StoppedClock
from tests.conftest import KEY, PAGE, filled_in

from .crew import Crew, Killed
from .weather import FAIR, HOPELESS, UNMADE, WEATHERS, Attempt, Relay

AGENCY = Agency("nord", "Assurances du Nord", "facturation@exemple.ca")
_ACTIONS = ("cancel", "pay", "renew", "send")


class World:
    """One agency's letters. `dispatch` may be another than the library's: a twin that breaks a promise."""

    def __init__(
        self,
        store: InvoiceStore,
        seed: int,
        *,
        dispatch: type[Dispatch] = Dispatch,
        agency: Agency = AGENCY,
        clock: StoppedClock | None = None,
        kill: float = 0.0,
        sleep: float = 0.0,
        workers: int = 3,
        poisoned: bool = False,
        limit: int | None = None,
        visits: int = 1,
        pace: tuple[int, ...] = (0, 0, 1, 2, -1),
    ) -> None:
        self.random = Random(seed)
        self.agency, self.clock = agency, clock or StoppedClock()
        self.crew = Crew(self.random, self.clock, kill=kill, sleep=sleep)
        self.store, self._dispatch, self._poisoned = store, dispatch, poisoned
        self._limit, self._visits, self._pace = limit, visits, pace
        self._latest = self.cleared = self.clock()
        self._mine: defaultdict[int, dict[str, Attempt]] = defaultdict(dict)
        self.attempts: list[Attempt] = []
        self.asked: dict[UUID, int] = {}
        self.withdrawn: set[UUID] = set()
        self.met: Counter[str] = Counter()
        self.relay = Relay(self.random, self.clock, self.turn, self.attempt, self.latest)
        self._busy: set[int] = set()
        self._clerk = self.desk(stepping=False)
        self._desks = [self.desk() for _ in range(workers)]

    def desk(self, *, stepping: bool = True) -> InvoiceDesk:
        """As a new process would open it, with a pause of its own."""
        parts: dict[str, Any] = {
            "agency": self.agency,
            "files": MemoryFiles(),
            "clock": self.now,
            "send_at_once": False,
        }
        store: Any = _Stepping(self) if stepping else self.store
        desk = InvoiceDesk(store=store, mailer=self.relay, links=PaymentLinks(PAGE, keys=[KEY]), **parts)
        desk._random = desk._intake.random = self.random.randbytes  # type: ignore[assignment]  # it is never called without a size
        kept = {one.name: getattr(desk._dispatch, one.name) for one in attrs.fields(Dispatch)}
        kept["render"] = partial(_render, kept["render"])
        desk._dispatch = self._dispatch(**kept)
        return desk

    # --- time and turns

    def now(self) -> datetime:
        return self.clock()

    def latest(self) -> datetime:
        self._latest = max(self._latest, self.clock())
        return self._latest

    def turn(self) -> None:
        """A few seconds pass, or a clock is set back a little; then somebody else may act."""
        self.clock.advance(timedelta(seconds=self.random.choice(self._pace)))
        self.latest()
        mine, before = self._mine[threading.get_ident()], self.clock()
        try:
            self.crew.turn()
        except Killed:
            for attempt in mine.values():
                if attempt.accepted and attempt.written is None:
                    attempt.excuse = attempt.excuse or "killed"
            raise
        for attempt in mine.values():
            attempt.idle += self.latest() - before

    def attempt(self, message_id: str) -> Attempt:
        """That of whoever asks."""
        return self._mine[threading.get_ident()][message_id]

    # --- what clerks and workers do

    def ask(self, letters: int) -> list[Invoice]:
        """New invoices, each with a letter; some go where the relay always fails."""
        return [self.ask_at(self._address()) for _ in range(letters)]

    def ask_at(self, address: str) -> Invoice:
        """One invoice, whose letter goes to that address."""
        made = self._clerk.create(filled_in(client_email=address, due_date="90 jours", send_by_email=True))
        self.asked[made.id] = 1
        return made

    def _address(self) -> str:
        is_bad = self._poisoned and self.random.random() < 0.1
        return self.random.choice(HOPELESS) if is_bad else "zoe@exemple.ca"

    def act(self) -> None:
        """A clerk changes an invoice: its letters that wait are withdrawn, or one more is asked for."""
        invoice_id = self.random.choice([*self.asked])
        action = self.random.choice(_ACTIONS)
        verbs: dict[str, Callable[[], object]] = {
            "cancel": partial(self._clerk.cancel, invoice_id),
            "pay": partial(self._clerk.record_payment, invoice_id, reference="P-1"),
            "renew": partial(self._clerk.renew_link, invoice_id),
            "send": partial(self._clerk.send, invoice_id),
        }
        was_open = self._clerk.get(invoice_id).status is Status.OPEN
        try:
            verbs[action]()
        except InvoiceStateError:
            return
        if action == "send":
            self.asked[invoice_id] += 1
            self.met["asked again"] += 1
        elif was_open or action == "renew":
            self.withdrawn |= {letter.id for letter in self.store.deliveries(self.agency.slug, invoice_id)}

    def _work(self, place: int) -> None:
        self._busy.add(place)
        self._mine.pop(threading.get_ident(), None)
        try:
            for _ in range(self._visits):
                self._desks[place].deliver(limit=self._limit or self.random.choice([1, 3, 100]))
        except Killed:
            self._desks[place] = self.desk()
            raise
        finally:
            self._busy.remove(place)

    def round(self, *, acts: int = 0) -> None:
        """Every worker once that is not asleep since an earlier round, while clerks act."""
        for place in {*range(len(self._desks))} - self._busy:
            self.crew.hire(partial(self._work, place))
        for _ in range(acts):
            self.crew.hire(self.act, mortal=False)
        self.crew.run()

    def live(self, *, rounds: int, letters: int, acts: int = 0, weathers: tuple[str, ...] = WEATHERS) -> None:
        for _ in range(rounds):
            self.relay.weather = self.random.choice(weathers)
            self.ask(letters)
            self.round(acts=acts)
            self.clock.advance(timedelta(minutes=self.random.choice([1, 1, 5, 30])))

    def clear_up(self) -> None:
        """The weather is fair from now on, nobody dies, and six days go by."""
        self.relay.weather, self.cleared = FAIR, self.clock()
        self.crew.wake()
        self.met.update(kills=self.crew.kills, naps=self.crew.sleeps)
        self.crew = Crew(self.random, self.clock, kill=0, sleep=0)
        end = self.clock() + GIVEN_UP_AFTER + timedelta(days=1)
        while self.clock() < end:
            self.round()
            self.clock.advance(LEASE + timedelta(minutes=1) if self._waiting() else GIVEN_UP_AFTER)
        self.round()

    def _waiting(self) -> bool:
        return any(letter.state == "queued" for letter in self.letters())

    def letters(self) -> list[Letter]:
        return [letter for invoice_id in self.asked for letter in self.store.deliveries(self.agency.slug, invoice_id)]

    # --- what an onlooker sees of a worker

    def claimed(self, letter: Letter | None, now: datetime) -> None:
        """It was `now` when the worker looked at the clock."""
        if letter is None:
            return
        assert letter.id not in self.withdrawn, "a letter was claimed after it was withdrawn"
        assert now < letter.queued_at + GIVEN_UP_AFTER, "a letter was claimed after five days"
        self._mine[threading.get_ident()][letter.message_id] = attempt = Attempt(letter, self.clock(), now + LEASE)
        self.attempts.append(attempt)

    def finishes(self, letter: Letter) -> None:
        attempt = self.attempt(letter.message_id)
        if attempt.accepted:
            attempt.oversleeps(self.latest())


def _render(render: Callable[[Letter], tuple[str, bytes]], letter: Letter) -> tuple[str, bytes]:
    """As the library does, but for one of whom a template has never heard."""
    if letter.recipient == UNMADE:
        raise LookupError(letter.id)
    return render(letter)


class _Stepping:
    """The store as a worker uses it: somebody else may act before and after each call."""

    def __init__(self, world: World) -> None:
        self._world = world

    def __getattr__(self, name: str) -> Any:
        return partial(self._do, name)

    def _do(self, name: str, *given: Any, **named: Any) -> Any:
        world = self._world
        world.turn()
        if name == "finish":
            world.finishes(given[1])
        answer = getattr(world.store, name)(*given, **named)
        if name == "claim":
            world.claimed(answer, named["now"])
        if name == "finish":
            world.attempt(given[1].message_id).written = answer
        world.turn()
        return answer
