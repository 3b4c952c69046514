"""Bids: submitting a sealed bundle, listing one's own, and relaying other parties' receipts."""

from typing import Annotated, Final, override

from fastapi import APIRouter, Depends, Request, Response
from starlette.routing import Match, Route
from starlette.types import Scope

from aukciszek.protocol.evidence.receipts import RelayedBid
from aukciszek.protocol.rules.errors import MalformedIdentifierError
from aukciszek.protocol.rules.identifiers import parse_auction_id
from aukciszek.server.errors import Fault, InvalidRequestError
from aukciszek.server.http.bodies import BYTES, JSON, BytesBody, ModelBody, described
from aukciszek.server.http.dependencies import AuctionInPath, CurrentUser, ThisParty, authenticate, the_party
from aukciszek.server.http.schemas import OwnBidAnswer, OwnBidsAnswer, ReceiptAnswer, RelayedBidAnswer, receipt_answer

MOST_BUNDLE_BYTES: Final = 64 * 1024
"""Nine envelopes of a 60-bit price need about 17,000."""

MOST_RELAYED_BYTES: Final = 2 * MOST_BUNDLE_BYTES
"""A bundle and nine receipts of about 400 bytes, all in base64."""

_PREFIX: Final = "/api/auctions/{auction}"
_bundle_body: Final = BytesBody(MOST_BUNDLE_BYTES, BYTES)


def bid_route() -> Route:
    """Return the route of submitted bids, which precedes all others.

    Resolving a route's arguments costs FastAPI more time than everything else that the web server does for a bid
    (``docs/benchmarks.md``). So this is a plain route of Starlette's. The one of the same path in :func:`bid_routes`
    describes it to OpenAPI, and calls the same functions.
    """
    return _LoggedRoute(f"{_PREFIX}/bids", _take_bid, methods=["POST"])


class _LoggedRoute(Route):
    """A route that the access log can name, as FastAPI's routes are."""

    @override
    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, found = super().matches(scope)
        if match is not Match.NONE:
            found["route"] = self
        return match, found


async def _take_bid(request: Request) -> Response:
    party = await the_party(request)
    bidder = authenticate(request, party)
    try:
        auction = parse_auction_id(request.path_params["auction"])
    except MalformedIdentifierError:
        raise InvalidRequestError([Fault("path/auction", "does not have the agreed form")]) from None
    return await submit_bid(party, bidder, auction, await _bundle_body(request))


def bid_routes() -> APIRouter:
    """Return the routes about bids."""
    routes = APIRouter(prefix=_PREFIX, tags=["bids"])
    body = described(BYTES, {"type": "string", "format": "binary"})
    routes.post("/bids", status_code=201, response_model=ReceiptAnswer, openapi_extra=body)(submit_bid)
    routes.get("/bids")(show_own_bids)
    routes.post("/receipts", openapi_extra=described(JSON, RelayedBid.model_json_schema()))(relay_receipts)
    return routes


async def submit_bid(
    party: ThisParty,
    bidder: CurrentUser,
    auction: AuctionInPath,
    content: Annotated[bytes, Depends(_bundle_body)],
) -> Response:
    """Store a bundle and give a receipt; 200 and the same receipt for the same bytes again."""
    accepted = await party.auctions.submit(bidder, auction, content)
    return Response(receipt_answer(accepted.statement), 201 if accepted.is_new else 200, media_type=JSON)


async def show_own_bids(party: ThisParty, bidder: CurrentUser, auction: AuctionInPath) -> OwnBidsAnswer:
    """Return the bids that this party received from the user."""
    bids = await party.auctions.queries.own_bids(bidder, auction)
    return OwnBidsAnswer(bids=tuple(OwnBidAnswer.of(bid) for bid in bids))


async def relay_receipts(
    party: ThisParty,
    _: CurrentUser,
    auction: AuctionInPath,
    relayed: Annotated[RelayedBid, Depends(ModelBody(RelayedBid, MOST_RELAYED_BYTES))],
) -> RelayedBidAnswer:
    """Keep other parties' receipts for a bundle, so that no single party can make it not count."""
    bundle, parties = await party.auctions.relay_receipts(auction, relayed)
    return RelayedBidAnswer(bundle=bundle, receipts_of=parties)
