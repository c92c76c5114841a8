"""Attacks on payment links, through a whole desk: what is no link of now opens nothing and costs next to nothing."""

import subprocess
import sys
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from functools import cache, partial
from html import unescape
from pathlib import Path
from random import Random
from threading import Event
from typing import Any
from unicodedata import normalize
from urllib.parse import unquote
from uuid import UUID

import pytest
from hypothesis import given, strategies as st

from indiopay import Invoice, InvoiceDesk, PaymentLinks, links
from indiopay.files.memory import MemoryFiles
from indiopay.mailers.memory import MemoryMailer
from indiopay.ports import InvoiceStore
from indiopay.stores.memory import MemoryStore
from indiopay.stores.sqlite import SqliteStore
from indiopay.testing import StoppedClock, memory_desk

from .conftest import KEY, PAGE, filled_in, token_of
from .link_attacks import (
    ALPHABET,
    ATTACKS,
    ELSEWHERE,
    FIRST,
    NEXT,
    NORTH,
    OPENS_NOTHING,
    RETIRED,
    House,
    Ring,
    answer,
    edits,
    lengths,
    lost,
    opens_nothing,
    signed_elsewhere,
    types,
)
from .test_races import at_once
from .wrong_links import (
    AnyAgency,
    AnyVersion,
    ComparesTexts,
    ComparesTheBeginning,
    KeepsRetiredKeys,
    LooksForFiles,
    ReadsFirst,
    Remembers,
    ShowsTheCause,
    SignsFirst,
    SignsWithTheLastKey,
    TellsWhy,
    reads_as,
)
from .wrong_twins import KeepsLinks

pytestmark = pytest.mark.no_cover  # it goes over and over what other tests cover


# --- what opens nothing


def test_whatever_is_done_to_a_token_it_opens_nothing(seed: int, tell: Callable[[str], None]) -> None:
    """One answer to every verb, and not one call to a store or a file store: a token has one spelling."""
    house = House(Ring(seed))
    tried = sum(opens_nothing(house, attack(house.token)) for attack in ATTACKS.values())
    tell(f"links: {tried} tokens that were no longer a link's opened nothing, {seed=}")


@cache
def _house() -> House:
    return House(Ring(0))


@given(
    st.one_of(st.text(), st.text(ALPHABET, min_size=48, max_size=48), st.binary(), st.text(min_size=48, max_size=48))
)
def test_what_nobody_made_opens_nothing(token: object) -> None:
    """Any text and any bytes, and whatever looks like a token."""
    opens_nothing(_house(), [token])


def test_what_is_signed_for_something_else_opens_nothing() -> None:
    """A retired key's, another version's, another agency's token: the same answer, and not one call."""
    assert signed_elsewhere(House(Ring(0))) == len(ELSEWHERE) + 1


def test_a_link_that_is_not_kept_costs_one_keyed_read() -> None:
    """Never drawn, renewed, or of another agency: the same answer as for a forged one, and no file is looked for."""
    assert lost(House(Ring(0))) == 5


def attacked_by(name: str) -> Callable[[House], object]:
    """An attack of one kind."""
    return lambda house: opens_nothing(house, ATTACKS[name](house.token))


def _decoded_leniently(token: str) -> str:
    return urlsafe_b64encode(urlsafe_b64decode(token)).decode()


CAUGHT: dict[str, tuple[Callable[[House], object], Callable[[], House]]] = {
    "compares the beginning": (attacked_by("edits"), lambda: House(ComparesTheBeginning(0))),
    "decodes an address": (attacked_by("spellings"), lambda: House(reads_as(unquote)(0))),
    "decodes HTML": (attacked_by("spellings"), lambda: House(reads_as(unescape)(0))),
    "decodes Unicode": (attacked_by("spellings"), lambda: House(reads_as(partial(normalize, "NFKC"))(0))),
    "decodes leniently": (attacked_by("insertions"), lambda: House(reads_as(_decoded_leniently)(0))),
    "strips": (attacked_by("insertions"), lambda: House(reads_as(str.strip)(0))),
    "cuts": (attacked_by("concatenations"), lambda: House(reads_as(lambda token: token[:48])(0))),
    "takes bytes": (attacked_by("types"), lambda: House(reads_as(lambda token: bytes(token).decode())(0))),
    "tells why": (attacked_by("lengths"), lambda: House(TellsWhy(0))),
    "shows the cause": (attacked_by("types"), lambda: House(ShowsTheCause(0))),
    "reads first": (attacked_by("deletions"), lambda: House(Ring(0), ReadsFirst)),
    "looks for files": (attacked_by("swaps"), lambda: House(Ring(0), LooksForFiles)),
    "any agency": (signed_elsewhere, lambda: House(AnyAgency(0))),
    "any version": (signed_elsewhere, lambda: House(AnyVersion(0))),
    "retired keys": (signed_elsewhere, lambda: House(KeepsRetiredKeys(0))),
    "reads twice": (lost, lambda: House(Ring(0), ReadsFirst)),
    "keeps links": (lost, lambda: House(Ring(0), store=KeepsLinks())),
}


