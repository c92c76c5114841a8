"""Invoices read with nothing but the driver, by hand: what reading is measured against."""

import json
import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from indiopay.attachment import Attachment
from indiopay.invoice import Client, Invoice, LinkRef
from indiopay.money import Money
from indiopay.status import InvoiceType, Status

PRAGMAS = ("journal_mode = TRUNCATE", "synchronous = FULL", "foreign_keys = ON", "secure_delete = ON")
_INVOICE = """id, number, type, agency, client_name, client_email, minor_units, currency, due_date, description,
    attachments, locale, status, created_at, paid_at, payment_reference, cancelled_at, cancel_reason, version"""
GET = f"SELECT {_INVOICE}, link_id, key_id FROM invoices WHERE agency = ? AND id = ?"
NEWEST = f"SELECT {_INVOICE} FROM invoices WHERE agency = ? ORDER BY number DESC LIMIT ?"
TOTALS = """SELECT status, status = 'open' AND due_date < ?, currency, sum(minor_units), count(*)
    FROM invoices WHERE agency = ? GROUP BY 1, 2, 3"""

_GET, _NEWEST, _TOTALS = (sql.replace("?", "%s").encode() for sql in (GET, NEWEST, TOTALS))
Row = Sequence[Any]


def connect(path: Path) -> sqlite3.Connection:
    """A connection under the pragmas of the store."""
    db = sqlite3.connect(path, isolation_level=None)
    for pragma in PRAGMAS:
        db.execute(f"PRAGMA {pragma}")
    return db


def from_sqlite(row: Row) -> Invoice:
    """The invoice in a row of SQLite's, where ids are bytes; times, days and JSON are text."""
    return Invoice(
        UUID(bytes=row[0]),
        f"F-{row[1]:06d}",
        InvoiceType(row[2]),
        row[3],
        Client(row[4], row[5]),
        Money(row[6], row[7]),
        date.fromisoformat(row[8]),
        row[9],
        tuple(Attachment(UUID(hex=hex_id), *rest) for hex_id, *rest in json.loads(row[10])),
        row[11],
        Status(row[12]),
        datetime.fromisoformat(row[13]),
        row[14] and datetime.fromisoformat(row[14]),
        row[15],
        row[16] and datetime.fromisoformat(row[16]),
        row[17],
        row[18],
    )


def from_values(row: Row) -> Invoice:
    """The invoice in a row of PostgreSQL's, or of SQLAlchemy Core's, which have a type for each kind of value."""
    return Invoice(
        row[0],
        f"F-{row[1]:06d}",
        InvoiceType(row[2]),
        row[3],
        Client(row[4], row[5]),
        Money(row[6], row[7]),
        row[8],
        row[9],
        tuple(Attachment(UUID(hex=hex_id), *rest) for hex_id, *rest in row[10]),
        row[11],
        Status(row[12]),
        row[13].astimezone(UTC),
        row[14] and row[14].astimezone(UTC),
        row[15],
        row[16] and row[16].astimezone(UTC),
        row[17],
        row[18],
    )


def with_link(row: Row, read: Callable[[Row], Invoice]) -> tuple[Invoice, LinkRef]:
    """The invoice and its link, which stands behind it."""
    return read(row), LinkRef(row[19], row[20])


class SqliteByHand:
    """Reads one agency's invoices with sqlite3 alone."""

    def __init__(self, path: Path, agency: str) -> None:
        self._db, self._agency = connect(path), agency

    def get(self, invoice_id: UUID) -> tuple[Invoice, LinkRef]:
        """The invoice with that id, and its link."""
        return with_link(self._db.execute(GET, (self._agency, invoice_id.bytes)).fetchone(), from_sqlite)

    def newest(self, limit: int) -> list[Invoice]:
        """The first page of a list."""
        return [from_sqlite(row) for row in self._db.execute(NEWEST, (self._agency, limit))]

    def skipping(self, order: str, offset: int) -> list[Invoice]:
        """The page of fifty that lies behind `offset` others."""
        sql = f"SELECT {_INVOICE} FROM invoices WHERE agency = ? ORDER BY {order} LIMIT 50 OFFSET ?"
        return [from_sqlite(row) for row in self._db.execute(sql, (self._agency, offset))]

    def totals(self, today: date) -> list[Row]:
        """The groups that totals are made of."""
        return self._db.execute(TOTALS, (today.isoformat(), self._agency)).fetchall()


class PostgresByHand:
    """Reads one agency's invoices with psycopg alone, which prepares a statement that it has seen five times."""

    def __init__(self, address: str, agency: str) -> None:
        self._db = psycopg.connect(address, autocommit=True, options="-c search_path=indiopay")
        self._agency = agency

    def get(self, invoice_id: UUID) -> tuple[Invoice, LinkRef]:
        """The invoice with that id, and its link."""
        row = self._db.execute(_GET, (self._agency, invoice_id)).fetchone()
        assert row is not None
        return with_link(row, from_values)

    def newest(self, limit: int) -> list[Invoice]:
        """The first page of a list."""
        return [from_values(row) for row in self._db.execute(_NEWEST, (self._agency, limit))]

    def totals(self, today: date) -> list[Row]:
        """The groups that totals are made of."""
        return list(self._db.execute(_TOTALS, (today, self._agency)))
