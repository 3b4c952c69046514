"""Three real parties in this process, each behind its own server, for all tests of the HTTP interface."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from fastapi import FastAPI

from aukciszek.accounts.embedded_users import EmbeddedUserStore
from aukciszek.accounts.passwords import HashCost
from aukciszek.clock import SystemClock
from aukciszek.cluster import Cluster, PartyEntry
from aukciszek.encoding import from_base64url
from aukciszek.identity import Identity
from aukciszek.protocol.evidence.statements import SealingKeyStatement, read_statement
from aukciszek.protocol.rules.draft import AuctionDraft
from aukciszek.protocol.rules.identifiers import UserId
from aukciszek.protocol.rules.spec import AuctionSpec
from aukciszek.protocol.sealing.bundle import BidKey
from aukciszek.protocol.sealing.envelope import seal_bid
from aukciszek.protocol.sealing.keys import SealingPublicKey
from aukciszek.server.host.web_server import WebServer, listen
from aukciszek.server.http.app import create_app
from aukciszek.server.party import Party
from aukciszek.settings import Listener, load_settings
from aukciszek.storage.database import Database

SIZE = 3
PASSWORD = "correct horse battery staple"
CHEAP = HashCost(memory_kib=1024)


class MovableClock(SystemClock):
    """The machine's clock, which a test may put forward for this party."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead


@dataclass
class User:
    uid: str
    email: str
    tokens: Mapping[str, str] = field(repr=False)


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def code(self) -> str:
        assert self.headers["Content-Type"] == "application/problem+json"
        document = self.json
        assert document["status"] == self.status
        assert document["type"] == f"urn:aukciszek:problem:{document['code']}"
        assert document["title"]
        assert document["detail"]
        code: str = document["code"]
        return code


