"""Serves what it is given on loopback, as a host's web app would: a browser then sees real addresses and headers."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from indiopay import FileDamagedError, IndioPayError, InvoiceDesk


class Answer(NamedTuple):
    headers: Mapping[str, str]
    chunks: Iterable[bytes]
    status: int = 200


Answers = Callable[[str, str | None], Answer]
NOTHING = Answer({"Content-Type": "text/plain"}, [b"Rien ici."], 404)


@contextmanager
def serving(answers: Answers) -> Iterator[str]:
    """The address at which `answers`, asked with a path and the language named in the query, are served."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(answers))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def desk_answers(desk: InvoiceDesk, *, checkout_url: str | None = None) -> Answers:
    """The payment page at /payer/<token>, a file of it at /payer/<token>/<id>."""

    def answers(path: str, language: str | None) -> Answer:
        token, _, file = path.removeprefix("/payer/").partition("/")
        if file:
            download = desk.download(token, UUID(file))
            return Answer(download.headers, download.chunks)
        page = desk.payment_page(token, locale=language, checkout_url=checkout_url)
        html = page.to_html(file_url=lambda file: f"/payer/{token}/{file.id}", language_url=lambda to: f"?langue={to}")
        return Answer(page.headers, [html.encode()])

    return answers


def _handler(answers: Answers) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            try:
                answer = answers(asked.path, parse_qs(asked.query).get("langue", [None])[0])
            except IndioPayError:
                answer = NOTHING
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                for chunk in answer.chunks:
                    self.wfile.write(chunk)
            except FileDamagedError:  # the response breaks off, and is shorter than it said
                return

        def log_message(self, *_: object) -> None:
            """Nothing: an address holds a token."""

    return Handler
