"""A letter of the model: taken by a worker, answered by a relay, withdrawn, given up. Times and pauses by hand."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from attrs import define

from indiopay import Delivery
from indiopay.outbox import Letter

LEASE = timedelta(hours=1)
GIVEN_UP = timedelta(days=5)
PAUSES = (1, 5, 15, 30, 60, 120, 240, 360)  # minutes, give or take a tenth
REASONS = {"transport": "connect", "later": "rcpt_450", "never": "rcpt_550", "unknown": "data", "breaks": "mailer"}
SILENT = ("unknown", "breaks")
UNKNOWN = UUID(int=0)


def same(what: str, found: object, wanted: object) -> None:
    """Say which truth is broken."""
    assert found == wanted, f"{what}: {found!r} where {wanted!r} is right"


def is_away(said: Sequence[str]) -> bool:
    """Whether a relay that said this, letter by letter, is asked no more for a while."""
    return said[-1:] == ["transport"] or (len(said) > 1 and set(said[-2:]) <= set(SILENT))


@define(eq=False)
class Mail:
    """A letter that was asked for; its turn comes somewhere between two times."""

    to: str
    asked_at: datetime
    turn: tuple[datetime, datetime]
    id: UUID = UNKNOWN
    state: Any = "queued"
    attempts: int = 0
    reason: str | None = None
    sent_at: datetime | None = None
    twice: bool = False
    worker: int = 0
    held_until: datetime | None = None
    message: bytes | None = None

    @classmethod
    def asked(cls, to: str, at: datetime) -> "Mail":
        return cls(to, at, (at, at))

    def is_free(self, at: datetime) -> bool:
        return self.state == "queued" and (self.held_until is None or self.held_until <= at)

    def is_worn_out(self, at: datetime) -> bool:
        return self.state == "queued" and at - self.asked_at >= GIVEN_UP

    def is_in_silent_hands(self) -> bool:
        """A worker has its bytes, and has not been heard of since."""
        return self.held_until is not None and self.message is not None

    def worn_out_reason(self) -> str:
        why = self.reason or ("silence" if self.is_in_silent_hands() else None)
        return f"expired_{why}" if why else "expired"

    def wear_out(self) -> None:
        self.twice |= self.is_in_silent_hands()
        held, reason = self.held_until, self.worn_out_reason()
        self.end("failed", reason)
        self.held_until = held

    def end(self, state: str, reason: str | None = None) -> None:
        self.state, self.reason, self.held_until, self.message = state, reason, None, None

    def withdraw(self, at: datetime) -> None:
        is_away = not self.is_free(at) or self.is_in_silent_hands() or self.twice
        held = self.held_until if is_away else None
        if self.state == "queued":
            self.end("cancelled", "at_relay" if is_away else None)
            self.held_until = held

    def take(self, message: bytes, at: datetime) -> int:
        """A worker takes it: the same bytes each time, perhaps for the second time if another one went silent."""
        same("bytes of a letter", message, self.message or message)
        self.twice |= self.held_until is not None and self.message is not None
        self.worker, self.held_until, self.message = self.worker + 1, at + LEASE, message
        return self.worker

    def settle(self, worker: int, answer: str, at: datetime) -> str:
        """What becomes of it after the relay's answer, unless another worker has it, or it was cancelled meanwhile."""
        arrived = answer == "accept"
        if self.worker != worker or self.held_until is None or not (self.state == "queued" or arrived):
            return "lost"
        self.attempts += answer != "transport"
        if arrived:
            self.sent_at, self.held_until = at, None
            if self.state != "cancelled":
                self.end("sent")
            return "sent"
        if answer == "never":
            self.end("failed", REASONS[answer])
            return "failed"
        self.reason, self.held_until = REASONS[answer], None
        if answer == "transport":
            self.turn = (at, at)
            return "paused"
        self.twice |= answer in SILENT
        pause = timedelta(minutes=PAUSES[min(self.attempts, len(PAUSES)) - 1])
        self.turn = (at + pause * 0.9, at + pause * 1.1)
        return "waits"

    def shown(self, at: datetime) -> Delivery:
        worn_out = self.is_worn_out(at)
        state: Any = "failed" if worn_out else self.state
        reason = self.worn_out_reason() if worn_out else self.reason
        twice = self.twice or (worn_out and self.is_in_silent_hands())
        message_id = f"<{self.id.hex}@exemple.ca>"
        return Delivery(self.id, self.to, state, self.attempts, message_id, self.asked_at, self.sent_at, reason, twice)

    def learn(self, letter: Letter) -> None:
        self.id = letter.id if self.id == UNKNOWN else self.id
        same("turn of a letter", sorted((*self.turn, letter.not_before))[1], letter.not_before)
        self.turn = (letter.not_before, letter.not_before)
