"""Connections that a cancelled task leaves in a known state.

When a task is cancelled while a driver is at work, nobody knows how far the driver came, so SQLAlchemy throws the
connection away, and with it whatever waits in its thread. Here a step that has begun is waited for, and the task learns
of its cancellation right after: a transaction is then rolled back in order, and its connection is as good as new.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, override

from sqlalchemy import CursorResult
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine


async def finish[Result](step: Coroutine[Any, Any, Result]) -> Result:
    """Await a short step to its end, even when the task is cancelled meanwhile.

    Raises:
        CancelledError: the task was cancelled; the step has ended, whatever became of it.
    """
    task = asyncio.ensure_future(step)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        if not task.cancelled():
            task.exception()  # what else went wrong matters no more, and is not to be warned about
        raise cancelled
    return task.result()


class SteadyConnection(AsyncConnection):
    """A connection whose statements run to their end."""

    __slots__ = ()

    @override
    async def execute(self, *arguments: Any, **options: Any) -> CursorResult[Any]:
        return await finish(super().execute(*arguments, **options))


@asynccontextmanager
async def steady_connection(engine: AsyncEngine) -> AsyncIterator[SteadyConnection]:
    """Borrow a connection; what was not committed is rolled back when it is given back."""
    connection = SteadyConnection(engine)
    try:
        await finish(connection.start())
        yield connection
    finally:
        if connection.sync_connection is not None:
            await finish(connection.close())
