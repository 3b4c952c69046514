"""Runs one protocol at all parties of an in-memory network, honest or under attack."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

import pytest

from aukciszek.mpc.memory_channel import Interference, MemoryChannel, Network
from aukciszek.mpc.prss import PrssKeys, deal_prss_keys
from aukciszek.mpc.runtime import Runtime

type Program[Result] = Callable[[Runtime], Awaitable[Result]]

SESSION_ID = bytes(range(32))


@dataclass
class Outcome[Result]:
    """What each party ended with, by party number."""

    results: dict[int, Result]
    errors: dict[int, Exception]
    runtimes: dict[int, Runtime]


class RunAll(Protocol):
    async def __call__[Result](
        self,
        program: Program[Result],
        *,
        n: int = 3,
        t: int = 1,
        interfere: Interference | None = None,
        keys: list[PrssKeys] | None = None,
        stopped: int = 0,
    ) -> Outcome[Result]: ...


async def _run_all[Result](
    program: Program[Result],
    *,
    n: int = 3,
    t: int = 1,
    interfere: Interference | None = None,
    keys: list[PrssKeys] | None = None,
    stopped: int = 0,
) -> Outcome[Result]:
    network = Network(n, interfere=interfere) if interfere else Network(n)
    keys = keys or deal_prss_keys(n, t)
    runtimes = {
        channel.party: Runtime(channel, threshold=t, prss_keys=keys[channel.party - 1], session_id=SESSION_ID)
        for channel in network.channels
    }
    outcome: Outcome[Result] = Outcome({}, {}, runtimes)

    async def one(channel: MemoryChannel) -> None:
        try:
            outcome.results[channel.party] = await program(runtimes[channel.party])
        except Exception as error:  # noqa: BLE001 - tests look at whatever it was
            outcome.errors[channel.party] = error
        channel.stop()

    if stopped:
        network.channels[stopped - 1].stop()
    await asyncio.gather(*(one(channel) for channel in network.channels))
    return outcome


@pytest.fixture
def run_all() -> RunAll:
    return _run_all