@pytest.mark.parametrize("wrong", CAUGHT)
def test_what_opens_or_does_too_much_is_caught(wrong: str) -> None:
    """A verifier that is kind, careless or talkative, a desk that asks first, a store that forgets nothing."""
    attack, made = CAUGHT[wrong]
    with pytest.raises(AssertionError):
        attack(made())


# --- the work that a token makes


def work(ring: PaymentLinks, token: object) -> list[tuple[int, ...]]:
    """The sizes of what is signed and of what is compared, in that order."""
    done: list[tuple[int, ...]] = []

    def noted(function: Callable[..., Any], *given: Any) -> Any:
        done.append(tuple(map(len, given[:2])))
        return function(*given)

    with pytest.MonkeyPatch.context() as patch:
        for name in ("digest", "compare_digest"):
            patch.setattr(links, name, partial(noted, getattr(links, name)))
        assert answer(partial(ring.verify, "nord"), token) == (OPENS_NOTHING, None)
    return done


def is_flat(ring: PaymentLinks) -> None:
    """One MAC and one comparison of 16 bytes for what names version and key as it should; none for anything else."""
    good = ring.token("nord", ring.draw("nord", Random(0).randbytes))
    named = urlsafe_b64decode(good)[:2]
    for token in (*edits(good), *lengths(good), *types(good)):
        is_formed = isinstance(token, str) and len(token) == 48 and set(token) <= set(ALPHABET)
        is_ours = is_formed and urlsafe_b64decode(str(token))[:2] == named
        assert work(ring, token) == ([(32, 42), (16, 16)] if is_ours else []), f"{token!r:.120}"


def test_every_wrong_token_of_a_key_makes_the_same_work() -> None:
    """Wherever its first wrong byte stands; one that names no key of the ring makes none, however long it is."""
    is_flat(Ring(0))


@pytest.mark.parametrize("wrong", [ComparesTexts, SignsFirst])
def test_work_that_depends_on_the_token_is_caught(wrong: type[Ring]) -> None:
    """A comparison that ends at the first letter that differs, or a MAC of anything."""
    with pytest.raises(AssertionError):
        is_flat(wrong(0))


class Untouched(str):
    """A text of which nobody may ask more than its length."""

    __slots__ = ()

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(name)


def test_a_text_of_another_length_is_refused_unread() -> None:
    """However long it is: it is neither encoded nor gone through."""
    for length in (0, 47, 49, 10**6):
        assert answer(partial(Ring(0).verify, "nord"), Untouched("A" * length)) == (OPENS_NOTHING, None)
    with pytest.raises(AssertionError, match="encode"):
        Ring(0).verify("nord", Untouched("A" * 48))


# --- a link stays


FIFTY_YEARS = timedelta(days=18_263)
ROTATIONS = [[FIRST], [NEXT, FIRST], [FIRST, NEXT], [RETIRED, FIRST, NEXT], [FIRST, NEXT, RETIRED]]


def desk_over(store: InvoiceStore, ring: PaymentLinks, later: timedelta) -> InvoiceDesk:
    clock = StoppedClock()
    clock.advance(later)
    return InvoiceDesk(agency=NORTH, store=store, files=MemoryFiles(), mailer=MemoryMailer(), links=ring, clock=clock)


