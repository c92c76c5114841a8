"""Rendering and building one letter, against the same two templates with a message that is written by hand.

Every way renders with our templates and our words; they differ in how the message is then built of subject and bodies.
The second table builds alone, of texts that are given; the third takes the templates apart.
"""

from collections.abc import Callable
from datetime import timedelta
from email import message_from_bytes, policy
from email.utils import format_datetime
from functools import partial
from typing import Any
from uuid import UUID

from attrs import evolve

import django_models  # noqa: F401  # with it Django is set up
import letters_by_hand as peers
from indiopay import Agency
from indiopay.attachment import Attachment
from indiopay.letters import _headers, _part, letter_values, render_letter
from indiopay.templates import environment
from letters_by_hand import Texts
from rounds import Variant, measure, show
from samples import AGENCY, NOW, new_invoice

REPEAT = 50
DESK = Agency(AGENCY, "Assurances générales du Nord", "facturation@exemple.ca")
FILE = Attachment(UUID(int=5), "Garanties détaillées.pdf", 48_211, "application/pdf", "ab" * 32)
MADE = new_invoice(b"3").numbered(42, NOW)
INVOICE = evolve(MADE.invoice, attachments=(FILE,), due_date=NOW.date() + timedelta(30))
LETTER = MADE.letters[0]
LINK = "https://exemple.ca/payer/" + "AbCd" * 12
BY_HAND = "by hand"
BUILDERS: dict[str, Callable[[Texts], bytes]] = {
    BY_HAND: peers.by_hand,
    "Django": peers.django,
    "email.mime": peers.email_mime,
    "EmailMessage": peers.email_message,
}


def values() -> dict[str, Any]:
    return letter_values(INVOICE, DESK, LINK, NOW)


def ours() -> bytes:
    return render_letter(LETTER, INVOICE, agency=DESK, link=LINK, at=NOW)


def rendered() -> Texts:
    shown = values()
    amount, due_date, number = shown["amount"], shown["due_date"], shown["number"]
    subject = shown["say"]("letter.subject", agency=DESK.name, number=number, amount=amount, date=due_date)
    text, html = (environment().get_template(name).render(shown) for name in ("letter.txt", "letter.html"))
    date, to = format_datetime(NOW), LETTER.recipient
    return Texts(DESK.name, DESK.email, to, subject, date, LETTER.message_id, shown["lang"], text, html)


def built_by_us(shown: dict[str, Any], texts: Texts) -> bytes:
    boundary = f"=_{LETTER.id.hex}"
    head = "\r\n".join(_headers(LETTER, shown, DESK, NOW, boundary))
    parts = _part("plain", texts.text, boundary) + _part("html", texts.html, boundary)
    return f"{head}\r\n\r\n{parts}--{boundary}--\r\n".encode("ascii")


def read(message: bytes) -> tuple[object, ...]:
    """What a client shows of it."""
    parsed = message_from_bytes(message, policy=policy.default)
    bodies = [part.get_content().rstrip("\n").splitlines() for part in parsed.iter_parts()]
    names = ("From", "To", "Reply-To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Content-Language")
    return *(str(parsed[name]).strip() for name in names), *bodies


def _from_values(build: Callable[[Texts], bytes]) -> bytes:
    return build(rendered())


def main(rounds: int = 31) -> None:
    texts, shown = rendered(), values()
    wanted = read(ours())
    assert built_by_us(shown, texts) == ours()
    assert all(read(build(texts)) == wanted for build in BUILDERS.values())
    whole: dict[str, Variant] = {name: partial(_from_values, build) for name, build in BUILDERS.items()}
    built: dict[str, Variant] = {name: partial(build, texts) for name, build in BUILDERS.items()}
    parts: dict[str, Variant] = {
        "the values": values,
        "letter.txt": lambda: environment().get_template("letter.txt").render(shown),
        "letter.html": lambda: environment().get_template("letter.html").render(shown),
        "the message of these": lambda: built_by_us(shown, texts),
    }
    seconds = measure({**whole, "render_letter": ours}, rounds=rounds, repeat=REPEAT)
    show("letter: render and build", "render_letter no more than Django", seconds, reference=BY_HAND, repeat=REPEAT)
    seconds = measure({**built, "ours": lambda: built_by_us(shown, texts)}, rounds=rounds, repeat=REPEAT)
    show("letter: build alone", "ours no more than Django", seconds, reference=BY_HAND, repeat=REPEAT)
    seconds = measure({"render_letter": ours, **parts}, rounds=rounds, repeat=REPEAT)
    show("render_letter, in parts", "none", seconds, reference="render_letter", repeat=REPEAT)


if __name__ == "__main__":
    main()
