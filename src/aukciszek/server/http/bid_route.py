"""The way that bids take: past FastAPI's search for a route and its arguments, which costs as much as the bid itself.

``POST /api/auctions/{auction}/bids`` is the one path that has to stand the load. It is a route like all others, and is
described by it; :func:`take_bid` does what the route says, with the same functions. Every other request, and every
other method on that path, goes on to FastAPI.
"""

import re
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from aukciszek.errors import AukciszekError
from aukciszek.protocol.rules.errors import MalformedIdentifierError
from aukciszek.protocol.rules.identifiers import parse_auction_id
from aukciszek.server.errors import Fault, InvalidRequestError
from aukciszek.server.http.dependencies import authenticate, the_party
from aukciszek.server.http.routes_bids import bundle_body, submit_bid
from aukciszek.server.problems import answer_ours

BIDS_PATH: Final = "/api/auctions/{auction}/bids"
_BIDS: Final = re.compile("/api/auctions/([^/]+)/bids")


def brings_bid(scope: Scope) -> bool:
    """Tell whether a request brings a bid, and note for which auction, as a router would."""
    if scope["type"] != "http" or scope["method"] != "POST" or not (found := _BIDS.fullmatch(scope["path"])):
        return False
    scope["path_params"] = {"auction": found[1]}
    scope["path_template"] = BIDS_PATH
    return True


async def take_bid(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request that brings a bid (:func:`brings_bid`)."""
    request = Request(scope, receive)
    try:
        answer = await _take_bid(request)
    except AukciszekError as error:
        answer = answer_ours(error)
    await answer(scope, receive, send)


async def _take_bid(request: Request) -> Response:
    party = await the_party(request)
    bidder = authenticate(request, party)
    try:
        auction = parse_auction_id(request.path_params["auction"])
    except MalformedIdentifierError:
        raise InvalidRequestError([Fault("path/auction", "does not have the agreed form")]) from None
    return await submit_bid(party, bidder, auction, await bundle_body(request))
