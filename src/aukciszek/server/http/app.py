"""The FastAPI application of one party: routes, error handlers and middleware. One is built for each party."""

from typing import Any, Final, override

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from aukciszek import __version__
from aukciszek.server.http.docs_page import install_documentation
from aukciszek.server.http.event_stream import Watchers
from aukciszek.server.http.export_limiter import ExportLimiter
from aukciszek.server.http.middleware import OutermostMiddleware
from aukciszek.server.http.openapi import complete
from aukciszek.server.http.routes_accounts import account_routes
from aukciszek.server.http.routes_auctions import auction_routes
from aukciszek.server.http.routes_bids import bid_route, bid_routes
from aukciszek.server.http.routes_status import status_routes
from aukciszek.server.http.static_page import Page, install_page
from aukciszek.server.links.directory import PEER_PATH
from aukciszek.server.party import Party
from aukciszek.server.problems import install

OPENAPI_PATH: Final = "/api/openapi.json"


class _App(FastAPI):
    @override
    def openapi(self) -> dict[str, Any]:
        """Describe the interface, with the errors and examples that FastAPI does not know."""
        if self.openapi_schema is None:
            self.openapi_schema = complete(super().openapi())
        return self.openapi_schema


def create_app(party: Party) -> FastAPI:
    """Return the application of ``party``; its server starts and stops the party."""
    app = _App(
        routes=[bid_route()],
        title="Aukciszek",
        version=__version__,
        openapi_url=OPENAPI_PATH,
        # FastAPI's own pages load foreign scripts, which an origin that takes bids must not do; see /docs.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.party = party
    app.state.watchers = Watchers()
    app.state.export_limiter = ExportLimiter()
    for routes in (status_routes(), account_routes(), auction_routes(), bid_routes()):
        app.include_router(routes)
    install_page(app, Page.read(), party.settings.servers)
    install_documentation(app, party.settings.own.url)
    app.add_api_websocket_route(PEER_PATH, party.peers.inbound.serve)
    install(app)
    app.add_middleware(
        CORSMiddleware,
        # A bidder's page comes from one party and sends requests to all. Tokens travel in a header, never in a cookie.
        allow_origins=[*party.settings.servers, *party.settings.web_origins],
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization", "Content-Type"],
        expose_headers=["Retry-After"],
        max_age=600,
    )
    app.add_middleware(OutermostMiddleware, clock=party.clock)
    return app
