"""One party's database: SQLite by default, PostgreSQL where ``DATABASE_URL`` names one.

What has been committed survives a crash of the process and of the machine, and what has been erased is overwritten:
see ``docs/protocol.md``, "Receipts and the input set", and the sealing keys in ``docs/architecture.md``.

One writer at a time, because the audit record is a hash chain and a chain has one end; readers run beside it, each on
a consistent snapshot. A party is one process, so an :class:`asyncio.Lock` serialises its writers fairly and without
polling; other processes on the same database (the command line) are kept apart by the database's own lock.

Writes that wait at the same moment are committed together: while one ``fsync`` is under way the next bids gather, and
share the one that follows.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Self

from sqlalchemy import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from aukciszek.secret import Secret
from aukciszek.storage.connection import DatabaseConnection, Store, Work
from aukciszek.storage.errors import DatabaseUnavailableError
from aukciszek.storage.migrations import alone_in_this_process, upgrade
from aukciszek.storage.postgresql import PostgresqlStore
from aukciszek.storage.sqlite import SqliteStore

_LARGEST_GROUP: Final = 64
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

    def __init__(self, store: Store) -> None:
        self._store = store
        self._turn = asyncio.Lock()
        self._in_turn: asyncio.Task[Any] | None = None
        self._erasure_due = False
        self._waiting: list[tuple[Work[Any], asyncio.Future[Any]]] = []
        self._group_writer: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, url: Secret[str] | str) -> Self:
        """Connect, and bring the tables up to date.

        Raises:
            DatabaseUnavailableError: the URL is of an unknown kind, or the database cannot be reached.
            DatabaseVersionError: a newer version of this program wrote the database.
        """
        address = _parse(url.reveal() if isinstance(url, Secret) else url)
        try:
            is_sqlite = address.get_backend_name() == "sqlite"
            database = cls(await SqliteStore.open(address) if is_sqlite else PostgresqlStore(address))
            await database._start()
        except (DBAPIError, sqlite3.Error, OSError) as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            raise DatabaseUnavailableError(
                f"the database does not open ({type(cause).__name__}: {cause}): see DATABASE_URL and DATA_DIR"
            ) from None
        return database

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[DatabaseConnection]:
        """Write: everything done on the connection is committed at the end, or, after an exception, nothing.

        A task that is cancelled inside leaves nothing; one that is cancelled while the commit is under way learns of it
        after the commit.

        Raises:
            RuntimeError: the task is inside a transaction already; pass its connection on instead.
        """
        self._refuse_second_transaction()
        async with self._turn:
            self._in_turn = asyncio.current_task()
            try:
                async with self._store.writing() as connection:
                    yield connection
                await self._erase_if_due()
            finally:
                self._in_turn = None

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[DatabaseConnection]:
        """Read: everything read on the connection is of one moment; writers go on meanwhile."""
        async with self._store.reading() as connection:
            yield connection

    async def write[Result](self, work: Work[Result]) -> Result:
        """Do ``work`` in one transaction, and share its commit with others that wait at the same moment.

        ``work`` is all or nothing even so: when one of those that share a commit fails, each is done again by itself.
        A task that is cancelled while it waits does not know whether the work was done.

        Raises:
            RuntimeError: the task is inside a transaction; pass its connection on instead.
        """
        self._refuse_second_transaction()
        answer: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((work, answer))
        if self._group_writer is None:
            self._group_writer = asyncio.create_task(self._write_groups(), name="database group commit")
        return await answer

    async def read[Result](self, work: Work[Result]) -> Result:
        """Do ``work`` on a snapshot."""
        return await self._store.read(work)

    def erase_after_commit(self) -> None:
        """Ask that no copy of what the current transaction overwrites stays in the database's files."""
        self._erasure_due = True

    async def close(self) -> None:
        """Wait for what is being written, then let go of all connections."""
        while self._group_writer is not None:
            await asyncio.wait([self._group_writer])
        async with self._turn:
            await self._store.close()

    async def _start(self) -> None:
        try:
            # A crash may have left an erased key in the log.
            self._erasure_due = True
            async with alone_in_this_process(), self.transaction() as connection:
                await connection.run(upgrade)
        except BaseException:
            await self.close()
            raise

    def _refuse_second_transaction(self) -> None:
        if self._in_turn is not None and self._in_turn is asyncio.current_task():
            raise RuntimeError("this task is in a transaction already: pass its connection on")

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
            # Only when the event loop ends are there any left.
            for _, answer in self._waiting:
                answer.cancel()
            self._waiting.clear()

    async def _write_group(self, group: Sequence[tuple[Work[Any], asyncio.Future[Any]]]) -> None:
        def work_of_all(connection: Connection) -> list[Any]:
            return [work(connection) for work, _ in group]

        try:
            results = await self._store.write(work_of_all)
        except Exception as error:  # noqa: BLE001 -- whatever it is, it goes to whom it belongs
            if len(group) == 1:
                _answer(group[0][1], error=error)
            for each in group if len(group) > 1 else ():
                await self._write_group([each])
        except asyncio.CancelledError:
            for _, answer in group:
                answer.cancel()
            raise
        else:
            for (_, answer), result in zip(group, results, strict=True):
                _answer(answer, result)

    async def _erase_if_due(self) -> None:
        if self._erasure_due:
            self._erasure_due = not await self._store.erase()


def _answer(answer: asyncio.Future[Any], result: object = None, *, error: Exception | None = None) -> None:
    if answer.done():
        return  # nobody waits any more
    if error is None:
        answer.set_result(result)
    else:
        answer.set_exception(error)


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
