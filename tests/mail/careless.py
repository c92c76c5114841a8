"""Ways out of letters that are broken on purpose, each as some program has had it."""

from collections.abc import Callable
from datetime import datetime

from attrs import evolve

from indiopay.delivery import Dispatch
from indiopay.errors import MailError
from indiopay.history import HistoryEntry
from indiopay.outbox import GIVEN_UP_AFTER, LEASE, Letter, accepted
from indiopay.ports import Mailer
from indiopay.stores.memory import MemoryStore


class NoFence(MemoryStore):
    """Takes what a worker says of a letter, whoever has it now."""

    def finish(self, agency: str, letter: Letter, entry: HistoryEntry | None) -> bool:
        with self._lock:
            self._books[agency].write(letter, entry)
        return True


class KeepsItsPlace(MemoryStore):
    """Has a letter that was put off be the first again."""

    def finish(self, agency: str, letter: Letter, entry: HistoryEntry | None) -> bool:
        return super().finish(agency, evolve(letter, not_before=letter.queued_at), entry)


class ForgetsBytes(MemoryStore):
    """Has each attempt render the letter anew."""

    def claim(self, agency: str, **named: object) -> Letter | None:
        letter = super().claim(agency, **named)  # type: ignore[arg-type]  # handed on as they are
        return letter and evolve(letter, message=None)


class GivesUpSoon(MemoryStore):
    """Takes a letter out of the queue, unsaid, when it was tried three times."""

    def finish(self, agency: str, letter: Letter, entry: HistoryEntry | None) -> bool:
        tired = letter.state == "queued" and letter.attempts >= 3
        after = evolve(letter, state="cancelled", message=None, lease_end=None) if tired else letter
        return super().finish(agency, after, entry)


class SentBeforeSending(Dispatch):
    """Writes that a letter was sent, and then sends it."""

    def _send(self, letter: Letter, mailer: Mailer) -> str:
        kind = self._finish(accepted(letter, at=self.clock()), "sent")
        try:
            mailer.send(sender=letter.sender or "", recipient=letter.recipient, message=letter.message or b"")
        except MailError:
            return "failed"
        return kind


class OneLeaseForAll(Dispatch):
    """Claims a whole round at once, and sends it letter by letter, however long that takes."""

    def deliver(self, limit: int) -> int:
        now, ready = self.clock(), list[Letter]()
        while len(ready) < limit and (letter := self._claimed(now)):
            ready.append(letter if letter.message else self._prepared(letter) or letter)
        return [self._send(letter, self.mailer) for letter in ready if letter.message].count("sent")

    def _claimed(self, now: datetime) -> Letter | None:
        return self.store.claim(self.agency, now=now, lease_end=now + LEASE, queued_after=now - GIVEN_UP_AFTER)


class _Heard:
    """A mailer of whose failures something else is believed."""

    def __init__(self, mailer: Mailer, believed: Callable[[MailError], MailError]) -> None:
        self._mailer, self._believed = mailer, believed

    def send(self, *, sender: str, recipient: str, message: bytes) -> None:
        try:
            self._mailer.send(sender=sender, recipient=recipient, message=message)
        except MailError as error:
            raise self._believed(error) from error


class TakesSilenceForARefusal(Dispatch):
    """Tries again after a silence, and does not say that it may be the second time."""

    def _send(self, letter: Letter, mailer: Mailer) -> str:
        return super()._send(letter, _Heard(mailer, _refusal_of_silence))


class ChargesForAbsence(Dispatch):
    """Counts an attempt when no relay was there."""

    def _send(self, letter: Letter, mailer: Mailer) -> str:
        return super()._send(letter, _Heard(mailer, _refusal_of_absence))


class NeverAsksAgain(Dispatch):
    """Pauses for ever when the relay was away once."""

    def deliver(self, limit: int) -> int:
        return 0 if self.breaker._pauses else super().deliver(limit)


class StopsAtAnyFailure(Dispatch):
    """Ends its round at the first letter that does not go out."""

    def deliver(self, limit: int) -> int:
        sent = 0
        while sent < limit and self._attempt(_Heard(self.mailer, _absence)) == "sent":
            sent += 1
        return sent


def _refusal_of_silence(error: MailError) -> MailError:
    return MailError("data", kind="later", code=451) if error.kind == "unknown" else error


def _refusal_of_absence(error: MailError) -> MailError:
    return MailError("connect", kind="later", code=450) if error.kind == "transport" else error


def _absence(error: MailError) -> MailError:
    return MailError("connect", kind="transport")
