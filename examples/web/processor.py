"""A payment processor of the shape of Stripe's: its checkout, the events that it sends, and how it signs them.

Your app asks your processor's own library for these; what it then does with a payment is in `take_payment`.
"""

import json
import logging
from datetime import UTC, datetime
from hmac import compare_digest, digest
from typing import Any, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from indiopay import Invoice, InvoiceDesk, InvoiceNotFoundError, InvoiceStateError, Money

TOLERANCE = 300  # seconds between the signing of an event and its arrival
NO_DECIMALS = frozenset("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split())  # noqa: SIM905  # as a list it fills a page
THREE_DECIMALS = frozenset("BHD JOD KWD OMR TND".split())  # noqa: SIM905  # as above
PAID = ("checkout.session.completed", "checkout.session.async_payment_succeeded")

log = logging.getLogger(__name__)


class UnsignedError(ValueError):
    """The processor did not send this, or not now."""


class Payment(NamedTuple):
    """What an event says was paid, and when."""

    invoice_id: UUID
    reference: str
    charge: "Charge"
    at: datetime


class Charge(NamedTuple):
    """An amount as the processor counts: in units of its own, which are not everywhere those of `Money`."""

    units: int
    currency: str

    @classmethod
    def of(cls, amount: Money) -> "Charge":
        """ValueError for an amount that the processor cannot charge to the last decimal."""
        decimals = 0 if amount.currency in NO_DECIMALS else 3 if amount.currency in THREE_DECIMALS else 2
        units = amount.amount.scaleb(decimals)
        if units % 1:
            raise ValueError("the processor cannot charge this amount")
        return cls(int(units), amount.currency.lower())


def checkout_address(invoice: Invoice) -> str:
    """Where the client pays this invoice: the address of a session that the processor opens for it."""
    charge = Charge.of(invoice.amount)
    asked = {"client_reference_id": invoice.id, "amount": charge.units, "currency": charge.currency}
    return f"https://paiement.exemple.ca/session?{urlencode(asked)}"


def take_payment(desk: InvoiceDesk, body: bytes, signature: str, *, secret: str, now: datetime) -> None:
    """Record what the event in `body` says was paid; UnsignedError if the processor did not sign it, or long ago.

    An event that comes again changes nothing, nor does one of another agency or another thing that is sold. A payment
    of an invoice that was cancelled or paid otherwise is logged for someone to give the money back: the processor
    cannot help it by sending again.
    """
    check_signature(body, signature, secret=secret, now=now)
    payment = payment_in(json.loads(body))
    if payment is None:
        return
    try:
        if Charge.of(desk.get(payment.invoice_id).amount) == payment.charge:
            desk.record_payment(payment.invoice_id, reference=payment.reference, paid_at=payment.at)
        else:
            log.error("payment %s is of another amount than its invoice: look at it", payment.reference)
    except InvoiceNotFoundError:
        return
    except InvoiceStateError:
        log.error("payment %s is for an invoice that is not open: give it back", payment.reference)  # noqa: TRY400  # it says all


def payment_in(event: dict[str, Any]) -> Payment | None:
    """The payment of an invoice that an event tells of; None for another event, or money that is still on its way."""
    session = event["data"]["object"]
    if event["type"] not in PAID or session["payment_status"] != "paid":
        return None
    try:
        invoice_id = UUID(session["client_reference_id"] or "")
    except ValueError:  # something else that is sold through the same account
        return None
    charge = Charge(session["amount_total"], session["currency"])
    reference = session["payment_intent"] or session["id"]
    return Payment(invoice_id, reference, charge, datetime.fromtimestamp(event["created"], UTC))


def check_signature(body: bytes, header: str, *, secret: str, now: datetime) -> None:
    """UnsignedError unless one of the header's signatures is that of these very bytes, at a time not long ago."""
    pairs = [pair.partition("=") for pair in header.split(",")]
    stamp = next((value for name, _, value in pairs if name == "t"), "")
    wanted = _signature(body, stamp, secret)
    is_signed = any(compare_digest(wanted, value.encode()) for name, _, value in pairs if name == "v1")
    if not is_signed or not all(equals for _, equals, _ in pairs):
        raise UnsignedError("this event was not signed by the processor")
    if int(stamp) < now.timestamp() - TOLERANCE:
        raise UnsignedError("this event was signed long ago")


def sign(body: bytes, *, secret: str, at: datetime) -> str:
    """The `Stripe-Signature` header that comes with the bytes of an event."""
    stamp = str(int(at.timestamp()))
    return f"t={stamp},v1={_signature(body, stamp, secret).decode()}"


def _signature(body: bytes, stamp: str, secret: str) -> bytes:
    return digest(secret.encode(), stamp.encode() + b"." + body, "sha256").hex().encode()
