"""Letters that a mailer is tried with."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import NamedTuple
from uuid import UUID

from indiopay.agency import Agency
from indiopay.attachment import Attachment
from indiopay.invoice import Client, Invoice
from indiopay.letters import render_letter
from indiopay.money import Money
from indiopay.outbox import new_letter
from indiopay.status import InvoiceType, Status

SENDER, RECIPIENT = "facturation@exemple.ca", "zoe@exemple.ca"

HOSTILE = (
    "",
    "zoe@exemple.ca\r\nBcc: autre@exemple.ca",
    "zoe@exemple.ca\nautre",
    "zoe@exemple.ca>",
    "<zoe@exemple.ca>",
    "zoe@exemple.ca, autre@exemple.ca",
    "zoe@exemple.ca,autre@exemple.ca",
    "zoe@exemple.ca autre@exemple.ca",
)
"""What a store that was tampered with might hold for an address."""

_AT = datetime(2026, 3, 2, 15, tzinfo=UTC)
_AGENCY = Agency("nord", "Évaluations, Côté & Fils (Montréal)", SENDER)
_FILE = Attachment(UUID(int=5), "Garanties détaillées d’été.pdf", 2048, "application/pdf", "00")
_NOTE = "Prime annuelle, réglée à l’échéance."
_LINK = "https://exemple.ca/payer/" + "AbCd" * 12

CANARIES = ("zoe@", "facturation@", "Zoé", "Côté", "Garanties", "réglée", "AbCdAbCd")
"""What nobody may read in a log."""


def letter(client: str = "Zoé Lefèvre-Ünal") -> bytes:
    """A letter as the desk hands it over, with accents wherever a person may type them."""
    invoice = Invoice(
        UUID(int=1),
        "F-000001",
        InvoiceType.ONE_TIME,
        _AGENCY.slug,
        Client(client, RECIPIENT),
        Money(125_000, "CAD"),
        date(2026, 4, 1),
        _NOTE,
        (_FILE,),
        "fr_CA",
        Status.OPEN,
        _AT,
    )
    asked = new_letter(UUID(int=9), invoice.id, recipient=RECIPIENT, domain="exemple.ca", at=_AT)
    return render_letter(asked, invoice, agency=_AGENCY, link=_LINK, at=_AT)


_HEAD = b"From: facturation@exemple.ca\r\nTo: zoe@exemple.ca\r\nSubject: a\r\nMIME-Version: 1.0\r\n\r\n"
PLAIN = _HEAD + b"Bonjour\r\n"
HEADERS_LIE = (
    b"From: facturation@exemple.ca\r\nTo: autre@exemple.ca, tiers@exemple.ca\r\nCc: quart@exemple.ca\r\n"
    b"Bcc: cinq@exemple.ca\r\nSubject: a\r\nMIME-Version: 1.0\r\n\r\nBonjour\r\n"
)
TRICKY: Mapping[str, bytes] = {
    "dots": _HEAD + b".\r\n..\r\n.a\r\n\r\n.\r\nQUIT\r\nMAIL FROM:<a@exemple.ca>\r\n",
    "a megabyte": _HEAD + (b"x" * 74 + b"\r\n") * 14_000,
    "a mailbox's own line": _HEAD + b"From facturation@exemple.ca Mon Mar  2 15:00:00 2026\r\n>From\r\n",
}


_READ = ("From", "Reply-To", "To", "Cc", "Bcc", "Subject", "Date", "Message-ID", "Auto-Submitted", "Content-Language")


class Shown(NamedTuple):
    """What a client and a mail program see of a letter."""

    headers: tuple[str, ...]
    kind: str
    plain: str
    html: str


def shown(message: bytes) -> Shown:
    """By the standard library's parser; of the headers those that somebody goes by."""
    parsed = message_from_bytes(message, policy=policy.default)
    headers = tuple(f"{name}: {value}" for name in _READ for value in parsed.get_all(name, []))
    return Shown(headers, parsed.get_content_type(), part(message, "plain"), part(message, "html"))


def part(message: bytes, kind: str) -> str:
    """The text of that kind in a letter."""
    parsed = message_from_bytes(message, policy=policy.default)
    assert isinstance(parsed, EmailMessage)  # noqa: S101  # as that policy makes it
    found = parsed.get_body((kind,))
    return "" if found is None else str(found.get_content()).replace("\r\n", "\n")
