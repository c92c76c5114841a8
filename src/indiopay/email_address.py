"""E-mail addresses: one address, checked without asking the network."""

import re

from indiopay.problems import Problem

_SHOWN = 64
_LOCAL_LIMIT = 64
_LIMIT = 254

# What email-validator accepts without a second look; everything else is left to it.
_ATOM = r"[A-Za-z0-9_+~!#$%&'*/=?^`{|}-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9]|-(?!-)){0,60}[A-Za-z0-9]|[A-Za-z0-9]"
_PLAIN = re.compile(rf"(?!-){_ATOM}(?:\.{_ATOM})*@(?:(?:{_LABEL})\.)+[A-Za-z]{{2,20}}")
_SPECIAL = ("arpa", "invalid", "local", "localhost", "onion", "test")

_SEVERAL = re.compile(r"@[^@]*[,;\s][^@]*@")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


def check_address(text: object, *, field: str = "client_email") -> str | Problem:
    """One address as it is kept: its local part as typed (in NFC), its domain in lower case and in Unicode."""
    if not isinstance(text, str):
        return Problem(field, "type")
    typed = text.strip()
    if _is_plain(typed):
        local, _, domain = typed.rpartition("@")
        return f"{local}@{domain.lower()}"
    code = _early_fault(typed)
    if code is None:
        kept, code = _validated(typed)
        if code is None:
            return kept
    return Problem(field, code, {"typed": typed[:_SHOWN]})


def envelope_address(address: str) -> str:
    """An address that was checked, in ASCII: its domain in the form that begins with "xn--"."""
    return address if address.isascii() else _parsed(address)[1]


def _is_plain(typed: str) -> bool:
    """Whether the address is of the usual kind, whose verdict is known."""
    return (
        len(typed) <= _LIMIT
        and _PLAIN.fullmatch(typed) is not None
        and typed.index("@") <= _LOCAL_LIMIT
        and typed.rpartition(".")[2].lower() not in _SPECIAL
    )


def _early_fault(typed: str) -> str | None:  # noqa: PLR0911  # the first fault of several, in order
    """What can be told without a parser, and in bounded time."""
    if not typed:
        return "required"
    if len(typed) > 4 * _LIMIT:
        return "too_long"
    if _CONTROL.search(typed):
        return "format"
    if typed.count("@") != 1:
        return "multiple" if _SEVERAL.search(typed) else "format"
    local = typed.partition("@")[0]
    if local.startswith("-"):
        return "format"
    if len(local) > _LOCAL_LIMIT:
        return "too_long"
    return None if local.isascii() else _non_ascii_fault(local)


def _non_ascii_fault(local: str) -> str:
    """What would be an address if every relay took accents, and what would not be one even so."""
    try:
        _parsed(f"{local}@exemple.ca", any_letter=True)
    except ValueError:
        return "format"
    return "non_ascii_local"


def _validated(typed: str) -> tuple[str, str | None]:
    """The address as it is kept, or the code of its fault: where it lies is found by judging each half alone."""
    try:
        return _parsed(typed)[0], None
    except ValueError:
        pass
    local, _, domain = typed.partition("@")
    for half, code in ((f"{local}@exemple.ca", "format"), (f"a@{domain}", "domain")):
        try:
            _parsed(half)
        except ValueError:
            return "", code
    return "", "too_long"


def _parsed(address: str, *, any_letter: bool = False) -> tuple[str, str]:
    """The address as it is kept and its ASCII form; a ValueError (EmailNotValidError) if it is none."""
    from email_validator import validate_email  # on first use: most addresses do without it

    found = validate_email(address, check_deliverability=False, allow_smtputf8=any_letter, strict=True)
    return f"{found.local_part}@{found.domain}", f"{found.local_part}@{found.ascii_domain}"
