"""Bids: handing in a sealed bundle, seeing one's own, and handing on the receipts that other parties gave."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Response

from aukciszek.protocol.evidence.receipts import RelayedBid
from aukciszek.server.http.bodies import BYTES, JSON, BytesBody, ModelBody, described
from aukciszek.server.http.dependencies import AuctionInPath, CurrentUser, ThisParty
from aukciszek.server.http.schemas import OwnBidAnswer, OwnBidsAnswer, ReceiptAnswer, RelayedBidAnswer, receipt_answer

MOST_BUNDLE_BYTES: Final = 64 * 1024
"""Nine envelopes of a 60-bit price need about 17,000."""

MOST_RELAYED_BYTES: Final = 2 * MOST_BUNDLE_BYTES
"""A bundle and nine receipts of about 400 bytes, all in base64."""

bundle_body: Final = BytesBody(MOST_BUNDLE_BYTES, BYTES)


def bid_routes() -> APIRouter:
    """Return the routes about bids; bids themselves come by :mod:`aukciszek.server.http.bid_route`."""
    routes = APIRouter(prefix="/api/auctions/{auction}", tags=["bids"])
    body = described(BYTES, {"type": "string", "format": "binary"})
    routes.post("/bids", status_code=201, response_model=ReceiptAnswer, openapi_extra=body)(submit_bid)
    routes.get("/bids")(show_own_bids)
    routes.post("/receipts", openapi_extra=described(JSON, RelayedBid.model_json_schema()))(relay_receipts)
    return routes


async def submit_bid(
    party: ThisParty,
    bidder: CurrentUser,
    auction: AuctionInPath,
    content: Annotated[bytes, Depends(bundle_body)],
) -> Response:
    """Store a bundle and give a receipt; 200 and the same receipt if the same bytes came before."""
    accepted = await party.auctions.submit(bidder, auction, content)
    return Response(receipt_answer(accepted.statement), 201 if accepted.is_new else 200, media_type=JSON)


async def show_own_bids(party: ThisParty, bidder: CurrentUser, auction: AuctionInPath) -> OwnBidsAnswer:
    """Return what this party received from the user who asks."""
    bids = await party.auctions.own_bids(bidder, auction)
    return OwnBidsAnswer(bids=tuple(OwnBidAnswer.of(bid) for bid in bids))


async def relay_receipts(
    party: ThisParty,
    _: CurrentUser,
    auction: AuctionInPath,
    handed: Annotated[RelayedBid, Depends(ModelBody(RelayedBid, MOST_RELAYED_BYTES))],
) -> RelayedBidAnswer:
    """Keep what other parties signed for a bundle, so that its counting hangs on none of them."""
    bundle, parties = await party.auctions.relay_receipts(auction, handed)
    return RelayedBidAnswer(bundle=bundle, receipts_of=parties)
