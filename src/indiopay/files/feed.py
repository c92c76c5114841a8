"""Chunks that one thread makes and another takes, for drivers that would make them where they cannot be made."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Literal


class _BrokenOffError(Exception):
    """The chunks broke off."""


def feed(upload: Callable[[Iterator[bytes]], None], chunks: Iterator[bytes]) -> None:
    """Upload chunks in a thread of its own, and make them in this one.

    obstore cannot be called within a call of it, where it would make them itself: they may come out of a bucket.
    """
    asked: SimpleQueue[Literal["next", "end"]] = SimpleQueue()
    made: SimpleQueue[bytes | _BrokenOffError | None] = SimpleQueue()

    def handed_over() -> Iterator[bytes]:
        while True:
            asked.put("next")
            chunk = made.get()
            if isinstance(chunk, _BrokenOffError):
                raise chunk
            if chunk is None:
                return
            yield chunk

    with ThreadPoolExecutor(1) as pool:
        uploading = pool.submit(upload, handed_over())
        uploading.add_done_callback(lambda _: asked.put("end"))
        try:
            while asked.get() == "next":
                made.put(next(chunks, None))
        except BaseException:
            made.put(_BrokenOffError())
            raise
    uploading.result()
