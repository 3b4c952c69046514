"""The interface as a whole: what is public, what surrounds answers, what every error looks like."""

from typing import TYPE_CHECKING, Any

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, APIWebSocketRoute, iter_route_contexts

from aukciszek.server.http.app import create_app
from aukciszek.server.http.dependencies import current_admin, current_user

if TYPE_CHECKING:
    from .conftest import Site

pytestmark = pytest.mark.asyncio(loop_scope="session")

BIDDERS = {
    "GET /api/auctions/{auction}/bids",
    "POST /api/auctions/{auction}/bids",
    "POST /api/auctions/{auction}/receipts",
}

PUBLIC = {
    "GET /api/status",
    "GET /api/cluster",
    "GET /api/page",
    "GET /api/auctions",
    "GET /api/auctions/{auction}",
    "GET /api/auctions/{auction}/progress",
    "GET /api/auctions/{auction}/certificate",
    "GET /api/auctions/{auction}/record",
    "POST /api/auth/register",
    "POST /api/auth/login",
}
"""Everything that may be asked without a token. Think twice before you add to it."""

ADMIN_ONLY = {
    "GET /api/incidents",
    "GET /api/auctions/{auction}/winners",
    "POST /api/auctions",
    "POST /api/auctions/{auction}/close",
    "POST /api/auctions/{auction}/cancel",
}


def asks_for(dependant: Dependant, what: object) -> bool:
    return dependant.call is what or any(asks_for(inner, what) for inner in dependant.dependencies)


def routes_of(site: "Site") -> dict[str, Dependant]:
    found = {}
    for context in iter_route_contexts(create_app(site.parties[0]).routes):
        route: Any = context.original_route
        if isinstance(route, APIRoute):
            for method in context.methods or ():
                found[f"{method} {context.path}"] = route.dependant
    return found


async def test_no_route_serves_a_user_without_a_token_but_the_public_ones(site: "Site") -> None:
    routes = routes_of(site)
    assert len(routes) >= 16
    assert {name for name, route in routes.items() if not asks_for(route, current_user)} == PUBLIC


async def test_no_route_with_privileges_is_open_to_everybody(site: "Site") -> None:
    routes = routes_of(site)
    assert {name for name, route in routes.items() if asks_for(route, current_admin)} == ADMIN_ONLY


async def test_there_is_nothing_else_than_these_routes(site: "Site") -> None:
    others = [
        context.path
        for context in iter_route_contexts(create_app(site.parties[0]).routes)
        if not isinstance(context.original_route, APIRoute)
    ]
    assert sorted(path for path in others if path) == [
        *("/", "/api/auctions/{auction}/bids", "/api/openapi.json", "/assets/{name}", "/docs", "/icon.svg", "/peer")
    ]
    (peer,) = (one for one in create_app(site.parties[0]).routes if isinstance(one, APIWebSocketRoute))
    assert peer.path == "/peer"


@pytest.mark.parametrize("name", sorted(ADMIN_ONLY | BIDDERS))
async def test_without_a_token_nothing_is_done(site: "Site", name: str) -> None:
    method, path = name.replace("{auction}", "0" * 64).split()
    answer = await site.ask(method, path)
    assert (answer.status, answer.code) == (401, "token-missing")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("name", sorted(ADMIN_ONLY))
async def test_users_without_the_privilege_are_refused(site: "Site", name: str) -> None:
    user = await site.register("curious")
    method, path = name.replace("{auction}", "0" * 64).split()
    for party in (1, 2, 3):
        answer = await site.ask(method, path, party=party, user=user)
        assert (answer.status, answer.code) == (403, "admin-only")


