import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
import trustme
from fastapi import FastAPI

from aukciszek.auctions.context.peer_network import PeerMessage
from aukciszek.clock import Clock, SystemClock
from aukciszek.cluster import Cluster, PartyEntry, PartyNumber
from aukciszek.encoding import Json
from aukciszek.identity import Identity
from aukciszek.mpc.mode import Mode
from aukciszek.server.host.web_server import WebServer, listen
from aukciszek.server.incidents import IncidentLog
from aukciszek.server.links.directory import PEER_PATH, Peer, PeerDirectory
from aukciszek.server.links.frames import FrameType
from aukciszek.server.links.identity_token import IdentityTokens
from aukciszek.server.links.peers import Peers
from aukciszek.settings import Listener

START = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


class StoppedClock:
    """Time that moves when a test says so; a sleep ends when its time has come."""

    def __init__(self) -> None:
        self.passed_s = 0.0
        self.sleeps: list[float] = []
        self._sleepers: list[tuple[float, asyncio.Event]] = []

    def now(self) -> datetime:
        return START + timedelta(seconds=self.passed_s)

    def monotonic_s(self) -> float:
        return self.passed_s

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        woken = asyncio.Event()
        self._sleepers.append((self.passed_s + seconds, woken))
        await woken.wait()

    def advance(self, seconds: float) -> None:
        self.passed_s += seconds
        for due, woken in self._sleepers:
            if due <= self.passed_s:
                woken.set()


def make_identities(size: int) -> list[Identity]:
    return [Identity.new() for _ in range(size)]


def make_cluster(identities: list[Identity], url: Callable[[int], str]) -> Cluster:
    entries = [
        PartyEntry(
            number=number,
            name=f"Party {number}",
            url=url(number),
            address=f"127.0.0.{number}",
            identity_key=identity.public.text,
        )
        for number, identity in enumerate(identities, 1)
    ]
    return Cluster.build(entries)[0]


def make_directory(cluster: Cluster, own: int, *, threshold: int = 1) -> PeerDirectory:
    peers = {
        PartyNumber(entry.number): Peer(PartyNumber(entry.number), entry.url, entry.address)
        for entry in cluster.parties
        if entry.number != own
    }
    return PeerDirectory(
        own=PartyNumber(own),
        own_address=cluster.party(own).address,
        cluster=cluster,
        threshold=threshold,
        peers=peers,
    )


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture(scope="session")
def identities() -> list[Identity]:
    return make_identities(5)


@pytest.fixture(scope="session")
def cluster(identities: list[Identity]) -> Cluster:
    return make_cluster(identities, lambda number: f"http://127.0.0.{number}:{5000 + number}")


type DirectoryOf = Callable[[int], PeerDirectory]
type TokensOf = Callable[[int], IdentityTokens]


@pytest.fixture
def tokens_of(identities: list[Identity], cluster: Cluster, clock: StoppedClock) -> TokensOf:
    def make(number: int) -> IdentityTokens:
        return IdentityTokens(make_directory(cluster, number), identities[number - 1], clock)

    return make


@pytest.fixture
def directory_of(cluster: Cluster) -> DirectoryOf:
    return lambda number: make_directory(cluster, number)


