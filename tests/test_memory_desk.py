"""`memory_desk`: a complete desk for people who test their apps."""

from datetime import date, timedelta

from indiopay import Agency, InvoiceForm, Status, Upload
from indiopay.mailers.memory import MemoryMailer
from indiopay.testing import StoppedClock, memory_desk


def test_it_does_the_whole_job_without_a_file_or_a_clock() -> None:
    """Create, send, open, download, pay."""
    mailer = MemoryMailer()
    desk = memory_desk(mailer=mailer)
    form = InvoiceForm("10", "30 jours", "Zoé", "zoe@exemple.ca", files=[Upload("a.txt", b"abc")], send_by_email=True)
    invoice = desk.create(form)
    token = desk.link(invoice.id).rpartition("/")[2]
    assert invoice.due_date == date(2026, 4, 1)
    assert mailer.sent[0].recipient == "zoe@exemple.ca"
    assert desk.payment_page(token).payable
    assert b"".join(desk.download(token, invoice.attachments[0].id).chunks) == b"abc"
    assert desk.record_payment(invoice.id, reference="P-1").status is Status.PAID


def test_its_clock_moves_only_when_told() -> None:
    """Files and invoices go by it, so a sweep can be tested too."""
    clock = StoppedClock()
    desk = memory_desk(clock=clock)
    desk.create(InvoiceForm("10", "30 jours", "Zoé", "zoe@exemple.ca"))
    desk._files.put(f"cabinet/ab/{'0' * 32}", [b"orphan"])
    assert desk.sweep() == 0
    clock.advance(timedelta(days=1, seconds=1))
    assert desk.sweep() == 1


def test_two_of_them_share_nothing() -> None:
    """Each test has its own; any part may be replaced."""
    first, second = memory_desk(), memory_desk(agency=Agency("sud", "Assurances du Sud", "sud@exemple.ca"))
    first.create(InvoiceForm("10", "30 jours", "Zoé", "zoe@exemple.ca"))
    assert second.list().items == ()
    assert second.create(InvoiceForm("10", "30 jours", "Zoé", "zoe@exemple.ca")).agency_slug == "sud"
