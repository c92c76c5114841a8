"""What an invoice is, and where it stands."""

from enum import Enum


class InvoiceType(Enum):
    """The kind of invoice; this library makes one-time invoices only."""

    ONE_TIME = "one_time"


class Status(Enum):
    """Where an invoice stands. No verb leads out of PAID or CANCELLED; overdue is a question asked with a date."""

    OPEN = "open"
    PAID = "paid"
    CANCELLED = "cancelled"