async def until(condition: Callable[[], bool], *, timeout_s: float = 10.0) -> None:
    """Wait for something that other tasks bring about."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 -- what is waited for was not made to be waited for
            await asyncio.sleep(0.001)


class RecordedIncidents:
    """Keeps incidents in memory, as the database would."""

    def __init__(self) -> None:
        self.kinds: list[tuple[str, int | None]] = []
        self.texts: list[str] = []
        self.details: list[Mapping[str, Json]] = []

    async def add_incident(
        self,
        at: datetime,
        kind: str,
        details: Mapping[str, Json],
        *,
        auction_id: str | None = None,
        party: int | None = None,
    ) -> None:
        assert at.tzinfo is not None
        assert auction_id is None or len(auction_id) == 64
        self.kinds.append((kind, party))
        self.texts.append(str(details["text"]))
        self.details.append(details)


class RecordingListener:
    """An auctions layer that notes what it is told, and answers as a test wants."""

    def __init__(self) -> None:
        self.connected: list[PartyNumber] = []
        self.messages: list[tuple[PartyNumber, PeerMessage]] = []
        self.answer: Callable[[PartyNumber, PeerMessage], Awaitable[None]] | None = None

    async def on_connected(self, peer: PartyNumber) -> None:
        self.connected.append(peer)

    async def on_message(self, sender: PartyNumber, message: PeerMessage) -> None:
        self.messages.append((sender, message))
        if self.answer is not None:
            await self.answer(sender, message)


class LinkedParty:
    """The links of one party behind a real server."""

    def __init__(self, identity: Identity, directory: PeerDirectory, enough: int, clock: Clock) -> None:
        self.identity = identity
        self.directory = directory
        self.listener = RecordingListener()
        self.store = RecordedIncidents()
        self.incidents = IncidentLog(self.store, clock)
        self.tokens = IdentityTokens(directory, identity, clock)
        self.peers = Peers(directory, self.tokens, self.incidents, enough=enough, clock=clock)
        self._storing: asyncio.Task[None] | None = None
        self._server: WebServer | None = None

    @property
    def number(self) -> PartyNumber:
        return self.directory.own

    async def start(self, listening: socket.socket, certificates: "Certificates | None") -> None:
        app = FastAPI()
        app.add_api_websocket_route(PEER_PATH, self.peers.inbound.serve)
        self._storing = asyncio.create_task(self.incidents.run())
        self._server = WebServer(app, listening, certificates.server(self.number) if certificates else None)
        await self._server.start()
        await self.peers.start(self.listener, certificates.client() if certificates else None)

    async def stop(self) -> None:
        await self.peers.stop()
        if self._server is not None:
            await self._server.stop()
        if self._storing is not None:
            self._storing.cancel()

    async def incident_kinds(self) -> list[tuple[str, int | None]]:
        await self.incidents.flush()
        return self.store.kinds


class Certificates:
    """A certificate authority for a test, and what it signed for ``127.0.0.x``."""

    def __init__(self) -> None:
        self._authority = trustme.CA()

    def server(self, number: int) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        self._authority.issue_cert(f"127.0.0.{number}").configure_cert(context)
        return context

    def client(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        self._authority.configure_trust(context)
        return context


class LinkedCluster:
    """Several parties in one process, party ``i`` at ``127.0.0.i``."""

    def __init__(self, size: int, *, threshold: int = 1, tls: bool = False, clock: Clock | None = None) -> None:
        self.clock: Clock = clock or SystemClock()
        self.certificates = Certificates() if tls else None
        self._sockets = {number: listen(Listener(f"127.0.0.{number}", 0, tls)) for number in range(1, size + 1)}
        self._ports = {number: found.getsockname()[1] for number, found in self._sockets.items()}
        self.identities = make_identities(size)
        scheme = "https" if tls else "http"
        self.cluster = make_cluster(self.identities, lambda i: f"{scheme}://127.0.0.{i}:{self._ports[i]}")
        self._threshold = threshold
        self._enough = Mode(size, threshold).needed
        self.parties: dict[int, LinkedParty] = {}

    def __getitem__(self, number: int) -> LinkedParty:
        return self.parties[number]

    def make(self, number: int) -> LinkedParty:
        directory = make_directory(self.cluster, number, threshold=self._threshold)
        return LinkedParty(self.identities[number - 1], directory, self._enough, self.clock)

    async def start(self, *numbers: int, party: LinkedParty | None = None) -> None:
        for number in numbers or tuple(self._ports):
            if number not in self._sockets:
                tls = self.certificates is not None
                self._sockets[number] = listen(Listener(f"127.0.0.{number}", self._ports[number], tls))
            self.parties[number] = party or self.make(number)
            await self.parties[number].start(self._sockets.pop(number), self.certificates)

    async def stop(self, *numbers: int) -> None:
        going = [self.parties.pop(number) for number in numbers or tuple(self.parties)]
        await asyncio.gather(*(party.stop() for party in going))
        if not numbers:
            for listening in self._sockets.values():
                listening.close()

    async def all_linked(self) -> None:
        everybody = frozenset(self.parties)
        await until(
            lambda: all(
                party.peers.connected_both_ways == everybody - {number} for number, party in self.parties.items()
            )
        )

    @staticmethod
    async def until(condition: Callable[[], bool]) -> None:
        await until(condition)

    @asynccontextmanager
    async def dial(
        self, to: int, *, address: str, token: str | None = None, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """Open a link from ``address``, as anybody could who has this address."""
        connector = aiohttp.TCPConnector(local_addr=(address, 0))
        shown = dict(headers or {}) | ({"Authorization": f"Bearer {token}"} if token is not None else {})
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.ws_connect(self.cluster.party(to).url + PEER_PATH, headers=shown, max_msg_size=0) as link,
        ):
            yield link

    @asynccontextmanager
    async def dial_as(self, number: int, to: int) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """Open a link as a party that then does as a test pleases."""
        directory = make_directory(self.cluster, number, threshold=self._threshold)
        token, _ = IdentityTokens(directory, self.identities[number - 1], self.clock).issue(PartyNumber(to))
        async with self.dial(to, address=f"127.0.0.{number}", token=token) as link:
            assert (await link.receive_bytes())[0] == FrameType.WELCOME
            yield link


type NewCluster = Callable[..., LinkedCluster]


@pytest.fixture
async def new_cluster() -> AsyncIterator[NewCluster]:
    made: list[LinkedCluster] = []

    def make(size: int, **options: Any) -> LinkedCluster:
        made.append(LinkedCluster(size, **options))
        return made[-1]

    yield make
    for cluster in made:
        await cluster.stop()


@pytest.fixture
def recorded() -> RecordedIncidents:
    return RecordedIncidents()
