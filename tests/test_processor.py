"""The processor of the examples: it signs as Stripe does, its events say what Stripe's do, and no other one pays."""

import logging
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import stripe
from attrs import evolve
from hypothesis import given, strategies as st
from processor import Payment, UnsignedError, check_signature, checkout_address, payment_in, sign, take_payment

from indiopay import Invoice, InvoiceDesk, Money, Status
from indiopay.testing import memory_desk

from .conftest import filled_in
from .processor_events import paid_event, written
from .test_listing import invoice as some_invoice

SECRET = "whsec_fR0mTheProcessorsDashboard"  # noqa: S105  # of these tests alone
NOW = datetime.now(UTC).replace(microsecond=0)
BODY = written(paid_event(some_invoice(), NOW))


def is_ours(body: bytes, header: str, secret: str = SECRET) -> bool:
    try:
        check_signature(body, header, secret=secret, now=datetime.now(UTC))
    except UnsignedError:
        return False
    return True


def is_theirs(body: bytes, header: str, secret: str = SECRET) -> bool:
    """What the processor's own library says."""
    try:
        stripe.WebhookSignature.verify_header(body, header, secret, tolerance=300)
    except (stripe.SignatureVerificationError, TypeError):  # TypeError: of letters that are not ASCII
        return False
    return True


def test_the_processors_own_library_reads_what_is_signed_here() -> None:
    """Its signature, and each thing that a payment is made of."""
    event = stripe.Webhook.construct_event(BODY, sign(BODY, secret=SECRET, at=NOW), SECRET)
    session = event.data.object
    assert (event.type, session.object, session.mode) == ("checkout.session.completed", "checkout.session", "payment")
    assert session.client_reference_id == str(some_invoice().id)
    assert (session.amount_total, session.currency) == (some_invoice().amount.minor_units, "cad")


def test_what_the_processors_own_library_signs_is_read_here() -> None:
    """To the byte."""
    theirs = stripe.WebhookSignature.generate_signature_header(BODY.decode(), SECRET, int(NOW.timestamp()))
    assert theirs == sign(BODY, secret=SECRET, at=NOW)
    assert is_ours(BODY, theirs)


GOOD = sign(BODY, secret=SECRET, at=NOW)
STAMP, SIGNATURE = GOOD.split(",")


@pytest.mark.parametrize(
    ("header", "holds"),
    [
        (GOOD, True),
        (f"{STAMP},v1=00,{SIGNATURE}", True),
        (f"{STAMP},v0=00,{SIGNATURE}", True),
        ("", False),
        (STAMP, False),
        (SIGNATURE, False),
        (f"t=x,{SIGNATURE}", False),
        (f"t=,{SIGNATURE}", False),
        (f"{STAMP},v0{SIGNATURE[2:]}", False),
        (f"{STAMP}0,{SIGNATURE}", False),
        (f"{STAMP},v1=é", False),
        (GOOD[:-1], False),
        (sign(BODY, secret=SECRET, at=NOW - timedelta(seconds=330)), False),
        (sign(BODY, secret="whsec_another", at=NOW), False),  # noqa: S106  # of this test alone
    ],
)
def test_a_signature_holds_here_as_it_does_there(header: str, holds: bool) -> None:
    """Of these bytes, by this secret, not long ago."""
    assert (is_ours(BODY, header), is_theirs(BODY, header)) == (holds, holds)
    assert not is_ours(BODY + b" ", header)


@given(st.text(st.sampled_from("tv1=,0a" + STAMP), max_size=40), st.integers(0, len(GOOD)))
def test_no_header_holds_here_alone(edit: str, place: int) -> None:
    """Whatever is put into a good one."""
    header = GOOD[:place] + edit + GOOD[place:]
    assert is_ours(BODY, header) <= is_theirs(BODY, header)


def test_an_event_tells_whose_invoice_was_paid_and_how_much() -> None:
    """The payment's own reference comes again with each repetition."""
    invoice = some_invoice()
    payment = Payment(invoice.id, "pi_3Q1w2E3r4T5y6U7i8O9p0A1s", invoice.amount, NOW)
    assert payment_in(paid_event(invoice, NOW)) == payment
    later = {**paid_event(invoice, NOW), "type": "checkout.session.async_payment_succeeded"}
    assert payment_in(later) == payment


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
    assert payment_in({**paid_event(some_invoice(), NOW, **session), "type": kind}) is None


def test_the_checkout_is_asked_for_this_invoice_and_this_amount() -> None:
    """In the units and the letters that the processor counts in."""
    invoice = evolve(some_invoice(), amount=Money(950, "JPY"))
    assert checkout_address(invoice).endswith(f"client_reference_id={invoice.id}&amount=950&currency=jpy")


# --- what is done with it


@pytest.fixture
def desk() -> InvoiceDesk:
    return memory_desk(clock=lambda: NOW)


def pay(desk: InvoiceDesk, event: dict[str, Any]) -> None:
    body = written(event)
    take_payment(
        desk, body, sign(body, secret=SECRET, at=NOW), secret=SECRET, now=datetime.fromtimestamp(time.time(), UTC)
    )


def test_a_payment_is_recorded_at_the_time_of_its_event(desk: InvoiceDesk) -> None:
    """However late it comes."""
    invoice, at = desk.create(filled_in()), NOW - timedelta(days=1)
    pay(desk, paid_event(invoice, at))
    paid = desk.get(invoice.id)
    assert (paid.status, paid.paid_at, paid.payment_reference) == (Status.PAID, at, "pi_3Q1w2E3r4T5y6U7i8O9p0A1s")


def test_an_event_that_comes_again_changes_nothing(desk: InvoiceDesk) -> None:
    """The invoice is as it was, and its history too."""
    invoice = desk.create(filled_in())
    pay(desk, paid_event(invoice, NOW))
    before = desk.get(invoice.id), desk.history(invoice.id)
    pay(desk, paid_event(invoice, NOW))
    assert (desk.get(invoice.id), desk.history(invoice.id)) == before


@pytest.mark.parametrize(
    ("changes", "status", "told"),
    [
        ({"amount_total": 1}, Status.OPEN, "another amount"),
        ({"currency": "usd"}, Status.OPEN, "another amount"),
        ({"client_reference_id": str(uuid4())}, Status.OPEN, "give it back"),
    ],
)
def test_a_payment_that_fits_no_invoice_is_told(
    desk: InvoiceDesk, caplog: pytest.LogCaptureFixture, changes: dict[str, Any], status: Status, told: str
) -> None:
    """By its reference alone, and nothing is recorded."""
    invoice = desk.create(filled_in())
    pay(desk, paid_event(invoice, NOW, **changes))
    assert desk.get(invoice.id).status is status
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert told in caplog.text and "pi_3Q1w2E3r4T5y6U7i8O9p0A1s" in caplog.text


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
    pay(desk, paid_event(invoice, NOW))
    assert desk.get(invoice.id) == before
    assert "give it back" in caplog.text


def test_what_the_processor_did_not_sign_is_refused(desk: InvoiceDesk) -> None:
    """Before it is even read."""
    invoice = desk.create(filled_in())
    for body in (written(paid_event(invoice, NOW)), b"{"):
        with pytest.raises(UnsignedError):
            take_payment(desk, body, "t=1,v1=00", secret=SECRET, now=NOW)
    assert desk.get(invoice.id).status is Status.OPEN
