"""The desk: one verb for each button, over every store."""

import io
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes
from typing import Any
from uuid import UUID, uuid4

import pytest

from indiopay import (
    Agency,
    AttachmentNotFoundError,
    CursorError,
    EntryKind,
    Event,
    FileDamagedError,
    FilePolicy,
    IdempotencyError,
    InvalidInputError,
    Invoice,
    InvoiceDesk,
    InvoiceNotFoundError,
    InvoiceStateError,
    LinkError,
    MailError,
    Money,
    PaymentLinks,
    Status,
    StorageError,
    TemplatesError,
    Upload,
    describe,
)
from indiopay.files.memory import MemoryFiles
from indiopay.invoice import Change
from indiopay.mailers.memory import MemoryMailer
from indiopay.ports import FileStore, InvoiceStore
from indiopay.testing import StoppedClock

from .conftest import KEY, PAGE, PDF, filled_in, token_of
from .test_problems import kept_files

pytestmark = pytest.mark.no_cover  # it goes over and over what other tests cover

OpenDesk = Callable[..., InvoiceDesk]
ODD: Any = 7


def kinds(desk: InvoiceDesk, invoice: Invoice) -> list[EntryKind]:
    return [entry.kind for entry in desk.history(invoice.id)]


# --- creating, once


def test_the_same_key_and_form_give_the_same_invoice(desk: InvoiceDesk, files: FileStore) -> None:
    """However often it is asked for, with files too; no file is kept twice."""
    form = filled_in(files=[Upload("Police.pdf", PDF)], send_by_email=True)
    first = desk.create(form, idempotency_key="K-1")
    assert desk.create(form, idempotency_key="K-1") == first
    assert (len(desk.list().items), kept_files(files), len(desk.deliveries(first.id))) == (1, 1, 1)
    plain = desk.create(filled_in(), idempotency_key="K-2")
    assert desk.create(filled_in(), idempotency_key="K-2") == plain


def test_a_replay_next_year_still_gives_its_invoice(desk: InvoiceDesk, clock: StoppedClock) -> None:
    """A date that has passed since is no reason to fail."""
    form = filled_in(due_date="2026-03-02")
    first = desk.create(form, idempotency_key="K-1")
    clock.advance(timedelta(days=365))
    assert desk.create(form, idempotency_key="K-1") == first


@pytest.mark.parametrize(
    "other",
    [{"amount": "1 250,01 $"}, {"files": [Upload("Police.pdf", PDF + b"%")]}, {"files": ()}, {"due_date": "hier"}],
)
def test_the_same_key_for_another_form_is_refused(desk: InvoiceDesk, files: FileStore, other: dict[str, Any]) -> None:
    """One field, one byte of a file, a file less, or a mistake; nothing is left behind."""
    desk.create(filled_in(files=[Upload("Police.pdf", PDF)]), idempotency_key="K-1")
    with pytest.raises(IdempotencyError):
        desk.create(filled_in(**{"files": [Upload("Police.pdf", PDF)], **other}), idempotency_key="K-1")
    assert (len(desk.list().items), kept_files(files)) == (1, 1)


@pytest.mark.parametrize(
    ("content", "error"), [(PDF, IdempotencyError), (b"MZ", InvalidInputError), (b"", InvalidInputError)]
)
def test_a_key_of_a_form_without_files_is_refused_to_one_with_a_file(
    desk: InvoiceDesk, content: bytes, error: type[Exception]
) -> None:
    """Whether the file can be taken or not."""
    desk.create(filled_in(), idempotency_key="K-1")
    with pytest.raises(error):
        desk.create(filled_in(files=[Upload("Police.pdf", content)]), idempotency_key="K-1")


def test_a_refused_form_uses_no_key(desk: InvoiceDesk) -> None:
    """The corrected form may have it."""
    with pytest.raises(InvalidInputError):
        desk.create(filled_in(amount=""), idempotency_key="K-1")
    assert desk.create(filled_in(), idempotency_key="K-1").number == "F-000001"


