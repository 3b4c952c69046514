"""Waiting for something about an auction to change, without polling."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from aukciszek.backoff import Backoff
from aukciszek.clock import Clock
from aukciszek.racing import race

STRAGGLER_TIMEOUT_S: Final = 5.0
"""How long parties that are enough to go on wait for the others."""

FIRST_RETRY_S: Final = 1.0
LONGEST_RETRY_S: Final = 15.0


def retry_backoff(clock: Clock) -> Backoff:
    """Return the pauses between two times that a party says, or tries, the same again."""
    return Backoff(clock, first_s=FIRST_RETRY_S, longest_s=LONGEST_RETRY_S)


class ChangeNotifier:
    """Wakes all who wait, each time something changed; they look for themselves whether it concerns them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changed = asyncio.Event()
        self.changes = 0
        """How often something changed."""

    def notify(self) -> None:
        """Tell all who wait that something changed."""
        self.changes += 1
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def wait_for_change_since(self, changes: int, *, timeout_s: float | None = None) -> bool:
        """Wait until something changed after :attr:`changes` had this value; false: ``timeout_s`` passed first."""
        return await self.wait_for(lambda: self.changes != changes, timeout_s=timeout_s)

    async def wait_for(self, condition: Callable[[], bool], *, timeout_s: float | None = None) -> bool:
        """Wait until ``condition`` holds; return whether it does (false: ``timeout_s`` seconds passed first)."""
        if condition():
            return True
        timer = None if timeout_s is None else asyncio.create_task(self._clock.sleep(timeout_s))
        try:
            while not condition():
                if timer is not None and timer.done():
                    return False
                await self._next_change_or(timer)
            return True
        finally:
            if timer is not None:
                timer.cancel()

    async def wait_announcing(self, condition: Callable[[], bool], announce: Callable[[], Awaitable[None]]) -> None:
        """Wait until ``condition`` holds; meanwhile say again what others may have missed, ever less often."""
        backoff = retry_backoff(self._clock)
        await announce()
        while not await self.wait_for(condition, timeout_s=backoff.next_s()):
            await announce()

    async def _next_change_or(self, timer: asyncio.Task[None] | None) -> None:
        if timer is None:
            await self._changed.wait()
        else:
            # The timer goes on, whatever changes.
            await race(self._changed.wait(), asyncio.shield(timer))
