"""Auctions that this party has not heard of from their auctioneer, but from peers that have.

``docs/adr/0002-orders-take-effect-by-t-plus-one-parties.md``: once ``t + 1`` parties vouch for one, it is created here,
too. Until then the statements are kept in memory; peers repeat them whenever they connect.
"""

from collections import defaultdict
from typing import Final

from aukciszek.auctions.orders import UnlawfulOrderError
from aukciszek.cluster import PartyNumber
from aukciszek.protocol.evidence.statements import OrderStatement, Signed
from aukciszek.protocol.rules.identifiers import AuctionId
from aukciszek.protocol.rules.spec import AuctionSpec

MOST_PENDING_OF_A_PARTY: Final = 64
"""So many auctions may a single party vouch for that too few others know."""


class PendingAuctions:
    """The orders to create auctions that do not exist here yet."""

    def __init__(self, vouchers_needed: int) -> None:
        self._vouchers_needed = vouchers_needed
        self._vouchers: defaultdict[AuctionId, dict[PartyNumber, Signed[OrderStatement]]] = defaultdict(dict)

    def add(self, statement: Signed[OrderStatement], spec: AuctionSpec) -> list[Signed[OrderStatement]]:
        """Keep a verified order to create; return all that vouch for this auction once they are enough, else none.

        Raises:
            UnlawfulOrderError: somebody else than the auctioneer gave the order, or its party vouches for too many.
        """
        order = statement.content
        if order.by != spec.auctioneer:
            raise UnlawfulOrderError(f"party {order.party} vouches for an order of somebody who is not the auctioneer")
        others = sum(order.party in known for auction, known in self._vouchers.items() if auction != order.auction)
        if others >= MOST_PENDING_OF_A_PARTY:
            raise UnlawfulOrderError(f"party {order.party} vouches for too many auctions that no other party knows")
        vouchers = self._vouchers[order.auction]
        vouchers[order.party] = statement
        if len(vouchers) < self._vouchers_needed:
            return []
        return list(self._vouchers.pop(order.auction).values())

    def forget(self, auction: AuctionId) -> None:
        """Drop what was kept of an auction that exists now."""
        self._vouchers.pop(auction, None)
