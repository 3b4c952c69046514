"""PostgreSQL, through SQLAlchemy's asynchronous engine and asyncpg."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from aukciszek.storage.backends.connection import Work, finish
from aukciszek.storage.errors import StorageUnavailableError

_CONNECTIONS: Final = 5


class PostgresqlStore:
    """A :class:`~aukciszek.storage.backends.connection.Store` on a server."""

    def __init__(self, address: URL) -> None:
        self._engine = create_async_engine(
            address,
            hide_parameters=True,
            pool_size=_CONNECTIONS,
            max_overflow=0,
            # The server may have restarted since a connection was last used.
            pool_pre_ping=True,
            isolation_level="REPEATABLE READ",
        )

    async def write[Result](self, work: Work[Result]) -> Result:
        """Do ``work`` in a transaction of its own."""
        async with self.writing() as connection:
            return await connection.run(work)

    async def read[Result](self, work: Work[Result]) -> Result:
        """Do ``work`` on a snapshot of its own."""
        async with _borrowed(self._engine) as connection:
            return await _ServerConnection(connection).run(work)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator["_ServerConnection"]:
        """Begin a transaction; commit it at the end, or roll it back after an exception."""
        async with _borrowed(self._engine) as connection:
            yield _ServerConnection(connection)
            await finish(connection.commit())

    async def erase(self) -> bool:
        """Do nothing: log and dead rows belong to the server; ``docs/operations.md`` says what its operator does."""
        return True

    async def close(self) -> None:
        """Close all connections."""
        await finish(self._engine.dispose())


class _ServerConnection:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def run[Result](self, work: Work[Result]) -> Result:
        """Do ``work`` in the transaction that this connection is in."""
        return await finish(self._connection.run_sync(work))


@asynccontextmanager
async def _borrowed(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Borrow a connection from the pool; what was not committed is rolled back on return."""
    connection = engine.connect()
    try:
        try:
            await finish(connection.start())
        except OSError as error:
            raise StorageUnavailableError(
                f"the database's server cannot be reached ({error.strerror or type(error).__name__}): see that it runs"
            ) from error
        yield connection
    finally:
        if connection.sync_connection is not None:
            await finish(connection.close())
