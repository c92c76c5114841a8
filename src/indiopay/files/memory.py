"""Files in memory, for tests and for trying things out."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

from indiopay.attachment import STORAGE_KEY
from indiopay.errors import FileDamagedError, StorageError


class MemoryFiles:
    """A file store that forgets everything with the process. `clock` tells when a file was written (aware)."""

    def __init__(self, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self._files: dict[str, tuple[datetime, bytes]] = {}

    def put(self, key: str, chunks: Iterable[bytes]) -> None:
        """Write a new file, whole or not at all."""
        _require_key(key)
        content = b"".join(chunks)
        kept = (self._clock(), content)
        if self._files.setdefault(key, kept) is not kept:
            raise StorageError("a file with this key is there already")

    def read(self, key: str) -> Iterator[bytes]:
        """Its bytes."""
        _require_key(key)
        kept = self._files.get(key)
        if kept is None:
            raise FileDamagedError("a stored file is gone: restore it from a backup")
        return iter((kept[1],))

    def keys(self, prefix: str, *, before: datetime) -> Iterator[str]:
        """The keys that begin with `prefix` and were written before that time."""
        written = {key: at for key, (at, _) in tuple(self._files.items())}
        return (key for key, at in written.items() if key.startswith(prefix) and at < before)

    def delete(self, key: str) -> None:
        """Remove a file, if it is there."""
        _require_key(key)
        self._files.pop(key, None)


def _require_key(key: str) -> None:
    if not STORAGE_KEY.fullmatch(key):
        raise StorageError("this is not the key of a file")
