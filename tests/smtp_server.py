"""A mail relay on loopback that does as it is told: refuses, drops, stalls, drips, and keeps what it accepts."""

import base64
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from enum import Enum
from socketserver import StreamRequestHandler, ThreadingTCPServer
from types import TracebackType
from typing import NamedTuple, Self

_DRIP_SECONDS = 0.03


class Does(Enum):
    """What a relay may do instead of replying."""

    DROP = "closes the connection"
    STALL = "says nothing more"
    DRIP = "replies one byte at a time, at length"
    GARBLE = "says what is no reply"
    RAMBLE = "goes on with a reply that has no end"


Answer = str | Does | None


class Kept(NamedTuple):
    """One message as it was accepted."""

    sender: str
    recipients: list[str]
    message: bytes


class ScriptedRelay:
    """Runs while the context is open. `script` says what it does at a moment, time after time; None is the usual.

    Moments are "connect", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "body" (amid it), "dot" (before the
    message is kept), "reply" (after it is kept), "rset", "quit". `kept` is what it accepted, `said` what it was told.
    """

    def __init__(
        self,
        script: Mapping[str, Iterable[Answer]] | None = None,
        *,
        offers: Iterable[str] = ("SIZE 10485760", "8BITMIME", "SMTPUTF8"),
        tls: ssl.SSLContext | None = None,
        starttls: ssl.SSLContext | None = None,
        login: tuple[str, str] | None = None,
        on_moment: Callable[[str], None] | None = None,
    ) -> None:
        self.script = {moment: list(answers) for moment, answers in (script or {}).items()}
        self.offers = [*offers, *(["STARTTLS"] if starttls else []), *(["AUTH PLAIN LOGIN"] if login else [])]
        self.tls, self.starttls, self.login, self.on_moment = tls, starttls, login, on_moment
        self.kept: list[Kept] = []
        self.said: list[str] = []
        self.connections = 0
        self.stopped = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Session)
        self._server.relay = self
        self.port: int = self._server.server_address[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopped.set()
        self._server.shutdown()
        self._server.server_close()

    def answer(self, moment: str) -> Answer:
        if self.on_moment:
            self.on_moment(moment)
        answers = self.script.get(moment)
        return answers.pop(0) if answers else None


class _Server(ThreadingTCPServer):
    daemon_threads = True
    block_on_close = True
    request_queue_size = 64
    relay: ScriptedRelay

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is no error of the relay's."""


class _GoneError(Exception):
    """The connection has ended."""


class _Session(StreamRequestHandler):
    server: _Server
    request: socket.socket
    disable_nagle_algorithm = True

    def setup(self) -> None:
        self.relay = self.server.relay
        self.relay.connections += 1
        if self.relay.tls:
            self.request = self.relay.tls.wrap_socket(self.request, server_side=True)
        super().setup()

    def finish(self) -> None:
        with suppress(OSError):
            super().finish()
        self.request.close()

    def handle(self) -> None:
        self.sender, self.recipients = "", list[str]()
        with suppress(_GoneError, OSError):
            self.reply("connect", "220 relais.exemple.ca")
            while line := self.rfile.readline(10_000):
                self.command(line.decode("utf-8", "replace").strip())

    def command(self, line: str) -> None:
        self.relay.said.append(line)
        verb, _, rest = line.partition(" ")
        commands = {
            "EHLO": self.greet,
            "HELO": self.greet,
            "STARTTLS": self.secure,
            "AUTH": self.log_in,
            "MAIL": self.begin,
            "RCPT": self.address,
            "DATA": self.take,
            "RSET": lambda _: self.reply("rset", "250 ok"),
            "QUIT": self.part,
        }
        commands[verb.upper()](rest)

    def greet(self, rest: str) -> None:
        self.reply("ehlo", "\r\n".join(_many(250, ["relais.exemple.ca", *self.relay.offers])))

    def begin(self, rest: str) -> None:
        self.sender, self.recipients = _path(rest), []
        self.reply("mail", "250 ok")

    def address(self, rest: str) -> None:
        if self.reply("rcpt", "250 ok"):
            self.recipients.append(_path(rest))

    def part(self, rest: str) -> None:
        self.reply("quit", "221 bye")
        raise _GoneError

    def secure(self, rest: str) -> None:
        if self.reply("starttls", "220 go on") and self.relay.starttls:
            self.request = self.relay.starttls.wrap_socket(self.request, server_side=True)
            self.rfile = self.request.makefile("rb")
            self.wfile = self.request.makefile("wb", buffering=0)  # type: ignore[assignment]  # as good as socketserver's own

    def log_in(self, rest: str) -> None:
        how, _, first = rest.partition(" ")
        if how == "PLAIN":
            _, name, password = base64.b64decode(first).decode().split("\0")
        else:
            name = base64.b64decode(first).decode()
            self.say("334 UGFzc3dvcmQ6")
            password = base64.b64decode(self.rfile.readline()).decode()
        right = (name, password) == self.relay.login
        self.reply("auth", "235 ok" if right else f"535 wrong: {name} {password}")

    def take(self, rest: str) -> None:
        """The message up to its dot; it may break off at the first line."""
        if not self.reply("data", "354 go on"):
            return
        lines: list[bytes] = []
        while (line := self.rfile.readline()) != b".\r\n":
            if not line:
                raise _GoneError
            if not lines:
                self.does(self.relay.answer("body"), "")
            lines.append(line.removeprefix(b".") if line.startswith(b".") else line)
        answer = self.relay.answer("dot")
        if answer is not None and not (isinstance(answer, str) and answer.startswith("2")):
            self.does(answer, "250 kept")
            return
        self.relay.kept.append(Kept(self.sender, self.recipients, b"".join(lines)))
        self.reply("reply", "250 kept")

    def reply(self, moment: str, usual: str) -> bool:
        """Say what is usual, or what the script says; whether it was what is usual."""
        answer = self.relay.answer(moment)
        if answer is None:
            self.say(usual)
        else:
            self.does(answer, usual)
        return answer in (None, Does.DRIP) or str(answer)[:1] == usual[:1]

    def does(self, answer: Answer, usual: str) -> None:
        match answer:
            case str():
                self.say(answer)
                if answer.startswith("421"):
                    raise _GoneError
            case Does.DROP:
                raise _GoneError
            case Does.STALL:
                self.relay.stopped.wait(30)
                raise _GoneError
            case Does.GARBLE:
                self.wfile.write(b"\xff\x00\r\n")
            case Does.DRIP:
                self.drip(f"{usual[:3]}-{'x' * 300}\r\n{usual}\r\n")
            case Does.RAMBLE:
                while not self.relay.stopped.is_set():
                    self.say(f"{usual[:3]}-and")
            case None:
                pass

    def drip(self, text: str) -> None:
        for byte in text.encode():
            self.wfile.write(bytes([byte]))
            if self.relay.stopped.wait(_DRIP_SECONDS):
                raise _GoneError

    def say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


def _many(code: int, lines: list[str]) -> list[str]:
    return [f"{code}{'-' if n < len(lines) - 1 else ' '}{line}" for n, line in enumerate(lines)]


def _path(text: str) -> str:
    return text.partition("<")[2].partition(">")[0]