@pytest.mark.parametrize("key", ["", " ", "x" * 201, "a\nb", 7])
def test_a_key_that_cannot_be_kept_is_refused(desk: InvoiceDesk, key: Any) -> None:
    """A key is a line of at most 200 characters."""
    with pytest.raises(InvalidInputError, match="idempotency_key"):
        desk.create(filled_in(), idempotency_key=key)


class _Races:
    """A store that another caller was just before: its answer to "is this key used?" comes too early."""

    def __init__(self, store: InvoiceStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def by_idempotency_key(self, agency: str, key: str) -> None:
        return None


@pytest.mark.parametrize("same", [True, False])
def test_the_loser_of_a_race_for_a_key_leaves_no_file(
    open_desk: OpenDesk, store: InvoiceStore, files: FileStore, same: bool
) -> None:
    """Found by the writing statement itself: the winner's invoice, or the refusal; the loser's files are gone."""
    form, other = (filled_in(files=[Upload("Police.pdf", PDF)], description=note) for note in ("", "Autre"))
    first = open_desk().create(form, idempotency_key="K-1")
    late = open_desk(store=_Races(store))
    if same:
        assert late.create(form, idempotency_key="K-1") == first
    else:
        with pytest.raises(IdempotencyError):
            late.create(other, idempotency_key="K-1")
    assert kept_files(files) == 1


def test_one_key_from_many_threads_makes_one_invoice(desk: InvoiceDesk, files: FileStore) -> None:
    """Whoever is first; the others get its invoice."""
    form = filled_in(files=[Upload("Police.pdf", PDF)])
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: desk.create(form, idempotency_key="K-1"), range(32)))
    assert len(set(map(repr, made))) == 1
    assert (len(desk.list().items), kept_files(files)) == (1, 1)


class _Shrinks(io.BytesIO):
    """Read whole the first time, and shorter after."""

    def read(self, size: int | None = -1, /) -> bytes:
        found = super().read(size)
        if found:
            self.truncate(7)
        return found


def test_a_file_that_changes_while_it_is_kept_is_refused(desk: InvoiceDesk, files: FileStore) -> None:
    """What was checked is what is stored, or nothing is; the file before it goes too."""
    uploads = [Upload("Police.pdf", PDF), Upload("Note.txt", _Shrinks(b"0123456789"))]
    with pytest.raises(InvalidInputError, match="files: unreadable") as caught:
        desk.create(filled_in(files=uploads))
    assert caught.value.problems[0].index == 1
    assert (desk.list().items, kept_files(files)) == ((), 0)


class _FullFiles:
    """A file store whose disk is full after the first file."""

    def __init__(self, files: FileStore) -> None:
        self._files = files
        self._left = 1

    def __getattr__(self, name: str) -> Any:
        return getattr(self._files, name)

    def put(self, key: str, chunks: Iterator[bytes]) -> None:
        if not self._left:
            raise StorageError("the disk is full")
        self._left -= 1
        self._files.put(key, chunks)


def test_a_file_store_that_fails_leaves_no_invoice_and_no_file(open_desk: OpenDesk, files: FileStore) -> None:
    """All files or none."""
    desk = open_desk(files=_FullFiles(files))
    with pytest.raises(StorageError):
        desk.create(filled_in(files=[Upload("1.pdf", PDF), Upload("2.pdf", PDF)]))
    assert (desk.list().items, kept_files(files)) == ((), 0)


# --- states


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("verb", ["send", "record_payment", "cancel", "renew_link"])
def test_every_verb_in_every_status(desk: InvoiceDesk, status: Status, verb: str) -> None:
    """OPEN allows all four; nothing but a new link is for what is paid or cancelled."""
    invoice = desk.create(filled_in())
    if status is Status.PAID:
        desk.record_payment(invoice.id, reference="P-1")
    elif status is Status.CANCELLED:
        desk.cancel(invoice.id)
    verbs: dict[str, Callable[[], object]] = {
        "send": lambda: desk.send(invoice.id),
        "record_payment": lambda: desk.record_payment(invoice.id, reference="P-2"),
        "cancel": lambda: desk.cancel(invoice.id),
        "renew_link": lambda: desk.renew_link(invoice.id),
    }
    before = (desk.get(invoice.id), desk.history(invoice.id))
    if status is Status.OPEN or verb == "renew_link":
        verbs[verb]()
        assert desk.get(invoice.id).version > before[0].version
    else:
        with pytest.raises(InvoiceStateError) as refused:
            verbs[verb]()
        assert refused.value.status is status
        assert (desk.get(invoice.id), desk.history(invoice.id)) == before


