"""What repositories ask of a database, and what each kind of database implements.

Every operation on tables is a plain function of a SQLAlchemy connection, ``work(connection)``. It runs without
blocking the event loop: for SQLite in a thread, for PostgreSQL between the answers of its server. So a whole
transaction costs one hop from the event loop and back, and a cancelled task cannot tear one: a step that has begun is
awaited, and the task is cancelled right after.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from sqlalchemy import Connection

type Work[Result] = Callable[[Connection], Result]
"""A function that reads or writes tables. It may be repeated after a roll-back, so it has no other effects."""


class DatabaseConnection(Protocol):
    """One transaction that several calls take part in."""

    async def run[Result](self, work: Work[Result]) -> Result:
        """Do ``work`` as part of it.

        Raises:
            CancelledError: the task was cancelled; the work has ended nevertheless.
        """
        ...


class Store(Protocol):
    """One kind of database. The caller ensures that at most one writer is active at a time."""

    async def write[Result](self, work: Work[Result]) -> Result:
        """Do ``work`` in a transaction of its own."""
        ...

    async def read[Result](self, work: Work[Result]) -> Result:
        """Do ``work`` on a snapshot of its own."""
        ...

    def writing(self) -> AbstractAsyncContextManager[DatabaseConnection]:
        """Begin a transaction; commit it at the end, or roll it back after an exception."""
        ...

    async def erase(self) -> bool:
        """Leave no copy of overwritten data in files that this program controls; return whether that succeeded."""
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...


async def finish[Result](step: Awaitable[Result]) -> Result:
    """Await a short step to its end, even when the task is cancelled meanwhile.

    Raises:
        CancelledError: the task was cancelled; the step has ended, successfully or not.
    """
    future = asyncio.ensure_future(step)
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        if not future.cancelled():
            future.exception()  # retrieved, so that asyncio does not warn about it
        raise cancelled
    return future.result()
