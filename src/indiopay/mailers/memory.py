"""Letters kept in memory, for tests."""

from typing import NamedTuple

from indiopay.mailers.envelope import check_envelope


class SentMail(NamedTuple):
    """One letter as it was handed over: its envelope and its bytes, of which its repr shows nothing."""

    sender: str
    recipient: str
    message: bytes

    def __repr__(self) -> str:
        return f"SentMail({len(self.message)} bytes)"


class MemoryMailer:
    """A mailer that accepts every letter and keeps it in `sent`."""

    def __init__(self) -> None:
        self.sent: list[SentMail] = []

    def send(self, *, sender: str, recipient: str, message: bytes) -> None:
        """Keep the letter; MailError if an address is none."""
        check_envelope(sender, recipient)
        self.sent.append(SentMail(sender, recipient, message))
