"""What an envelope may name: one sender, one recipient."""

import re

from indiopay.errors import MailError

_WORD = r"[^\s<>@,;\x00-\x1f\x7f-\x9f\ud800-\udfff]"
_ADDRESS = re.compile(rf"{_WORD}{{1,128}}@{_WORD}{{1,255}}")


def check_envelope(sender: str, recipient: str) -> None:
    """MailError, for good, if one of them could be read as more than one address, as a header or as a command."""
    if not (_ADDRESS.fullmatch(sender) and _ADDRESS.fullmatch(recipient)):
        raise MailError("address", kind="never")
