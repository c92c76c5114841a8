"""The contract of a mailer: each of ours keeps it, and each broken one fails at the duty that it breaks alone."""

import mailbox
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.mail.utils import DNS_NAME

import indiopay.testing
from indiopay.errors import MailErrorKind
from indiopay.mailers.maildir import MaildirMailer
from indiopay.mailers.memory import MemoryMailer, SentMail
from indiopay.mailers.smtp import SmtpMailer
from indiopay.testing import MailerContract

from .broken_mailers import BROKEN
from .contract_report import ROOT, Outcomes, duties, outcomes_in, started
from .smtp_server import Answer, Does, ScriptedRelay

pytestmark = pytest.mark.no_cover  # the coverage of what it tries is not asked for

DUTIES = {name.removeprefix("test_") for name in dir(MailerContract) if name.startswith("test_")}


class TestMemoryMailer(MailerContract):
    failures = ()

    @pytest.fixture
    def mailer(self) -> MemoryMailer:
        return MemoryMailer()

    @pytest.fixture
    def arrived(self, mailer: MemoryMailer) -> Any:
        return lambda: mailer.sent


class TestMaildirMailer(MailerContract):
    failures = ("transport", "unknown")

    @pytest.fixture
    def mailer(self, tmp_path: Path) -> MaildirMailer:
        return MaildirMailer(tmp_path / "courriels")

    @pytest.fixture
    def arrived(self, tmp_path: Path) -> Any:
        return lambda: [_read(path) for path in (tmp_path / "courriels" / "new").iterdir()]

    @pytest.fixture
    def refuse(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
        """The file cannot be written; or it has its name, and the disk fails then."""
        real = {"transport": os.open, "unknown": os.link}

        def refuse(kind: MailErrorKind) -> None:
            name = {"transport": "open", "unknown": "link"}[kind]

            def fail(*given: Any, **named: Any) -> None:
                monkeypatch.setattr(os, name, real[kind])
                if kind == "unknown":
                    real[kind](*given, **named)  # type: ignore[operator]  # it is a function
                raise OSError(5, "EIO")

            monkeypatch.setattr(os, name, fail)

        return refuse


def _read(path: Path) -> SentMail:
    found = mailbox.MaildirMessage(path.read_bytes())
    return SentMail(found["Return-Path"].strip("<>"), found["Delivered-To"], path.read_bytes())


ANSWERS: Mapping[MailErrorKind, tuple[str, Answer]] = {
    "transport": ("mail", "421 zoe@exemple.ca: not now"),
    "later": ("rcpt", "450 zoe@exemple.ca is busy"),
    "never": ("rcpt", "550 zoe@exemple.ca is unknown"),
    "unknown": ("reply", Does.DROP),
}


class TestSmtpMailer(MailerContract):
    @pytest.fixture
    def relay(self) -> Iterator[ScriptedRelay]:
        with ScriptedRelay() as relay:
            yield relay

    @pytest.fixture
    def mailer(self, relay: ScriptedRelay) -> SmtpMailer:
        return SmtpMailer("127.0.0.1", relay.port, security="none")

    @pytest.fixture
    def arrived(self, relay: ScriptedRelay) -> Any:
        return lambda: [SentMail(kept.sender, ",".join(kept.recipients), kept.message) for kept in relay.kept]

    @pytest.fixture
    def refuse(self, relay: ScriptedRelay) -> Any:
        def refuse(kind: MailErrorKind) -> None:
            moment, answer = ANSWERS[kind]
            again = [answer] if kind == "transport" and relay.connections else []  # a kept connection is opened anew
            relay.script[moment] = [answer, *again]

        return refuse


class TestDjangoMailer(TestSmtpMailer):
    """The mailer of the page on how to write one, at the same relay."""

    page, file = "write-a-mailer.md", "django_mailer.py"

    @pytest.fixture
    def mailer(self, relay: ScriptedRelay, monkeypatch: pytest.MonkeyPatch) -> Any:
        if not settings.configured:
            settings.configure(EMAIL_HOST="127.0.0.1", EMAIL_TIMEOUT=10)
        monkeypatch.setattr(settings, "EMAIL_PORT", relay.port)
        monkeypatch.setattr(DNS_NAME, "_fqdn", "localhost", raising=False)  # to look our name up may take long
        return _of_page(self.page, self.file)["DjangoMailer"]()


class TestDjangoMailerInFrench(TestDjangoMailer):
    page, file = "fr/ecrire-un-programme-de-courriel.md", "courriel_django.py"


def _of_page(page: str, file: str) -> dict[str, Any]:
    """What the block of that name defines."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    found: dict[str, Any] = {}
    exec(text.partition(f"# {file}\n")[2].partition("```")[0], found)  # noqa: S102  # our own page
    return found


# --- each duty is seen red


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """What became of each test of `broken_mailers.py`."""
    report = tmp_path_factory.mktemp("contract") / "report.xml"
    started(report, "tests/broken_mailers.py").wait()
    return outcomes_in([report])


def test_a_whole_mailer_keeps_every_duty(outcomes: Outcomes) -> None:
    """Nothing fails, and nothing is left out."""
    whole = outcomes["TestWholeMailer"]
    assert whole.keys() == {"passed"}
    assert duties(whole["passed"]) == DUTIES


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_mailer_fails_at_the_duty_that_it_breaks_and_at_no_other(outcomes: Outcomes, broken: str) -> None:
    """Each duty has been seen red, alone."""
    assert outcomes[broken].keys() - {"skipped"} == {"passed", "failure"}
    assert duties(outcomes[broken]["failure"]) == {BROKEN[broken]}


def test_every_duty_is_broken_by_one() -> None:
    """A duty that is added needs a broken mailer too."""
    assert set(BROKEN.values()) == DUTIES


def test_only_a_duty_of_an_undeclared_capability_is_skipped(outcomes: Outcomes) -> None:
    """It says which; all the others are tried."""
    skipped = outcomes["TestModestMailer"]["skipped"]
    assert all(
        any(why in said for why in ("failures does not name", "keeps_bytes is False", "keeps no connection"))
        for said in skipped.values()
    )
    assert duties(outcomes["TestModestMailer"]["passed"]) | duties(skipped) == DUTIES
    assert outcomes["TestModestMailer"].keys() == {"passed", "skipped"}


def test_without_a_mailer_every_duty_errs(outcomes: Outcomes) -> None:
    """And says what to override."""
    assert outcomes["TestNoMailer"].keys() == {"error"}
    assert duties(outcomes["TestNoMailer"]["error"]) == DUTIES
    assert all("must override the fixture" in said for said in outcomes["TestNoMailer"]["error"].values())


def test_a_duty_cannot_be_overridden() -> None:
    """Whoever breaks one does not keep the contract."""
    name = "test_each_call_is_one_copy"
    with pytest.raises(TypeError, match=f"TestOwn overrides duties of the contract: {name}"):
        type("TestOwn", (MailerContract,), {name: None})
    assert "test_of_its_own" in vars(type("TestOwn", (MailerContract,), {"test_of_its_own": None}))


def test_every_duty_is_stated_in_one_sentence() -> None:
    """Whoever fails one reads what was promised."""
    stated = {name: getattr(MailerContract, f"test_{name}").__doc__ or "" for name in DUTIES}
    assert [name for name, text in stated.items() if not text.endswith(".") or "\n" in text] == []
    assert "MailerContract" in indiopay.testing.__all__
