"""A whole database as bytes, copied while it is in use, and restored: ``aukciszek backup`` and ``restore``.

SQLite only: its online backup copies one consistent moment despite concurrent writers. The copy is made in memory, so
that no second file ever contains sealing keys in the clear. ``docs/operations.md`` says what the operator of a
PostgreSQL server does instead.
"""

import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Final

from sqlalchemy import URL, make_url

from aukciszek.secret import Secret
from aukciszek.storage.backends.faults import fault_of
from aukciszek.storage.database import Database
from aukciszek.storage.errors import DatabaseUnavailableError, StorageError

_BUSY_TIMEOUT_S: Final = 10.0


class NotOneFileError(StorageError):
    """The database is not a SQLite file, and is not copied by this program."""

    code = "database-not-one-file"


class DatabaseInPlaceError(StorageError):
    """A database exists already where one is to be restored."""

    code = "database-in-place"


def file_of(url: Secret[str] | str) -> Path:
    """Return the file of a SQLite database.

    Raises:
        NotOneFileError: it is another kind of database.
    """
    address = make_url(url.reveal() if isinstance(url, Secret) else url)
    if address.get_backend_name() != "sqlite" or not address.database:
        raise NotOneFileError(
            "this command copies SQLite databases only: back up PostgreSQL with pg_dump, as docs/operations.md says"
        )
    return Path(address.database)


def take_snapshot(path: Path) -> bytes:
    """Return one consistent moment of a database, which may be in use.

    Raises:
        DatabaseUnavailableError: there is no database, or it cannot be read.
        StorageFaultError: it is locked or damaged.
    """
    if not path.exists():
        raise DatabaseUnavailableError(f"there is no database at {path}: see DATABASE_URL and DATA_DIR")
    try:
        with (
            closing(sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None)) as source,
            closing(sqlite3.connect(":memory:")) as copy,
        ):
            # Begins the snapshot first: the copy itself would wait indefinitely for a lock.
            source.execute("BEGIN")
            source.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            source.backup(copy)
            return copy.serialize()
    except sqlite3.Error as error:
        raise fault_of(error, str(path)) or DatabaseUnavailableError(f"{path} cannot be copied ({error})") from error


@asynccontextmanager
async def install(path: Path, content: bytes) -> AsyncIterator[Database]:
    """Restore a snapshot where no database is; within the context it is open, checked, migrated and may be changed.

    The file appears when the context is left, complete and durable, or, after an exception, not at all.

    Raises:
        DatabaseInPlaceError: a database exists already.
        StorageError: the snapshot is damaged, or of a newer version of this program.
    """
    draft = path.with_name(path.name + ".restoring")
    for present in (path, path.with_name(path.name + "-wal")):
        if present.exists():
            raise DatabaseInPlaceError(f"{present} exists already: move it away first, together with its -wal and -shm")
    try:
        _write(draft, content)
        database = await Database.open(URL.create("sqlite", database=str(draft)).render_as_string())
        try:
            yield database
        finally:
            await database.close()
        draft.rename(path)
        _sync_directory(path.parent)
    finally:
        for left_over in path.parent.glob(draft.name + "*"):
            left_over.unlink()


def _write(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise DatabaseUnavailableError(f"{path} cannot be written ({error.strerror})") from error


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