def test_a_repeated_payment_changes_nothing(desk: InvoiceDesk) -> None:
    """A webhook comes twice; another payment is refused."""
    invoice = desk.create(filled_in())
    paid = desk.record_payment(invoice.id, reference="P-1", paid_at=datetime(2026, 3, 1, 9, tzinfo=UTC))
    assert desk.record_payment(invoice.id, reference="P-1") == paid == desk.get(invoice.id)
    assert (paid.payment_reference, paid.paid_at) == ("P-1", datetime(2026, 3, 1, 9, tzinfo=UTC))
    assert kinds(desk, invoice) == [EntryKind.CREATED, EntryKind.PAID]


def test_a_payments_time_is_kept_in_utc(desk: InvoiceDesk) -> None:
    """Whatever zone the processor speaks in."""
    at = datetime.fromisoformat("2026-03-02T01:00:00+05:30")
    paid = desk.record_payment(desk.create(filled_in()).id, reference="P-1", paid_at=at)
    assert (paid.paid_at, paid.paid_at and paid.paid_at.tzinfo) == (at, UTC)


@pytest.mark.parametrize(
    "wrong",
    [
        {"reference": ""},
        {"reference": None},
        {"reference": "x" * 201},
        {"reference": "P-1", "paid_at": datetime(2026, 3, 1)},  # noqa: DTZ001  # on purpose
        {"reference": "P-1", "paid_at": date(2026, 3, 1)},
        {"reference": "P-1", "paid_at": datetime(1, 1, 1, tzinfo=UTC)},
    ],
)
def test_a_payment_that_cannot_be_recorded_is_told(desk: InvoiceDesk, wrong: dict[str, Any]) -> None:
    """A reference is a line of 1 to 200 characters, a time is aware."""
    invoice = desk.create(filled_in())
    with pytest.raises(InvalidInputError):
        desk.record_payment(invoice.id, **wrong)
    assert desk.get(invoice.id) == invoice


@pytest.mark.parametrize("reason", ["", "x" * 1001, 7, "a\x00b"])
def test_a_reason_is_a_note_of_at_most_1000_characters(desk: InvoiceDesk, reason: Any) -> None:
    """An empty one is none; what the client cannot be shown is refused."""
    invoice = desk.create(filled_in())
    if reason == "":
        assert desk.cancel(invoice.id, reason=reason).cancel_reason is None
        return
    with pytest.raises(InvalidInputError, match="reason"):
        desk.cancel(invoice.id, reason=reason)
    assert desk.get(invoice.id).status is Status.OPEN


def test_a_verb_reads_again_when_another_caller_was_first(open_desk: OpenDesk, store: InvoiceStore) -> None:
    """The change is made from the invoice as it stands by then."""
    invoice = open_desk().create(filled_in())

    class Interrupted(_Races):
        def apply(self, agency: str, change: Change) -> None:
            if change.invoice.version == 2:
                open_desk().renew_link(invoice.id)
            self._store.apply(agency, change)

    assert open_desk(store=Interrupted(store)).cancel(invoice.id).version == 3
    assert kinds(open_desk(), invoice) == [EntryKind.CREATED, EntryKind.LINK_RENEWED, EntryKind.CANCELLED]


def test_one_of_many_callers_wins(desk: InvoiceDesk) -> None:
    """Sixteen cancel and pay at once: one change, the others are refused with the status they found."""
    invoice = desk.create(filled_in())
    ready = threading.Barrier(16)

    def act(turn: int) -> str:
        ready.wait()
        try:
            if turn % 2:
                desk.cancel(invoice.id)
            else:
                desk.record_payment(invoice.id, reference=f"P-{turn}")
        except InvoiceStateError:
            return "refused"
        return "done"

    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(act, range(16)))
    assert sorted(outcomes) == ["done"] + ["refused"] * 15
    assert desk.get(invoice.id).version == 2


