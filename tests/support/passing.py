"""Time that goes by on its own while a test waits for what the parties do."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable

from aukciszek.auctions.process.parts import AuctionParts
from aukciszek.cluster import PartyNumber
from aukciszek.protocol.evidence.certificate import CertificateBody
from aukciszek.protocol.rules.identifiers import AuctionId
from aukciszek.protocol.rules.spec import AuctionSpec
from aukciszek.protocol.rules.states import AuctionState
from support.insides import parts_at
from support.parties import Parties
from support.stepping_loop import SteppingLoop

_STEP_S = 0.5
_PAUSE_S = 0.02
_TIMEOUT_S = 300.0
"""In the loop's own time: two hours of the parties' clock."""


@contextlib.asynccontextmanager
async def time_passing(parties: Parties) -> AsyncIterator[None]:
    """Let the parties' clock run, fast; fail if what the test waits for takes hours."""

    async def run() -> None:
        while True:
            await asyncio.sleep(_PAUSE_S)
            parties.clock.move(_STEP_S)

    running = asyncio.create_task(run())
    try:
        if isinstance(asyncio.get_running_loop(), SteppingLoop):
            async with asyncio.timeout(_TIMEOUT_S):
                yield
        else:
            yield
    finally:
        running.cancel()


async def let_pass(parties: Parties, seconds: float) -> None:
    """Let that much of the parties' time go by, with everything that happens in it."""
    until = parties.clock.monotonic_s() + seconds
    async with time_passing(parties):
        while parties.clock.monotonic_s() < until:  # noqa: ASYNC110 -- it is the time itself that is waited for
            await asyncio.sleep(_PAUSE_S)


async def until(parties: Parties, condition: Callable[[], bool]) -> None:
    """Let time pass until something holds, whoever brings it about."""
    async with time_passing(parties):
        while not condition():  # noqa: ASYNC110 -- the condition may be about any party, and about storage
            await asyncio.sleep(_PAUSE_S)


def parts_of(parties: Parties, number: int, auction: AuctionId) -> AuctionParts:
    """Return the parts of an auction at a party, while it is not over there."""
    return parts_at(parties.service(number), auction)


def state_at(parties: Parties, number: int, auction: AuctionId) -> AuctionState:
    """Return how far an auction is at a party, by what it has stored."""
    (text,) = (
        parties.disks[PartyNumber(number)].raw.execute("SELECT state FROM auctions WHERE id = ?", (auction,)).fetchone()
    )
    return AuctionState(text)


async def opened(parties: Parties, **changes: object) -> AuctionSpec:
    """Create an auction at all parties and wait until it takes bids."""
    spec = parties.draft(**changes)
    await parties.create(spec)
    async with time_passing(parties):
        await parties.wait_for_state(spec.auction_id, AuctionState.OPEN)
    return spec


async def ended(parties: Parties, auction: AuctionId, numbers: Iterable[int] | None = None) -> CertificateBody:
    """Let time pass until the auction is final at the parties; return what they found, which is the same at all."""
    which = sorted(parties.services) if numbers is None else list(numbers)
    async with time_passing(parties):
        await parties.wait_for_state(auction, AuctionState.FINAL, which)
    bodies = {(await parties.service(number).queries.certificate(auction)).body for number in which}
    assert len(bodies) == 1
    return bodies.pop()
