"""What happened to an invoice, in order."""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum

from attrs import field, frozen


class EntryKind(Enum):
    """The kinds of thing that happen to an invoice."""

    CREATED = "created"
    QUEUED = "queued"
    SENT = "sent"
    SEND_FAILED = "send_failed"
    LINK_RENEWED = "link_renewed"
    PAID = "paid"
    CANCELLED = "cancelled"


@frozen
class HistoryEntry:
    """One thing that happened: its kind, when (aware, UTC), and its details as plain JSON values.

    QUEUED, SENT and SEND_FAILED name their letter ("delivery_id"), SEND_FAILED its "reason", PAID its "reference",
    CANCELLED its "reason", if one was given.
    """

    kind: EntryKind
    at: datetime
    details: Mapping[str, object] = field(factory=dict, repr=False, hash=False)
