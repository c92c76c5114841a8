"""Takes a form in: checked whole, its files kept, its invoice numbered; once for each idempotency key."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from attrs import define

from indiopay.agency import Agency
from indiopay.attachment import Attachment, FilePolicy
from indiopay.delivery import asked_letter
from indiopay.errors import IdempotencyError, InvalidInputError
from indiopay.invoice import Idempotency, Invoice, NewInvoice, new_id
from indiopay.invoice_form import CheckedFiles, FormValues, InvoiceForm, fingerprint, read_form
from indiopay.links import PaymentLinks
from indiopay.outbox import Letter
from indiopay.ports import FileStore, InvoiceStore, Scanner
from indiopay.problems import Problem
from indiopay.text import one_line
from indiopay.uploads import OpenedFile, check_uploads, drop_uploads, keep_uploads, opened

_KEY_LIMIT = 200
_ANY_FILES = FilePolicy(max_files=10_000, max_bytes=2**40, max_total_bytes=2**40)


@define
class Intake:
    """Where one agency's forms come in. `random` gives so many random bytes."""

    agency: Agency
    store: InvoiceStore
    files: FileStore
    links: PaymentLinks
    policy: FilePolicy
    scanner: Scanner | None
    clock: Callable[[], datetime]
    random: Callable[[int], bytes]

    def check(self, form: InvoiceForm) -> tuple[Problem, ...]:
        """Every problem of a form; nothing is written, and streams keep their position."""
        with opened(_typed(form).files) as files:
            read = self._read(form, self._checked(form, files))
        return () if isinstance(read, FormValues) else read

    def create(self, form: InvoiceForm, key_text: str | None) -> tuple[Invoice, Letter | None]:
        """The new invoice and the letter that it asks for; or the one that this key made before, and None."""
        with opened(_typed(form).files) as files:
            checked = self._checked(form, files)
            read = self._read(form, checked)
            key = _idempotency(key_text, form, checked)
            looks = key and (form.files or not isinstance(read, FormValues))
            if key and looks and (made := self._made_with(key, form, files, checked[1])):
                return made, None
            if not isinstance(read, FormValues):
                raise InvalidInputError(read)
            kept = keep_uploads(files, read.files, store=self.files, agency=self.agency.slug, random=self.random)
        new = self._new_invoice(read, kept, key)
        invoice = self._added(new)
        return invoice, new.letter if invoice.id == new.id else None

    def _checked(self, form: InvoiceForm, files: list[OpenedFile]) -> CheckedFiles:
        return check_uploads(form.files, files, self.policy, self.scanner)

    def _read(self, form: InvoiceForm, checked: CheckedFiles) -> FormValues | tuple[Problem, ...]:
        return read_form(form, checked, agency=self.agency, today=self.agency.local_date(self.clock()))

    def _made_with(
        self, key: Idempotency, form: InvoiceForm, files: list[OpenedFile], problems: tuple[Problem, ...]
    ) -> Invoice | None:
        """The invoice of this key. Files that the policy has come to refuse are compared all the same."""
        made = self.store.by_idempotency_key(self.agency.slug, key.key)
        if made is None:
            return None
        invoice, made_from = made
        known, unknown = check_uploads(form.files, files, _ANY_FILES, None) if problems else ((), ())
        if not unknown and made_from == (fingerprint(form, known) if problems else key.fingerprint):
            return invoice
        if problems:
            raise InvalidInputError(problems)
        raise IdempotencyError("this idempotency key was used for another form")

    def _new_invoice(
        self, values: FormValues, attachments: tuple[Attachment, ...], key: Idempotency | None
    ) -> NewInvoice:
        at = self.clock()
        invoice_id = new_id(at, self.random(10))
        return NewInvoice(
            invoice_id,
            values.type,
            self.agency.slug,
            values.client,
            values.amount,
            values.due_date,
            values.description,
            attachments,
            values.locale,
            at,
            self.links.draw(self.agency.slug, self.random),
            self._letter(invoice_id, values.client.email, at) if values.send_by_email else None,
            key,
        )

    def _letter(self, invoice_id: UUID, address: str, at: datetime) -> Letter:
        return asked_letter(invoice_id, address, agency=self.agency, at=at, random=self.random)

    def _added(self, new: NewInvoice) -> Invoice:
        """Written, or found under its key. Files go only when it is sure that nothing refers to them."""
        try:
            invoice = self.store.add(self.agency.slug, new)
        except IdempotencyError:
            drop_uploads(new.attachments, store=self.files, agency=self.agency.slug)
            raise
        if invoice.id != new.id:
            drop_uploads(new.attachments, store=self.files, agency=self.agency.slug)
        return invoice


def _typed(form: object) -> InvoiceForm:
    if not isinstance(form, InvoiceForm):
        raise InvalidInputError((Problem("form", "type"),))
    return form


def _idempotency(key: str | None, form: InvoiceForm, checked: CheckedFiles) -> Idempotency | None:
    if key is None:
        return None
    read = one_line(key, field="idempotency_key", limit=_KEY_LIMIT)
    if isinstance(read, Problem):
        raise InvalidInputError((read,))
    return Idempotency(read, fingerprint(form, checked[0]))
