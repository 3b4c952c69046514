"""One party's database: SQLite by default, PostgreSQL where ``DATABASE_URL`` names one.

What has been committed survives a crash of the process and of the machine (SQLite: write-ahead log with
``synchronous=FULL``, one ``fsync`` for each commit), and what has been erased is overwritten (``secure_delete``, then
the log is emptied): see ``docs/protocol.md``, "Receipts and the input set", and the sealing keys in
``docs/architecture.md``.

One writer at a time, because the audit record is a hash chain and a chain has one end; readers run beside it, each on
a consistent snapshot. A party is one process, so an :class:`asyncio.Lock` serialises its writers fairly and without
polling; other processes on the same database (the command line) are kept apart by the database's own lock.
"""

import asyncio
import os
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from typing import Any, Final, Self

from sqlalchemy import URL, Connection, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from aukciszek.secret import Secret
from aukciszek.storage.errors import DatabaseUnavailableError
from aukciszek.storage.migrations import upgrade
from aukciszek.storage.steady import finish, steady_connection

_READERS: Final = 4
_BUSY_TIMEOUT_MS: Final = 10_000
_CHECKPOINT_TIMEOUT_MS: Final = 500
_RETRY_S: Final = 0.02

_PRAGMAS: Final = (
    f"busy_timeout={_BUSY_TIMEOUT_MS}",
    "synchronous=FULL",
    "foreign_keys=ON",
    "secure_delete=ON",
    "temp_store=MEMORY",  # sorting never copies keys or bids into a temporary file
)
_DRIVERS: Final = {
    "sqlite": "sqlite+aiosqlite",
    "sqlite+aiosqlite": "sqlite+aiosqlite",
    "postgresql": "postgresql+asyncpg",
    "postgresql+asyncpg": "postgresql+asyncpg",
}


class Database:
    """The connections of one party to its database.

    Open it with :meth:`open`, close it with :meth:`close`. A repository's method opens a transaction of its own unless
    it is given the ``connection`` of one::

        async with database.transaction() as connection:
            await auctions.set_state(auction_id, "closed", now, connection=connection)
            await auctions.append_record(auction_id, now, "party", "closed", {}, connection=connection)
    """

    def __init__(self, writer: AsyncEngine, readers: AsyncEngine) -> None:
        self._writer = writer
        self._readers = readers
        self._turn = asyncio.Lock()
        self._in_turn: asyncio.Task[Any] | None = None
        self._erasure_due = False

    @classmethod
    async def open(cls, url: Secret[str] | str) -> Self:
        """Connect, and bring the tables up to date.

        Raises:
            DatabaseUnavailableError: the URL is of an unknown kind, or the database cannot be reached.
            DatabaseVersionError: a newer version of this program wrote the database.
        """
        address = _parse(url.reveal() if isinstance(url, Secret) else url)
        try:
            if address.get_backend_name() == "sqlite":
                await asyncio.to_thread(_prepare_file, address.database or "")
                database = cls(_sqlite_engine(address, writes=True), _sqlite_engine(address, writes=False))
            else:
                engine = _postgresql_engine(address)
                database = cls(engine, engine)
            await database._start()
        except (DBAPIError, sqlite3.Error, OSError) as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            raise DatabaseUnavailableError(
                f"the database does not open ({type(cause).__name__}: {cause}): see DATABASE_URL and DATA_DIR"
            ) from None
        return database

    async def _start(self) -> None:
        try:
            async with self.transaction() as connection:
                await finish(connection.run_sync(upgrade))
            # A crash may have left an erased key in the log.
            await self.finish_erasure()
        except BaseException:
            await self.close()
            raise

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """Write: everything done on the connection is committed at the end, or, after an exception, nothing.

        A task that is cancelled inside leaves nothing; one that is cancelled while the commit is under way learns of it
        after the commit.

        Raises:
            RuntimeError: the task is inside a transaction already; pass its connection on instead.
        """
        if self._in_turn is not None and self._in_turn is asyncio.current_task():
            raise RuntimeError("this task is in a transaction already: pass its connection on")
        async with self._turn:
            self._in_turn = asyncio.current_task()
            try:
                async with steady_connection(self._writer) as connection:
                    yield connection
                    await finish(connection.commit())
                if self._erasure_due:
                    await finish(self._empty_log())
            finally:
                self._in_turn = None

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Read one consistent snapshot, beside a writer."""
        async with steady_connection(self._readers) as connection:
            yield connection

    def erase_after_commit(self) -> None:
        """Ask that no copy of what the current transaction overwrites stays in the database's files."""
        self._erasure_due = True

    async def finish_erasure(self) -> None:
        """Remove what was overwritten from SQLite's log as well.

        On PostgreSQL the log and dead rows belong to the server; ``docs/operations.md`` says what its operator does.
        """
        async with self._turn:
            await finish(self._empty_log())

    async def close(self) -> None:
        """Give all connections back; wait for the writer at work."""
        async with self._turn:
            await finish(self._readers.dispose())
            await finish(self._writer.dispose())

    async def _empty_log(self) -> None:
        if self._writer.dialect.name == "sqlite":
            async with self._writer.connect() as connection:
                # Not through SQLAlchemy, which would begin a transaction: there a checkpoint is refused.
                driver: Any = (await connection.get_raw_connection()).driver_connection
                await driver.execute(f"PRAGMA busy_timeout={_CHECKPOINT_TIMEOUT_MS}")
                async with driver.execute("PRAGMA wal_checkpoint(TRUNCATE)") as cursor:
                    busy, _, _ = await cursor.fetchone()
                await driver.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}")
            # A reader on an old snapshot holds the log; the next transaction tries again.
            self._erasure_due = bool(busy)
        else:
            self._erasure_due = False


