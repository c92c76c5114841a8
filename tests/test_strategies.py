"""The strategies: what they draw is what the library takes, and all of it can be drawn."""

import inspect
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, TypeVar
from unicodedata import normalize

import pytest
from attrs import evolve
from hypothesis import HealthCheck, Phase, find, given, settings, strategies as st
from hypothesis.errors import NoSuchExample
from hypothesis.strategies import SearchStrategy

from indiopay import Agency, Client, Invoice, InvoiceForm, Money, Status
from indiopay.currencies import DECIMALS
from indiopay.invoice import InvoiceRecord, LinkRef
from indiopay.languages import SUPPORTED
from indiopay.mailers.memory import MemoryMailer
from indiopay.stores.sqlite import SqliteStore
from indiopay.testing import StoppedClock, memory_desk, strategies

from .conftest import TODAY

pytestmark = pytest.mark.no_cover  # it goes over and over what other tests cover

T = TypeVar("T")

NAMES = ["clients", "due_dates", "invoice_forms", "invoices", "money", "typed_amounts"]
AMOUNTS = (str, int, Decimal, Money)
FILES = ("pdf", "png", "txt", "csv")
LEAP_DAY = datetime(2028, 2, 29, 15, tzinfo=UTC)

few = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def smallest(strategy: SearchStrategy[T], wanted: Callable[[T], bool] = lambda _: True) -> T:
    """What Hypothesis shrinks an example to."""
    return find(strategy, wanted, settings=settings(database=None))


def never_drawn(strategy: SearchStrategy[Any], kinds: Mapping[str, Callable[[Any], object]]) -> list[str]:
    """The kinds of which a few thousand examples hold none."""
    missing = dict(kinds)

    def all_are_seen(value: object) -> bool:
        for name in [name for name, is_one in missing.items() if is_one(value)]:
            del missing[name]
        return not missing

    with suppress(NoSuchExample):
        find(strategy, all_are_seen, settings=settings(max_examples=5_000, database=None, phases=[Phase.generate]))
    return list(missing)


# --- what they draw is what the library takes


@few
@given(strategies.money(), strategies.due_dates())
def test_money_and_due_dates_are_kept_as_drawn(money: Money, due_date: date) -> None:
    """An invoice is made of any amount and any date, and holds both unchanged."""
    invoice = memory_desk().create(InvoiceForm(money, due_date, "Zoé", "zoe@exemple.ca", currency=money.currency))
    assert (invoice.amount, invoice.due_date) == (money, due_date)


@few
@given(strategies.clients())
def test_clients_are_kept_as_drawn(client: Client) -> None:
    """A form that holds a client's name and address gives an equal one, in NFC."""
    invoice = memory_desk().create(InvoiceForm(1, "today", client.name, client.email))
    assert invoice.client == client
    assert client.name == normalize("NFC", client.name).strip()
    assert 1 <= len(client.name) <= 200


@pytest.mark.parametrize("locale", SUPPORTED)
def test_typed_amounts_have_one_reading_with_their_own_digits(locale: str) -> None:
    """In every locale and currency a text is read, and the reading is its digits, scaled by decimals left out."""
    in_any = st.sampled_from(sorted(DECIMALS))
    texts = in_any.flatmap(
        lambda code: st.tuples(st.just(code), strategies.typed_amounts(locale=locale, currency=code))
    )

    @settings(few, max_examples=30)
    @given(texts)
    def read(drawn: tuple[str, str]) -> None:
        currency, text = drawn
        digits = int(re.sub("[^0-9]", "", text))
        minor_units = Money.parse(text, currency=currency, locale=locale).minor_units
        assert minor_units in [digits * 10**left_out for left_out in range(DECIMALS[currency] + 1)]

    read()


@few
@given(strategies.invoice_forms())
def test_a_desk_makes_an_invoice_of_every_form(form: InvoiceForm) -> None:
    """What was given as a value is kept as it is; a letter goes out when it is asked for."""
    mailer = MemoryMailer()
    invoice = memory_desk(mailer=mailer).create(form)
    assert invoice.client == Client(form.client_name, form.client_email)
    assert invoice.description == form.description.replace("\r\n", "\n")
    assert [file.size for file in invoice.attachments] == [
        len(upload.content or b"")  # type: ignore[arg-type]  # these are drawn as bytes
        for upload in form.files
    ]
    assert len(mailer.sent) == form.send_by_email
    assert invoice.amount == form.amount or not isinstance(form.amount, Money)
    assert invoice.due_date == form.due_date or not isinstance(form.due_date, date)


def test_forms_are_for_the_desk_that_they_are_asked_for() -> None:
    """Another agency's language, currency and day."""
    agency = Agency("north", "North", "billing@exemple.ca", locale="en_GB", currency="GBP", timezone="Europe/London")

    @settings(few, max_examples=30)
    @given(strategies.invoice_forms(today=LEAP_DAY.date(), locale="en_GB", currency="GBP"))
    def create(form: InvoiceForm) -> None:
        invoice = memory_desk(agency=agency, clock=StoppedClock(LEAP_DAY)).create(form)
        assert invoice.amount.currency == (form.currency or "GBP")

    create()


