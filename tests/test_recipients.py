"""Whatever was typed, a letter goes to its one recipient, and says so alone: through a real socket, by two parsers."""

from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, date, datetime
from email import message_from_bytes, policy
from email.headerregistry import Address
from email.message import EmailMessage, Message
from email.utils import getaddresses
from uuid import UUID

import pytest
from attrs import evolve
from fast_mail_parser import parse_email
from hypothesis import example, given, settings, strategies as st

from indiopay import Agency, Attachment, Client, Invoice, MailError, Problem
from indiopay.email_address import check_address, envelope_address
from indiopay.letters import envelope_sender, render_letter
from indiopay.mailers.smtp import SmtpMailer
from indiopay.outbox import Letter, new_letter
from indiopay.ports import Mailer

from .relay import Relay
from .test_listing import invoice as some_invoice

pytestmark = pytest.mark.no_cover  # it goes over and over what other tests cover

NOW = datetime(2026, 3, 2, 15, tzinfo=UTC)
AGENCY = Agency("nord", "Assurances du Nord", "facturation@exemple.ca")
INVOICE = some_invoice(due=date(2026, 4, 1))
FILE = Attachment(UUID(int=5), "Garanties.csv", 2048, "text/csv", "00")
LINK = "https://exemple.ca/payer/" + "A" * 48
HEADERS = [
    "From",
    "Reply-To",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "Content-Language",
    "MIME-Version",
    "Content-Type",
]


def is_address(text: str) -> bool:
    return not isinstance(check_address(text), Problem)


local_parts = st.text("abcXYZ019.!#$%&'*+/=?^_`{|}~-", min_size=1, max_size=64)
domains = st.sampled_from(["exemple.ca", "sous.exemple.quebec", "exämple.ca", "例え.jp", "EXEMPLE.CA", "straße.de"])
addresses = st.builds("{}@{}".format, local_parts, domains).filter(is_address)
tricky = st.sampled_from(
    [
        "N" * 200 + ", evil@x.com",
        "a\r\nBcc: evil@x.com",
        "a\n\nevil",
        "=?utf-8?q?evil=40x.com?=",
        "=?utf-8?b?LCBldmlsQHguY29t?= <evil@x.com>",
        '"A" <evil@x.com>, b',
        "é" * 998,
        "a" * 1500,
        "\ud800\x00\u2028\u2029\x85",
        "evil@x.com (a; b): <c>",
        "--=_00000000000000000000000000000009",
        ".",
    ]
)
texts = tricky | st.text(max_size=300) | st.text('=?utf-8b<>@,;:\\"() \r\n\té', max_size=120)


def made(agency: str, client: str, note: str, file: str, recipient: str, sender: str) -> tuple[Letter, Invoice, Agency]:
    """Even of names that no form lets through: a store may hold anything."""
    invoice = evolve(
        INVOICE,
        client=Client(client, recipient),
        description=note,
        attachments=(evolve(FILE, name=file),),
    )
    letter = new_letter(UUID(int=9), UUID(int=1), recipient=envelope_address(recipient), domain="exemple.ca", at=NOW)
    ours = evolve(AGENCY, email=sender)
    object.__setattr__(ours, "name", agency)
    return letter, invoice, ours


def rendered(letter: Letter, invoice: Invoice, agency: Agency) -> bytes:
    return render_letter(letter, invoice, agency=agency, link=LINK, at=NOW)


def carelessly(letter: Letter, invoice: Invoice, agency: Agency) -> bytes:
    """As most programs do it: the client's name before the address, and the library to fold them."""
    careless = EmailMessage(policy=policy.SMTP)
    careless["To"] = Address(invoice.client.name, addr_spec=letter.recipient)
    ours = f"To: {letter.recipient}\r\n".encode()
    return rendered(letter, invoice, agency).replace(ours, careless.as_bytes().removesuffix(b"\r\n"))


def told(message: Message, name: str) -> list[str]:
    """The addresses of a header, by the standard library."""
    return [address for _, address in getaddresses([str(value) for value in message.get_all(name, [])])]