def _parse(url: str) -> URL:
    try:
        address = make_url(url)
    except ArgumentError:
        raise DatabaseUnavailableError(
            "DATABASE_URL is not a URL: write sqlite+aiosqlite:////var/lib/aukciszek/aukciszek.db "
            "or postgresql+asyncpg://user:password@host/name"
        ) from None
    if address.drivername not in _DRIVERS:
        raise DatabaseUnavailableError(
            f"DATABASE_URL names {address.drivername!r}: use sqlite+aiosqlite or postgresql+asyncpg"
        )
    address = address.set(drivername=_DRIVERS[address.drivername])
    if address.get_backend_name() == "sqlite" and (not address.database or ":memory:" in address.database):
        raise DatabaseUnavailableError("DATABASE_URL names a database in memory: bids would be lost; name a file")
    return address


def _prepare_file(path: str) -> None:
    """Make the file readable by its owner alone (SQLite gives its log the same mode), and turn on its log for good."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    until_s = time.monotonic() + _BUSY_TIMEOUT_MS / 1000
    with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as connection:
        # SQLite does not wait for other processes that do the same at this moment, so we do.
        while True:
            try:
                connection.execute("PRAGMA journal_mode=WAL")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until_s:
                    raise
                time.sleep(_RETRY_S)
            else:
                return


def _sqlite_engine(address: URL, *, writes: bool) -> AsyncEngine:
    engine = create_async_engine(
        address,
        hide_parameters=True,
        pool_size=1 if writes else _READERS,
        max_overflow=0,
        # SQLAlchemy says BEGIN (below), so that a writer takes its place before it reads.
        connect_args={"isolation_level": None},
    )
    pragmas = _PRAGMAS if writes else (*_PRAGMAS, "query_only=ON")

    @event.listens_for(engine.sync_engine, "connect")
    def set_pragmas(connection: Any, _record: object) -> None:  # noqa: ANN401 -- the driver's own type
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgresql_engine(address: URL) -> AsyncEngine:
    return create_async_engine(
        address, hide_parameters=True, pool_size=_READERS + 1, pool_pre_ping=True, isolation_level="REPEATABLE READ"
    )
