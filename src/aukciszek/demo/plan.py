"""What a demo runs: its rules, and bids whose prices are known in the clear, since the demo made them up itself.

The prices may be pseudo-random, so that a demo can be repeated; no key, salt or share ever comes from here.
"""

import random
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from aukciszek.clock import Clock, SystemClock
from aukciszek.cluster import Cluster
from aukciszek.protocol.rules.draft import AuctionDraft
from aukciszek.protocol.rules.identifiers import UserId
from aukciszek.protocol.rules.prices import PriceGrid
from aukciszek.protocol.rules.spec import AuctionFormat, AuctionSpec, Direction

MOST_BIDDERS: Final = 10_000
_LONGEST: Final = timedelta(hours=12)
_GRID: Final = ("50000.00", "200000.00", "50.00")
"""3,001 prices, so 12 bits; with 20 bidders a tie now and then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoPlan:
    """The options of one demo."""

    parties: int
    threshold: int
    bidders: int
    auction_format: AuctionFormat
    winners: int
    direction: Direction
    seed: int
    equal_bids: bool
    base_port: int
    https: bool = False
    """The parties speak TLS, with certificates of an authority that exists for this demo alone."""

    @property
    def grid(self) -> PriceGrid:
        """The prices that can be bid."""
        return PriceGrid.from_texts(*_GRID)

    def prices(self) -> list[str]:
        """Return every bidder's price; the same for the same seed."""
        chooser = random.Random(self.seed)  # noqa: S311 -- prices of a demo guard nothing, and must be repeatable
        steps = [chooser.randint(0, self.grid.highest_step) for _ in range(self.bidders)]
        if self.equal_bids:
            steps = steps[:1] * self.bidders
        return [self.grid.to_price(step) for step in steps]

    def rules(self, cluster: Cluster, auctioneer: UserId, clock: Clock | None = None) -> AuctionSpec:
        """Return the frozen rules of the demo's auction.

        Raises:
            MalformedSpecError: the plan contradicts itself.
        """
        minimum, maximum, step = _GRID
        buys = self.direction == "reverse"
        now = (clock or SystemClock()).now()
        draft = AuctionDraft.model_validate(
            {
                "title": "Renovation of the town library" if buys else "Lease of the market hall",
                "description": "The lowest offer gets the contract." if buys else "The highest offer gets the lease.",
                "direction": self.direction,
                "format": self.auction_format,
                "winners": self.winners,
                "minimum": minimum,
                "maximum": maximum,
                "step": step,
                "opens_at": now,
                "closes_at": now + _LONGEST,
            }
        )
        return draft.freeze(
            cluster=cluster, threshold=self.threshold, auctioneer=auctioneer, nonce=secrets.token_bytes(32)
        )
