"""Concurrent attempts to log in.

An attempt counts as wrong until it has succeeded; otherwise concurrent guesses would not count
(:mod:`aukciszek.accounts.throttle`). A script that sends many right passwords concurrently must not be taken for a
guesser because of that: here an attempt that comes too early waits for those in progress for the same address from the
same network, and is refused only when none of them succeeded.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aukciszek.accounts.errors import AccountsUnavailableError, TooManyAttemptsError, TooManyLoginsError
from aukciszek.accounts.throttle import LoginThrottle


@dataclass(slots=True)
class _Concurrent:
    """The attempts for one address from one origin."""

    present: int = 0
    under_way: int = 0
    entrance: asyncio.Lock = field(default_factory=asyncio.Lock)
    one_ended: asyncio.Event = field(default_factory=asyncio.Event)


class LoginAttempts:
    """Lets attempts begin when the throttle allows."""

    def __init__(self, throttle: LoginThrottle) -> None:
        self._throttle = throttle
        self._concurrent: dict[tuple[str, str], _Concurrent] = {}

    @asynccontextmanager
    async def attempt(self, email: str, origin: str) -> AsyncIterator[None]:
        """Make one attempt, which calls the throttle's ``failed`` or ``succeeded`` inside.

        If its password could not be checked, because accounts are unavailable or too many log in, it does not count.

        Raises:
            TooManyAttemptsError: it comes too early.
        """
        concurrent = self._concurrent.setdefault((email, origin), _Concurrent())
        concurrent.present += 1
        try:
            await self._enter(concurrent, email, origin)
            try:
                yield
            except (AccountsUnavailableError, TooManyLoginsError):
                await self._throttle.take_back(email, origin)
                raise
            finally:
                concurrent.under_way -= 1
                concurrent.one_ended.set()
        finally:
            concurrent.present -= 1
            if not concurrent.present:
                del self._concurrent[email, origin]

    async def _enter(self, concurrent: _Concurrent, email: str, origin: str) -> None:
        async with concurrent.entrance:
            while True:
                concurrent.one_ended.clear()
                try:
                    await self._throttle.begin(email, origin)
                except TooManyAttemptsError:
                    if not concurrent.under_way and not concurrent.one_ended.is_set():
                        raise
                    await concurrent.one_ended.wait()
                else:
                    concurrent.under_way += 1
                    return
