"""Attempts to log in that are under way at the same moment.

An attempt counts as wrong until it has proved right, or guesses sent all at once would not count
(:mod:`aukciszek.accounts.throttle`). Whoever sends many right ones at once, as a script does, must not be taken for a
guesser because of that: here an attempt that comes too early waits for those that are under way at the same address
from the same place, and is turned away only when none of them was right.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aukciszek.accounts.errors import AccountsUnavailableError, TooManyAttemptsError, TooManyLoginsError
from aukciszek.accounts.throttle import LoginThrottle


@dataclass(slots=True)
class _Crowd:
    """Those who log in at one address from one place."""

    present: int = 0
    under_way: int = 0
    entrance: asyncio.Lock = field(default_factory=asyncio.Lock)
    one_ended: asyncio.Event = field(default_factory=asyncio.Event)


class Attempts:
    """Lets attempts begin when the throttle allows it."""

    def __init__(self, throttle: LoginThrottle) -> None:
        self._throttle = throttle
        self._crowds: dict[tuple[str, str], _Crowd] = {}

    @asynccontextmanager
    async def attempt(self, email: str, origin: str) -> AsyncIterator[None]:
        """Make one attempt, which calls the throttle's ``failed`` or ``succeeded`` inside.

        If its password could not be looked at, because accounts are unavailable or too many log in, it does not count.

        Raises:
            TooManyAttemptsError: it comes too early.
        """
        crowd = self._crowds.setdefault((email, origin), _Crowd())
        crowd.present += 1
        try:
            await self._enter(crowd, email, origin)
            try:
                yield
            except (AccountsUnavailableError, TooManyLoginsError):
                await self._throttle.take_back(email, origin)
                raise
            finally:
                crowd.under_way -= 1
                crowd.one_ended.set()
        finally:
            crowd.present -= 1
            if not crowd.present:
                del self._crowds[email, origin]

    async def _enter(self, crowd: _Crowd, email: str, origin: str) -> None:
        async with crowd.entrance:
            while True:
                crowd.one_ended.clear()
                try:
                    await self._throttle.begin(email, origin)
                except TooManyAttemptsError:
                    if not crowd.under_way and not crowd.one_ended.is_set():
                        raise
                    await crowd.one_ended.wait()
                else:
                    crowd.under_way += 1
                    return
