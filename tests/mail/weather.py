"""A relay as a mailer, in all weathers, which remembers what it accepted and whose fault a second copy is."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random

from attrs import define, field

from indiopay import MailError
from indiopay.outbox import Letter
from indiopay.testing import StoppedClock

_MESSAGE_ID = re.compile(rb"\r\nMessage-ID: (<[^>]+>)\r\n")

_SLOWEST = timedelta(minutes=35)
FAIR = "fair"
WEATHERS = (FAIR, "away", "grey", "drops", "swallows", "hides", "stalls", "slow", "mixed")
"""hides: accepts, and says nothing; swallows: neither; drops: before the dot; grey: 4xx, and takes it later."""

POISONS = {
    "never@exemple.ca": MailError("rcpt", kind="never", code=550),
    "later@exemple.ca": MailError("rcpt", kind="later", code=450),
    "silent@exemple.ca": MailError("silence", kind="unknown"),
    "dropping@exemple.ca": MailError("data", kind="later"),
    "dismissed@exemple.ca": MailError("rcpt", kind="transport", code=421),
}
"""Recipients at which this relay always fails."""

TARDY, UNMADE = "tardy@exemple.ca", "unmade@exemple.ca"
"""One at which it fails, and takes its time; one for whom no letter can be made."""

POISONS[TARDY] = MailError("silence", kind="unknown")
HOPELESS = (*POISONS, UNMADE)


@define(eq=False)
class Attempt:
    """One worker's way with one letter, as an onlooker sees it."""

    letter: Letter
    begun: datetime
    lease_end: datetime
    idle: timedelta = timedelta()
    accepted: bool = False
    charged: bool = False
    excuse: str | None = None
    written: bool | None = None

    def oversleeps(self, at: datetime) -> None:
        """Note that its lease is over, if that is because its worker did not run; no relay is so slow."""
        busy = at - self.begun - self.idle
        if at >= self.lease_end and busy <= _SLOWEST:
            self.excuse = self.excuse or "slept"


@define
class Relay:
    """`attempt` gives the attempt of whoever calls; `turn` lets others act before and after it accepts."""

    random: Random
    clock: StoppedClock
    turn: Callable[[], None]
    attempt: Callable[[str], Attempt]
    latest: Callable[[], datetime]
    weather: str = FAIR
    copies: defaultdict[str, list[bytes]] = field(factory=lambda: defaultdict(list))
    calls: Counter[str] = field(factory=Counter)

    def send(self, *, sender: str, recipient: str, message: bytes) -> None:
        """Accept it, or not, and say so, or not."""
        self.turn()
        message_id, error = self._read(message), POISONS.get(recipient)
        attempt = self.attempt(message_id)
        weather = self.random.choice(WEATHERS) if self.weather == "mixed" else self.weather
        attempt.charged = (error or MailError("", kind="later")).kind != "transport" and weather != "away"
        if weather == "away":
            raise MailError("connect", kind="transport")
        if error:
            self._endure("tardy" if recipient == TARDY else weather)
            raise error
        self._endure(weather)
        if weather not in ("grey", "drops", "swallows"):
            self.copies[message_id].append(message)
            attempt.accepted = True
            attempt.oversleeps(self.latest())
        if weather in ("hides", "swallows", "stalls"):
            attempt.excuse = "silence" if attempt.accepted else None
            raise MailError("silence", kind="unknown")
        if weather in ("grey", "drops"):
            raise MailError("data", kind="later", code=451 if weather == "grey" else None)
        self.turn()

    def _read(self, message: bytes) -> str:
        found = _MESSAGE_ID.search(message)
        assert found, "a letter without its Message-ID"
        message_id = found[1].decode()
        self.calls[message_id] += 1
        return message_id

    def _endure(self, weather: str) -> None:
        minutes = {"tardy": 25, "stalls": self.random.randint(5, 25), "slow": self.random.randint(0, 8)}.get(weather, 0)
        self.clock.advance(timedelta(minutes=minutes))
