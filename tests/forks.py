"""A child process that tells its parent what it does, line by line, until it ends or is killed."""

import os
import signal
import time
from collections.abc import Callable, Sequence
from select import select
from typing import NoReturn

Tell = Callable[[str], None]

_CHUNK = 65_536


class Child:
    """Does `work` in a forked process; `heard` is what it has told so far. An error is its last line, "broke: ..."."""

    def __init__(self, work: Callable[[Tell], None]) -> None:
        parent = os.getpid()
        self._pipe, answers = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            _work(work, answers, parent)
        os.close(answers)
        self.heard = b""
        self.is_heard_out = self._is_buried = False

    def fileno(self) -> int:
        return self._pipe

    def hear(self) -> None:
        """Take what the pipe holds, or wait for a word or for the end."""
        chunk = os.read(self._pipe, _CHUNK)
        self.heard += chunk
        self.is_heard_out = not chunk

    def kill(self) -> list[str]:
        """End it with SIGKILL, wherever it is; all that it had told. Nothing that it opened is open then."""
        if not self._is_buried:
            os.kill(self.pid, signal.SIGKILL)
        return self._heard_out()

    def end(self) -> list[str]:
        """Wait for its end; all that it has told. AssertionError if it broke."""
        told = self._heard_out()
        assert not [line for line in told if line.startswith("broke")], told
        return told

    def _heard_out(self) -> list[str]:
        while not self.is_heard_out:
            self.hear()
        if not self._is_buried:
            os.close(self._pipe)
            os.waitpid(self.pid, 0)
            self._is_buried = True
        return [line.decode() for line in self.heard.split(b"\n")[:-1]]


def listen(children: Sequence[Child], seconds: float) -> None:
    """Hear them all for so long: a pipe that is full would hold its child up."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        hear_next(children, left)


def hear_next(children: Sequence[Child], seconds: float) -> None:
    """Hear what is told next, but wait for it no longer than that."""
    for child in select([child for child in children if not child.is_heard_out], [], [], seconds)[0]:
        child.hear()


def _work(work: Callable[[Tell], None], answers: int, parent: int) -> NoReturn:
    def tell(line: str) -> None:
        os.write(answers, f"{line}\n".encode())
        if os.getppid() != parent:
            os._exit(1)  # nobody is left to end it

    try:
        work(tell)
    except BaseException as error:  # noqa: BLE001  # whatever it is, the parent is told
        tell(f"broke: {error!r}, for {error.__cause__!r}".replace("\n", " "))
    finally:
        os._exit(0)
