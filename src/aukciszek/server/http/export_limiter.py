"""Answers that take much memory and time, records and certificates: a few at once, a few more in line."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aukciszek.server.errors import BusyError

MOST_AT_ONCE: Final = 2
MOST_IN_LINE: Final = 32


class ExportLimiter:
    """Who makes such an answer, and who waits for it."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(MOST_AT_ONCE)
        self._present = 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for one's turn, first come, first served.

        Raises:
            BusyError: too many wait already.
        """
        if self._present >= MOST_AT_ONCE + MOST_IN_LINE:
            raise BusyError("too many ask for records or certificates at this moment: try again in a few seconds")
        self._present += 1
        try:
            async with self._slots:
                yield
        finally:
            self._present -= 1

    async def in_turn(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Yield the pieces of an answer, each made in its turn; whoever reads them slowly holds nobody up."""
        while True:
            async with self._slots:
                piece = await anext(pieces, None)
            if piece is None:
                return
            yield piece
