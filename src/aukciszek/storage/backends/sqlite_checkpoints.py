"""SQLite's write-ahead log, copied into the file beside the writer (``docs/adr``).

What is committed is durable in the log; from time to time it has to go into the file, so that the log can begin anew.
Left to itself SQLite does so at the end of some commit, which then takes as long as a hundred bids, and all wait.
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
    """Copies the log of one file, in a thread of its own."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="database-copier")
        self._copying: asyncio.Task[None] | None = None
        self._changes = 0
        self._changes_before = 0
        self._rest_is_due = False

    def after_commit(self, connection: Connection) -> None:
        """Copy what was written while the thread was copying; for the writer's thread, on its connection.

        It is little, and only when all is in the file does the log begin anew.
        """
        driver: Any = connection.connection.driver_connection
        if self._rest_is_due:
            self._rest_is_due = False
            with suppress(sqlite3.Error):  # what was committed is in the log, whatever becomes of this
                driver.execute(_COPY)
        self._changes = driver.total_changes

    def copy_if_due(self) -> None:
        """Begin to copy if the log has become long; for the event loop."""
        if self._copying is None and self._changes - self._changes_before >= _CHANGES_BEFORE_COPYING:
            self._changes_before = self._changes
            self._copying = asyncio.create_task(self._copy(), name="database log")

    async def wait(self) -> None:
        """Return when nothing is being copied."""
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
    """Copy the log as far as no reader needs what is in the file; writers go on meanwhile."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(_COPY)
