"""What people typed and relays said is in no log, repr, error or error column, whatever is done, and whatever fails."""

import re
import smtplib
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from indiopay import IndioPayError, InvalidInputError, MailError, Problem, StorageError, delivery
from indiopay.attachment import CheckedFile
from indiopay.files.memory import MemoryFiles
from indiopay.invoice import Client, Idempotency
from indiopay.listing import InvoiceFilter
from indiopay.mailers.memory import MemoryMailer
from indiopay.mailers.smtp import SmtpMailer
from indiopay.outbox import Delivery
from indiopay.ports import FileStore, InvoiceStore
from indiopay.stores.memory import MemoryStore
from indiopay.stores.postgres import PostgresStore
from indiopay.stores.sqlite import SqliteStore
from indiopay.testing.faults import Fault, each

from .canaries import leaks, told_by, told_in
from .canary_house import EMPTY, OURS, House, answers, said, shown
from .driver import VERBS
from .smtp_server import ScriptedRelay

pytestmark = pytest.mark.no_cover  # it goes over and over what other tests cover


def told(text: str) -> list[str]:
    return leaks(text, ("a canary", "a token"))


def check_verbs(house: House, verbs: set[str] = VERBS) -> None:
    house.invoice("canari-cle")
    for verb in sorted(verbs):
        assert not [leak for text in answers(house, verb) for leak in told(text)], f"{verb} tells"
    assert not [leak for text in shown(house.seen) for leak in told(text)], "what a part is handed tells"


def test_no_verb_tells(store: InvoiceStore, files: FileStore) -> None:
    """Not in the repr of anything that it gives or hands to a store, and not in an error, with those behind it."""
    check_verbs(House(store, files))


@pytest.mark.parametrize("value", [OURS, EMPTY, CheckedFile(0, "canari.pdf", 1, "application/pdf", "ab")])
def test_what_stays_inside_shows_nothing_either(value: object) -> None:
    """A desk's own parts may be logged by whoever looks into it."""
    assert not [leak for text in shown(value) for leak in told(text)]


class OwnError(MailError):
    """A host's, with more in it than a code."""

    kind: Any = "canari"
    reason: Any = "550 canari@client.example unknown"
    code: Any = "550 canari"

    def __init__(self) -> None:
        Exception.__init__(self, "canari")


ANSWERS: list[Exception] = [
    *(MailError("550 5.1.1 <canari@client.example> unknown", kind=k, code=550) for k in ("later", "never", "unknown")),
    MailError("canari: connection refused", kind="transport"),
    OwnError(),
    OSError("canari"),
    KeyError("canari"),
    UnicodeEncodeError("ascii", "canari", 0, 1, "canari"),
    smtplib.SMTPRecipientsRefused({"canari@client.example": (550, b"canari unknown")}),
]


class Refusing:
    """A mailer that answers each letter with the same error."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def send(self, *, sender: str, recipient: str, message: bytes) -> None:
        self.error.add_note(f"canari: {message!r}")
        raise self.error from OSError("canari")


def check_mail(house: House, log: pytest.LogCaptureFixture) -> list[str]:
    """Deliver a letter, and return what its end is called; neither log, store nor event tells whose it was."""
    invoice = house.invoice()
    house.desk.deliver()
    letters = house.store.deliveries(OURS.slug, invoice.id)
    columns = [f"{letter.last_phase} {letter.last_code}" for letter in letters]
    details = [str(entry.details) for entry in house.desk.history(invoice.id)]
    logged = [told_in(record) for record in log.records if record.name.startswith("indiopay")]
    texts = [*columns, *details, *logged, *shown(house.seen)]
    assert not [leak for text in texts for leak in told(text)]
    return columns


@pytest.mark.parametrize("error", ANSWERS, ids=lambda error: type(error).__name__)
def test_no_answer_of_a_mailer_is_kept(
    store: InvoiceStore, files: FileStore, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """Only a code is: not the relay's words, nor what a host's mailer put into its error."""
    (column,) = check_mail(House(store, files, Refusing(error)), caplog)
    assert re.fullmatch(r"(refused|relay|mailer) (550|None)", column)


REPLIES = {"mail": "451 4.7.1 canari", "rcpt": "550 5.1.1 <canari@client.example> canari", "dot": "554 canari"}


@pytest.mark.parametrize("moment", REPLIES)
def test_no_word_of_a_relay_is_kept(moment: str, caplog: pytest.LogCaptureFixture) -> None:
    """Where it quotes what it was told."""
    with ScriptedRelay({moment: [REPLIES[moment]]}) as relay:
        mailer = SmtpMailer("127.0.0.1", relay.port, security="none")
        (column,) = check_mail(House(MemoryStore(), MemoryFiles(), mailer), caplog)
    assert column.endswith(REPLIES[moment][:3])


def test_a_template_that_breaks_on_a_note_does_not_tell_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Though its error does."""
    (tmp_path / "letter.txt").write_text("{{ {}[note] if 'canari' in note else link }}", encoding="utf-8")
    assert check_mail(House(MemoryStore(), MemoryFiles(), templates=tmp_path), caplog) == ["render None"]


