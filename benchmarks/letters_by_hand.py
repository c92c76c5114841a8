"""The message of a letter, made of its subject and its two rendered bodies in four other ways.

By hand it is f-strings and the standard library's encoders, with nothing checked: fit for values that are known. Each
way writes the same headers, and both bodies in quoted-printable; Django alone leaves them in 8 bits, as it does.
"""

from base64 import b64encode
from binascii import b2a_qp
from email import charset, policy
from email.header import Header
from email.message import EmailMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import formataddr
from typing import NamedTuple

from django.core.mail import EmailMultiAlternatives

QUOTED = charset.Charset("utf-8")
QUOTED.body_encoding = charset.QP


class Texts(NamedTuple):
    """What a letter says, and to whom."""

    name: str
    address: str
    recipient: str
    subject: str
    date: str
    message_id: str
    language: str
    text: str
    html: str


def by_hand(said: Texts) -> bytes:
    boundary = f"=_{said.message_id[1:33]}"
    return (
        f"From: {_word(said.name)} <{said.address}>\r\nReply-To: {said.address}\r\nTo: {said.recipient}\r\n"
        f"Subject: {_words(said.subject)}\r\nDate: {said.date}\r\nMessage-ID: {said.message_id}\r\n"
        f"Auto-Submitted: auto-generated\r\nContent-Language: {said.language}\r\nMIME-Version: 1.0\r\n"
        f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"\r\n\r\n'
        f"{_part('plain', said.text, boundary)}{_part('html', said.html, boundary)}--{boundary}--\r\n"
    ).encode("ascii")


def email_mime(said: Texts) -> bytes:
    message = MIMEMultipart("alternative")
    message["From"] = formataddr((said.name, said.address))
    message["Subject"] = Header(said.subject, "utf-8").encode()
    for name, value in _plain(said).items():
        message[name] = value
    message.attach(MIMEText(said.text, "plain", QUOTED))  # type: ignore[arg-type]  # a Charset is taken, as the docs say
    message.attach(MIMEText(said.html, "html", QUOTED))  # type: ignore[arg-type]  # the same
    return message.as_bytes(policy=policy.compat32.clone(linesep="\r\n"))


def email_message(said: Texts) -> bytes:
    message = EmailMessage(policy.SMTP)
    message.set_content(said.text, cte="quoted-printable")
    message.add_alternative(said.html, subtype="html", cte="quoted-printable")
    message["From"] = formataddr((said.name, said.address))
    message["Subject"] = said.subject
    for name, value in _plain(said).items():
        message[name] = value
    return message.as_bytes()


def django(said: Texts) -> bytes:
    headers = {name: value for name, value in _plain(said).items() if name not in ("To", "Reply-To")}
    sender = formataddr((said.name, said.address))
    message = EmailMultiAlternatives(
        said.subject, said.text, sender, [said.recipient], reply_to=[said.address], headers=headers
    )
    message.attach_alternative(said.html, "text/html")
    made: bytes = message.message().as_bytes(linesep="\r\n")
    return made


def _plain(said: Texts) -> dict[str, str]:
    return {
        "Reply-To": said.address,
        "To": said.recipient,
        "Date": said.date,
        "Message-ID": said.message_id,
        "Auto-Submitted": "auto-generated",
        "Content-Language": said.language,
    }


def _word(text: str) -> str:
    return f"=?utf-8?b?{b64encode(text.encode()).decode()}?="


def _words(text: str) -> str:
    """Encoded words of sixteen characters each, which are never too long."""
    return "\r\n ".join(_word(text[start : start + 16]) for start in range(0, len(text), 16))


def _part(subtype: str, body: str, boundary: str) -> str:
    lines = b2a_qp(body.encode(), istext=True).decode("ascii").replace("\n", "\r\n")
    return (
        f'--{boundary}\r\nContent-Type: text/{subtype}; charset="utf-8"\r\n'
        f"Content-Transfer-Encoding: quoted-printable\r\n\r\n{lines}\r\n"
    )
