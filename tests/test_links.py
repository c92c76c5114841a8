"""Tokens of payment links: one spelling each, checked before any storage is touched."""

import hashlib
import hmac
import os
import re
import string
from base64 import urlsafe_b64decode, urlsafe_b64encode
from random import Random

import pytest
from django.utils.html import urlize
from hypothesis import given, reject, strategies as st
from linkify_it import LinkifyIt  # type: ignore[import-untyped]  # it has no types

from indiopay import LinkError, PaymentLinks
from indiopay.invoice import LinkRef

from .conftest import KEY, PAGE

OTHER_KEY = bytes(range(1, 33))
ALPHABET = string.ascii_letters + string.digits + "-_"
LINK_IDS = st.binary(min_size=18, max_size=18)


def links(*keys: bytes, url: str = PAGE) -> PaymentLinks:
    return PaymentLinks(url, keys=keys or (KEY,))


def signer() -> int:
    return hashlib.sha256(b"indiopay:key-id:v1\0" + KEY).digest()[0]


@given(LINK_IDS)
def test_a_token_is_the_promised_48_characters_to_the_byte(link_id: bytes) -> None:
    """The layout is version, key id, link id and MAC, computed here by hand from the specification."""
    signed = bytes((1, signer())) + link_id
    mac = hmac.new(KEY, b"indiopay:link:v1\0\x04nord" + signed, hashlib.sha256).digest()[:16]
    token = links().token("nord", LinkRef(link_id, signer()))
    assert token == urlsafe_b64encode(signed + mac).decode()
    assert len(token) == 48
    assert links().verify("nord", token) == LinkRef(link_id, signer())


def test_every_one_character_edit_is_refused() -> None:
    """No edit of a token is another spelling of it."""
    token = links().token("nord", LinkRef(bytes(18), signer()))
    for place in range(48):
        for letter in set(ALPHABET) - {token[place]}:
            with pytest.raises(LinkError):
                links().verify("nord", token[:place] + letter + token[place + 1 :])


@pytest.mark.parametrize(
    "wrong",
    [None, 7, b"A" * 48, "", "A" * 47, "A" * 49, "A" * 48, "é" * 48, "A" * 47 + "\n", "A" * 10**6, " " * 48, "+/" * 24],
)
def test_anything_else_is_refused_with_one_answer(wrong: object) -> None:
    """Any type and any length gives LinkError, with the same words."""
    with pytest.raises(LinkError, match=r"^this link opens nothing$"):
        links().verify("nord", wrong)


def test_a_token_with_a_newline_behind_it_is_refused() -> None:
    """A good token is good alone."""
    token = links().token("nord", LinkRef(bytes(18), signer()))
    for wrong in (token + "\n", "\n" + token, token + "=", token[:-1]):
        with pytest.raises(LinkError):
            links().verify("nord", wrong)


def test_another_agencys_token_is_refused() -> None:
    """The agency is part of what is signed, with its length."""
    token = links().token("nord", LinkRef(bytes(18), signer()))
    with pytest.raises(LinkError):
        links().verify("sud", token)


def test_another_version_is_refused_even_if_it_is_signed() -> None:
    """A version to come is not read as this one."""
    signed = bytes((2, signer())) + bytes(18)
    mac = hmac.digest(KEY, b"indiopay:link:v1\0\x04nord" + signed, "sha256")[:16]
    with pytest.raises(LinkError):
        links().verify("nord", urlsafe_b64encode(signed + mac).decode())


@given(st.randoms(use_true_random=False))
def test_a_drawn_token_is_selected_whole_by_a_double_click(random: object) -> None:
    """No "-" in it, and a letter or a digit at its end."""
    link = links().draw("nord", random.randbytes)  # type: ignore[attr-defined]  # hypothesis' own random
    token = links().token("nord", link)
    assert "-" not in token
    assert token[-1] in string.ascii_letters + string.digits


def test_every_key_of_the_ring_verifies_and_the_last_signs() -> None:
    """A new key is deployed in front as a verifier, then behind as the signer; old links stay."""
    old = links().draw("nord", os.urandom)
    token = links().token("nord", old)
    for ring in (links(OTHER_KEY, KEY), links(KEY, OTHER_KEY)):
        assert ring.verify("nord", token) == old
        assert ring.token("nord", old) == token
    assert links(KEY, OTHER_KEY).draw("nord", os.urandom).key_id != old.key_id


