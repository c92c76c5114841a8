"""No id, link, cursor, key, file or record of one agency gives another a byte of it: by any verb, over any store."""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import attrs
import pytest

from indiopay import (
    Agency,
    AttachmentNotFoundError,
    CursorError,
    IndioPayError,
    InvalidInputError,
    Invoice,
    InvoiceDesk,
    InvoiceNotFoundError,
    LinkError,
    PaymentLinks,
    PaymentPage,
    Upload,
)
from indiopay.files.memory import MemoryFiles
from indiopay.mailers.memory import MemoryMailer
from indiopay.ports import FileStore, InvoiceStore
from indiopay.stores.memory import MemoryStore
from indiopay.testing import StoppedClock

from .conftest import KEY, PAGE, PDF, filled_in, token_of
from .driver import VERBS

pytestmark = pytest.mark.no_cover  # it goes over and over what other tests cover

# Their slug begins with ours, and everything is asked two days after its files were written.
THEIRS = Agency("nord-est", "Canari Assurances", "canari@nord-est.example")
OURS = Agency("nord", "Assurances du Nord", "facturation@exemple.ca")
NOBODYS = Agency("n", "Assurances neuves", "facturation@exemple.ca")
NOW = datetime.now(UTC) + timedelta(days=2)
FAR_AHEAD = NOW + timedelta(days=9999)

Unwanted = type[IndioPayError] | None


class House:
    """Two agencies over one store, one file store, one mailer and one ring of link keys."""

    def __init__(self, store: InvoiceStore, files: FileStore) -> None:
        self.store, self.files, self.mailer = store, files, MemoryMailer()
        self.theirs, self.ours = self.desk(THEIRS, store), self.desk(OURS, store)
        self.their_invoices = [self._their_invoice(number) for number in range(3)]
        self.theirs.record_payment(self.their_invoices[0].id, reference="canari-paiement")
        self.theirs.cancel(self.their_invoices[1].id, reason="canari-raison")
        files.put(f"nord-est/ab/{'ab' * 16}", [b"canari-orphelin"])
        self.invoice = self.ours.create(filled_in(files=[Upload("Note.txt", b"note")], send_by_email=True))

    def desk(self, agency: Agency, store: InvoiceStore) -> InvoiceDesk:
        return InvoiceDesk(
            agency=agency,
            store=store,
            files=self.files,
            mailer=self.mailer,
            links=PaymentLinks(PAGE, keys=[KEY]),
            clock=StoppedClock(NOW),
            send_at_once=False,
        )

    def _their_invoice(self, number: int) -> Invoice:
        form = filled_in(
            amount="98 765,43 $",
            client_name="Canari Tremblay",
            client_email="canari@client.example",
            description="canari-description",
            files=[Upload(f"canari-{number}.pdf", PDF + b"canari-octets")],
            send_by_email=True,
        )
        return self.theirs.create(form, idempotency_key=f"canari-{number}")

    def of_theirs(self) -> object:
        """All that is theirs, in the store, the file store and the mail."""
        keys = sorted(self.files.keys("nord-est/", before=FAR_AHEAD))
        letters = [sent for sent in self.mailer.sent if "canari" in sent.recipient]
        return list(self.store.export("nord-est")), [(key, *self.files.read(key)) for key in keys], letters

    def their_secrets(self) -> set[bytes]:
        """What nobody else may see: every text of theirs holds one of these; every id and every token is one."""
        tokens = [token_of(self.theirs.link(invoice.id)) for invoice in self.their_invoices]
        ids = [invoice.id for invoice in self.their_invoices]
        ids += [file.id for invoice in self.their_invoices for file in invoice.attachments]
        ids += [delivery.id for invoice in self.their_invoices for delivery in self.theirs.deliveries(invoice.id)]
        spelled = [spelling for one in ids for spelling in (str(one), one.hex)]
        return {text.encode() for text in ("canari", "9876543", "98\u00a0765", *tokens, *spelled)}


class Foreign(NamedTuple):
    """Something of theirs, and the error with which it is refused; None if it means nothing to another agency."""

    value: Any
    error: Unwanted


def foreign(house: House, parameter: str) -> list[Foreign]:
    """Every kind of thing of theirs that this parameter could be given."""
    invoices = house.their_invoices
    files = [file.id for invoice in invoices for file in invoice.attachments]
    deliveries = [delivery.id for invoice in invoices for delivery in house.theirs.deliveries(invoice.id)]
    records = list(house.theirs.export_records())
    kinds: dict[str, tuple[Unwanted, list[Any]]] = {
        "invoice_id": (InvoiceNotFoundError, [*(invoice.id for invoice in invoices), *files, *deliveries]),
        "token": (LinkError, [token_of(house.theirs.link(invoice.id)) for invoice in invoices]),
        "attachment_id": (AttachmentNotFoundError, [*files, *deliveries, invoices[0].id]),
        "after": (CursorError, [house.theirs.list(limit=2).next]),
        "idempotency_key": (None, ["canari-0"]),
        "records": (InvalidInputError, [records, list(map(relabelled, records))]),
    }
    error, values = kinds.get(parameter, (None, []))
    return [Foreign(value, error) for value in values]


def relabelled(record: dict[str, Any]) -> dict[str, Any]:
    """Their record as if it were of the agency that has none: only its files' keys give it away."""
    return {**record, "invoice": {**record["invoice"], "agency_slug": NOBODYS.slug}}


