"""Parties in one process for the tests of this folder."""

from asyncio import AbstractEventLoop, SelectorEventLoop
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from aukciszek.mpc.mode import Mode
from support.parties import MemoryNetwork, Parties, StartParties, VirtualClock
from support.stepping_loop import SteppingLoop


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], AbstractEventLoop]]:
    """Run these auctions in a loop without threads and waiting, but for those on real files."""
    with_files = item.path.name in {"test_storage_faults.py", "test_x3_forward_secrecy.py"}
    return {"loop": SelectorEventLoop if with_files else SteppingLoop}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark these tests: with all parties of an auction they take longer than those of one part."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("whole_auction")


@pytest.fixture
def directory() -> Path | None:
    """Where the parties' databases are: in memory, unless a module has a place for files."""
    return None


@pytest.fixture
async def start_parties(directory: Path | None) -> AsyncIterator[StartParties]:
    async with AsyncExitStack() as stack:

        async def start(size: int = 5, threshold: int = 2, *, round_timeout_s: float = 20.0) -> Parties:
            clock = VirtualClock()
            network = MemoryNetwork(size, Mode(size, threshold).needed, clock)
            parties = Parties(directory, size, threshold, clock, network, round_timeout_s=round_timeout_s)

            async def end() -> None:
                for number in list(parties.services):
                    await parties.stop(number)

            stack.push_async_callback(end)
            for number in range(1, size + 1):
                await parties.start(number)
            return parties

        yield start
