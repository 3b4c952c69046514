"""Several real parties in this process, each behind its own server, with its own database and its own clock."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from aukciszek.accounts.embedded_users import EmbeddedUserStore
from aukciszek.accounts.passwords import HashCost
from aukciszek.client.discovery import ask_statuses
from aukciszek.client.parties import connect
from aukciszek.client.sdk import AukciszekClient
from aukciszek.clock import SystemClock
from aukciszek.local_cluster.actors import Actor
from aukciszek.local_cluster.files import LocalCluster, make_cluster
from aukciszek.server.host.web_server import WebServer, listen
from aukciszek.server.http.app import create_app
from aukciszek.server.party import Party
from aukciszek.settings import load_settings
from aukciszek.storage.database import Database

CHEAP = HashCost(memory_kib=1024)


class SkewedClock(SystemClock):
    """The machine's clock, wrong by some seconds."""

    def __init__(self, ahead_s: float) -> None:
        self._ahead = timedelta(seconds=ahead_s)

    def now(self) -> datetime:
        return super().now() + self._ahead


@dataclass
class _Running:
    party: Party
    server: WebServer


class Servers:
    """The parties of a cluster; each can be stopped and started again."""

    def __init__(self, plan: LocalCluster, ahead_s: Mapping[int, float], client: AukciszekClient) -> None:
        self.plan = plan
        self.client = client
        self.auctioneer = Actor.new("auctioneer", client)
        self._ahead_s = ahead_s
        self._running: dict[int, _Running] = {}
        self._numbers = itertools.count(1)

    async def start(self, number: int) -> None:
        settings = load_settings(self.plan.parties[number - 1].environment)
        party = await Party.open(settings, SkewedClock(self._ahead_s.get(number, 0.0)), hash_cost=CHEAP)
        (where,) = settings.listeners
        server = WebServer(create_app(party), listen(where), None)
        await party.start()
        await server.start()
        self._running[number] = _Running(party, server)

    async def stop(self, number: int) -> None:
        running = self._running.pop(number)
        await running.party.stop()
        await running.server.stop()
        await running.party.close()

    async def stop_all(self) -> None:
        for number in list(self._running):
            await self.stop(number)

    def party(self, number: int) -> Party:
        return self._running[number].party

    def database(self, number: int) -> Path:
        """The file of a party's database."""
        (found,) = self.plan.parties[number - 1].data_dir.glob("*.db")
        return found

    async def until_ready(self) -> None:
        async with asyncio.timeout(60), connect(self.plan.cluster) as parties:
            while True:
                answers = (await ask_statuses(parties)).answers
                ready = [one for one in answers.values() if one.ready and all(peer.connected for peer in one.peers)]
                if len(ready) == self.plan.cluster.size:
                    return
                await asyncio.sleep(0.05)

    async def appoint(self) -> None:
        """Let the auctioneer join and grant the privilege."""
        await self.auctioneer.join()
        database = await Database.open(self._running[1].party.settings.database_url)
        await EmbeddedUserStore(database, SystemClock()).grant_admin(self.auctioneer.email)
        await database.close()
        await self.auctioneer.client.log_in(self.auctioneer.email, self.auctioneer.password)

    async def bidders(self, count: int, client: AukciszekClient | None = None) -> list[Actor]:
        people = [Actor.new(f"bidder-{next(self._numbers)}", client or self.client) for _ in range(count)]
        for person in people:
            await person.join()
        return people


@asynccontextmanager
async def running_servers(
    directory: Path, *, base_port: int, parties: int = 5, threshold: int = 2, ahead_s: Mapping[int, float] | None = None
) -> AsyncIterator[Servers]:
    """Start all parties with an auctioneer, and stop them at the end."""
    plan = make_cluster(directory, parties=parties, threshold=threshold, base_port=base_port)
    async with AukciszekClient.open(plan.cluster) as client:
        servers = Servers(plan, ahead_s or {}, client)
        try:
            for number in range(1, parties + 1):
                await servers.start(number)
            await servers.until_ready()
            await servers.appoint()
            yield servers
        finally:
            await servers.stop_all()
