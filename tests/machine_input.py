"""What the state machine draws: forms, relays' answers, lists, steps of the clock."""

from datetime import date, timedelta
from typing import NamedTuple

from hypothesis import strategies as st

from indiopay import InvoiceForm, MailError, Money, Status, Upload

from .conftest import PDF


class Filled(NamedTuple):
    """What is typed into a form, with a due date that is so many days ahead."""

    units: int = 1
    currency: str = "CAD"
    due_in: int = 5
    client: tuple[str, str] = ("Zoé Tremblay", "zoe@exemple.ca")
    description: str = ""
    files: tuple[tuple[str, bytes], ...] = ()
    send_by_email: bool = True
    locale: str | None = None

    def form(self, today: date) -> InvoiceForm:
        return InvoiceForm(
            Money(self.units, self.currency),
            today + timedelta(self.due_in),
            *self.client,
            self.description,
            [Upload(*file) for file in self.files],
            self.send_by_email,
            currency=self.currency,
            locale=self.locale,
        )


class Killed(BaseException):
    """Ends a process that had a letter in its hands."""


ERRORS: dict[str, BaseException] = {
    "transport": MailError("connect", kind="transport"),
    "later": MailError("rcpt", kind="later", code=450),
    "never": MailError("rcpt", kind="never", code=550),
    "unknown": MailError("data", kind="unknown"),
    "breaks": RuntimeError("zoe@exemple.ca"),
    "killed": Killed(),
}
ANSWERS = ("accept", *ERRORS)
EVENTS = ("cancel", "record_payment", "renew_link", "overtake")


class Answer(NamedTuple):
    """What a relay says of one letter, and what happens while it thinks."""

    said: str
    meanwhile: str | None = None


_NAMED = [("Zoé Tremblay", "zoe@exemple.ca"), ("Luc L’Heureux", "roy@exemple.ca")]
_NAMELESS = ("", "x@exemple.ca")
_FILES = (("Police.pdf", PDF), ("Note d’été.txt", b"Note\n"))
_DAYS = st.dates(date(2026, 3, 1), date(2026, 3, 12))

agencies = st.sampled_from([0, 1])
picks = st.integers(0, 9)
keys = st.sampled_from([None, "K-1", "K-2", "K-3"])
words = st.sampled_from([None, "P-1", "P-2"])
days_ago = st.none() | st.just(1)
changes = st.sampled_from(["record_payment", "cancel", "renew_link"])
other_forms = st.sampled_from([{}, {"description": "Autre"}, {"files": ()}])
times = st.sampled_from([0, 0.1, 1, 6, 61, 1440, 4320, 7300, -1, -90, -3000]).map(lambda n: timedelta(minutes=n))
forms = st.builds(
    Filled,
    st.integers(1, 3),
    st.sampled_from(["CAD", "JPY"]),
    st.integers(-1, 9),
    st.sampled_from([*_NAMED * 4, _NAMELESS]),
    st.sampled_from(["", "Prime de l’été\nÀ régler"]),
    st.sampled_from([(), _FILES[:1], _FILES]),
    st.booleans(),
    st.sampled_from([None, "en_CA"]),
)
answers = st.lists(
    st.builds(Answer, st.sampled_from(ANSWERS), st.sampled_from([*[None] * 8, *EVENTS])), min_size=1, max_size=3
)
at_once = st.one_of(st.none(), answers, answers, answers)
limits = st.sampled_from([100, 100, 1, 2, 0])
pages = st.sampled_from([1, 1, 2, 4])
queries = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(Status),
        "overdue": st.booleans(),
        "text": st.sampled_from(["zoe", "ÉTÉ", "l'heureux luc", "f-000002", "roy@exemple prime", "absent", " "]),
        "due_from": _DAYS,
        "due_until": _DAYS,
        "order": st.sampled_from(["newest", "due"]),
    },
)
