"""Mailers that each break one duty of the contract. Not collected by name: `test_mailer_contract.py` runs this."""

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from typing import Any, TypeVar

import pytest

from indiopay import MailError
from indiopay.errors import MailErrorKind
from indiopay.mailers.envelope import check_envelope
from indiopay.mailers.memory import SentMail
from indiopay.ports import Mailer
from indiopay.testing import MailerContract

M = TypeVar("M", bound="type[WholeMailer]")

BROKEN: dict[str, str] = {}
"""The test class of each broken mailer, and the duty that catches it."""

log = logging.getLogger("a.mailer")


class WholeMailer:
    """Keeps every duty: a mailer, and the far end that it hands letters to."""

    def __init__(self) -> None:
        self.sent: list[SentMail] = []
        self.refusal: MailErrorKind | None = None

    def send(self, *, sender: str, recipient: str, message: bytes) -> None:
        self.check(sender, recipient)
        kind, self.refusal = self.refusal, None
        if kind is None or kind == "unknown":
            self.deliver(SentMail(sender, recipient, message))
        if kind is not None:
            self.fail(kind)

    def check(self, sender: str, recipient: str) -> None:
        check_envelope(sender, recipient)

    def deliver(self, mail: SentMail) -> None:
        self.sent.append(mail)

    def fail(self, kind: MailErrorKind) -> None:
        raise MailError("made_up", kind=kind)

    @contextmanager
    def batch(self) -> Iterator[Mailer]:
        yield self


def held_to_the_contract(mailer: type[Any], **attributes: Any) -> type[MailerContract]:
    def make(self: object) -> Any:
        return mailer()

    def arrived(self: object, mailer: Any) -> Any:
        return lambda: mailer.sent

    def refuse(self: object, mailer: Any) -> Any:
        return lambda kind: setattr(mailer, "refusal", kind)

    parts = {"mailer": pytest.fixture(make), "arrived": pytest.fixture(arrived), "refuse": pytest.fixture(refuse)}
    return type(f"Test{mailer.__name__}", (MailerContract,), {**parts, **attributes})


def breaks(duty: str) -> Callable[[M], M]:
    """Have a broken mailer tried."""

    def register(mailer: M) -> M:
        contract = held_to_the_contract(mailer)
        setattr(sys.modules[__name__], contract.__name__, contract)
        BROKEN[contract.__name__] = duty
        return mailer

    return register


class ModestMailer:
    """Meets no failure, keeps no connection, and puts messages together anew."""

    def __init__(self) -> None:
        self.sent: list[SentMail] = []

    def send(self, *, sender: str, recipient: str, message: bytes) -> None:
        check_envelope(sender, recipient)
        self.sent.append(SentMail(sender, recipient, message_from_bytes(message, policy=policy.default).as_bytes()))


TestWholeMailer = held_to_the_contract(WholeMailer)
TestModestMailer = held_to_the_contract(ModestMailer, failures=(), keeps_bytes=False)


class TestNoMailer(MailerContract):
    """An author who has not yet said how the mailer is made."""


@breaks("a_letter_arrives_once_at_its_recipient")
class SendsAsSomebodyElse(WholeMailer):
    """The sender of the envelope is the account's."""

    def deliver(self, mail: SentMail) -> None:
        super().deliver(mail._replace(sender="compte@exemple.ca"))


@breaks("a_letter_arrives_as_it_was_written")
class DropsAccents(WholeMailer):
    """It takes encoded texts for noise."""

    def deliver(self, mail: SentMail) -> None:
        super().deliver(mail._replace(message=mail.message.replace(b"=C3=A9", b"e")))


@breaks("a_letter_arrives_as_it_was_written")
class NamesItAnew(WholeMailer):
    """Each copy has a Message-ID of its own."""

    def deliver(self, mail: SentMail) -> None:
        super().deliver(mail._replace(message=mail.message.replace(b"\r\nMessage-ID: <", b"\r\nMessage-ID: <x")))


@breaks("a_letter_arrives_as_it_was_written")
class KeepsACopy(WholeMailer):
    """It puts the archive's address before the letter."""

    def deliver(self, mail: SentMail) -> None:
        is_letter = b"\r\nMessage-ID: " in mail.message
        super().deliver(mail._replace(message=b"Bcc: archive@exemple.ca\r\n" * is_letter + mail.message))


@breaks("a_letter_arrives_as_it_was_written")
class MixesTheParts(WholeMailer):
    """Text and HTML stand one below the other."""

    def deliver(self, mail: SentMail) -> None:
        super().deliver(mail._replace(message=mail.message.replace(b"multipart/alternative", b"multipart/mixed")))


@breaks("the_recipient_is_the_envelopes")
class BelievesHeaders(WholeMailer):
    """It sends to whom the headers name as well."""

    def deliver(self, mail: SentMail) -> None:
        super().deliver(mail)
        if b"\r\nBcc: " in mail.message:
            super().deliver(mail._replace(recipient="cinq@exemple.ca"))


@breaks("every_byte_arrives")
class EndsAtADot(WholeMailer):
    """A line that is a dot ends the message."""

    def deliver(self, mail: SentMail) -> None:
        super().deliver(mail._replace(message=mail.message.partition(b"\r\n.\r\n")[0]))


@breaks("every_byte_arrives")
class QuotesFrom(WholeMailer):
    """As old mailboxes do."""

    def deliver(self, mail: SentMail) -> None:
        super().deliver(mail._replace(message=mail.message.replace(b"\nFrom facturation", b"\n>From facturation")))


