"""The peer Django: the tables of the store itself as its models, and the form that would stand before them."""
# mypy: disable-error-code="import-untyped", allow-subclassing-any
# ruff: noqa: D102, D106, DJ001, DJ008  # Django's hooks, and the columns of a table that is not its own

import os
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import django
from django import forms
from django.conf import settings
from django.core import signing
from django.db import connections, models, transaction
from psycopg.conninfo import conninfo_to_dict

from indiopay.invoice import Client, LinkRef, NewInvoice, new_id
from indiopay.listing import search_text
from indiopay.money import Money
from indiopay.outbox import new_letter
from indiopay.status import InvoiceType
from raw_rows import PRAGMAS

settings.configure(
    USE_TZ=True,
    TIME_ZONE="UTC",
    LANGUAGE_CODE="fr-ca",
    SECRET_KEY="of a benchmark, which signs nothing real",  # noqa: S106  # it signs for nobody
)
django.setup()


class Id(models.Field):
    """A UUID, as sixteen bytes where the database has no type for it."""

    def db_type(self, connection: Any) -> str:
        return "uuid" if connection.vendor == "postgresql" else "blob"

    def get_db_prep_value(self, value: Any, connection: Any, prepared: object = None) -> Any:  # noqa: ARG002  # its hook
        return value.bytes if connection.vendor == "sqlite" and isinstance(value, UUID) else value

    def from_db_value(self, value: Any, expression: object, connection: object) -> Any:  # noqa: ARG002  # its hook
        return UUID(bytes=value) if isinstance(value, bytes) else value


class Counter(models.Model):
    """The last number of an agency."""

    agency = models.TextField(primary_key=True)
    last_number = models.BigIntegerField()
    last_at = models.DateTimeField()

    class Meta:
        app_label, managed, db_table = "indiopay", False, "counters"


class Invoice(models.Model):
    """An invoice."""

    id = Id(primary_key=True)
    number = models.BigIntegerField()
    type = models.TextField()
    agency = models.TextField()
    client_name = models.TextField()
    client_email = models.TextField()
    minor_units = models.BigIntegerField()
    currency = models.TextField()
    due_date = models.DateField()
    description = models.TextField()
    attachments = models.JSONField()
    locale = models.TextField()
    status = models.TextField()
    created_at = models.DateTimeField()
    paid_at = models.DateTimeField(null=True)
    payment_reference = models.TextField(null=True)
    cancelled_at = models.DateTimeField(null=True)
    cancel_reason = models.TextField(null=True)
    version = models.IntegerField()
    link_id = models.BinaryField()
    key_id = models.SmallIntegerField()
    idempotency_key = models.TextField(null=True)
    fingerprint = models.BinaryField(null=True)
    search = models.TextField()

    class Meta:
        app_label, managed, db_table = "indiopay", False, "invoices"


class HistoryEntry(models.Model):
    """What happened to an invoice."""

    seq = models.BigAutoField(primary_key=True)
    agency = models.TextField()
    invoice_id = Id()
    kind = models.TextField()
    at = models.DateTimeField()
    details = models.JSONField()

    class Meta:
        app_label, managed, db_table = "indiopay", False, "history"


class Letter(models.Model):
    """A letter that waits, or has gone."""

    seq = models.BigAutoField(primary_key=True)
    agency = models.TextField()
    id = Id()
    invoice_id = Id()
    message_id = models.TextField()
    recipient = models.TextField()
    queued_at = models.DateTimeField()
    not_before = models.DateTimeField()
    kind = models.TextField()
    state = models.TextField()
    attempts = models.IntegerField()
    maybe_duplicate = models.BooleanField()
    lease_token = models.IntegerField()

    class Meta:
        app_label, managed, db_table = "indiopay", False, "letters"


class Form(forms.Form):
    """What a person fills in."""

    amount = forms.DecimalField(min_value=Decimal("0.01"), max_digits=9, decimal_places=2, localize=True)
    due_date = forms.DateField()
    client_name = forms.CharField(max_length=200)
    client_email = forms.EmailField()
    description = forms.CharField(required=False, max_length=5000)