class Site:
    """Three parties, and requests to them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._sockets = [listen(Listener(f"127.0.0.{number}", 0, tls=False)) for number in range(1, SIZE + 1)]
        self._identities = [Identity.new() for _ in range(SIZE)]
        entries = [
            PartyEntry(
                number=number,
                name=f"Party {number}",
                url=f"http://127.0.0.{number}:{found.getsockname()[1]}",
                address=f"127.0.0.{number}",
                identity_key=identity.public.text,
            )
            for number, (found, identity) in enumerate(zip(self._sockets, self._identities, strict=True), 1)
        ]
        self.cluster, self.cluster_file = Cluster.build(entries)
        self.token_keys = [secrets.token_urlsafe(32) for _ in range(SIZE)]
        self.clock = MovableClock()
        self.parties: list[Party] = []
        self.apps: list[FastAPI] = []
        self._servers: list[WebServer] = []

    def environment(self, number: int) -> dict[str, str]:
        data_dir = self._directory / f"party-{number}"
        data_dir.mkdir(mode=0o700, exist_ok=True)
        if not (data_dir / "identity.pem").exists():
            self._identities[number - 1].write(data_dir / "identity.pem")
        cluster_file = self._directory / "cluster.json"
        cluster_file.write_bytes(self.cluster_file)
        return {
            "PARTY_ID": str(number),
            "CLUSTER_FILE": str(cluster_file),
            "DATA_DIR": str(data_dir),
            "SECRET_KEYS_JWT": ",".join(self.token_keys) if number == 1 else self.token_keys[number - 1],
            "WEB_ORIGINS": "https://bids.example.org",
        }

    def occupy(self, number: int) -> None:
        """Take a party's port, as another server would."""
        self._sockets[number - 1].listen()

    def leave_sockets(self) -> None:
        """Make room for a process that takes the ports itself."""
        for listening in self._sockets:
            listening.close()

    async def start(self) -> None:
        for number, listening in enumerate(self._sockets, 1):
            party = await Party.open(load_settings(self.environment(number)), self.clock, hash_cost=CHEAP)
            self.parties.append(party)
            await party.start()
            self.apps.append(create_app(party))
            self._servers.append(WebServer(self.apps[-1], listening, None))
            await self._servers[-1].start()
        await self.until_ready()

    async def until_ready(self) -> None:
        async with asyncio.timeout(60):
            while True:
                statuses = [(await self.get("/api/status", party=number)).json for number in range(1, SIZE + 1)]
                if all(one["ready"] and all(peer["connected"] for peer in one["peers"]) for one in statuses):
                    return
                await asyncio.sleep(0.01)

    async def stop(self) -> None:
        await asyncio.gather(*(party.stop() for party in self.parties))
        await asyncio.gather(*(server.stop() for server in self._servers))
        await asyncio.gather(*(party.close() for party in self.parties))

    def url(self, party: int = 1) -> str:
        return self.cluster.party(party).url

    async def ask(
        self,
        method: str,
        path: str,
        *,
        party: int = 1,
        user: User | None = None,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> Answer:
        sent = dict(headers or {})
        if user is not None:
            token = user.tokens[self.url(party)]
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, self.url(party) + path, headers=sent, allow_redirects=False, **options) as answer,
        ):
            return Answer(answer.status, dict(answer.headers), await answer.read())

    async def get(self, path: str, **options: Any) -> Answer:
        return await self.ask("GET", path, **options)

    async def post(self, path: str, **options: Any) -> Answer:
        return await self.ask("POST", path, **options)

    async def register(self, name: str, *, admin: bool = False) -> User:
        email = f"{name}-{secrets.token_hex(4)}@example.org"
        credentials = {"email": email, "password": PASSWORD}
        answer = await self.post("/api/auth/register", json=credentials)
        assert answer.status == 201, answer
        if admin:
            await self._grant(email)
        tokens = (await self.post("/api/auth/login", json=credentials)).json["access_tokens"]
        return User(answer.json["uid"], email, {one["server"]: one["access_token"] for one in tokens})

    async def _grant(self, email: str) -> None:
        database = await Database.open(self.parties[0].settings.database_url)
        await EmbeddedUserStore(database, self.clock).grant_admin(email)
        await database.close()

    def rules(self, auctioneer: User, **changes: Any) -> AuctionSpec:
        now = datetime.now(UTC)
        draft = {
            "title": "Chairs",
            "direction": "reverse",
            "format": "first-price",
            "currency": "EUR",
            "minimum": "0",
            "maximum": "100",
            "step": "1",
            "opens_at": now,
            "closes_at": now + timedelta(hours=1),
        } | changes
        return AuctionDraft.model_validate(draft).freeze(
            auctioneer=UserId(auctioneer.uid), cluster=self.cluster, threshold=1, nonce=secrets.token_bytes(32)
        )

    async def seal(self, spec: AuctionSpec, bidder: User, price: str, *, revision: int = 1) -> bytes:
        """Make a bundle as a bidder's own program does."""
        view = (await self.get(f"/api/auctions/{spec.auction_id}")).json
        keys = [
            read_statement(SealingKeyStatement, from_base64url(key["statement"]), self.cluster)
            for key in sorted(view["sealing_keys"], key=lambda key: key["party"])
        ]
        bid_key = BidKey(auction=spec.auction_id, bidder=UserId(bidder.uid), revision=revision)
        bits = spec.grid.bits_of(spec.grid.to_step(price))
        sealing_keys = [SealingPublicKey(key.content.public_key) for key in keys]
        return (await asyncio.to_thread(seal_bid, bid_key, bits, threshold=1, sealing_keys=sealing_keys)).encode()

    async def submit_bid(self, spec: AuctionSpec, bidder: User, bundle: bytes, *, party: int = 1) -> Answer:
        return await self.post(
            f"/api/auctions/{spec.auction_id}/bids",
            party=party,
            user=bidder,
            data=bundle,
            headers={"Content-Type": "application/octet-stream"},
        )

    async def create(self, auctioneer: User, **changes: Any) -> AuctionSpec:
        """Create an auction at all parties, and wait until it takes bids."""
        spec = self.rules(auctioneer, **changes)
        await self.announce(auctioneer, spec)
        return spec

    async def announce(self, auctioneer: User, spec: AuctionSpec) -> None:
        """Tell all parties of an auction, and wait until it takes bids."""
        for party in range(1, SIZE + 1):
            answer = await self.post(
                "/api/auctions",
                party=party,
                user=auctioneer,
                data=spec.canonical_bytes,
                headers={"Content-Type": "application/json"},
            )
            assert answer.status in {200, 201}, answer
        for party in range(1, SIZE + 1):
            await self.until_state(spec, "open", party=party)

    async def until_state(self, spec: AuctionSpec, state: str, *, party: int = 1) -> None:
        """Watch an auction until it is in ``state``."""
        url = f"{self.url(party)}/api/auctions/{spec.auction_id}/progress"
        async with asyncio.timeout(60), aiohttp.ClientSession() as session, session.get(url) as answer:
            async for line in answer.content:
                if line.startswith(b"data:") and json.loads(line.removeprefix(b"data:"))["state"] == state:
                    return


@asynccontextmanager
async def running_site(directory: Path) -> AsyncIterator[Site]:
    site = Site(directory)
    await site.start()
    try:
        yield site
    finally:
        await site.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with running_site(tmp_path_factory.mktemp("site")) as site:
        yield site


type NewSite = Callable[[Path], Site]


@pytest.fixture
def new_site() -> NewSite:
    """Make sites that a test starts in its own way."""
    return Site
