"""Letters handed to a mail relay over SMTP: encrypted and checked, phase by phase, each within its own time."""

import ipaddress
import re
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, NamedTuple

from indiopay.errors import MailError
from indiopay.mailers.envelope import check_envelope
from indiopay.mailers.smtp_session import SmtpSession
from indiopay.outbox import LEASE
from indiopay.ports import Mailer

Security = Literal["starttls", "tls", "none"]

_LINE_END = re.compile(rb"\r\n|\r|\n")
_DOT = re.compile(rb"^\.", re.MULTILINE)


class _Times(NamedTuple):
    connect: float
    command: float
    data: float
    reply: float


class SmtpMailer:
    """Hands letters to the relay at `host`; safe to share between threads.

    `security` is "starttls" (port 587), "tls" (port 465) or "none"; certificates and host names are checked unless
    `ssl_context` says otherwise. `username` and `password` are ASCII and go together; they are never sent in clear but
    to this very machine. Time-outs are seconds, for a phase as a whole (RFC 5321, 4.5.3.2): to connect, greet and log
    in; for each of MAIL and RCPT; for DATA and for the message; for the last reply. Together they stay below half of a
    letter's lease: half an hour. What cannot be meant is a ValueError.

    `send` opens a connection for one letter; `batch` keeps one for a run of them.
    """

    def __init__(
        self,
        host: str,
        port: int = 587,
        *,
        security: Security = "starttls",
        username: str | None = None,
        password: str | None = None,
        ssl_context: ssl.SSLContext | None = None,
        connect_timeout: float = 30,
        command_timeout: float = 300,
        data_timeout: float = 120,
        reply_timeout: float = 600,
    ) -> None:
        if security not in ("starttls", "tls", "none"):
            raise ValueError('security is "starttls", "tls" or "none"')
        if not (isinstance(host, str) and host and type(port) is int and 1 <= port <= 65535):
            raise ValueError("a relay has a host, and a port from 1 to 65535")
        self._host, self._port, self._security = host, port, security
        self._login = _login(username, password, in_clear=security == "none" and not _is_loopback(host))
        self._times = _times(connect_timeout, command_timeout, data_timeout, reply_timeout)
        self._context = None if security == "none" else ssl_context or ssl.create_default_context()

    def __repr__(self) -> str:
        return f"SmtpMailer({self._host!r}, {self._port}, security={self._security!r})"

    def send(self, *, sender: str, recipient: str, message: bytes) -> None:
        """Hand one letter over, through a connection of its own; MailError."""
        with self.batch() as relay:
            relay.send(sender=sender, recipient=recipient, message=message)

    @contextmanager
    def batch(self) -> Iterator[Mailer]:
        """One connection for a run of letters, opened with the first; for one thread."""
        relay = _Batch(self._connected, self._times)
        try:
            yield relay
        finally:
            relay.leave()

    def _connected(self) -> SmtpSession:
        session = SmtpSession(self._context if self._security == "tls" else None)
        starttls = self._context if self._security == "starttls" else None
        session.within(self._times.connect)
        try:
            session.open(self._host, self._port, starttls=starttls, login=self._login)
        except BaseException:
            session.close()
            raise
        return session


class _Batch:
    """A connection that is kept from letter to letter, and opened again when the relay has closed it meanwhile."""

    def __init__(self, connected: Callable[[], SmtpSession], times: _Times) -> None:
        self._connected, self._times = connected, times
        self._session: SmtpSession | None = None

    def send(self, *, sender: str, recipient: str, message: bytes) -> None:
        """Hand one letter over: its sender, its one recipient, then the message, whose headers are not looked at."""
        check_envelope(sender, recipient)
        body, times = _body(message), self._times
        late = time.monotonic() + 2 * (times.connect + times.command)
        session = self._begun(sender, recipient, body)
        session.ask("rcpt", f"RCPT TO:<{recipient}>", wanted=2, seconds=times.command)
        if time.monotonic() > late:  # the process slept: another worker may have the letter by now
            raise MailError("data", kind="later")
        session.ask("data", "DATA", wanted=3, seconds=times.data)
        session.hand_over(body, seconds=times.data, reply_seconds=times.reply)

    def leave(self) -> None:
        """Close the connection, if there is one."""
        if self._session is not None:
            self._session.leave()

    def _begun(self, sender: str, recipient: str, body: bytes) -> SmtpSession:
        """A session in which the relay knows the sender: the one that was kept, or another."""
        seconds = self._times.command
        if self._session is not None and self._session.is_ready(seconds):
            try:
                return _introduced(self._session, sender, recipient, body, seconds)
            except MailError:
                if self._session.is_open:
                    raise
        self.leave()
        self._session = self._connected()
        return _introduced(self._session, sender, recipient, body, seconds)


def _introduced(session: SmtpSession, sender: str, recipient: str, body: bytes, seconds: float) -> SmtpSession:
    session.ask("mail", _mail(session, sender, recipient, body), wanted=2, seconds=seconds)
    return session


def _mail(session: SmtpSession, sender: str, recipient: str, body: bytes) -> str:
    """The MAIL command, with as much as the relay offers and the letter needs."""
    words = [f"MAIL FROM:<{sender}>"]
    if session.has_extn("size"):
        words.append(f"SIZE={len(body)}")
    if not body.isascii() and session.has_extn("8bitmime"):
        words.append("BODY=8BITMIME")
    is_plain = sender.isascii() and recipient.isascii()
    if not is_plain and not session.has_extn("smtputf8"):
        raise MailError("smtputf8", kind="never")
    return " ".join(words if is_plain else [*words, "SMTPUTF8"])


def _body(message: bytes) -> bytes:
    """The message as it travels: CRLF at every line's end, the last one's too, and dots doubled (RFC 5321, 4.5.2)."""
    lines = _LINE_END.sub(b"\r\n", message)
    return _DOT.sub(b"..", lines if lines.endswith(b"\r\n") else lines + b"\r\n")


def _login(username: str | None, password: str | None, *, in_clear: bool) -> tuple[str, str] | None:
    if username is None and password is None:
        return None
    if not username or not password:
        raise ValueError("a username and a password go together")
    if not (username.isascii() and password.isascii()):
        raise ValueError("the username and the password must be ASCII")
    if in_clear:
        raise ValueError('a password goes over "starttls" or "tls"')
    return username, password


def _times(connect: float, command: float, data: float, reply: float) -> _Times:
    if not all(seconds > 0 for seconds in (connect, command, data, reply)):  # NaN is not
        raise ValueError("time-outs are more than 0 seconds")
    if 2 * (connect + command + data) + reply >= LEASE.total_seconds() / 2:  # the other half is the desk's
        raise ValueError("the time-outs together must stay below half an hour, half of a letter's lease")
    return _Times(connect, command, data, reply)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
