"""Events as Stripe sends them to a webhook: their shape is that of its reference of `Event` and `checkout.session`."""

import json
from datetime import datetime
from typing import Any

from indiopay import Invoice

ADDRESS, SECRET = "https://factures.exemple.ca/payer/", "whsec_fR0mTheProcessorsDashboard"  # of the tests alone


def paid_event(invoice: Invoice, at: datetime, **changes: Any) -> dict[str, Any]:
    """The client has paid this invoice; `changes` are of the checkout session."""
    session: dict[str, Any] = {
        "id": "cs_live_a1B2c3D4e5F6g7H8i9J0",
        "object": "checkout.session",
        "amount_subtotal": invoice.amount.minor_units,
        "amount_total": invoice.amount.minor_units,
        "client_reference_id": str(invoice.id),
        "created": int(at.timestamp()) - 60,
        "currency": invoice.amount.currency.lower(),
        "customer": None,
        "customer_details": {"email": invoice.client.email, "name": invoice.client.name, "phone": None},
        "expires_at": int(at.timestamp()) + 86_340,
        "livemode": True,
        "locale": "fr-CA",
        "metadata": {},
        "mode": "payment",
        "payment_intent": "pi_3Q1w2E3r4T5y6U7i8O9p0A1s",
        "payment_method_types": ["card"],
        "payment_status": "paid",
        "status": "complete",
        "success_url": "https://factures.exemple.ca/merci",
        "url": None,
    }
    return {
        "id": "evt_1Q1w2E3r4T5y6U7i8O9p0A1s",
        "object": "event",
        "api_version": "2025-09-30.clover",
        "created": int(at.timestamp()),
        "data": {"object": {**session, **changes}},
        "livemode": True,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": "checkout.session.completed",
    }


def written(event: dict[str, Any]) -> bytes:
    """The bytes of an event, indented as they come."""
    return json.dumps(event, indent=2).encode()
