"""Files in a bucket, on a real S3 server: what the contract cannot try."""

import os
import secrets
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from datetime import timedelta
from itertools import compress
from pathlib import Path
from threading import Barrier

import obstore
import pytest
from obstore.store import LocalStore

from indiopay import FileDamagedError, StorageError
from indiopay.files import bucket
from indiopay.files.bucket import BucketFiles
from indiopay.testing.file_samples import content, is_missing, key, listed, read

from .lossy_proxy import Fate, lossy_proxy
from .s3_server import S3Server

pytestmark = pytest.mark.no_cover  # it goes over and over what other tests cover

SMALL, LARGE = 1000, 6 * 2**20
PARTS, RIVALS = 5 * 2**20 + 1, 4
KEY = key(1)
RETRY = {"max_retries": 3, "backoff": {"init_backoff": timedelta(milliseconds=5)}}

VERBS: dict[str, Callable[[BucketFiles], object]] = {
    "put": lambda files: files.put(key(2), [b"x"]),
    "put, in parts": lambda files: files.put(key(2), [content(LARGE)]),
    "read": lambda files: files.read(KEY),
    "keys": listed,
    "delete": lambda files: files.delete(KEY),
}


@pytest.fixture
def server(s3_server: S3Server) -> S3Server:
    """With nothing in its bucket."""
    s3_server.empty()
    return s3_server


@pytest.fixture
def files(server: S3Server) -> BucketFiles:
    return BucketFiles(server.store())


# --- names and prefixes


def test_a_prefix_is_a_folder_with_or_without_a_slash_at_its_end(server: S3Server, files: BucketFiles) -> None:
    """What is elsewhere in the bucket is not ours."""
    ours = BucketFiles(server.store(), "pieces/jointes")
    ours.put(KEY, [b"ours"])
    files.put(KEY, [b"another's"])
    BucketFiles(server.store(), "pieces/jointes2").put(key(2), [b"another's"])
    for again in (
        BucketFiles(server.store(), "pieces/jointes/"),
        BucketFiles(server.store(prefix="pieces"), "jointes"),
    ):
        assert (listed(again), listed(again, "nord/"), read(again, KEY)) == ([KEY], [KEY], b"ours")
    assert listed(files) == [KEY]
    ours.delete(KEY)
    assert (listed(ours), listed(files)) == ([], [KEY])


@pytest.mark.parametrize("prefix", ["/", "/a", "a//b", "..", "a/../b", "./a", ".a", "a b", "é", "a\\b", "a\n", "100%"])
def test_a_prefix_of_another_form_is_refused(prefix: str) -> None:
    """Stores spell such names in ways of their own."""
    with pytest.raises(ValueError, match="prefix"):
        BucketFiles(LocalStore(), prefix)


def test_what_is_no_store_of_obstores_is_refused() -> None:
    """The name of a bucket is not one yet."""
    with pytest.raises(TypeError, match="S3Store"):
        BucketFiles("factures")  # type: ignore[arg-type]  # on purpose


def test_a_store_that_cannot_do_what_it_must_is_told(tmp_path: Path) -> None:
    """A folder is what `FolderFiles` is for."""
    files = BucketFiles(LocalStore(tmp_path))
    for chunks in ([b"x"], [content(LARGE)]):
        with pytest.raises(StorageError, match="does not do what it must"):
            files.put(KEY, chunks)
    assert listed(files) == []


