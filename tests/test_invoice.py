"""Invoices and their transitions, as values."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from attrs import evolve
from hypothesis import given, strategies as st

from indiopay import Client, EntryKind, Invoice, InvoiceStateError, InvoiceType, Money, Status
from indiopay.invoice import (
    TRANSITIONS,
    Change,
    Idempotency,
    LinkRef,
    NewInvoice,
    invoice_number,
    new_id,
    ordinal_of,
    outcome_entry,
)
from indiopay.outbox import accepted, expired, new_letter

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
LINK = LinkRef(bytes(18), 7)
LETTER = new_letter(UUID(int=9), UUID(int=1), recipient="zoe@exemple.ca", domain="exemple.ca", at=NOW)
NEW = NewInvoice(
    UUID(int=1),
    InvoiceType.ONE_TIME,
    "nord",
    Client("Zoé", "zoe@exemple.ca"),
    Money(125000, "CAD"),
    date(2026, 4, 1),
    "",
    (),
    "fr_CA",
    NOW,
    LINK,
)


def invoice(status: Status = Status.OPEN) -> Invoice:
    return evolve(NEW.numbered(1, NOW).invoice, status=status)


def act(verb: str, on: Invoice) -> Change | None:
    verbs: dict[str, Callable[[], Change | None]] = {
        "send": lambda: on.send(LETTER),
        "record_payment": lambda: on.record_payment(reference="P-1", paid_at=NOW, at=NOW),
        "cancel": lambda: on.cancel(at=NOW, reason="Remplacée"),
        "renew_link": lambda: on.renew_link(LINK, at=NOW),
    }
    return verbs[verb]()


VERBS = sorted({verb for _, verb in TRANSITIONS})
ALLOWED = {
    (Status.OPEN, "send"): Status.OPEN,
    (Status.OPEN, "record_payment"): Status.PAID,
    (Status.OPEN, "cancel"): Status.CANCELLED,
    (Status.OPEN, "renew_link"): Status.OPEN,
    (Status.PAID, "renew_link"): Status.PAID,
    (Status.CANCELLED, "renew_link"): Status.CANCELLED,
}


def test_the_table_of_states_is_the_one_that_is_promised() -> None:
    """The table in the code says what the documents say."""
    assert dict(TRANSITIONS) == ALLOWED


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_in_every_status_does_what_the_table_says(status: Status, verb: str) -> None:
    """An allowed verb leads to the table's status and raises the version by one; another is refused by status."""
    wanted = ALLOWED.get((status, verb))
    if wanted is None:
        with pytest.raises(InvoiceStateError) as refused:
            act(verb, invoice(status))
        assert (refused.value.status, refused.value.verb) == (status, verb)
        return
    change = act(verb, invoice(status))
    assert change is not None
    assert (change.invoice.status, change.invoice.version, len(change.entries)) == (wanted, 2, 1)


def test_a_payment_keeps_its_reference_and_its_time() -> None:
    """A paid invoice says when and under which reference; letters that wait are cancelled."""
    change = invoice().record_payment(reference="P-1", paid_at=NOW - timedelta(days=1), at=NOW)
    assert change is not None
    assert (change.invoice.paid_at, change.invoice.payment_reference) == (NOW - timedelta(days=1), "P-1")
    assert change.entries[0].details == {"reference": "P-1"}
    assert change.cancels_letters


def test_the_same_payment_again_changes_nothing() -> None:
    """A repeated webhook is no change; another reference is refused."""
    paid = act("record_payment", invoice())
    assert paid is not None
    assert paid.invoice.record_payment(reference="P-1", paid_at=NOW, at=NOW) is None
    with pytest.raises(InvoiceStateError):
        paid.invoice.record_payment(reference="P-2", paid_at=NOW, at=NOW)


