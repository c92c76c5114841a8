"""A record to plain values and back as one would write it by hand: every field named, nothing checked but by chance."""

from base64 import b64decode, b64encode
from datetime import date, datetime
from typing import Any
from uuid import UUID

from indiopay.attachment import Attachment
from indiopay.history import EntryKind, HistoryEntry
from indiopay.invoice import Client, Idempotency, Invoice, InvoiceRecord, LinkRef
from indiopay.money import Money
from indiopay.outbox import Letter
from indiopay.status import InvoiceType, Status

Plain = dict[str, Any]


def write(record: InvoiceRecord) -> Plain:
    link, key = record.link, record.idempotency
    return {
        "version": 1,
        "invoice": invoice_parts(record.invoice),
        "link": {"link_id": link.link_id.hex(), "key_id": link.key_id},
        "idempotency": None if key is None else {"key": key.key, "fingerprint": key.fingerprint.hex()},
        "letters": [letter_parts(letter) for letter in record.letters],
        "history": [{"kind": e.kind.value, "at": written(e.at), "details": dict(e.details)} for e in record.history],
    }


def written(at: datetime) -> str:
    return at.isoformat("T", "microseconds")


def invoice_parts(invoice: Invoice) -> Plain:
    return {
        "id": invoice.id.hex,
        "number": invoice.number,
        "type": invoice.type.value,
        "agency_slug": invoice.agency_slug,
        "client": {"name": invoice.client.name, "email": invoice.client.email},
        "amount": {"minor_units": invoice.amount.minor_units, "currency": invoice.amount.currency},
        "due_date": invoice.due_date.isoformat(),
        "description": invoice.description,
        "attachments": [
            {
                "id": file.id.hex,
                "name": file.name,
                "size": file.size,
                "media_type": file.media_type,
                "sha256": file.sha256,
            }
            for file in invoice.attachments
        ],
        "locale": invoice.locale,
        "status": invoice.status.value,
        "created_at": written(invoice.created_at),
        "paid_at": None if invoice.paid_at is None else written(invoice.paid_at),
        "payment_reference": invoice.payment_reference,
        "cancelled_at": None if invoice.cancelled_at is None else written(invoice.cancelled_at),
        "cancel_reason": invoice.cancel_reason,
        "version": invoice.version,
    }


def letter_parts(letter: Letter) -> Plain:
    return {
        "id": letter.id.hex,
        "invoice_id": letter.invoice_id.hex,
        "message_id": letter.message_id,
        "recipient": letter.recipient,
        "queued_at": written(letter.queued_at),
        "not_before": written(letter.not_before),
        "kind": letter.kind,
        "state": letter.state,
        "attempts": letter.attempts,
        "sender": letter.sender,
        "message": None if letter.message is None else b64encode(letter.message).decode("ascii"),
        "message_sha256": letter.message_sha256,
        "last_phase": letter.last_phase,
        "last_code": letter.last_code,
        "sent_at": None if letter.sent_at is None else written(letter.sent_at),
        "maybe_duplicate": letter.maybe_duplicate,
        "lease_token": letter.lease_token,
        "lease_end": None if letter.lease_end is None else written(letter.lease_end),
    }


def read(plain: Plain) -> InvoiceRecord:
    link, key = plain["link"], plain["idempotency"]
    return InvoiceRecord(
        read_invoice(plain["invoice"]),
        LinkRef(bytes.fromhex(link["link_id"]), link["key_id"]),
        None if key is None else Idempotency(key["key"], bytes.fromhex(key["fingerprint"])),
        tuple([read_letter(letter) for letter in plain["letters"]]),
        tuple(
            [
                HistoryEntry(EntryKind(e["kind"]), datetime.fromisoformat(e["at"]), e["details"])
                for e in plain["history"]
            ]
        ),
    )


def read_time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def read_invoice(plain: Plain) -> Invoice:
    client, amount = plain["client"], plain["amount"]
    return Invoice(
        UUID(plain["id"]),
        plain["number"],
        InvoiceType(plain["type"]),
        plain["agency_slug"],
        Client(client["name"], client["email"]),
        Money(amount["minor_units"], amount["currency"]),
        date.fromisoformat(plain["due_date"]),
        plain["description"],
        tuple(
            [
                Attachment(UUID(f["id"]), f["name"], f["size"], f["media_type"], f["sha256"])
                for f in plain["attachments"]
            ]
        ),
        plain["locale"],
        Status(plain["status"]),
        datetime.fromisoformat(plain["created_at"]),
        read_time(plain["paid_at"]),
        plain["payment_reference"],
        read_time(plain["cancelled_at"]),
        plain["cancel_reason"],
        plain["version"],
    )


def read_letter(plain: Plain) -> Letter:
    return Letter(
        UUID(plain["id"]),
        UUID(plain["invoice_id"]),
        plain["message_id"],
        plain["recipient"],
        datetime.fromisoformat(plain["queued_at"]),
        datetime.fromisoformat(plain["not_before"]),
        plain["kind"],
        plain["state"],
        plain["attempts"],
        plain["sender"],
        None if plain["message"] is None else b64decode(plain["message"]),
        plain["message_sha256"],
        plain["last_phase"],
        plain["last_code"],
        read_time(plain["sent_at"]),
        plain["maybe_duplicate"],
        plain["lease_token"],
        read_time(plain["lease_end"]),
    )
