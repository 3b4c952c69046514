"""A clock that moves when it is told to."""

import asyncio
import heapq
import itertools
from datetime import UTC, datetime, timedelta


class VirtualClock:
    """A clock that moves when it is told to, and wakes who sleeps.

    ``of`` another clock it is a party's own: it tells the other's time, ``ahead_s`` seconds ahead.
    """

    def __init__(self, of: "VirtualClock | None" = None, ahead_s: float = 0.0) -> None:
        self.ahead_s = ahead_s
        self._of = of
        self._now = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()

    def now(self) -> datetime:
        return self._now if self._of is None else self._of.now() + timedelta(seconds=self.ahead_s)

    def monotonic_s(self) -> float:
        # Whoever sets the time of day does not touch this one.
        return self._now.timestamp() if self._of is None else self._of.monotonic_s()

    async def sleep(self, seconds: float) -> None:
        if self._of is not None:
            await self._of.sleep(seconds)
        elif seconds > 0:
            wakes: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            heapq.heappush(self._sleepers, (self._now + timedelta(seconds=seconds), next(self._numbers), wakes))
            await wakes

    def move(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        while self._sleepers and self._sleepers[0][0] <= self._now:
            _, _, wakes = heapq.heappop(self._sleepers)
            if not wakes.done():
                wakes.set_result(None)

    def until_next_s(self) -> float | None:
        """Return in how many seconds the next sleeper wakes, if there is one."""
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
        return (self._sleepers[0][0] - self._now).total_seconds() if self._sleepers else None
