"""The letters that were asked for: their states, and when to try again.

    queued ──> sent | failed | cancelled        (a letter under lease is still queued)

Nothing here writes: a letter goes in, the letter as it should be comes out, and a store keeps it.
"""

from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from attrs import evolve, field, frozen

from indiopay.errors import MailError

LetterState = Literal["queued", "sent", "failed", "cancelled"]

LEASE = timedelta(hours=1)
"""How long a claimed letter is one worker's own; outlives every phase of SMTP at its longest (RFC 5321, 4.5.3.2)."""

GIVEN_UP_AFTER = timedelta(days=5)
"""How long a letter is tried; RFC 5321 says four to five days."""

_AMID_A_LETTER = ("mail", "rcpt", "data")
_PREPARED_AGAIN_AFTER = timedelta(minutes=15)
_BACK_OFF = tuple(timedelta(minutes=m) for m in (1, 5, 15, 30, 60, 120, 240, 360))


@frozen
class Delivery:
    """One asked-for sending of an invoice by e-mail, as a caller sees it.

    `attempts` counts what the relay answered or swallowed; a relay that could not be reached counts nothing.
    `reason` is a code: why it failed, or why it waits. `maybe_duplicate` says that the client may have received it
    more than once. A cancelled delivery with a `sent_at` was at the relay already, and arrived.
    """

    id: UUID
    to: str = field(repr=False)
    state: LetterState
    attempts: int
    message_id: str
    queued_at: datetime
    sent_at: datetime | None = None
    reason: str | None = None
    maybe_duplicate: bool = False


@frozen
class Letter:
    """One row of the outbox. `recipient` is the envelope's (ASCII); `message` is there from first claim to end.

    `lease_token` rises with every claim: a worker that holds an older one is fenced off. While `lease_end` lies ahead
    the letter is one worker's own.
    """

    id: UUID
    invoice_id: UUID
    message_id: str
    recipient: str = field(repr=False)
    queued_at: datetime
    not_before: datetime
    kind: str = "invoice"
    state: LetterState = "queued"
    attempts: int = 0
    sender: str | None = field(default=None, repr=False)
    message: bytes | None = field(default=None, repr=False)
    message_sha256: str | None = None
    last_phase: str | None = None
    last_code: int | None = None
    sent_at: datetime | None = None
    maybe_duplicate: bool = False
    lease_token: int = 0
    lease_end: datetime | None = None

    @property
    def reason(self) -> str | None:
        """Why it failed or waits, as one code: "rcpt_550", "connect", "expired_rcpt_450"; None when all is well."""
        if self.last_phase is None or self.state == "sent":
            return None
        return self.last_phase if self.last_code is None else f"{self.last_phase}_{self.last_code}"

    def delivery(self, now: datetime) -> Delivery:
        """What a caller sees of it at `now`: one that has waited too long has failed, even if no worker ran."""
        seen = expired(self) if self.state == "queued" and now >= self.queued_at + GIVEN_UP_AFTER else self
        return Delivery(
            seen.id,
            seen.recipient,
            seen.state,
            seen.attempts,
            seen.message_id,
            seen.queued_at,
            seen.sent_at,
            seen.reason,
            seen.maybe_duplicate,
        )


def new_letter(letter_id: UUID, invoice_id: UUID, *, recipient: str, domain: str, at: datetime) -> Letter:
    """A letter to queue; its Message-ID is made once, here, from its id and the agency's `domain`."""
    message_id = f"<{letter_id.hex}@{domain}>"
    return Letter(letter_id, invoice_id, message_id, recipient, queued_at=at, not_before=at)


def leased(letter: Letter, *, end: datetime) -> Letter:
    """The letter under a new lease. If an earlier worker kept its bytes and went silent, it may go out twice."""
    doubtful = letter.maybe_duplicate or _is_in_silent_hands(letter)
    return evolve(letter, lease_token=letter.lease_token + 1, lease_end=end, maybe_duplicate=doubtful)


def is_free(letter: Letter, now: datetime) -> bool:
    """Whether it waits, and no worker holds it."""
    return letter.state == "queued" and (letter.lease_end is None or letter.lease_end <= now)


