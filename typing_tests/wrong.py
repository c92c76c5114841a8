"""What must not type-check: each line is a mistake that a type checker must see. Never run.

An ignore that is not needed is itself an error, for both type checkers.
"""

from uuid import UUID

from indiopay import (
    Agency,
    InvoiceDesk,
    InvoiceForm,
    MailError,
    Money,
    PaymentLinks,
    Status,
    Upload,
    describe,
    open_folder,
)
from indiopay.ports import Mailer

import indiopay
import indiopay.testing


class NoMailer:
    """Takes no sender."""

    def send(self, *, recipient: str, message: bytes) -> None:
        """Do nothing."""


agency = Agency("nord", "Assurances du Nord", "facturation@exemple.ca")
mailer: Mailer = NoMailer()  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]

indiopay.anything  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
indiopay.testing.anything  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
Money.of(12.5, "CAD")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Money("12", "CAD")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Money.parse("12", "CAD", "fr_CA")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
InvoiceForm(12.5, None, "Zoé", "zoe@exemple.ca")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
InvoiceForm(amount="12")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Upload("a.txt", "text")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
MailError("rcpt", kind="soon")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
PaymentLinks("https://exemple.ca/", [b"k"])  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
describe("open", "fr_CA")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
open_folder("f", agency=agency, page_url="https://exemple.ca/", send=True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def wrong_verbs(desk: InvoiceDesk, invoice_id: UUID) -> None:
    """The desk, misused."""
    desk.get("F-000001")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    desk.list(status="open")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    desk.list(order="oldest")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    desk.record_payment(invoice_id)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    desk.get(invoice_id).status = Status.PAID  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
