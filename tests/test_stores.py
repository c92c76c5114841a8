"""What every store does, whatever it is made of: the contract of `InvoiceStore`, without a desk."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from attrs import evolve

from indiopay import (
    Attachment,
    Client,
    EntryKind,
    IdempotencyError,
    InvoiceChangedError,
    InvoiceNotFoundError,
    InvoiceType,
    Money,
    Status,
    StorageError,
)
from indiopay.invoice import Idempotency, LinkRef, NewInvoice, outcome_entry
from indiopay.listing import InvoiceFilter, Position
from indiopay.outbox import GIVEN_UP_AFTER, LEASE, Letter, accepted, new_letter
from indiopay.ports import InvoiceStore

NOW = datetime(2026, 3, 2, 15, 0, 0, 123456, tzinfo=UTC)
TODAY = date(2026, 3, 2)
SECOND = timedelta(seconds=1)


def new(number: int, *, agency: str = "nord", at: datetime = NOW, **changes: object) -> NewInvoice:
    made = NewInvoice(
        UUID(int=number),
        InvoiceType.ONE_TIME,
        agency,
        Client("Zoé Tremblay", "zoe@exemple.ca"),
        Money(125000, "CAD"),
        date(2026, 4, 1),
        "Prime\nannuelle",
        (Attachment(UUID(int=number + 1000), "Police d’été.pdf", 12, "application/pdf", "ab" * 32),),
        "fr_CA",
        at,
        LinkRef(number.to_bytes(18, "big"), 7),
    )
    return evolve(made, **changes)  # type: ignore[arg-type]  # each test names the fields it changes


def letter(number: int, at: datetime = NOW) -> Letter:
    return new_letter(UUID(int=number + 5000), UUID(int=number), recipient="zoe@exemple.ca", domain="exemple.ca", at=at)


def claim(store: InvoiceStore, now: datetime = NOW, **named: UUID) -> Letter | None:
    return store.claim("nord", now=now, lease_end=now + LEASE, queued_after=now - GIVEN_UP_AFTER, **named)


def test_what_was_added_is_read_back_equal(store: InvoiceStore) -> None:
    """An invoice, its link, its history and its letter come back as they were given."""
    added = store.add("nord", new(1, letter=letter(1)))
    assert store.get("nord", UUID(int=1)) == (added, new(1).link)
    assert added.number == "F-000001"
    assert [entry.kind for entry in store.history("nord", added.id)] == [EntryKind.CREATED, EntryKind.QUEUED]
    assert tuple(store.deliveries("nord", added.id)) == (letter(1),)


def test_numbers_run_without_a_gap_within_each_agency(store: InvoiceStore) -> None:
    """Each agency counts from one."""
    north = [store.add("nord", new(number)).number for number in (1, 2, 3)]
    south = [store.add("sud", new(number, agency="sud")).number for number in (4, 5)]
    assert (north, south) == (["F-000001", "F-000002", "F-000003"], ["F-000001", "F-000002"])


def test_times_of_creation_never_fall_as_numbers_rise(store: InvoiceStore) -> None:
    """A clock that steps back gives the time of the invoice before."""
    first = store.add("nord", new(1))
    second = store.add("nord", new(2, at=NOW - timedelta(days=1), letter=letter(2)))
    assert second.created_at == first.created_at == NOW
    assert {entry.at for entry in store.history("nord", second.id)} == {NOW}
    assert store.deliveries("nord", second.id)[0].queued_at == NOW


def test_a_key_gives_its_invoice_again(store: InvoiceStore) -> None:
    """The same key and form give the same invoice, and nothing is written twice."""
    key = Idempotency("k", b"form")
    first = store.add("nord", new(1, idempotency=key))
    assert store.add("nord", new(2, idempotency=key)) == first
    assert store.by_idempotency_key("nord", "k") == (first, b"form")
    assert store.add("nord", new(3)).number == "F-000002"


def test_a_key_of_another_form_is_refused(store: InvoiceStore) -> None:
    """The same key with another form writes nothing and takes no number."""
    store.add("nord", new(1, idempotency=Idempotency("k", b"form")))
    with pytest.raises(IdempotencyError):
        store.add("nord", new(2, idempotency=Idempotency("k", b"another")))
    assert store.get("nord", UUID(int=2)) is None
    assert store.add("nord", new(3)).number == "F-000002"


def test_a_key_is_its_agencys_own(store: InvoiceStore) -> None:
    """Two agencies may use one key."""
    key = Idempotency("k", b"form")
    store.add("nord", new(1, idempotency=key))
    assert store.add("sud", new(2, agency="sud", idempotency=key)).id == UUID(int=2)
    assert store.by_idempotency_key("ouest", "k") is None


def test_a_change_is_written_whole(store: InvoiceStore) -> None:
    """Status, version, history and letters change together."""
    invoice = store.add("nord", new(1, letter=letter(1)))
    change = invoice.cancel(at=NOW + SECOND, reason="Remplacée")
    store.apply("nord", change)
    assert store.get("nord", invoice.id) == (change.invoice, new(1).link)
    assert store.history("nord", invoice.id)[-1] == change.entries[0]
    assert [kept.state for kept in store.deliveries("nord", invoice.id)] == ["cancelled"]


def test_a_change_of_a_stale_version_is_refused_whole(store: InvoiceStore) -> None:
    """The second of two changes from one version writes nothing, and is told what was found."""
    invoice = store.add("nord", new(1))
    store.apply("nord", invoice.send(letter(1)))
    with pytest.raises(InvoiceChangedError) as refused:
        store.apply("nord", invoice.cancel(at=NOW))
    assert (refused.value.expected, refused.value.found) == (1, 2)
    found = store.get("nord", invoice.id)
    assert found is not None
    assert found[0].status is Status.OPEN
    assert len(store.history("nord", invoice.id)) == 2


def test_a_change_of_an_unknown_invoice_is_refused(store: InvoiceStore) -> None:
    """Another agency's invoice is unknown."""
    invoice = store.add("nord", new(1))
    with pytest.raises(InvoiceNotFoundError):
        store.apply("sud", invoice.cancel(at=NOW))


