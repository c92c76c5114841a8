"""Letters put into a Maildir, which any mail client can open: to try things out, or for a local relay to collect."""

import os
import secrets
import time
from pathlib import Path

from indiopay.durable import create_file, make_folder
from indiopay.errors import MailError, StorageError
from indiopay.mailers.envelope import check_envelope


class MaildirMailer:
    """A mailer that writes each letter into the Maildir at `path`: whole, durably, under a name of its own.

    The Maildir is made when it is missing (mode 0700). A letter begins with its envelope, as a delivery agent writes
    it: Return-Path and Delivered-To.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        try:
            for folder in ("tmp", "new", "cur"):
                make_folder(self._path / folder)
        except OSError as error:
            raise StorageError("the Maildir cannot be made; check its path and its permissions") from error

    def send(self, *, sender: str, recipient: str, message: bytes) -> None:
        """Deliver the letter into the Maildir's "new"; MailError."""
        check_envelope(sender, recipient)
        envelope = f"Return-Path: <{sender}>\nDelivered-To: {recipient}\n".encode()
        name = f"{time.time_ns() // 10**9}.{secrets.token_hex(16)}.indiopay"
        letter, delivered = envelope + message.replace(b"\r\n", b"\n"), self._path / "new" / name
        try:
            create_file(delivered, (letter,), part=self._path / "tmp" / name)
        except OSError as error:
            # What has its name already may be collected, and is perhaps not on the disk.
            raise MailError("maildir", kind="unknown" if delivered.exists() else "transport") from error
