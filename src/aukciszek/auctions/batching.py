"""Work that costs less for many at once: whoever comes while a batch is under way goes with the next one.

Nobody waits for a batch to fill, so that a lonely bid is as quick as ever.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any


class Batches[Item, Result]:
    """Does one batch at a time; each item gets its own result or its own error."""

    def __init__(self, work: Callable[[Sequence[Item]], Awaitable[Sequence[Result | Exception]]], most: int) -> None:
        """Do ``work`` for up to ``most`` items at a time; what it raises goes to all of them."""
        self._work = work
        self._most = most
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._running: asyncio.Task[None] | None = None

    async def do(self, item: Item) -> Result:
        """Return what the work gives for ``item``, or raise what it gives."""
        answer: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if self._running is None:
            self._running = asyncio.create_task(self._run(), name="batches")
        return await answer

    async def _run(self) -> None:
        try:
            while self._waiting:
                some = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
                await self._do([each for each in some if not each[1].done()])
        finally:
            self._running = None
            # Only when the event loop ends are there any left.
            for _, answer in self._waiting:
                answer.cancel()
            self._waiting.clear()

    async def _do(self, some: Sequence[tuple[Item, "asyncio.Future[Any]"]]) -> None:
        if not some:
            return
        try:
            results = await self._work([item for item, _ in some])
        except Exception as error:  # noqa: BLE001 -- whatever it is, it goes to whom it belongs
            results = [error] * len(some)
        except asyncio.CancelledError:
            for _, answer in some:
                answer.cancel()
            raise
        for (_, answer), result in zip(some, results, strict=True):
            if answer.done():
                continue  # nobody waits any more
            if isinstance(result, Exception):
                answer.set_exception(result)
            else:
                answer.set_result(result)