def test_a_renewed_link_opens_and_the_old_one_does_not(store: InvoiceStore) -> None:
    """by_link knows the link of now, with its key."""
    invoice = store.add("nord", new(1))
    fresh = LinkRef(b"n" * 18, 9)
    store.apply("nord", invoice.renew_link(fresh, at=NOW))
    opened = store.by_link("nord", fresh)
    assert opened is not None
    assert opened.version == 2
    assert store.by_link("nord", new(1).link) is None
    assert store.by_link("nord", LinkRef(fresh.link_id, 7)) is None


@pytest.mark.parametrize("reader", ["get", "history", "deliveries", "by_link", "page", "export", "claim", "totals"])
def test_an_agency_sees_nothing_of_another(store: InvoiceStore, reader: str) -> None:
    """Every read with another agency's slug finds nothing."""
    store.add("nord", new(1, letter=letter(1)))
    reads: dict[str, Callable[[], object]] = {
        "get": lambda: store.get("sud", UUID(int=1)),
        "history": lambda: list(store.history("sud", UUID(int=1))),
        "deliveries": lambda: list(store.deliveries("sud", UUID(int=1))),
        "by_link": lambda: store.by_link("sud", new(1).link),
        "page": lambda: list(store.page("sud", InvoiceFilter(), today=TODAY, after=None, limit=9)),
        "export": lambda: list(store.export("sud")),
        "claim": lambda: store.claim("sud", now=NOW, lease_end=NOW + LEASE, queued_after=NOW - GIVEN_UP_AFTER),
        "totals": lambda: store.totals("sud", today=TODAY).open,
    }
    assert not reads[reader]()


