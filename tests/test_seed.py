"""The ten steps of « Créer une facture unique », each by its name, over every store."""

import io
from collections.abc import Callable
from datetime import date, timedelta

import pytest

from indiopay import (
    EntryKind,
    InvalidInputError,
    Invoice,
    InvoiceDesk,
    InvoiceStateError,
    InvoiceType,
    LinkError,
    MailError,
    Money,
    Status,
    Upload,
    describe,
    label,
)
from indiopay.mailers.memory import MemoryMailer
from indiopay.testing import StoppedClock

from .conftest import PDF, TODAY, filled_in, token_of


def html(desk: InvoiceDesk, invoice: Invoice) -> str:
    page = desk.payment_page(token_of(desk.link(invoice.id)))
    return page.to_html(file_url=lambda attachment: f"/fichiers/{attachment.id}")


def test_step_1_the_dashboard_lists_the_invoices(desk: InvoiceDesk) -> None:
    """« Factures » shows every invoice, the newest first."""
    made = [desk.create(filled_in()) for _ in range(3)]
    page = desk.list()
    assert page.items == tuple(reversed(made))
    assert page.next is None


def test_step_2_create_an_invoice_gives_one_with_a_number_and_a_link(desk: InvoiceDesk) -> None:
    """« Créer une facture » gives a live invoice: numbered, open, with a link that works."""
    invoice = desk.create(filled_in())
    assert (invoice.number, invoice.status, invoice.version) == ("F-000001", Status.OPEN, 1)
    assert desk.invoice_for_link(token_of(desk.link(invoice.id))) == invoice


def test_step_3_the_type_is_unique(desk: InvoiceDesk) -> None:
    """The one type is « Unique »."""
    invoice = desk.create(filled_in(type=InvoiceType.ONE_TIME))
    assert invoice.type is InvoiceType.ONE_TIME
    assert (label("type", "fr_CA"), describe(invoice.type, "fr_CA")) == ("Type", "Unique")


def test_step_4_the_amount_is_kept_to_the_cent(desk: InvoiceDesk) -> None:
    """« Montant du paiement » is read as it was typed."""
    invoice = desk.create(filled_in(amount="1 250,05 $"))
    assert desk.get(invoice.id).amount == Money(125005, "CAD")


@pytest.mark.parametrize("due", ["2026-04-01", "1er avril 2026", "30 jours", date(2026, 4, 1)])
def test_step_5_the_due_date_is_typed_or_given_as_a_date(desk: InvoiceDesk, due: str | date) -> None:
    """« Date d’échéance de la facture » is typed in full, as a term, or picked."""
    assert desk.create(filled_in(due_date=due)).due_date == date(2026, 4, 1)


def test_step_6_the_description_stands_on_the_page_escaped_and_with_its_line_breaks(desk: InvoiceDesk) -> None:
    """« Description de la facture » is shown as it was typed, and runs nothing."""
    invoice = desk.create(filled_in(description="Première ligne\n<script>alert(1)</script>"))
    page = html(desk, invoice)
    assert "Première ligne\n&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script" not in page


def test_step_6_the_description_is_optional(desk: InvoiceDesk) -> None:
    """An invoice without a note is an invoice."""
    assert desk.create(filled_in()).description == ""


def test_step_7_files_up_to_the_policy_can_all_be_downloaded_from_the_page(desk: InvoiceDesk) -> None:
    """« Ajouter des fichiers »: every file is on the page and comes back byte for byte."""
    contents = [PDF + b"%" + str(i).encode() for i in range(10)]
    uploads = [Upload(f"Police n° {i}.pdf", io.BytesIO(content)) for i, content in enumerate(contents)]
    invoice = desk.create(filled_in(files=uploads))
    token = token_of(desk.link(invoice.id))
    page = html(desk, invoice)
    for attachment, content in zip(invoice.attachments, contents, strict=True):
        assert attachment.name in page
        assert f"/fichiers/{attachment.id}" in page
        assert b"".join(desk.download(token, attachment.id).chunks) == content


def test_step_7_one_file_more_than_the_policy_is_refused(desk: InvoiceDesk) -> None:
    """Eleven files are one too many."""
    with pytest.raises(InvalidInputError) as refused:
        desk.create(filled_in(files=[Upload(f"{i}.pdf", PDF) for i in range(11)]))
    assert [problem.code for problem in refused.value.problems] == ["too_many"]


@pytest.mark.parametrize("field", ["client_name", "client_email"])
def test_step_8_name_and_address_are_required_even_if_nothing_is_sent(desk: InvoiceDesk, field: str) -> None:
    """A client has a name and an address, whichever way the invoice reaches them."""
    with pytest.raises(InvalidInputError) as refused:
        desk.create(filled_in(send_by_email=False, **{field: ""}))
    assert [(p.field, p.code) for p in refused.value.problems] == [(field, "required")]


def test_step_9_nothing_is_sent_by_default(desk: InvoiceDesk, mailer: MemoryMailer) -> None:
    """« Envoyer la facture par courriel » is off unless it is ticked."""
    invoice = desk.create(filled_in())
    assert (desk.deliveries(invoice.id), mailer.sent) == ((), [])


def test_step_9_created_and_sent(desk: InvoiceDesk, mailer: MemoryMailer) -> None:
    """Ticked, the invoice goes out at once, with the link in it, and its history says so."""
    invoice = desk.create(filled_in(send_by_email=True))
    assert [(mail.recipient, mail.sender) for mail in mailer.sent] == [("zoe@exemple.ca", "facturation@exemple.ca")]
    assert [delivery.state for delivery in desk.deliveries(invoice.id)] == ["sent"]
    kinds = [entry.kind for entry in desk.history(invoice.id)]
    assert kinds == [EntryKind.CREATED, EntryKind.QUEUED, EntryKind.SENT]


