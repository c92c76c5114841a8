"""Workers in processes of their own, at a real relay in another one, killed with SIGKILL at random instants."""

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from random import Random

from attrs import define, field

from indiopay import Event, InvoiceDesk, PaymentLinks
from indiopay.delivery import Dispatch
from indiopay.files.memory import MemoryFiles
from indiopay.mailers.smtp import SmtpMailer
from indiopay.outbox import LEASE
from indiopay.ports import InvoiceStore, Mailer
from tests.conftest import KEY, PAGE, filled_in
from tests.forks import Child, Tell, listen
from tests.smtp_server import Kept, ScriptedRelay

from .world import AGENCY

WORKERS = 3
_LETTERS_OF_A_LIFE = 12
_LIFE_SECONDS = 0.06
_HOLDS_SECONDS = 0.01
_MESSAGE_ID = re.compile(rb"\r\nMessage-ID: (<[^>]+>)\r\n")

OpenStore = Callable[[], InvoiceStore]


@define
class Account:
    """What the relay kept, and how often a worker was killed that had a letter in its hands."""

    copies: list[tuple[str, str]] = field(factory=list)
    excuses: Counter[str] = field(factory=Counter)
    kills: int = 0


class _TellingMailer:
    """Tells which letter is under way."""

    def __init__(self, mailer: Mailer, tell: Tell) -> None:
        self._mailer, self._tell = mailer, tell

    def send(self, *, sender: str, recipient: str, message: bytes) -> None:
        self._tell(f"begins {message_id(message)}")
        self._mailer.send(sender=sender, recipient=recipient, message=message)


class _Kept(list[Kept]):
    """Tells what was accepted, as soon as it is."""

    def __init__(self, tell: Tell) -> None:
        super().__init__()
        self._tell = tell

    def append(self, kept: Kept) -> None:
        self._tell(f"kept {message_id(kept.message)} {sha256(kept.message).hexdigest()}")
        super().append(kept)


def message_id(message: bytes) -> str:
    found = _MESSAGE_ID.search(message)
    assert found, "a letter without its Message-ID"
    return found[1].decode()


def serve(tell: Tell) -> None:
    """A relay that takes a moment before and after it accepts."""
    lots = Random()  # the instants of the kills are no more certain

    def hold(moment: str) -> None:
        if moment in ("dot", "reply"):
            time.sleep(lots.uniform(0, _HOLDS_SECONDS))

    with ScriptedRelay(on_moment=hold) as relay:
        relay.kept = _Kept(tell)
        tell(f"port {relay.port}")
        threading.Event().wait()


def desk_at(
    store: InvoiceStore, port: int, ahead: timedelta, tell: Tell = lambda _: None, dispatch: type[Dispatch] = Dispatch
) -> InvoiceDesk:
    """As a process opens it whose clock is so far ahead; it tells what it begins, and what is written."""

    def note(event: Event) -> None:
        tell("written")

    desk = InvoiceDesk(
        agency=AGENCY,
        store=store,
        files=MemoryFiles(),
        mailer=_TellingMailer(SmtpMailer("127.0.0.1", port, security="none"), tell),
        links=PaymentLinks(PAGE, keys=[KEY]),
        clock=lambda: datetime.now(UTC) + ahead,
        send_at_once=False,
        on_event=note,
    )
    old = desk._dispatch
    desk._dispatch = dispatch(old.agency, old.store, old.mailer, old.render, old.clock, old.on_event)
    return desk


def live(open_store: OpenStore, *, lives: int, lots: Random, dispatch: type[Dispatch] = Dispatch) -> Account:
    """So many lives, each an hour after the one before and ended by SIGKILL; then one that ends by itself."""
    account = Account()
    with ExitStack() as stack:
        relay = Child(serve)
        stack.callback(relay.kill)
        while b"\n" not in relay.heard:
            relay.hear()
        port = int(relay.heard.split()[1])
        for life in range(lives):
            ahead = life * (LEASE + timedelta(minutes=1))
            _ask(open_store, port, ahead)
            _live_once(open_store, port, ahead, [relay], lots, account, dispatch)
        Child(lambda tell: _work(open_store, port, lives * 2 * LEASE, tell, dispatch, rounds=1)).end()
        account.copies += _kept(relay.kill())
    return account


def _ask(open_store: OpenStore, port: int, ahead: timedelta) -> None:
    def ask(tell: Tell) -> None:
        desk = desk_at(open_store(), port, ahead)
        for _ in range(_LETTERS_OF_A_LIFE):
            desk.create(filled_in(due_date="90 jours", send_by_email=True))

    Child(ask).end()


def _live_once(
    open_store: OpenStore,
    port: int,
    ahead: timedelta,
    heard: Sequence[Child],
    lots: Random,
    account: Account,
    dispatch: type[Dispatch],
) -> None:
    workers = [Child(lambda tell: _work(open_store, port, ahead, tell, dispatch)) for _ in range(WORKERS)]
    for worker in workers:
        listen([*workers, *heard], lots.uniform(0, _LIFE_SECONDS))
        told = worker.kill()
        account.kills += 1
        if told and told[-1].startswith("begins"):
            account.excuses[told[-1].removeprefix("begins ")] += 1


def _work(
    open_store: OpenStore,
    port: int,
    ahead: timedelta,
    tell: Tell,
    dispatch: type[Dispatch],
    *,
    rounds: int = 1_000_000,
) -> None:
    desk = desk_at(open_store(), port, ahead, tell, dispatch)
    for _ in range(rounds):
        desk.deliver(limit=10_000)
        time.sleep(0.001)


def _kept(told: Sequence[str]) -> list[tuple[str, str]]:
    return [(line.split()[1], line.split()[2]) for line in told if line.startswith("kept")]
