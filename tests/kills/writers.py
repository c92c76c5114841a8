"""What writers do until they are killed. But for "begins", "began" and "making", each word comes after its verb."""

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from indiopay import EntryKind, Invoice, InvoiceDesk, InvoiceForm, Status, StorageError, Upload
from indiopay.invoice import NewInvoice
from indiopay.stores import postgres, sqlite_file
from indiopay.stores.postgres import PostgresStore
from tests.conftest import PDF, filled_in
from tests.forks import Tell

Open = Callable[..., InvoiceDesk]
Break = Callable[[InvoiceDesk, Tell], None]

_SKEW_SECONDS = 600
_PAUSE_SECONDS = 0.01
_LONG = 20_000
_STATEMENT_SECONDS = 0.001


def as_it_is(desk: InvoiceDesk, tell: Tell) -> None:
    """Breaks nothing."""


def write_until_killed(open_: Open, tell: Tell, *, seed: str, breaks: Break = as_it_is) -> None:
    """Open a desk, and do one job after the other, half of them under a key; an error of any kind is a fault."""
    tell("begins")
    for module in (postgres, sqlite_file):
        module.take_steps = partial(_take_steps_aloud, module.take_steps, tell)  # type: ignore[attr-defined]  # it is there
    lots = random.Random(seed)
    with _opened(open_, lots) as desk:
        breaks(desk, tell)
        tell("opened")
        while True:
            job, is_keyed = f"{lots.getrandbits(64):016x}", lots.random() < 0.5
            if is_keyed:
                tell(f"began {job}")
            do_job(desk, tell, job, key=job if is_keyed else None, tries=1 + is_keyed)


def write_through_restarts(open_: Open, tell: Tell, *, seed: str, breaks: Break = as_it_is) -> None:
    """Do one job after the other; after a StorageError do it again under its key, some on a desk opened anew."""
    PostgresStore._made_before = _find_aloud(PostgresStore._made_before, tell)  # type: ignore[method-assign]  # in a child
    lots = random.Random(seed)
    keeps_its_desk, job, desk = lots.random() < 0.5, "", None
    while True:
        try:
            if desk is None:
                desk = _opened(open_, lots)
                breaks(desk, tell)
            job = job or f"{lots.getrandbits(64):016x}"
            do_job(desk, tell, job, key=job)
            job = ""
        except StorageError:
            tell(f"met {job}")
            time.sleep(_PAUSE_SECONDS)
            if desk and not keeps_its_desk:
                desk.close()
                desk = None


class _Slow:
    """A connection as over a slow disk: there is time to be killed between two statements."""

    def __init__(self, db: Any) -> None:
        self._db = db

    def execute(self, sql: str, /) -> Any:
        time.sleep(_STATEMENT_SECONDS)
        return self._db.execute(sql)


def _take_steps_aloud(take_steps: Callable[..., None], tell: Tell, db: Any, steps: Any, **named: Any) -> None:
    """Says that the schema is being made, or brought up to date."""
    tell("making")
    take_steps(_Slow(db), steps, **named)


def _find_aloud(find: Callable[..., Invoice | None], tell: Tell) -> Callable[..., Invoice | None]:
    """Says that an invoice was made whose answer was lost."""

    def found(store: PostgresStore, agency: str, new: NewInvoice) -> Invoice | None:
        made = find(store, agency, new)
        if made:
            tell(f"found {made.id}")
        return made

    return found


def _opened(open_: Open, lots: random.Random) -> InvoiceDesk:
    """A desk of a process whose clock is wrong; half of them send at once."""
    skew = timedelta(seconds=lots.uniform(-_SKEW_SECONDS, _SKEW_SECONDS))
    return open_(clock=lambda: datetime.now(UTC) + skew, send_at_once=lots.random() < 0.5)


def form_of(job: str) -> InvoiceForm:
    """What a job asks for: up to two files, the second one of many writes, and mostly a letter."""
    lots = random.Random(job)
    contents = {"Police.pdf": PDF + job.encode(), "Avenant.pdf": PDF + job.encode() * _LONG}
    files = [Upload(name, contents[name]) for name in list(contents)[: lots.randrange(3)]]
    return filled_in(description=job, files=files, send_by_email=lots.random() < 0.8)


def do_job(desk: InvoiceDesk, tell: Tell, job: str, *, key: str | None = None, tries: int = 1) -> None:
    """Create the invoice of a job, and do what the job says to it; the same again, if it is done again."""
    invoice = [_create(desk, tell, job, key) for _ in range(tries)][-1]
    lots = random.Random(f"{job}/verbs")
    if invoice.status is Status.OPEN:  # else it was ended by a verb whose answer was lost
        for verb in (*lots.sample(_VERBS, lots.randrange(3)), lots.choice(_ENDS)):
            verb(desk, invoice.id, tell)


def _create(desk: InvoiceDesk, tell: Tell, job: str, key: str | None) -> Invoice:
    invoice = desk.create(form_of(job), idempotency_key=key)
    tell(f"created {invoice.id}")
    tell(f"numbered {invoice.id} {invoice.number}")
    return invoice


def _send(desk: InvoiceDesk, invoice_id: UUID, tell: Tell) -> None:
    delivery = desk.send(invoice_id)
    tell(f"asked {invoice_id} {delivery.id} {delivery.state}")


def _renew(desk: InvoiceDesk, invoice_id: UUID, tell: Tell) -> None:
    link = desk.renew_link(invoice_id)
    nth = [entry.kind for entry in desk.history(invoice_id)].count(EntryKind.LINK_RENEWED)
    tell(f"renewed {invoice_id} {nth} {link}")


def _deliver(desk: InvoiceDesk, invoice_id: UUID, tell: Tell) -> None:
    desk.deliver(limit=2)


def _cancel(desk: InvoiceDesk, invoice_id: UUID, tell: Tell) -> None:
    desk.cancel(invoice_id)
    tell(f"cancelled {invoice_id}")


def _pay(desk: InvoiceDesk, invoice_id: UUID, tell: Tell) -> None:
    desk.record_payment(invoice_id, reference=f"P-{invoice_id}")
    tell(f"paid {invoice_id} P-{invoice_id}")


def _leave(desk: InvoiceDesk, invoice_id: UUID, tell: Tell) -> None:
    """It stays open."""


_VERBS = (_send, _renew, _deliver)
_ENDS = (_cancel, _pay, _leave, _leave)
