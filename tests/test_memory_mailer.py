"""Letters kept in memory."""

import pytest

from indiopay import MailError
from indiopay.mailers.memory import MemoryMailer, SentMail


def test_a_letter_is_kept_as_it_was_handed_over() -> None:
    """Its envelope and its bytes, of which its repr shows nothing."""
    mailer = MemoryMailer()
    mailer.send(sender="a@exemple.ca", recipient="zoe@exemple.ca", message=b"Bonjour\r\n")
    assert mailer.sent == [SentMail("a@exemple.ca", "zoe@exemple.ca", b"Bonjour\r\n")]
    assert repr(mailer.sent) == "[SentMail(9 bytes)]"


def test_what_is_no_address_is_refused() -> None:
    """As every mailer does it."""
    with pytest.raises(MailError, match="never: address"):
        MemoryMailer().send(sender="a@exemple.ca", recipient="a, b", message=b"")
