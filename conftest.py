"""Runs every example of the README, the docs and the docstrings, each document in an empty folder of its own."""

import io
import os
import re
import secrets
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, chdir, redirect_stdout
from doctest import ELLIPSIS, OutputChecker
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
import pytest
import trustme
from psycopg.conninfo import make_conninfo
from sybil import Example, Sybil
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.markdown import CodeBlockParser
from sybil.parsers.rest import DocTestParser
from sybil.sybil import SybilCollection
from tests.s3_server import S3Server, running_s3
from tests.smtp_server import ScriptedRelay

from indiopay.mailers.smtp_session import SmtpSession
from postgres_server import running_postgres

pytest_plugins = ["tests.canaries"]

_run = PythonEvaluator()
_FILE = re.compile("# ([a-z_]+[.]py)\n")


def _run_and_listen(example: Example) -> None:
    """A Python block is run; one that begins with the name of a file is written to that file, behind what it holds."""
    if named := _FILE.match(example.parsed):
        with Path(named[1]).open("a", encoding="utf-8") as file:
            file.write(example.parsed[named.end() :])
        return
    with redirect_stdout(io.StringIO()) as printed:
        _run(example)
    example.namespace["printed"] = printed.getvalue()


def _ask(example: Example) -> None:
    """An SQL block is done as an administrator, statement by statement; the rows that it finds are what it prints."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as db:
        found = [db.execute(statement.encode()) for statement in re.split(r";\n(?=.)", example.parsed)]
    rows = [row for cursor in found if cursor.description for row in cursor]
    example.namespace["printed"] = "".join(" | ".join(map(str, row)) + "\n" for row in rows)


def _compare(example: Example) -> str | None:
    """A text block is what the block before it prints, to the code point; "..." stands for anything."""
    wanted, printed = str(example.parsed), example.namespace["printed"]
    return None if OutputChecker().check_output(wanted, printed, ELLIPSIS) else f"it prints:\n{printed}"


def _enter(namespace: dict[str, Any]) -> None:
    stack = namespace["stack"] = ExitStack()
    stack.enter_context(chdir(stack.enter_context(TemporaryDirectory(prefix="indiopay-"))))


def _leave(namespace: dict[str, Any]) -> None:
    namespace["stack"].close()


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """For one document: a mail relay on loopback that wants encryption and a password.

    It is found by the name of relais.exemple.ca; a process of the document's own finds it by what SMTP_HOST and the
    others hold.
    """
    authority, shown, login = trustme.CA(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ("nord", "un secret")
    authority.issue_cert("relais.exemple.ca", "localhost").configure_cert(shown)
    trusted = str(tmp_path_factory.mktemp("relay") / "authority.pem")
    authority.cert_pem.write_to_path(trusted)
    connect = SmtpSession.connect

    def found(session: SmtpSession, host: str, port: int) -> tuple[int, bytes]:
        return connect(session, *(("127.0.0.1", running.port) if host == "relais.exemple.ca" else (host, port)))

    with ScriptedRelay(starttls=shown, login=login) as running, pytest.MonkeyPatch.context() as patch:
        patch.setattr(SmtpSession, "connect", found)
        patch.setenv("SSL_CERT_FILE", trusted)
        patch.setenv("SMTP_HOST", "localhost")
        patch.setenv("SMTP_PORT", str(running.port))
        patch.setenv("SMTP_USERNAME", login[0])
        patch.setenv("SMTP_PASSWORD", login[1])
        yield


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A PostgreSQL server of the tests' own, behind a socket in a fresh folder; the address of its database."""
    with running_postgres() as address:
        with psycopg.connect(address, autocommit=True) as db:
            # Only processes are killed here: what the machine was told to write, it writes.
            db.execute("ALTER SYSTEM SET fsync = off")
            db.execute("SELECT pg_reload_conf()")
        yield address


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """An S3 server of the tests' own, on loopback, with one bucket."""
    with running_s3() as server:
        yield server


@pytest.fixture(scope="module")
def database(postgres_server: str) -> Iterator[None]:
    """For one document: an empty database, its address in DATABASE_URL, a key for links in LINK_KEY."""
    with psycopg.connect(postgres_server, autocommit=True) as db:
        db.execute("CREATE DATABASE factures")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", make_conninfo(postgres_server, dbname="factures"))
        patch.setenv("LINK_KEY", secrets.token_hex(32))
        yield
    with psycopg.connect(postgres_server, autocommit=True) as db:
        db.execute("DROP DATABASE factures WITH (FORCE)")
        for (role,) in db.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE 'indiopay%'").fetchall():
            db.execute(f"DROP ROLE {role}".encode())


@pytest.fixture(scope="module")
def bucket(s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """For one document: a place in a bucket, how it is reached in the file S3_SETTINGS, a key for links in LINK_KEY."""
    settings = tmp_path_factory.mktemp("s3") / "compartiment.toml"
    settings.write_text(
        f"""bucket = "factures"
prefix = "{secrets.token_hex(8)}"
region = "ca-central-1"
endpoint = "http://127.0.0.1:{s3_server.port}"
access_key_id = "{s3_server.access_key_id}"
secret_access_key = "{s3_server.secret_access_key}"

[client_options]
allow_http = true
"""
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("S3_SETTINGS", str(settings))
        patch.setenv("LINK_KEY", secrets.token_hex(32))
        yield


_OVER_POSTGRES = [
    "README.md",
    "use-postgresql.md",
    "utiliser-postgresql.md",
    "move-an-agency.md",
    "deplacer-un-cabinet.md",
    "why-numbers-have-no-gaps.md",
    "pourquoi-les-numeros-nont-pas-de-trous.md",
]
_OVER_S3 = ["use-an-object-store.md", "utiliser-un-stockage-dobjets.md"]
_BLOCKS = [CodeBlockParser("python", _run_and_listen), CodeBlockParser("text", _compare)]
_DOCUMENTS = Sybil(
    parsers=_BLOCKS,
    patterns=["*.md"],
    excludes=[*_OVER_POSTGRES, *_OVER_S3],
    setup=_enter,
    teardown=_leave,
    fixtures=["relay"],
)
_DOCUMENTS_OVER_POSTGRES = Sybil(
    parsers=[*_BLOCKS, CodeBlockParser("sql", _ask)],
    patterns=_OVER_POSTGRES,
    setup=_enter,
    teardown=_leave,
    fixtures=["relay", "database"],
)
_DOCUMENTS_OVER_S3 = Sybil(
    parsers=_BLOCKS, patterns=_OVER_S3, setup=_enter, teardown=_leave, fixtures=["relay", "bucket"]
)
_DOCSTRINGS = Sybil(parsers=[DocTestParser()], patterns=["indiopay/*.py", "testing/*.py"])

pytest_collect_file = SybilCollection([_DOCUMENTS, _DOCUMENTS_OVER_POSTGRES, _DOCUMENTS_OVER_S3, _DOCSTRINGS]).pytest()