def test_a_retired_keys_link_is_refused_and_asks_to_be_renewed() -> None:
    """Without its key a link neither opens nor is shown."""
    old = LinkRef(bytes(18), signer())
    token = links().token("nord", old)
    with pytest.raises(LinkError, match="opens nothing"):
        links(OTHER_KEY).verify("nord", token)
    with pytest.raises(LinkError, match="renew"):
        links(OTHER_KEY).token("nord", old)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://exemple.ca/p/", "https://exemple.ca/p/{}"),
        ("https://exemple.ca/p/{token}/page", "https://exemple.ca/p/{}/page"),
        ("https://exemple.ca/facture-{token}", "https://exemple.ca/facture-{}"),
        ("https://exemple.ca/#/payer/{token}", "https://exemple.ca/#/payer/{}"),
        ("http://localhost:8000/?t={token}", "http://localhost:8000/?t={}"),
        ("https://exemple.ca?l=fr&t={token}#payer", "https://exemple.ca?l=fr&t={}#payer"),
        ("https://exämple.ca:8443/%C3%A9t%C3%A9/", "https://exämple.ca:8443/%C3%A9t%C3%A9/{}"),
    ],
)
def test_the_token_stands_at_the_end_of_the_address_or_where_it_is_told(url: str, address: str) -> None:
    """An address ends in "/" or says where its token goes."""
    link = LinkRef(bytes(18), signer())
    assert links(url=url).url_for("nord", link) == address.format(links().token("nord", link))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "exemple.ca/",
        "ftp://exemple.ca/",
        "https:///",
        "https://exemple.ca/p",
        "https://exemple.ca/{token}/{token}",
        "javascript://exemple.ca/",
        "https://exemple.ca/a\n/",
        " https://exemple.ca/",
        "https://exemple.ca/\u202e/",
        "https://exemple..ca/",
        "https://exemple.ca:https/",
        "https://[::1]/",
        "https://clerk@exemple.ca/",
        "https://clerk:{token}@exemple.ca/",
        "https://{token}.exemple.ca/",
        "https://{token}/",
        "https://exemple.ca/p?{token}",
        "https://exemple.ca/p?l=fr&{token}",
        "https://exemple.ca{token}",
        "https://exemple.ca/{TOKEN}/",
        "https://exemple.ca/{to{token}ken}/",
    ],
)
def test_an_address_that_cannot_work_is_refused(url: str) -> None:
    """What is no web address, or has no place where the token stays whole, is a ValueError at start."""
    with pytest.raises(ValueError, match="url of payment links"):
        links(url=url)


CUT = "\"'()<>@[]\\^`{|}"
KEPT = "-.~!$&*+,;:/_=?#aé0"


@pytest.mark.parametrize("sign", [*CUT, "..", "??", "%", "%4", "%4g"])
def test_an_address_that_a_mail_program_cuts_is_refused(sign: str) -> None:
    """A sign at which one of them ends a link, or that it spells anew, wherever it stands."""
    for url in (f"https://exemple.ca/p{sign}q/", f"https://exemple.ca/{{token}}/{sign}q"):
        with pytest.raises(ValueError, match=r"would cut|must be like"):
            links(url=url)


@pytest.mark.parametrize("sign", [*"-.~!$&*+,;:?#…»’"])
def test_an_address_that_ends_in_punctuation_is_refused(sign: str) -> None:
    """It would be taken for that of the sentence around it."""
    with pytest.raises(ValueError, match="would cut"):
        links(url="https://exemple.ca/{token}/p" + sign)


def found_whole(link: str) -> bool:
    """Whether two libraries make a link of all of it, and of no more, wherever it stands in a text."""
    texts = (f"Voici {link} .", f"Payez : {link}, ou ({link}).", f"<{link}>", f"{link}\n--\n")
    spelled = {re.sub("&(?!amp;)", "&amp;", link)}
    return all({match.url for match in LinkifyIt().match(text) or ()} == {link} for text in texts) and all(
        set(re.findall(">(.*?)</a>", urlize(text, autoescape=True))) == spelled for text in texts
    )


SIGNS = st.text(KEPT, max_size=4)


@given(
    SIGNS,
    SIGNS,
    st.sampled_from(
        [
            "https://exemple.ca/{}/{{token}}{}",
            "https://exemple.ca/{}p{{token}}{}",
            "http://exämple.ca:80?{}={{token}}{}",
            "https://exemple.ca/#{}{{token}}{}",
        ]
    ),
    LINK_IDS,
)
def test_an_address_that_is_taken_is_found_whole(before: str, behind: str, url: str, seed: bytes) -> None:
    """What is not refused, no linkifier cuts, whatever stands around the token."""
    try:
        taken = links(url=url.format(before, behind))
    except ValueError:
        reject()
    assert found_whole(taken.url_for("nord", taken.draw("nord", Random(seed).randbytes)))


@pytest.mark.parametrize("written", ["{}.", "{}?", "{}??x", "{}..=", "{}'x", "{}(x", "{:.20}\n{:.3}"])
def test_a_link_that_would_be_cut_is_caught(written: str) -> None:
    """The search above has been seen to find none."""
    assert not found_whole(written.format(*["https://exemple.ca/payer/A"] * 2))


@pytest.mark.parametrize("keys", [[], [b"short"], [bytes(31)], [bytes(33)], ["a" * 32], [KEY, KEY]])
def test_a_ring_that_cannot_work_is_refused(keys: list[bytes]) -> None:
    """No key, a short one, text, or two of one id: a ValueError at start, without the key in its words."""
    with pytest.raises(ValueError, match="key") as refused:
        PaymentLinks(PAGE, keys=keys)
    assert "aaaa" not in str(refused.value)


def test_the_repr_holds_no_key() -> None:
    """A log that holds the ring opens nothing."""
    assert repr(links()) == "PaymentLinks(1 keys)"
    assert urlsafe_b64decode(links().token("nord", LinkRef(bytes(18), signer())))[2:20] == bytes(18)
