"""The way out of letters: leased, rendered once, sent, and recorded as it went."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from indiopay import EntryKind, Event, Invoice, InvoiceDesk, MailError, PaymentLinks, StorageError
from indiopay.mailers.memory import MemoryMailer
from indiopay.outbox import GIVEN_UP_AFTER, LEASE
from indiopay.ports import InvoiceStore, Mailer
from indiopay.testing import StoppedClock

from .conftest import PAGE, filled_in

pytestmark = pytest.mark.no_cover  # it goes over and over what other tests cover

OpenDesk = Callable[..., InvoiceDesk]


class Scripted:
    """A mailer that does what it is told, letter by letter, and then accepts."""

    def __init__(self, *answers: Exception | Callable[[], object] | None) -> None:
        self.answers = list(answers)
        self.seen: list[bytes] = []

    def send(self, *, sender: str, recipient: str, message: bytes) -> None:
        self.seen.append(message)
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        if answer is not None:
            answer()


def queued(desk: InvoiceDesk) -> Invoice:
    desk._send_at_once = False
    return desk.create(filled_in(send_by_email=True))


def test_a_letter_that_waits_goes_out_again_with_the_same_bytes(open_desk: OpenDesk, clock: StoppedClock) -> None:
    """One Message-ID, one rendering, whatever happened since."""
    mailer = Scripted(MailError("rcpt", kind="later", code=450))
    desk = open_desk(mailer=mailer)
    invoice = queued(desk)
    assert desk.deliver() == 0
    clock.advance(timedelta(days=1))
    assert desk.deliver() == 1
    first, second = mailer.seen
    assert first == second
    assert desk.deliveries(invoice.id)[0].attempts == 2


def test_a_dead_relay_pauses_delivery_and_charges_no_letter(open_desk: OpenDesk, clock: StoppedClock) -> None:
    """The next letter would fail the same way: the desk asks again in a minute, and says until when it waits."""
    events: list[Event] = []
    mailer = Scripted(MailError("connect", kind="transport"))
    desk = open_desk(mailer=mailer, on_event=events.append)
    first, second = queued(desk), queued(desk)
    assert (desk.paused_until, desk.deliver(), desk.deliver()) == (None, 0, 0)
    assert [desk.deliveries(invoice.id)[0].attempts for invoice in (first, second)] == [0, 0]
    assert ([event.kind for event in events], len(mailer.seen)) == (["paused"], 1)
    assert desk.paused_until == clock() + timedelta(minutes=1)
    clock.advance(timedelta(minutes=1))
    assert desk.paused_until is None
    assert desk.deliver() == 2


def test_a_letter_that_is_asked_for_during_a_pause_waits(open_desk: OpenDesk, clock: StoppedClock) -> None:
    """It is not tried at once, and goes out with the others."""
    mailer = Scripted(MailError("connect", kind="transport"))
    desk = open_desk(mailer=mailer)
    asked = [desk.create(filled_in(send_by_email=True)) for _ in range(2)]
    assert [desk.deliveries(invoice.id)[0].reason for invoice in asked] == ["connect", None]
    clock.advance(timedelta(minutes=1))
    assert (desk.deliver(), len(mailer.seen)) == (2, 3)


def test_a_letter_that_the_relay_cannot_bear_lets_the_others_pass(open_desk: OpenDesk, clock: StoppedClock) -> None:
    """One that makes the relay hang up on us goes behind those that were due before it."""
    mailer = _Poisoned()
    desk = open_desk(mailer=mailer)
    for _ in range(4):
        queued(desk)
        clock.advance(timedelta(seconds=1))
    mailer.poison = desk.list(order="newest").items[-1].number
    assert desk.deliver() == 0
    clock.advance(timedelta(minutes=1))
    assert (desk.deliver(), mailer.met) == (3, 2)


class _Poisoned:
    """A relay that goes away whenever it sees one letter."""

    def __init__(self) -> None:
        self.poison, self.met = "", 0

    def send(self, *, sender: str, recipient: str, message: bytes) -> None:
        if self.poison.encode() in message:
            self.met += 1
            raise MailError("rcpt", kind="transport", code=421)


@pytest.mark.parametrize("silence", [MailError("data", kind="unknown"), MailError("rcpt", kind="later"), OSError()])
def test_a_relay_that_falls_silent_twice_running_is_away(open_desk: OpenDesk, silence: Exception) -> None:
    """One silence may be the letter's fault; a relay that stalls on every letter holds up no worker for long."""
    events: list[Event] = []
    mailer = Scripted(silence, None, silence, silence)
    desk = open_desk(mailer=mailer, on_event=events.append)
    for _ in range(6):
        queued(desk)
    assert desk.deliver() == 1
    assert ([event.kind for event in events], len(mailer.seen)) == (["sent", "paused"], 4)


