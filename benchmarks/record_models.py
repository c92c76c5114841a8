"""A record as models of pydantic, checked by type only."""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from indiopay.outbox import LetterState


class Model(BaseModel):
    """What all of pydantic's models here are."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_bytes="base64", val_json_bytes="base64")


class ClientModel(Model):
    """Who is billed."""

    name: str
    email: str


class MoneyModel(Model):
    """An amount."""

    minor_units: int
    currency: str


class AttachmentModel(Model):
    """A file."""

    id: UUID
    name: str
    size: int
    media_type: str
    sha256: str


class InvoiceModel(Model):
    """The invoice."""

    id: UUID
    number: str
    type: Literal["one_time"]
    agency_slug: str
    client: ClientModel
    amount: MoneyModel
    due_date: date
    description: str
    attachments: tuple[AttachmentModel, ...]
    locale: str
    status: Literal["open", "paid", "cancelled"]
    created_at: datetime
    paid_at: datetime | None
    payment_reference: str | None
    cancelled_at: datetime | None
    cancel_reason: str | None
    version: int


class LinkModel(Model):
    """The link, in hex."""

    link_id: str
    key_id: int


class IdempotencyModel(Model):
    """The key of its creation."""

    key: str
    fingerprint: str


class LetterModel(Model):
    """One letter."""

    id: UUID
    invoice_id: UUID
    message_id: str
    recipient: str
    queued_at: datetime
    not_before: datetime
    kind: str
    state: LetterState
    attempts: int
    sender: str | None
    message: bytes | None
    message_sha256: str | None
    last_phase: str | None
    last_code: int | None
    sent_at: datetime | None
    maybe_duplicate: bool
    lease_token: int
    lease_end: datetime | None


class EntryModel(Model):
    """One thing that happened."""

    kind: str
    at: datetime
    details: dict[str, Any]


class RecordModel(Model):
    """All of it."""

    version: int
    invoice: InvoiceModel
    link: LinkModel
    idempotency: IdempotencyModel | None
    letters: tuple[LetterModel, ...]
    history: tuple[EntryModel, ...]
