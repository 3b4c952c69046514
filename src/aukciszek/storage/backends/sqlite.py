"""SQLite: one file, one thread that writes, a few that read.

A commit is one ``fsync`` of the write-ahead log (``synchronous=FULL``); deleted data is overwritten. Python's own
driver is called from threads of this module: with SQLAlchemy's asynchronous driver every step of a statement, some
twenty for one bid, would be a hop between threads (``docs/adr/0005-tables-are-worked-on-in-threads.md``).
"""

import asyncio
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from typing import Any, Final, Self

from sqlalchemy import URL, Connection, Engine, create_engine, event

from aukciszek.storage.backends.connection import Work, finish
from aukciszek.storage.backends.faults import damaged, fault_of
from aukciszek.storage.backends.sqlite_checkpoints import Checkpointer
from aukciszek.storage.errors import DatabaseDamagedError

_READERS: Final = 4
_BUSY_TIMEOUT_MS: Final = 10_000
_CHECKPOINT_TIMEOUT_MS: Final = 500
_RETRY_S: Final = 0.02

_PRAGMAS: Final = (
    f"busy_timeout={_BUSY_TIMEOUT_MS}",
    "synchronous=FULL",
    "wal_autocheckpoint=16000",  # 64 MB: only where the checkpointing thread does not keep up
    "foreign_keys=ON",
    "secure_delete=ON",
    "temp_store=MEMORY",  # so that sorting never writes keys or bids to a temporary file
)


class SqliteStore:
    """A :class:`~aukciszek.storage.backends.connection.Store` in one file."""

    def __init__(self, address: URL) -> None:
        self._write_thread = ThreadPoolExecutor(1, thread_name_prefix="database-writer")
        self._read_threads = ThreadPoolExecutor(_READERS, thread_name_prefix="database-reader")
        self._read_slots = asyncio.Semaphore(_READERS)
        self._log = Checkpointer(address.database or "")
        self._write_engine = _engine(address, writes=True)
        self._read_engine = _engine(address, writes=False)
        self._writer = _Writer(self._write_thread, self._write_engine)

    @classmethod
    async def open(cls, address: URL) -> Self:
        """Create the file, if it does not exist, and connect to it.

        Raises:
            OSError: the file cannot be created or read.
            sqlite3.Error: it is not a database.
        """
        await finish(asyncio.get_running_loop().run_in_executor(None, _prepare_file, address.database or ""))
        return cls(address)

    async def write[Result](self, work: Work[Result]) -> Result:
        """Do ``work`` in a transaction of its own."""

        def transaction(connection: Connection) -> Result:
            try:
                result = work(connection)
                connection.commit()
            except BaseException:
                connection.rollback()
                raise
            self._log.after_commit(connection)
            return result

        try:
            return await self._writer.run(transaction)
        finally:
            self._log.copy_if_due()

    async def read[Result](self, work: Work[Result]) -> Result:
        """Do ``work`` on a snapshot of its own."""

        def snapshot() -> Result:
            with self._read_engine.connect() as connection:
                return work(connection)

        async with self._read_slots:
            return await finish(asyncio.get_running_loop().run_in_executor(self._read_threads, snapshot))

    @asynccontextmanager
    async def writing(self) -> AsyncIterator["_Writer"]:
        """Begin a transaction; commit it at the end, or roll it back after an exception."""
        try:
            yield self._writer
            await self._writer.run(Connection.commit)
        except BaseException:
            await self._writer.run(Connection.rollback)
            raise

    async def erase(self) -> bool:
        """Empty the log; False when a reader on an old snapshot still needs it."""
        await self._log.wait()
        return await self._writer.run(_empty_log)

    async def close(self) -> None:
        """Close all connections and end all threads."""
        await self._log.close()
        await self._writer.close()
        # Closing the last connection checkpoints the log, which takes a moment.
        loop = asyncio.get_running_loop()
        for engine in (self._read_engine, self._write_engine):
            await finish(loop.run_in_executor(self._write_thread, engine.dispose))
        for threads in (self._read_threads, self._write_thread):
            threads.shutdown(wait=False)


class _Writer:
    """The connection that writes, opened, used and closed in one thread."""

    def __init__(self, thread: ThreadPoolExecutor, engine: Engine) -> None:
        self._thread = thread
        self._engine = engine
        self._connection: Connection | None = None

    async def run[Result](self, work: Work[Result]) -> Result:
        """Do ``work`` in the transaction that this connection is in."""
        return await self._hop(self._run, work)

    async def close(self) -> None:
        """Close it; what was not committed is rolled back."""
        await self._hop(self._close, None)

    async def _hop[Argument, Result](self, step: Callable[[Argument], Result], argument: Argument) -> Result:
        return await finish(asyncio.get_running_loop().run_in_executor(self._thread, step, argument))

    def _run[Result](self, work: Work[Result]) -> Result:
        if self._connection is None:
            self._connection = self._engine.connect()
        return work(self._connection)

    def _close(self, _: None) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _engine(address: URL, *, writes: bool) -> Engine:
    engine = create_engine(
        address.set(drivername="sqlite"),
        hide_parameters=True,
        pool_size=1 if writes else _READERS,
        max_overflow=0,
        # SQLAlchemy sends BEGIN (below), so that a writer takes the lock before it reads.
        connect_args={"isolation_level": None, "check_same_thread": False},
    )
    pragmas = _PRAGMAS if writes else (*_PRAGMAS, "query_only=ON")

    @event.listens_for(engine, "connect")
    def set_pragmas(connection: sqlite3.Connection, _record: object) -> None:
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _empty_log(connection: Connection) -> bool:
    # Not through SQLAlchemy, which would begin a transaction: SQLite refuses a checkpoint inside one.
    driver: Any = connection.connection.driver_connection
    driver.execute(f"PRAGMA busy_timeout={_CHECKPOINT_TIMEOUT_MS}")
    try:
        busy, _, _ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        driver.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}")
    return not busy


def _prepare_file(path: str) -> None:
    """Make the file readable by its owner alone (SQLite gives its log the same mode), and enable its write-ahead log.

    Raises:
        DatabaseDamagedError: the file's pages are not what was written.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    until_s = time.monotonic() + _BUSY_TIMEOUT_MS / 1000
    with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as connection:
        # SQLite does not wait for other processes that do the same now, so this does.
        while True:
            try:
                connection.execute("PRAGMA journal_mode=WAL")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until_s:
                    raise
                time.sleep(_RETRY_S)
            else:
                break
        _check(connection)


def _check(connection: sqlite3.Connection) -> None:
    """Check all pages for what SQLite never writes; readers check the content of the rows.

    Raises:
        DatabaseDamagedError: a page is not what it was.
    """
    try:
        (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        if isinstance(fault := fault_of(error), DatabaseDamagedError):
            raise fault from error
        raise
    if found != "ok":
        raise damaged(str(found).strip().replace("\n", " "))
