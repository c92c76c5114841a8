"""The peer SQLAlchemy Core, on the tables of the store itself: its statements are built once, its rows read by hand."""

import sqlite3
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from indiopay.invoice import Invoice, LinkRef, NewInvoice
from indiopay.listing import search_text
from raw_rows import PRAGMAS, from_values, with_link


class _IdInSqlite(sa.TypeDecorator[UUID]):
    """Sixteen bytes."""

    impl = sa.LargeBinary
    cache_ok = True

    def process_bind_param(self, value: UUID | None, dialect: sa.Dialect) -> bytes | None:  # noqa: ARG002  # its hook
        return None if value is None else value.bytes

    def process_result_value(self, value: bytes | None, dialect: sa.Dialect) -> UUID | None:  # noqa: ARG002  # its hook
        return None if value is None else UUID(bytes=value)


class _TimeInSqlite(sa.TypeDecorator[datetime]):
    """Text with its offset, which the type of Core's own would drop."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> str | None:  # noqa: ARG002  # its hook
        return None if value is None else value.isoformat(timespec="microseconds")

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else datetime.fromisoformat(value)


_ID = sa.Uuid().with_variant(_IdInSqlite(), "sqlite")
_TIME = sa.DateTime(timezone=True).with_variant(_TimeInSqlite(), "sqlite")
_JSON = sa.JSON().with_variant(JSONB(), "postgresql")
_INTEGER, _TEXT, _BYTES = sa.BigInteger(), sa.Text(), sa.LargeBinary()


def _table(name: str, **columns: Any) -> sa.Table:
    return sa.Table(name, sa.MetaData(), *(sa.Column(column, kind) for column, kind in columns.items()))


_COUNTERS = _table("counters", agency=_TEXT, last_number=_INTEGER, last_at=_TIME)
_INVOICES = _table(
    "invoices",
    id=_ID,
    number=_INTEGER,
    type=_TEXT,
    agency=_TEXT,
    client_name=_TEXT,
    client_email=_TEXT,
    minor_units=_INTEGER,
    currency=_TEXT,
    due_date=sa.Date(),
    description=_TEXT,
    attachments=_JSON,
    locale=_TEXT,
    status=_TEXT,
    created_at=_TIME,
    paid_at=_TIME,
    payment_reference=_TEXT,
    cancelled_at=_TIME,
    cancel_reason=_TEXT,
    version=_INTEGER,
    link_id=_BYTES,
    key_id=_INTEGER,
    search=_TEXT,
)
_HISTORY = _table("history", agency=_TEXT, invoice_id=_ID, kind=_TEXT, at=_TIME, details=_JSON)
_LETTERS = _table(
    "letters",
    agency=_TEXT,
    id=_ID,
    invoice_id=_ID,
    message_id=_TEXT,
    recipient=_TEXT,
    queued_at=_TIME,
    not_before=_TIME,
    kind=_TEXT,
    state=_TEXT,
    attempts=_INTEGER,
    maybe_duplicate=sa.Boolean(),
    lease_token=_INTEGER,
)

_agency = sa.bindparam("agency_", type_=_TEXT)
_of_agency = _INVOICES.c.agency == _agency
_listed = [column for column in _INVOICES.c if column.name not in ("link_id", "key_id", "search")]
_overdue = sa.and_(_INVOICES.c.status == "open", _INVOICES.c.due_date < sa.bindparam("today")).label("overdue")

_NEXT = (
    sa.update(_COUNTERS)
    .where(_COUNTERS.c.agency == _agency)
    .values(last_number=_COUNTERS.c.last_number + 1, last_at=sa.bindparam("at_"))
    .returning(_COUNTERS.c.last_number)
)
_ADD_INVOICE, _ADD_ENTRIES, _ADD_LETTER = sa.insert(_INVOICES), sa.insert(_HISTORY), sa.insert(_LETTERS)
_GET = sa.select(*_listed, _INVOICES.c.link_id, _INVOICES.c.key_id).where(
    _of_agency, _INVOICES.c.id == sa.bindparam("id_")
)
_NEWEST = sa.select(*_listed).where(_of_agency).order_by(_INVOICES.c.number.desc()).limit(sa.bindparam("limit_"))
_TOTALS = (
    sa.select(_INVOICES.c.status, _overdue, _INVOICES.c.currency, sa.func.sum(_INVOICES.c.minor_units), sa.func.count())
    .where(_of_agency)
    .group_by(_INVOICES.c.status, _overdue, _INVOICES.c.currency)
)


def open_sqlite(path: Path) -> sa.Connection:
    """A connection under the pragmas of the store."""

    def connect() -> sqlite3.Connection:
        db = sqlite3.connect(path)
        for pragma in PRAGMAS:
            db.execute(f"PRAGMA {pragma}")
        return db

    return sa.create_engine("sqlite://", creator=connect).connect()


def open_postgres(address: str) -> sa.Connection:
    """A connection to the store's own schema."""
    url = sa.make_url(address).set(drivername="postgresql+psycopg")
    return sa.create_engine(url, connect_args={"options": "-c search_path=indiopay"}).connect()


def create(db: sa.Connection, new: NewInvoice) -> None:
    """The rows of a new invoice with a letter, for an agency that has one already."""
    letter = new.letter
    assert letter is not None
    with db.begin():
        number = db.execute(_NEXT, {"agency_": new.agency_slug, "at_": new.at}).scalar_one()
        search = search_text(new.client.name, new.client.email, new.description)
        db.execute(
            _ADD_INVOICE,
            {
                "id": new.id,
                "number": number,
                "type": new.type.value,
                "agency": new.agency_slug,
                "client_name": new.client.name,
                "client_email": new.client.email,
                "minor_units": new.amount.minor_units,
                "currency": new.amount.currency,
                "due_date": new.due_date,
                "description": new.description,
                "attachments": [],
                "locale": new.locale,
                "status": "open",
                "created_at": new.at,
                "version": 1,
                "link_id": new.link.link_id,
                "key_id": new.link.key_id,
                "search": f"f-{number:06d}\n{search}",
            },
        )
        entry = {"agency": new.agency_slug, "invoice_id": new.id, "at": new.at}
        created, queued = (
            {"kind": "created", "details": {}},
            {"kind": "queued", "details": {"delivery_id": str(letter.id)}},
        )
        db.execute(_ADD_ENTRIES, [entry | created, entry | queued])
        db.execute(
            _ADD_LETTER,
            {
                "agency": new.agency_slug,
                "id": letter.id,
                "invoice_id": new.id,
                "message_id": letter.message_id,
                "recipient": letter.recipient,
                "queued_at": new.at,
                "not_before": new.at,
                "kind": letter.kind,
                "state": "queued",
                "attempts": 0,
                "maybe_duplicate": False,
                "lease_token": 0,
            },
        )


def get(db: sa.Connection, agency: str, invoice_id: UUID) -> tuple[Invoice, LinkRef]:
    """The invoice with that id, and its link."""
    return with_link(db.execute(_GET, {"agency_": agency, "id_": invoice_id}).one(), from_values)


def newest(db: sa.Connection, agency: str, limit: int) -> list[Invoice]:
    """The first page of a list."""
    return [from_values(row) for row in db.execute(_NEWEST, {"agency_": agency, "limit_": limit})]


def totals(db: sa.Connection, agency: str, today: date) -> Sequence[sa.Row[Any]]:
    """The groups that totals are made of."""
    return db.execute(_TOTALS, {"agency_": agency, "today": today}).all()
