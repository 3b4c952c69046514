"""Watching an auction: server-sent events (WHATWG HTML, "Server-sent events").

A watcher receives the current state immediately and then its changes, a few times a second at most: states in between
are skipped, since only the newest counts. The number of watchers is bounded.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Final

from fastapi import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from aukciszek.auctions.view import Progress
from aukciszek.racing import race
from aukciszek.server.errors import BusyError
from aukciszek.server.http.dependencies import AuctionInPath, ThisParty
from aukciszek.server.http.schemas import ProgressEvent
from aukciszek.server.links.directory import plain_address
from aukciszek.server.party import Party

MOST_WATCHERS: Final = 1000
MOST_WATCHERS_PER_ADDRESS: Final = 100
SIGN_OF_LIFE_S: Final = 15.0
PAUSE_S: Final = 0.1

_SIGN_OF_LIFE: Final = b":\n\n"


class Watchers:
    """The number of watchers by address."""

    def __init__(self) -> None:
        self._by_address: Counter[str] = Counter()

    @property
    def watching(self) -> int:
        """The number of watchers."""
        return self._by_address.total()

    def enter(self, address: str) -> None:
        """Count one more watcher from ``address``.

        Raises:
            BusyError: there are too many.
        """
        if self.watching >= MOST_WATCHERS or self._by_address[address] >= MOST_WATCHERS_PER_ADDRESS:
            raise BusyError("there are too many watchers now: poll the auction instead")
        self._by_address[address] += 1

    def leave(self, address: str) -> None:
        """Count one watcher from ``address`` less."""
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]


class _EventStream(StreamingResponse):
    """A response that is counted as a watcher until it ends."""

    def __init__(self, events: AsyncIterator[bytes], watchers: Watchers, address: str) -> None:
        super().__init__(events, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
        self._watchers = watchers
        self._address = address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._watchers.leave(self._address)


async def stream_progress(request: Request, party: ThisParty, auction: AuctionInPath) -> StreamingResponse:
    """Send the auction's state now and after every change, until the auction is over."""
    await party.auctions.queries.auction(auction)  # the problem for an unknown auction, not an empty stream
    address = plain_address(request.client.host) if request.client is not None else ""
    watchers: Watchers = request.app.state.watchers
    watchers.enter(address)
    return _EventStream(_events(party, party.auctions.queries.progress(auction)), watchers, address)


async def _events(party: Party, changes: AsyncIterator[Progress]) -> AsyncIterator[bytes]:
    change: asyncio.Task[Progress | None] | None = None
    try:
        while not party.stopping.is_set():
            change = change or asyncio.create_task(_next(changes))
            await race(asyncio.shield(change), party.stopping.wait(), asyncio.sleep(SIGN_OF_LIFE_S))
            if not change.done():
                yield _SIGN_OF_LIFE
                continue
            progress, change = change.result(), None
            if progress is None:
                return
            yield b"data: " + ProgressEvent.of(progress).model_dump_json().encode() + b"\n\n"
            await race(party.stopping.wait(), asyncio.sleep(PAUSE_S))
    finally:
        if change is not None:
            change.cancel()
            await asyncio.gather(change, return_exceptions=True)


async def _next(changes: AsyncIterator[Progress]) -> Progress | None:
    return await anext(changes, None)