def test_a_store_gives_every_invoice_back_equal(tmp_path: Path) -> None:
    """Each comes out of SQLite as it went in."""
    store, agencies = SqliteStore(tmp_path / "invoices.sqlite3"), count()

    @settings(few, max_examples=30)
    @given(strategies.invoices())
    def round_trip(drawn: Invoice) -> None:
        agency = f"cabinet-{next(agencies)}"
        invoice = evolve(drawn, agency_slug=agency, number="F-000001")
        link = LinkRef(invoice.id.bytes + b"..", 1)
        assert store.import_(agency, [InvoiceRecord(invoice, link, None, (), ())]) == 1
        assert store.get(agency, invoice.id) == (invoice, link)

    round_trip()
    store.close()


@few
@given(strategies.invoices())
def test_an_invoice_holds_what_its_status_says(invoice: Invoice) -> None:
    """A paid one has its payment, a cancelled one its cancellation, an open one neither."""
    held = {
        "paid_at": invoice.paid_at is not None,
        "payment_reference": invoice.payment_reference is not None,
        "cancelled_at": invoice.cancelled_at is not None,
    }
    paid, cancelled = invoice.status is Status.PAID, invoice.status is Status.CANCELLED
    assert held == {"paid_at": paid, "payment_reference": paid, "cancelled_at": cancelled}
    assert cancelled or invoice.cancel_reason is None
    assert invoice.version >= 1 + (paid or cancelled)
    assert invoice.id.version == 7
    assert re.fullmatch("F-[0-9]{6,}", invoice.number)
    for at in filter(None, (invoice.created_at, invoice.paid_at, invoice.cancelled_at)):
        assert at.tzinfo is UTC and at >= invoice.created_at
    assert len({file.name.casefold() for file in invoice.attachments}) == len(invoice.attachments)


# --- all of it can be drawn, and small things come first


def test_what_is_shrunk_to_is_plain() -> None:
    """An example that needs nothing in particular is a small amount, today, and an ordinary client."""
    assert smallest(strategies.money()) == Money(1, "CAD")
    assert smallest(strategies.money(currencies=["JPY"]), lambda money: money.minor_units > 999) == Money(1000, "JPY")
    assert smallest(strategies.due_dates()) == TODAY
    assert smallest(strategies.due_dates(today=date(1999, 1, 1))) == date(1999, 1, 1)
    assert smallest(strategies.clients()) == Client("Zoé Tremblay", "zoe@courriel.example")


@pytest.mark.parametrize("currency", ["CAD", "JPY", "TND"])
def test_amounts_reach_both_ends(currency: str) -> None:
    """One minor unit, and the last one that can be billed; the next one is refused."""
    last = Money.of(10**12, currency).minor_units - 1
    ends = {"first": lambda money: money.minor_units == 1, "last": lambda money: money.minor_units == last}
    assert never_drawn(strategies.money(currencies=[currency]), ends) == []
    form = InvoiceForm(Money(last + 1, currency), "today", "Zoé", "zoe@exemple.ca", currency=currency)
    assert [problem.code for problem in memory_desk().check(form)] == ["too_large"]


@pytest.mark.parametrize(
    ("at", "last"),
    [
        (StoppedClock()(), date(2036, 3, 2)),
        (LEAP_DAY, date(2038, 2, 28)),
        (datetime(9990, 5, 1, 15, tzinfo=UTC), date.max),
    ],
)
def test_due_dates_reach_both_ends(at: datetime, last: date) -> None:
    """Today and the last day, which the library takes; the next day, if there is one, is refused."""
    ends = {"first": lambda day: day == at.date(), "last": lambda day: day == last}
    assert never_drawn(strategies.due_dates(today=at.date()), ends) == []
    desk = memory_desk(clock=StoppedClock(at))
    assert desk.check(InvoiceForm(1, last, "Zoé", "zoe@exemple.ca")) == ()
    if last < date.max:
        assert desk.check(InvoiceForm(1, last + timedelta(1), "Zoé", "zoe@exemple.ca"))[0].code == "out_of_range"


def test_money_is_of_every_currency() -> None:
    """None is left out."""
    kinds = {code: partial(lambda code, money: money.currency == code, code) for code in DECIMALS}
    assert never_drawn(strategies.money(), kinds) == []