async def test_status_says_who_a_party_is(site: "Site") -> None:
    answer = await site.get("/api/status", party=2)
    assert answer.status == 200
    status = answer.json
    sessions = status.pop("sessions")
    assert (sessions["computing"], sessions["waiting"]) == (0, 0)
    assert sessions["most"] >= 2
    clocks = [peer.pop("clock_offset_ms") for peer in status["peers"]]
    round_trips = [peer.pop("round_trip_ms") for peer in status["peers"]]
    for offset, round_trip in zip(clocks, round_trips, strict=True):
        assert (offset is None) == (round_trip is None)
        assert offset is None or abs(offset) <= round_trip / 2 + 2
    assert status | {"time": "", "version": ""} == {
        "party": 2,
        "name": "Party 2",
        "version": "",
        "ready": True,
        "cluster_digest": site.cluster.digest,
        "parties": 3,
        "threshold": 1,
        "mode": "with-abort",
        "login_server": 1,
        "peers": [{"party": 1, "connected": True}, {"party": 3, "connected": True}],
        "time": "",
    }


async def test_every_party_gives_the_cluster_file_byte_by_byte(site: "Site") -> None:
    for party in (1, 2, 3):
        answer = await site.get("/api/cluster", party=party)
        assert answer.content == site.cluster_file
        assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("path", ["/api", "/api/nothing", "/docs/", "/redoc", "/api/status/", "/%00", "/api/auctions/"])
async def test_what_is_not_there_is_a_problem(site: "Site", path: str) -> None:
    answer = await site.get(path)
    assert (answer.status, answer.code) == (404, "not-found")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "POST", "TRACE"])
async def test_other_methods_are_a_problem(site: "Site", method: str) -> None:
    answer = await site.ask(method, "/api/status")
    assert (answer.status, answer.code) == (405, "method-not-allowed")
    assert answer.headers["Allow"] == "GET"


async def test_the_peer_path_is_no_page(site: "Site") -> None:
    assert (await site.get("/peer")).status == 404


@pytest.mark.parametrize("path", ["/api/status", "/api/nothing", "/api/auctions/bad"])
async def test_every_answer_protects_those_who_read_it(site: "Site", path: str) -> None:
    headers = (await site.get(path)).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["X-Frame-Options"] == "DENY"
    assert "camera=()" in headers["Permissions-Policy"]
    assert "Strict-Transport-Security" not in headers, "only what came over TLS may say so"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "Server" not in headers


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://bids.example.org", True),
        ("https://evil.example.org", False),
        ("null", False),
        ("http://bids.example.org", False),
    ],
)
async def test_pages_of_other_origins_are_kept_out(site: "Site", origin: str, *, allowed: bool) -> None:
    answer = await site.get("/api/status", headers={"Origin": origin})
    assert (answer.headers.get("Access-Control-Allow-Origin") == origin) == allowed
    assert "Access-Control-Allow-Credentials" not in answer.headers
    preflight = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    assert ((await site.ask("OPTIONS", "/api/auctions", headers=preflight)).status == 200) == allowed


async def test_a_page_of_one_party_may_talk_to_all(site: "Site") -> None:
    for party in (1, 2, 3):
        answer = await site.get("/api/status", party=party, headers={"Origin": site.url(1)})
        assert answer.headers["Access-Control-Allow-Origin"] == site.url(1)


async def test_the_interface_describes_itself(site: "Site") -> None:
    description = (await site.get("/api/openapi.json")).json
    assert set(description["paths"]) == {name.split()[1] for name in routes_of(site)}
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            name = f"{method.upper()} {path}"
            assert bool(operation.get("security")) == (name not in PUBLIC), name
            assert "application/problem+json" in operation["responses"]["500"]["content"]
            assert ("requestBody" in operation) == (method == "post" and not path.endswith(("/close", "/cancel"))), name


async def test_only_a_bid_that_no_page_sent_passes_by_what_answers_pages(site: "Site") -> None:
    path = f"/api/auctions/{'ab' * 32}/bids"
    by_a_page = await site.post(path, headers={"Origin": site.url(2)})
    assert by_a_page.headers["Access-Control-Allow-Origin"] == site.url(2)
    by_a_program = await site.post(path)
    assert "Access-Control-Allow-Origin" not in by_a_program.headers
    assert (by_a_program.status, by_a_program.json) == (by_a_page.status, by_a_page.json)
