"""Real workers, a real relay, and SIGKILL: no letter is lost, and none comes twice but for a kill that explains it."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest

from indiopay.outbox import Letter
from indiopay.ports import InvoiceStore
from indiopay.stores.postgres import PostgresStore
from indiopay.stores.sqlite import SqliteStore
from indiopay.testing import memory_desk

from .conftest import filled_in
from .kills.houses import fast_folder
from .mail import careless
from .mail.real_workers import WORKERS, Account, live

pytestmark = [pytest.mark.forks, pytest.mark.no_cover]  # it goes over and over what other tests cover

LIVES = 10
LIVES_OF_A_TWIN = 12


@pytest.fixture(scope="module", autouse=True)
def _loaded() -> None:
    """What is loaded on first use is loaded before the fork, and not within a short life."""
    memory_desk().create(filled_in(send_by_email=True))


@pytest.fixture(params=["sqlite", "postgres"])
def open_store(request: pytest.FixtureRequest) -> Any:
    """Opens one store, again in each process."""
    if request.param == "postgres":
        address = request.getfixturevalue("postgres")
        return lambda: PostgresStore(address)
    folder: Path = request.getfixturevalue("folder")
    return lambda: SqliteStore(folder / "factures.sqlite3")


@pytest.fixture
def folder() -> Any:
    with fast_folder() as made:
        yield made


def adds_up(store: InvoiceStore, account: Account) -> int:
    """Every letter that was asked for is sent, and has come once, or twice for a reason that is told; how many."""
    letters: list[Letter] = [letter for record in store.export("nord") for letter in record.letters]
    for letter in letters:
        copies = [body for message_id, body in account.copies if message_id == letter.message_id]
        assert letter.state == "sent", f"a letter is {letter.state}"
        assert copies, "a letter is told as sent that no relay accepted"
        assert {*copies} == {letter.message_sha256}, "copies of a letter differ"
        assert len(copies) <= 1 + account.excuses[letter.message_id], "a letter came twice though nobody was killed"
        assert len(copies) == 1 or letter.maybe_duplicate, "a second copy is not told of"
    assert {message_id for message_id, _ in account.copies} == {letter.message_id for letter in letters}
    return len(letters)


def test_no_letter_is_lost_and_none_comes_twice_but_for_a_kill(
    open_store: Callable[[], Any], seed: int, tell: Callable[[str], None], request: Any
) -> None:
    """Workers that are killed at random instants, the relay's answer under way or not, and lives an hour apart."""
    with closing(open_store()):
        pass
    account = live(open_store, lives=LIVES, lots=Random(seed))
    with closing(open_store()) as store:
        letters = adds_up(store, account)
    kind = request.node.callspec.params["open_store"]
    twice = len(account.copies) - letters
    tell(f"mail killed over {kind}: {account.kills} workers, {letters} letters, {twice} second copies")
    assert account.kills == LIVES * WORKERS


@pytest.mark.parametrize("open_store", ["sqlite"], indirect=True)
def test_workers_that_write_before_they_send_are_caught(open_store: Callable[[], Any], seed: int) -> None:
    """A letter is then told as sent that never went."""
    with closing(open_store()):
        pass
    account = live(open_store, lives=LIVES_OF_A_TWIN, lots=Random(seed), dispatch=careless.SentBeforeSending)
    with closing(open_store()) as store, pytest.raises(AssertionError, match="no relay accepted"):
        adds_up(store, account)