def open_sqlite(path: Path) -> None:
    """Use the store's file, under the pragmas of the store."""
    options = {"transaction_mode": "IMMEDIATE", "init_command": "; ".join(f"PRAGMA {pragma}" for pragma in PRAGMAS)}
    _use({"ENGINE": "django.db.backends.sqlite3", "NAME": str(path), "OPTIONS": options})


def open_postgres(address: str) -> None:
    """Use the store's own schema, in the database at that address."""
    parts = conninfo_to_dict(address, options="-c search_path=indiopay")
    _use({"ENGINE": "django.db.backends.postgresql", "NAME": parts.pop("dbname"), "OPTIONS": parts})


def create(new: NewInvoice) -> None:
    """The rows of a new invoice with a letter, for an agency that has one already."""
    letter = new.letter
    assert letter is not None
    with transaction.atomic():
        counter = Counter.objects.select_for_update().get(agency=new.agency_slug)
        counter.last_number += 1
        counter.last_at = max(counter.last_at, new.at)
        counter.save(update_fields=["last_number", "last_at"])
        search = search_text(new.client.name, new.client.email, new.description)
        Invoice.objects.create(
            id=new.id,
            number=counter.last_number,
            type=new.type.value,
            agency=new.agency_slug,
            client_name=new.client.name,
            client_email=new.client.email,
            minor_units=new.amount.minor_units,
            currency=new.amount.currency,
            due_date=new.due_date,
            description=new.description,
            attachments=[],
            locale=new.locale,
            status="open",
            created_at=counter.last_at,
            version=1,
            link_id=new.link.link_id,
            key_id=new.link.key_id,
            search=f"f-{counter.last_number:06d}\n{search}",
        )
        HistoryEntry.objects.bulk_create(
            HistoryEntry(agency=new.agency_slug, invoice_id=new.id, at=counter.last_at, kind=kind, details=details)
            for kind, details in (("created", {}), ("queued", {"delivery_id": str(letter.id)}))
        )
        Letter.objects.create(
            agency=new.agency_slug,
            id=letter.id,
            invoice_id=new.id,
            message_id=letter.message_id,
            recipient=letter.recipient,
            queued_at=new.at,
            not_before=new.at,
            kind=letter.kind,
            state="queued",
            attempts=0,
            maybe_duplicate=False,
            lease_token=0,
        )


def create_from(posted: Mapping[str, str], agency: str) -> str:
    """The same, from the form as it was posted; gives the invoice's token."""
    form = Form(posted)
    assert form.is_valid(), form.errors
    read, at = form.cleaned_data, datetime.now(UTC)
    invoice_id, link = new_id(at, os.urandom(10)), LinkRef(os.urandom(18), 1)
    client, amount = Client(read["client_name"], read["client_email"]), Money.of(read["amount"], "CAD")
    letter = new_letter(new_id(at, os.urandom(10)), invoice_id, recipient=client.email, domain="exemple.ca", at=at)
    kind, due, text = InvoiceType.ONE_TIME, read["due_date"], read["description"]
    create(NewInvoice(invoice_id, kind, agency, client, amount, due, text, (), "fr_CA", at, link, letter))
    return str(signing.dumps(link.link_id.hex()))


def get(agency: str, invoice_id: UUID) -> object:
    """The invoice with that id, its link with it."""
    return Invoice.objects.get(agency=agency, id=invoice_id)


def newest(agency: str, limit: int) -> list[object]:
    """The first page of a list."""
    return list(Invoice.objects.filter(agency=agency).order_by("-number")[:limit])


def totals(agency: str, today: date) -> list[object]:
    """The groups that totals are made of."""
    overdue = models.Q(status="open", due_date__lt=today)
    grouped = Invoice.objects.filter(agency=agency).annotate(
        overdue=models.ExpressionWrapper(overdue, output_field=models.BooleanField())
    )
    sums = {"units": models.Sum("minor_units"), "count": models.Count("*")}
    return list(grouped.values("status", "overdue", "currency").annotate(**sums))


def _use(database: Mapping[str, Any]) -> None:
    connections["default"].close()
    del connections["default"]  # else it stays what it was
    connections.settings = connections.configure_settings({"default": dict(database)})
