"""Letters handed to a relay over real sockets, whatever the relay does."""

import logging
import pickle
import re
import socket
import ssl
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import pytest
import trustme
from hypothesis import HealthCheck, given, settings, strategies as st

from indiopay import MailError
from indiopay.errors import MailErrorKind
from indiopay.mailers.smtp import SmtpMailer
from indiopay.mailers.smtp_session import SmtpSession
from indiopay.ports import BatchMailer, Mailer

from .relay import Relay
from .smtp_server import Answer, Does, ScriptedRelay

pytestmark = pytest.mark.no_cover  # the coverage of what it tries is not asked for

LETTER = b"Subject: a\r\nTo: x@exemple.ca, y@exemple.ca\r\n\r\n.Bonjour\r\n..\r\n.\r\n"
SENDER, RECIPIENT = "facturation@exemple.ca", "zoe@exemple.ca"
BIG = (b"x" * 70 + b"\r\n") * 60_000  # more than a socket holds on its way
PASSWORD = "S3cretDuCabinet"  # noqa: S105  # no one's
PATIENT: dict[str, float] = {"connect_timeout": 10, "command_timeout": 10, "data_timeout": 10, "reply_timeout": 10}


def mailer_of(relay: ScriptedRelay | Relay, **changes: Any) -> SmtpMailer:
    return SmtpMailer("127.0.0.1", relay.port, **{"security": "none", **PATIENT, **changes})


def send(mailer: Mailer, *, recipient: str = RECIPIENT, message: bytes = LETTER, sender: str = SENDER) -> None:
    mailer.send(sender=sender, recipient=recipient, message=message)


def failure(mailer: Mailer, **letter: Any) -> MailError:
    with pytest.raises(MailError) as caught:
        send(mailer, **letter)
    return caught.value


def told(error: MailError) -> tuple[str, str, int | None]:
    return error.kind, error.reason, error.code


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ours(authority: trustme.CA) -> ssl.SSLContext:
    """What a client trusts."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def theirs(authority: trustme.CA, name: str = "127.0.0.1") -> ssl.SSLContext:
    """What a relay shows."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)
    return context


# --- what arrives


def test_a_letter_arrives_as_it_is_at_its_one_recipient() -> None:
    """Through a relay of another make; its headers name no recipient, and its dots are kept."""
    with Relay() as relay:
        send(mailer_of(relay))
    (envelope,) = relay.envelopes
    assert (envelope.mail_from, envelope.rcpt_tos, envelope.content) == (SENDER, [RECIPIENT], LETTER)


@pytest.mark.parametrize("message", [b"", b"a", b".", b"a\nb\rc\r\n", b"\n.\n", b"x" * 2_000_000 + b"\r\n.\r\ny"])
def test_every_line_ends_in_crlf_and_the_last_one_too(message: bytes) -> None:
    """Nothing in a message ends it before its end."""
    with ScriptedRelay() as relay:
        send(mailer_of(relay), message=message)
    lines = message.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    wanted = b"\r\n".join(lines if lines[-1] == b"" and len(lines) > 1 else [*lines, b""])
    assert [kept.message for kept in relay.kept] == [wanted]


def test_the_relay_is_told_what_it_offers_to_hear() -> None:
    """The size; bytes above 127 and an address in Unicode, where there are any."""
    with ScriptedRelay() as relay:
        send(mailer_of(relay), message=b"\xc3\xa9\r\n")
        send(mailer_of(relay), recipient="zoé@exemple.ca")
    mails = [line for line in relay.said if line.startswith(("MAIL", "RCPT"))]
    assert mails == [
        f"MAIL FROM:<{SENDER}> SIZE=4 BODY=8BITMIME",
        f"RCPT TO:<{RECIPIENT}>",
        f"MAIL FROM:<{SENDER}> SIZE=66 SMTPUTF8",
        "RCPT TO:<zoé@exemple.ca>",
    ]


def test_a_relay_that_offers_nothing_is_asked_for_nothing() -> None:
    """An address in Unicode is then refused for good."""
    with ScriptedRelay(offers=()) as relay:
        send(mailer_of(relay), message=b"\xc3\xa9\r\n")
        assert told(failure(mailer_of(relay), recipient="zoé@exemple.ca")) == ("never", "smtputf8", None)
    assert f"MAIL FROM:<{SENDER}>" in relay.said
    assert len(relay.kept) == 1


