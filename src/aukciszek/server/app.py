"""The FastAPI application of one party: routes, errors and what surrounds them. Built anew for each party."""

from typing import Any, Final

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from aukciszek import __version__
from aukciszek.server.answers import ProblemAnswer
from aukciszek.server.directory import PEER_PATH
from aukciszek.server.envelope import Envelope
from aukciszek.server.page import Page, install_page
from aukciszek.server.party import Party
from aukciszek.server.problems import MEDIA_TYPE, install
from aukciszek.server.progress import Watchers
from aukciszek.server.routes_accounts import account_routes
from aukciszek.server.routes_auctions import auction_routes
from aukciszek.server.routes_bids import bid_routes
from aukciszek.server.routes_status import status_routes

OPENAPI_PATH: Final = "/api/openapi.json"

_PROBLEMS: Final[dict[str, Any]] = {
    "description": "A problem document (RFC 9457)",
    "content": {MEDIA_TYPE: {"schema": ProblemAnswer.model_json_schema()}},
}


def create_app(party: Party) -> FastAPI:
    """Return the application that speaks for ``party``; whoever serves it starts and stops the party."""
    app = FastAPI(
        title="Aukciszek",
        version=__version__,
        openapi_url=OPENAPI_PATH,
        # The pages for browsing the interface load scripts from elsewhere, which no origin that takes bids may do.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses=dict.fromkeys(("4XX", "5XX"), _PROBLEMS),
    )
    app.state.party = party
    app.state.watchers = Watchers()
    for routes in (status_routes(), account_routes(), auction_routes(), bid_routes()):
        app.include_router(routes)
    install_page(app, Page.read(), party.settings.servers)
    app.add_api_websocket_route(PEER_PATH, party.peers.inbound.serve)
    install(app)
    app.add_middleware(
        CORSMiddleware,
        # A bidder's page comes from one party and talks to all of them. Tokens travel in a header, never in a cookie.
        allow_origins=[*party.settings.servers, *party.settings.web_origins],
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization", "Content-Type"],
        expose_headers=["Retry-After"],
        max_age=600,
    )
    app.add_middleware(Envelope, clock=party.clock)
    return app
