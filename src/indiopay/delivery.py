"""Takes queued letters out of a store and through a mailer: lease, render once, send, record."""

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from attrs import Factory, evolve, frozen

from indiopay.agency import Agency
from indiopay.breaker import Breaker
from indiopay.email_address import envelope_address
from indiopay.errors import LinkError, MailError, MailErrorKind, StorageError
from indiopay.invoice import new_id, outcome_entry
from indiopay.outbox import GIVEN_UP_AFTER, LEASE, Letter, accepted, new_letter, refused, unprepared
from indiopay.ports import BatchMailer, InvoiceStore, Mailer

log = logging.getLogger(__name__)

_ROUND = LEASE / 2
_AT_THE_LATEST = LEASE / 2
"""How long after its claim a letter may still be handed over: what SMTP takes at its longest fits into the rest."""

_REASON = re.compile(r"[a-z0-9_]{1,40}")
_UNSAID: Mapping[MailErrorKind, str] = {
    "transport": "relay",
    "later": "refused",
    "never": "refused",
    "unknown": "mailer",
}
"""What stands for a reason that is no code."""


@frozen
class Event:
    """Something for a host to count: kind is "sent" or "failed" (a letter) or "paused" (the relay is away).

    That a letter was given up after five days is said by its delivery and its invoice's history alone.
    """

    kind: str
    at: datetime
    invoice_id: UUID | None
    delivery_id: UUID | None


def asked_letter(
    invoice_id: UUID, address: str, *, agency: Agency, at: datetime, random: Callable[[int], bytes]
) -> Letter:
    """A new letter to the client's address; its Message-ID is in the domain of the agency's own."""
    domain = envelope_address(agency.email).rpartition("@")[2]
    return new_letter(new_id(at, random(10)), invoice_id, recipient=envelope_address(address), domain=domain, at=at)


