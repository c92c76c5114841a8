"""A desk with canaries wherever a person types, over parts that keep what they see; and what its verbs are asked."""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from datetime import date
from enum import Enum
from functools import partial
from itertools import chain
from typing import Any
from uuid import UUID

import attrs

from indiopay import Agency, Invoice, InvoiceDesk, PaymentLinks, Status, Upload
from indiopay.invoice import invoice_number
from indiopay.mailers.memory import MemoryMailer
from indiopay.ports import FileStore, InvoiceStore, Mailer
from indiopay.testing import StoppedClock

from .canaries import told_by
from .conftest import KEY, PAGE, PDF, filled_in, token_of

OURS = Agency("nord", "Canari Assurances", "canari-cabinet@exemple.ca")
EMPTY = Agency("neuf", "Canari Assurances", "canari-cabinet@exemple.ca")

_DATA = (str, bytes, int, date, UUID, Enum, type(None))


class Spied:
    """A part of a desk that keeps what it is asked and what it answers: its author may log any of it."""

    def __init__(self, part: object, seen: list[object]) -> None:
        self._part, self._seen = part, seen

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._part, name)

        def call(*given: Any, **named: Any) -> Any:
            answer = found(*given, **named)
            answer = list(answer) if isinstance(answer, Iterator) else answer
            self._seen.extend((given, named, answer))
            return iter(answer) if isinstance(answer, list) and name in ("read", "keys", "export") else answer

        return call


class House:
    """A desk with canaries wherever a person types, over parts that keep what they see."""

    def __init__(self, store: InvoiceStore, files: FileStore, mailer: Mailer | None = None, **changes: Any) -> None:
        self.seen: list[object] = []
        self._of_every_status: list[Invoice] = []
        self.clock = StoppedClock()
        self.store = store
        self._parts: dict[str, Any] = {
            "store": Spied(store, self.seen),
            "files": Spied(files, self.seen),
            "mailer": mailer or MemoryMailer(),
            "links": PaymentLinks(PAGE, keys=[KEY]),
            "clock": self.clock,
            "on_event": self.seen.append,
            "send_at_once": False,
            **changes,
        }
        self.desk, self.empty = self.open(OURS), self.open(EMPTY)

    def open(self, agency: Agency) -> InvoiceDesk:
        return InvoiceDesk(agency=agency, **self._parts)

    def invoice(self, key: str | None = None) -> Invoice:
        return self.desk.create(form(send_by_email=True), idempotency_key=key)

    def of_every_status(self) -> list[Invoice]:
        """An open one, a paid one, a cancelled one: the same again, until a verb has changed the first."""
        if not self._of_every_status or self.desk.get(self._of_every_status[0].id).status is not Status.OPEN:
            paid, cancelled = self.invoice(), self.invoice()
            self.desk.record_payment(paid.id, reference="canari-paiement")
            self.desk.cancel(cancelled.id, reason="canari-raison")
            self._of_every_status = [self.invoice(), paid, cancelled]
        return self._of_every_status


def form(**changes: Any) -> Any:
    typed = {
        "client_name": "Canari Tremblay",
        "client_email": "canari@client.example",
        "description": "canari-description",
        "files": [Upload("Canari.pdf", PDF), Upload("Canari.txt", b"canari")],
    }
    return filled_in(**{**typed, **changes})


class Breaking:
    """A caller's stream that fails with what it was reading."""

    def seek(self, *_: object) -> int:
        return 0

    tell = seek

    def read(self, _: int) -> bytes:
        raise OSError("canari-flux")


WRONG_FORMS = (
    "canari",
    form(amount="canari", due_date="canari"),
    form(client_name="canari\x00", client_email="canari@@client.example", description="canari\x00"),
    form(client_name="canari" * 50, client_email="canari" * 50, description="canari" * 1000),
    form(currency="canari", locale="canari", input_locale="canari", type="canari"),
    form(files=[Upload("canari.exe", PDF), Upload("canari\u202e.pdf", PDF), Upload("canari.pdf", b"canari")]),
    form(files=[Upload("canari.pdf", Breaking()), Upload.from_path("canari/canari.pdf")]),  # type: ignore[arg-type]  # a stream, as far as it is used
    form(files="canari"),
    form(amount="77"),
)


