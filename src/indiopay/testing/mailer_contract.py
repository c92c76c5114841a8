"""The contract of a mailer as a pytest class, for people who write one."""

# ruff: noqa: S101  # a duty asserts

import logging
import re
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import ClassVar

import pytest

from indiopay.errors import MailError, MailErrorKind
from indiopay.mailers.memory import SentMail
from indiopay.ports import BatchMailer, Mailer
from indiopay.testing.mailer_samples import (
    CANARIES,
    HEADERS_LIE,
    HOSTILE,
    PLAIN,
    RECIPIENT,
    SENDER,
    TRICKY,
    letter,
    part,
    shown,
)

Arrived = Callable[[], Sequence[SentMail]]
Refuse = Callable[[MailErrorKind], object]

_KINDS: tuple[MailErrorKind, ...] = ("transport", "later", "never", "unknown")
_CODE = re.compile(r"[a-z0-9_]{1,40}")


class MailerContract:
    """What `indiopay.ports.Mailer` promises, one duty a test, for a mailer of your own.

    Subclass it under a name that pytest collects, and override two fixtures, `mailer` and `arrived`; a third, `refuse`,
    unless `failures` is empty. A duty is skipped only if an attribute says that the mailer does not do it, and none may
    be overridden (TypeError). It comes with `indiopay[testing]`.

    Not tried: time, encryption and passwords, which are each mailer's own.
    """

    failures: ClassVar[Sequence[MailErrorKind]] = _KINDS
    """The kinds of failure that the mailer can meet."""

    keeps_bytes: ClassVar[bool] = True
    """What arrives ends with the very bytes that were handed over; else with the same subject, texts and names."""

    def __init_subclass__(cls) -> None:
        """Duties are kept, not replaced."""
        duties = [name for name in dir(MailerContract) if name.startswith("test_")]
        replaced = [name for name in duties if getattr(cls, name) is not getattr(MailerContract, name)]
        if replaced:
            raise TypeError(f"{cls.__name__} overrides duties of the contract: {', '.join(replaced)}")

    @pytest.fixture
    def mailer(self) -> Mailer:
        """Your mailer, at a far end that has nothing yet and accepts everything."""
        pytest.fail(f"{type(self).__name__} must override the fixture mailer", pytrace=False)

    @pytest.fixture
    def arrived(self) -> Arrived:
        """A function that gives all that has arrived at the far end so far: envelope and bytes, in any order."""
        pytest.fail(f"{type(self).__name__} must override the fixture arrived", pytrace=False)

    @pytest.fixture
    def refuse(self, kind: MailErrorKind) -> Refuse:
        """A function that has the next letter, and that one only, meet a failure of a kind at the far end."""
        pytest.fail(f"{type(self).__name__} must override the fixture refuse to meet {kind!r}", pytrace=False)

    @pytest.fixture(params=_KINDS)
    def kind(self, request: pytest.FixtureRequest) -> MailErrorKind:
        """Each kind of failure that the mailer can meet."""
        if request.param not in self.failures:
            pytest.skip(f"failures does not name {request.param}")
        found: MailErrorKind = request.param
        return found

    # --- what arrives

    def test_a_letter_arrives_once_at_its_recipient(self, mailer: Mailer, arrived: Arrived) -> None:
        """With its envelope, when `send` returns."""
        _send(mailer)
        (found,) = arrived()
        assert (found.sender, found.recipient) == (SENDER, RECIPIENT)

    def test_a_letter_arrives_as_it_was_written(self, mailer: Mailer, arrived: Arrived) -> None:
        """Its texts, names and subject with their accents, its Message-ID, and no recipient more in its headers."""
        message = letter()
        _send(mailer, message)
        (found,) = arrived()
        assert shown(found.message) == shown(message)

    def test_the_recipient_is_the_envelopes(self, mailer: Mailer, arrived: Arrived) -> None:
        """Whoever stands in the headers, by whatever name, is sent nothing."""
        _send(mailer, HEADERS_LIE)
        assert [found.recipient for found in arrived()] == [RECIPIENT]

    @pytest.mark.parametrize("name", TRICKY)
    def test_every_byte_arrives(self, mailer: Mailer, arrived: Arrived, name: str) -> None:
        """Lines that begin with a dot, that are one, and a message of a megabyte."""
        if not self.keeps_bytes:
            pytest.skip("keeps_bytes is False: the far end puts messages together itself")
        _send(mailer, TRICKY[name])
        (found,) = arrived()
        wanted = TRICKY[name].splitlines()
        assert found.message.splitlines()[-len(wanted) :] == wanted

    def test_each_call_is_one_copy(self, mailer: Mailer, arrived: Arrived) -> None:
        """The desk decides when to send again: a mailer neither repeats a letter nor takes one for another."""
        for _ in range(2):
            _send(mailer)
        assert len(arrived()) == 2

    def test_many_threads_may_send_at_once(self, mailer: Mailer, arrived: Arrived) -> None:
        """Each letter arrives once, at its own recipient."""
        names = [f"client{number}@exemple.ca" for number in range(24)]
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda name: _send(mailer, letter(name), recipient=name), names))
        found = [(one.recipient, part(one.message, "plain").count(one.recipient)) for one in arrived()]
        assert sorted(found) == sorted((name, 1) for name in names)

    # --- what is refused

    @pytest.mark.parametrize("address", HOSTILE)
    @pytest.mark.parametrize("which", ["sender", "recipient"])
    def test_what_is_no_address_is_refused_for_good(
        self, mailer: Mailer, arrived: Arrived, address: str, which: str
    ) -> None:
        """It could be another header, another command or another recipient: MailError, and nothing arrives."""
        envelope = {"sender": SENDER, "recipient": RECIPIENT, which: address}
        with pytest.raises(MailError) as caught:
            mailer.send(**envelope, message=PLAIN)
        assert (caught.value.kind, arrived()) == ("never", [])

    def test_each_failure_is_told_by_its_kind(self, mailer: Mailer, refuse: Refuse, kind: MailErrorKind) -> None:
        """A MailError whose reason is a code."""
        refuse(kind)
        with pytest.raises(MailError) as caught:
            _send(mailer)
        assert caught.value.kind == kind
        assert _CODE.fullmatch(caught.value.reason)

    def test_a_refused_letter_did_not_arrive(
        self, mailer: Mailer, arrived: Arrived, refuse: Refuse, kind: MailErrorKind
    ) -> None:
        """Only one of an unknown fate may have."""
        refuse(kind)
        with pytest.raises(MailError):
            _send(mailer)
        assert len(arrived()) <= (kind == "unknown")

    def test_after_a_failure_the_next_letter_arrives(
        self, mailer: Mailer, arrived: Arrived, refuse: Refuse, kind: MailErrorKind
    ) -> None:
        """A mailer is not broken by what it meets."""
        refuse(kind)
        with pytest.raises(MailError):
            _send(mailer, recipient="autre@exemple.ca")
        _send(mailer)
        assert [found.recipient for found in arrived()].count(RECIPIENT) == 1

    # --- silence

    def test_an_error_holds_nothing_of_the_letter(self, mailer: Mailer, refuse: Refuse, kind: MailErrorKind) -> None:
        """Nor of what the far end said of it, which may quote it; not in the errors behind it either."""
        refuse(kind)
        with pytest.raises(MailError) as caught:
            _send(mailer, letter())
        told = "".join([repr(caught.value), *traceback.format_exception(caught.value)])
        assert [word for word in CANARIES if word in told] == []

    def test_nothing_of_a_letter_is_logged_or_printed(
        self, mailer: Mailer, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """Neither addresses nor texts, at any level."""
        with caplog.at_level(logging.DEBUG):
            _send(mailer, letter())
        _check_silence(caplog.text, capfd)

    def test_nothing_of_a_refused_letter_is_logged_or_printed(
        self,
        mailer: Mailer,
        refuse: Refuse,
        kind: MailErrorKind,
        caplog: pytest.LogCaptureFixture,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        """Nor what the far end said of it."""
        refuse(kind)
        with caplog.at_level(logging.DEBUG), pytest.raises(MailError):
            _send(mailer, letter())
        _check_silence(caplog.text, capfd)

    # --- a run of letters

    def test_a_run_of_letters_arrives(self, mailer: Mailer, arrived: Arrived) -> None:
        """Through the mailer that `batch` gives, each at its own recipient; a run of none is none."""
        with _batch(mailer) as relay:
            for number in range(3):
                _send(relay, recipient=f"client{number}@exemple.ca")
        with _batch(mailer):
            pass
        assert sorted(found.recipient for found in arrived()) == [f"client{number}@exemple.ca" for number in range(3)]

    def test_a_failure_amid_a_run_is_one_letters(
        self, mailer: Mailer, arrived: Arrived, refuse: Refuse, kind: MailErrorKind
    ) -> None:
        """The letters before and after it arrive, and leaving the run raises nothing."""
        with _batch(mailer) as relay:
            _send(relay, recipient="premier@exemple.ca")
            refuse(kind)
            with pytest.raises(MailError):
                _send(relay)
            _send(relay, recipient="dernier@exemple.ca")
        found = [one.recipient for one in arrived()]
        assert (found.count("premier@exemple.ca"), found.count("dernier@exemple.ca")) == (1, 1)


def _send(mailer: Mailer, message: bytes = PLAIN, *, sender: str = SENDER, recipient: str = RECIPIENT) -> None:
    mailer.send(sender=sender, recipient=recipient, message=message)


def _check_silence(logged: str, capfd: pytest.CaptureFixture[str]) -> None:
    printed = capfd.readouterr()
    told = f"{logged}{printed.out}{printed.err}"
    assert [word for word in CANARIES if word in told] == []


def _batch(mailer: Mailer) -> AbstractContextManager[Mailer]:
    if not isinstance(mailer, BatchMailer):
        pytest.skip("the mailer keeps no connection: it has no batch")
    return mailer.batch()
