r"""Payment links: « Copier le lien ». Tokens are made and checked here, before any storage is touched.

A token is 36 bytes, written as 48 characters of base64url:

    version (1) | key id (1) | link id (18, random) | MAC (16)

    MAC = HMAC-SHA256(key, "indiopay:link:v1\0" | length of the slug (1) | slug | the first 20 bytes)[:16]
"""

import re
from base64 import urlsafe_b64encode
from binascii import a2b_base64
from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import sha256
from hmac import compare_digest, digest

from indiopay.errors import LinkError
from indiopay.invoice import LinkRef

KEY_BYTES = 32
LINK_ID_BYTES = 18
TOKEN_CHARACTERS = 48

_VERSION = 1
_STANDARD = bytes.maketrans(b"-_+/=", b"+/!!!")  # a token's alphabet as binascii has it; what is not ours is no letter
_PLACE = "{token}"
_LABEL = r"(?:[A-Za-z0-9-]|[^\0-\x7f])+"
_ADDRESS = re.compile(
    rf"(?i:https?)://{_LABEL}(?:\.{_LABEL})*(?::[0-9]+)?[/?#][^{{}}]*(?<![?&]){re.escape(_PLACE)}[^{{}}]*"
)
_CUT = re.compile(r"""["'()<>@\[\\\]^`{|}]|[.?]{2}|%(?![0-9A-Fa-f]{2})|[^\w/=]\Z""")  # as linkifiers were seen to do
_NO_ADDRESS = (
    'the url of payment links must be like "https://exemple.ca/payer/", "https://exemple.ca/payer/{token}" '
    'or "https://exemple.ca/payer?jeton={token}", and without a user name'
)
_IS_CUT = (
    'mail programs would cut the url of payment links: percent-encode each of "\'()<>@[]\\^`{|}, stray %, ".." and '
    '"??", and let it end in its token, a letter, a digit, "/", "_" or "="'
)
_OPENS_NOTHING = "this link opens nothing"


class PaymentLinks:
    """The payment page's address and the ring of keys that its links are signed with.

    `url` ends in "/" (the token is put behind it) or holds "{token}" once, behind its host. `keys` are 32 random
    bytes each; all of them verify and the last one signs, so a new key is first deployed in front of the one
    that signs. ValueError for a ring or an address that cannot work, and for an address that mail programs would cut.
    """

    def __init__(self, url: str, *, keys: Sequence[bytes]) -> None:
        self._url = url_template(url)
        self._keys = _ring(keys)
        self._signer = next(reversed(self._keys))

    def __repr__(self) -> str:
        return f"PaymentLinks({len(self._keys)} keys)"

    def draw(self, agency: str, random: Callable[[int], bytes]) -> LinkRef:
        """A new link. Drawn again until a double click selects its token whole and no linkifier cuts it short."""
        while True:
            link = LinkRef(random(LINK_ID_BYTES), self._signer)
            token = self.token(agency, link)
            if "-" not in token and token[-1].isalnum():
                return link

    def token(self, agency: str, link: LinkRef) -> str:
        """The one spelling of the link's token; LinkError if its key has left the ring."""
        key = self._keys.get(link.key_id)
        if key is None:
            raise LinkError("the key of this link was retired: renew the link")
        signed = bytes((_VERSION, link.key_id)) + link.link_id
        return urlsafe_b64encode(signed + _mac(key, agency, signed)).decode("ascii")

    def url_for(self, agency: str, link: LinkRef) -> str:
        """The address of the link's payment page."""
        return self._url.replace(_PLACE, self.token(agency, link))

    def verify(self, agency: str, token: object) -> LinkRef:
        """The link that this token was made of; LinkError for anything else, whatever its type or length."""
        if not isinstance(token, str) or len(token) != TOKEN_CHARACTERS:
            raise LinkError(_OPENS_NOTHING)
        try:
            raw = a2b_base64(token.encode("ascii").translate(_STANDARD), strict_mode=True)
        except ValueError:
            raise LinkError(_OPENS_NOTHING) from None
        key = self._keys.get(raw[1])
        if raw[0] != _VERSION or key is None or not compare_digest(raw[20:], _mac(key, agency, raw[:20])):
            raise LinkError(_OPENS_NOTHING)
        return LinkRef(raw[2:20], raw[1])


def _mac(key: bytes, agency: str, signed: bytes) -> bytes:
    return digest(key, _prefix(agency) + signed, "sha256")[:16]


@lru_cache
def _prefix(agency: str) -> bytes:
    return b"indiopay:link:v1\0" + bytes((len(agency),)) + agency.encode("ascii")


def url_template(url: str) -> str:
    """The page's address with "{token}" in its place; ValueError for an address that cannot work."""
    if not isinstance(url, str) or not url.isprintable() or " " in url:
        raise ValueError("the url of payment links must be a text without spaces and control characters")
    template = url + _PLACE if url.endswith("/") and _PLACE not in url else url
    if not _ADDRESS.fullmatch(template):
        raise ValueError(_NO_ADDRESS)
    if _CUT.search(template.replace(_PLACE, "A")):
        raise ValueError(_IS_CUT)
    return template


def _ring(keys: Sequence[bytes]) -> dict[int, bytes]:
    ring: dict[int, bytes] = {}
    for key in keys:
        if not isinstance(key, bytes) or len(key) != KEY_BYTES:
            raise ValueError(f"a link key must be {KEY_BYTES} bytes: make one with secrets.token_bytes({KEY_BYTES})")
        if _key_id(key) in ring:
            raise ValueError("two link keys have the same id: make another one")
        ring[_key_id(key)] = key
    if not ring:
        raise ValueError("payment links need at least one key")
    return ring


def _key_id(key: bytes) -> int:
    return sha256(b"indiopay:key-id:v1\0" + key).digest()[0]