def stays(database: Path, ring: type[PaymentLinks] = PaymentLinks) -> tuple[UUID, str]:
    """Made today, the link is told and opens after each restart, with each ring, fifty years from now."""
    with closing(SqliteStore(database)) as store:
        desk = desk_over(store, ring(PAGE, keys=ROTATIONS[0]), timedelta())
        invoice = desk.create(filled_in())
        link = desk.link(invoice.id)
    for keys in ROTATIONS:
        with closing(SqliteStore(database)) as store:
            desk = desk_over(store, ring(PAGE, keys=keys), FIFTY_YEARS)
            assert desk.link(invoice.id) == link
            assert desk.payment_page(token_of(link)).number == invoice.number
    return invoice.id, link


IN_ANOTHER_PROCESS = """
import sys
from uuid import UUID
from indiopay import Agency, InvoiceDesk, PaymentLinks
from indiopay.files.memory import MemoryFiles
from indiopay.mailers.memory import MemoryMailer
from indiopay.stores.sqlite import SqliteStore
database, invoice_id, page, *keys = sys.argv[1:]
agency = Agency("nord", "Assurances du Nord", "facturation@exemple.ca")
links = PaymentLinks(page, keys=[bytes.fromhex(key) for key in keys])
desk = InvoiceDesk(agency=agency, store=SqliteStore(database), files=MemoryFiles(), mailer=MemoryMailer(), links=links)
link = desk.link(UUID(invoice_id))
print(link, desk.payment_page(link.removeprefix(page)).number)
"""


def test_a_link_stays_until_it_is_renewed(tmp_path: Path) -> None:
    """It is the same to the byte after a restart, in another process, and with other keys around its own."""
    database = tmp_path / "invoices.sqlite3"
    invoice_id, link = stays(database)
    given = [str(database), str(invoice_id), PAGE, NEXT.hex(), FIRST.hex()]
    told = subprocess.run(
        [sys.executable, "-c", IN_ANOTHER_PROCESS, *given], capture_output=True, text=True, check=True
    )
    assert told.stdout == f"{link} F-000001\n"


def test_a_link_that_changes_with_the_keys_is_caught(tmp_path: Path) -> None:
    """It is another one as soon as another key signs."""
    with pytest.raises(AssertionError):
        stays(tmp_path / "invoices.sqlite3", SignsWithTheLastKey)


# --- renewed while it is opened


ROUNDS = 5


@pytest.fixture
def hasty_threads() -> Iterator[None]:
    """Threads change places far more often than they would."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


def race_to_renew(desk: InvoiceDesk) -> int:
    """Two renew the link that four open, over and over; how often it opened before that."""
    opened = 0
    for turn in range(ROUNDS):
        invoice = desk.create(filled_in())
        old, renewed = token_of(desk.link(invoice.id)), Event()
        renewals = [partial(_renew, desk, invoice, renewed, turn / 1000)] * 2
        *made, one, two, three, four = at_once(*renewals, *[partial(_open, desk, old, renewed)] * 4)
        opened += one + two + three + four
        assert [link for link in {PAGE + old, *made} if _opens(desk, token_of(link))] == [desk.link(invoice.id)]
        assert desk.link(invoice.id) in made
    return opened


def _renew(desk: InvoiceDesk, invoice: Invoice, renewed: Event, seconds: float) -> str:
    time.sleep(seconds)
    try:
        return desk.renew_link(invoice.id)
    finally:
        renewed.set()


def _open(desk: InvoiceDesk, token: str, renewed: Event) -> int:
    """Over and over, until it is refused after it was renewed; how often it opened."""
    opened = 0
    while not renewed.is_set():
        opened += _opens(desk, token)
    assert not _opens(desk, token)
    return opened


def _opens(desk: InvoiceDesk, token: str) -> bool:
    return answer(desk.payment_page, token) != (OPENS_NOTHING, None)


@pytest.mark.usefixtures("hasty_threads")
def test_a_link_that_was_renewed_does_not_open_again(desk: InvoiceDesk, tell: Callable[[str], None]) -> None:
    """Whoever opens it after `renew_link` returned is refused; of two renewals at once, one link opens: that of now."""
    opened = race_to_renew(desk)
    assert opened
    tell(f"links: {4 * ROUNDS} callers were refused what was just renewed, after they had opened it {opened} times")


@pytest.mark.parametrize("store", [Remembers, KeepsLinks])
def test_a_store_that_knows_the_old_link_is_caught(store: type[MemoryStore]) -> None:
    """It opens after it was renewed."""
    with pytest.raises(AssertionError):
        race_to_renew(memory_desk(store=store(), links=PaymentLinks(PAGE, keys=[KEY])))
