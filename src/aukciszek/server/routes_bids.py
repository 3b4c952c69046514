"""Bids: handing in a sealed bundle, seeing one's own, and handing on the receipts that other parties gave."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Response

from aukciszek.auctions.handing_on import HandedOn
from aukciszek.server.answers import HandedOnAnswer, OwnBidAnswer, OwnBidsAnswer, ReceiptAnswer, receipt_answer
from aukciszek.server.bodies import BYTES, JSON, BytesBody, ModelBody, described
from aukciszek.server.dependencies import AuctionInPath, CurrentUser, ThisParty

MOST_BUNDLE_BYTES: Final = 64 * 1024
"""Nine envelopes of a 60-bit price need about 17,000."""

MOST_HANDED_ON_BYTES: Final = 2 * MOST_BUNDLE_BYTES
"""A bundle and nine receipts of about 400 bytes, all in base64."""

bundle_body: Final = BytesBody(MOST_BUNDLE_BYTES, BYTES)


def bid_routes() -> APIRouter:
    """Return the routes about bids; bids themselves come by :mod:`aukciszek.server.short_way`."""
    routes = APIRouter(prefix="/api/auctions/{auction}", tags=["bids"])
    body = described(BYTES, {"type": "string", "format": "binary"})
    routes.post("/bids", status_code=201, response_model=ReceiptAnswer, openapi_extra=body)(hand_in)
    routes.get("/bids")(show_own_bids)
    routes.post("/receipts", openapi_extra=described(JSON, HandedOn.model_json_schema()))(hand_on)
    return routes


async def hand_in(
    party: ThisParty,
    bidder: CurrentUser,
    auction: AuctionInPath,
    content: Annotated[bytes, Depends(bundle_body)],
) -> Response:
    """Store a bundle and give a receipt; 200 and the same receipt if the same bytes came before."""
    accepted = await party.house.submit(bidder, auction, content)
    return Response(receipt_answer(accepted.statement), 201 if accepted.is_new else 200, media_type=JSON)


async def show_own_bids(party: ThisParty, bidder: CurrentUser, auction: AuctionInPath) -> OwnBidsAnswer:
    """Return what this party received from the user who asks."""
    bids = await party.house.own_bids(bidder, auction)
    return OwnBidsAnswer(bids=tuple(OwnBidAnswer.of(bid) for bid in bids))


async def hand_on(
    party: ThisParty,
    _: CurrentUser,
    auction: AuctionInPath,
    handed: Annotated[HandedOn, Depends(ModelBody(HandedOn, MOST_HANDED_ON_BYTES))],
) -> HandedOnAnswer:
    """Keep what other parties signed for a bundle, so that its counting hangs on none of them."""
    bundle, parties = await party.house.hand_on(auction, handed)
    return HandedOnAnswer(bundle=bundle, receipts_of=parties)