# --- links, page, files


def test_a_renewed_link_opens_and_the_old_one_does_not(desk: InvoiceDesk) -> None:
    """Letters that wait hold the old link, and are cancelled with it."""
    desk._send_at_once = False
    invoice = desk.create(filled_in(send_by_email=True))
    old = desk.link(invoice.id)
    new = desk.renew_link(invoice.id)
    assert new == desk.link(invoice.id) != old
    assert desk.invoice_for_link(token_of(new)).id == invoice.id
    with pytest.raises(LinkError, match=r"^this link opens nothing$"):
        desk.payment_page(token_of(old))
    assert [delivery.state for delivery in desk.deliveries(invoice.id)] == ["cancelled"]


def test_a_link_whose_key_was_retired_wants_to_be_renewed(open_desk: OpenDesk) -> None:
    """Until then it opens nothing."""
    invoice = open_desk().create(filled_in())
    token = token_of(open_desk().link(invoice.id))
    rotated = open_desk(links=PaymentLinks(PAGE, keys=[bytes(32)]))
    with pytest.raises(LinkError, match="renew"):
        rotated.link(invoice.id)
    with pytest.raises(LinkError, match=r"^this link opens nothing$"):
        rotated.payment_page(token)
    assert rotated.payment_page(token_of(rotated.renew_link(invoice.id))).number == invoice.number


def test_a_forged_link_touches_no_storage(open_desk: OpenDesk) -> None:
    """Not one call, to a store or a file store."""
    desk = open_desk(store=None, files=None)
    for token in ("", "A" * 48, "x" * 10**6, None, 7, b"A" * 48):
        for verb in (desk.payment_page, desk.invoice_for_link):
            with pytest.raises(LinkError):
                verb(token)  # type: ignore[arg-type]  # on purpose: a web framework hands over anything
        with pytest.raises(LinkError):
            desk.download(token, uuid4())  # type: ignore[arg-type]  # on purpose


def test_the_page_is_in_the_language_that_is_asked_for(desk: InvoiceDesk) -> None:
    """The client's, unless the link that switches language says another."""
    token = token_of(desk.link(desk.create(filled_in(locale="en_CA")).id))
    assert desk.payment_page(token).status_text == "Open"
    assert desk.payment_page(token, locale="fr_CA").status_text == "À payer"


def test_the_client_reads_the_invoices_language_and_the_agent_types_in_their_own(
    desk: InvoiceDesk, mailer: MemoryMailer
) -> None:
    """Page, headers and letter follow `locale`; amount and date are read by `input_locale`; words follow the caller."""
    typed = {"amount": "1,250.50", "due_date": "03/04/2026", "input_locale": "en_US", "locale": "fr_FR"}
    invoice = desk.create(filled_in(**typed, send_by_email=True))
    assert (invoice.amount, invoice.due_date, invoice.locale) == (Money(125050, "CAD"), date(2026, 3, 4), "fr_FR")
    page = desk.payment_page(token_of(desk.link(invoice.id)))
    letter = message_from_bytes(mailer.sent[-1].message)
    assert (page.amount_text, page.due_date_text) == ("1\u202f250,50\u00a0$CA", "4 mars 2026")
    assert page.headers["Content-Language"] == letter["Content-Language"] == "fr-FR"
    assert describe(desk.history(invoice.id)[-1], "fr_CA") == "Courriel de facture envoyé."
    assert describe(desk.history(invoice.id)[-1], "fr_FR") == "E-mail de facture envoyé."


def test_an_agent_reads_problems_in_their_own_language_whatever_the_clients(desk: InvoiceDesk) -> None:
    """A problem holds values, no words of a language."""
    form = filled_in(due_date="lundi 4 mars 2026", amount="1,5", locale="fr_CA", input_locale="en_CA")
    amount, due = desk.check(form)
    assert "CA$1.50" not in describe(amount, "fr_CA") and "1,50\u00a0$" in describe(amount, "fr_CA")
    assert "mercredi 4 mars 2026" in describe(due, "fr_CA")
    assert "Wednesday, March 4, 2026" in describe(due, "en_CA")


