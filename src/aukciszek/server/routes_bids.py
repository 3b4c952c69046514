"""Bids: handing in a sealed bundle, seeing one's own, and handing on the receipts that other parties gave."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Final, override

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.routing import APIRoute

from aukciszek.auctions.errors import MalformedIdentifierError
from aukciszek.auctions.handing_on import HandedOn
from aukciszek.auctions.identifiers import parse_auction_id
from aukciszek.server.answers import HandedOnAnswer, OwnBidAnswer, OwnBidsAnswer, ReceiptAnswer
from aukciszek.server.bodies import BYTES, JSON, BytesBody, ModelBody, described
from aukciszek.server.dependencies import AuctionInPath, CurrentUser, ThisParty, authenticate, the_party
from aukciszek.server.errors import Fault, InvalidRequestError

MOST_BUNDLE_BYTES: Final = 64 * 1024
"""Nine envelopes of a 60-bit price need about 17,000."""

MOST_HANDED_ON_BYTES: Final = 2 * MOST_BUNDLE_BYTES
"""A bundle and nine receipts of about 400 bytes, all in base64."""

_PREFIX: Final = "/api/auctions/{auction}"
_bundle_body: Final = BytesBody(MOST_BUNDLE_BYTES, BYTES)


def bid_routes() -> APIRouter:
    """Return the routes about bids but the one that takes them."""
    routes = APIRouter(prefix=_PREFIX, tags=["bids"])
    routes.get("/bids")(show_own_bids)
    routes.post("/receipts", openapi_extra=described(JSON, HandedOn.model_json_schema()))(hand_on)
    return routes


def install_bid_route(app: FastAPI) -> None:
    """Let ``app`` take bids. Install it before all others: this is the route that has to stand the load."""
    body = described(BYTES, {"type": "string", "format": "binary"})
    app.router.add_api_route(
        f"{_PREFIX}/bids",
        hand_in,
        methods=["POST"],
        status_code=201,
        tags=["bids"],
        openapi_extra=body,
        route_class_override=_DirectRoute,
    )


class _DirectRoute(APIRoute):
    """Does what :func:`hand_in` says, without FastAPI's search for its arguments, which costs more than the bid."""

    @override
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        return _take_bid


async def _take_bid(request: Request) -> Response:
    party = await the_party(request)
    bidder = authenticate(request, party)
    try:
        auction = parse_auction_id(request.path_params["auction"])
    except MalformedIdentifierError:
        raise InvalidRequestError([Fault("path/auction", "does not have the agreed form")]) from None
    told = Response(status_code=201)
    receipt = await hand_in(party, bidder, auction, await _bundle_body(request), told)
    return Response(receipt.model_dump_json(), told.status_code, media_type=JSON)


async def hand_in(
    party: ThisParty,
    bidder: CurrentUser,
    auction: AuctionInPath,
    content: Annotated[bytes, Depends(_bundle_body)],
    response: Response,
) -> ReceiptAnswer:
    """Store a bundle and give a receipt; 200 and the same receipt if the same bytes came before."""
    accepted = await party.house.submit(bidder, auction, content)
    response.status_code = 201 if accepted.is_new else 200
    return ReceiptAnswer.of(accepted.receipt)


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
