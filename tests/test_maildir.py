"""Letters in a Maildir: whole, durable, readable by any mail client."""

import errno
import mailbox
import os
from pathlib import Path
from unittest.mock import patch

import pytest

from indiopay import MailError, StorageError
from indiopay.mailers.maildir import MaildirMailer
from indiopay.testing import faults

LETTER = b"Subject: =?utf-8?b?w6k=?=\r\nTo: zoe@exemple.ca\r\n\r\nBonjour\r\n"


def test_a_letter_is_read_back_by_the_standard_librarys_maildir(tmp_path: Path) -> None:
    """With its envelope in front, as a delivery agent writes it, and nothing left in tmp."""
    mailer = MaildirMailer(tmp_path / "courriels")
    for _ in range(2):
        mailer.send(sender="a@exemple.ca", recipient="zoe@exemple.ca", message=LETTER)
    box = mailbox.Maildir(tmp_path / "courriels", create=False)
    assert len(box) == 2
    for letter in box:
        assert (letter["Return-Path"], letter["Delivered-To"]) == ("<a@exemple.ca>", "zoe@exemple.ca")
        assert letter.get_payload() == "Bonjour\n"
    assert list((tmp_path / "courriels" / "tmp").iterdir()) == []


def test_a_maildir_is_its_owners_alone(tmp_path: Path) -> None:
    """Letters hold links."""
    MaildirMailer(tmp_path / "m").send(sender="a@b.ca", recipient="c@d.ca", message=LETTER)
    modes = {oct(path.stat().st_mode & 0o777) for path in (tmp_path / "m").rglob("*")}
    assert modes == {"0o700", "0o600"}


def test_a_maildir_that_is_gone_is_the_transports_fault(tmp_path: Path) -> None:
    """The letter is charged nothing, and waits."""
    mailer = MaildirMailer(tmp_path / "m")
    (tmp_path / "m" / "new").rmdir()
    with pytest.raises(MailError) as caught:
        mailer.send(sender="a@b.ca", recipient="c@d.ca", message=LETTER)
    assert (caught.value.kind, caught.value.reason) == ("transport", "maildir")


def test_a_letter_that_may_arrive_though_the_disk_failed_is_of_unknown_fate(tmp_path: Path) -> None:
    """Once it has its name it may be collected, so another copy will be told as one; before, nobody can have it."""
    mailer = MaildirMailer(tmp_path / "m")
    met = set()
    for fault in faults.each(OSError(errno.EIO, "EIO")):
        before = len(mailbox.Maildir(tmp_path / "m"))
        kind = None
        with patch("indiopay.durable.os", fault.through(os)):
            try:
                mailer.send(sender="a@b.ca", recipient="c@d.ca", message=LETTER)
            except MailError as error:
                kind = error.kind
        met.add((kind, len(mailbox.Maildir(tmp_path / "m")) - before))
    assert met == {("transport", 0), ("unknown", 1), (None, 1)}


def test_a_maildir_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """When the mailer is made, not at the first letter."""
    (tmp_path / "m").write_bytes(b"x")
    with pytest.raises(StorageError, match="Maildir"):
        MaildirMailer(tmp_path / "m")
