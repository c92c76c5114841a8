"""The processor of the examples: it signs as Stripe does, its events say what Stripe's do, and no other one pays."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, strategies as st
from processor import Charge, Payment, UnsignedError, check_signature, checkout_address, payment_in, sign, take_payment

from indiopay import Invoice, InvoiceDesk, Money, Status
from indiopay.testing import StoppedClock, memory_desk

from .conftest import filled_in
from .processor_events import SECRET, paid_event, written
from .test_listing import invoice as some_invoice

AT = datetime(2026, 3, 2, 15, tzinfo=UTC)
BODY = written(paid_event(some_invoice(), AT))


def is_ours(body: bytes, header: str) -> bool:
    try:
        check_signature(body, header, secret=SECRET, now=datetime.now(UTC))
    except UnsignedError:
        return False
    return True


def is_theirs(body: bytes, header: str) -> bool:
    """What the processor's own library says, which goes by the machine's clock."""
    import stripe

    try:
        stripe.WebhookSignature.verify_header(body, header, SECRET, tolerance=300)
    except (stripe.SignatureVerificationError, TypeError):  # TypeError: of letters that are not ASCII
        return False
    return True


def test_the_processors_own_library_reads_what_is_signed_here() -> None:
    """Its signature, and each thing that a payment is made of."""
    import stripe

    event = stripe.Webhook.construct_event(BODY, sign(BODY, secret=SECRET, at=datetime.now(UTC)), SECRET)
    session = event.data.object
    assert (event.type, session.object, session.mode) == ("checkout.session.completed", "checkout.session", "payment")
    assert session.client_reference_id == str(some_invoice().id)
    assert (session.amount_total, session.currency) == (some_invoice().amount.minor_units, "cad")


def test_what_the_processors_own_library_signs_is_signed_alike_here() -> None:
    """To the byte."""
    import stripe

    theirs = stripe.WebhookSignature.generate_signature_header(BODY.decode(), SECRET, int(AT.timestamp()))
    assert theirs == sign(BODY, secret=SECRET, at=AT)


HEADERS: dict[str, tuple[Callable[[str, str], str], bool]] = {
    "as it was signed": (lambda stamp, signature: f"{stamp},{signature}", True),
    "with another one before it": (lambda stamp, signature: f"{stamp},v1=00,{signature}", True),
    "with an older kind": (lambda stamp, signature: f"{stamp},v0=00,{signature}", True),
    "empty": (lambda stamp, signature: "", False),
    "time alone": (lambda stamp, signature: stamp, False),
    "no time": (lambda stamp, signature: signature, False),
    "a word for a time": (lambda stamp, signature: f"t=x,{signature}", False),
    "an empty time": (lambda stamp, signature: f"t=,{signature}", False),
    "an older kind alone": (lambda stamp, signature: f"{stamp},v0{signature[2:]}", False),
    "a later time": (lambda stamp, signature: f"{stamp}0,{signature}", False),
    "not ASCII": (lambda stamp, signature: f"{stamp},v1=é", False),
    "with a name alone": (lambda stamp, signature: f"{stamp},t,{signature}", False),
    "cut": (lambda stamp, signature: f"{stamp},{signature[:-1]}", False),
}


@pytest.mark.parametrize("header", HEADERS)
def test_a_signature_holds_here_as_it_does_there(header: str) -> None:
    """For these bytes alone."""
    written_as, holds = HEADERS[header]
    given = written_as(*sign(BODY, secret=SECRET, at=datetime.now(UTC)).split(","))
    assert (is_ours(BODY, given), is_theirs(BODY, given)) == (holds, holds)
    assert not is_ours(BODY + b" ", given)


@pytest.mark.parametrize(("secret", "age"), [(SECRET, 330), ("whsec_another", 0)], ids=["old", "another's"])
def test_what_was_signed_long_ago_or_by_another_holds_nowhere(secret: str, age: int) -> None:
    """An event that somebody kept, or made."""
    given = sign(BODY, secret=secret, at=datetime.now(UTC) - timedelta(seconds=age))
    assert not is_ours(BODY, given) and not is_theirs(BODY, given)


@given(st.text("tv1=,0a9", max_size=40), st.integers(0, 80))
def test_no_header_holds_here_alone(edit: str, place: int) -> None:
    """Whatever is put into a good one."""
    good = sign(BODY, secret=SECRET, at=datetime.now(UTC))
    header = good[:place] + edit + good[place:]
    assert is_ours(BODY, header) <= is_theirs(BODY, header)


def test_an_event_tells_whose_invoice_was_paid_and_how_much() -> None:
    """The payment's own reference comes again with each repetition."""
    invoice = some_invoice()
    payment = Payment(invoice.id, "pi_3Q1w2E3r4T5y6U7i8O9p0A1s", Charge(100, "cad"), AT)
    assert payment_in(paid_event(invoice, AT)) == payment
    later = {**paid_event(invoice, AT), "type": "checkout.session.async_payment_succeeded"}
    assert payment_in(later) == payment


def test_a_payment_without_an_intent_goes_by_its_session() -> None:
    """Which comes again with each repetition too."""
    payment = payment_in(paid_event(some_invoice(), AT, payment_intent=None))
    assert payment and payment.reference == "cs_live_a1B2c3D4e5F6g7H8i9J0"


