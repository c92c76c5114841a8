"""What is the same in two runs of a desk, though each draws its own ids and takes its own time."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import singledispatch
from typing import Any
from uuid import UUID

import attrs

from indiopay import Delivery, EntryKind, HistoryEntry
from indiopay.invoice import InvoiceRecord
from indiopay.outbox import Letter
from tests.conftest import PAGE

from .scene import Kept


@singledispatch
def essence(value: Any) -> Any:
    """What is the same in two runs that drew other ids, or took another time."""
    if attrs.has(type(value)):
        return [essence(getattr(value, part.name)) for part in attrs.fields(type(value))]
    if isinstance(value, Mapping):
        return {name: essence(one) for name, one in value.items()}
    return [essence(one) for one in value] if isinstance(value, Iterable) else value


@essence.register(UUID)
@essence.register(datetime)
@essence.register(bytes)
def _(value: object) -> Any:
    return type(value)


@essence.register
def _(value: str) -> Any:
    return "link" if value.startswith(PAGE) else value


@essence.register(Letter)
@essence.register(Delivery)
def _(value: Letter | Delivery) -> Any:
    return value.state


@essence.register
def _(value: HistoryEntry) -> Any:
    return value.kind.value


@essence.register
def _(value: InvoiceRecord) -> Any:
    return essence(value.invoice), *(sorted(map(essence, events)) for events in (value.letters, value.history))


def acknowledged(kept: Kept) -> Any:
    """The essence of it, however far its letters have come."""
    late = (EntryKind.SENT, EntryKind.SEND_FAILED)
    return kept.orphans, essence(
        [
            attrs.evolve(
                record,
                letters=tuple(attrs.evolve(letter, state="queued") for letter in record.letters),
                history=tuple(entry for entry in record.history if entry.kind not in late),
            )
            for record in kept.records
        ]
    )
