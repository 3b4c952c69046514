"""Bids: handing in a sealed bundle, and seeing one's own."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Response

from aukciszek.server.answers import OwnBidAnswer, OwnBidsAnswer, ReceiptAnswer
from aukciszek.server.bodies import BYTES, BytesBody, described
from aukciszek.server.dependencies import AuctionInPath, CurrentUser, ThisParty

MOST_BUNDLE_BYTES: Final = 64 * 1024
"""Nine envelopes of a 60-bit price need about 17,000."""


def bid_routes() -> APIRouter:
    """Return the routes about bids."""
    routes = APIRouter(prefix="/api/auctions/{auction}/bids", tags=["bids"])
    body = described(BYTES, {"type": "string", "format": "binary"})
    routes.post("", status_code=201, openapi_extra=body)(hand_in)
    routes.get("")(show_own_bids)
    return routes


async def hand_in(
    party: ThisParty,
    bidder: CurrentUser,
    auction: AuctionInPath,
    content: Annotated[bytes, Depends(BytesBody(MOST_BUNDLE_BYTES, BYTES))],
    response: Response,
) -> ReceiptAnswer:
    """Store a bundle and give a receipt; 200 and the same receipt if the same bytes came before."""
    accepted = await party.house.submit(bidder, auction, content)
    if not accepted.is_new:
        response.status_code = 200
    return ReceiptAnswer.of(accepted.receipt)


async def show_own_bids(party: ThisParty, bidder: CurrentUser, auction: AuctionInPath) -> OwnBidsAnswer:
    """Return what this party received from the user who asks."""
    bids = await party.house.own_bids(bidder, auction)
    return OwnBidsAnswer(bids=tuple(OwnBidAnswer.of(bid) for bid in bids))
