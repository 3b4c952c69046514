"""Work in two steps that costs less for many at once: what arrives during a first step goes with the next batch.

Nothing waits for a batch to fill, so that a single bid is as quick as without batches. While a batch is in its
second step the next one is in its first: each keeps another part of the machine busy.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

from aukciszek.racing import settle, settle_with_error

type _Waiting[Item, Result] = Sequence[tuple[Item, asyncio.Future[Result]]]


class Batches[Item, Begun, Result]:
    """Does batches one after the other; each item gets its own result or its own error."""

    def __init__(
        self,
        begin: Callable[[Sequence[Item]], Awaitable[Begun]],
        finish: Callable[[Sequence[Item], Begun], Awaitable[Sequence[Result | Exception]]],
        most: int,
        *,
        begun_at_once: int = 1,
    ) -> None:
        """Do the two steps for up to ``most`` items at a time; what one raises goes to all of its batch.

        Args:
            begin: the first step.
            finish: the second one, which is given what the first one returned.
            most: so many items make a full batch.
            begun_at_once: how many batches may be in the first step; as many may be in the second as come there.
        """
        self._begin = begin
        self._finish = finish
        self._most = most
        self._at_once = begun_at_once
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._busy = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def do(self, item: Item) -> Result:
        """Return what the work gives for ``item``, or raise what it gives."""
        answer: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if self._busy < self._at_once and len(self._waiting) == 1:
            self._busy += 1
            self._start(self._run())
        return await answer

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="batches")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self) -> None:
        try:
            while self._waiting:
                some = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
                await self._begin_some([each for each in some if not each[1].done()])
        except asyncio.CancelledError:
            # The event loop ends.
            _cancel(self._waiting)
            self._waiting.clear()
            raise
        finally:
            # Here, not when the task is seen to be done: an item that came in between would be left waiting.
            self._busy -= 1

    async def _begin_some(self, some: _Waiting[Item, Result]) -> None:
        if not some:
            return
        try:
            begun = await self._begin([item for item, _ in some])
        except Exception as error:  # noqa: BLE001 -- whatever it is, it goes to whom it belongs
            _settle(some, [error] * len(some))
        except asyncio.CancelledError:
            _cancel(some)
            raise
        else:
            self._start(self._finish_some(some, begun))

    async def _finish_some(self, some: _Waiting[Item, Result], begun: Begun) -> None:
        try:
            results = await self._finish([item for item, _ in some], begun)
        except Exception as error:  # noqa: BLE001 -- as above
            results = [error] * len(some)
        except asyncio.CancelledError:
            _cancel(some)
            raise
        _settle(some, results)


def _settle(some: _Waiting[Any, Any], results: Sequence[object]) -> None:
    for (_, answer), result in zip(some, results, strict=True):
        if isinstance(result, Exception):
            settle_with_error(answer, result)
        else:
            settle(answer, result)


def _cancel(some: "_Waiting[Any, Any] | deque[Any]") -> None:
    for _, answer in some:
        answer.cancel()
