"""The embedded default: a desk whose invoices, files, outgoing mail and link key live in one folder."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Unpack

from indiopay.agency import Agency
from indiopay.desk import DeskOptions, InvoiceDesk
from indiopay.durable import create_file, make_folder, sync_folder
from indiopay.errors import StorageError
from indiopay.files.folder import FolderFiles
from indiopay.links import KEY_BYTES, PaymentLinks, url_template
from indiopay.mailers.maildir import MaildirMailer
from indiopay.ports import Mailer
from indiopay.stores.sqlite import SqliteStore
from indiopay.stores.sqlite_lock import was_made

DATABASE = "factures.sqlite3"
FILES = "fichiers"
MAILDIR = "courriels"
KEYS = "cles-des-liens"


def open_folder(
    folder: str | os.PathLike[str],
    *,
    agency: Agency,
    page_url: str,
    mailer: Mailer | None = None,
    **desk_options: Unpack[DeskOptions],
) -> InvoiceDesk:
    """A desk in `folder`, which is made when it is missing (mode 0700). Nothing to install or start beside it.

    `page_url` is where the host serves payment pages: it ends in "/" or holds "{token}" (ValueError). Letters go into
    a Maildir in the folder unless a mailer is given. A folder that cannot serve is a StorageError that says why.
    """
    if not isinstance(agency, Agency):
        raise TypeError("agency must be an Agency")
    root, url = Path(folder).absolute(), url_template(page_url)
    with _told():
        _make_private(root)
        _require_whole(root)
        ring = _key_ring(root)
    try:
        links = PaymentLinks(url, keys=[bytes.fromhex(line) for line in ring])
    except ValueError as error:
        raise StorageError(
            f"{KEYS} must hold keys of {2 * KEY_BYTES} hex digits, one a line, none twice: restore it from a backup"
        ) from error
    files = FolderFiles(root / FILES)
    mailer = MaildirMailer(root / MAILDIR) if mailer is None else mailer
    store = SqliteStore(root / DATABASE)
    try:
        desk = InvoiceDesk(agency=agency, store=store, files=files, mailer=mailer, links=links, **desk_options)
    except BaseException:
        store.close()
        raise
    desk.owns(store)
    return desk


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "malformed path"
        raise StorageError(
            f"the folder of the desk cannot be used ({why}): check its path, its permissions and the free space"
        ) from error


def _make_private(root: Path) -> None:
    """A folder of ours, or an empty one, is closed to others; one that holds other things keeps its mode."""
    make_folder(root)
    if not any(root.iterdir()):
        root.chmod(0o700)


def _require_whole(root: Path) -> None:
    """What is gone beside its other parts is told, not made anew. The key comes first, the database last."""
    database, files = root / DATABASE, root / FILES
    if database.is_file() and not (root / KEYS).exists():
        raise StorageError(f"the file of link keys is gone: restore {KEYS} from a backup, or no link opens")
    if database.is_file() and not files.exists():
        raise StorageError(f"the folder of the files is gone: restore {FILES} from a backup")
    if _was_used(root) and not (database.exists() and database.stat().st_size):
        raise StorageError(f"the database is gone or empty: restore {DATABASE} from a backup, or choose another folder")


def _was_used(root: Path) -> bool:
    """Whether there was a database: its lock file says so, or a file or a letter of one of its invoices."""
    kept = (root / FILES, root / MAILDIR / "new", root / MAILDIR / "cur")
    return was_made(root / DATABASE) or any(folder.is_dir() and any(folder.iterdir()) for folder in kept)


def _key_ring(root: Path) -> list[str]:
    """The keys of payment links: one a line in hex digits; all verify, the last one signs."""
    path = root / KEYS
    if not path.exists():
        _make_key(path)
    sync_folder(root)  # a key that is found was perhaps made by a process that was killed before it did
    return path.read_text(encoding="ascii", errors="replace").split()


def _make_key(path: Path) -> None:
    line = f"{secrets.token_hex(KEY_BYTES)}\n".encode("ascii")
    try:
        create_file(path, (line,), part=path.with_name(f"{secrets.token_hex(8)}.part"))
    except FileExistsError:
        return  # another process was first: its key is read