def test_step_9_created_and_not_sent_leads_to_all_its_details(desk: InvoiceDesk) -> None:
    """Not ticked, the invoice page holds all that was entered, and the link to hand over otherwise."""
    invoice = desk.create(filled_in(description="Note", files=[Upload("Police.pdf", PDF)]))
    kept = desk.get(invoice.id)
    assert kept == invoice
    assert (kept.client.name, kept.client.email, kept.description) == ("Zoé Tremblay", "zoe@exemple.ca", "Note")
    assert (kept.amount, kept.due_date) == (Money(125000, "CAD"), TODAY + timedelta(days=30))
    assert [attachment.name for attachment in kept.attachments] == ["Police.pdf"]


def test_step_10_send_and_send_again_by_the_same_verb_with_the_same_link(
    desk: InvoiceDesk, mailer: MemoryMailer
) -> None:
    """« Envoyer une facture » works the first time and again; each is a letter of its own, with one link."""
    invoice = desk.create(filled_in())
    link = desk.link(invoice.id)
    first, second = desk.send(invoice.id), desk.send(invoice.id)
    assert (first.state, second.state) == ("sent", "sent")
    assert first.message_id != second.message_id
    assert desk.link(invoice.id) == link
    assert len(mailer.sent) == 2


def test_step_10_cancel(desk: InvoiceDesk) -> None:
    """« Annuler la facture »: the page says so and why, and takes no payment; nothing more is sent."""
    invoice = desk.create(filled_in())
    cancelled = desk.cancel(invoice.id, reason="La police a été remplacée.")
    page = desk.payment_page(token_of(desk.link(invoice.id)), checkout_url="https://paiement.exemple.ca/1")
    assert (cancelled.status, page.status, page.payable, page.checkout_url) == (
        Status.CANCELLED,
        Status.CANCELLED,
        False,
        None,
    )
    assert page.cancel_reason == "La police a été remplacée."
    assert "La police a été remplacée." in html(desk, invoice)
    with pytest.raises(InvoiceStateError):
        desk.send(invoice.id)


def test_step_10_copy_link_is_the_same_at_every_call_and_after_a_restart(
    desk: InvoiceDesk, open_desk: Callable[..., InvoiceDesk]
) -> None:
    """« Copier le lien » gives the same bytes, today and from another process."""
    invoice = desk.create(filled_in())
    assert desk.link(invoice.id) == desk.link(invoice.id) == open_desk().link(invoice.id)


@pytest.mark.parametrize("state", ["open", "overdue", "paid", "cancelled"])
def test_step_10_the_link_opens_the_page_at_any_time(desk: InvoiceDesk, clock: StoppedClock, state: str) -> None:
    """« En tout temps »: open, overdue, paid, cancelled, and fifty years later."""
    invoice = desk.create(filled_in())
    token = token_of(desk.link(invoice.id))
    if state == "overdue":
        clock.advance(timedelta(days=31))
    elif state == "paid":
        desk.record_payment(invoice.id, reference="P-1")
    elif state == "cancelled":
        desk.cancel(invoice.id)
    status = "open" if state == "overdue" else state
    page = desk.payment_page(token)
    assert (page.number, page.status.value, page.overdue) == (invoice.number, status, state == "overdue")
    clock.advance(timedelta(days=50 * 365))
    page = desk.payment_page(token)
    assert (page.number, page.status.value, page.overdue) == (invoice.number, status, status == "open")


class BrokenMailer:
    """A mailer that fails in the way it is told."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def send(self, *, sender: str, recipient: str, message: bytes) -> None:
        raise self.error


@pytest.mark.parametrize(
    "error",
    [
        MailError("connect", kind="transport"),
        MailError("rcpt", kind="later", code=450),
        MailError("rcpt", kind="never", code=550),
        MailError("data", kind="unknown"),
        RuntimeError("a host's mailer broke"),
    ],
)
def test_a_mail_failure_never_loses_or_undoes_the_invoice(
    open_desk: Callable[..., InvoiceDesk], error: Exception
) -> None:
    """Whatever the mailer does, the invoice is there, its link opens, and its delivery says what happened."""
    desk = open_desk(mailer=BrokenMailer(error))
    invoice = desk.create(filled_in(send_by_email=True))
    assert desk.get(invoice.id) == invoice
    assert desk.payment_page(token_of(desk.link(invoice.id))).payable
    (delivery,) = desk.deliveries(invoice.id)
    assert delivery.state in ("queued", "failed")
    assert delivery.reason is not None


def test_a_letter_that_could_not_leave_goes_out_later(
    open_desk: Callable[..., InvoiceDesk], mailer: MemoryMailer, clock: StoppedClock
) -> None:
    """deliver() takes up what waits, once the relay is back."""
    invoice = open_desk(mailer=BrokenMailer(MailError("rcpt", kind="later", code=450))).create(
        filled_in(send_by_email=True)
    )
    desk = open_desk()
    assert desk.deliver() == 0
    clock.advance(timedelta(minutes=2))
    assert desk.deliver() == 1
    assert [delivery.state for delivery in desk.deliveries(invoice.id)] == ["sent"]
    assert len(mailer.sent) == 1


def test_a_link_of_nothing_opens_nothing(desk: InvoiceDesk) -> None:
    """A made-up token is refused."""
    with pytest.raises(LinkError):
        desk.payment_page("A" * 48)