def test_pages_follow_the_order_and_the_filter(store: InvoiceStore) -> None:
    """Each filter gives its invoices, each order its order, from any position."""
    for number, due in enumerate((date(2026, 4, 3), date(2026, 3, 1), date(2026, 4, 2)), start=1):
        store.add("nord", new(number, due_date=due, client=Client(f"Zoé {number}", "zoe@exemple.ca")))
    store.apply("nord", store.page("nord", InvoiceFilter(), today=TODAY, after=None, limit=1)[0].cancel(at=NOW))

    def numbers(which: InvoiceFilter, after: Position | None = None, limit: int = 9) -> list[int]:
        return [int(i.number[2:]) for i in store.page("nord", which, today=TODAY, after=after, limit=limit)]

    assert numbers(InvoiceFilter()) == [3, 2, 1]
    assert numbers(InvoiceFilter(order="due")) == [2, 3, 1]
    assert numbers(InvoiceFilter(), after=Position(date(2026, 4, 2), 3), limit=1) == [2]
    assert numbers(InvoiceFilter(order="due"), after=Position(date(2026, 3, 1), 2)) == [3, 1]
    assert numbers(InvoiceFilter(status=Status.OPEN)) == [2, 1]
    assert numbers(InvoiceFilter(overdue=True)) == [2]
    assert numbers(InvoiceFilter(overdue=False)) == [3, 1]
    assert numbers(InvoiceFilter(due_from=date(2026, 4, 2), due_until=date(2026, 4, 3))) == [3, 1]
    assert numbers(InvoiceFilter(words=("zoe", "2"))) == [2]
    assert numbers(InvoiceFilter(words=("f-000003",))) == [3]
    assert numbers(InvoiceFilter(words=("prime",))) == [3, 2, 1]
    assert numbers(InvoiceFilter(words=("absent",))) == []


def test_totals_count_every_status_and_currency(store: InvoiceStore) -> None:
    """Open holds overdue too; sums stand per currency."""
    for number, (units, currency) in enumerate(((100, "CAD"), (200, "CAD"), (400, "USD"), (800, "CAD")), start=1):
        store.add("nord", new(number, amount=Money(units, currency)))
    by_number = {i.number: i for i in store.page("nord", InvoiceFilter(), today=TODAY, after=None, limit=9)}
    store.apply("nord", by_number["F-000004"].cancel(at=NOW))
    paid = by_number["F-000002"].record_payment(reference="P", paid_at=NOW, at=NOW)
    assert paid is not None
    store.apply("nord", paid)
    totals = store.totals("nord", today=date(2026, 4, 2))
    assert totals.open == totals.overdue == {"CAD": Money(100, "CAD"), "USD": Money(400, "USD")}
    assert totals.paid == {"CAD": Money(200, "CAD")}
    assert totals.counts == {Status.OPEN: 2, Status.PAID: 1, Status.CANCELLED: 1}
    assert store.totals("nord", today=date(2026, 4, 1)).overdue == {}


def test_a_letter_is_claimed_once_and_again_when_its_lease_ran_out(store: InvoiceStore) -> None:
    """One letter a lease; a lease that ran out may be claimed again, under a higher token."""
    store.add("nord", new(1, letter=letter(1)))
    first = claim(store)
    assert first is not None
    assert (first.lease_token, first.lease_end) == (1, NOW + LEASE)
    assert claim(store) is None
    again = claim(store, NOW + LEASE)
    assert again is not None
    assert again.lease_token == 2


def test_the_letter_that_is_due_first_is_claimed_first_unless_one_is_named(store: InvoiceStore) -> None:
    """deliver() takes letters in turn; send() takes its own."""
    for number in (1, 2, 3):
        store.add("nord", new(number, at=NOW + number * SECOND, letter=letter(number)))
    later = NOW + 10 * SECOND
    named = claim(store, later, letter_id=letter(2).id)
    first = claim(store, later)
    assert named is not None
    assert first is not None
    assert (named.id, first.id) == (letter(2).id, letter(1).id)
    assert claim(store, later, letter_id=UUID(int=1)) is None


def test_a_letter_is_not_claimed_before_its_time(store: InvoiceStore) -> None:
    """What must wait, waits."""
    store.add("nord", new(1, letter=letter(1)))
    assert claim(store, NOW - SECOND) is None


def test_a_letter_older_than_five_days_ends_instead_of_being_claimed(store: InvoiceStore) -> None:
    """The next claim ends it as expired, and its history says so."""
    store.add("nord", new(1, letter=letter(1)))
    assert claim(store, NOW + GIVEN_UP_AFTER) is None
    (kept,) = store.deliveries("nord", UUID(int=1))
    assert (kept.state, kept.reason) == ("failed", "expired")
    assert store.history("nord", UUID(int=1))[-1].kind is EntryKind.SEND_FAILED