def holds(received: bytes, recipient: str, sender: str) -> None:
    """Both parsers, and the older one of the standard library, see what was meant and nothing else."""
    new, old, other = (
        message_from_bytes(received, policy=policy.default),
        message_from_bytes(received),
        parse_email(received),
    )
    for message in (new, old):
        assert (told(message, "To"), told(message, "From"), told(message, "Reply-To")) == (
            [recipient],
            [sender],
            [sender],
        )
        assert message.keys() == HEADERS
        assert not [defect for part in message.walk() for defect in part.defects]
    assert [address.address for address in other.to] == [recipient]
    assert other.from_ is not None
    assert other.from_.address == sender
    assert (other.cc, other.bcc, sorted(other.headers)) == ([], [], sorted(HEADERS))
    assert (len(other.text_plain), len(other.text_html), other.attachments) == (1, 1, [])


@pytest.fixture(scope="module")
def relay() -> Iterator[Relay]:
    with Relay() as running:
        yield running


@pytest.fixture(scope="module")
def mailer(relay: Relay) -> Iterator[Mailer]:
    with SmtpMailer("127.0.0.1", relay.port, security="none").batch() as kept:
        yield kept


@settings(max_examples=300, deadline=None)
@given(texts, texts, texts, texts, addresses, addresses)
@example("N" * 200 + ", evil@x.com", "N" * 200 + ", evil@x.com", "", "", "zoe@exemple.ca", "a@exemple.ca")
def test_a_letter_goes_to_its_recipient_and_to_no_other(
    relay: Relay, mailer: Mailer, agency: str, client: str, note: str, file: str, recipient: str, sender: str
) -> None:
    """One RCPT TO, equal to the stored address; read again, the letter names it alone, under our own headers."""
    letter, invoice, ours = made(agency, client, note, file, recipient, sender)
    relay.envelopes.clear()
    mailer.send(sender=envelope_sender(ours), recipient=letter.recipient, message=rendered(letter, invoice, ours))
    (envelope,) = relay.envelopes
    assert (envelope.mail_from, envelope.rcpt_tos) == (envelope_sender(ours), [letter.recipient])
    assert isinstance(envelope.content, bytes)
    holds(envelope.content, letter.recipient, envelope_sender(ours))


@pytest.mark.parametrize(("client", "is_caught"), [("Zoé Tremblay", False), ("N" * 200 + ", evil@x.com", True)])
def test_a_careless_letter_is_caught(client: str, *, is_caught: bool) -> None:
    """The check above has been seen to find a name before an address that becomes a second recipient."""
    letter, invoice, ours = made("Nord", client, "", "a.csv", "zoe@exemple.ca", "a@exemple.ca")
    with pytest.raises(AssertionError, match="evil") if is_caught else nullcontext():
        holds(carelessly(letter, invoice, ours), letter.recipient, "a@exemple.ca")


two_addresses = st.builds("{}{}{}".format, addresses, st.sampled_from(list(",; \r\n<>\0\u2028@")), addresses)


@given(two_addresses | st.text(max_size=60).filter(lambda text: not is_address(text)))
def test_a_stored_recipient_that_was_tampered_with_makes_no_letter(recipient: str) -> None:
    """Nor an envelope, where it could be more than one word of a command."""
    letter = evolve(made("Nord", "Zoé", "", "a.csv", "zoe@exemple.ca", "a@exemple.ca")[0], recipient=recipient)
    with pytest.raises(ValueError, match="plain ASCII address"):
        rendered(letter, INVOICE, AGENCY)


@given(two_addresses.filter(lambda text: any(character in text for character in "\r\n <>\0\u2028")))
def test_no_envelope_names_two(recipient: str) -> None:
    """What is more than one word of a command reaches no relay."""
    with pytest.raises(MailError, match="never: address"):
        SmtpMailer("127.0.0.1", 1, security="none").send(sender="a@exemple.ca", recipient=recipient, message=b"")