def test_a_relay_of_the_old_kind_is_greeted_in_the_old_way() -> None:
    """HELO, where EHLO is not known."""
    with ScriptedRelay({"ehlo": ["502 what"]}) as relay:
        send(mailer_of(relay))
    assert [line.split()[0] for line in relay.said[:2]] == ["ehlo", "helo"]
    assert len(relay.kept) == 1


def test_we_name_ourselves_by_our_address() -> None:
    """To look our own name up may hang."""
    with ScriptedRelay() as relay:
        send(mailer_of(relay))
    assert relay.said[0] == "ehlo [127.0.0.1]"


def test_an_address_of_the_newer_kind_is_named_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    """As RFC 5321 writes it."""
    with ScriptedRelay() as relay:
        monkeypatch.setattr(socket.socket, "getsockname", lambda sock: ("fe80::1%eth0", 25, 0, 0))
        send(mailer_of(relay))
    assert relay.said[0] == "ehlo [IPv6:fe80::1]"


# --- what is refused, and whose fault it is

REFUSALS: list[tuple[str, Answer, str, str, int | None]] = [
    ("connect", "554 no", "transport", "greeting", 554),
    ("connect", "421 later", "transport", "greeting", 421),
    ("connect", Does.DROP, "transport", "greeting", None),
    ("connect", Does.GARBLE, "transport", "greeting", None),
    ("ehlo", Does.DROP, "transport", "ehlo", None),
    ("mail", "421 bye", "transport", "mail", 421),
    ("mail", "530 log in", "transport", "mail", 530),
    ("mail", "451 later", "later", "mail", 451),
    ("mail", "550 not you", "never", "mail", 550),
    ("mail", "354 what", "later", "mail", 354),
    ("mail", Does.DROP, "later", "mail", None),
    ("rcpt", "421 bye", "transport", "rcpt", 421),
    ("rcpt", "450 later", "later", "rcpt", 450),
    ("rcpt", "550 who", "never", "rcpt", 550),
    ("rcpt", Does.DROP, "later", "rcpt", None),
    ("rcpt", Does.GARBLE, "later", "rcpt", None),
    ("rcpt", "250 " + "x" * 20_000, "later", "rcpt", None),
    ("rcpt", "250", "", "", None),
    ("rcpt", "251 moved", "", "", None),
    ("data", "451 later", "later", "data", 451),
    ("data", "554 no", "never", "data", 554),
    ("data", "250 what", "later", "data", 250),
    ("data", Does.DROP, "later", "data", None),
    ("body", Does.DROP, "later", "data", None),
    ("dot", "451 later", "later", "data", 451),
    ("dot", "554 spam", "never", "data", 554),
    ("dot", "421 bye", "transport", "data", 421),
    ("dot", Does.DROP, "unknown", "silence", None),
    ("dot", Does.GARBLE, "unknown", "silence", None),
    ("dot", "354 what", "unknown", "silence", None),
    ("reply", Does.DROP, "unknown", "silence", None),
    ("reply", "250", "", "", None),
    ("quit", "421 bye", "", "", None),
    ("quit", Does.DROP, "", "", None),
]


@pytest.mark.parametrize(("moment", "answer", "kind", "reason", "code"), REFUSALS)
def test_every_answer_has_its_outcome(moment: str, answer: Answer, kind: str, reason: str, code: int | None) -> None:
    """Before the dot nothing was accepted; after it only a reply tells; and a goodbye changes nothing."""
    with ScriptedRelay({moment: [answer]}) as relay:
        message = BIG if moment == "body" else LETTER
        if kind:
            assert told(failure(mailer_of(relay), message=message)) == (kind, reason, code)
        else:
            send(mailer_of(relay), message=message)
    assert len(relay.kept) == (not kind or moment == "reply")


