"""What is done to a payment link's token, through a whole desk that counts what it asks of its stores."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from hashlib import sha256
from hmac import digest
from itertools import combinations
from pathlib import Path
from random import Random
from string import ascii_letters, digits
from typing import Any, NamedTuple
from urllib.parse import quote
from uuid import UUID

from indiopay import Agency, InvoiceDesk, LinkError, PaymentLinks, Upload
from indiopay.files.memory import MemoryFiles
from indiopay.invoice import LinkRef
from indiopay.mailers.memory import MemoryMailer
from indiopay.ports import InvoiceStore
from indiopay.stores.memory import MemoryStore
from indiopay.testing import StoppedClock

from .conftest import KEY, PAGE, PDF, filled_in, token_of

OPENS_NOTHING = "this link opens nothing"
ALPHABET = ascii_letters + digits + "-_"
NOT_OURS = "=+/.~%!* \t\n\r\0\x7f\xa0é\u200b\u2028ＡＺ０＿－\U0001d400"
FIRST, RETIRED, NEXT = KEY, bytes(range(1, 33)), bytes(range(2, 34))
NORTH, NORTH_EAST = (Agency(slug, "Assurances du Nord", "facturation@exemple.ca") for slug in ("nord", "nord-est"))


# --- what is attacked


class Ring(PaymentLinks):
    """Links that are drawn from a seed, so that a run can be had again."""

    def __init__(self, seed: int) -> None:
        super().__init__(PAGE, keys=[NEXT, FIRST])
        self._drawn = Random(seed)

    def draw(self, agency: str, random: Callable[[int], bytes]) -> LinkRef:
        return super().draw(agency, self._drawn.randbytes)


class Counting:
    """A store of either kind that notes what it is asked."""

    def __init__(self, asked: Any, calls: list[str]) -> None:
        self._asked, self._calls = asked, calls

    def __getattr__(self, name: str) -> Any:
        self._calls.append(name)
        return getattr(self._asked, name)


class House:
    """Two agencies over one store, one file store and one ring; the slug of one begins with the other's."""

    def __init__(
        self, ring: PaymentLinks, desk: type[InvoiceDesk] = InvoiceDesk, store: InvoiceStore | None = None
    ) -> None:
        self.calls: list[str] = []
        parts: dict[str, Any] = {
            "store": Counting(store or MemoryStore(), self.calls),
            "files": Counting(MemoryFiles(), self.calls),
            "mailer": MemoryMailer(),
            "links": ring,
            "clock": StoppedClock(),
        }
        self.desk, other = desk(agency=NORTH, **parts), desk(agency=NORTH_EAST, **parts)
        self.invoice, theirs = (d.create(filled_in(files=[Upload("P.pdf", PDF)])) for d in (self.desk, other))
        self.token, self.theirs = token_of(self.desk.link(self.invoice.id)), token_of(other.link(theirs.id))

    def verbs(self) -> list[Callable[[Any], object]]:
        """All that a token opens; what else these verbs are given is not looked at."""
        download: Callable[..., object] = self.desk.download
        return [
            self.desk.invoice_for_link,
            partial(self.desk.payment_page, locale="tlh", checkout_url="javascript:"),
            partial(download, attachment_id=self.invoice.attachments[0].id),
            partial(download, attachment_id="../nord"),
        ]


def opens_nothing(house: House, tokens: Iterable[object], reads: int = 0) -> int:
    """One answer by every verb, which tells no cause, after so many keyed reads and no other call; how many tokens."""
    tried = 0
    for tried, token in enumerate(tokens, 1):  # noqa: B007  # how many there were
        for verb in house.verbs():
            house.calls.clear()
            assert answer(verb, token) == (OPENS_NOTHING, None), f"{token!r:.120}"
            assert house.calls == ["by_link"] * reads, f"{token!r:.120}"
    return tried


def answer(verb: Callable[[Any], object], token: object) -> tuple[str, BaseException | None]:
    """What a caller is told, and the error that a traceback would show above it."""
    try:
        return f"it opens {verb(token)!r}", None
    except LinkError as error:
        return str(error), error.__cause__ or (None if error.__suppress_context__ else error.__context__)


# --- what is done to a real token


def edits(token: str) -> Iterator[str]:
    for place, letter in enumerate(token):
        yield from (token[:place] + sign + token[place + 1 :] for sign in ALPHABET + NOT_OURS if sign != letter)


def insertions(token: str) -> Iterator[str]:
    for place in range(49):
        yield from (token[:place] + sign + token[place:] for sign in ALPHABET + NOT_OURS)


def deletions(token: str) -> Iterator[str]:
    yield from (token[:place] + token[place + 1 :] for place in range(48))
    yield from (token[:place] + token[place + 1 :] + "=" for place in range(48))


