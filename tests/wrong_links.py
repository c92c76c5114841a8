"""Payment links, desks and stores that each open or do too much. Not collected: `test_link_attacks.py` catches them."""

from base64 import urlsafe_b64decode
from collections.abc import Callable
from functools import cache
from typing import Any
from uuid import UUID

import pytest

from indiopay import InvoiceDesk, LinkError, PaymentLinks, links
from indiopay.invoice import Invoice, LinkRef
from indiopay.stores.memory import MemoryStore

from .conftest import PAGE
from .link_attacks import ALPHABET, FIRST, NEXT, OPENS_NOTHING, RETIRED, Ring


class ComparesTheBeginning(Ring):
    """Compares half of the MAC."""

    def verify(self, agency: str, token: object) -> LinkRef:
        if isinstance(token, str) and len(token) == 48 and set(token) <= set(ALPHABET):
            raw = urlsafe_b64decode(token)
            link = LinkRef(raw[2:20], raw[1])
            if link.key_id in self._keys and self.token(agency, link)[:36] == token[:36]:
                return link
        return super().verify(agency, token)


class AnyAgency(Ring):
    """Takes what either agency signed."""

    def verify(self, agency: str, token: object) -> LinkRef:
        try:
            return super().verify("nord-est", token)
        except LinkError:
            return super().verify(agency, token)


class AnyVersion(Ring):
    """Reads what is to come as if it were of today."""

    def verify(self, agency: str, token: object) -> LinkRef:
        for version in (0, 1, 2):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(links, "_VERSION", version)
                try:
                    return super().verify(agency, token)
                except LinkError:
                    continue
        raise LinkError(OPENS_NOTHING)


class KeepsRetiredKeys(Ring):
    """Verifies with a key that has left."""

    def verify(self, agency: str, token: object) -> LinkRef:
        return PaymentLinks(PAGE, keys=[RETIRED, NEXT, FIRST]).verify(agency, token)


class TellsWhy(Ring):
    """Has a word of its own for a length."""

    def verify(self, agency: str, token: object) -> LinkRef:
        if isinstance(token, str) and len(token) != 48:
            raise LinkError("this link is too long or too short")
        return super().verify(agency, token)


class ShowsTheCause(Ring):
    """Raises while another error is handled."""

    def verify(self, agency: str, token: object) -> LinkRef:
        try:
            str(token).encode("ascii")
        except UnicodeError:
            raise LinkError(OPENS_NOTHING)  # noqa: B904  # on purpose
        return super().verify(agency, token)


def reads_as(respell: Callable[[Any], Any]) -> type[Ring]:
    """Links that are kind to a token before they look at it."""

    class Respelling(Ring):
        def verify(self, agency: str, token: object) -> LinkRef:
            try:
                meant = respell(token)
            except (TypeError, ValueError, AttributeError, OverflowError):
                meant = token
            return super().verify(agency, meant)

    return Respelling


class ReadsFirst(InvoiceDesk):
    """Asks the store before it knows the token to be signed."""

    def invoice_for_link(self, token: str) -> Invoice:
        self._store.by_link(self._slug, LinkRef(bytes(18), 0))
        return super().invoice_for_link(token)


class LooksForFiles(InvoiceDesk):
    """Looks whether there is a file first."""

    def download(self, token: str, attachment_id: UUID) -> Any:
        list(self._files.keys("nord/", before=self._now()))
        return super().download(token, attachment_id)


class ComparesTexts(Ring):
    """Compares as one compares texts: up to the first letter that differs."""

    def verify(self, agency: str, token: object) -> LinkRef:
        if isinstance(token, str) and len(token) == 48 and set(token) <= set(ALPHABET):
            raw = urlsafe_b64decode(token)
            link = LinkRef(raw[2:20], raw[1])
            if raw[0] == 1 and link.key_id in self._keys and token == self.token(agency, link):
                return link
        raise LinkError(OPENS_NOTHING)


class SignsFirst(Ring):
    """Signs whatever it is given."""

    def verify(self, agency: str, token: object) -> LinkRef:
        links._mac(FIRST, agency, bytes(20))
        return super().verify(agency, token)


class SignsWithTheLastKey(PaymentLinks):
    """Signs every link anew with the key of today."""

    def token(self, agency: str, link: LinkRef) -> str:
        return super().token(agency, link._replace(key_id=self._signer))


class Remembers(MemoryStore):
    """Finds an invoice by its link once."""

    def __init__(self) -> None:
        super().__init__()
        self.by_link = cache(super().by_link)  # type: ignore[method-assign]  # on purpose
