"""One party's database: SQLite by default, PostgreSQL where ``DATABASE_URL`` names one.

What has been committed survives a crash of the process and of the machine, and what has been erased is overwritten:
see ``docs/protocol.md``, "Receipts and the input set", and the sealing keys in ``docs/architecture.md``.

One writer at a time, because the audit record is a hash chain and a chain has one end; readers run beside it, each on
a consistent snapshot. A party is one process, so an :class:`asyncio.Lock` serialises its writers fairly and without
polling; other processes on the same database (the command line) are excluded by the database's own lock.

Concurrent writes are committed together: those that arrive during one ``fsync`` share the next (group commit).
"""

import asyncio
import logging
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final, Self

from sqlalchemy import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from aukciszek.racing import settle, settle_with_error
from aukciszek.secret import Secret
from aukciszek.storage.backends.connection import DatabaseConnection, Store, Work
from aukciszek.storage.backends.faults import fault_of
from aukciszek.storage.backends.postgresql import PostgresqlStore
from aukciszek.storage.backends.sqlite import SqliteStore
from aukciszek.storage.errors import (
    DatabaseDamagedError,
    DatabaseUnavailableError,
    StorageFaultError,
    StorageFullError,
    StorageUnavailableError,
)
from aukciszek.storage.migrations import one_at_a_time, upgrade

_log = logging.getLogger(__name__)

_LARGEST_GROUP: Final = 64
MOST_WAITING: Final = 8192
"""How many writes may wait; further ones are refused immediately."""

_ERASE_AGAIN_S: Final = 5.0
"""The pause before erasing is tried again."""

_LOG_AGAIN_S: Final = 30.0
_DRIVERS: Final = {
    "sqlite": "sqlite",
    "sqlite+aiosqlite": "sqlite",
    "postgresql": "postgresql+asyncpg",
    "postgresql+asyncpg": "postgresql+asyncpg",
}


