"""One connection to a mail relay: the standard library's SMTP, whose every wait ends with its phase's deadline."""

import re
import smtplib
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from indiopay.errors import MailError

_REPLY = re.compile(rb"[2-5][0-9][0-9](?:[ -]|\r?\Z)")
_REFUSAL = re.compile(rb"[45][0-9][0-9]")
_REPLY_LINES = 200
_LINE_BYTES = 4096
_BLOCK_BYTES = 16 * 1024
_OUR_FAULT = (421, 530, 534, 535, 538)
"""The relay is closing, or does not know us: true of every letter, so of none in particular."""

_QUIT_SECONDS = 5


class SmtpSession(smtplib.SMTP):
    """A connection; `within` says how long what comes next may take, however slowly the relay drips.

    Every failure is a `MailError` that holds a code, and nothing that the relay said.
    """

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        self._tls = tls
        self._deadline = 0.0
        self._received = b""
        super().__init__(local_hostname="localhost")

    def within(self, seconds: float) -> None:
        """Begin a phase that may take so many seconds."""
        self._deadline = time.monotonic() + seconds

    def open(self, host: str, port: int, *, starttls: ssl.SSLContext | None, login: tuple[str, str] | None) -> None:
        """Connect, greet, secure and log in, in the phase that was begun. Who gets an error closes."""
        self._host = host  # the name that the certificate must have
        self._do("connect", lambda: self.connect(host, port), wanted=(220,))
        self._do("ehlo", self.ehlo_or_helo_if_needed)
        if starttls is not None:
            self._do("tls", lambda: self.starttls(context=starttls), wanted=(220,))
            if self._received:  # said before the handshake, by whoever stands between
                raise MailError("tls", kind="transport")
            self._do("ehlo", self.ehlo_or_helo_if_needed)
        if login is not None:
            self.esmtp_features["auth"] = self.esmtp_features.get("auth", "").upper()
            self._do("auth", lambda: self.login(*login))

    def is_ready(self, seconds: float) -> bool:
        """Whether it takes another letter; a relay may have closed it meanwhile."""
        self.within(seconds)
        return self.sock is not None and self._reply_to(lambda: self.putcmd("RSET")) == 250

    def ask(self, phase: str, command: str, *, wanted: int, seconds: float) -> None:
        """Say one command and wait for the reply; another first digit than is wanted refuses the letter."""
        self.within(seconds)
        code = self._reply_to(lambda: self.putcmd(command))
        if code is None:
            raise MailError(phase, kind="later")
        self._hold(phase, code, wanted)

    def hand_over(self, body: bytes, *, seconds: float, reply_seconds: float) -> None:
        """Send the message after the relay's 354, then the dot that ends it: from then on silence proves nothing."""
        self.within(seconds)
        if self._reply_to(lambda: self._say_body(body), replies=False) is None:
            early = _REFUSAL.match(self._received)
            raise _judged("data", int(early[0])) if early else MailError("data", kind="later")
        self.within(reply_seconds)
        code = self._reply_to(lambda: self.send(b".\r\n"))
        if code is None or code // 100 == 3:
            self.close()
            raise MailError("silence", kind="unknown")
        self._hold("data", code, 2)

    def leave(self) -> None:
        """Say goodbye, if it is open, and close. What was accepted is accepted, whatever the relay says now."""
        self.within(_QUIT_SECONDS)
        with suppress(smtplib.SMTPException, OSError):
            self.docmd("QUIT")
        self.close()

    @property
    def is_open(self) -> bool:
        """Whether the next letter may be tried through it."""
        return self.sock is not None

    # --- the wire, by deadline

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:  # noqa: ARG002  # the library's own signature
        connected = self._reached(host, port)
        try:
            self.local_hostname = _literal(connected)
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connected.settimeout(self._left())
            return self._tls.wrap_socket(connected, server_hostname=host) if self._tls else connected
        except BaseException:
            connected.close()
            raise

    def _reached(self, host: str, port: int) -> socket.socket:
        """The first of the host's addresses that answers; each has its share of the time that is left."""
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        for tried, (*_, address) in enumerate(addresses):
            with suppress(OSError):
                return socket.create_connection((str(address[0]), port), self._left() / (len(addresses) - tried))
        raise ConnectionError

    def send(self, s: Any) -> None:
        """Send a command or a body, block by block."""
        data = memoryview(s.encode() if isinstance(s, str) else s)
        for start in range(0, len(data), _BLOCK_BYTES):
            self._on_the_wire(partial(_sent, data[start : start + _BLOCK_BYTES]))

    def _say_body(self, body: bytes) -> None:
        self.send(body)
        self._be_in_step()

    def _be_in_step(self) -> None:
        """Nothing was said unasked: it would be taken for the answer to what is asked next. A goodbye may be."""
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("closed")
        self.sock.settimeout(0)
        with suppress(BlockingIOError, ssl.SSLWantReadError):
            self._received += self.sock.recv(_LINE_BYTES)
        if self._received and not self._received.startswith(b"421"):
            raise smtplib.SMTPServerDisconnected("out of step")

    def getreply(self) -> tuple[int, bytes]:
        """A reply's code and its lines; what is none, or has no end, is as good as a lost connection."""
        lines: list[bytes] = []
        while len(lines) < _REPLY_LINES:
            line = self._line()
            if not _REPLY.match(line):
                break
            lines.append(line[4:].strip())
            if line[3:4] != b"-":
                return int(line[:3]), b"\n".join(lines)
        raise smtplib.SMTPServerDisconnected("no reply")

    def _line(self) -> bytes:
        while b"\n" not in self._received:
            data = self._heard()
            if not data or len(self._received) > _LINE_BYTES:
                raise smtplib.SMTPServerDisconnected("no line")
            self._received += data
        line, _, self._received = self._received.partition(b"\n")
        return line

    def _heard(self) -> bytes:
        """What comes in time; a process that slept past its deadline still takes what had come before."""
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("closed")
        self.sock.settimeout(max(self._deadline - time.monotonic(), 0))
        return self.sock.recv(_LINE_BYTES)

    def _on_the_wire(self, do: Callable[[socket.socket], Any]) -> Any:
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("closed")
        self.sock.settimeout(self._left())
        return do(self.sock)

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    # --- what failures mean

    def _do(self, phase: str, do: Callable[[], tuple[int, bytes] | None], *, wanted: tuple[int, ...] = ()) -> None:
        """A step before any letter: whatever goes wrong is the transport's."""
        failed = None
        try:
            reply = do()
        except (smtplib.SMTPException, OSError, ValueError) as error:
            failed = MailError(_phase(phase, error), kind="transport", code=getattr(error, "smtp_code", None))
        else:
            if wanted and (reply is None or reply[0] not in wanted):
                failed = MailError(
                    "greeting" if phase == "connect" else phase, kind="transport", code=reply and reply[0]
                )
        if failed is not None:
            raise failed

    def _reply_to(self, say: Callable[[], None], *, replies: bool = True) -> int | None:
        """The code of the relay's reply (0 where none is due); None when it was lost."""
        try:
            self._be_in_step()
            say()
            return self.getreply()[0] if replies else 0
        except (smtplib.SMTPException, OSError, ValueError):
            self.close()
            return None
        except BaseException:  # an interrupt: a goodbye said now could be taken for a line of the letter
            self.close()
            raise

    def _hold(self, phase: str, code: int, wanted: int) -> None:
        """After a goodbye, or an answer that is out of place, no letter goes through here."""
        if code // 100 != wanted:
            if code == 421 or code < 400:
                self.close()
            raise _judged(phase, code)


def _sent(block: memoryview, sock: socket.socket) -> None:
    sock.sendall(block)


def _judged(phase: str, code: int) -> MailError:
    """What a refusal means; by its code, as RFC 5321 (4.2.1) has it."""
    if code in _OUR_FAULT:
        return MailError(phase, kind="transport", code=code)
    return MailError(phase, kind="never" if code >= 500 else "later", code=code)


def _phase(phase: str, error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return "tls"
    return "greeting" if phase == "connect" and isinstance(error, smtplib.SMTPException) else phase


def _literal(sock: socket.socket) -> str:
    """How we name ourselves: by address, since to look our name up may hang."""
    address = str(sock.getsockname()[0]).partition("%")[0]
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"
