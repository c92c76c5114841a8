"""The letter: one whole message, read back by the standard library's parser."""

from datetime import UTC, date, datetime
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Any
from uuid import UUID

import pytest
from attrs import evolve
from hypothesis import given, strategies as st

from indiopay import Agency, Attachment, Client, Money, format_date
from indiopay.languages import SUPPORTED
from indiopay.letters import envelope_sender, render_letter
from indiopay.outbox import new_letter

from .test_listing import invoice as some_invoice

NOW = datetime(2026, 3, 2, 15, tzinfo=UTC)
LINK = "https://exemple.ca/payer/" + "A" * 48
AGENCY = Agency("nord", "Assurances du Nord", "facturation@exemple.ca")
LETTER = new_letter(UUID(int=9), UUID(int=1), recipient="zoe@exemple.ca", domain="exemple.ca", at=NOW)
FILE = Attachment(UUID(int=5), "Garanties détaillées.csv", 2048, "text/csv", "00")
INVOICE = evolve(some_invoice(due=date(2026, 4, 1)), description="Ligne 1\nLigne 2", attachments=(FILE,))


def raw(**changes: Any) -> bytes:
    parts: dict[str, Any] = {"invoice": INVOICE, "letter": LETTER, "agency": AGENCY, "link": LINK, "at": NOW}
    return render_letter(**{**parts, **changes})


