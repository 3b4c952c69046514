"""The people on a throw-away cluster: an auctioneer and bidders with real accounts, who do what people do.

What the demo, the benchmark of the intake and the tests with real processes share.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, Self

from aukciszek.client.overview import AuctionOverview
from aukciszek.client.sdk import AukciszekClient
from aukciszek.errors import AukciszekError
from aukciszek.local_cluster.running import RunningCluster
from aukciszek.protocol.rules.spec import AuctionSpec

_AT_ONCE: Final = 8
"""How many people act at the same time: the login server hashes passwords on few cores."""

_OPENING_TIMEOUT_S: Final = 60.0


class RehearsalError(AukciszekError):
    """A step on a local cluster failed in a way that none of its parts reported."""

    code = "rehearsal"


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody with an account."""

    email: str
    password: str = field(repr=False)
    client: AukciszekClient = field(repr=False)

    @property
    def name(self) -> str:
        """What others call them."""
        return self.email.partition("@")[0]

    @classmethod
    def new(cls, name: str, client: AukciszekClient) -> Self:
        """Invent a user, with a password that nobody can guess."""
        return cls(f"{name}@example.org", secrets.token_urlsafe(18), client.for_user())

    async def join(self) -> None:
        """Register and log in."""
        await self.client.register(self.email, self.password)
        await self.client.log_in(self.email, self.password)


async def appoint(person: Actor, cluster: RunningCluster) -> None:
    """Make somebody an auctioneer, as the operator of the login server does, on that machine.

    Raises:
        RehearsalError: the command failed.
    """
    party = cluster.plan.login_server
    if await cluster.run("users grant-admin", ["users", "grant-admin", person.email], party):
        raise RehearsalError(f"the privilege was not granted: see {party.log}")
    # Tokens say what was true when they were issued.
    await person.client.log_in(person.email, person.password)


async def open_auction(auctioneer: Actor, spec: AuctionSpec) -> AuctionOverview:
    """Create an auction and wait until all parties take bids.

    Raises:
        NotOpenInTimeError: that takes too long.
    """
    await auctioneer.client.create_auction(spec)
    return await auctioneer.client.wait_until_open(spec.auction_id, timeout_s=_OPENING_TIMEOUT_S)


async def everybody[T, R](
    people: Iterable[T], act: Callable[[T], Awaitable[R]], on_done: Callable[[], None] = lambda: None
) -> list[R]:
    """Let everybody act, a few at the same time; the first failure stops all."""
    turn = asyncio.Semaphore(_AT_ONCE)

    async def one(person: T) -> R:
        async with turn:
            result = await act(person)
        on_done()
        return result

    tasks = [asyncio.ensure_future(one(person)) for person in people]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