@pytest.mark.parametrize(("reason", "details"), [(None, {}), ("Remplacée", {"reason": "Remplacée"})])
def test_a_cancel_keeps_its_time_and_its_reason(reason: str | None, details: dict[str, str]) -> None:
    """A cancelled invoice says when, and why if a reason was given."""
    change = invoice().cancel(at=NOW, reason=reason)
    assert (change.invoice.cancelled_at, change.invoice.cancel_reason) == (NOW, reason)
    assert change.entries[0].details == details
    assert change.cancels_letters


def test_sending_queues_one_letter_and_says_which() -> None:
    """A send's change holds the letter, and the history names it."""
    change = invoice().send(LETTER)
    assert change.letters == (LETTER,)
    assert change.entries[0].details == {"delivery_id": str(LETTER.id)}
    assert not change.cancels_letters


def test_a_renewed_link_replaces_the_old_one() -> None:
    """A renewal's change holds the new link and cancels letters that hold the old one."""
    change = invoice().renew_link(LinkRef(bytes(17) + b"x", 7), at=NOW)
    assert change.link == LinkRef(bytes(17) + b"x", 7)
    assert change.cancels_letters


def test_a_numbered_invoice_has_its_stores_time() -> None:
    """The store's time of creation is the history's too; a letter goes by the time at which it was asked for."""
    later = NOW + timedelta(hours=1)
    record = evolve(NEW, letter=LETTER).numbered(42, later)
    assert (record.invoice.number, record.invoice.created_at, record.invoice.version) == ("F-000042", later, 1)
    assert [entry.kind for entry in record.history] == [EntryKind.CREATED, EntryKind.QUEUED]
    assert {entry.at for entry in record.history} == {later}
    assert record.letters == (LETTER,)


def test_an_invoice_without_a_letter_has_only_its_creation_behind_it() -> None:
    """Created and not sent: one entry, no letter."""
    record = NEW.numbered(1, NOW)
    assert ([entry.kind for entry in record.history], record.letters) == ([EntryKind.CREATED], ())


@pytest.mark.parametrize("status", Status)
def test_overdue_is_open_and_due_before_today(status: Status) -> None:
    """Due today is not overdue, and only an open invoice can be."""
    due = date(2026, 4, 1)
    assert not invoice(status).is_overdue(due)
    assert invoice(status).is_overdue(due + timedelta(days=1)) is (status is Status.OPEN)


def test_reprs_tell_nothing_of_the_client() -> None:
    """A log that holds an invoice or a client holds no name, address or note."""
    assert repr(invoice()) == f"Invoice(id={UUID(int=1)}, number=F-000001, status=open)"
    assert "Zo" not in repr(invoice().client)
    assert "zoe" not in repr(evolve(NEW, letter=LETTER))
    assert repr(Idempotency("zoe-1", b"zoe")) == "Idempotency(...)"


@given(st.integers(1, 10**12))
def test_a_number_is_read_back_as_it_was_written(ordinal: int) -> None:
    """Numbers have six digits or more, and stand for one integer."""
    assert ordinal_of(invoice_number(ordinal)) == ordinal
    assert len(invoice_number(ordinal)) >= 8


FIRST, LAST = datetime.min.replace(year=1970), datetime.max  # noqa: DTZ901  # bounds are naive to hypothesis


@given(st.datetimes(FIRST, LAST), st.binary(min_size=10, max_size=10))
def test_ids_are_uuids_of_version_7_in_the_order_of_time(at: datetime, entropy: bytes) -> None:
    """An id tells its millisecond and its version, as RFC 9562 says."""
    made = new_id(at.replace(tzinfo=UTC), entropy)
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    elapsed = at - FIRST
    assert made.int >> 80 == elapsed // timedelta(milliseconds=1)


def test_only_a_letter_that_ended_goes_into_the_history() -> None:
    """Sent and failed letters are told, those that wait are not."""
    assert outcome_entry(LETTER, NOW) is None
    sent, failed = outcome_entry(accepted(LETTER, at=NOW), NOW), outcome_entry(expired(LETTER), NOW)
    assert sent is not None
    assert sent.kind is EntryKind.SENT
    assert failed is not None
    assert (failed.kind, failed.details["reason"]) == (EntryKind.SEND_FAILED, "expired")
