"""What repositories ask of a database, and what each kind of database implements.

Everything that is done to tables is a plain function of a SQLAlchemy connection, ``work(connection)``. It runs where
nothing else has to wait for it: for SQLite in a thread, for PostgreSQL between the answers of its server. So a whole
transaction costs one hop from the event loop and back, and none can be torn by a cancelled task: a step that has begun
is waited for, and the task learns of its cancellation right after.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from sqlalchemy import Connection

type Work[Result] = Callable[[Connection], Result]
"""A function that reads or writes tables. It may be repeated, after a roll-back, so it changes nothing else."""


class DatabaseConnection(Protocol):
    """One transaction that several calls take part in."""

    async def run[Result](self, work: Work[Result]) -> Result:
        """Do ``work`` as a part of it.

        Raises:
            CancelledError: the task was cancelled; the work has ended nevertheless.
        """
        ...


class Store(Protocol):
    """One kind of database. At most one writer is at work at a time: its user sees to that."""

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
        """Leave no copy of what was overwritten in files that this program controls; tell whether that worked."""
        ...

    async def close(self) -> None:
        """Let go of all connections."""
        ...


async def finish[Result](step: Awaitable[Result]) -> Result:
    """Await a short step to its end, even when the task is cancelled meanwhile.

    Raises:
        CancelledError: the task was cancelled; the step has ended, whatever became of it.
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
            future.exception()  # what else went wrong matters no more, and is not to be warned about
        raise cancelled
    return future.result()
