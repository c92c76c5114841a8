"""Every verb of the desk, asked in each way that leads to other operations of its parts."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from indiopay import Invoice, InvoiceDesk, InvoiceForm, Upload
from indiopay.ports import InvoiceStore
from indiopay.records import write_records
from tests.conftest import PDF, filled_in

from .scene import NOTE, PUT_OFF, SENT, WAITING, Scene, filling

Act = Callable[[InvoiceDesk, Scene], Any]

_FIRST = filled_in(due_date="60 jours", files=[NOTE], send_by_email=True)
_FULL = filled_in(
    description="Prime annuelle. " * 300,
    files=[Upload("Police.pdf", PDF), Upload("Annexe.txt", b"Annexe\n")],
    send_by_email=True,
)


def _invoice(which: int) -> Invoice:
    return filling()[0][which].invoice


class _LooksTooEarly:
    """A store that is asked for a key just before another caller uses it."""

    def __init__(self, store: InvoiceStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def by_idempotency_key(self, agency: str, key: str) -> None:
        self._store.by_idempotency_key(agency, key)


def _create_in_a_race(desk: InvoiceDesk, form: InvoiceForm) -> Invoice:
    """Its files are put before it is known that its key was used."""
    store: Any = desk._store
    desk._store = _LooksTooEarly(store)
    try:
        return desk.create(form, idempotency_key="K-1")
    finally:
        desk._store = store


def _download(desk: InvoiceDesk, scene: Scene) -> bytes:
    invoice = _invoice(SENT)
    return b"".join(desk.download(scene.token(SENT), invoice.attachments[0].id).chunks)


def _close(desk: InvoiceDesk, scene: Scene) -> None:
    store: Any = scene.store
    if hasattr(store, "close"):
        desk.owns(store)
    desk.close()


ACTS: dict[str, Act] = {
    "cancel": lambda desk, _: desk.cancel(_invoice(PUT_OFF).id, reason="Remplacée"),
    "check": lambda desk, _: desk.check(filled_in(client_name="", files=[NOTE])),
    "close": _close,
    "create": lambda desk, _: desk.create(filled_in()),
    "create, with files, a letter and a key": lambda desk, _: desk.create(_FULL, idempotency_key="K-2"),
    "create, with a letter and a key": lambda desk, _: desk.create(
        filled_in(send_by_email=True), idempotency_key="K-3"
    ),
    "create, with a form that is refused": lambda desk, _: desk.create(
        filled_in(client_name=""), idempotency_key="K-4"
    ),
    "create, again": lambda desk, _: desk.create(_FIRST, idempotency_key="K-1"),
    "create, again in a race": lambda desk, _: _create_in_a_race(desk, _FIRST),
    "create, under another's key": lambda desk, _: desk.create(filled_in(files=[NOTE]), idempotency_key="K-1"),
    "create, under another's key in a race": lambda desk, _: _create_in_a_race(desk, filled_in(files=[NOTE])),
    "deliver": lambda desk, _: desk.deliver(),
    "deliveries": lambda desk, _: desk.deliveries(_invoice(WAITING).id),
    "download": _download,
    "export_records": lambda desk, _: list(desk.export_records()),
    "get": lambda desk, _: desk.get(_invoice(SENT).id),
    "history": lambda desk, _: desk.history(_invoice(SENT).id),
    "import_records": lambda desk, _: desk.import_records(write_records(filling()[0])),
    "invoice_for_link": lambda desk, scene: desk.invoice_for_link(scene.token(SENT)),
    "link": lambda desk, _: desk.link(_invoice(SENT).id),
    "list": lambda desk, _: desk.list(text="zoé", limit=2),
    "owns": lambda desk, _: desk.owns(ExitStack()),
    "payment_page": lambda desk, scene: desk.payment_page(scene.token(SENT)),
    "record_payment": lambda desk, _: desk.record_payment(_invoice(WAITING).id, reference="P-2"),
    "renew_link": lambda desk, _: desk.renew_link(_invoice(WAITING).id),
    "send": lambda desk, _: desk.send(_invoice(SENT).id),
    "sweep": lambda desk, _: desk.sweep(),
    "totals": lambda desk, _: desk.totals(),
}
"""By the verb, and how it is asked."""


MAILING = ["create, with files, a letter and a key", "create, with a letter and a key", "deliver", "send"]
"""Those that hand letters to the mailer."""


FEWER = [act for act in ACTS if act != "create, with a letter and a key"]
"""Without one whose every operation others lead to."""


def verb_of(act: str) -> str:
    return act.partition(",")[0]