def test_a_relay_that_is_not_there_is_the_transports_fault() -> None:
    """Nobody listens, or the name is nobody's."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    assert told(failure(SmtpMailer("127.0.0.1", port, security="none"))) == ("transport", "connect", None)
    assert told(failure(SmtpMailer("x" * 64 + ".invalid", security="none"))) == ("transport", "connect", None)


@pytest.mark.parametrize(
    ("moment", "unasked", "told_as"),
    [
        ("rcpt", "250 ok\r\n354 go on\r\n250 kept", ("later", "data", None)),
        ("data", "354 go on\r\n250 kept", ("later", "data", None)),
        ("mail", "250 ok\r\n550 who", ("later", "rcpt", None)),
        ("body", "250 kept", ("later", "data", None)),
        ("rcpt", "250 ok\r\n421 closing", ("transport", "data", 421)),
    ],
)
@pytest.mark.parametrize("security", ["none", "tls"])
def test_a_reply_that_comes_unasked_is_no_answer(
    authority: trustme.CA,
    ours: ssl.SSLContext,
    moment: str,
    unasked: str,
    told_as: tuple[str, str, int | None],
    security: str,
) -> None:
    """Else the relay's next one would be read for it, and a letter told as sent that was refused."""
    tls = theirs(authority) if security == "tls" else None
    with ScriptedRelay({moment: [unasked], "dot": ["554 spam"]}, tls=tls) as relay:
        assert told(failure(mailer_of(relay, security=security, ssl_context=ours), message=BIG)) == told_as
    assert relay.kept == []


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a b@c.ca",
        "a@b.ca\r\nRCPT TO:<c@d.ca",
        "a@b.ca>",
        "<a@b.ca",
        "a@b.ca\n",
        "\ud800@b.ca",
        "\x7f@b.ca",
        "a\u2028@b.ca",
    ],
)
@pytest.mark.parametrize("which", ["sender", "recipient"])
def test_what_is_no_address_never_reaches_a_relay(address: str, which: str) -> None:
    """It could be a command."""
    with ScriptedRelay() as relay:
        assert told(failure(mailer_of(relay), **{which: address})) == ("never", "address", None)
    assert relay.connections == 0


# --- time

OWN_TIMES = {
    "connect": "connect_timeout",
    "ehlo": "connect_timeout",
    "mail": "command_timeout",
    "rcpt": "command_timeout",
    "data": "data_timeout",
    "dot": "reply_timeout",
    "reply": "reply_timeout",
}


@pytest.mark.parametrize("moment", OWN_TIMES)
@pytest.mark.parametrize("does", [Does.STALL, Does.DRIP])
def test_every_phase_ends_with_its_own_time(moment: str, does: Does) -> None:
    """However slowly a relay drips."""
    before = time.monotonic()
    with ScriptedRelay({moment: [does]}) as relay:
        error = failure(mailer_of(relay, **{OWN_TIMES[moment]: 0.2}))
        assert 0.15 < time.monotonic() - before < 1.5
    kind = {"connect": "transport", "ehlo": "transport", "dot": "unknown", "reply": "unknown"}.get(moment, "later")
    assert error.kind == kind


@pytest.mark.parametrize("moment", OWN_TIMES)
def test_a_reply_that_has_no_end_is_given_up_before_its_time(moment: str) -> None:
    """It would fill the memory meanwhile."""
    before = time.monotonic()
    with ScriptedRelay({moment: [Does.RAMBLE]}) as relay:
        failure(mailer_of(relay))
        assert time.monotonic() - before < 2


