"""Delivering a thousand letters to a relay on this machine, with one, two and four workers over each database.

A worker is a process, as a host starts them, and keeps one connection; the relay is a process too, and accepts all. The
letters wait in the store: each is leased, rendered, kept, handed over and ended, in three commits that wait for the
disk. The floor hands over a thousand messages that are made already, through one connection and without a store; the
peer is Django's send_mail, which opens a connection for each letter and keeps nothing either.
"""

import asyncio
import os
import smtplib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from multiprocessing import get_context
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session
from attrs import evolve
from django.conf import settings
from django.core.mail import send_mail

from indiopay import Agency, InvoiceDesk, PaymentLinks
from indiopay.files.memory import MemoryFiles
from indiopay.invoice import InvoiceRecord
from indiopay.mailers.smtp import SmtpMailer
from indiopay.ports import InvoiceStore, Mailer
from indiopay.stores.postgres import PostgresStore
from indiopay.stores.sqlite import SqliteStore
from letters import ours, rendered
from postgres_server import running_postgres, tidy
from rounds import Variant, measure, show
from samples import new_invoice

LETTERS, ROUNDS = 1000, 3
WORKERS = (1, 2, 4)
STORES: Mapping[str, Callable[[str], SqliteStore | PostgresStore]] = {
    "SQLite": SqliteStore,
    "PostgreSQL": PostgresStore,
}
FLOOR, DJANGO = "smtplib, one connection, no store", "Django's send_mail, no store"
LINKS = PaymentLinks("https://exemple.ca/payer/", keys=[bytes(32)])
SPAWNING = get_context("spawn")


class Accepting:
    """What a relay does with a message."""

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002, N802  # aiosmtpd's
        """Take it, and forget it."""
        return "250 kept"


def relay(started: Any) -> None:
    """One process: says its port, and accepts letters until it is ended."""

    async def serve() -> None:
        make = partial(SMTP, Accepting(), hostname="localhost", enable_SMTPUTF8=True)
        server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
        started.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())


def worker(kind: str, place: str, port: int, orders: Any) -> None:
    """One process: on each order, deliver what waits for that agency; says how many letters it sent."""
    with closing(STORES[kind](place)) as store:
        while agency := orders.recv():
            orders.send(deliver_all(desk_of(agency, store, SmtpMailer("127.0.0.1", port, security="none"))))


def desk_of(agency: str, store: InvoiceStore, mailer: Mailer) -> InvoiceDesk:
    named = Agency(agency, "Assurances du Nord", "facturation@exemple.ca")
    return InvoiceDesk(agency=named, store=store, files=MemoryFiles(), mailer=mailer, links=LINKS)


def deliver_all(desk: InvoiceDesk) -> int:
    sent = 0
    while some := desk.deliver():
        sent += some
    return sent


def queued(agency: str) -> Iterator[InvoiceRecord]:
    """A thousand invoices, each with a letter that waits."""
    at = datetime.now(UTC)
    for number in range(1, LETTERS + 1):
        new = new_invoice(b"%d" % number, agency=agency, at=at)
        yield evolve(new, link=LINKS.draw(agency, os.urandom)).numbered(number, at)


def floor(port: int, messages: list[bytes]) -> None:
    with smtplib.SMTP("127.0.0.1", port) as kept:
        for message in messages:
            kept.sendmail("facturation@exemple.ca", ["zoe@exemple.ca"], message)


def django(port: int) -> None:
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    said = rendered()
    for _ in range(LETTERS):
        send_mail(said.subject, said.text, said.address, [said.recipient], html_message=said.html)


class Timed:
    """A part whose calls are timed."""

    def __init__(self, part: Any, spent: Counter[str]) -> None:
        self._part, self._spent = part, spent

    def __getattr__(self, name: str) -> Any:
        def call(*given: Any, **named: Any) -> Any:
            start = time.perf_counter()
            answer = getattr(self._part, name)(*given, **named)
            self._spent[name] += time.perf_counter() - start  # type: ignore[assignment]  # it adds floats up too
            return answer

        return call

    @contextmanager
    def batch(self) -> Iterator[Any]:
        """What the part gives for a run of letters, timed too."""
        with self._part.batch() as kept:
            yield Timed(kept, self._spent)


def where_time_goes(kind: str, store: InvoiceStore, agency: str, port: int) -> None:
    """Of one worker: what each call of the store and of the mailer takes; the rest is rendering, mostly."""
    spent: Counter[str] = Counter()
    desk = desk_of(agency, Timed(store, spent), Timed(SmtpMailer("127.0.0.1", port, security="none"), spent))
    start = time.perf_counter()
    assert deliver_all(desk) == LETTERS
    whole = time.perf_counter() - start
    spent["the rest"] = whole - sum(spent.values())  # type: ignore[assignment]  # as above
    print(f"\nwhere a letter's time goes, {kind}, 1 worker  (n = {LETTERS})")
    for name, seconds in spent.most_common():
        print(f"  {name:<44} {seconds / LETTERS * 1e6:10.1f} µs")


def workers(kind: str, place: str, port: int, working: list[Any]) -> Iterator[tuple[str, Variant]]:
    """Each number of workers, and what they deliver: the letters of another agency in each round."""
    with closing(STORES[kind](place)) as store:
        store.import_("one", queued("one"))
        for count in WORKERS:
            agencies = [f"w{count}-{turn}" for turn in range(ROUNDS + 1)]
            for agency in agencies:
                store.import_(agency, queued(agency))
            pipes = [started(worker, kind, place, port) for _ in range(count)]
            working += pipes
            yield f"{kind}, {count} worker{'s' * (count > 1)}", partial(all_at_once, pipes, iter(agencies))


def main() -> None:
    port, messages = started(relay).recv(), [ours()] * LETTERS
    with TemporaryDirectory(dir=".", prefix="bench-") as folder, running_postgres() as address:
        places = {"SQLite": f"{folder}/invoices.sqlite3", "PostgreSQL": address}
        variants: dict[str, Variant] = {FLOOR: partial(floor, port, messages), DJANGO: partial(django, port)}
        working: list[Any] = []
        for kind, place in places.items():
            variants.update(workers(kind, place, port, working))
        tidy(address)
        seconds = measure(variants, rounds=ROUNDS, repeat=1)
        for pipe in working:
            pipe.send(None)
        show(f"{LETTERS} letters to a relay on this machine", "none", seconds, reference=FLOOR, repeat=LETTERS)
        for name, times in seconds.items():
            print(f"  {name:<44} {LETTERS / median(times):8.0f} letters a second")
        for kind, place in places.items():
            with closing(STORES[kind](place)) as store:
                where_time_goes(kind, store, "one", port)


def started(work: Callable[..., None], *given: Any) -> Any:
    """The pipe to a new process."""
    here, there = SPAWNING.Pipe()
    SPAWNING.Process(target=work, args=(*given, there), daemon=True).start()
    return here


def all_at_once(pipes: list[Any], agencies: Iterator[str]) -> None:
    agency = next(agencies)
    for pipe in pipes:
        pipe.send(agency)
    assert sum(pipe.recv() for pipe in pipes) == LETTERS


if __name__ == "__main__":
    main()