@frozen
class Dispatch:
    """The way out of one agency's letters. `render` makes the envelope's sender and the message of a letter, once."""

    agency: str
    store: InvoiceStore
    mailer: Mailer
    render: Callable[[Letter], tuple[str, bytes]]
    clock: Callable[[], datetime]
    on_event: Callable[[Event], None] | None = None
    breaker: Breaker = Factory(Breaker)

    def deliver(self, limit: int) -> int:
        """Try at most `limit` letters that are due; how many were sent. Stops when the relay is away, or after a while.

        A worker that serves many agencies is kept by none of them for longer than a lease.
        """
        kinds: list[str] = []
        end = self.clock() + _ROUND
        with self._run() as mailer:
            while len(kinds) < limit and self.clock() < end and (kind := self._attempt(mailer)):
                kinds.append(kind)
        return kinds.count("sent")

    def try_at_once(self, letter: Letter) -> None:
        """Try a letter that was just queued. Should the store fail now, what it committed stays: the letter waits."""
        try:
            self._attempt(self.mailer, letter.id)
        except StorageError as error:
            log.warning("letter %s waits: the store failed with %s", letter.id, type(error.__cause__).__name__)

    @contextmanager
    def _run(self) -> Iterator[Mailer]:
        """What a round's letters go through: one connection, if the mailer keeps one, and else the mailer itself.

        A host's connection that fails is logged, and each letter then finds out for itself.
        """
        stack, mailer = ExitStack(), self.mailer
        try:
            if isinstance(self.mailer, BatchMailer) and callable(self.mailer.batch):
                mailer = stack.enter_context(self.mailer.batch())
        except Exception as error:  # noqa: BLE001  # a host's mailer may raise anything
            log.warning("the mailer gave no connection for a round: %s", type(error).__name__)
        try:
            yield mailer
        finally:
            _close(stack)

    def _attempt(self, mailer: Mailer, letter_id: UUID | None = None) -> str | None:
        """Try the letter that is due first, or the one named, and say what became of it.

        "sent", "failed", "waits" or "lost" (to another worker, or to a cancel); None if there was none to try, or
        while delivery pauses.
        """
        now = self.clock()
        if self.breaker.paused_until(now):
            return None
        letter = self.store.claim(
            self.agency, now=now, lease_end=now + LEASE, queued_after=now - GIVEN_UP_AFTER, letter_id=letter_id
        )
        if letter is None:
            return None
        ready = letter if letter.message is not None else self._prepared(letter)
        if ready is None:
            return "lost"
        if ready.message is None:
            return self._finish(ready, "waits")
        if self.clock() >= min(now + _AT_THE_LATEST, letter.queued_at + GIVEN_UP_AFTER):
            return self._finish(evolve(ready, lease_end=None), "waits")
        return self._send(ready, mailer)

    def _prepared(self, letter: Letter) -> Letter | None:
        """The letter with its bytes, kept before the first attempt; they never change after. Put off if it has none."""
        try:
            sender, message = self.render(letter)
        except StorageError:
            raise
        except Exception as error:  # noqa: BLE001  # a host's template may raise anything, and must not hold up the other letters
            log.warning("letter %s could not be prepared: %s", letter.id, type(error).__name__)
            return unprepared(letter, "link" if isinstance(error, LinkError) else "render", at=self.clock())
        ready = evolve(letter, sender=sender, message=message, message_sha256=sha256(message).hexdigest())
        return ready if self.store.keep_message(self.agency, ready) else None

    def _send(self, letter: Letter, mailer: Mailer) -> str:
        error = _handed_over(letter, mailer)
        at = self.clock()
        pauses = self.breaker.notes(error, at)
        if error is None:
            return self._finish(accepted(letter, at=at), "sent")
        kind = self._finish(refused(letter, error, at=at), "failed" if error.kind == "never" else "waits")
        if pauses:
            log.warning("delivery pauses: %s", error)
            self._tell(Event("paused", at, letter.invoice_id, letter.id))
        return kind

    def _finish(self, letter: Letter, kind: str) -> str:
        at = self.clock()
        if not self.store.finish(self.agency, letter, outcome_entry(letter, at)):
            return "lost"
        if kind != "waits":
            self._tell(Event(kind, at, letter.invoice_id, letter.id))
        return kind

    def _tell(self, event: Event) -> None:
        """A host that fails to count does not make a letter, or the invoice behind it, fail."""
        try:
            if self.on_event:
                self.on_event(event)
        except Exception as error:  # noqa: BLE001  # a host's function may raise anything
            log.warning("on_event failed at delivery %s: %s", event.delivery_id, type(error).__name__)


def _close(stack: ExitStack) -> None:
    """What was accepted is accepted, whatever a host's mailer raises now."""
    try:
        stack.close()
    except Exception as error:  # noqa: BLE001  # a host's mailer may raise anything
        log.warning("the mailer broke off after a round: %s", type(error).__name__)


def _handed_over(letter: Letter, mailer: Mailer) -> MailError | None:
    """None if the mailer says that the relay accepted it."""
    try:
        mailer.send(sender=letter.sender or "", recipient=letter.recipient, message=letter.message or b"")
    except MailError as error:
        return _plain(error)
    except Exception as error:  # noqa: BLE001  # a host's mailer may raise anything: whether it was accepted is then unknown
        log.warning("the mailer broke off letter %s: %s", letter.id, type(error).__name__)
        return MailError("mailer", kind="unknown")
    return None


def _plain(error: MailError) -> MailError:
    """The error with nothing in it but codes: a host's mailer may have put anything there, the relay's words too."""
    kind = error.kind if isinstance(error.kind, str) and error.kind in _UNSAID else "unknown"
    reason = error.reason if isinstance(error.reason, str) and _REASON.fullmatch(error.reason) else _UNSAID[kind]
    is_reply = isinstance(error.code, int) and 200 <= error.code <= 599
    return MailError(reason, kind=kind, code=error.code if is_reply else None)