def test_a_goodbye_that_is_not_returned_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The letter was accepted before."""
    monkeypatch.setattr("indiopay.mailers.smtp_session._QUIT_SECONDS", 0.2)
    before = time.monotonic()
    with ScriptedRelay({"quit": [Does.STALL]}) as relay:
        send(mailer_of(relay))
        assert time.monotonic() - before < 1.5
    assert len(relay.kept) == 1


@pytest.mark.parametrize("alive", [True, False])
def test_all_addresses_of_a_relay_share_the_time_to_connect(monkeypatch: pytest.MonkeyPatch, *, alive: bool) -> None:
    """One that swallows what it is sent leaves time for the next, and many of them take no longer than one."""
    find, connect, dead = socket.getaddrinfo, socket.create_connection, ("192.0.2.1", 25)

    def found(host: str, *about: Any, **more: Any) -> list[tuple[Any, ...]]:
        known = find("127.0.0.1", *about, **more)[:1]
        silent = (0, 0, 0, "", dead)
        return known if host == "127.0.0.1" else [silent, silent, *(known if alive else [silent])]

    def slow(address: tuple[str, int], timeout: float) -> socket.socket:
        if address[0] == dead[0]:
            time.sleep(timeout)
            raise TimeoutError
        return connect(address, timeout)

    monkeypatch.setattr(socket, "getaddrinfo", found)
    monkeypatch.setattr(socket, "create_connection", slow)
    before = time.monotonic()
    with ScriptedRelay() as relay:
        mailer = SmtpMailer("relais.exemple.ca", relay.port, security="none", connect_timeout=0.45)
        if alive:
            send(mailer)
        else:
            assert told(failure(mailer)) == ("transport", "connect", None)
        assert time.monotonic() - before < 1.2
    assert len(relay.kept) == alive


def test_a_relay_that_reads_nothing_is_given_up() -> None:
    """Before the dot, so the letter is simply tried again."""
    with ScriptedRelay({"body": [Does.STALL]}) as relay:
        error = failure(mailer_of(relay, data_timeout=0.3), message=(b"x" * 70 + b"\r\n") * 200_000)
    assert told(error) == ("later", "data", None)


def test_a_handshake_that_stalls_is_given_up(ours: ssl.SSLContext) -> None:
    """Some relays speak in clear where TLS is due, and wait."""
    with ScriptedRelay() as relay:
        error = failure(mailer_of(relay, security="tls", ssl_context=ours, connect_timeout=0.4))
    assert error.kind == "transport"


def test_a_worker_that_slept_before_the_data_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another may have the letter by now."""
    slept = 0.0

    def sleep(moment: str) -> None:
        nonlocal slept
        slept += 1000 * (moment == "rcpt")

    monkeypatch.setattr("indiopay.mailers.smtp.time", SimpleNamespace(monotonic=lambda: time.monotonic() + slept))
    with ScriptedRelay(on_moment=sleep) as relay:
        assert told(failure(mailer_of(relay))) == ("later", "data", None)
        send(mailer_of(relay, command_timeout=800))
    assert (len(relay.kept), relay.said.count("DATA")) == (1, 1)


@pytest.mark.parametrize("name", PATIENT)
def test_time_outs_are_some_and_not_too_long(name: str) -> None:
    """A letter is one worker's own for an hour, of which half may have passed when it is handed over."""
    for seconds in (0, -1, 1800, 3600, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="time-outs"):
            SmtpMailer("relais.exemple.ca", **{name: seconds})  # type: ignore[arg-type]  # a parameter


def test_a_reply_that_came_while_the_process_slept_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it slept: what the relay has said it has said."""
    slept = 0.0

    def sleep(session: SmtpSession) -> int:
        nonlocal slept
        time.sleep(0.2)
        slept = 1000
        return 0

    with ScriptedRelay() as relay:
        real = SmtpSession.getreply
        monkeypatch.setattr(
            "indiopay.mailers.smtp_session.time", SimpleNamespace(monotonic=lambda: time.monotonic() + slept)
        )
        monkeypatch.setattr(SmtpSession, "getreply", lambda self: (relay.kept and sleep(self)) or real(self))
        send(mailer_of(relay))
    assert len(relay.kept) == 1


@pytest.mark.parametrize(("said", "kind"), [("552 too big", "never"), ("451 busy", "later")])
def test_a_refusal_amid_the_body_is_one(said: str, kind: str) -> None:
    """By its code, though the message has not ended."""
    with ScriptedRelay({"body": [said]}) as relay:
        error = failure(mailer_of(relay), message=(b"x" * 70 + b"\r\n") * 60_000)
    assert told(error) == (kind, "data", int(said[:3]))


# --- secrecy


@pytest.mark.parametrize("security", ["tls", "starttls"])
@pytest.mark.parametrize("login", [None, ("facturation", PASSWORD)])
def test_a_letter_goes_encrypted(
    authority: trustme.CA, ours: ssl.SSLContext, security: str, login: tuple[str, str] | None
) -> None:
    """And, where the relay wants it, after a password."""
    name, password = login or (None, None)
    with ScriptedRelay(**{security: theirs(authority)}, login=login) as relay:  # type: ignore[arg-type]  # a parameter
        send(mailer_of(relay, security=security, ssl_context=ours, username=name, password=password))
    assert len(relay.kept) == 1
    assert any(line.startswith("AUTH") for line in relay.said) is bool(login)


@pytest.mark.parametrize("security", ["tls", "starttls"])
@pytest.mark.parametrize("trusted", [False, True])
def test_a_certificate_must_be_trusted_and_the_relays_own(
    authority: trustme.CA, ours: ssl.SSLContext, security: str, *, trusted: bool
) -> None:
    """Unknown to this machine, or made out to another name: nothing is sent."""
    shown = theirs(authority, "autre.exemple.ca" if trusted else "127.0.0.1")
    with ScriptedRelay(**{security: shown}) as relay:  # type: ignore[arg-type]  # a parameter
        error = failure(mailer_of(relay, security=security, **({"ssl_context": ours} if trusted else {})))
    assert told(error) == ("transport", "tls", None)
    assert not [line for line in relay.said if line.startswith("MAIL")]


def test_nothing_is_sent_in_clear_when_a_relay_offers_no_encryption(ours: ssl.SSLContext) -> None:
    """Whoever stands between may have left the offer out."""
    with ScriptedRelay() as relay:
        assert told(failure(mailer_of(relay, security="starttls", ssl_context=ours))) == ("transport", "tls", None)
    assert [line.split()[0].upper() for line in relay.said] == ["EHLO"]


def test_what_was_said_before_the_handshake_counts_for_nothing(authority: trustme.CA, ours: ssl.SSLContext) -> None:
    """Whoever stands between could answer in the relay's name."""
    early = "220 go on\r\n250-relais.exemple.ca\r\n250 AUTH PLAIN"
    with ScriptedRelay({"starttls": [early]}, starttls=theirs(authority)) as relay:
        assert told(failure(mailer_of(relay, security="starttls", ssl_context=ours))) == ("transport", "tls", None)


