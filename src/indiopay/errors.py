"""Every error that indiopay raises, under one root.

    IndioPayError
    ├── InvalidInputError        what was typed cannot be used: every problem of it, at once (a ValueError too)
    ├── InvoiceNotFoundError     this agency has no such invoice
    ├── InvoiceStateError        this verb is not for an invoice in this status
    ├── InvoiceChangedError      another caller changed the invoice first (stores raise it)
    ├── IdempotencyError         this key was used for another form
    ├── LinkError                this link opens nothing: one answer for every reason
    ├── AttachmentNotFoundError  the link is right, the invoice has no such file
    ├── CursorError              this cursor is malformed, or another list's
    ├── FileDamagedError         a stored file is gone, or is not what was stored
    ├── StorageError             a store or a file store could not do it; wraps the driver's error
    ├── MailError                a mailer could not do it
    └── TemplatesError           a host's templates cannot be used (a ValueError too)

No message holds a name, an address, a note, a token or an answer of a mail server.
"""

from functools import partial
from typing import Literal

from indiopay.problems import Problem
from indiopay.status import Status

MailErrorKind = Literal["transport", "later", "never", "unknown"]


class IndioPayError(Exception):
    """The root of every error that indiopay raises on purpose."""


class InvalidInputError(IndioPayError, ValueError):
    """What was typed cannot be used. `problems` holds everything that is wrong with it, at once."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(problems)
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return ", ".join(f"{problem.field}: {problem.code}" for problem in self.problems)

    def by_field(self) -> dict[str, tuple[Problem, ...]]:
        """The problems of each field that has any, in the order of the form."""
        fields = dict.fromkeys(problem.field for problem in self.problems)
        return {name: tuple(p for p in self.problems if p.field == name) for name in fields}


class InvoiceNotFoundError(IndioPayError):
    """This agency has no invoice with that id."""


class InvoiceStateError(IndioPayError):
    """The verb is not for an invoice in this status; `status` is the one that it has."""

    def __init__(self, verb: str, status: Status) -> None:
        super().__init__(verb, status)
        self.verb = verb
        self.status = status

    def __str__(self) -> str:
        return f"{self.verb} is not for an invoice that is {self.status.value}"


class InvoiceChangedError(IndioPayError):
    """A change was made from version `expected`, but the store holds version `found`: read again."""

    def __init__(self, expected: int, found: int) -> None:
        super().__init__(expected, found)
        self.expected = expected
        self.found = found

    def __str__(self) -> str:
        return f"the invoice is at version {self.found}, not {self.expected}: read it again"


class IdempotencyError(IndioPayError):
    """This idempotency key was used for another form: take a new key for a new invoice."""


class LinkError(IndioPayError):
    """This link opens nothing. Forged, malformed, renewed, unknown or retired: one answer for all."""


class AttachmentNotFoundError(IndioPayError):
    """The link is right, but its invoice has no such file."""


class CursorError(IndioPayError):
    """This cursor is malformed, or belongs to a list with other filters: begin again without one."""


class FileDamagedError(IndioPayError):
    """The bytes of a stored file are gone, or are not those that were stored: restore it from a backup."""


class StorageError(IndioPayError):
    """A store or a file store could not do what was asked. The driver's error is its `__cause__`."""


class MailError(IndioPayError):
    """A mailer could not hand a letter over.

    `reason` is a code for where it failed ("connect", "rcpt", "data": a-z, 0-9, _), never the relay's own words;
    `code` is the SMTP reply code, if there was one. `kind` decides what happens to the letter:

    - "transport": the relay, not the letter, is at fault; nothing is charged to the letter
    - "later": refused for now (4xx); tried again
    - "never": refused for good (5xx); the letter has failed
    - "unknown": silence after the last byte; tried again, perhaps a second copy
    """

    # What a mailer's own subclass leaves out of its constructor.
    reason: str = "mailer"
    kind: MailErrorKind = "unknown"
    code: int | None = None

    def __init__(self, reason: str, *, kind: MailErrorKind, code: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.kind = kind
        self.code = code

    def __reduce__(self) -> tuple[object, ...]:
        return partial(type(self), kind=self.kind, code=self.code), (self.reason,)

    def __str__(self) -> str:
        return f"{self.kind}: {self.reason}" + (f" ({self.code})" if self.code else "")


class TemplatesError(IndioPayError, ValueError):
    """A host's folder of templates cannot be used: it is missing, or one of its files cannot be read or parsed."""
