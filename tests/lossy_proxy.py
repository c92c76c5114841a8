"""A proxy before an HTTP server that answers some requests itself, or loses the answers: what was asked is done."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Literal

Fate = Literal["", "lost"] | int
"""Of a request: it is answered; it is done, and its answer is lost; or a status is its answer, and nothing is done."""


@contextmanager
def lossy_proxy(port: int, fate: Callable[[str, str], Fate]) -> Iterator[int]:
    """The port of one before the server at `port`; `fate` is asked for each request, with its method and its path."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            to_be = fate(self.command, self.path)
            answer = _refusal(to_be) if isinstance(to_be, int) else _asked(port, self, body)
            if to_be == "lost":
                self.close_connection = True
            else:
                self.wfile.write(answer)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_any  # noqa: N815  # as the base class asks for them

        def log_message(self, *told: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.005,), daemon=True).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()


def _refusal(status: int) -> bytes:
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Length: 0\r\n\r\n".encode("ascii")


def _asked(port: int, request: BaseHTTPRequestHandler, body: bytes) -> bytes:
    """The server's answer, to the request as it came: its signature is over the headers too."""
    connection = HTTPConnection("127.0.0.1", port)
    connection.putrequest(request.command, request.path, skip_host=True, skip_accept_encoding=True)
    for name, value in request.headers.items():
        connection.putheader(name, value)
    connection.endheaders(body)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    kept = [
        (name, value) for name, value in answer.getheaders() if name.lower() not in {"transfer-encoding", "connection"}
    ]
    if request.command != "HEAD":
        kept = [*((n, v) for n, v in kept if n.lower() != "content-length"), ("Content-Length", str(len(content)))]
    lines = [f"HTTP/1.1 {answer.status} {answer.reason}", *(f"{name}: {value}" for name, value in kept)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + content