def test_clients_are_of_many_kinds() -> None:
    """Long names, apostrophes of both kinds, other scripts, emoji, isolates, internationalised domains."""
    kinds: dict[str, Callable[[Client], object]] = {
        "200 characters": lambda client: len(client.name) == 200,
        "typewriter apostrophe": lambda client: "'" in client.name,
        "apostrophe": lambda client: "’" in client.name,
        "Han": lambda client: re.search("[一-鿿]{2}", client.name),
        "Arabic": lambda client: re.search("[\u0620-\u064a]{2}", client.name),
        "emoji": lambda client: re.search("[\U0001f300-\U0001faff]", client.name),
        "isolate": lambda client: "\u2068" in client.name,
        "plain domain": lambda client: client.email.isascii(),
        "international label": lambda client: re.search("[^a-z]\\.example$", client.email),
        "international ending": lambda client: client.email.endswith("テスト"),
    }
    assert never_drawn(strategies.clients(), kinds) == []


@pytest.mark.parametrize(
    ("locale", "patterns"),
    [
        (
            "fr_CA",
            ["[0-9]{4},[0-9]{2}", r"[0-9]{4}\.[0-9]", r"[0-9]\.[0-9]{3},[0-9]", r"^\$", r"[0-9] ?\$ CAD$", "^CAD"],
        ),
        ("fr_FR", [*(f"[0-9]{space}[0-9]" for space in " \u00a0\u202f\u2009"), r"[0-9] \$$", r"\$CA$"]),
        ("fr_CH", ["[0-9]'[0-9]{3}", "[0-9]’[0-9]{3}"]),
        ("en_CA", [r",[0-9]{3}\.[0-9]{2}", ",[0-9]{3}[^0-9.,]*$", r"[0-9] [0-9]{3}\.[0-9]"]),
    ],
)
def test_amounts_are_typed_in_many_ways(locale: str, patterns: list[str]) -> None:
    """Each locale's own ways, its spaces and its marks."""
    kinds = {pattern: re.compile(pattern).search for pattern in patterns}
    assert never_drawn(strategies.typed_amounts(locale=locale), kinds) == []


def test_forms_are_filled_in_in_many_ways() -> None:
    """Amounts and dates as texts and as values, descriptions long and absent, every kind of file, every choice."""
    kinds: dict[str, Callable[[InvoiceForm], object]] = {
        **{kind.__name__: partial(lambda kind, form: type(form.amount) is kind, kind) for kind in AMOUNTS},
        **{end: partial(lambda end, form: any(file.name.endswith(end) for file in form.files), end) for end in FILES},
        "date": lambda form: isinstance(form.due_date, date),
        "term": lambda form: "jours" in str(form.due_date),
        "date in figures": lambda form: "/" in str(form.due_date),
        "named month": lambda form: " 20" in str(form.due_date),
        "no description": lambda form: not form.description,
        "lines of a browser": lambda form: "\r\n" in form.description,
        "5000 characters": lambda form: len(form.description) == 5_000,
        "letter": lambda form: form.send_by_email,
        "own choices": lambda form: form.currency and form.locale and form.input_locale,
        "no choices": lambda form: not (form.currency or form.locale or form.input_locale or form.files),
    }
    assert never_drawn(strategies.invoice_forms(), kinds) == []


def test_invoices_reach_every_status() -> None:
    """With a reason or none, with files or none, changed before or new."""
    kinds: dict[str, Callable[[Invoice], object]] = {
        **{status.value: partial(lambda status, invoice: invoice.status is status, status) for status in Status},
        "a reason": lambda invoice: invoice.cancel_reason,
        "no reason": lambda invoice: invoice.status is Status.CANCELLED and invoice.cancel_reason is None,
        "files": lambda invoice: len(invoice.attachments) > 1,
        "no file": lambda invoice: not invoice.attachments,
        "new": lambda invoice: invoice.version == 1,
        "a long number": lambda invoice: len(invoice.number) == 9,
    }
    assert never_drawn(strategies.invoices(), kinds) == []


# --- the module


def test_every_function_takes_keywords_only_and_is_documented() -> None:
    """There are six of them; each can be called without arguments."""
    mine = {name: found for name, found in vars(strategies).items() if not name.startswith("_")}
    functions = {name: f for name, f in mine.items() if getattr(f, "__module__", "") == strategies.__name__}
    assert sorted(functions) == NAMES
    for function in functions.values():
        assert len(inspect.getdoc(function) or "") > 80
        for parameter in inspect.signature(function).parameters.values():
            assert parameter.kind is parameter.KEYWORD_ONLY
            assert parameter.default is not parameter.empty


def test_only_the_strategies_load_hypothesis() -> None:
    """Importing the package, or its other helpers for tests, does not; importing the strategies does."""
    script = "import sys; {}; print('hypothesis' in sys.modules, 'pytest' in sys.modules)"
    statements = (
        "import indiopay",
        "import indiopay.testing; indiopay.testing.memory_desk()",
        "from indiopay.testing import strategies",
    )
    commands = ([sys.executable, "-W", "error", "-c", script.format(statement)] for statement in statements)
    printed = [subprocess.run(command, check=True, capture_output=True, text=True).stdout for command in commands]
    assert printed == ["False False\n", "False False\n", "True False\n"]
