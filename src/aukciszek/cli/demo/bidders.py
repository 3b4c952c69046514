"""The people of a demo: an auctioneer and bidders with real accounts, who do what people do with the SDK."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from aukciszek.client.bidding import PlacedBid
from aukciszek.client.overview import AuctionOverview
from aukciszek.client.sdk import AukciszekClient

_AT_ONCE: Final = 8
"""How many people act at the same time: the login server hashes passwords on few cores."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account."""

    email: str
    password: str = field(repr=False)
    client: AukciszekClient = field(repr=False)

    @property
    def name(self) -> str:
        """How the story calls them."""
        return self.email.partition("@")[0]

    @classmethod
    def new(cls, name: str, client: AukciszekClient) -> "Person":
        """Think somebody up, with a password that nobody can guess."""
        return cls(f"{name}@example.org", secrets.token_urlsafe(18), client.for_user())

    async def join(self) -> None:
        """Register and log in."""
        await self.client.register(self.email, self.password)
        await self.client.log_in(self.email, self.password)


async def everybody[T, R](
    people: Iterable[T], act: Callable[[T], Awaitable[R]], on_done: Callable[[], None]
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


async def bid_all(
    bidders: Sequence[Person], prices: Sequence[str], overview: AuctionOverview, on_done: Callable[[], None]
) -> list[PlacedBid]:
    """Let every bidder place one sealed bid."""

    async def bid(pair: tuple[Person, str]) -> PlacedBid:
        bidder, price = pair
        return await bidder.client.place_bid(overview.id, price, overview=overview)

    return await everybody(zip(bidders, prices, strict=True), bid, on_done)
