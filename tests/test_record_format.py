"""How a record is spelled: in one way only, of plain values only."""

import json
from collections.abc import Iterator
from copy import deepcopy
from hashlib import sha256
from traceback import format_exception
from types import MappingProxyType
from typing import Any

import pytest
from attrs import evolve
from hypothesis import HealthCheck, example, given, settings, strategies as st

from indiopay import EntryKind, HistoryEntry, InvalidInputError, Problem
from indiopay.invoice import InvoiceRecord
from indiopay.records import read_record

from .test_front_door import fresh
from .whole_records import BYTES, NOW, plain, whole_record, whole_records

thorough = settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.too_slow])

Path = tuple[str | int, ...]


def places(value: Any, path: Path = ()) -> Iterator[Path]:
    """The way to each value within a plain one, itself first."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


def changed(value: Any, path: Path, new: object) -> Any:
    """A copy with `new` at that place."""
    if not path:
        return new
    copy = deepcopy(value)
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = new
    return copy


def without(value: Any, path: Path) -> Any:
    """A copy that lacks the key, or the item, at that place."""
    copy = deepcopy(value)
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return copy


def jsonpath(path: Path) -> str:
    return "$" + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)


def at(path: Path) -> Any:
    """What stands at that place of a whole record."""
    inner: Any = WHOLE
    for key in path:
        inner = inner[key]
    return inner


def refusal(value: object) -> tuple[Problem, ...]:
    with pytest.raises(InvalidInputError) as caught:
        read_record(value, 4)
    assert {(problem.field, problem.index) for problem in caught.value.problems} == {("records", 4)}
    return caught.value.problems


def refused_at(value: object) -> list[object]:
    """Where a malformed record is refused."""
    problems = refusal(value)
    assert {problem.code for problem in problems} == {"malformed"}
    return [problem.params["where"] for problem in problems]


def is_read_as_written_or_refused(value: object) -> None:
    """Whatever it is: the typed error, or a record that is written the very same way."""
    try:
        record = read_record(value, 0)
    except InvalidInputError as error:
        assert error.problems
    else:
        assert json.dumps(plain(record), sort_keys=True) == json.dumps(value, sort_keys=True)


WHOLE = plain(whole_record())
EVERYWHERE = list(places(WHOLE))
OBJECTS = [path for path in EVERYWHERE if isinstance(at(path), dict)]
KEYS = [(*path, key) for path in OBJECTS if path[-1:] != ("details",) for key in at(path)]


@pytest.mark.no_cover  # it goes over and over what other tests cover
@example(whole_record())
@given(whole_records())
@thorough
def test_a_record_comes_back_equal_through_json(record: InvoiceRecord) -> None:
    """Of any invoice with any letters, and JSON needs nothing that not every reader of JSON has."""
    text = json.dumps(plain(record), allow_nan=False)
    assert read_record(json.loads(text), 0) == record


def test_a_record_is_spelled_so() -> None:
    """A change of this text is a change of the format, and of its version."""
    written = {
        "version": 1,
        "invoice": {
            "id": "00000000000000000000000000000001",
            "number": "F-000001",
            "type": "one_time",
            "agency_slug": "nord",
            "client": {"name": "Zoé Tremblay", "email": "zoe@exemple.ca"},
            "amount": {"minor_units": 125050, "currency": "CAD"},
            "due_date": "2026-04-01",
            "description": "Prime\nannuelle",
            "attachments": [
                {
                    "id": "00000000000000000000000000000002",
                    "name": "Police d’été.pdf",
                    "size": 12,
                    "media_type": "application/pdf",
                    "sha256": "ab" * 32,
                }
            ],
            "locale": "fr_CA",
            "status": "open",
            "created_at": "2026-03-02T15:00:00.000120+00:00",
            "paid_at": None,
            "payment_reference": None,
            "cancelled_at": None,
            "cancel_reason": None,
            "version": 3,
        },
        "link": {"link_id": "000102030405060708090a0b0c0d0e0f1011", "key_id": 7},
        "idempotency": {"key": "K-1", "fingerprint": bytes(range(32)).hex()},
        "letters": [
            {
                "id": "00000000000000000000000000000003",
                "invoice_id": "00000000000000000000000000000001",
                "message_id": "<3@exemple.ca>",
                "recipient": "zoe@exemple.ca",
                "queued_at": "2026-03-02T15:00:00.000120+00:00",
                "not_before": "2026-03-02T15:01:00.000120+00:00",
                "kind": "invoice",
                "state": "queued",
                "attempts": 2,
                "sender": "facturation@exemple.ca",
                "message": "U3ViamVjdDogRmFjdHVyZQ0KDQoA/w==",
                "message_sha256": sha256(BYTES).hexdigest(),
                "last_phase": "rcpt",
                "last_code": 450,
                "sent_at": None,
                "maybe_duplicate": True,
                "lease_token": 2,
                "lease_end": "2026-03-02T16:00:00.000120+00:00",
            }
        ],
        "history": [
            {"kind": "created", "at": "2026-03-02T15:00:00.000120+00:00", "details": {}},
            {"kind": "queued", "at": "2026-03-02T15:00:00.000120+00:00", "details": {"delivery_id": "3"}},
        ],
    }
    assert written == WHOLE


def test_details_of_any_kind_are_written_as_a_dict_of_their_own() -> None:
    """A store may hold them in another mapping; JSON knows only dicts."""
    entry = HistoryEntry(EntryKind.PAID, NOW, MappingProxyType({"reference": "P-1"}))
    (written,) = plain(evolve(whole_record(), history=(entry,)))["history"]
    assert json.loads(json.dumps(written["details"])) == {"reference": "P-1"}


MISSPELLED: dict[Path, tuple[object, ...]] = {
    ("invoice", "id"): ("0" * 31 + "A", "0" * 31, "0" * 33, "00000000-0000-0000-0000-000000000001", " " + "0" * 31, 1),
    ("invoice", "number"): (
        "F-1",
        "F-000000",
        "F-0000001",
        "F-٠٠٠٠٠١",
        "F-000001\n",
        "f-000001",
        "1",
        1,
        "F-" + "9" * 19,
    ),
    ("invoice", "type"): ("ONE_TIME", "", [], {}),
    ("invoice", "client"): ("Zoé", [], ["name", "email"], {"name": "Zoé", "email": "z@a.ca", "phone": ""}),
    ("invoice", "client", "name"): ("a\nb", "a\tb", "a\0b", "a\u2028b", "a\ud800b", "a" * 1_001, b"Z", 7),
    ("invoice", "client", "email"): (
        "zoe",
        "a@b@c.ca",
        "a@b.ca\n",
        "a b@c.ca",
        "zoé@c.ca",
        "a@",
        "@c.ca",
        "a@b\ud800.ca",
    ),
    ("invoice", "amount", "minor_units"): (True, 1.0, "125050", 0, -1, 2**63, float("nan"), 10**14, 10**400),
    ("invoice", "amount"): ({"minor_units": 1, "currency": "cad"}, {"minor_units": 1, "currency": ""}, 125050),
    ("invoice", "due_date"): (
        "20270301",
        "2027-W10-1",
        "2027-02-30",
        "2027-3-1",
        "2027-03-01T00:00:00",
        "0000-01-01",
        1,
    ),
    ("invoice", "description"): ("a\0", "a\x1b", "a\ud800", "a\r\n", "a" * 20_001, None),
    ("invoice", "attachments"): ({}, "", None, ()),
    ("invoice", "attachments", 0, "size"): (0, True, 12.0),
    ("invoice", "attachments", 0, "media_type"): ("text/html", "application/pdf\r\nX: y", "", []),
    ("invoice", "attachments", 0, "sha256"): ("AB" * 32, "ab" * 31, "ab" * 33, "zz" * 32, "ab " * 32),
    ("invoice", "created_at"): (
        "2026-03-02T15:00:00.000120",
        "2026-03-02T15:00:00.000120Z",
        "2026-03-02T15:00:00.000120-00:00",
        "2026-03-02T10:00:00.000120-05:00",
        "2026-03-02T15:00:00.120+00:00",
        "2026-03-02T15:00:00+00:00",
        "2026-03-02 15:00:00.000120+00:00",
        "2026-03-02T15:00:00,000120+00:00",
        "2026-W10-1T15:00:00.000120+00:00",
        "20260302T150000.0000001200+00:00",
        "2026-03-02T24:00:00.000000+00:00",
        "2026-02-30T15:00:00.000120+00:00",
        "1968-12-31T23:59:59.999999+00:00",
        "9999-01-02T00:00:00.000000+00:00",
        "٢026-03-02T15:00:00.000120+00:00",
        1772463600,
    ),
    ("invoice", "version"): (0, True, "3", 3.0, 2**30 + 1, 2**63),
    ("link",): (
        None,
        {},
        {"link_id": "00" * 18},
        {"link_id": "00" * 18, "key_id": 7, "secret": ""},
        *({"link_id": link_id, "key_id": 7} for link_id in ("00" * 17, "00" * 19, "AB" * 18, "a" * 24, None)),
        *({"link_id": "00" * 18, "key_id": key_id} for key_id in (256, -1, True, "7", None)),
    ),
    ("idempotency",): (
        {},
        [],
        {"key": "k", "fingerprint": "00" * 32, "used": 1},
        {"key": "k\n", "fingerprint": "00" * 32},
        *({"key": "k", "fingerprint": fingerprint} for fingerprint in ("00" * 31, "AB" * 32, None)),
    ),
    ("letters", 0, "message_id"): (
        "3@exemple.ca",
        "<3@exemple.ca>\r\nBcc: a@b.ca",
        "<3@é.ca>",
        "<3 3@a.ca>",
        "<3>",
        f"<{'3' * 990}@exemple.ca>",
    ),
    ("letters", 0, "recipient"): ("a@b.ca,c@d.ca", "a@b.ca\r\nX: y", "Zoé <zoe@exemple.ca>", "zoe@école.ca", "", None),
    ("letters", 0, "kind"): ("", "Invoice", "in voice", "x" * 49),
    ("letters", 0, "state"): ("leased", "QUEUED", None, []),
    ("letters", 0, "sender"): ("", "a@b.ca\r\nX: y"),
    ("letters", 0, "message"): (
        "AA=",
        "AAAA\n",
        "é",
        "-_-_",
        WHOLE["letters"][0]["message"].replace("w==", "x=="),
        WHOLE["letters"][0]["message"].rstrip("="),
        7,
        [],
    ),
    ("letters", 0, "last_phase"): ("450 Zoé is away", ""),
    ("letters", 0, "last_code"): (True, -1, 450.0, "450", 1000),
    ("letters", 0, "attempts"): (True, -1, 2**30 + 1),
    ("letters", 0, "lease_token"): (True, -1, 2**31 - 1, 2**63 - 1),
    ("letters", 0, "maybe_duplicate"): (1, 0, "true", None),
    ("history", 0, "kind"): ("paid ", "", None),
    ("history", 0, "details"): ([], None, {"note": ""}, {"reference": None}, {"reason": 1.5}, {"delivery_id": "\n"}),
}
ONES = [(path, value) for path, values in MISSPELLED.items() for value in values]


@pytest.mark.parametrize(("path", "value"), ONES, ids=[f"{jsonpath(path)} {value!a:.40}" for path, value in ONES])
def test_another_spelling_is_refused_where_it_stands(path: Path, value: object) -> None:
    """Or inside it: each value has one spelling, and none that means something else elsewhere."""
    (where,) = refused_at(changed(WHOLE, path, value))
    assert str(where).startswith(jsonpath(path))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("invoice", "created_at"), "1969-12-31T10:00:00.000000+00:00"),
        (("invoice", "created_at"), "9999-01-01T11:59:59.999999+00:00"),
        (("invoice", "number"), "F-1000000"),
        (("invoice", "amount", "minor_units"), 10**14 - 1),
        (("invoice", "client", "email"), "o'brien+prime@école.example"),
        (("invoice", "client", "name"), "9123-4567\u00a0Québec\u202finc."),
        (("invoice", "description"), "Un\tdeux\n\u2028trois\u00a0$"),
        (("link", "link_id"), "ff" * 18),
        (("letters", 0, "last_code"), None),
    ],
)
def test_what_is_rare_is_read_too(path: Path, value: object) -> None:
    """At the edges of what a desk makes."""
    rare = changed(WHOLE, path, value)
    assert plain(read_record(rare, 0)) == rare


@pytest.mark.parametrize("path", KEYS, ids=jsonpath)
def test_a_missing_key_is_refused_where_it_is_missing(path: Path) -> None:
    """None stands for what is not there; a key is never left out."""
    whole = path[:1] if path[0] in ("link", "idempotency") else path
    assert refused_at(without(WHOLE, path)) == [jsonpath(whole)]


@pytest.mark.parametrize("path", OBJECTS, ids=jsonpath)
def test_an_unknown_key_is_refused_without_its_name(path: Path) -> None:
    """It may hold anything; so only its place is told."""
    assert refused_at(changed(WHOLE, (*path, "Zoé"), 1)) == [jsonpath(path)]


def test_every_fault_of_a_record_is_told_at_once() -> None:
    """As for a form."""
    wrong = changed(changed(WHOLE, ("invoice", "due_date"), "demain"), ("letters", 0, "attempts"), -1)
    assert refused_at(without(wrong, ("history",))) == ["$.invoice.due_date", "$.letters[0].attempts", "$.history"]


FOREIGN = [None, True, False, 0, 1, -1, 2**63, 1.5, float("nan"), "", "1", "a", [], [None], {}, {"a": 1}]
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("path", EVERYWHERE, ids=jsonpath)
def test_anything_anywhere_is_read_as_written_or_refused(path: Path) -> None:
    """Never a traceback, never a second meaning."""
    for value in FOREIGN:
        is_read_as_written_or_refused(changed(WHOLE, path, value))
    if path:
        is_read_as_written_or_refused(without(WHOLE, path))


@pytest.mark.no_cover  # it goes over and over what other tests cover
@given(st.data(), whole_records())
@thorough
def test_any_record_with_anything_in_it_is_read_as_written_or_refused(
    data: st.DataObject, record: InvoiceRecord
) -> None:
    """Several places at once, another place's value, a key too many, a key too few."""
    value: Any = json.loads(json.dumps(plain(record)))
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(list(places(value))))
        new = data.draw(_JSON | st.sampled_from(EVERYWHERE).map(at))
        way = data.draw(st.sampled_from(("change", "drop", "add")))
        if way == "add" and isinstance(value, dict):
            value = {**value, data.draw(st.text(max_size=5)): new}
        elif way == "drop" and path:
            value = without(value, path)
        else:
            value = changed(value, path, new)
    is_read_as_written_or_refused(value)


@given(_JSON)
@thorough
def test_any_json_is_refused(value: object) -> None:
    """By the typed error, and by nothing else."""
    refusal(value)


def test_a_refusal_quotes_nothing() -> None:
    """Neither a value nor a key that is not ours, in no word of the error and in no traceback."""
    canary = "CANARI"
    for path in EVERYWHERE[1:]:
        for value in (canary, [canary], {canary: canary}, f"{canary}\n"):
            try:
                read_record(changed(WHOLE, path, value), 0)
            except InvalidInputError as error:
                told = [repr(dict(problem.params)) for problem in error.problems]
                assert canary not in "".join([*told, *format_exception(error)])


def test_cattrs_is_loaded_by_the_first_record() -> None:
    """Not by the module, nor by a desk."""
    script = """
        import sys
        from indiopay.testing import memory_desk
        desk = memory_desk()
        print('cattrs' in sys.modules)
        list(desk.export_records())
        print('cattrs' in sys.modules)
    """
    lines = "\n".join(line.strip() for line in script.splitlines())
    assert fresh(lines).split() == ["False", "True"]