@pytest.mark.parametrize(
    ("kind", "session"),
    [
        ("checkout.session.completed", {"payment_status": "unpaid"}),
        ("checkout.session.async_payment_failed", {"payment_status": "unpaid"}),
        ("checkout.session.expired", {"payment_status": "unpaid"}),
        ("charge.refunded", {}),
        ("checkout.session.completed", {"client_reference_id": None}),
        ("checkout.session.completed", {"client_reference_id": "commande-17"}),
    ],
)
def test_nothing_else_pays(kind: str, session: dict[str, Any]) -> None:
    """Money on its way, money back, and what else is sold."""
    assert payment_in({**paid_event(some_invoice(), AT, **session), "type": kind}) is None


@pytest.mark.parametrize(
    ("amount", "units"),
    [
        (Money(125_000, "CAD"), 125_000),
        (Money(950, "JPY"), 950),
        (Money(1_250, "RSD"), 125_000),
        (Money(1_250, "ISK"), 125_000),
        (Money(1_250, "UGX"), 125_000),
        (Money(1_250, "KWD"), 1_250),
    ],
)
def test_an_amount_is_counted_as_the_processor_counts(amount: Money, units: int) -> None:
    """Where its currency has decimals there and none in use, a hundred times as many units."""
    assert Charge.of(amount) == Charge(units, amount.currency.lower())
    invoice = evolve(some_invoice(), amount=amount)
    assert f"amount={units}&currency={amount.currency.lower()}" in checkout_address(invoice)
    payment = payment_in(paid_event(invoice, AT, amount_total=units))
    assert payment and payment.charge == Charge.of(amount)


def test_an_amount_that_the_processor_cannot_charge_is_refused() -> None:
    """To the last decimal, or not at all."""
    with pytest.raises(ValueError, match="cannot charge"):
        Charge.of(SimpleNamespace(amount=Decimal("1.005"), currency="CAD"))  # type: ignore[arg-type]  # Money has none


# --- what is done with it


@pytest.fixture
def desk() -> InvoiceDesk:
    return memory_desk(clock=StoppedClock(AT))


def pay(desk: InvoiceDesk, event: dict[str, Any]) -> None:
    body = written(event)
    take_payment(desk, body, sign(body, secret=SECRET, at=AT), secret=SECRET, now=AT)


def test_a_payment_is_recorded_at_the_time_of_its_event(desk: InvoiceDesk) -> None:
    """However late it comes."""
    invoice, at = desk.create(filled_in()), AT - timedelta(days=1)
    pay(desk, paid_event(invoice, at))
    paid = desk.get(invoice.id)
    assert (paid.status, paid.paid_at, paid.payment_reference) == (Status.PAID, at, "pi_3Q1w2E3r4T5y6U7i8O9p0A1s")


def test_an_event_that_comes_again_changes_nothing(desk: InvoiceDesk) -> None:
    """The invoice is as it was, and its history too."""
    invoice = desk.create(filled_in())
    pay(desk, paid_event(invoice, AT))
    before = desk.get(invoice.id), desk.history(invoice.id)
    pay(desk, paid_event(invoice, AT))
    assert (desk.get(invoice.id), desk.history(invoice.id)) == before


@pytest.mark.parametrize("changes", [{"amount_total": 1}, {"currency": "usd"}])
def test_a_payment_of_another_amount_is_told(
    desk: InvoiceDesk, caplog: pytest.LogCaptureFixture, changes: dict[str, Any]
) -> None:
    """By its reference alone, and nothing is recorded."""
    invoice = desk.create(filled_in())
    pay(desk, paid_event(invoice, AT, **changes))
    assert desk.get(invoice.id) == invoice
    assert "pi_3Q1w2E3r4T5y6U7i8O9p0A1s is of another amount" in caplog.text


def test_a_payment_of_another_agency_is_none_of_ours(desk: InvoiceDesk, caplog: pytest.LogCaptureFixture) -> None:
    """Two desks may hear of every payment of one account."""
    pay(desk, paid_event(some_invoice(), AT))
    assert caplog.records == []


def end(desk: InvoiceDesk, invoice: Invoice, status: Status) -> None:
    if status is Status.PAID:
        desk.record_payment(invoice.id, reference="virement du 2 mars")
    else:
        desk.cancel(invoice.id)


@pytest.mark.parametrize("status", [Status.PAID, Status.CANCELLED])
def test_a_payment_that_comes_too_late_is_told(
    desk: InvoiceDesk, caplog: pytest.LogCaptureFixture, status: Status
) -> None:
    """The invoice was cancelled, or paid otherwise: the money goes back, and the event is not asked for again."""
    invoice = desk.create(filled_in())
    end(desk, invoice, status)
    before = desk.get(invoice.id)
    pay(desk, paid_event(invoice, AT))
    assert desk.get(invoice.id) == before
    assert "give it back" in caplog.text


def test_what_the_processor_did_not_sign_is_refused(desk: InvoiceDesk) -> None:
    """Before it is even read."""
    invoice = desk.create(filled_in())
    for body in (written(paid_event(invoice, AT)), b"{"):
        with pytest.raises(UnsignedError):
            take_payment(desk, body, "t=1,v1=00", secret=SECRET, now=AT)
    assert desk.get(invoice.id).status is Status.OPEN
