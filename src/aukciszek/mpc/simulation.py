"""All parties of one session in one process: for tests, attacks and measurements; never for real bids.

The caller of a simulation deals all keys and sees all shares. The parties themselves run the code that servers run.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from aukciszek.mpc.memory_channel import MemoryChannel, Network
from aukciszek.mpc.protocols.round_release import RoundRelease
from aukciszek.mpc.protocols.runtime import Runtime
from aukciszek.mpc.sharing.prss import PrssKeys, deal_prss_keys

_SESSION_ID = bytes(32)
"""Always the same, which only fresh keys excuse."""

type Program[Result] = Callable[[Runtime], Awaitable[Result]]
"""What one party runs."""


@dataclass(slots=True)
class Simulation[Result]:
    """How each party's program ended, by party number: with a result or with an error."""

    runtimes: dict[int, Runtime]
    results: dict[int, Result] = field(default_factory=dict)
    errors: dict[int, Exception] = field(default_factory=dict)

    @property
    def result(self) -> Result:
        """The common result of all parties that finished.

        Raises:
            ExceptionGroup: no party finished.
            ValueError: two parties finished with different results.
        """
        results = list(self.results.values())
        if not results:
            raise ExceptionGroup("no party finished", list(self.errors.values()))
        if any(result != results[0] for result in results):
            raise ValueError("the parties found different results")
        return results[0]


async def simulate[Result](
    program: Program[Result],
    *,
    n: int,
    t: int,
    network: Network | None = None,
    keys: Sequence[PrssKeys] | None = None,
) -> Simulation[Result]:
    """Run ``program`` at all ``n`` parties and wait until each has finished or failed.

    A party that failed sends nothing any more, as a server that ended its session.

    Args:
        program: Called once for each party.
        n: The number of parties.
        t: The threshold.
        network: Faithful, unless given.
        keys: Fresh, unless given; two sessions with the same keys use the same masks.
    """
    network = network or Network(n)
    keys = keys or deal_prss_keys(n, t)
    runtimes = {
        channel.party: Runtime(
            channel,
            threshold=t,
            prss_keys=keys[channel.party - 1],
            session_id=_SESSION_ID,
            openings=RoundRelease(channel.party),
        )
        for channel in network.channels
    }
    simulation: Simulation[Result] = Simulation(runtimes)
    await asyncio.gather(*(_run(program, simulation, channel) for channel in network.channels))
    return simulation


async def _run[Result](program: Program[Result], simulation: Simulation[Result], channel: MemoryChannel) -> None:
    try:
        simulation.results[channel.party] = await program(simulation.runtimes[channel.party])
    except Exception as error:  # noqa: BLE001 - whatever a party fails with is what the caller asks for
        simulation.errors[channel.party] = error
    channel.stop()
