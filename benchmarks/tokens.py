"""Verifying a payment link's token, against the bare hmac and base64 that it cannot do without."""

import hmac
import os
from base64 import urlsafe_b64decode

from indiopay import PaymentLinks
from rounds import measure, show

REPEAT = 20_000


def main(rounds: int = 21) -> None:
    key = os.urandom(32)
    links = PaymentLinks("https://exemple.ca/payer/", keys=[key])
    token = links.token("nord", links.draw("nord", os.urandom))
    prefix = b"indiopay:link:v1\0\x04nord"

    def bare() -> bool:
        raw = urlsafe_b64decode(token)
        return hmac.compare_digest(hmac.digest(key, prefix + raw[:20], "sha256")[:16], raw[20:])

    def ours() -> object:
        return links.verify("nord", token)

    seconds = measure({"hmac.digest and base64": bare, "PaymentLinks.verify": ours}, rounds=rounds, repeat=REPEAT)
    show("token: verify", "1.3", seconds, reference="hmac.digest and base64", repeat=REPEAT)


if __name__ == "__main__":
    main()