def swaps(token: str) -> Iterator[str]:
    for one, two in combinations(range(48), 2):
        if token[one] != token[two]:
            letters = list(token)
            letters[one], letters[two] = letters[two], letters[one]
            yield "".join(letters)


def spellings(token: str) -> Iterator[str]:
    """The same to a reader who means well."""
    for place, letter in enumerate(token):
        for other in (letter.swapcase(), f"%{ord(letter):02X}", f"&#{ord(letter)};", _full_width(letter)):
            if other != letter:
                yield token[:place] + other + token[place + 1 :]
    yield from (token.lower(), token.upper(), token.swapcase(), f'"{token}"', f"<{token}>", f"{token}=", f"{token}====")
    yield from (quote(token + "\0"), token.encode("utf-16-le").decode("latin-1"), token[::-1], token.encode().hex())


def _full_width(letter: str) -> str:
    return chr(ord(letter) + 0xFEE0)


def concatenations(token: str) -> Iterator[str]:
    yield from (
        token * 2,
        token + token[:1],
        token[-1:] + token,
        PAGE + token,
        "/" + token,
        token + "/",
        token + "?a=1",
    )
    yield from (token[:half] + token[-half:] for half in range(1, 48) if half != 24)
    yield from (token[turn:] + token[:turn] for turn in range(1, 48))


def lengths(token: str) -> Iterator[str]:
    for length in (*range(101), 4_096, 10**6):
        for text in ("A" * length, (token * (length // 48 + 1))[:length], "é" * length, "\0" * length):
            if text != token:
                yield text


class Quoted(str):
    """A text of another class."""

    __slots__ = ()


def types(token: str) -> Iterator[object]:
    raw = token.encode()
    yield from (None, True, 0, 48, -1, 1.5, float("nan"), 10**50, 1j, ..., object(), str, token.encode, UUID(int=0))
    yield from (raw, bytearray(raw), memoryview(raw), urlsafe_b64decode(token), b"", [], {}, [*token], (token,))
    yield from ([token], {token: token}, {token}, iter(token), Random(0), Path(token), Quoted("A" * 48))
    yield from ("\ud800" * 48, token[:-1] + "\udcff", "\udc80" + token, token[:24] + "\ud83d" + token[25:])


ATTACKS: dict[str, Callable[[str], Iterable[object]]] = {
    f.__name__: f for f in (edits, insertions, deletions, swaps, spellings, concatenations, lengths, types)
}


# --- what is signed, but not for this


class Signed(NamedTuple):
    """What a token is made of, by the specification."""

    key: bytes = FIRST
    slug: str = "nord"
    version: int = 1
    purpose: bytes = b"indiopay:link:v1\0"
    named_key: bytes | None = None
    link_id: bytes = b"\xff" * 18

    def token(self) -> str:
        key_id = sha256(b"indiopay:key-id:v1\0" + (self.named_key or self.key)).digest()[0]
        signed = bytes((self.version, key_id)) + self.link_id
        said = self.purpose + bytes((len(self.slug),)) + self.slug.encode() + signed
        return urlsafe_b64encode(signed + digest(self.key, said, "sha256")[:16]).decode()


ELSEWHERE: dict[str, Signed] = {
    **{f"version {version}": Signed(version=version) for version in (0, 2, 255)},
    **{f"agency {slug!r}": Signed(slug=slug) for slug in ("nord-est", "nor", "", "Nord", "nord\0")},
    "a retired key": Signed(key=RETIRED),
    "a retired key under the name of one that is not": Signed(key=RETIRED, named_key=FIRST),
    "a key under the name of another one": Signed(named_key=NEXT),
    "another purpose": Signed(purpose=b"indiopay:link:v2\0"),
}


def signed_elsewhere(house: House) -> int:
    """What is signed, by a key of ours or one that was ours, as a link of something else, or by another agency."""
    assert Signed(link_id=urlsafe_b64decode(house.token)[2:20]).token() == house.token
    return opens_nothing(house, [house.theirs, *(made.token() for made in ELSEWHERE.values())])


def lost(house: House) -> int:
    """Links that are well signed, but not of an invoice: renewed, another agency's, or never drawn."""
    old = [house.token]
    for _ in range(2):
        assert house.desk.invoice_for_link(old[-1]).id == house.invoice.id
        old.append(token_of(house.desk.renew_link(house.invoice.id)))
    assert house.desk.invoice_for_link(old.pop()).id == house.invoice.id
    stolen = Signed(link_id=urlsafe_b64decode(house.theirs)[2:20])
    return opens_nothing(house, [*old, stolen.token(), Signed().token(), Signed(key=NEXT).token()], reads=1)
