"""What holds after every step of the state machine."""

from collections import Counter

from indiopay import Invoice, LinkError, Status
from indiopay.invoice import InvoiceRecord

from .conftest import token_of
from .driver import Driver
from .model import Book, Paper
from .model_mail import same


def what_is_kept_is_what_the_model_keeps(driver: Driver) -> None:
    """Numbers 1 to n, times that never fall, and every record whole."""
    for book in driver.books:
        records = driver.learn(book)
        numbers = [record.invoice.number for record in records]
        same("numbers", numbers, [f"F-{number:06}" for number in range(1, len(records) + 1)])
        times = [record.invoice.created_at for record in records]
        same("times of creation", times, sorted(times))
        for paper, record in zip(book.papers, records, strict=True):
            _is_kept(paper, record)
        _letters_are_accounted_for(book, records)
        _files_are_of_invoices(driver, book)


def _is_kept(paper: Paper, record: InvoiceRecord) -> None:
    same("an invoice", record.invoice, paper.invoice)
    same("history", list(record.history), list(paper.history))
    same("a key", record.idempotency and record.idempotency.key, paper.key)
    same("bytes that wait", [letter.message for letter in record.letters], [mail.message for mail in paper.mails])
    same("leases", [letter.lease_end for letter in record.letters], [mail.held_until for mail in paper.mails])


def _letters_are_accounted_for(book: Book, records: list[InvoiceRecord]) -> None:
    states = Counter(letter.state for record in records for letter in record.letters)
    known = sum(states[state] for state in ("queued", "sent", "failed", "cancelled"))
    same("letters asked for", known, sum(len(paper.mails) for paper in book.papers))


def _files_are_of_invoices(driver: Driver, book: Book) -> None:
    slug = book.agency.slug
    ids = [file.id.hex for invoice in book.invoices() for file in invoice.attachments]
    kept = {key for key in driver.files._files if key.startswith(f"{slug}/")}
    same("files", kept, {f"{slug}/{file_id[:2]}/{file_id}" for file_id in ids} | book.orphans.keys())


def lists_and_totals_are_a_recount(driver: Driver) -> None:
    for book in driver.books:
        same("totals", driver.answer(book, "totals"), book.totals(driver.clock()))
        page = driver.answer(book, "list", limit=200)
        same("a list", list(page.items), book.listed({}, driver.clock()))


def an_invoice_is_the_same_by_every_path(driver: Driver, book: Book, paper: Paper) -> None:
    invoice, token = paper.invoice, token_of(paper.url)
    same("get", driver.answer(book, "get", invoice.id), invoice)
    same("history", list(driver.answer(book, "history", invoice.id)), list(paper.history))
    same("deliveries", driver.answer(book, "deliveries", invoice.id), paper.shown(driver.clock()))
    same("link", driver.answer(book, "link", invoice.id), paper.url)
    same("invoice_for_link", driver.answer(book, "invoice_for_link", token), invoice)
    for url in paper.dead_urls:
        same("a link that was renewed", driver.answer(book, "payment_page", token_of(url)), (LinkError, None))
    _is_shown(driver, book, invoice, token)
    for file, upload in zip(invoice.attachments, paper.form.files, strict=True):
        download = driver.answer(book, "download", token, file.id)
        same("download", b"".join(download.chunks), upload.content)


def _is_shown(driver: Driver, book: Book, invoice: Invoice, token: str) -> None:
    page = driver.answer(book, "payment_page", token, checkout_url="https://exemple.ca/regler")
    is_open = invoice.status is Status.OPEN
    same("payment_page", (page.number, page.amount, page.status), (invoice.number, invoice.amount, invoice.status))
    same("payable", (page.payable, page.checkout_url is not None), (is_open, is_open))
    same("overdue", page.overdue, is_open and invoice.due_date < book.today(driver.clock()))
