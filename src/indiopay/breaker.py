"""Pauses delivery while the relay is away, so that a dead one is not asked letter by letter."""

from datetime import datetime, timedelta
from threading import Lock

from indiopay.errors import MailError

_PAUSES = tuple(timedelta(minutes=m) for m in (1, 5, 15))
_SILENCES = 2


class Breaker:
    """One desk's, in memory, by times that it is given. A pause takes 1, then 5, then 15 minutes; an answer ends it.

    The relay is away when it cannot be reached, or when it had no answer for two letters in a row: one alone may be
    the letter's own fault.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._until: datetime | None = None
        self._pauses = 0
        self._silences = 0

    def paused_until(self, now: datetime) -> datetime | None:
        """When the pause ends; None when there is none. A clock that was set far back does not make it longer."""
        until = self._until
        return until if until is not None and now < until <= now + 2 * _PAUSES[-1] else None

    def notes(self, error: MailError | None, at: datetime) -> bool:
        """Note how an attempt went; whether a pause begins with it. One that ends amid a pause does not lengthen it."""
        with self._lock:
            if error is None or _answers(error):
                self._until, self._pauses, self._silences = None, 0, 0
                return False
            self._silences += _SILENCES if error.kind == "transport" else 1
            if self._silences < _SILENCES or self.paused_until(at):
                return False
            self._until = at + _PAUSES[min(self._pauses, len(_PAUSES) - 1)]
            self._pauses += 1
            return True


def _answers(error: MailError) -> bool:
    return error.kind == "never" or (error.kind != "transport" and error.code is not None)