def settled(kept: Letter, after: Letter) -> Letter | None:
    """What a store writes when a worker reports `after` of the letter that is `kept` now; None if it is fenced off.

    A letter cancelled under this worker's lease stays cancelled, but says that it arrived, if it did; one that was
    given up meanwhile was sent after all.
    """
    if kept.lease_token != after.lease_token or kept.lease_end is None:
        return None
    if kept.state == "queued":
        return after
    if after.sent_at is None:
        return None
    if kept.state == "failed":
        return after
    return evolve(kept, attempts=after.attempts, sent_at=after.sent_at, lease_end=None)


def expired(letter: Letter) -> Letter:
    """The letter, given up because it has waited for five days: "expired", and why it waited if that is known."""
    is_silent = _is_in_silent_hands(letter)
    why = "silence" if is_silent and letter.last_phase is None else letter.last_phase
    ended = _ended(letter, "failed", last_phase=f"expired_{why}" if why else "expired", last_code=letter.last_code)
    return evolve(ended, lease_end=letter.lease_end, maybe_duplicate=letter.maybe_duplicate or is_silent)


def withdrawn(letter: Letter, now: datetime) -> Letter:
    """The letter, cancelled with its invoice or its link; one that was handed over may have arrived all the same."""
    is_away = not is_free(letter, now) or _is_in_silent_hands(letter) or letter.maybe_duplicate
    ended = _ended(letter, "cancelled", last_phase="at_relay" if is_away else None)
    return evolve(ended, lease_end=letter.lease_end if is_away else None)


def unprepared(letter: Letter, reason: str, *, at: datetime) -> Letter:
    """The letter, put off because it could not be prepared; no relay has seen it, so no attempt is counted."""
    return evolve(letter, last_phase=reason, last_code=None, lease_end=None, not_before=at + _PREPARED_AGAIN_AFTER)


def accepted(letter: Letter, *, at: datetime) -> Letter:
    """The letter after the relay's 250."""
    return evolve(_ended(letter, "sent"), attempts=letter.attempts + 1, sent_at=at)


def refused(letter: Letter, error: MailError, *, at: datetime) -> Letter:
    """The letter after an attempt that failed: it waits for its next turn, or has failed for good.

    One that met a relay that is away goes behind the others: if the relay cannot bear this one, they pass. One that was
    under way already waits as long again as it has waited, up to six hours, so that many such letters part.
    """
    if error.kind == "transport":
        turn = at + _lag(letter, at) if error.reason in _AMID_A_LETTER else at
        return evolve(letter, last_phase=error.reason, last_code=error.code, lease_end=None, not_before=turn)
    tried = evolve(letter, attempts=letter.attempts + 1)
    if error.kind == "never":
        return _ended(tried, "failed", last_phase=error.reason, last_code=error.code)
    return evolve(
        tried,
        last_phase=error.reason,
        last_code=error.code,
        lease_end=None,
        not_before=at + _pause(tried),
        maybe_duplicate=letter.maybe_duplicate or error.kind == "unknown",
    )


def _ended(
    letter: Letter, state: LetterState, *, last_phase: str | None = None, last_code: int | None = None
) -> Letter:
    """Its bytes are erased with its end: what waits in no outbox opens no invoice."""
    return evolve(letter, state=state, message=None, lease_end=None, last_phase=last_phase, last_code=last_code)


def _is_in_silent_hands(letter: Letter) -> bool:
    """Whether a worker took it, kept its bytes, and has not been heard of since: it may have been sent."""
    return letter.lease_end is not None and letter.message_sha256 is not None


def _lag(letter: Letter, at: datetime) -> timedelta:
    return max(timedelta(), min(at - letter.queued_at, _BACK_OFF[-1]))


def _pause(letter: Letter) -> timedelta:
    pause = _BACK_OFF[min(letter.attempts, len(_BACK_OFF)) - 1]
    jitter = (letter.id.int + letter.attempts * 7919) % 200 - 100
    return pause + pause * jitter // 1000
