"""What a database's own errors mean to the caller: the storage is full, unavailable or damaged.

Only faults of the storage are translated. A violated constraint is a mistake in this program and is raised as it is.
"""

import os
import sqlite3
from typing import Final

from sqlalchemy.exc import DBAPIError

from aukciszek.storage.errors import DatabaseDamagedError, StorageFaultError, StorageFullError, StorageUnavailableError

_FULL: Final = frozenset({sqlite3.SQLITE_FULL})
_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT})
_UNAVAILABLE: Final = {
    sqlite3.SQLITE_BUSY: "another program has locked the database: stop it",
    sqlite3.SQLITE_LOCKED: "another program has locked the database: stop it",
    sqlite3.SQLITE_READONLY: "the database is read-only: check permissions and the file system's state",
    sqlite3.SQLITE_PERM: "the database may not be opened: check its owner and permissions",
    sqlite3.SQLITE_CANTOPEN: "the database cannot be opened: check DATA_DIR, permissions and the limit of open files",
    sqlite3.SQLITE_IOERR: "the disk reports an error: check the disk, its quota and the system's log",
    sqlite3.SQLITE_NOTADB: "the file is not a database: see which file is there",
    sqlite3.SQLITE_NOMEM: "the machine has no memory left",
    sqlite3.SQLITE_PROTOCOL: "another program has locked the database: stop it",
}
_PRIMARY_CODE: Final = 0xFF
"""SQLite's extended codes carry the primary one in their lowest byte."""

_SERVER_FULL: Final = frozenset({"53100"})
_SERVER_DAMAGED: Final = frozenset({"XX001", "XX002"})
_SERVER_UNAVAILABLE: Final = ("08", "25006", "40001", "40P01", "53", "55P03", "57", "58")
"""PostgreSQL's SQLSTATE: connection, read-only, conflict, resources, lock, shut down, system error."""


def fault_of(error: BaseException, path: str | None = None) -> StorageFaultError | None:
    """Return the fault behind an error of a database, or ``None`` if the error is no fault of the storage.

    Args:
        error: what SQLAlchemy or a driver raised.
        path: the database's file, if it is one; tells a disk error from a lack of space.
    """
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.Error):
        return _of_sqlite(cause, path)
    state = getattr(cause, "sqlstate", None)
    if isinstance(state, str):
        return _of_postgresql(state)
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return StorageUnavailableError("the connection to the database broke: check the database's server")
    return None


def _of_sqlite(error: sqlite3.Error, path: str | None) -> StorageFaultError | None:
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return None
    primary = code & _PRIMARY_CODE
    if primary in _FULL or (primary == sqlite3.SQLITE_IOERR and path is not None and not _has_space(path)):
        return _full()
    if primary in _DAMAGED:
        return damaged(f"SQLite reports {error.sqlite_errorname}")
    reason = _UNAVAILABLE.get(primary)
    return None if reason is None else StorageUnavailableError(f"{reason} ({error.sqlite_errorname})")


def _of_postgresql(state: str) -> StorageFaultError | None:
    if state in _SERVER_FULL:
        return _full()
    if state in _SERVER_DAMAGED:
        return damaged(f"PostgreSQL reports {state}")
    if state.startswith(_SERVER_UNAVAILABLE):
        return StorageUnavailableError(f"the database's server cannot do this now: check its log (SQLSTATE {state})")
    return None


def damaged(what: str) -> DatabaseDamagedError:
    """Return the error for a damaged database."""
    return DatabaseDamagedError(
        f"the database is damaged: {what}. Keep the file, check the disk, and restore the last backup "
        "(docs/operations.md); the other parties and the bidders' receipts have what came after it"
    )


def _full() -> StorageFullError:
    return StorageFullError(
        "this party's disk is full: nothing is stored until its operator frees space; try again then"
    )


def _has_space(path: str) -> bool:
    try:
        return os.statvfs(os.path.dirname(path) or ".").f_bavail > 0  # noqa: PTH120 -- a text from a URL, not a Path
    except OSError:
        return True
