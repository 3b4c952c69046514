"""An event loop for simulations: no threads, no waiting, and it knows when nothing is left to do.

What product code hands to a thread is done in the loop, some turns later; how many, ``turns`` says, so that a
simulation decides what comes first. A loop in which everybody waits for something that will never happen says so.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any


class _NothingOutside(selectors.BaseSelector):
    """A selector for a loop that hears of nothing from outside; asked to wait, it says that nothing is left to do."""

    def __init__(self) -> None:
        self._map: dict[Any, selectors.SelectorKey] = {}
        self.when_idle: Callable[[float | None], None] = lambda _: None

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout > 0:
            self.when_idle(timeout)
        return []

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key = selectors.SelectorKey(fileobj, fileobj.fileno(), events, data)
        self._map[fileobj] = key
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._map.pop(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._map


class SteppingLoop(asyncio.SelectorEventLoop):
    """See the module."""

    def __init__(self) -> None:
        selector = _NothingOutside()
        super().__init__(selector)
        selector.when_idle = self._on_idle
        self.turns: Callable[[], int] = lambda: 0
        self._idle: asyncio.Future[None] | None = None
        self._time_s = 0.0

    def time(self) -> float:
        return self._time_s

    async def until_idle(self) -> None:
        """Return when everybody else waits."""
        self._idle = self.create_future()
        await self._idle

    async def pause(self) -> None:
        """Let others go first, as if something took its time."""
        for _ in range(self.turns()):
            await asyncio.sleep(0)

    def run_in_executor[*SignedReceipt, Result](
        self, _executor: Executor | None, func: Callable[[*SignedReceipt], Result], *args: *SignedReceipt
    ) -> asyncio.Future[Result]:
        async def work() -> Result:
            await self.pause()
            return func(*args)

        return self.create_task(work())

    def _make_self_pipe(self) -> None:
        """Nobody outside wakes this loop, so it needs no sockets."""

    def _close_self_pipe(self) -> None:
        """There is none."""

    def _write_to_self(self) -> None:
        """Nobody waits for it."""

    def _on_idle(self, timeout: float | None) -> None:
        idle, self._idle = self._idle, None
        if idle is not None:
            if not idle.done():
                idle.set_result(None)
        elif timeout is not None:
            self._time_s += timeout
        else:
            raise RuntimeError("everybody waits for something that will never happen")


def run[Result](main: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine in such a loop."""
    with asyncio.Runner(loop_factory=SteppingLoop) as runner:
        return runner.run(main)


def run_in_own_loop[Result](main: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine in an ordinary loop of a thread of its own, whatever loop this thread is in."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, main).result()