def test_a_file_of_another_invoice_is_not_found(desk: InvoiceDesk) -> None:
    """A link opens the files of its own invoice."""
    first, second = (desk.create(filled_in(files=[Upload("Police.pdf", PDF)])) for _ in range(2))
    token = token_of(desk.link(first.id))
    for wrong in (second.attachments[0].id, uuid4(), "police", None):
        with pytest.raises(AttachmentNotFoundError):
            desk.download(token, wrong)  # type: ignore[arg-type]  # on purpose: it comes from an address


def test_a_file_that_is_gone_is_told_at_once(desk: InvoiceDesk, files: FileStore) -> None:
    """Before a web app has begun its answer."""
    invoice = desk.create(filled_in(files=[Upload("Police.pdf", PDF)]))
    (key,) = files.keys("nord/", before=datetime.max.replace(tzinfo=UTC))
    files.delete(key)
    with pytest.raises(FileDamagedError, match="backup"):
        desk.download(token_of(desk.link(invoice.id)), invoice.attachments[0].id)


def test_a_sweep_takes_old_orphans_and_nothing_else(desk: InvoiceDesk, files: FileStore, clock: StoppedClock) -> None:
    """Files of invoices stay, and so does what is younger than a day; other agencies are not looked at."""
    invoice = desk.create(filled_in(files=[Upload("Police.pdf", PDF)]))
    orphans = [f"{agency}/ab/{uuid4().hex}" for agency in ("nord", "sud")]
    for key in orphans:
        files.put(key, [b"x"])
    assert desk.sweep() == 0
    clock.advance(datetime.now(UTC) - clock() + timedelta(days=2))
    assert (desk.sweep(), desk.sweep()) == (1, 0)
    assert list(files.keys("sud/", before=clock())) == [orphans[1]]
    assert b"".join(desk.download(token_of(desk.link(invoice.id)), invoice.attachments[0].id).chunks) == PDF


def test_a_sweep_takes_nothing_while_there_is_no_invoice(
    desk: InvoiceDesk, files: FileStore, clock: StoppedClock
) -> None:
    """The files were perhaps brought for an import, under way or to come."""
    files.put(f"nord/ab/{uuid4().hex}", [b"x"])
    clock.advance(datetime.now(UTC) - clock() + timedelta(days=2))
    assert desk.sweep() == 0
    desk.create(filled_in())
    assert desk.sweep() == 1


class _KeepsWhatIsDeleted(MemoryFiles):
    """Cannot delete."""

    def delete(self, key: str) -> None:
        raise StorageError("the disk is away") from OSError()


def test_files_that_cannot_be_dropped_wait_for_a_sweep(open_desk: OpenDesk, store: InvoiceStore) -> None:
    """What went wrong first is told, and what went well is answered."""
    kept = _KeepsWhatIsDeleted()
    desk = open_desk(files=kept)
    form = filled_in(files=[Upload("Police.pdf", PDF)])
    made = desk.create(form, idempotency_key="K-1")
    late = open_desk(files=kept, store=_Races(store))
    assert late.create(form, idempotency_key="K-1") == made
    with pytest.raises(IdempotencyError):
        late.create(filled_in(files=form.files, description="Autre"), idempotency_key="K-1")
    assert kept_files(kept) == 3


# --- reading


UNKNOWN: list[Any] = [UUID(int=7 << 76), UUID(int=0), "F-000001", None, 7]


@pytest.mark.parametrize("wrong", UNKNOWN, ids=repr)
@pytest.mark.parametrize("verb", ["get", "link", "renew_link", "send", "deliveries", "cancel", "history"])
def test_an_unknown_invoice_is_not_found(desk: InvoiceDesk, verb: str, wrong: Any) -> None:
    """Whatever the type of the id."""
    with pytest.raises(InvoiceNotFoundError):
        getattr(desk, verb)(wrong)


