"""A limit on answers that take much memory and time, records and certificates: few at a time, few more waiting."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aukciszek.server.errors import BusyError

MOST_AT_ONCE: Final = 2
MOST_IN_LINE: Final = 32


class ExportLimiter:
    """Admits a few such answers at a time, in the order of their requests."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(MOST_AT_ONCE)
        self._present = 0

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Wait for a free slot, first come, first served.

        Raises:
            BusyError: too many are waiting.
        """
        if self._present >= MOST_AT_ONCE + MOST_IN_LINE:
            raise BusyError("too many records and certificates are being exported: try again in a few seconds")
        self._present += 1
        try:
            async with self._slots:
                yield
        finally:
            self._present -= 1

    async def in_slots(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Yield the pieces of an answer, each made in a slot of its own, so that a slow reader blocks no other."""
        while True:
            async with self._slots:
                piece = await anext(pieces, None)
            if piece is None:
                return
            yield piece
