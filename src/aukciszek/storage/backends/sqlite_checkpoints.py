"""Checkpoints of SQLite's write-ahead log, concurrent with the writer (``docs/adr``).

A commit is durable in the log; from time to time the log has to be copied into the file, so that it can restart. By
default SQLite does so within some commit, which then takes as long as a hundred bids and delays all others.
"""

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from typing import Any, Final

from sqlalchemy import Connection

from aukciszek.storage.backends.connection import finish

_CHANGES_BEFORE_COPYING: Final = 2000
"""Rows changed: about 16 MB of log, in which many pages occur several times."""

_COPY: Final = "PRAGMA wal_checkpoint(PASSIVE)"


class Checkpointer:
    """Checkpoints the log of one file in a thread of its own."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="database-copier")
        self._copying: asyncio.Task[None] | None = None
        self._changes = 0
        self._changes_before = 0
        self._rest_is_due = False

    def after_commit(self, connection: Connection) -> None:
        """Copy what was written during the checkpoint; for the writer's thread, on its connection.

        It is little, and the log restarts only when all of it is in the file.
        """
        driver: Any = connection.connection.driver_connection
        if self._rest_is_due:
            self._rest_is_due = False
            with suppress(sqlite3.Error):  # the commit is in the log in any case
                driver.execute(_COPY)
        self._changes = driver.total_changes

    def copy_if_due(self) -> None:
        """Begin a checkpoint if the log has become long; for the event loop."""
        if self._copying is None and self._changes - self._changes_before >= _CHANGES_BEFORE_COPYING:
            self._changes_before = self._changes
            self._copying = asyncio.create_task(self._copy(), name="database log")

    async def wait(self) -> None:
        """Return when no checkpoint is in progress."""
        if self._copying is not None:
            await finish(self._copying)

    async def close(self) -> None:
        """End the thread."""
        await self.wait()
        self._thread.shutdown(wait=False)

    async def _copy(self) -> None:
        try:
            await finish(asyncio.get_running_loop().run_in_executor(self._thread, _copy_log, self._path))
            self._rest_is_due = True
        finally:
            self._copying = None


def _copy_log(path: str) -> None:
    """Copy the log as far as readers allow, without blocking writers."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(_COPY)