def test_an_agency_sees_nothing_of_another(open_desk: OpenDesk) -> None:
    """Neither by id, nor by link, nor in its list and totals."""
    invoice = open_desk().create(filled_in())
    link = open_desk().link(invoice.id)
    other = open_desk(agency=Agency("sud", "Assurances du Sud", "sud@exemple.ca"))
    for verb in (other.get, other.link, other.history, other.deliveries, other.send, other.cancel, other.renew_link):
        with pytest.raises(InvoiceNotFoundError):
            verb(invoice.id)
    with pytest.raises(LinkError):
        other.payment_page(token_of(link))
    assert (other.list().items, other.totals().counts[Status.OPEN], other.deliver(), other.sweep()) == ((), 0, 0, 0)
    assert other.create(filled_in()).number == "F-000001"


def test_pages_follow_one_another(desk: InvoiceDesk) -> None:
    """Each invoice once, while new ones come."""
    made = [desk.create(filled_in()) for _ in range(5)]
    first = desk.list(limit=2)
    desk.create(filled_in())
    second = desk.list(limit=2, after=first.next)
    third = desk.list(limit=2, after=second.next)
    assert [*first.items, *second.items, *third.items] == made[::-1]
    assert third.next is None
    with pytest.raises(CursorError):
        desk.list(status=Status.OPEN, after=first.next)


@pytest.mark.parametrize("policy", [FilePolicy(max_bytes=2), FilePolicy(extensions=frozenset({"png"})), FilePolicy(0)])
def test_a_key_answers_whatever_the_policy_has_become(
    open_desk: Callable[..., InvoiceDesk], policy: FilePolicy
) -> None:
    """Its form and its files are the same; another file is told what is wrong with it now."""
    made = open_desk().create(filled_in(files=[Upload("Police.pdf", PDF)]), idempotency_key="k")
    strict = open_desk(file_policy=policy)
    assert strict.create(filled_in(files=[Upload("Police.pdf", PDF)]), idempotency_key="k") == made
    with pytest.raises(InvalidInputError):
        strict.create(filled_in(files=[Upload("Police.pdf", PDF + b"%")]), idempotency_key="k")


def test_search_disregards_case_and_accents(desk: InvoiceDesk) -> None:
    """« zoe » finds « Zoé », a number is found by its end, and every word must occur."""
    zoe = desk.create(filled_in(description="Prime de l’été"))
    desk.create(filled_in(client_name="Luc Roy", client_email="luc@exemple.ca"))
    for text in ("zoe", "ZOÉ ete", "f-000001", "zoe@exemple 0001"):
        assert desk.list(text=text).items == (zoe,)
    assert desk.list(text="zoe roy").items == ()
    assert len(desk.list(text=" ").items) == 2


@pytest.mark.parametrize("text", ["zoe\0", "\0", "\ud800zoe", "zoe\t000001\n"])
def test_what_no_text_may_hold_is_left_out_of_a_search(desk: InvoiceDesk, text: str) -> None:
    """Whatever the store's database makes of it."""
    assert desk.list(text=text).items == ()
    zoe = desk.create(filled_in(client_name="Zoé"))
    assert desk.list(text=text).items == (zoe,)


@pytest.mark.parametrize("text", ["%", "_", "\\", "?", "'", '"', "100 %", "a_b?"])
def test_no_sign_has_a_meaning_of_its_own_in_a_search(desk: InvoiceDesk, text: str) -> None:
    """It is found where it stands, and nowhere else."""
    desk.create(filled_in(description="axb"))
    assert desk.list(text=text).items == ()
    noted = desk.create(filled_in(description=f"Prime {text} due"))
    assert desk.list(text=text).items == (noted,)


def test_totals_count_what_is_overdue_by_the_agencys_date(desk: InvoiceDesk, clock: StoppedClock) -> None:
    """Due today is not overdue; the next midnight in Toronto it is."""
    desk.create(filled_in(amount="10", due_date="2026-03-02"))
    clock.advance(timedelta(hours=13, minutes=59))
    assert desk.totals().overdue == {}
    assert desk.list(overdue=True).items == ()
    clock.advance(timedelta(minutes=1))
    assert desk.totals().overdue["CAD"].minor_units == 1000
    assert len(desk.list(overdue=True).items) == 1


