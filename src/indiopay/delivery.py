"""Takes queued letters out of a store and through a mailer: lease, render once, send, record."""

import logging
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from attrs import evolve, frozen

from indiopay.errors import MailError, MailErrorKind
from indiopay.invoice import outcome_entry
from indiopay.outbox import GIVEN_UP_AFTER, LEASE, Letter, accepted, refused
from indiopay.ports import InvoiceStore, Mailer

log = logging.getLogger(__name__)

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
    """Something for a host to count: kind is "sent" or "failed" (a letter) or "paused" (the relay is away)."""

    kind: str
    at: datetime
    invoice_id: UUID | None
    delivery_id: UUID | None


@frozen
class Dispatch:
    """The way out of one agency's letters. `render` makes the envelope's sender and the message of a letter, once."""

    agency: str
    store: InvoiceStore
    mailer: Mailer
    render: Callable[[Letter], tuple[str, bytes]]
    clock: Callable[[], datetime]
    on_event: Callable[[Event], None] | None = None

    def deliver(self, limit: int) -> int:
        """Try at most `limit` letters that are due, and stop when the relay is away; how many were sent."""
        kinds: list[str] = []
        while len(kinds) < limit and kinds[-1:] != ["paused"] and (kind := self.attempt()):
            kinds.append(kind)
        return kinds.count("sent")

    def attempt(self, letter_id: UUID | None = None) -> str | None:
        """Try the letter that is due first, or the one named, and say what became of it.

        "sent", "failed", "waits", "paused" or "lost" (to another worker, or to a cancel); None if there was none.
        """
        now = self.clock()
        letter = self.store.claim(
            self.agency, now=now, lease_end=now + LEASE, queued_after=now - GIVEN_UP_AFTER, letter_id=letter_id
        )
        if letter is None:
            return None
        ready = self._ready(letter)
        if isinstance(ready, MailError):
            return self._finish(refused(letter, ready, at=self.clock()), "waits")
        if ready is None or self.clock() >= now + LEASE:
            return "lost"
        return self._send(ready)

    def _ready(self, letter: Letter) -> Letter | MailError | None:
        """The letter with its bytes, rendered and kept before the first attempt; they never change after."""
        if letter.message is not None:
            return letter
        try:
            sender, message = self.render(letter)
        except Exception as error:  # noqa: BLE001  # a host's template may raise anything, and must not hold up the other letters
            log.warning("letter %s could not be rendered: %s", letter.id, type(error).__name__)
            return MailError("render", kind="later")
        ready = evolve(letter, sender=sender, message=message, message_sha256=sha256(message).hexdigest())
        return ready if self.store.keep_message(self.agency, ready) else None

    def _send(self, letter: Letter) -> str:
        try:
            self.mailer.send(sender=letter.sender or "", recipient=letter.recipient, message=letter.message or b"")
        except MailError as error:
            kind = {"transport": "paused", "never": "failed"}.get(error.kind, "waits")
            return self._finish(refused(letter, _plain(error), at=self.clock()), kind)
        except Exception as error:  # noqa: BLE001  # a host's mailer may raise anything: whether it was accepted is then unknown
            log.warning("the mailer broke off letter %s: %s", letter.id, type(error).__name__)
            return self._finish(refused(letter, MailError("mailer", kind="unknown"), at=self.clock()), "waits")
        return self._finish(accepted(letter, at=self.clock()), "sent")

    def _finish(self, letter: Letter, kind: str) -> str:
        at = self.clock()
        kept = self.store.finish(self.agency, letter, outcome_entry(letter, at))
        if not kept:
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


def _plain(error: MailError) -> MailError:
    """The error with nothing in it but codes: a host's mailer may have put anything there, the relay's words too."""
    kind = error.kind if isinstance(error.kind, str) and error.kind in _UNSAID else "unknown"
    reason = error.reason if isinstance(error.reason, str) and _REASON.fullmatch(error.reason) else _UNSAID[kind]
    is_reply = isinstance(error.code, int) and 200 <= error.code <= 599
    return MailError(reason, kind=kind, code=error.code if is_reply else None)