def test_a_refused_start_of_encryption_is_the_transports_fault(authority: trustme.CA, ours: ssl.SSLContext) -> None:
    """With its code."""
    with ScriptedRelay({"starttls": ["454 not now"]}, starttls=theirs(authority)) as relay:
        assert told(failure(mailer_of(relay, security="starttls", ssl_context=ours))) == ("transport", "tls", 454)


@pytest.mark.parametrize("offered", [True, False])
def test_a_password_is_found_nowhere(caplog: pytest.LogCaptureFixture, *, offered: bool) -> None:
    """Not where it is refused, with words that quote it, nor where no password is wanted."""
    caplog.set_level(logging.DEBUG)
    with ScriptedRelay(login=("facturation", "another") if offered else None) as relay:
        mailer = mailer_of(relay, username="facturation", password=PASSWORD)
        error = failure(mailer)
    assert told(error) == ("transport", "auth", 535 if offered else None)
    chain = [error, error.__cause__, error.__context__]
    shown = [*map(repr, chain), *traceback.format_exception(error), repr(mailer), str(mailer), caplog.text]
    assert not [text for text in shown if PASSWORD in text or "wrong" in text]
    assert PASSWORD.encode() not in pickle.dumps(error)


def test_an_error_holds_nothing_that_the_relay_said() -> None:
    """It may quote addresses; not in the chain of errors either."""
    with ScriptedRelay({"rcpt": ["550 5.1.1 <zoe@exemple.ca> unknown"]}) as relay:
        error = failure(mailer_of(relay))
    assert (error.__cause__, error.__context__, str(error)) == (None, None, "never: rcpt (550)")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"security": "ssl"}, "security"),
        ({"host": ""}, "host"),
        ({"port": 0}, "port"),
        ({"port": "587"}, "port"),
        ({"port": True}, "port"),
        ({"host": b"relais.exemple.ca"}, "host"),
        ({"port": 65536}, "port"),
        ({"username": "a"}, "together"),
        ({"password": PASSWORD}, "together"),
        ({"username": "a", "password": ""}, "together"),
        ({"username": "a", "password": "é"}, "ASCII"),
        ({"username": "a", "password": PASSWORD, "security": "none"}, "starttls"),
        ({"username": "a", "password": PASSWORD, "security": "none", "host": "127.0.0.1.exemple.ca"}, "starttls"),
    ],
)
def test_what_cannot_be_meant_is_refused_at_once(changes: dict[str, Any], why: str) -> None:
    """When the mailer is made, and without the password."""
    with pytest.raises(ValueError, match=why) as caught:
        SmtpMailer(**{"host": "relais.exemple.ca", **changes})
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_this_very_machine_may_be_told_a_password_in_clear(host: str) -> None:
    """It goes over no wire."""
    assert host in repr(SmtpMailer(host, username="a", password=PASSWORD, security="none"))


