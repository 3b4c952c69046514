"""Parties that answer by a script, over real HTTP on loopback."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from aukciszek.client.connection import Patience
from aukciszek.client.parties import Parties, connect
from aukciszek.cluster import Cluster, PartyEntry
from aukciszek.identity import Identity

type Answer = web.StreamResponse | Callable[[web.Request], Awaitable[web.StreamResponse]]

IMPATIENT = Patience(request_timeout_s=2.0, attempts=3, first_pause_s=8.0)


class HurriedClock:
    """Does not wait, but remembers how long it should have."""

    def __init__(self) -> None:
        self.pauses_s: list[float] = []

    def now(self) -> datetime:
        return datetime(2026, 1, 31, tzinfo=UTC)

    def monotonic_s(self) -> float:
        return sum(self.pauses_s)

    async def sleep(self, seconds: float) -> None:
        self.pauses_s.append(seconds)


class ScriptedParty:
    """Answers requests with what was put in its script, in order, and keeps what it was asked."""

    def __init__(self) -> None:
        self.identity = Identity.new()
        self.script: list[Answer] = []
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.method, request.path, dict(request.headers), await request.read()))
        answer = self.script.pop(0)
        return answer if isinstance(answer, web.StreamResponse) else await answer(request)


@pytest.fixture
def hurried_clock() -> HurriedClock:
    return HurriedClock()


@pytest.fixture
def scripted() -> dict[int, ScriptedParty]:
    return {number: ScriptedParty() for number in range(1, 4)}


@pytest.fixture
async def scripted_cluster(scripted: dict[int, ScriptedParty]) -> AsyncIterator[Cluster]:
    async with AsyncExitStack() as stack:
        entries = []
        for number, party in scripted.items():
            app = web.Application()
            app.router.add_route("*", "/{tail:.*}", party.handle)
            server = await stack.enter_async_context(TestServer(app, host=f"127.0.0.{number}"))
            entries.append(
                PartyEntry(
                    number=number,
                    name=f"Office {number}",
                    url=f"http://127.0.0.{number}:{server.port}",
                    address=f"127.0.0.{number}",
                    identity_key=party.identity.public.text,
                )
            )
        yield Cluster.build(entries)[0]


@pytest.fixture
async def parties(scripted_cluster: Cluster, hurried_clock: HurriedClock) -> AsyncIterator[Parties]:
    async with connect(scripted_cluster, patience=IMPATIENT, clock=hurried_clock) as parties:
        yield parties