def asked(house: House, invoice: Invoice) -> dict[str, list[Any]]:
    """What each parameter of any verb may be given: first what is right, then what is wrong."""
    token = token_of(house.desk.link(invoice.id))
    records = list(house.desk.export_records())
    return {
        "form": [form(), *WRONG_FORMS],
        "idempotency_key": [f"canari-{invoice.number}", "canari" * 50, "canari\x00", "canari-cle", b"canari"],
        "invoice_id": [invoice.id, UUID(int=7), "canari"],
        "token": [token, "canari" * 8, token[:-6] + "canari", "canari", b"canari"],
        "attachment_id": [invoice.attachments[0].id, UUID(int=7), "canari"],
        "records": [[], *wrong_records(records)],
        "resource": [ExitStack()],
        "reference": ["canari-paiement", "canari-autre", "canari" * 50, "canari\x00", b"canari"],
        "reason": ["canari-raison", "canari" * 500, "canari\x00", b"canari"],
        "limit": [5, "canari"],
        "checkout_url": ["https://exemple.ca/regler", "javascript:canari", "https://canari@exemple.ca/"],
        "text": ["canari", "canari" * 50, b"canari"],
        "after": [None, "canari", "canari" * 8, b"canari"],
        "order": ["newest", "canari"],
        **{name: [None, "canari"] for name in ("status", "overdue", "due_from", "due_until", "locale", "paid_at")},
    }


def wrong_records(records: list[dict[str, object]]) -> list[object]:
    """Another's, spoiled ones, and two of one key, which a database refuses with words of its own."""
    bare, again = (_of_the_empty(record, number) for number, record in enumerate(records[:2], start=1))
    spoiled = [{**bare, part: "canari"} for part in bare]
    spoiled += [{**bare, "invoice": {**bare["invoice"], part: ["canari"]}} for part in bare["invoice"]]
    again["idempotency"] = bare["idempotency"]
    return [records, "canari", [bare, again], *([record] for record in spoiled)]


def _of_the_empty(record: dict[str, Any], number: int) -> dict[str, Any]:
    its = {"agency_slug": EMPTY.slug, "attachments": [], "number": invoice_number(number)}
    return {**record, "invoice": {**record["invoice"], **its}}


def said(call: Callable[[], object]) -> list[str]:
    """Every repr of what a verb gives, and all that its error tells."""
    try:
        return list(shown(call()))
    except Exception as error:  # noqa: BLE001  # whatever is raised, it must be silent
        return list(told_by(error))


def shown(value: object) -> Iterator[str]:
    """The repr and the text of each object in a value, however deep; a text by itself is what was asked for."""
    if isinstance(value, _DATA):
        return
    if isinstance(value, Mapping):
        yield from shown(list(value.values()))
    elif isinstance(value, Iterable) and not hasattr(value, "_fields"):
        yield from chain.from_iterable(map(shown, value))
    else:
        yield from (repr(value), str(value))
        if attrs.has(kind := type(value)):
            yield from chain.from_iterable(shown(getattr(value, part.name)) for part in attrs.fields(kind))


def answers(house: House, verb: str) -> Iterator[str]:
    """All that is told by a verb, asked rightly of an invoice in each status, and wrongly of an open one."""
    desk = house.empty if verb == "import_records" else house.desk
    names = list(inspect.signature(getattr(InvoiceDesk, verb)).parameters)[1:]
    is_open, *others = (_named(asked(house, invoice), names) for invoice in house.of_every_status())
    for values in (*others, is_open):
        yield from said(partial(getattr(desk, verb), **{name: given[0] for name, given in values.items()}))
    right = {name: given[0] for name, given in is_open.items()}
    for name, given in is_open.items():
        for wrong in given[1:]:
            yield from said(partial(getattr(desk, verb), **{**right, name: wrong}))


def _named(values: dict[str, list[Any]], names: list[str]) -> dict[str, list[Any]]:
    return {name: values[name] for name in names}