class Database:
    """The connections of one party to its database.

    Open it with :meth:`open`, close it with :meth:`close`. A repository's method is a transaction of its own unless it
    is given the ``connection`` of one::

        async with database.transaction() as connection:
            await auctions.set_state(auction_id, "closed", now, connection=connection)
            await auctions.append_record(auction_id, now, "party", "closed", {}, connection=connection)
    """

    def __init__(self, store: Store, path: str | None = None) -> None:
        """Write to ``store``, a database in the file ``path``, if it is one."""
        self._store = store
        self._path = path
        self._turn = asyncio.Lock()
        self._in_turn: asyncio.Task[Any] | None = None
        self._erasure_due = False
        self._eraser: asyncio.Task[None] | None = None
        self._waiting: list[tuple[Work[Any], asyncio.Future[Any]]] = []
        self._group_writer: asyncio.Task[None] | None = None
        self._logged = ""
        self._logged_at_s = 0.0

    @classmethod
    async def open(cls, url: Secret[str] | str) -> Self:
        """Connect, and bring the tables up to date.

        Raises:
            DatabaseUnavailableError: the URL is of an unknown kind, or the database cannot be reached.
            DatabaseVersionError: a newer version of this program wrote the database.
            StorageFaultError: the disk is full, or the database is damaged.
        """
        address = _parse(url.reveal() if isinstance(url, Secret) else url)
        try:
            if address.get_backend_name() == "sqlite":
                database = cls(await SqliteStore.open(address), address.database)
            else:
                database = cls(PostgresqlStore(address))
            await database._start()
        except StorageUnavailableError as error:
            raise DatabaseUnavailableError(
                f"the database does not open ({error.message}): see DATABASE_URL and DATA_DIR"
            ) from None
        except (DBAPIError, sqlite3.Error, OSError) as error:
            fault = fault_of(error, address.database)
            if isinstance(fault, StorageFullError | DatabaseDamagedError):
                raise fault from error
            cause = error.orig if isinstance(error, DBAPIError) else error
            # PostgreSQL quotes rows, but only on the lines that follow the first.
            reason = str(cause).partition("\n")[0]
            raise DatabaseUnavailableError(
                f"the database does not open ({type(cause).__name__}: {reason}): see DATABASE_URL and DATA_DIR"
            ) from None
        return database

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[DatabaseConnection]:
        """Write: everything done on the connection is committed at the end, or, after an exception, nothing.

        A task that is cancelled inside leaves nothing; one that is cancelled during the commit is told so after it.

        Raises:
            RuntimeError: the task is inside a transaction already; pass its connection instead.
            StorageFaultError: the storage failed, and nothing was committed.
        """
        self._refuse_second_transaction()
        async with self._turn:
            self._in_turn = asyncio.current_task()
            try:
                with self._faults():
                    async with self._store.writing() as connection:
                        yield connection
                await self._erase_if_due()
            finally:
                self._in_turn = None

    async def write[Result](self, work: Work[Result]) -> Result:
        """Do ``work`` in a transaction that may share its commit with concurrent ones.

        ``work`` is atomic even so: when one of those that share a commit fails, each is repeated by itself. A task that
        is cancelled while it waits does not know whether the work was done.

        Raises:
            RuntimeError: the task is inside a transaction; pass its connection instead.
            StorageFaultError: the storage failed, and nothing was committed.
        """
        self._refuse_second_transaction()
        if len(self._waiting) >= MOST_WAITING:
            raise StorageUnavailableError("too many writes are waiting: try again in a few seconds")
        answer: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((work, answer))
        if self._group_writer is None:
            self._group_writer = asyncio.create_task(self._write_groups(), name="database group commit")
        return await answer

    async def read[Result](self, work: Work[Result]) -> Result:
        """Do ``work`` on a snapshot.

        Raises:
            StorageFaultError: the storage failed.
        """
        with self._faults():
            return await self._store.read(work)

    def erase_after_commit(self) -> None:
        """Ask that no copy of what the current transaction overwrites stays in the database's files."""
        self._erasure_due = True

    async def close(self) -> None:
        """Wait for the writes in progress, then close all connections."""
        while self._group_writer is not None:
            await asyncio.wait([self._group_writer])
        if self._eraser is not None:
            self._eraser.cancel()
            await asyncio.wait([self._eraser])
        async with self._turn:
            await self._store.close()

    async def _start(self) -> None:
        try:
            # A crash may have left an erased key in the log.
            self._erasure_due = True
            async with one_at_a_time(), self.transaction() as connection:
                await connection.run(upgrade)
        except BaseException:
            await self.close()
            raise

    def _refuse_second_transaction(self) -> None:
        if self._in_turn is not None and self._in_turn is asyncio.current_task():
            raise RuntimeError("this task is in a transaction already: pass its connection")

    async def _write_groups(self) -> None:
        try:
            while self._waiting:
                async with self._turn:
                    group = [each for each in self._waiting[:_LARGEST_GROUP] if not each[1].done()]
                    del self._waiting[:_LARGEST_GROUP]
                    if group:
                        await self._write_group(group)
                        await self._erase_if_due()
        finally:
            self._group_writer = None
            # Some are left only when the event loop ends.
            for _, answer in self._waiting:
                answer.cancel()
            self._waiting.clear()

    async def _write_group(self, group: Sequence[tuple[Work[Any], asyncio.Future[Any]]]) -> None:
        def work_of_all(connection: Connection) -> list[Any]:
            return [work(connection) for work, _ in group]

        try:
            with self._faults():
                results = await self._store.write(work_of_all)
        except Exception as error:  # noqa: BLE001 -- raised at the caller that it belongs to
            # A fault of the storage concerns all: repeating each by itself would only delay the answers.
            if len(group) > 1 and not isinstance(error, StorageFaultError):
                for each in group:
                    await self._write_group([each])
                return
            for _, answer in group:
                settle_with_error(answer, error)
        except asyncio.CancelledError:
            for _, answer in group:
                answer.cancel()
            raise
        else:
            for (_, answer), result in zip(group, results, strict=True):
                settle(answer, result)

    async def _erase_if_due(self) -> None:
        """Erase now, or later if a reader prevents it; the commit before is durable either way."""
        if self._erasure_due:
            try:
                self._erasure_due = not await self._store.erase()
            except (DBAPIError, sqlite3.Error) as error:
                _log.error("what was erased is still in the database's log: %s", type(error).__name__)
            if self._erasure_due and self._eraser is None:
                self._eraser = asyncio.create_task(self._erase_later(), name="database eraser")

    async def _erase_later(self) -> None:
        """Repeat until it is done, even if nothing more is written."""
        try:
            while self._erasure_due:
                await asyncio.sleep(_ERASE_AGAIN_S)
                async with self._turn:
                    await self._erase_if_due()
        finally:
            self._eraser = None

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """Translate errors of the database that are faults of the storage."""
        try:
            yield
        except (DBAPIError, sqlite3.Error) as error:
            fault = fault_of(error, self._path)
            if fault is None:
                raise
            self._log_fault(fault)
            raise fault from error

    def _log_fault(self, fault: StorageFaultError) -> None:
        """Log a fault, each kind once in a while: a full disk fails every bid."""
        now_s = time.monotonic()
        if fault.code != self._logged or now_s - self._logged_at_s > _LOG_AGAIN_S:
            self._logged, self._logged_at_s = fault.code, now_s
            _log.error("storage fault %s: %s", fault.code, fault.message)


def _parse(url: str) -> URL:
    try:
        address = make_url(url)
    except ArgumentError:
        raise DatabaseUnavailableError(
            "DATABASE_URL is not a URL: write sqlite:////var/lib/aukciszek/aukciszek.db "
            "or postgresql://user:password@host/name"
        ) from None
    if address.drivername not in _DRIVERS:
        raise DatabaseUnavailableError(f"DATABASE_URL names {address.drivername!r}: use sqlite or postgresql")
    address = address.set(drivername=_DRIVERS[address.drivername])
    if address.get_backend_name() == "sqlite" and (not address.database or ":memory:" in address.database):
        raise DatabaseUnavailableError("DATABASE_URL names a database in memory: bids would be lost; name a file")
    return address