def own(house: House) -> dict[str, Any]:
    """What we ask with. A new parameter of any verb must be added here, and to `foreign` if it names something."""
    return {
        "form": filled_in(files=[Upload("Police.pdf", PDF)]),
        "idempotency_key": "notre-cle",
        "invoice_id": house.invoice.id,
        "token": token_of(house.ours.link(house.invoice.id)),
        "attachment_id": house.invoice.attachments[0].id,
        "records": [],
        "resource": ExitStack(),
        "reference": "notre-paiement",
        "reason": "Remplacée",
        "limit": 100,
        "checkout_url": "https://exemple.ca/regler",
        **dict.fromkeys(("status", "overdue", "text", "due_from", "due_until", "after", "locale", "paid_at")),
        "order": "newest",
    }


def parameters(verb: str) -> list[str]:
    return list(inspect.signature(getattr(InvoiceDesk, verb)).parameters)[1:]


def check(house: House, verb: str, store: InvoiceStore) -> None:
    """Ask with what is ours, then with each thing of theirs: it is refused, nothing comes out, nothing changes."""
    desk = house.desk(NOBODYS if verb == "import_records" else OURS, store)
    before, secrets = house.of_theirs(), house.their_secrets()
    ours = {name: own(house)[name] for name in parameters(verb)}
    tried = [(ours, None), *(({**ours, n: thing.value}, thing.error) for n in ours for thing in foreign(house, n))]
    for asked, refusal in tried:
        answer, told = outcome(desk, verb, asked)
        assert answer is refusal, f"{verb} answers with {answer}"
        assert not [secret for secret in secrets if secret in told], f"{verb} tells what is theirs"
    assert house.of_theirs() == before, f"{verb} changes what is theirs"
    sent = b"".join(spelled_out(house.mailer.sent))
    assert not [secret for secret in secrets if secret in sent], f"{verb} sends what is theirs"


def outcome(desk: InvoiceDesk, verb: str, asked: dict[str, Any]) -> tuple[Unwanted, bytes]:
    """The error's type, if there was one, and everything that was said, whole."""
    try:
        value = getattr(desk, verb)(**asked)
        return None, b"\n".join(spelled_out(value))
    except IndioPayError as error:
        return type(error), b"\n".join(spelled_out((error.args, vars(error), error.__cause__, error.__context__)))


def spelled_out(value: object) -> Iterator[bytes]:
    """Every text, number and byte in a value, however deep; a page's HTML and a download's bytes too."""
    if isinstance(value, PaymentPage):
        yield value.to_html(file_url=lambda file: f"/{file.id}").encode()
    if isinstance(value, bytes):
        yield value
    elif attrs.has(kind := type(value)):
        yield from spelled_out([getattr(value, part.name) for part in attrs.fields(kind)])
    elif isinstance(value, Mapping):
        yield from spelled_out(list(value.items()))
    elif isinstance(value, Iterable) and not isinstance(value, str):
        for part in value:
            yield from spelled_out(part)
    else:
        yield str(value).encode()


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_a_verb_gives_another_agency_nothing(store: InvoiceStore, files: FileStore, verb: str) -> None:
    """Whatever of theirs it is asked with."""
    check(House(store, files), verb, store)


def test_everything_that_names_something_is_tried(store: InvoiceStore, files: FileStore) -> None:
    """Every parameter that means an id, a link, a cursor, a key or records has something of theirs to be given."""
    house = House(store, files)
    named = {name for verb in VERBS for name in parameters(verb)} & {
        name for name in own(house) if name.endswith(("_id", "_key")) or name in ("token", "after", "records")
    }
    assert {name for name in own(house) if foreign(house, name)} == named


class Misdirected:
    """A store that takes one agency for another in one of its methods."""

    def __init__(self, store: InvoiceStore, method: str) -> None:
        self._store, self._method = store, method

    def __getattr__(self, name: str) -> Any:
        found: Callable[..., object] = getattr(self._store, name)
        return (lambda agency, *rest, **named: found("nord-est", *rest, **named)) if name == self._method else found


def caught(wrong: Callable[[InvoiceStore], InvoiceStore], files: type[MemoryFiles] = MemoryFiles) -> set[str]:
    """The verbs that are caught over such a store."""
    verbs = set()
    for verb in VERBS:
        store = MemoryStore()
        try:
            check(House(store, files()), verb, wrong(store))
        except AssertionError:
            verbs.add(verb)
    return verbs


METHODS = {
    "add": "create",
    "apply": "cancel",
    "get": "get",
    "by_link": "payment_page",
    "by_idempotency_key": "create",
    "page": "list",
    "totals": "totals",
    "claim": "deliver",
    "export": "export_records",
    "import_": "import_records",
}
"""A store's methods that the desk does not look after twice, each with a verb that is caught."""


@pytest.mark.parametrize("method", METHODS)
def test_a_store_that_takes_one_agency_for_another_is_caught(method: str) -> None:
    """Whichever of its methods does so."""
    assert METHODS[method] in caught(lambda store: Misdirected(store, method))


def test_a_store_that_keeps_agencies_apart_is_not_caught() -> None:
    """What is said of wrong ones says something."""
    assert not caught(lambda store: store)


def test_a_file_store_that_looks_at_the_beginning_of_a_slug_alone_is_caught() -> None:
    """Theirs begins with ours."""

    class Careless(MemoryFiles):
        def keys(self, prefix: str, *, before: datetime) -> Iterator[str]:
            return super().keys(prefix.rstrip("/"), before=before)

    assert "sweep" in caught(lambda store: store, Careless)
