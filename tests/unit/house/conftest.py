"""Parties in one process for the tests of this folder."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from aukciszek.mpc.mode import Mode
from support.parties import MemoryNetwork, Parties, StartParties, VirtualClock


@pytest.fixture
async def start_parties(tmp_path: Path) -> AsyncIterator[StartParties]:
    async with AsyncExitStack() as stack:

        async def start(size: int = 5, threshold: int = 2) -> Parties:
            clock = VirtualClock()
            network = MemoryNetwork(size, Mode(size, threshold).needed, clock)
            parties = Parties(tmp_path, size, threshold, clock, network)

            async def end() -> None:
                for number in list(parties.houses):
                    await parties.stop(number)

            stack.push_async_callback(end)
            for number in range(1, size + 1):
                await parties.start(number)
            return parties

        yield start
