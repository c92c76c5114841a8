"""How a record is spelled: all that a store keeps of an invoice, in str, int, bool, None, list and dict.

There is one way to write it: amounts in minor units beside their currency, times in UTC to the microsecond, ids and
hashes in hex, the bytes of a letter in base64. Nothing else is read, so that what was read is written the same again.
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from datetime import date, datetime
from enum import Enum
from functools import cache, lru_cache
from types import GenericAlias, NoneType
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, get_args, get_origin
from uuid import UUID

from attrs import NOTHING, fields, has

from indiopay.attachment import Attachment
from indiopay.file_content import MEDIA_TYPES
from indiopay.history import EntryKind
from indiopay.invoice import Client, Idempotency, Invoice, InvoiceRecord, LinkRef
from indiopay.outbox import Letter, LetterState
from indiopay.status import InvoiceType, Status

if TYPE_CHECKING:
    from cattrs import Converter

T = TypeVar("T")
Read = Callable[[Any, Any], T]
"""Makes a value of a plain one, or raises; its second argument is the type that cattrs wants."""
Write = Callable[[Any], object]

_LARGEST = 2**63 - 1  # of what every database holds
_MOST_COUNTED = 2**30  # times: every database can go on counting from there
_LONGEST_LINE = 1_000  # characters: some four times what a form takes
_LONGEST_TEXT = 20_000
_TIMES_IN_A_RECORD = 32  # at most, as a rule: one stands in several places
_YEAR = "(?!9999-(?!01-01T))(?:1969|19[7-9][0-9]|[2-9][0-9]{3})"  # of a desk's times, in every zone
_TIME = re.compile(rf"{_YEAR}-[0-9]{{2}}-[0-9]{{2}}T(?:[01][0-9]|2[0-3]):[0-9]{{2}}:[0-9]{{2}}\.[0-9]{{6}}\+00:00")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_BREAK = re.compile("[\t\n\u2028\u2029]")
_LOCAL_PART = r"[A-Za-z0-9_+~!#$%&'*/=?^`{|}.-]+"


@cache
def writer() -> Callable[[InvoiceRecord], dict[str, object]]:
    """Writes a record as a dict."""
    write: Callable[[InvoiceRecord], dict[str, object]] = _converter().get_unstructure_hook(InvoiceRecord)
    return write


@cache
def reader(*, explains: bool = False) -> Read[InvoiceRecord]:
    """Reads what `writer` wrote, and raises for everything else; an error says where only if it `explains`."""
    read: Read[InvoiceRecord] = _converter(explains=explains).get_structure_hook(InvoiceRecord)
    return read


def places_of(error: Exception) -> list[str]:
    """Every place that a reader which explains could not read, as JSONPath writes it: "$.letters[0].queued_at"."""
    from cattrs import transform_error

    return [told.removeprefix(" @ ") for told in transform_error(error, format_exception=lambda *_: "")]


def _converter(*, explains: bool = False) -> "Converter":
    from cattrs import Converter  # on first use: no invoice needs it before

    made = Converter(detailed_validation=explains, unstruct_collection_overrides={tuple: list})
    for kind, read in _READ.items():
        made.register_structure_hook(kind, read)
    for kind, write in _WRITTEN.items():
        made.register_unstructure_hook(kind, write)
    made.register_structure_hook_factory(_is_a(Mapping), lambda _: _details)
    made.register_unstructure_hook_factory(_is_a(Mapping), lambda _: dict)
    made.register_structure_hook_factory(_is_a(tuple), _tuple_reader)
    made.register_structure_hook_factory(lambda kind: NoneType in get_args(kind), _optional_reader)
    made.register_structure_hook_factory(has, _class_reader)
    return made


def _is_a(generic: type) -> Callable[[Any], bool]:
    return lambda kind: get_origin(kind) is generic


def _optional_reader(kind: Any, converter: "Converter") -> Read[Any]:
    (value_kind,) = set(get_args(kind)) - {NoneType}
    return _perhaps(converter.get_structure_hook(value_kind))


def _tuple_reader(kind: Any, converter: "Converter") -> Read[Any]:
    item_kind = get_args(kind)[0]
    if converter.detailed_validation:
        read_all = converter.get_structure_hook(GenericAlias(list, item_kind))
        return lambda value, _: tuple(read_all(value, list)) if isinstance(value, list) else _refuse()
    read = converter.get_structure_hook(item_kind)
    return lambda value, _: tuple([read(item, _) for item in value]) if isinstance(value, list) else _refuse()


def _class_reader(kind: Any, converter: "Converter") -> Read[Any]:
    """Takes a dict with a key for each field and no other; to count them is faster than to compare them."""
    from cattrs import override
    from cattrs.gen import make_dict_structure_fn_from_attrs

    own: dict[str, Any] = {name: override(struct_hook=read) for name, read in _READ_IN.get(kind, {}).items()}
    required = [attribute.evolve(default=NOTHING) for attribute in fields(kind)]
    explains, count = converter.detailed_validation, len(required)
    read = make_dict_structure_fn_from_attrs(required, kind, converter, _cattrs_forbid_extra_keys=explains, **own)
    return read if explains else lambda value, _: read(value, _) if len(value) == count else _refuse()


# Each of these makes a value of text that is spelled right; text that is not, or no text at all, raises. A form may
# refuse more than they do: its rules change, and what was made by the rules of its day can still be moved.


def _refuse() -> NoReturn:
    raise ValueError("this is not how it is written")


def _line(value: str, _: object) -> str:
    if len(value) > _LONGEST_LINE:
        _refuse()
    return value if value.isprintable() or not (_CONTROL.search(value) or _BREAK.search(value)) else _refuse()


def _text(value: str, _: object) -> str:
    if len(value) > _LONGEST_TEXT:
        _refuse()
    return value if value.isprintable() or not _CONTROL.search(value) else _refuse()


def _flag(value: object, _: object) -> bool:
    return value if type(value) is bool else _refuse()


def _day(value: str, _: object) -> date:
    made = date.fromisoformat(value)
    return made if made.isoformat() == value else _refuse()


@lru_cache(_TIMES_IN_A_RECORD)
def _time(value: str) -> datetime:
    return datetime.fromisoformat(value) if _TIME.fullmatch(value) else _refuse()


@lru_cache(_TIMES_IN_A_RECORD)
def _time_text(at: datetime) -> str:
    return at.isoformat("T", "microseconds")


def _from_hex(value: str) -> bytes:
    made = bytes.fromhex(value)
    return made if made.hex() == value else _refuse()


def _from_base64(value: str, _: object) -> bytes:
    made = b64decode(value, validate=True)
    return made if _base64(made) == value else _refuse()


def _base64(content: bytes) -> str:
    return b64encode(content).decode("ascii")


def _sha256(value: str, _: object) -> str:
    return value if len(value) == 64 and bytes.fromhex(value).hex() == value else _refuse()


def _uuid(value: str, _: object) -> UUID:
    made = bytes.fromhex(value)
    return UUID(bytes=made) if made.hex() == value else _refuse()


def _number(least: int, most: int = _LARGEST) -> Read[int]:
    return lambda value, _: value if type(value) is int and least <= value <= most else _refuse()


def _shaped(pattern: str) -> Read[str]:
    matches = re.compile(pattern).fullmatch
    return lambda value, _: value if len(value) <= _LONGEST_LINE and matches(value) else _refuse()


def _one_of(known: Mapping[str, T]) -> Read[T]:
    return lambda value, _: known[value]


def _member(kind: type[Enum]) -> Read[Enum]:
    return _one_of({member.value: member for member in kind})


def _perhaps(read: Read[T]) -> Read[T | None]:
    return lambda value, _: None if value is None else read(value, _)


def _link(value: Mapping[str, Any], _: object) -> LinkRef:
    link = LinkRef(_from_hex(value["link_id"]), value["key_id"])
    is_link = len(link.link_id) == 18 and type(link.key_id) is int and 0 <= link.key_id < 256
    return link if is_link and len(value) == 2 else _refuse()


def _link_parts(link: LinkRef) -> dict[str, object]:
    return {"link_id": link.link_id.hex(), "key_id": link.key_id}


def _idempotency(value: Mapping[str, Any], _: object) -> Idempotency:
    used = Idempotency(_line(value["key"], str), _from_hex(value["fingerprint"]))
    return used if len(used.fingerprint) == 32 and len(value) == 2 else _refuse()


def _idempotency_parts(used: Idempotency) -> dict[str, object]:
    return {"key": used.key, "fingerprint": used.fingerprint.hex()}


def _details(value: Mapping[str, Any], _: object) -> dict[str, object]:
    return {name: _DETAILS[name](detail, object) for name, detail in value.items()}


_CODE = _shaped("[a-z0-9_]{1,48}")
_ENVELOPE_ADDRESS = _shaped(f"{_LOCAL_PART}@[A-Za-z0-9.-]+")
_DETAILS: Mapping[str, Read[object]] = {"delivery_id": _line, "reason": _perhaps(_text), "reference": _line}

_READ: Mapping[type, Read[Any]] = {
    str: _line,
    int: _number(0),
    bool: _flag,
    bytes: _from_base64,
    UUID: _uuid,
    date: _day,
    datetime: lambda value, _: _time(value),
    InvoiceType: _member(InvoiceType),
    Status: _member(Status),
    EntryKind: _member(EntryKind),
    LinkRef: _link,
    Idempotency: _idempotency,
}
_WRITTEN: Mapping[type, Write] = {
    bytes: _base64,
    UUID: lambda made: made.hex,
    date: date.isoformat,
    datetime: _time_text,
    LinkRef: _link_parts,
    Idempotency: _idempotency_parts,
}
_READ_IN: Mapping[type, Mapping[str, Read[Any]]] = {
    Invoice: {
        "number": _shaped("F-(?:(?!0{6})[0-9]{6}|[1-9][0-9]{6,17})"),
        "description": _text,
        "cancel_reason": _perhaps(_text),
        "version": _number(1, _MOST_COUNTED),
    },
    Client: {"email": _shaped(f"{_LOCAL_PART}@[^@\\s\x00-\x1f\x7f-\x9f\ud800-\udfff]+")},
    Attachment: {
        "size": _number(1),
        "media_type": _one_of({kind: kind for kind in MEDIA_TYPES.values()}),
        "sha256": _sha256,
    },
    Letter: {
        "message_id": _shaped("<[!-;=?A-~]+@[!-;=?A-~]+>"),
        "recipient": _ENVELOPE_ADDRESS,
        "kind": _CODE,
        "state": _one_of({state: state for state in get_args(LetterState)}),
        "sender": _perhaps(_ENVELOPE_ADDRESS),
        "message_sha256": _perhaps(_sha256),
        "last_phase": _perhaps(_CODE),
        "last_code": _perhaps(_number(0, 999)),
        "attempts": _number(0, _MOST_COUNTED),
        "lease_token": _number(0, _MOST_COUNTED),
    },
}
"""The fields that are read in a way of their own."""
