"""The e-mail that brings an invoice (« courriel de facture »): text and HTML, in the client's language."""

import re
from base64 import b64encode
from binascii import b2a_qp
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from indiopay.agency import Agency
from indiopay.due_date import format_date
from indiopay.email_address import envelope_address
from indiopay.invoice import Invoice
from indiopay.languages import supported_locale
from indiopay.messages import file_kind, file_size, label, say
from indiopay.outbox import Letter
from indiopay.templates import environment

if TYPE_CHECKING:
    from jinja2 import Environment

_ADDRESS = re.compile(r"[!-~]+@[A-Za-z0-9.-]+")
_SEPARATES = re.compile(r'[\s,;:<>()\[\]"\\]')
_PLAIN_PHRASE = re.compile(r"[A-Za-z0-9]+(?: [A-Za-z0-9]+)*")
_BROKEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_LINE_ENDS = re.compile("\r\n|[\r\u2028\u2029]")
_SUBJECTS = {
    (False, False): "letter.subject",
    (True, False): "letter.subject.due_today",
    (False, True): "letter.subject.overdue",
}
_TOO_LONG = re.compile(
    "^(.{74,75})(=09|=20)$", re.MULTILINE
)  # a blank at an end is encoded without a look at the length
_WORD_BYTES = 39  # so that "Subject: " and a word fit into the 76 characters of RFC 2047
_PLAIN_LENGTH = 60


def render_letter(
    letter: Letter,
    invoice: Invoice,
    *,
    agency: Agency,
    link: str,
    at: datetime,
    templates: "Environment | None" = None,
) -> bytes:
    """The whole message (RFC 5322, CRLF) that `letter` asks for, dated `at` (aware), with the address of the page.

    Its one recipient is the letter's, bare. Nothing that a person typed stands in a header but as an encoded word.
    ValueError for a time without a zone, or for an address that is not one plain ASCII address.
    """
    if at.utcoffset() is None:
        raise ValueError("a letter is dated by an aware time")
    shown = letter_values(invoice, agency, link, at)
    templates = templates or environment()
    text, html = (templates.get_template(name).render(shown) for name in ("letter.txt", "letter.html"))
    boundary = f"=_{letter.id.hex}"
    head = "\r\n".join(_headers(letter, shown, agency, at, boundary))
    parts = (_part("plain", text, boundary), _part("html", html, boundary), f"--{boundary}--\r\n")
    return f"{head}\r\n\r\n{''.join(parts)}".encode("ascii")


def envelope_sender(agency: Agency) -> str:
    """The envelope's sender: the agency's address in ASCII, to which a relay's bounces go."""
    return _bare(envelope_address(agency.email))


def letter_values(invoice: Invoice, agency: Agency, link: str, at: datetime) -> dict[str, Any]:
    """What a template may name."""
    locale, today = supported_locale(invoice.locale), agency.local_date(at)
    return {
        "say": partial(say, locale=locale),
        "label": partial(label, locale=locale),
        "lang": locale.replace("_", "-"),
        "colon": say("colon", locale),
        "agency": agency.name,
        "client": invoice.client.name,
        "number": invoice.number,
        "amount": invoice.amount.format(locale),
        "due_date": format_date(invoice.due_date, locale).replace(" ", "\u00a0"),
        "due_today": invoice.due_date == today,
        "overdue": invoice.is_overdue(today),
        "note": _LINE_ENDS.sub("\n", invoice.description),
        "files": [
            {"name": file.name, "kind": file_kind(file.name, locale), "size": file_size(file.size, locale)}
            for file in invoice.attachments
        ],
        "link": link,
    }


def _headers(letter: Letter, shown: dict[str, Any], agency: Agency, at: datetime, boundary: str) -> Iterator[str]:
    from email.utils import format_datetime

    address = envelope_sender(agency)
    subject = shown["say"](
        _SUBJECTS[shown["due_today"], shown["overdue"]],
        agency=shown["agency"],
        number=shown["number"],
        amount=shown["amount"],
        date=shown["due_date"],
    )
    yield f"From: {_phrase(agency.name)} <{address}>"
    yield f"Reply-To: {address}"
    yield f"To: {_bare(letter.recipient)}"
    yield f"Subject: {_encoded(subject)}"
    yield f"Date: {format_datetime(at)}"
    yield f"Message-ID: {letter.message_id}"
    yield "Auto-Submitted: auto-generated"
    yield f"Content-Language: {shown['lang']}"
    yield "MIME-Version: 1.0"
    yield f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"'


def _part(subtype: str, body: str, boundary: str) -> str:
    text = _LINE_ENDS.sub("\n", body).encode("utf-8", "replace")
    lines = _TOO_LONG.sub("\\1=\n\\2", b2a_qp(text, istext=True).decode("ascii")).replace("\n", "\r\n")
    return (
        f"--{boundary}\r\n"
        f'Content-Type: text/{subtype}; charset="utf-8"\r\n'
        "Content-Transfer-Encoding: quoted-printable\r\n"
        f"\r\n{lines}\r\n"
    )


def _bare(address: str) -> str:
    if not _ADDRESS.fullmatch(address) or address.count("@") != 1 or _SEPARATES.search(address):
        raise ValueError("a letter goes to and comes from one plain ASCII address")
    return address


def _phrase(name: str) -> str:
    """A display name: as it stands if it is plain words, else encoded, so that no parser reads more into it."""
    plain = len(name) <= _PLAIN_LENGTH and _PLAIN_PHRASE.fullmatch(name)
    return name if plain else _encoded(name)


def _encoded(text: str) -> str:
    """Encoded words (RFC 2047), one on each line, no character cut in two."""
    words, word = [], b""
    for character in _BROKEN.sub(" ", text).strip():
        encoded = character.encode("utf-8")
        if len(word) + len(encoded) > _WORD_BYTES:
            words.append(word)
            word = b""
        word += encoded
    return "\r\n ".join(f"=?utf-8?b?{b64encode(word).decode('ascii')}?=" for word in (*words, word))