@breaks("each_call_is_one_copy")
class KnowsItAlready(WholeMailer):
    """It takes a second sending for a mistake."""

    def deliver(self, mail: SentMail) -> None:
        if mail not in self.sent:
            super().deliver(mail)


@breaks("many_threads_may_send_at_once")
class SharesItsEnvelope(WholeMailer):
    """The recipient is kept in the mailer while a letter is under way."""

    def send(self, *, sender: str, recipient: str, message: bytes) -> None:
        self.recipient = recipient
        time.sleep(0.001)
        kept = self.recipient if "client" in recipient else recipient
        super().send(sender=sender, recipient=kept, message=message)


@breaks("what_is_no_address_is_refused_for_good")
class TakesAnyAddress(WholeMailer):
    """What a store holds is believed."""

    def check(self, sender: str, recipient: str) -> None:
        pass


@breaks("what_is_no_address_is_refused_for_good")
class TriesAddressesAgain(WholeMailer):
    """It hopes that an address will be one."""

    def check(self, sender: str, recipient: str) -> None:
        try:
            super().check(sender, recipient)
        except MailError as error:
            raise MailError("address", kind="later") from error


def _says(wrong: MailErrorKind, right: MailErrorKind) -> type[WholeMailer]:
    class Mistaken(WholeMailer):
        def fail(self, kind: MailErrorKind) -> None:
            super().fail(wrong if kind == right else kind)

    Mistaken.__name__ = f"Says{wrong.title()}For{right.title()}"
    return Mistaken


for _wrong, _right in (("later", "never"), ("never", "later"), ("later", "transport"), ("never", "unknown")):
    breaks("each_failure_is_told_by_its_kind")(_says(_wrong, _right))  # type: ignore[arg-type]  # they are kinds


@breaks("each_failure_is_told_by_its_kind")
class SaysWhyInWords(WholeMailer):
    """The reason is a sentence."""

    def fail(self, kind: MailErrorKind) -> None:
        raise MailError("The far end said no", kind=kind)


@breaks("a_refused_letter_did_not_arrive")
class SendsAllTheSame(WholeMailer):
    """A letter that was refused for now is delivered by another way."""

    def fail(self, kind: MailErrorKind) -> None:
        if kind == "later":
            self.deliver(SentMail("facturation@exemple.ca", "personne@exemple.ca", b""))
        super().fail(kind)


@breaks("a_refused_letter_did_not_arrive")
class TriesAgainByItself(WholeMailer):
    """After silence, at once."""

    def fail(self, kind: MailErrorKind) -> None:
        if kind == "unknown":
            self.deliver(self.sent[-1])
        super().fail(kind)


@breaks("after_a_failure_the_next_letter_arrives")
class SulksAfterAFailure(WholeMailer):
    """The next letter is lost, unless it is amid a run."""

    def __init__(self) -> None:
        super().__init__()
        self.sulks = self.runs = False

    def fail(self, kind: MailErrorKind) -> None:
        self.sulks = not self.runs
        super().fail(kind)

    def deliver(self, mail: SentMail) -> None:
        if not self.sulks:
            super().deliver(mail)
        self.sulks = False

    @contextmanager
    def batch(self) -> Iterator[Mailer]:
        self.runs = True
        yield self


@breaks("an_error_holds_nothing_of_the_letter")
class QuotesTheFarEnd(WholeMailer):
    """The error behind its own holds what the far end said."""

    def fail(self, kind: MailErrorKind) -> None:
        raise MailError("rcpt", kind=kind) from OSError("550 zoe@exemple.ca unknown")


@breaks("nothing_of_a_letter_is_logged_or_printed")
class LogsAddresses(WholeMailer):
    """To look for a letter later."""

    def send(self, *, sender: str, recipient: str, message: bytes) -> None:
        super().send(sender=sender, recipient=recipient, message=message)
        log.debug("sent to %s", recipient)


@breaks("nothing_of_a_letter_is_logged_or_printed")
class PrintsItsDialogue(WholeMailer):
    """As a debug level does."""

    def send(self, *, sender: str, recipient: str, message: bytes) -> None:
        super().send(sender=sender, recipient=recipient, message=message)
        sys.stderr.write(f"send: RCPT TO:<{recipient}>\n")


@breaks("nothing_of_a_refused_letter_is_logged_or_printed")
class LogsRefusals(WholeMailer):
    """To know whom to call."""

    def check(self, sender: str, recipient: str) -> None:
        super().check(sender, recipient)
        self.last = recipient

    def fail(self, kind: MailErrorKind) -> None:
        log.warning("%s was refused", self.last)
        super().fail(kind)


@breaks("a_run_of_letters_arrives")
class KeepsTheFirstOnly(WholeMailer):
    """A run without a failure is one letter."""

    @contextmanager
    def batch(self) -> Iterator[Mailer]:
        before, self.failed = len(self.sent), False
        yield self
        if not self.failed:
            del self.sent[before + 1 :]

    def fail(self, kind: MailErrorKind) -> None:
        self.failed = True
        super().fail(kind)


@breaks("a_failure_amid_a_run_is_one_letters")
class RaisesWhenLeft(WholeMailer):
    """A goodbye that is refused is an error, though all was accepted."""

    @contextmanager
    def batch(self) -> Iterator[Mailer]:
        self.failed = False
        yield self
        if self.failed:
            raise MailError("quit", kind="transport")

    def fail(self, kind: MailErrorKind) -> None:
        self.failed = True
        super().fail(kind)