# --- mail


def test_letters_wait_for_a_worker_when_told_to(open_desk: OpenDesk, mailer: MemoryMailer) -> None:
    """A relay may take minutes, and a web app should not."""
    desk = open_desk(send_at_once=False)
    invoice = desk.create(filled_in(send_by_email=True))
    delivery = desk.send(invoice.id)
    assert (delivery.state, mailer.sent) == ("queued", [])
    assert desk.deliver(limit=1) == 1
    assert desk.deliver() == 1
    assert [kind for kind in kinds(desk, invoice) if kind is EntryKind.SENT] == [EntryKind.SENT] * 2


def test_a_cancel_takes_the_letters_that_wait_with_it(open_desk: OpenDesk, mailer: MemoryMailer) -> None:
    """After that nothing of the invoice is sent."""
    desk = open_desk(send_at_once=False)
    invoice = desk.create(filled_in(send_by_email=True))
    desk.cancel(invoice.id)
    assert (desk.deliver(), mailer.sent) == (0, [])
    assert [delivery.state for delivery in desk.deliveries(invoice.id)] == ["cancelled"]


def test_a_store_that_fails_after_the_commit_does_not_undo_the_invoice(
    open_desk: OpenDesk, store: InvoiceStore, caplog: pytest.LogCaptureFixture
) -> None:
    """The letter waits for `deliver`; the log names ids alone."""

    class ClaimFails(_Races):
        def claim(self, agency: str, **details: Any) -> None:
            raise StorageError("the database is busy") from OSError("zoe@exemple.ca")

    invoice = open_desk(store=ClaimFails(store)).create(filled_in(send_by_email=True))
    assert [delivery.state for delivery in open_desk().deliveries(invoice.id)] == ["queued"]
    assert "exemple" not in caplog.text and "OSError" in caplog.text
    assert open_desk().deliver() == 1


def test_a_host_may_count_what_happens(open_desk: OpenDesk) -> None:
    """Sent, failed, paused, each with its ids."""
    events: list[Event] = []
    desk = open_desk(on_event=events.append)
    invoice = desk.create(filled_in(send_by_email=True))
    (delivery,) = desk.deliveries(invoice.id)
    assert [(e.kind, e.invoice_id, e.delivery_id) for e in events] == [("sent", invoice.id, delivery.id)]


def test_a_host_that_fails_to_count_loses_nothing(open_desk: OpenDesk, caplog: pytest.LogCaptureFixture) -> None:
    """Its error is logged by its type."""

    def fail(event: Event) -> None:
        raise RuntimeError("zoe@exemple.ca")

    invoice = open_desk(on_event=fail).create(filled_in(send_by_email=True))
    assert [delivery.state for delivery in open_desk().deliveries(invoice.id)] == ["sent"]
    assert "RuntimeError" in caplog.text and "exemple" not in caplog.text


# --- the desk itself


def test_a_desk_closes_only_what_it_opened(open_desk: OpenDesk) -> None:
    """What was handed in is its owner's."""

    class Resource:
        closed = 0

        def close(self) -> None:
            self.closed += 1

    theirs, ours = Resource(), Resource()
    with open_desk(mailer=theirs) as desk:
        desk.owns(ours)
    assert (theirs.closed, ours.closed) == (0, 1)


def test_a_clock_without_a_zone_is_refused(open_desk: OpenDesk) -> None:
    """A time that may be anybody's is nobody's."""
    desk = open_desk(clock=lambda: datetime(2026, 3, 2))  # noqa: DTZ001  # on purpose
    with pytest.raises(InvalidInputError, match="clock: type"):
        desk.create(filled_in())


def test_the_clock_may_be_the_systems(open_desk: OpenDesk) -> None:
    """As it is when none is given."""
    made = InvoiceDesk(
        agency=Agency("nord", "Assurances du Nord", "facturation@exemple.ca"),
        store=open_desk()._store,
        files=open_desk()._files,
        mailer=MemoryMailer(),
        links=PaymentLinks(PAGE, keys=[KEY]),
    ).create(filled_in())
    assert abs(made.created_at - datetime.now(UTC)) < timedelta(minutes=1)


