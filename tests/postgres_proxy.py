"""Stands between a client and PostgreSQL: counts round trips, and can lose an answer or every connection.

What passes goes through a fault in two halves, so that a connection breaks before a message, within it or after it.
"""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from indiopay.testing.faults import Fault

_SYNC = b"S\x00\x00\x00\x04"
_SIMPLE_QUERY = b"Q"
_CHUNK = 65_536


class PostgresProxy:
    """A proxy on loopback, at `address`, to the server at `target`, which listens on a socket file."""

    def __init__(self, target: str) -> None:
        self._target = f"{conninfo_to_dict(target)['host']}/.s.PGSQL.5432"
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        port = self._listening.getsockname()[1]
        self.address = make_conninfo(target, host="127.0.0.1", port=port, sslmode="disable", gssencmode="disable")
        self.round_trips = 0
        self.loses_next_answer = False
        self.asks, self.answers = Fault(0), Fault(0)

    def __enter__(self) -> Self:
        self._run(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _shut(self._listening)
        self.cut()
        for thread in self._threads:
            thread.join()
        for ended in (self._listening, *self._sockets):
            ended.close()

    def cut(self) -> None:
        """Break every connection off."""
        for broken in self._sockets:
            _shut(broken)

    def _run(self, target: Callable[..., None], *sockets: socket.socket) -> None:
        thread = threading.Thread(target=target, args=sockets, name="proxy")
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):  # it was shut
            while True:
                self._connect(self._listening.accept()[0])

    def _connect(self, client: socket.socket) -> None:
        server = socket.socket(socket.AF_UNIX)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # or its second half would wait
        self._sockets += [client, server]
        try:
            self.asks.do(server.connect, self._target)
        except OSError:  # the server is away
            _shut(client)
            return
        self._run(self._ask, client, server)
        self._run(self._answer, client, server)

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):  # one side was shut, or is to be
            while chunk := client.recv(_CHUNK):
                self.round_trips += chunk.count(_SYNC) + chunk.startswith(_SIMPLE_QUERY)
                for half in _halves(chunk):
                    self.asks.do(server.sendall, half)
        _shut(server)
        _shut(client)

    def _answer(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):  # one side was shut, or is to be
            while chunk := server.recv(_CHUNK):
                if self.loses_next_answer:
                    self.loses_next_answer = False
                    break
                for half in _halves(chunk):
                    self.answers.do(client.sendall, half)
        _shut(client)
        _shut(server)


def _halves(chunk: bytes) -> tuple[bytes, bytes]:
    return chunk[: len(chunk) // 2], chunk[len(chunk) // 2 :]


def _shut(ended: socket.socket) -> None:
    with suppress(OSError):  # the other side was first
        ended.shutdown(socket.SHUT_RDWR)