# --- many letters


def test_a_run_of_letters_goes_through_one_connection() -> None:
    """A refusal does not end it, and every letter has an envelope of its own."""
    with ScriptedRelay({"rcpt": [None, "550 who", None]}) as relay, mailer_of(relay).batch() as kept:
        send(kept, recipient="a@exemple.ca")
        assert failure(kept, recipient="b@exemple.ca").kind == "never"
        send(kept, recipient="c@exemple.ca")
    assert [one.recipients for one in relay.kept] == [["a@exemple.ca"], ["c@exemple.ca"]]
    assert (relay.connections, relay.said.count("RSET"), relay.said.count("QUIT")) == (1, 2, 1)


@pytest.mark.parametrize("moment", ["rset", "mail"])
@pytest.mark.parametrize("answer", ["421 too many", "354 what", Does.DROP, Does.GARBLE])
def test_a_kept_connection_that_was_closed_meanwhile_is_opened_again(moment: str, answer: Answer) -> None:
    """Once, and the letter goes out at the first attempt: nothing was said of it yet."""
    script = {moment: [*([None] * (moment == "mail")), answer]}
    with ScriptedRelay(script) as relay, mailer_of(relay).batch() as kept:
        send(kept)
        send(kept)
    assert (relay.connections, len(relay.kept)) == (2, 2)


def test_a_kept_connection_that_does_not_start_over_is_left() -> None:
    """What it knows of the letter before would stay with it."""
    with ScriptedRelay({"rset": ["502 what"]}) as relay, mailer_of(relay).batch() as kept:
        send(kept)
        send(kept)
        assert relay.said.count("QUIT") == 1
    assert (relay.connections, len(relay.kept)) == (2, 2)


def test_a_kept_connection_that_said_goodbye_meanwhile_is_opened_again() -> None:
    """Unasked, as a relay does that closes what has been idle for long."""
    with ScriptedRelay({"reply": ["250 kept\r\n421 idle for long"]}) as relay, mailer_of(relay).batch() as kept:
        send(kept)
        send(kept)
    assert (relay.connections, len(relay.kept)) == (2, 2)


@pytest.mark.parametrize(
    ("moment", "answer", "told_as"),
    [
        ("rcpt", Does.DROP, ("later", "rcpt", None)),
        ("rcpt", Does.GARBLE, ("later", "rcpt", None)),
        ("data", "250 what", ("later", "data", 250)),
        ("dot", "354 what", ("unknown", "silence", None)),
    ],
)
def test_a_kept_connection_that_fails_amid_a_letter_is_not_tried_twice(
    moment: str, answer: Answer, told_as: tuple[str, str, int | None]
) -> None:
    """A letter that the relay has heard of is not told again at once; the next one opens another connection."""
    with ScriptedRelay({moment: [None, answer]}) as relay, mailer_of(relay).batch() as kept:
        send(kept)
        assert told(failure(kept)) == told_as
        send(kept)
    assert (relay.connections, len(relay.kept)) == (2, 2)


def test_a_refused_sender_on_a_kept_connection_is_the_letters() -> None:
    """The relay has answered: it is not asked again through another connection."""
    with ScriptedRelay({"mail": [None, "550 not you"]}) as relay, mailer_of(relay).batch() as kept:
        send(kept)
        assert told(failure(kept)) == ("never", "mail", 550)
    assert relay.connections == 1


def test_a_batch_without_letters_connects_to_nobody() -> None:
    """And a mailer is one that can keep a connection."""
    with ScriptedRelay() as relay:
        mailer = mailer_of(relay)
        with mailer.batch():
            pass
    assert isinstance(mailer, BatchMailer)
    assert relay.connections == 0


def test_many_threads_may_share_a_mailer() -> None:
    """Each letter arrives once, at its own recipient."""
    with ScriptedRelay() as relay, ThreadPoolExecutor(8) as threads:
        mailer = mailer_of(relay)
        names = [f"a{number}@exemple.ca" for number in range(40)]
        list(threads.map(lambda name: send(mailer, recipient=name, message=name.encode()), names))
    assert sorted((one.recipients, one.message) for one in relay.kept) == sorted(
        ([name], f"{name}\r\n".encode()) for name in names
    )


