"""Has an operation beneath a desk fail while a verb is asked, and looks whether the promise is kept.

Any EIO, ENOSPC, lock time-out or lost connection gives a typed error, the state is *before* or *after*, nothing is left
open, and the desk can be used at once.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from functools import cache, partial
from itertools import product
from typing import Any, NamedTuple

import attrs

from indiopay import InvoiceDesk, MailError, StorageError
from indiopay.invoice import InvoiceRecord
from indiopay.outbox import LEASE, Letter, is_free
from indiopay.ports import Mailer
from indiopay.testing.faults import Fault

from .acts import ACTS, MAILING
from .benches import Bench, MemoryBench
from .essence import acknowledged, essence
from .scene import Kept, Scene, filling, referred_to

_ROUNDS = 100
_BETWEEN_ROUNDS_SECONDS = 0.02

Way = Callable[[Scene, Fault], AbstractContextManager[dict[str, Any]]]
"""How a fault gets beneath a desk; it gives the parts of the desk that are others for it."""

Refusals = tuple[MailError, ...]


class BrokenPromiseError(AssertionError):
    """The promise is broken; the first word says how."""


class Answer(NamedTuple):
    """What a verb said: its value, or its error's type, and that of what caused it."""

    value: Any = None
    error: type[BaseException] | None = None
    cause: type[BaseException] | None = None


def ask(act: str, desk: InvoiceDesk, scene: Scene) -> Answer:
    try:
        return Answer(ACTS[act](desk, scene))
    except Exception as error:  # noqa: BLE001  # what it is, is looked at
        return Answer(None, type(error), type(error.__cause__) if error.__cause__ else None)


def sweep(
    bench: Bench,
    way: Way,
    errors: Sequence[BaseException],
    *,
    acts: Iterable[str] = ACTS,
    wanted: "Callable[[str, Fault], Reference] | None" = None,
) -> int:
    """Every act with a fault at every operation that it leads to: once and for good, before and after; how many.

    Over memory, which costs nothing, in every way and with every error; elsewhere with one error, in turn, and for good
    before the operations only.
    """
    done, everything = 0, isinstance(bench, MemoryBench)
    for turn, act in enumerate(acts):
        operations = Trial(bench, act, Fault(0), reference(act)).run(way)
        for error in errors if everything else (errors[turn % len(errors)],):
            for fault in _faults(error, operations, everything=everything):
                Trial(bench, act, fault, wanted(act, fault) if wanted else reference(act)).run(way)
                done += 1
    return done


def _faults(error: BaseException, operations: int, *, everything: bool) -> Iterator[Fault]:
    """As `each` gives them, but that it is known how many operations there are."""
    is_refusal = isinstance(error, MailError) and error.kind != "unknown"
    for for_good, after in product((False, True), (False,) if is_refusal else (False, True)):
        if everything or not (for_good and after):
            yield from (Fault(at, error, for_good=for_good, after=after) for at in range(1, operations + 1))


def set_up(bench: Bench, act: str) -> Scene:
    return bench.scene().fill(with_invoices=act != "import_records")


def settle(act: str, desk: InvoiceDesk, scene: Scene) -> None:
    """Once leases have run out, and each letter's turn has come, those are delivered that an act has touched.

    A worker passes over a row that a session still holds whose end the server has not noticed yet, and comes again.
    """
    scene.clock.advance(LEASE + timedelta(minutes=1))
    for _ in range(_ROUNDS if act in MAILING else 0):
        desk.deliver()
        if not _is_any_due(scene):
            break
        time.sleep(_BETWEEN_ROUNDS_SECONDS)


def _is_any_due(scene: Scene) -> bool:
    now = scene.clock()
    letters = (letter for record in scene.records() for letter in record.letters)
    return any(is_free(letter, now) and letter.not_before <= now for letter in letters)


class _Noting:
    """A store or a file store that notes what is kept after each call."""

    def __init__(self, part: object, scene: Scene, states: list[Kept]) -> None:
        self._part, self._scene, self._states = part, scene, states

    def __getattr__(self, name: str) -> Any:
        return partial(self._do, getattr(self._part, name))

    def _do(self, call: Callable[..., Any], *given: Any, **named: Any) -> Any:
        try:
            return call(*given, **named)
        finally:
            self._states.append(self._scene.kept())


class Reference:
    """What happens in memory when nothing fails but the mailer: when asked once, and when asked again.

    Two faults are no errors of a verb, but leave states of their own: a letter that could not be rendered, for
    whatever reason, and one that the mailer refused, with one of `refusals`, wait for their next turn.
    """

    def __init__(self, act: str, refusals: Refusals = (), *, mailer: Callable[[Mailer], Mailer] | None = None) -> None:
        self._act, mailer = act, mailer or _as_it_is
        self.first, self.states, self.once = self._run(mailer)
        self.second, _, self.twice = self._run(mailer, again=True)
        self.before, self.after = self.states[0], self.states[-1]
        for unrendered in (Fault(1), Fault(2), Fault(1, for_good=True)):
            self.states += self._run(mailer, unrendered)[1]
        for answers in product((None, *refusals), repeat=2) if refusals else ():
            self.states += self._run(partial(_Refusing, answers=iter(answers)))[1]

    def _run(
        self, mailer: Callable[[Mailer], Mailer], unrendered: Fault | None = None, *, again: bool = False
    ) -> tuple[Answer, list[Kept], Any]:
        scene = set_up(MemoryBench(), self._act)
        states = [scene.kept()]
        store, files = (_Noting(part, scene, states) for part in (scene.store, scene.files))
        desk = scene.desk(store=store, files=files, mailer=mailer(scene.mailer))
        if unrendered:
            desk._dispatch = attrs.evolve(desk._dispatch, render=partial(unrendered.do, desk._dispatch.render))
        answer, met = ask(self._act, desk, scene), [*states]
        desk = scene.desk()
        if again:
            answer = ask(self._act, desk, scene)
        settle(self._act, desk, scene)
        return answer, met, essence(scene.records())


