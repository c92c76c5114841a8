"""A clock that stands still until it is told to move."""

from datetime import UTC, datetime, timedelta


class StoppedClock:
    """A clock for a desk: calling it gives the time, which changes by `advance` only."""

    def __init__(self, at: datetime = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)) -> None:
        self._at = at

    def __call__(self) -> datetime:
        """The time, aware."""
        return self._at

    def advance(self, by: timedelta) -> None:
        """Move on, or back when `by` is negative."""
        self._at += by