def test_templates_are_checked_at_start(open_desk: OpenDesk, tmp_path: Any) -> None:
    """A mistake shows before the first client does."""
    (tmp_path / "page.html").write_text("{% if %}")
    with pytest.raises(TemplatesError, match=r"page\.html, line 1"):
        open_desk(templates=tmp_path)


class _OwnError(MailError):
    def __init__(self) -> None:
        Exception.__init__(self, "zoe@exemple.ca")


@pytest.mark.parametrize(
    ("error", "state", "reason"),
    [
        (_OwnError(), "queued", "mailer"),
        (MailError("550 no such user zoe@exemple.ca", kind="never", code=550), "failed", "refused_550"),
        (MailError("rcpt", kind="never", code=ODD), "failed", "rcpt"),
        (MailError("rcpt", kind="later", code=2**70), "queued", "rcpt"),
        (MailError("Connection refused", kind="transport"), "queued", "relay"),
        (MailError(ODD, kind="never"), "failed", "refused"),
        (MailError("rcpt", kind=ODD), "queued", "rcpt"),
        (MailError(ODD, kind=ODD, code=ODD), "queued", "mailer"),
    ],
)
def test_what_a_mailer_says_becomes_codes_and_holds_up_no_other_letter(
    open_desk: OpenDesk, error: MailError, state: str, reason: str
) -> None:
    """A host's mailer may put anything into its error, the relay's own words and a client's address too."""

    class Talks:
        def send(self, **letter: object) -> None:
            raise error

    desk = open_desk(mailer=Talks())
    invoice = desk.create(filled_in(send_by_email=True))
    (delivery,) = desk.deliveries(invoice.id)
    assert (delivery.state, delivery.reason) == (state, reason)
    assert "exemple" not in repr([entry.details for entry in desk.history(invoice.id)])


def test_a_clock_that_stepped_back_delays_no_letter(open_desk: OpenDesk, clock: StoppedClock) -> None:
    """Creation times never fall, but a letter goes by the time at which it was asked for."""
    desk = open_desk(send_at_once=False)
    clock.advance(timedelta(days=9000))
    ahead = desk.create(filled_in())
    clock.advance(timedelta(days=-9000))
    invoice = desk.create(filled_in(send_by_email=True))
    assert (invoice.created_at, desk.deliver()) == (ahead.created_at, 1)


def test_a_blank_reason_is_none(desk: InvoiceDesk) -> None:
    """Else the page would have a heading with nothing under it."""
    assert desk.cancel(desk.create(filled_in()).id, reason=" \n ").cancel_reason is None


def test_a_replay_whose_files_cannot_be_read_tells_their_problems(desk: InvoiceDesk) -> None:
    """Without the bytes nobody knows whether it is the same form."""
    desk.create(filled_in(files=[Upload("Police.pdf", PDF)]), idempotency_key="K-1")
    with pytest.raises(InvalidInputError, match="files: unreadable"):
        desk.create(filled_in(files=[Upload.from_path("/nowhere/Police.pdf")]), idempotency_key="K-1")


def test_an_amount_of_any_size_may_come_with_a_key(desk: InvoiceDesk) -> None:
    """It is too large, and nothing else."""
    with pytest.raises(InvalidInputError, match=r"^amount: too_large$"):
        desk.create(filled_in(amount=10**5000), idempotency_key="K-1")


def test_a_download_shows_no_name(desk: InvoiceDesk) -> None:
    """A file's name may name a client's illness."""
    invoice = desk.create(filled_in(files=[Upload("Maladie.pdf", PDF)]))
    download = desk.download(token_of(desk.link(invoice.id)), invoice.attachments[0].id)
    assert "Maladie" not in repr(download)
    assert b"".join(download.chunks) == PDF


def test_a_page_in_no_language_is_in_quebecs_french(desk: InvoiceDesk) -> None:
    """The language comes out of an address that anyone may write."""
    token = token_of(desk.link(desk.create(filled_in()).id))
    assert {desk.payment_page(token, locale=wrong).locale for wrong in (ODD, "tlh")} == {"fr_CA"}