def test_kept_bytes_come_back_with_the_next_claim_and_nowhere_else(store: InvoiceStore) -> None:
    """Retries use the bytes of the first attempt; a reader of deliveries never sees them."""
    store.add("nord", new(1, letter=letter(1)))
    claimed = claim(store)
    assert claimed is not None
    ready = evolve(claimed, sender="a@exemple.ca", message=b"bytes\0\xff", message_sha256="cd" * 32)
    assert store.keep_message("nord", ready)
    assert store.deliveries("nord", UUID(int=1))[0].message is None
    again = claim(store, NOW + LEASE)
    assert again is not None
    assert (again.message, again.sender, again.maybe_duplicate) == (b"bytes\0\xff", "a@exemple.ca", True)


def test_a_sent_letter_holds_no_bytes_and_is_never_claimed_again(store: InvoiceStore) -> None:
    """The commit that ends a delivery erases its bytes and writes its history."""
    store.add("nord", new(1, letter=letter(1)))
    claimed = claim(store)
    assert claimed is not None
    ready = evolve(claimed, sender="a@exemple.ca", message=b"bytes", message_sha256="cd" * 32)
    assert store.keep_message("nord", ready)
    sent = accepted(ready, at=NOW)
    assert store.finish("nord", sent, outcome_entry(sent, NOW))
    (record,) = store.export("nord")
    assert (record.letters[0].state, record.letters[0].message) == ("sent", None)
    assert record.history[-1].kind is EntryKind.SENT
    assert claim(store, NOW + 2 * LEASE) is None


def test_a_fenced_off_worker_writes_nothing(store: InvoiceStore) -> None:
    """Neither its bytes nor its outcome are kept once the letter was claimed again."""
    store.add("nord", new(1, letter=letter(1)))
    slow = claim(store)
    fast = claim(store, NOW + LEASE)
    assert slow is not None
    assert fast is not None
    assert not store.keep_message("nord", evolve(slow, message=b"late"))
    sent = accepted(slow, at=NOW)
    assert not store.finish("nord", sent, outcome_entry(sent, NOW))
    assert store.deliveries("nord", UUID(int=1))[0].state == "queued"
    assert len(store.history("nord", UUID(int=1))) == 2


def test_a_letter_cancelled_at_the_relay_stays_cancelled_and_says_that_it_arrived(store: InvoiceStore) -> None:
    """Cancelling wins, but the truth is told."""
    invoice = store.add("nord", new(1, letter=letter(1)))
    held = claim(store)
    assert held is not None
    store.apply("nord", invoice.cancel(at=NOW + SECOND))
    assert not store.keep_message("nord", evolve(held, message=b"late"))
    sent = accepted(held, at=NOW + 2 * SECOND)
    assert store.finish("nord", sent, outcome_entry(sent, NOW + 2 * SECOND))
    (kept,) = store.deliveries("nord", invoice.id)
    assert (kept.state, kept.reason, kept.sent_at) == ("cancelled", "at_relay", NOW + 2 * SECOND)
    assert store.history("nord", invoice.id)[-1].kind is EntryKind.SENT


def test_records_move_from_one_agency_to_another_store_unchanged(store: InvoiceStore) -> None:
    """Export and import keep numbers, times, links, keys, letters and history; counting goes on."""
    for number in range(1, 8):
        key = Idempotency(f"k{number}", b"form") if number % 2 else None
        store.add("nord", new(number, letter=letter(number) if number % 3 else None, idempotency=key))
    records = list(store.export("nord"))
    assert [record.invoice.number for record in records] == [f"F-00000{number}" for number in range(1, 8)]
    moved = [evolve(record, invoice=evolve(record.invoice, agency_slug="sud")) for record in records]
    assert store.import_("sud", moved) == 7
    assert list(store.export("sud")) == moved
    assert store.add("sud", new(99, agency="sud")).number == "F-000008"


def test_records_with_a_gap_or_for_an_agency_in_use_are_refused_whole(store: InvoiceStore) -> None:
    """An import writes all of its records or none."""
    for number in (1, 2, 3):
        store.add("nord", new(number))
    records = [evolve(record, invoice=evolve(record.invoice, agency_slug="sud")) for record in store.export("nord")]
    with pytest.raises(StorageError, match="gap"):
        store.import_("sud", [records[0], records[2]])
    assert list(store.export("sud")) == []
    with pytest.raises(StorageError, match="empty"):
        store.import_("nord", records)
    assert store.import_("ouest", []) == 0
