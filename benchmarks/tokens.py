"""A payment link's token: verified, against the bare hmac and base64 that it cannot do without; and refused."""

import hmac
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import partial
from hashlib import sha256

from django.core.signing import Signer as DjangoSigner
from itsdangerous import Signer

from indiopay import LinkError, PaymentLinks
from indiopay.invoice import LinkRef
from rounds import Variant, measure, show

REPEAT = 20_000
PAGE = "https://exemple.ca/payer/"
FIRST_OF_MAC = "first byte of the MAC"


def verifiers(key: bytes, link: LinkRef) -> dict[str, Variant]:
    """Each verifies what it has signed: a link id of 18 bytes."""
    links = PaymentLinks(PAGE, keys=[key])
    token = links.token("nord", link)
    prefix = b"indiopay:link:v1\0\x04nord"
    link_id = urlsafe_b64encode(link.link_id).decode()
    django = DjangoSigner(key=key, salt="indiopay:link:nord", fallback_keys=[])
    pallets = Signer(key, salt="indiopay:link:nord", digest_method=sha256)

    def bare() -> bool:
        raw = urlsafe_b64decode(token)
        return hmac.compare_digest(hmac.digest(key, prefix + raw[:20], "sha256")[:16], raw[20:])

    return {
        "hmac.digest and base64": bare,
        "PaymentLinks.verify": partial(links.verify, "nord", token),
        "django.core.signing.Signer.unsign": partial(django.unsign, django.sign(link_id)),
        "itsdangerous.Signer.unsign": partial(pallets.unsign, pallets.sign(link_id)),
    }


def refusals(key: bytes, link: LinkRef) -> dict[str, Variant]:
    """What is refused, by the first thing that is wrong with it."""
    links, retired = PaymentLinks(PAGE, keys=[key]), PaymentLinks(PAGE, keys=[_other_key(link.key_id)])
    token = links.token("nord", link)
    wrong: dict[str, object] = {
        FIRST_OF_MAC: _changed(token, 20),
        "middle byte of the MAC": _changed(token, 28),
        "last byte of the MAC": _changed(token, 35),
        "byte of the link id": _changed(token, 2),
        "another agency's": links.token("sud", link),
        "a retired key's": retired.token("nord", retired.draw("nord", os.urandom)),
        "another alphabet": "é" * 48,
        "another type": token.encode(),
        "1 MB long": "A" * 10**6,
    }
    return {name: partial(_refused, links, given) for name, given in wrong.items()}


def _refused(links: PaymentLinks, given: object) -> None:
    try:
        links.verify("nord", given)
    except LinkError:
        return
    raise AssertionError(given)


def _changed(token: str, place: int) -> str:
    raw = bytearray(urlsafe_b64decode(token))
    raw[place] ^= 255
    return urlsafe_b64encode(raw).decode()


def _other_key(key_id: int) -> bytes:
    """A key of another id."""
    while True:
        key = os.urandom(32)
        if sha256(b"indiopay:key-id:v1\0" + key).digest()[0] != key_id:
            return key


def main(rounds: int = 21) -> None:
    key = os.urandom(32)
    link = PaymentLinks(PAGE, keys=[key]).draw("nord", os.urandom)
    seconds = measure(verifiers(key, link), rounds=rounds, repeat=REPEAT)
    show("token: verify", "1.3", seconds, reference="hmac.digest and base64", repeat=REPEAT)
    seconds = measure(refusals(key, link), rounds=rounds, repeat=REPEAT)
    show("token: refuse", "1.00 for each that has a MAC to compare", seconds, reference=FIRST_OF_MAC, repeat=REPEAT)


if __name__ == "__main__":
    main()
