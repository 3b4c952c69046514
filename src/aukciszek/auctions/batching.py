"""Work that costs less for many at once: whoever comes while a batch is under way goes with the next one.

Nobody waits for a batch to fill, so that a lonely bid is as quick as ever.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any


class Batches[Item, Result]:
    """Does one batch after the other, or a few at once; each item gets its own result or its own error."""

    def __init__(
        self,
        work: Callable[[Sequence[Item]], Awaitable[Sequence[Result | Exception]]],
        most: int,
        *,
        batches_at_once: int = 1,
    ) -> None:
        """Do ``work`` for up to ``most`` items at a time; what it raises goes to all of them.

        Args:
            work: what to do.
            most: so many items make a full batch.
            batches_at_once: more than one where the work has several steps and each would wait for the others.
        """
        self._work = work
        self._most = most
        self._at_once = batches_at_once
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._busy = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def do(self, item: Item) -> Result:
        """Return what the work gives for ``item``, or raise what it gives."""
        answer: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if self._busy < self._at_once and len(self._waiting) == 1:
            self._busy += 1
            task = asyncio.create_task(self._run(), name="batches")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await answer

    async def _run(self) -> None:
        try:
            while self._waiting:
                some = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
                await self._do([each for each in some if not each[1].done()])
        except asyncio.CancelledError:
            # The event loop ends.
            for _, answer in self._waiting:
                answer.cancel()
            self._waiting.clear()
            raise
        finally:
            # At once, not when the task is seen to be done: whoever came in between would be forgotten.
            self._busy -= 1

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
