"""What anyone may ask a party about itself, and what auctioneers may ask about incidents."""

import json
from typing import Annotated

from fastapi import APIRouter, Query, Response

from aukciszek import __version__
from aukciszek.cluster import PartyNumber
from aukciszek.server.http.dependencies import CurrentAdmin, ThisParty
from aukciszek.server.http.schemas import IncidentAnswer, IncidentsAnswer, PeerAnswer, SessionsAnswer, StatusAnswer
from aukciszek.server.links.peer_clocks import ClockOffset


def status_routes() -> APIRouter:
    """Return the routes about the party itself."""
    routes = APIRouter(tags=["party"])
    routes.get("/api/status")(get_status)
    routes.get("/api/cluster", response_class=Response)(get_cluster)
    routes.get("/api/incidents")(get_incidents)
    return routes


async def get_status(party: ThisParty) -> StatusAnswer:
    """Describe this party: who it is, whether it can compute, and which peers it is connected to."""
    settings = party.settings
    connected = party.peers.connected_both_ways
    return StatusAnswer(
        party=settings.party_id,
        name=settings.own.name,
        version=__version__,
        ready=party.is_ready,
        cluster_digest=settings.cluster.digest,
        parties=settings.cluster.size,
        threshold=settings.threshold,
        mode=party.mode.security,
        login_server=settings.login_server,
        peers=tuple(
            _peer_answer(number, party.peers.clocks.offsets.get(number), connected=number in connected)
            for number in settings.cluster.numbers
            if number != settings.party_id
        ),
        sessions=SessionsAnswer(
            computing=party.computing.held, waiting=party.computing.waiting, most=party.computing.most
        ),
        time=party.clock.now(),
    )


def _peer_answer(number: PartyNumber, measured: ClockOffset | None, *, connected: bool) -> PeerAnswer:
    return PeerAnswer(
        party=number,
        connected=connected,
        clock_offset_ms=None if measured is None else round(1000 * measured.offset_s),
        round_trip_ms=None if measured is None else round(1000 * measured.round_trip_s, 3),
    )


async def get_cluster(party: ThisParty) -> Response:
    """Return the cluster file, the same bytes at every party."""
    return Response(party.settings.cluster.content, media_type="application/json")


async def get_incidents(
    party: ThisParty, _: CurrentAdmin, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> IncidentsAnswer:
    """Return the incidents, newest first."""
    return IncidentsAnswer(
        incidents=tuple(
            IncidentAnswer(
                id=row.id,
                at=row.at,
                kind=row.kind,
                party=row.party,
                auction=row.auction_id,
                details=json.loads(row.details),
            )
            for row in await party.auctions.queries.incidents(limit)
        )
    )
