"""One-time invoices for insurance brokerages: create, e-mail or copy a link, open, pay, resend, cancel.

Everything public is here, but for the ports (`indiopay.ports`), what stores handle (`indiopay.invoice`,
`indiopay.listing`, `indiopay.outbox`), the backends (`indiopay.stores`, `indiopay.files`, `indiopay.mailers`) and what
helps with tests (`indiopay.testing`). A name is loaded when it is first used.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from indiopay.agency import Agency as Agency
    from indiopay.attachment import Attachment as Attachment, FilePolicy as FilePolicy, Upload as Upload
    from indiopay.delivery import Event as Event
    from indiopay.desk import DeskOptions as DeskOptions, InvoiceDesk as InvoiceDesk
    from indiopay.due_date import format_date as format_date, parse_due_date as parse_due_date
    from indiopay.embedded import open_folder as open_folder
    from indiopay.errors import (
        AttachmentNotFoundError as AttachmentNotFoundError,
        CursorError as CursorError,
        FileDamagedError as FileDamagedError,
        IdempotencyError as IdempotencyError,
        IndioPayError as IndioPayError,
        InvalidInputError as InvalidInputError,
        InvoiceChangedError as InvoiceChangedError,
        InvoiceNotFoundError as InvoiceNotFoundError,
        InvoiceStateError as InvoiceStateError,
        LinkError as LinkError,
        MailError as MailError,
        StorageError as StorageError,
        TemplatesError as TemplatesError,
    )
    from indiopay.history import EntryKind as EntryKind, HistoryEntry as HistoryEntry
    from indiopay.invoice import Client as Client, Invoice as Invoice
    from indiopay.invoice_form import InvoiceForm as InvoiceForm
    from indiopay.links import PaymentLinks as PaymentLinks
    from indiopay.listing import Page as Page, Totals as Totals
    from indiopay.messages import describe as describe, label as label
    from indiopay.money import Money as Money
    from indiopay.outbox import Delivery as Delivery
    from indiopay.payment_page import Download as Download, PaymentPage as PaymentPage
    from indiopay.problems import Problem as Problem
    from indiopay.status import InvoiceType as InvoiceType, Status as Status

__all__ = [
    "Agency",
    "Attachment",
    "AttachmentNotFoundError",
    "Client",
    "CursorError",
    "Delivery",
    "DeskOptions",
    "Download",
    "EntryKind",
    "Event",
    "FileDamagedError",
    "FilePolicy",
    "HistoryEntry",
    "IdempotencyError",
    "IndioPayError",
    "InvalidInputError",
    "Invoice",
    "InvoiceChangedError",
    "InvoiceDesk",
    "InvoiceForm",
    "InvoiceNotFoundError",
    "InvoiceStateError",
    "InvoiceType",
    "LinkError",
    "MailError",
    "Money",
    "Page",
    "PaymentLinks",
    "PaymentPage",
    "Problem",
    "Status",
    "StorageError",
    "TemplatesError",
    "Totals",
    "Upload",
    "describe",
    "format_date",
    "label",
    "open_folder",
    "parse_due_date",
]

_HOMES = {
    "Agency": "agency",
    "Attachment": "attachment",
    "AttachmentNotFoundError": "errors",
    "Client": "invoice",
    "CursorError": "errors",
    "Delivery": "outbox",
    "DeskOptions": "desk",
    "Download": "payment_page",
    "EntryKind": "history",
    "Event": "delivery",
    "FileDamagedError": "errors",
    "FilePolicy": "attachment",
    "HistoryEntry": "history",
    "IdempotencyError": "errors",
    "IndioPayError": "errors",
    "InvalidInputError": "errors",
    "Invoice": "invoice",
    "InvoiceChangedError": "errors",
    "InvoiceDesk": "desk",
    "InvoiceForm": "invoice_form",
    "InvoiceNotFoundError": "errors",
    "InvoiceStateError": "errors",
    "InvoiceType": "status",
    "LinkError": "errors",
    "MailError": "errors",
    "Money": "money",
    "Page": "listing",
    "PaymentLinks": "links",
    "PaymentPage": "payment_page",
    "Problem": "problems",
    "Status": "status",
    "StorageError": "errors",
    "TemplatesError": "errors",
    "Totals": "listing",
    "Upload": "attachment",
    "describe": "messages",
    "format_date": "due_date",
    "label": "messages",
    "open_folder": "embedded",
    "parse_due_date": "due_date",
}

if not TYPE_CHECKING:  # else a type checker would believe every name

    def __getattr__(name):  # noqa: ANN001, ANN202  # `typing` is not loaded here
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return __all__