def parsed(**changes: Any) -> EmailMessage:
    message = message_from_bytes(raw(**changes), policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def text_of(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


@pytest.mark.parametrize("locale", SUPPORTED)
def test_no_amount_and_no_date_can_break_across_lines(locale: str) -> None:
    """In the subject, the text and the HTML of every language their spaces are no-break ones."""
    invoice = evolve(INVOICE, locale=locale, amount=Money(123456789, "USD"))
    message = parsed(invoice=invoice)
    date_, amount = format_date(invoice.due_date, locale), invoice.amount.format(locale)
    for text in (message["Subject"], text_of(message, "plain"), text_of(message, "html")):
        assert date_.replace(" ", "\u00a0") in text and date_ not in text
        assert amount in text and " " not in amount


def test_the_headers_are_these_and_no_others() -> None:
    """Who, to whom, what, when; sent by a program, in the client's language."""
    message = parsed()
    assert message.items() == [
        ("From", "Assurances du Nord <facturation@exemple.ca>"),
        ("Reply-To", "facturation@exemple.ca"),
        ("To", "zoe@exemple.ca"),
        (
            "Subject",
            "Assurances du Nord\u00a0: facture F-000001, 1,00\u00a0$ à payer au plus tard le 1er\u00a0avril\u00a02026",
        ),
        ("Date", "Mon, 02 Mar 2026 15:00:00 +0000"),
        ("Message-ID", LETTER.message_id),
        ("Auto-Submitted", "auto-generated"),
        ("Content-Language", "fr-CA"),
        ("MIME-Version", "1.0"),
        ("Content-Type", f'multipart/alternative; boundary="=_{LETTER.id.hex}"'),
    ]


def test_text_comes_first_and_then_html() -> None:
    """Two parts that say the same."""
    kinds = [part.get_content_type() for part in parsed().walk()]
    assert kinds == ["multipart/alternative", "text/plain", "text/html"]


@pytest.mark.parametrize("kind", ["plain", "html"])
def test_each_part_says_all_there_is_to_say(kind: str) -> None:
    """Client, agency, number, amount, date, note, files, and the link whole."""
    body = text_of(parsed(), kind)
    for said in (
        "Zoé Tremblay",
        "Assurances du Nord",
        "F-000001",
        "1,00\u00a0$",
        "1er\u00a0avril\u00a02026",
        "Ligne 1",
        LINK,
    ):
        assert said in body
    assert "Garanties détaillées.csv (Fichier CSV, 2\u00a0ko)" in body


def test_the_note_keeps_its_lines() -> None:
    """In both parts."""
    assert "Ligne 1\nLigne 2" in text_of(parsed(), "plain")
    assert "Ligne 1<br>\nLigne 2" in text_of(parsed(), "html")


def test_the_notes_columns_stand_in_both_parts() -> None:
    """HTML takes two spaces for one, unless they do not break."""
    columns = evolve(INVOICE, description="incendie   100\nvol        200")
    assert "vol        200" in text_of(parsed(invoice=columns), "plain")
    assert text_of(parsed(invoice=columns), "html").replace("\u00a0", " ").count("vol        200") == 1


def test_a_letter_is_in_the_clients_language() -> None:
    """Not in the agency's."""
    message = parsed(invoice=evolve(INVOICE, locale="en_CA"))
    assert message["Content-Language"] == "en-CA"
    assert "April 1, 2026".replace(" ", "\u00a0") in text_of(message, "plain")


@pytest.mark.parametrize(
    ("at", "subject", "said"),
    [
        (datetime(2026, 4, 1, 3, 59, tzinfo=UTC), "à payer au plus tard le 1er\u00a0avril\u00a02026", ""),
        (
            datetime(2026, 4, 1, 4, tzinfo=UTC),
            "1,00\u00a0$ à payer aujourd’hui",
            "Cette facture est à payer aujourd’hui.",
        ),
        (datetime(2026, 4, 2, 3, 59, tzinfo=UTC), "à payer aujourd’hui", "Cette facture est à payer aujourd’hui."),
        (datetime(2026, 4, 2, 4, tzinfo=UTC), "échue le 1er\u00a0avril\u00a02026", "La date d’échéance est passée."),
    ],
)
def test_due_today_and_overdue_are_said_by_the_agencys_date(at: datetime, subject: str, said: str) -> None:
    """From the agency's own midnight on, in the subject and in both parts."""
    message = parsed(at=at)
    assert message["Subject"].endswith(subject)
    for kind in ("plain", "html"):
        body = text_of(message, kind)
        assert said in body
        assert ("aujourd’hui" in body, "passée" in body) == ("aujourd’hui" in said, "passée" in said)


@pytest.mark.parametrize("kind", ["plain", "html"])
def test_amount_and_due_date_stand_once_in_each_part(kind: str) -> None:
    """The subject has them too, and the preview says something else."""
    body = text_of(parsed(), kind)
    assert (body.count("1,00\u00a0$"), body.count("1er\u00a0avril\u00a02026")) == (1, 1)


@pytest.mark.parametrize("note", ["é" * 5000, "\n".join(f"{'w' * n}{end}" for n in range(60, 90) for end in " \t")])
def test_every_line_is_short_ascii_and_ends_in_crlf(note: str) -> None:
    """Any relay takes it; a blank at a line's end makes none longer."""
    lines = raw(invoice=evolve(INVOICE, description=note)).split(b"\r\n")
    assert all(line.isascii() and len(line) <= 76 and b"\n" not in line and b"\r" not in line for line in lines)


def test_the_same_letter_is_the_same_bytes() -> None:
    """A retry is no new letter."""
    assert raw() == raw()


typed = st.text(max_size=300)


@given(typed, typed, typed, typed.filter(lambda text: text.strip() != ""))
def test_nothing_that_was_typed_adds_a_header_or_a_recipient(client: str, note: str, file: str, agency: str) -> None:
    """All of Unicode, line breaks and encoded words in every name: the headers stay those that were written."""
    invoice = evolve(
        INVOICE, client=Client(client, "zoe@exemple.ca"), description=note, attachments=(evolve(FILE, name=file),)
    )
    sender = evolve(AGENCY)
    object.__setattr__(sender, "name", agency)
    message = parsed(invoice=invoice, agency=sender)
    assert message.keys() == parsed().keys()
    assert [address.addr_spec for address in message["To"].addresses] == ["zoe@exemple.ca"]
    assert [address.addr_spec for address in message["From"].addresses] == ["facturation@exemple.ca"]


@pytest.mark.parametrize(
    "name", ["N" * 200 + ", evil@x.com", "=?utf-8?q?x?=", 'A "B" <c@d.ca>', "Évasion, inc.", "A" * 61]
)
def test_a_senders_name_is_read_back_as_it_is(name: str) -> None:
    """A comma or an address in it makes no second sender."""
    agency = evolve(AGENCY, name=name[:200])
    written = message_from_bytes(raw(agency=agency))["From"].replace("\n", "")
    shown, address = parseaddr(written)
    assert (str(make_header(decode_header(shown))), address) == (name[:200], "facturation@exemple.ca")


def test_a_time_without_a_zone_dates_no_letter() -> None:
    """Nobody could say when it was sent."""
    with pytest.raises(ValueError, match="aware"):
        raw(at=datetime(2026, 3, 2))  # noqa: DTZ001  # on purpose


@pytest.mark.parametrize("recipient", ["a@b.ca, c@d.ca", "a@b.ca\r\nBcc: c@d.ca", "é@b.ca", "a@b@c.ca", "<a@b.ca>", ""])
def test_a_letter_goes_to_one_plain_address(recipient: str) -> None:
    """A store that was tampered with makes no second recipient."""
    with pytest.raises(ValueError, match="plain ASCII address"):
        raw(letter=evolve(LETTER, recipient=recipient))


def test_the_envelopes_sender_is_in_ascii() -> None:
    """A bounce finds its way."""
    assert envelope_sender(evolve(AGENCY, email="a@exämple.ca")) == "a@xn--exmple-cua.ca"