FAILING: dict[str, Callable[[Fault], House]] = {
    "store": lambda fault: House(fault.through(MemoryStore()), MemoryFiles(), send_at_once=True),
    "files": lambda fault: House(MemoryStore(), fault.through(MemoryFiles())),
    "mailer": lambda fault: House(MemoryStore(), MemoryFiles(), fault.through(MemoryMailer())),
    "on_event": lambda fault: House(MemoryStore(), MemoryFiles(), on_event=partial(fault.do, [].append)),
}


@pytest.mark.parametrize("part", FAILING)
def test_no_failure_of_a_part_is_logged_in_its_words(part: str, caplog: pytest.LogCaptureFixture) -> None:
    """Wherever it fails: the error of a driver quotes what it likes."""
    error = StorageError("canari")
    error.__cause__ = OSError("canari")
    for fault in each(error):
        house = FAILING[part](fault)
        said(house.invoice)
        said(house.desk.deliver)
    logged = [told_in(record) for record in caplog.records]
    assert logged and not [leak for text in logged for leak in told(text)]


def test_a_row_that_cannot_be_read_is_not_quoted(tmp_path: Path) -> None:
    """Whichever of its columns is cut short; the value that could not be read is told, but none of a client."""
    with closing(SqliteStore(tmp_path / "whole.sqlite3")) as whole:
        invoices = House(whole, MemoryFiles()).of_every_status()
    refused = 0
    for number, (table, column) in enumerate(_columns(tmp_path / "whole.sqlite3")):
        path = tmp_path / f"{number}.sqlite3"
        _cut_short(tmp_path / "whole.sqlite3", path, table, column)
        with closing(SqliteStore(path)) as store:
            desk = House(store, MemoryFiles()).desk
            verbs = (desk.get, desk.history, desk.deliveries, desk.link)
            texts = [text for verb in verbs for text in said(partial(verb, invoices[0].id))]
            texts += [text for verb in (desk.list, desk.totals, desk.export_records) for text in said(verb)]
        refused += any("cannot be read" in text for text in texts)
        assert not [leak for text in texts for leak in told(text)], f"{table}.{column}"
    assert refused > 10


def _columns(path: Path) -> list[tuple[str, str]]:
    tables = ("invoices", "letters", "history")
    with closing(sqlite3.connect(path)) as db:
        return [(table, row[1]) for table in tables for row in db.execute(f"PRAGMA table_info({table})")]


def _cut_short(whole: Path, path: Path, table: str, column: str) -> None:
    with closing(sqlite3.connect(whole)) as source, closing(sqlite3.connect(path)) as db:
        source.backup(db)
        db.execute("PRAGMA synchronous = OFF")
        db.execute("PRAGMA ignore_check_constraints = ON")
        with suppress(sqlite3.IntegrityError), db:
            db.execute(f"UPDATE {table} SET {column} = substr({column}, 2)")  # noqa: S608  # of the schema itself


BROKEN: dict[str, tuple[object, str, Callable[..., object]]] = {
    "a client's repr": (Client, "__repr__", lambda client: client.name),
    "a filter's repr": (InvoiceFilter, "__repr__", lambda which: str(which.words)),
    "a key's repr": (Idempotency, "__repr__", lambda used: used.key),
    "a delivery's repr": (Delivery, "__repr__", lambda sent: sent.to),
    "a problem's repr": (Problem, "__repr__", lambda problem: str(problem.params)),
    "an error's text": (InvalidInputError, "__str__", lambda error: str([p.params for p in error.problems])),
    "an error before it": (IndioPayError, "__init__", lambda error, *_: setattr(error, "__cause__", OSError("canari"))),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_verb_that_tells_is_caught(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it does."""
    monkeypatch.setattr(*BROKEN[broken])
    with pytest.raises(AssertionError, match="tells"):
        check_verbs(House(MemoryStore(), MemoryFiles()), {"create", "list", "send"})


def test_a_desk_that_keeps_the_words_of_a_mailer_is_caught(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """In the columns where a code belongs."""
    monkeypatch.setattr(delivery, "_plain", lambda error: error)
    with pytest.raises(AssertionError):
        check_mail(House(MemoryStore(), MemoryFiles(), Refusing(ANSWERS[0])), caplog)


def test_a_server_that_quotes_values_is_not_quoted(postgres: str) -> None:
    """Two invoices of one key are refused, without the key that PostgreSQL names."""
    with closing(PostgresStore(postgres)) as store:
        house = House(MemoryStore(), MemoryFiles())
        first, second = (house.invoice(), house.invoice())
        records = [
            evolve(record, idempotency=Idempotency("canari", bytes(32))) for record in house.store.export("nord")
        ]
        with pytest.raises(StorageError) as caught:
            store.import_("nord", records)
    assert "duplicate key" in str(caught.value.__cause__) and first != second
    assert not [leak for text in told_by(caught.value) for leak in told(text)]