@pytest.mark.parametrize("where", ["_literal", "SmtpSession.ehlo_or_helo_if_needed"])
def test_an_interrupt_leaves_no_connection_open(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """Ctrl-C while the relay is greeted: the socket is closed, and the interrupt goes on."""

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(f"indiopay.mailers.smtp_session.{where}", interrupt)
    with ScriptedRelay() as relay, pytest.raises(KeyboardInterrupt):
        send(mailer_of(relay))


def test_an_interrupt_amid_a_letter_says_no_goodbye(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be a line of the letter, and be waited for."""
    line, before = SmtpSession._line, time.monotonic()  # where it waits

    def interrupted(session: SmtpSession) -> bytes:
        if relay.said[-1:] == ["DATA"]:
            raise KeyboardInterrupt
        return line(session)

    monkeypatch.setattr(SmtpSession, "_line", interrupted)
    with ScriptedRelay() as relay:
        with pytest.raises(KeyboardInterrupt):
            send(mailer_of(relay))
        assert time.monotonic() - before < 2


# --- anything at all


@pytest.fixture(scope="module")
def restless() -> Iterator[ScriptedRelay]:
    with ScriptedRelay() as relay:
        yield relay


said = st.one_of(
    st.sampled_from([Does.DROP, Does.GARBLE]),
    st.text("0123456789- \t\r\nabé\0", max_size=12).filter(lambda text: not text.startswith("421")),
    st.integers(200, 599).filter(lambda code: code != 421).map(lambda code: f"{code} x"),
)


def outcome(relay: ScriptedRelay, moment: str, answer: Answer) -> tuple[str, bool]:
    """What one letter's fate was told as, and whether the relay kept it."""
    relay.script, before = {moment: [answer]}, len(relay.kept)
    try:
        send(mailer_of(relay, **dict.fromkeys(PATIENT, 0.15)))
        kind = "sent"
    except MailError as error:
        kind = error.kind
    return kind, len(relay.kept) > before


def holds(moment: str, answer: Answer, kind: str, *, kept: bool) -> None:
    """What was kept is told as refused only where the relay says so, and what was not is never told as sent."""
    is_refusal = isinstance(answer, str) and re.search(r"(?m)^[45][0-9][0-9]", answer)
    assert kept or kind != "sent"
    assert not kept or kind in ("sent", "unknown") or (moment == "reply" and is_refusal)
    assert kind != "unknown" or moment in ("dot", "reply") or str(answer)[:1] == "3"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moment=st.sampled_from(["connect", "ehlo", "mail", "rcpt", "data", "dot", "reply", "quit"]), answer=said)
def test_whatever_a_relay_says_a_letter_is_accepted_or_told_why_not(
    restless: ScriptedRelay, moment: str, answer: Answer
) -> None:
    """Unknown only when the dot went out, and never a lie."""
    kind, kept = outcome(restless, moment, answer)
    holds(moment, answer, kind, kept=kept)


def telling(kind: MailErrorKind | None) -> Callable[..., None]:
    """A session that takes every failure from the message on for the same; None is no failure."""
    hand_over = SmtpSession.hand_over

    def careless(session: SmtpSession, body: bytes, **seconds: float) -> None:
        try:
            hand_over(session, body, **seconds)
        except MailError:
            if kind is not None:
                raise MailError("data", kind=kind) from None

    return careless


@pytest.mark.parametrize(
    ("moment", "answer", "kind"),
    [
        ("reply", Does.DROP, "later"),
        ("reply", Does.GARBLE, "never"),
        ("dot", "554 spam", None),
        ("dot", Does.DROP, None),
    ],
)
def test_a_mailer_that_lies_is_caught(
    restless: ScriptedRelay, monkeypatch: pytest.MonkeyPatch, moment: str, answer: Answer, kind: MailErrorKind | None
) -> None:
    """One that takes silence for a refusal, or for consent."""
    told_as, kept = outcome(restless, moment, answer)
    holds(moment, answer, told_as, kept=kept)
    monkeypatch.setattr(SmtpSession, "hand_over", telling(kind))
    told_as, kept = outcome(restless, moment, answer)
    with pytest.raises(AssertionError):
        holds(moment, answer, told_as, kept=kept)
