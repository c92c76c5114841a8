"""What a store keeps apart: each agency is alone in it, whatever ids another agency has."""

# ruff: noqa: S101  # a duty asserts

from collections.abc import Callable, Mapping
from uuid import UUID

import pytest
from attrs import evolve

from indiopay.errors import IndioPayError, InvoiceNotFoundError
from indiopay.invoice import Idempotency, LinkRef, outcome_entry
from indiopay.listing import InvoiceFilter, add_up
from indiopay.outbox import GIVEN_UP_AFTER, LEASE, Letter, accepted
from indiopay.ports import InvoiceStore
from indiopay.testing.store_samples import NOW, TODAY, claim, letter, listed, new, record

Call = Callable[[InvoiceStore, Letter], object]

_METHODS = [name for name, value in vars(InvoiceStore).items() if callable(value) and not name.startswith("_")]
_FULL = new(1, agency="nord-est", letter=letter(1), idempotency=Idempotency("k", b"form"))

# For each method: a call for "nord" with all that "nord-est" has, and what an agency without invoices answers. The one
# slug begins with the other, as a pattern might.
_FOREIGN: Mapping[str, tuple[Call, object]] = {
    "add": (lambda store, _: store.add("nord", evolve(_FULL, agency_slug="nord")).number, "F-000001"),
    "apply": (lambda store, _: store.apply("nord", record(1).invoice.cancel(at=NOW)), InvoiceNotFoundError),
    "get": (lambda store, _: store.get("nord", UUID(int=1)), None),
    "by_link": (lambda store, _: store.by_link("nord", _FULL.link), None),
    "by_idempotency_key": (lambda store, _: store.by_idempotency_key("nord", "k"), None),
    "page": (lambda store, _: listed(store, InvoiceFilter(words=("zoe",)), agency="nord"), []),
    "totals": (lambda store, _: store.totals("nord", today=TODAY), add_up(())),
    "history": (lambda store, _: list(store.history("nord", UUID(int=1))), []),
    "deliveries": (lambda store, _: list(store.deliveries("nord", UUID(int=1))), []),
    "claim": (lambda store, held: [*_claims(store, None), *_claims(store, held.id)], [None] * 4),
    "keep_message": (lambda store, held: store.keep_message("nord", evolve(held, message=b"theirs")), False),
    "finish": (lambda store, held: store.finish("nord", accepted(held, at=NOW), outcome_entry(held, NOW)), False),
    "export": (lambda store, _: list(store.export("nord")), []),
    "import_": (lambda store, _: store.import_("nord", [record(1, agency="nord")]), 1),
}


def _claims(store: InvoiceStore, name: UUID | None) -> list[Letter | None]:
    """Once its lease has run out, and once it has waited too long."""
    return [claim(store, at, agency="nord", letter_id=name) for at in (NOW + LEASE, NOW + GIVEN_UP_AFTER + LEASE)]


def _answer(ask: Call, store: InvoiceStore, held: Letter) -> object:
    try:
        return ask(store, held)
    except IndioPayError as error:
        return type(error)


class AgencyDuties:
    """Each agency is alone in the world."""

    @pytest.mark.parametrize("method", _METHODS)
    def test_an_agency_neither_sees_nor_touches_another(self, store: InvoiceStore, method: str) -> None:
        """With every id that another one of a like name has, each method answers as if that one were not there."""
        store.add("nord-est", _FULL)
        held = claim(store, agency="nord-est")
        assert held is not None
        before = list(store.export("nord-est"))
        ask, nothing = _FOREIGN[method]
        assert _answer(ask, store, held) == nothing
        assert list(store.export("nord-est")) == before

    def test_two_agencies_may_hold_the_same_ids(self, store: InvoiceStore) -> None:
        """What happens to an invoice of one leaves its twin as it was."""
        store.add("nord-est", new(1, agency="nord-est", letter=letter(1)))
        invoice = store.add("nord", new(1, letter=letter(1)))
        before = list(store.export("nord-est"))
        held = claim(store)
        assert held is not None
        assert store.keep_message("nord", evolve(held, message=b"bytes"))
        sent = accepted(held, at=NOW)
        assert store.finish("nord", sent, outcome_entry(sent, NOW))
        renewed = invoice.renew_link(LinkRef(b"n" * 18, 9), at=NOW)
        store.apply("nord", renewed)
        store.apply("nord", renewed.invoice.cancel(at=NOW))
        assert list(store.export("nord-est")) == before

    def test_what_is_not_there_is_none_or_empty(self, store: InvoiceStore) -> None:
        """Unknown ids are no errors, in an agency that has invoices."""
        store.add("nord", new(1, letter=letter(1), idempotency=Idempotency("k", b"form")))
        assert store.get("nord", UUID(int=2)) is None
        assert store.by_link("nord", new(2).link) is None
        assert store.by_idempotency_key("nord", "unknown") is None
        assert [*store.history("nord", UUID(int=2)), *store.deliveries("nord", UUID(int=2))] == []
