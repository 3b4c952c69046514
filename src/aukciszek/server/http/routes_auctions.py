"""Auctions: queries and orders.

Everything about an auction but the bids' values and, before the end, the bidders' names is public.
"""

import asyncio
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse

from aukciszek.protocol.rules.identifiers import AuctionId
from aukciszek.protocol.rules.spec import MOST_SPEC_BYTES, AuctionSpec
from aukciszek.server.http.bodies import JSON, BytesBody, described
from aukciszek.server.http.dependencies import AuctionInPath, CurrentAdmin, ThisParty
from aukciszek.server.http.event_stream import stream_progress
from aukciszek.server.http.schemas import AuctionAnswer, AuctionsAnswer, WinnerAnswer, WinnersAnswer

LONGEST_PAGE: Final = 100
_PAGE: Final = 50


def auction_routes() -> APIRouter:
    """Return the routes about auctions as a whole."""
    routes = APIRouter(prefix="/api/auctions", tags=["auctions"])
    body = described(JSON, AuctionSpec.model_json_schema())
    routes.get("")(list_auctions)
    routes.post("", status_code=201, openapi_extra=body)(create_auction)
    routes.get("/{auction}")(show_auction)
    routes.post("/{auction}/close", status_code=202)(close_auction)
    routes.post("/{auction}/cancel", status_code=202)(cancel_auction)
    routes.get("/{auction}/progress", response_class=Response)(stream_progress)
    routes.get("/{auction}/certificate", response_class=Response)(get_certificate)
    routes.get("/{auction}/record", response_class=Response)(get_record)
    routes.get("/{auction}/winners")(get_winners)
    return routes


async def list_auctions(
    party: ThisParty,
    limit: Annotated[int, Query(ge=1, le=LONGEST_PAGE)] = _PAGE,
    before: Annotated[AuctionId | None, Query(pattern="^[0-9a-f]{64}$")] = None,
) -> AuctionsAnswer:
    """Return auctions, the newest first; ``before`` is the id of the last one on the page before."""
    views = await party.auctions.queries.auctions(limit, before)
    return AuctionsAnswer(auctions=tuple(AuctionAnswer.of(view, with_keys=False) for view in views))


async def create_auction(
    party: ThisParty,
    auctioneer: CurrentAdmin,
    content: Annotated[bytes, Depends(BytesBody(MOST_SPEC_BYTES, JSON))],
    response: Response,
) -> AuctionAnswer:
    """Freeze the rules that are sent, in canonical form, under their id; 200 if they are known already."""
    view, is_new = await party.auctions.create(auctioneer, content)
    if not is_new:
        response.status_code = 200
    return AuctionAnswer.of(view)


async def show_auction(party: ThisParty, auction: AuctionInPath) -> AuctionAnswer:
    """Return one auction."""
    return AuctionAnswer.of(await party.auctions.queries.auction(auction))


async def close_auction(party: ThisParty, auctioneer: CurrentAdmin, auction: AuctionInPath) -> AuctionAnswer:
    """Vouch for the order to close early; it takes effect when ``t + 1`` parties vouch for it."""
    return AuctionAnswer.of(await party.auctions.close(auctioneer, auction))


async def cancel_auction(party: ThisParty, auctioneer: CurrentAdmin, auction: AuctionInPath) -> AuctionAnswer:
    """Vouch for the order to cancel; it takes effect when ``t + 1`` parties vouch for it."""
    return AuctionAnswer.of(await party.auctions.cancel(auctioneer, auction))


async def get_certificate(request: Request, party: ThisParty, auction: AuctionInPath) -> Response:
    """Return the certificate, a file that can be verified offline."""
    async with request.app.state.export_limiter.slot():
        certificate = await party.auctions.queries.certificate(auction)
        # It names every bid that counted; writing it out takes too long for the event loop.
        return Response(await asyncio.to_thread(certificate.encode), media_type=JSON)


async def get_record(request: Request, party: ThisParty, auction: AuctionInPath) -> Response:
    """Return this party's audit record, a file that can be verified offline."""
    pieces = request.app.state.export_limiter.in_slots(await party.auctions.queries.record(auction))
    return StreamingResponse(pieces, media_type=JSON)


async def get_winners(party: ThisParty, auctioneer: CurrentAdmin, auction: AuctionInPath) -> WinnersAnswer:
    """Return the winners' addresses, to their auctioneer alone."""
    addresses = await party.auctions.queries.winner_addresses(auctioneer, auction)
    return WinnersAnswer(winners=tuple(WinnerAnswer(uid=uid, email=email) for uid, email in addresses.items()))