def _as_it_is(mailer: Mailer) -> Mailer:
    return mailer


class _Refusing:
    """A mailer that refuses its first letters so, or accepts them (None)."""

    def __init__(self, mailer: Mailer, answers: Iterator[MailError | None]) -> None:
        self._mailer, self._answers = mailer, answers

    def send(self, **letter: Any) -> None:
        if error := next(self._answers, None):
            raise error
        self._mailer.send(**letter)


reference = cache(Reference)


class Trial:
    """One verb, asked while one operation fails, and looked at from every side. What it `said` is kept."""

    def __init__(self, bench: Bench, act: str, fault: Fault, wanted: Reference) -> None:
        self._bench, self._act, self._fault, self._wanted = bench, act, fault, wanted
        self._scene = set_up(bench, act)
        self.said = Answer()

    def run(self, way: Way) -> int:
        """How many operations the verb led to."""
        with way(self._scene, self._fault) as changed:
            desk = self._scene.desk(**changed)
            self.said = ask(self._act, desk, self._scene)
            operations = self._fault.calls
            self._fault.mend()
            kept = self._kept()
            self._is_right(self.said, kept)
            self._can_be_used(desk, kept)
        left_open = self._bench.left_open()
        self._hold(not left_open, "open", left_open)
        self._hold(self._fault.happened or not 1 <= self._fault.at <= operations, "unseen", operations)
        return operations

    def _hold(self, holds: bool, how: str, what: object) -> None:
        if not holds:
            raise BrokenPromiseError(f"{how}: {self._act}, {self._fault}: {what}")

    def _kept(self) -> Kept:
        """A store that lacks an invoice says so itself."""
        try:
            return self._scene.kept()
        except StorageError as error:
            raise BrokenPromiseError(f"half: {self._act}, {self._fault}: {error}") from error

    def _is_right(self, said: Answer, kept: Kept) -> None:
        """A typed error, or what was acknowledged is there; before or after; and no file that is gone."""
        wanted, happened = self._wanted, self._fault.happened
        errors = (wanted.first.error, StorageError) if happened else (wanted.first.error,)
        self._hold(said.error in errors, "raw", said)
        self._hold(said.error is not StorageError or said.cause is not None, "raw", said)
        self._hold(kept in wanted.states, "half", kept)
        if said.error is wanted.first.error:
            self._hold(acknowledged(kept) == acknowledged(wanted.after), "lost", kept)
            self._hold(_agrees(self._act, said, kept, wanted), "lost", said)
        self._hold(happened or (said, kept) == (wanted.first, wanted.after), "lost", said)
        damaged = [*self._scene.damaged(kept.records)]
        self._hold(not damaged, "files", damaged)

    def _can_be_used(self, desk: InvoiceDesk, kept: Kept) -> None:
        """At once, or after its pause; a day later there is no letter that waits, and no file too many."""
        wanted, scene = self._wanted, self._scene
        if until := desk.paused_until:
            scene.clock.advance(until - scene.clock())
        again, is_before = ask(self._act, desk, scene), kept == wanted.before
        if kept in (wanted.before, wanted.after):
            expected = wanted.first if is_before else wanted.second
            self._hold(essence(again) == essence(expected), "unusable", again)
        settle(self._act, desk, scene)
        records = scene.records()
        self._hold(essence(records) == (wanted.once if is_before else wanted.twice), "unusable", records)
        self._look_at_copies(records)
        scene.clock.advance(timedelta(days=1))
        desk.sweep()
        strays = scene.stored() ^ referred_to(records)
        self._hold(not records or not strays, "files", strays)

    def _look_at_copies(self, records: list[InvoiceRecord]) -> None:
        """A letter that was sent is there; more than once only if it says so; and all copies are the same."""
        found = Counter(self._scene.mail())
        ids = [message_id(copy) for copy in found]
        self._hold(len(ids) == len({*ids}), "copies", ids)
        copies = {message_id(copy): number for copy, number in found.items()}
        for letter in _newly_sent(records):
            number = copies.get(letter.message_id.encode(), 0)
            self._hold(number == 1 or (number > 1 and letter.maybe_duplicate), "copies", (number, letter))


def message_id(message: bytes) -> bytes:
    return message.partition(b"\nMessage-ID: ")[2].split()[0]


def _newly_sent(records: list[InvoiceRecord]) -> list[Letter]:
    before = {letter.id for record in filling()[0] for letter in record.letters if letter.state == "sent"}
    letters = (letter for record in records for letter in record.letters)
    return [letter for letter in letters if letter.state == "sent" and letter.id not in before]


def _agrees(act: str, said: Answer, kept: Kept, wanted: Reference) -> bool:
    """Whether what a verb said is what is wanted, and what is kept."""
    if act == "deliver":
        return bool(said.value == len(_newly_sent(kept.records)))
    if act == "send":
        return bool((said.value.state == "sent") is (said.value.id in {x.id for x in _newly_sent(kept.records)}))
    return said == wanted.first