def test_a_round_takes_no_letter_after_half_an_hour(open_desk: OpenDesk, clock: StoppedClock) -> None:
    """A slow relay does not keep a worker from the next agency for longer than a lease."""
    mailer = Scripted(*[lambda: clock.advance(timedelta(minutes=11))] * 9)
    desk = open_desk(mailer=mailer)
    for _ in range(9):
        queued(desk)
    assert [desk.deliver() for _ in range(3)] == [3, 3, 3]


@pytest.mark.parametrize("broken", ["number", "entering", "leaving", "argument"])
def test_a_hosts_connection_that_fails_costs_no_letter(
    open_desk: OpenDesk, broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Each letter then goes by itself, nothing comes out of the round, and the log names a type alone."""
    mailer = _BrokenBatch(broken)
    desk = open_desk(mailer=mailer)
    for _ in range(2):
        queued(desk)
    assert (desk.deliver(), mailer.sent) == (2, 2)
    assert "exemple" not in caplog.text


class _BrokenBatch:
    def __init__(self, broken: str) -> None:
        self.sent, self._broken = 0, broken
        self.batch: Any = {"number": 50, "argument": lambda size: self}.get(broken, self._batch)

    def send(self, *, sender: str, recipient: str, message: bytes) -> None:
        self.sent += 1

    @contextmanager
    def _batch(self) -> Iterator[Mailer]:
        if self._broken == "entering":
            raise MailError("connect", kind="transport")
        yield self
        raise OSError("zoe@exemple.ca")


def test_a_mailer_that_keeps_a_connection_is_asked_for_one_a_round(open_desk: OpenDesk) -> None:
    """Every letter of a round goes through it, and it is given back; one letter at once needs none."""
    mailer = _Batching()
    desk = open_desk(mailer=mailer)
    for _ in range(3):
        queued(desk)
    assert desk.deliver() == 3
    assert mailer.told == ["opened", "sent", "sent", "sent", "closed"]


def test_a_round_that_a_store_breaks_off_gives_its_connection_back(open_desk: OpenDesk, store: InvoiceStore) -> None:
    """Nothing is left open, and the store's error is told."""
    mailer = _Batching()

    def fail() -> None:
        raise StorageError("the database is busy")

    queued(open_desk())
    with pytest.raises(StorageError):
        open_desk(mailer=mailer, store=_Before(store, "finish", fail)).deliver()
    assert mailer.told == ["opened", "sent", "closed"]


class _Batching:
    def __init__(self) -> None:
        self.told: list[str] = []

    def send(self, *, sender: str, recipient: str, message: bytes) -> None:
        raise AssertionError("a batch sends through its connection")

    @contextmanager
    def batch(self) -> Iterator[Mailer]:
        self.told.append("opened")
        try:
            yield _Kept(self.told)
        finally:
            self.told.append("closed")


class _Kept:
    def __init__(self, told: list[str]) -> None:
        self._told = told

    def send(self, *, sender: str, recipient: str, message: bytes) -> None:
        self._told.append("sent")


def test_a_letter_refused_for_good_has_failed_and_holds_up_no_other(open_desk: OpenDesk, clock: StoppedClock) -> None:
    """It says so in the history, with its code."""
    desk = open_desk(mailer=Scripted(MailError("rcpt", kind="never", code=550)))
    bad = queued(desk)
    clock.advance(timedelta(seconds=1))
    good = queued(desk)
    assert desk.deliver() == 1
    assert [desk.deliveries(invoice.id)[0].state for invoice in (bad, good)] == ["failed", "sent"]
    entry = desk.history(bad.id)[-1]
    assert (entry.kind, entry.details["reason"]) == (EntryKind.SEND_FAILED, "rcpt_550")


def test_no_more_letters_are_tried_than_asked_for(open_desk: OpenDesk, mailer: MemoryMailer) -> None:
    """A worker may have little time."""
    desk = open_desk()
    for _ in range(3):
        queued(desk)
    assert (desk.deliver(limit=2), len(mailer.sent)) == (2, 2)
    assert desk.deliver(limit=0) == 0


def test_a_letter_that_cannot_be_rendered_waits_and_holds_up_no_other(
    open_desk: OpenDesk, mailer: MemoryMailer, caplog: pytest.LogCaptureFixture, tmp_path: Any
) -> None:
    """A host's template may break on one invoice; the log names no client."""
    (tmp_path / "letter.txt").write_text("{{ 1 / 0 if amount.startswith('13') else link }}")
    desk = open_desk(templates=tmp_path)
    desk._send_at_once = False
    bad, good = (desk.create(filled_in(amount=amount, send_by_email=True)) for amount in ("13", "14"))
    assert desk.deliver() == 1
    (delivery,) = desk.deliveries(bad.id)
    assert (delivery.state, delivery.reason, delivery.attempts) == ("queued", "render", 0)
    assert desk.deliveries(good.id)[0].state == "sent"
    assert "ZeroDivisionError" in caplog.text and "exemple" not in caplog.text


def test_a_letter_whose_link_key_was_retired_says_so(open_desk: OpenDesk, mailer: MemoryMailer) -> None:
    """The link wants to be renewed."""
    invoice = queued(open_desk())
    desk = open_desk(links=PaymentLinks(PAGE, keys=[bytes(32)]))
    assert (desk.deliver(), mailer.sent) == (0, [])
    assert desk.deliveries(invoice.id)[0].reason == "link"


def test_a_store_that_fails_while_a_letter_is_prepared_is_told(open_desk: OpenDesk, store: InvoiceStore) -> None:
    """It is no fault of the letter's, which waits for its lease to end."""

    def fail() -> None:
        raise StorageError("the database is busy")

    invoice = queued(open_desk())
    with pytest.raises(StorageError):
        open_desk(store=_Before(store, "get", fail)).deliver()
    assert open_desk().deliveries(invoice.id)[0].reason is None


def test_a_cancel_between_two_attempts_sends_nothing_more(open_desk: OpenDesk, clock: StoppedClock) -> None:
    """The kept bytes are erased with it."""
    mailer = Scripted(MailError("data", kind="unknown"))
    desk = open_desk(mailer=mailer)
    invoice = queued(desk)
    desk.deliver()
    assert desk.deliveries(invoice.id)[0].maybe_duplicate
    desk.cancel(invoice.id)
    clock.advance(timedelta(days=1))
    assert (desk.deliver(), len(mailer.seen)) == (0, 1)
    assert [delivery.state for delivery in desk.deliveries(invoice.id)] == ["cancelled"]


def test_a_letter_cancelled_while_at_the_relay_says_that_it_arrived(open_desk: OpenDesk) -> None:
    """The cancel is not undone by the relay's answer."""
    desk = open_desk()
    invoice = queued(desk)
    mailer = Scripted(lambda: desk.cancel(invoice.id))
    assert open_desk(mailer=mailer).deliver() == 1
    (delivery,) = desk.deliveries(invoice.id)
    assert (delivery.state, delivery.sent_at is not None) == ("cancelled", True)


def test_a_letter_cancelled_while_it_is_rendered_is_not_sent(open_desk: OpenDesk, store: InvoiceStore) -> None:
    """The bytes are not kept, so the mailer is not called."""
    desk, mailer = open_desk(), Scripted()
    invoice = queued(desk)
    late = open_desk(mailer=mailer, store=_Before(store, "keep_message", lambda: desk.cancel(invoice.id)))
    assert (late.deliver(), mailer.seen) == (0, [])


def test_a_worker_that_slept_through_its_lease_sends_nothing(
    open_desk: OpenDesk, store: InvoiceStore, clock: StoppedClock
) -> None:
    """Nor one whose lease might end while the relay thinks: it gives the letter back, and nothing is in doubt."""
    desk, mailer = open_desk(), Scripted()
    invoice = queued(desk)
    late = open_desk(mailer=mailer, store=_Before(store, "keep_message", lambda: clock.advance(LEASE / 2)))
    assert (late._dispatch._attempt(mailer), mailer.seen) == ("waits", [])
    assert desk.deliver() == 1
    assert not desk.deliveries(invoice.id)[0].maybe_duplicate


@pytest.mark.parametrize("verb", ["cancel", "record_payment", "renew_link"])
def test_a_letter_that_a_dead_worker_may_have_sent_says_so_when_it_is_withdrawn(
    open_desk: OpenDesk, clock: StoppedClock, verb: str
) -> None:
    """However long after: nobody knows whether the relay took it."""
    desk = open_desk()
    invoice = queued(desk)
    with pytest.raises(KeyboardInterrupt):
        open_desk(mailer=Scripted(_die)).deliver()
    clock.advance(2 * LEASE)
    getattr(desk, verb)(invoice.id, **({"reference": "P-1"} if verb == "record_payment" else {}))
    (delivery,) = desk.deliveries(invoice.id)
    assert (delivery.state, delivery.reason) == ("cancelled", "at_relay")


def test_a_letter_that_a_dead_worker_may_have_sent_says_so_when_it_is_given_up(
    open_desk: OpenDesk, clock: StoppedClock
) -> None:
    """It was tried, and may have come."""
    desk = open_desk()
    invoice = queued(desk)
    with pytest.raises(KeyboardInterrupt):
        open_desk(mailer=Scripted(_die)).deliver()
    clock.advance(GIVEN_UP_AFTER)
    seen = desk.deliveries(invoice.id)
    assert [(one.state, one.reason, one.maybe_duplicate) for one in seen] == [("failed", "expired_silence", True)]
    assert (desk.deliver(), desk.deliveries(invoice.id)) == (0, seen)


@pytest.mark.parametrize("meanwhile", ["cancelled", "given up"])
def test_an_answer_that_comes_when_the_letter_has_ended_is_told(
    open_desk: OpenDesk, clock: StoppedClock, meanwhile: str
) -> None:
    """Though the lease has run out: nobody else has the letter, and the client has it."""
    desk = open_desk()
    invoice = queued(desk)

    def take_long() -> None:
        clock.advance(2 * LEASE if meanwhile == "cancelled" else GIVEN_UP_AFTER)
        if meanwhile == "cancelled":
            desk.cancel(invoice.id)
        desk.deliver()

    assert open_desk(mailer=Scripted(take_long)).deliver() == 1
    (delivery,) = desk.deliveries(invoice.id)
    assert (delivery.state, delivery.sent_at is not None) == ("cancelled" if meanwhile == "cancelled" else "sent", True)
    assert desk.history(invoice.id)[-1].kind is EntryKind.SENT


def _die() -> None:
    raise KeyboardInterrupt


def test_a_letter_that_grew_too_old_in_a_workers_hands_is_not_sent(
    open_desk: OpenDesk, store: InvoiceStore, clock: StoppedClock
) -> None:
    """It was claimed in time, and has failed by now for everyone who looks."""
    desk, mailer = open_desk(), Scripted()
    invoice = queued(desk)
    clock.advance(GIVEN_UP_AFTER - timedelta(seconds=1))
    late = open_desk(mailer=mailer, store=_Before(store, "keep_message", lambda: clock.advance(timedelta(seconds=1))))
    assert (late.deliver(), mailer.seen) == (0, [])
    clock.advance(LEASE)
    assert (desk.deliver(), desk.deliveries(invoice.id)[0].state) == (0, "failed")


def test_a_worker_that_was_fenced_off_records_nothing(open_desk: OpenDesk, clock: StoppedClock) -> None:
    """The one that holds the letter now tells what became of it."""
    desk = open_desk()
    invoice = queued(desk)

    def sleep_while_another_sends() -> None:
        clock.advance(LEASE + timedelta(minutes=1))
        assert open_desk().deliver() == 1

    slow = Scripted(sleep_while_another_sends)
    assert open_desk(mailer=slow)._dispatch._attempt(slow) == "lost"
    assert [entry.kind for entry in desk.history(invoice.id)].count(EntryKind.SENT) == 1


def test_a_letter_that_waited_five_days_is_given_up(open_desk: OpenDesk, clock: StoppedClock) -> None:
    """Visibly, even before a worker comes by; and then for good."""
    desk = open_desk()
    invoice = queued(desk)
    clock.advance(GIVEN_UP_AFTER)
    seen = desk.deliveries(invoice.id)
    assert [(delivery.state, delivery.reason) for delivery in seen] == [("failed", "expired")]
    assert desk.deliver() == 0
    assert desk.deliveries(invoice.id) == seen
    assert desk.history(invoice.id)[-1].kind is EntryKind.SEND_FAILED


def test_a_store_that_fails_while_delivering_is_told(open_desk: OpenDesk, store: InvoiceStore) -> None:
    """A worker's own call has nobody else to tell."""

    def fail() -> None:
        raise StorageError("the database is busy")

    queued(open_desk())
    with pytest.raises(StorageError):
        open_desk(store=_Before(store, "claim", fail)).deliver()


class _Before:
    """A store in which something happens before one of its methods."""

    def __init__(self, store: InvoiceStore, method: str, act: Callable[[], object]) -> None:
        self._store, self._method, self._act = store, method, act

    def __getattr__(self, name: str) -> Any:
        if name == self._method:
            self._act()
        return getattr(self._store, name)
