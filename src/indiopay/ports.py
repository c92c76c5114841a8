"""What a desk needs of the outside: a store, a file store, a mailer, a scanner. A backend author reads this page only.

They are structural: a class with these methods is one. Every method of a store takes the agency's slug first and
touches nothing of another agency, not even where both have the same ids. Every error of a driver comes out as a
`StorageError` with the driver's as its cause. All of them are called from many threads at once.

`indiopay.testing.InvoiceStoreContract` tries a store of your own, method by method; what no test of it can try, a
crash, another process and the errors of a driver, `docs/write-a-store.md` names.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from typing import Protocol, runtime_checkable
from uuid import UUID

from indiopay.history import HistoryEntry
from indiopay.invoice import Change, Invoice, InvoiceRecord, LinkRef, NewInvoice
from indiopay.listing import InvoiceFilter, Position, Totals
from indiopay.outbox import Letter

# pyright: reportReturnType=false
# A protocol's methods are their docstrings.


class InvoiceStore(Protocol):
    """Keeps invoices. Each writing method writes all that it is given in one transaction, or nothing.

    Within an agency an invoice's id, a link's id, an idempotency key and a letter's id stand once. What is not there is
    None, False or empty, unless a method says otherwise.
    """

    def add(self, agency: str, new: NewInvoice) -> Invoice:
        """Number `new`, write it with its history, its letter and its key, and return it.

        Numbers are 1, 2, 3 ... within the agency, none twice and none skipped; `created_at` is `new.at`, or
        that of the invoice before it if that is later. If the idempotency key was used with the same fingerprint,
        write nothing and return that invoice as it stands now; with another one raise `IdempotencyError`. An id, a
        link or a letter's id that is taken is a `StorageError`, and uses neither number nor key.
        """

    def apply(self, agency: str, change: Change) -> None:
        """Write `change` if the invoice is at the version before it, else raise `InvoiceChangedError`.

        With `cancels_letters`, its queued letters end in the same transaction (`outbox.withdrawn`, as of the change's
        first entry). An unknown invoice is an `InvoiceNotFoundError`; a link or a letter's id that is taken is a
        `StorageError`.
        """

    def get(self, agency: str, invoice_id: UUID) -> tuple[Invoice, LinkRef] | None:
        """The invoice with that id, and its link."""

    def by_link(self, agency: str, link: LinkRef) -> Invoice | None:
        """The invoice that this link opens: one keyed read."""

    def by_idempotency_key(self, agency: str, key: str) -> tuple[Invoice, bytes] | None:
        """The invoice that was created with that key, and the fingerprint of its form."""

    def page(
        self, agency: str, which: InvoiceFilter, *, today: date, after: Position | None, limit: int
    ) -> Sequence[Invoice]:
        """At most `limit` invoices of the list that come after the position, in the filter's order."""

    def totals(self, agency: str, *, today: date) -> Totals:
        """Sums and counts over every invoice of the agency."""

    def history(self, agency: str, invoice_id: UUID) -> Sequence[HistoryEntry]:
        """What happened to the invoice, in the order in which it was written, whatever the clocks said."""

    def deliveries(self, agency: str, invoice_id: UUID) -> Sequence[Letter]:
        """The invoice's letters, in the order in which they were written, without their bytes."""

    def claim(
        self, agency: str, *, now: datetime, lease_end: datetime, queued_after: datetime, letter_id: UUID | None = None
    ) -> Letter | None:
        """Lease (`outbox.leased`) the free letter that is due first, or the one named; committed on return.

        Before that, free letters queued at or before `queued_after` end (`outbox.expired`), each with its history
        entry; none of them is ever claimed. A letter comes with the bytes that `keep_message` kept of it.
        """

    def keep_message(self, agency: str, letter: Letter) -> bool:
        """Keep the sender, the bytes and their SHA-256 before the first attempt; False if its lease was lost."""

    def finish(self, agency: str, letter: Letter, entry: HistoryEntry | None) -> bool:
        """Write what `outbox.settled` makes of the letter after an attempt, and `entry`; False if fenced off."""

    def export(self, agency: str) -> Iterator[InvoiceRecord]:
        """Every invoice of the agency whole, by rising number, in bounded memory; a slow reader holds up no writer."""

    def import_(self, agency: str, records: Iterable[InvoiceRecord]) -> int:
        """Write the agency's records as they are, and return how many; an error of the iterator comes out as it is.

        If the agency has invoices already, a number is not the next of 1, 2, 3 ..., a record is another agency's, or
        what must stand once stands twice, that is a `StorageError`. Numbers and times then go on from the last record.
        """


class FileStore(Protocol):
    """Keeps the bytes of attachments under keys such as "nord/4f/4f0e…": an agency, two hex digits, 128 random bits.

    A key of any other form is a `StorageError` (`indiopay.attachment.STORAGE_KEY` is theirs).
    `indiopay.testing.FileStoreContract` tries a file store of your own.
    """

    def put(self, key: str, chunks: Iterable[bytes]) -> None:
        """Write a new file: not seen before it is whole, durable on return. A key that exists is a `StorageError`.

        A failing iterator leaves nothing, and its error comes out as it is. It may read from this very store.
        """

    def read(self, key: str) -> Iterator[bytes]:
        """Its bytes, in chunks; `FileDamagedError` at once if there is no such file.

        One that is deleted while it is read goes on or raises an error, and does not just end.
        """

    def keys(self, prefix: str, *, before: datetime) -> Iterator[str]:
        """The keys that begin with `prefix` and were written before that time, in any order.

        What is left of a put that was killed may be among them, under a key that `delete` takes: a sweep removes it.
        """

    def delete(self, key: str) -> None:
        """Remove a file; nothing happens if there is none."""


class Mailer(Protocol):
    """Hands one letter to one recipient. `indiopay.testing.MailerContract` tries a mailer of your own."""

    def send(self, *, sender: str, recipient: str, message: bytes) -> None:
        """Return once the relay has accepted the message (its 250 after the last byte); else raise `MailError`.

        Within half an hour: then another worker may soon have the letter.

        `sender` and `recipient` are the envelope's, in ASCII; `message` is whole, with CRLF line ends.
        """


@runtime_checkable
class BatchMailer(Mailer, Protocol):
    """A mailer that can keep its connection for a run of letters."""

    def batch(self) -> AbstractContextManager[Mailer]:
        """A mailer for one worker's run, which connects with its first letter; leaving it never raises."""


class Scanner(Protocol):
    """Looks into an uploaded file before anything refers to it; a plain function will do."""

    def __call__(self, name: str, chunks: Iterator[bytes], /) -> None:
        """Raise `InvalidInputError` to refuse the file, with problems of your own or none: then it is "unsafe".

        Anything else that it raises comes out of the desk as it is, and nothing is kept.
        """
