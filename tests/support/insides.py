"""Where tests look at, and change, what is inside a party's auctions: the one place that knows where it stands."""

from aukciszek.auctions.process.auction_process import AuctionProcess
from aukciszek.auctions.process.parts import AuctionParts
from aukciszek.auctions.service import AuctionService
from aukciszek.protocol.rules.identifiers import AuctionId


def processes_at(service: AuctionService) -> dict[AuctionId, AuctionProcess]:
    """Return what drives the auctions that are not over at a party."""
    return service._registry._processes


def parts_at(service: AuctionService, auction: AuctionId) -> AuctionParts:
    """Return the parts of an auction that is not over at a party."""
    return processes_at(service)[auction]._parts