def test_keys_go_on_over_the_pages_of_a_list(files: BucketFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server gives a thousand at a time."""
    monkeypatch.setattr(bucket, "_PAGE", 2)
    keys = sorted(key(number) for number in range(5))
    for each in keys:
        files.put(each, [b"x"])
    assert listed(files) == keys


# --- uploads in parts


def test_an_upload_that_breaks_off_leaves_no_parts(server: S3Server, files: BucketFiles) -> None:
    """Storage that nobody sees costs money all the same."""
    waiting: list[int] = []

    def chunks() -> Iterator[bytes]:
        yield content(LARGE)
        yield content(LARGE)
        waiting.append(len(server.uploads()))
        raise RuntimeError

    with pytest.raises(RuntimeError):
        files.put(KEY, chunks())
    assert (waiting, server.uploads(), is_missing(files, KEY), listed(files)) == ([1], [], True, [])


def test_an_upload_that_comes_late_to_a_name_leaves_no_parts(server: S3Server, files: BucketFiles) -> None:
    """The one that was there stays."""
    files.put(KEY, [b"first"])
    with pytest.raises(StorageError, match="there already"):
        files.put(KEY, [content(LARGE)])
    assert (server.uploads(), read(files, KEY)) == ([], b"first")


def _is_join(method: str, path: str) -> bool:
    return method == "POST" and "uploadId=" in path


@pytest.mark.parametrize("fate", ["lost", 503])
def test_an_upload_that_is_not_joined_gives_its_name_back(server: S3Server, files: BucketFiles, fate: Fate) -> None:
    """Even if it was joined, and its answer lost: the caller was told that it is not there."""
    with lossy_proxy(server.port, lambda method, path: fate if _is_join(method, path) else "") as port:
        cut_off = BucketFiles(server.store(endpoint=f"http://127.0.0.1:{port}"))
        with pytest.raises(StorageError, match="could not be stored"):
            cut_off.put(KEY, [content(LARGE)])
    assert (server.uploads(), is_missing(files, KEY), listed(files)) == ([], True, [])


def claimed(server: S3Server) -> None:
    """A large upload is killed just after it took its name."""
    obstore.put(server.store(), KEY, b"", attributes=bucket._CLAIM)


def test_a_claim_is_no_file(server: S3Server, files: BucketFiles) -> None:
    """It is neither read nor copied, and a sweep may take it."""
    claimed(server)
    assert (is_missing(files, KEY), listed(files)) == (True, [f"{KEY}.part"])
    files.delete(f"{KEY}.part")
    assert listed(files) == []


def test_a_file_is_not_deleted_for_the_claim_that_it_was(files: BucketFiles) -> None:
    """It was joined since it was listed."""
    files.put(KEY, [content(LARGE)])
    files.delete(f"{KEY}.part")
    files.put(key(2), [b""])
    files.delete(f"{key(2)}.part")
    assert listed(files) == sorted([KEY, key(2)])


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_an_abandoned_claim_gives_its_name_up(
    server: S3Server, files: BucketFiles, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """To whoever repeats the copy that was killed; not before it is sure that nobody is about to join it."""
    claimed(server)
    with pytest.raises(StorageError, match="there already"):
        files.put(KEY, [content(size)])
    monkeypatch.setattr(bucket, "_ABANDONED_AFTER", timedelta(days=-1))
    files.put(KEY, [content(size)])
    assert (read(files, KEY), listed(files)) == (content(size), [KEY])


@pytest.mark.parametrize("prefix", ["../", "nord/../", "//", "nord/./", "Nord", "é", "nord/4f/0/"])
def test_what_no_key_begins_with_finds_nothing(files: BucketFiles, prefix: str) -> None:
    """However odd."""
    files.put(KEY, [b"x"])
    assert listed(files, prefix) == []


# --- answers that are lost


def first_time(is_it: Callable[[str, str], bool], fate: Fate) -> Callable[[str, str], Fate]:
    """That fate for the first request of a kind, and answers for all that follow."""
    seen: list[str] = []

    def decide(method: str, path: str) -> Fate:
        if not is_it(method, path) or seen:
            return ""
        seen.append(path)
        return fate

    return decide


REQUESTS: dict[str, tuple[int, Callable[[str, str], bool]]] = {
    "of a small put": (SMALL, lambda method, path: method == "PUT"),
    "where an upload begins": (LARGE, lambda method, path: method == "POST" and "uploads" in path),
    "of a part": (LARGE, lambda method, path: method == "PUT" and "partNumber" in path),
    "of its name": (LARGE, lambda method, path: method == "PUT" and "partNumber" not in path),
    "of the join": (LARGE, _is_join),
}


@pytest.mark.parametrize("fate", ["lost", 503])
@pytest.mark.parametrize(("size", "is_it"), REQUESTS.values(), ids=REQUESTS)
def test_a_put_whose_answer_is_lost_once_is_done(
    server: S3Server, files: BucketFiles, size: int, is_it: Callable[[str, str], bool], fate: Fate
) -> None:
    """The request is made again, and is not told that the name is taken by itself."""
    with lossy_proxy(server.port, first_time(is_it, fate)) as port:
        store = server.store(endpoint=f"http://127.0.0.1:{port}", retry_config=RETRY)
        BucketFiles(store).put(KEY, [content(size)])
    assert (read(files, KEY), listed(files)) == (content(size), [KEY])


def test_a_name_that_another_took_is_refused_after_a_lost_answer_too(server: S3Server, files: BucketFiles) -> None:
    """Though the bytes be the same."""
    files.put(KEY, [b"same"])
    with lossy_proxy(server.port, first_time(lambda method, path: method == "PUT", "lost")) as port:
        store = server.store(endpoint=f"http://127.0.0.1:{port}", retry_config=RETRY)
        with pytest.raises(StorageError, match="there already"):
            BucketFiles(store).put(KEY, [b"same"])
    assert read(files, KEY) == b"same"


def test_a_put_that_nobody_answers_is_told(server: S3Server, files: BucketFiles) -> None:
    """It was done or not; nothing refers to it, and a sweep finds it."""
    with lossy_proxy(server.port, lambda method, path: "lost") as port, pytest.raises(StorageError, match="try again"):
        BucketFiles(server.store(endpoint=f"http://127.0.0.1:{port}")).put(KEY, [b"x"])
    assert listed(files) == [KEY]


def test_a_reader_may_be_slower_than_the_clients_patience(server: S3Server, files: BucketFiles) -> None:
    """A client at a slow line gets all of its file."""
    files.put(KEY, [content(4 * 2**20)])
    hasty = BucketFiles(server.store(client_options={"allow_http": True, "timeout": "400ms"}))
    found: list[bytes] = []
    for chunk in hasty.read(KEY):
        found.append(chunk)
        time.sleep(0.15)
    assert b"".join(found) == content(4 * 2**20)


# --- errors


@pytest.mark.parametrize("verb", VERBS)
def test_a_wrong_secret_opens_nothing(server: S3Server, files: BucketFiles, verb: str) -> None:
    """It is told what to check, and no address, key or name is quoted but in the cause."""
    files.put(KEY, [b"kept"])
    stranger = BucketFiles(server.store(secret_access_key=secrets.token_hex(20)))
    with pytest.raises(StorageError, match=r"check its .*keys") as caught:
        VERBS[verb](stranger)
    assert isinstance(caught.value.__cause__, obstore.exceptions.BaseError)
    assert not {"127.0.0.1", server.access_key_id, "nord", "factures"} & set(str(caught.value).split())
    assert (read(files, KEY), listed(files), server.uploads()) == (b"kept", [KEY], [])


@pytest.mark.parametrize("verb", VERBS)
def test_a_server_out_of_reach_is_told(server: S3Server, verb: str) -> None:
    """By an error of the library's own."""
    nobody = BucketFiles(server.store(endpoint="http://127.0.0.1:9"))
    with pytest.raises(StorageError, match="network, then try again"):
        VERBS[verb](nobody)


@pytest.mark.parametrize(
    ("status", "advice"),
    [(401, "its keys"), (403, "its keys"), (404, "name of the bucket"), (409, "there already"), (500, "try again")],
)
def test_what_a_server_answers_is_told_by_what_to_do(server: S3Server, status: int, advice: str) -> None:
    """Without a word of its answer."""
    with lossy_proxy(server.port, lambda method, path: status if method == "PUT" else "") as port:
        files = BucketFiles(server.store(endpoint=f"http://127.0.0.1:{port}"))
        with pytest.raises(StorageError, match=advice) as caught:
            files.put(KEY, [b"x"])
    assert str(status) not in str(caught.value)


def test_a_bucket_that_is_gone_is_not_taken_for_a_file_that_is_gone(server: S3Server) -> None:
    """Its name is wrong, and no backup is wanted."""
    files = BucketFiles(server.store("autre"))
    with pytest.raises(StorageError, match="opened: check"):
        files.read(KEY)


@pytest.mark.parametrize("away", [{"GET", "POST"}, {"POST"}])
def test_what_is_deleted_is_told_from_a_bucket_that_is_gone(server: S3Server, away: set[str]) -> None:
    """Some servers answer 404 to both."""
    with lossy_proxy(server.port, lambda method, path: 404 if method in away else "") as port:
        files = BucketFiles(server.store(endpoint=f"http://127.0.0.1:{port}"))
        with pytest.raises(StorageError, match="removed: check") if "GET" in away else nullcontext():
            files.delete(KEY)


def test_a_setting_with_a_line_end_is_told(server: S3Server) -> None:
    """A key that was read from a file has one easily, and the driver panics at it."""
    files = BucketFiles(server.store(access_key_id=f"{server.access_key_id}\n"))
    for verb in VERBS.values():
        with pytest.raises(StorageError, match="check the settings"):
            verb(files)


def test_a_file_that_goes_while_it_is_read_is_told(files: BucketFiles) -> None:
    """After the bytes that were there."""
    files.put(KEY, [content(3 * 2**20)])
    chunks = files.read(KEY)
    next(chunks)
    files.delete(KEY)
    with pytest.raises(FileDamagedError, match="backup"):
        next(chunks)


# --- processes


def test_a_child_of_a_process_that_used_a_bucket_is_told(files: BucketFiles, server: S3Server) -> None:
    """It would wait for ever, for threads that it does not have."""
    files.put(KEY, [b"x"])
    reader, writer = os.pipe()
    if not os.fork():
        signal.alarm(10)
        for mine in (files, BucketFiles(server.store())):
            with suppress(Exception):
                try:
                    mine.read(KEY)
                except StorageError as error:
                    os.write(writer, f"{error}\n".encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as told:
        assert told.read().count("open it in each worker") == 2
    os.wait()
    assert read(files, KEY) == b"x"


# --- races


def rivals_of(server: S3Server, kind: type[BucketFiles], names: int) -> list[list[bytes]]:
    """What the winners of each name had, and then what is there, of some who put under it, each on a handle of its own.

    Every other one has a file that goes in parts.
    """
    gate = Barrier(names * RIVALS)
    contents = [content(SMALL if number % 2 else PARTS, number % 8) for number in range(names * RIVALS)]

    def has_won(number: int) -> bool:
        own = kind(server.store())
        gate.wait()
        try:
            own.put(key(number // RIVALS), [contents[number]])
        except StorageError:
            return False
        return True

    with ThreadPoolExecutor(names * RIVALS) as pool:
        won = list(pool.map(has_won, range(names * RIVALS)))
    files = BucketFiles(server.store())
    return [
        [*compress(contents[start : start + RIVALS], won[start : start + RIVALS]), read(files, key(start // RIVALS))]
        for start in range(0, names * RIVALS, RIVALS)
    ]


def test_one_of_many_gets_each_name(server: S3Server, tell: Callable[[str], None]) -> None:
    """Its bytes are there, and no parts of the others."""
    names = 12
    for winner, *rest in rivals_of(server, BucketFiles, names):
        assert rest == [winner]
    assert server.uploads() == []
    tell(f"bucket: {names} names with {RIVALS} rivals each had one winner")


class _UploadsAtOnce(BucketFiles):
    """Joins its parts under a name that it did not take."""

    def _put_parts(self, path: str, chunks: Iterator[bytes]) -> None:
        self._upload(path, chunks)


def test_the_race_catches_parts_that_are_joined_under_anothers_name(server: S3Server) -> None:
    """Several have won a name, or what is there is not the winner's."""
    assert any(rest != [winner] for winner, *rest in rivals_of(server, _UploadsAtOnce, 4))
