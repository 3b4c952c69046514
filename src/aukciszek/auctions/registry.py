"""The auctions that a party drives now, each in a task of its own; all others are in storage alone."""

import asyncio

from aukciszek.auctions.process.auction_process import AuctionProcess
from aukciszek.protocol.rules.identifiers import AuctionId
from aukciszek.protocol.rules.refusals import AuctionUnavailableError
from aukciszek.protocol.rules.states import is_over


class AuctionRegistry:
    """See the module."""

    def __init__(self) -> None:
        self._processes: dict[AuctionId, AuctionProcess] = {}
        self._tasks: dict[AuctionId, asyncio.Task[None]] = {}
        self._unavailable: set[AuctionId] = set()

    def find(self, auction: AuctionId) -> AuctionProcess | None:
        """Return what drives an auction, if it is not over."""
        return self._processes.get(auction)

    @property
    def all(self) -> list[AuctionProcess]:
        """What drives the auctions that are not over."""
        return list(self._processes.values())

    def start(self, auction: AuctionId, process: AuctionProcess) -> None:
        """Drive an auction until it is over."""
        self._processes[auction] = process
        task = asyncio.create_task(process.run(), name=f"auction {auction[:8]}")
        self._tasks[auction] = task
        task.add_done_callback(lambda _: self._forget(auction))

    def set_aside(self, auction: AuctionId) -> None:
        """Note that what is stored of an auction cannot be read: until the next start this party does nothing in it."""
        self._unavailable.add(auction)

    def is_unavailable(self, auction: AuctionId) -> bool:
        """Tell whether what is stored of an auction cannot be read."""
        return auction in self._unavailable

    def check_available(self, auction: AuctionId) -> None:
        """Refuse what is asked about an auction that cannot be read.

        Raises:
            AuctionUnavailableError: it is one.
        """
        if auction in self._unavailable:
            raise AuctionUnavailableError(
                "this party cannot read what it stored of this auction and takes no part in it: "
                "use the other parties, and tell this one's operator"
            )

    async def stop(self) -> None:
        """Stop driving auctions; what is stored goes on at the next start."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _forget(self, auction: AuctionId) -> None:
        """Forget an auction that is over; what is asked about it from now on is answered from storage."""
        self._tasks.pop(auction, None)
        process = self._processes.get(auction)
        if process is not None and is_over(process.state):
            del self._processes[auction]
            process.notify_watchers()
