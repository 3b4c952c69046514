"""How many bids a party works on at once: bounded, and fair between auctions and between bidders.

A bid that is worked on takes memory and processor time. A flood of bids to one auction, or from one bidder, uses up
only its own quota: every auction has a reserve that no other can use.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from aukciszek.protocol.rules.identifiers import AuctionId, UserId
from aukciszek.protocol.rules.refusals import IntakeBusyError

MOST_OF_A_BIDDER: Final = 4
"""In one auction. An honest program submits one bid after the other."""

MOST_OF_AN_AUCTION: Final = 512
MOST_OF_ALL: Final = 2048
KEPT_FOR_EACH_AUCTION: Final = 32
"""What an auction may use even when the total is used up."""


class BidQuota:
    """The bids that one party works on."""

    def __init__(self) -> None:
        self._auctions: Counter[AuctionId] = Counter()
        self._bidders: Counter[tuple[AuctionId, UserId]] = Counter()
        self._all = 0

    @contextmanager
    def taken(self, auction: AuctionId, bidder: UserId) -> Iterator[None]:
        """Count one bid while it is worked on.

        Raises:
            IntakeBusyError: the quota of this bidder, of this auction or of all is used up now.
        """
        in_auction = self._auctions.get(auction, 0)
        if self._bidders.get((auction, bidder), 0) >= MOST_OF_A_BIDDER:
            raise IntakeBusyError("several bids of yours are being stored: wait for their receipts")
        if in_auction >= MOST_OF_AN_AUCTION or (self._all >= MOST_OF_ALL and in_auction >= KEPT_FOR_EACH_AUCTION):
            raise IntakeBusyError(
                "more bids arrive than can be stored at this moment: submit it again in a few seconds"
            )
        self._add(auction, bidder, 1)
        try:
            yield
        finally:
            self._add(auction, bidder, -1)

    def _add(self, auction: AuctionId, bidder: UserId, number: int) -> None:
        self._all += number
        self._auctions[auction] += number
        self._bidders[auction, bidder] += number
        if not self._auctions[auction]:
            del self._auctions[auction]
        if not self._bidders[auction, bidder]:
            del self._bidders[auction, bidder]
