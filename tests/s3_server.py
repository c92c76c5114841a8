"""An S3 server of the tests' own, out of a package, on loopback. It checks signatures; its keys are drawn anew."""

import fcntl
import json
import random
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

_BUCKET = "factures"
_PATIENCE_SECONDS = 30
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  # of one process only, and gone with it
_GRPC = 10_000  # a service speaks gRPC on its port and 10 000
_PORTS = range(12_000, 22_000)  # both are below those that systems give to clients


class S3Server(NamedTuple):
    """How a running one is reached. `filer` is the port on which it shows, without a key, all that it holds."""

    port: int
    filer: int
    access_key_id: str
    secret_access_key: str

    def store(self, bucket: str = _BUCKET, **options: Any) -> S3Store:
        """A store over its bucket, which gives up at the first error."""
        parts: dict[str, Any] = {
            "endpoint": f"http://127.0.0.1:{self.port}",
            "region": "us-east-1",
            "access_key_id": self.access_key_id,
            "secret_access_key": self.secret_access_key,
            "client_options": {"allow_http": True},
            "retry_config": {"max_retries": 0},
        }
        return S3Store(bucket, **{**parts, **options})

    def empty(self) -> None:
        """Have nothing in the bucket, nor in parts."""
        store = self.store()
        for page in obstore.list(store):
            obstore.delete(store, [found["path"] for found in page])
        if self.uploads():
            self._ask_filer("DELETE", "?recursive=true")

    def uploads(self) -> list[str]:
        """The uploads in parts that were begun, and neither joined nor given up."""
        answer = self._ask_filer("GET", "")
        return [entry["FullPath"] for entry in json.loads(answer)["Entries"] or ()] if answer else []

    def _ask_filer(self, method: str, query: str) -> bytes:
        connection = HTTPConnection("127.0.0.1", self.filer)
        connection.request(method, f"/buckets/{_BUCKET}/.uploads/{query}", headers={"Accept": "application/json"})
        answer = connection.getresponse()
        told = answer.read()
        connection.close()
        return told if answer.status == HTTPStatus.OK else b""


@contextmanager
def running_s3() -> Iterator[S3Server]:
    """A server with an empty bucket; both are gone with the block."""
    with tempfile.TemporaryDirectory(prefix="s3-", dir=MEMORY) as folder, _one_at_a_time() as next_one:
        ports = _free_ports(5)
        server = S3Server(ports[0], ports[1], secrets.token_hex(10), secrets.token_hex(20))
        process = _start(server, ports, Path(folder))
        try:
            _wait(server, process, Path(folder))
            next_one.close()
            yield server
        finally:
            process.kill()
            process.wait()
            for port in ports:
                _remove_sockets(port)


@contextmanager
def _one_at_a_time() -> Iterator[ExitStack]:
    """Two that start at once may find the same ports free; the next one may start when this is closed."""
    with ExitStack() as stack:
        lock = stack.enter_context((Path(tempfile.gettempdir()) / "indiopay-s3.lock").open("w", encoding="ascii"))
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield stack


def _free_ports(count: int) -> list[int]:
    found: list[int] = []
    while len(found) < count:
        port = random.choice(_PORTS)
        if port not in found and _is_free(port) and _is_free(port + _GRPC):
            found.append(port)
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _start(server: S3Server, ports: list[int], folder: Path) -> subprocess.Popen[bytes]:
    names = ("s3", "filer", "master", "volume", "admin")
    options = [
        *(f"-{name}.port={port}" for name, port in zip(names, ports, strict=True)),
        *("-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={folder}", f"-bucket={_BUCKET}"),
        *("-webdav=false", "-admin.ui=false", "-s3.port.iceberg=0", "-s3.port.lance=0", "-metricsPort=0"),
        "-master.telemetry=false",
    ]
    keys = {"AWS_ACCESS_KEY_ID": server.access_key_id, "AWS_SECRET_ACCESS_KEY": server.secret_access_key}
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [Path(sys.executable).with_name("weed"), f"-logdir={folder}", "mini", *options],
            cwd=folder,
            env={**keys, "HOME": str(folder)},
            stdout=log,
            stderr=log,
        )


def _wait(server: S3Server, process: subprocess.Popen[bytes], folder: Path) -> None:
    """Until a put succeeds: it answers a second before."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    store = server.store()
    while True:
        try:
            obstore.put(store, "ready", b"")
        except BaseError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((folder / "log").read_text(errors="replace")[-2000:]) from None
            time.sleep(0.02)
        else:
            obstore.delete(store, "ready")
            return


def _remove_sockets(port: int) -> None:
    """It leaves them when it is killed, wherever its folder is."""
    for number in (port, port + _GRPC):
        for path in Path("/tmp").glob(f"seaweedfs-*-{number}.sock"):  # noqa: S108  # it knows no other place
            path.unlink(missing_ok=True)
