"""Several parties in one process, each with its own storage, joined by a network in memory."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from uuid import uuid4

from aukciszek.accounts.tokens import Principal
from aukciszek.auctions.context.auction_context import PartyContext
from aukciszek.auctions.context.session_scheduler import SessionScheduler
from aukciszek.auctions.restore import prepare_restored
from aukciszek.auctions.service import AuctionService
from aukciszek.auctions.view import AuctionView
from aukciszek.cluster import Cluster, PartyEntry, PartyNumber
from aukciszek.identity import Identity
from aukciszek.protocol.rules.draft import AuctionDraft
from aukciszek.protocol.rules.identifiers import AuctionId, UserId
from aukciszek.protocol.rules.spec import AuctionSpec
from aukciszek.protocol.rules.states import AuctionState
from aukciszek.protocol.sealing.bundle import BidKey, Bundle, header_of
from aukciszek.protocol.sealing.envelope import seal_bid
from aukciszek.protocol.sealing.keys import SealingPublicKey
from aukciszek.storage.database import Database
from aukciszek.storage.repositories.auctions import AuctionRepository
from support.insides import parts_at, processes_at
from support.memory_disk import MemoryDisk, MemoryStore, at_once
from support.memory_network import MemoryLinks, MemoryNetwork
from support.stepping_loop import SteppingLoop
from support.virtual_clock import VirtualClock

__all__ = ["MemoryNetwork", "Parties", "StartParties", "VirtualClock", "new_bidder"]


@dataclass
class Parties:
    """The parties of a test, and what bidders and auctioneers do with them."""

    directory: Path | None
    """Where the databases are; None: in memory."""
    size: int
    threshold: int
    clock: VirtualClock
    network: MemoryNetwork
    services: dict[PartyNumber, AuctionService] = field(default_factory=dict)
    databases: dict[PartyNumber, Database] = field(default_factory=dict)
    repositories: dict[PartyNumber, AuctionRepository] = field(default_factory=dict)
    round_timeout_s: float = 20.0
    most_sessions: int = 4
    skew_s: dict[int, float] = field(default_factory=dict)
    pause: Callable[[], Awaitable[None]] = at_once
    """How long storage in memory lets others go first."""

    def __post_init__(self) -> None:
        self.disks: dict[PartyNumber, MemoryDisk] = {}
        self.stores: dict[PartyNumber, MemoryStore] = {}
        self.clocks: dict[PartyNumber, VirtualClock] = {}
        self.identities = _identities(self.size)
        self.cluster, _ = Cluster.build(
            [
                PartyEntry(
                    number=number,
                    name=f"Party {number}",
                    url=f"http://127.0.0.{number}:500{number}",
                    address=f"127.0.0.{number}",
                    identity_key=identity.public.text,
                )
                for number, identity in enumerate(self.identities, start=1)
            ]
        )
        self.auctioneer = Principal(uid=str(uuid4()), email="auctioneer@example.org", is_admin=True)

    async def start(self, number: int) -> AuctionService:
        party = PartyNumber(number)
        database = await self._open(party)
        self.clocks[party] = VirtualClock(self.clock, self.skew_s.get(number, 0.0))
        service = AuctionService(
            PartyContext(
                number=party,
                cluster=self.cluster,
                threshold=self.threshold,
                identity=self.identities[number - 1],
                clock=self.clocks[party],
                database=database,
                repository=AuctionRepository(database),
                network=MemoryLinks(self.network, party),
                round_timeout_s=self.round_timeout_s,
                computing=SessionScheduler(self.clocks[party], most_sessions=self.most_sessions, most_memory_mib=1024),
            )
        )
        self.services[party], self.databases[party] = service, database
        self.repositories[party] = AuctionRepository(database)
        await service.start()
        await self.network.connect(party, service)
        return service

    async def stop(self, number: int) -> None:
        party = PartyNumber(number)
        await self.network.remove(party)
        await self.services.pop(party).stop()
        database, store = self.databases.pop(party), self.stores.get(party)
        if store is not None and store.died.is_set():
            writer = database._group_writer
            if writer is not None:
                writer.cancel()
                await asyncio.gather(writer, return_exceptions=True)
        else:
            await database.close()

    async def prepare_restored(self, number: int, backup: bytes) -> None:
        """Put an older state of a party's disk in place while it is stopped, as ``aukciszek restore`` does."""
        party = PartyNumber(number)
        self.disks[party].raw.deserialize(backup)
        database = await self._open(party)
        await prepare_restored(database, party, self.clock.now(), self.clock)
        await database.close()

    def wipe(self, number: int) -> None:
        """Put an empty disk in place of a party's while it is stopped."""
        self.disks.pop(PartyNumber(number)).close()

    async def _open(self, party: PartyNumber) -> Database:
        if self.directory is not None:
            return await Database.open(f"sqlite+aiosqlite:///{self.file(party)}")
        disk = self.disks.get(party) or self.disks.setdefault(party, MemoryDisk())
        database, self.stores[party] = await disk.open(self.pause)
        self.stores[party].on_death = lambda: self.network.disconnect(party)
        return database

    def file(self, number: int) -> Path:
        """Return where a party's database is, if it is a file."""
        assert self.directory is not None
        return self.directory / f"party{number}.db"

    def draft(self, **changes: object) -> AuctionSpec:
        now = self.clock.now()
        rules = {
            "title": "Road salt",
            "minimum": "0",
            "maximum": "1000",
            "step": "1",
            "opens_at": now,
            "closes_at": now + timedelta(minutes=10),
        } | changes
        return AuctionDraft.model_validate(rules).freeze(
            cluster=self.cluster,
            threshold=self.threshold,
            auctioneer=UserId(self.auctioneer.uid),
            nonce=uuid4().bytes * 2,
        )

    async def create(self, spec: AuctionSpec, parties: Sequence[int] | None = None) -> AuctionId:
        for number in parties or sorted(self.services):
            await self.services[PartyNumber(number)].create(self.auctioneer, spec.canonical_bytes)
        return spec.auction_id

    async def wait_for_state(
        self, auction: AuctionId, state: AuctionState, parties: Sequence[int] | None = None
    ) -> dict[int, AuctionView]:
        """Wait until all parties have reached a state; fail at once where one stands still."""
        views = {}
        for number in parties or sorted(self.services):
            service = self.services[PartyNumber(number)]
            async for _ in service.queries.progress(auction):
                view = await service.queries.auction(auction)
                assert view.failure is None, view.failure
                if view.state is state:
                    break
            views[number] = await service.queries.auction(auction)
            assert views[number].state is state
        await _all_have_gone_on()
        return views

    def service(self, number: int) -> AuctionService:
        return self.services[PartyNumber(number)]

    async def wait_for_known(self, auction: AuctionId) -> None:
        """Wait until all parties that are up have heard of an auction."""

        def all_know() -> bool:
            return all(auction in processes_at(service) for service in self.services.values())

        await self.network.wait_for(all_know)
        await _all_have_gone_on()

    async def wait_for_keys(self, auction: AuctionId) -> None:
        """Wait until all parties have the sealing keys of all."""

        def all_have_keys() -> bool:
            return all(not parts_at(service, auction).keys.missing for service in self.services.values())

        await self.network.wait_for(all_have_keys)
        await _all_have_gone_on()

    async def wait_for_receipts(self, bidder: Principal, auction: AuctionId, *, at: int, of: Sequence[int]) -> None:
        """Wait until a party has a bidder's bundles and, for each, the receipts of some parties."""
        repository = self.repositories[PartyNumber(at)]
        while True:
            contents = await repository.bundle_contents(sorted(await repository.bundle_digests(auction)))
            digests = [digest for digest, content in contents.items() if header_of(content).bidder == bidder.uid]
            known = [{row.party for row in await repository.receipts(digest)} for digest in digests]
            if known and all(set(of) <= parties for parties in known):
                return
            await self.network.next_change()

    async def withdraw(self, spec: AuctionSpec, bidder: Principal, revision: int) -> None:
        bundle = Bundle.for_withdrawal(auction=spec.auction_id, bidder=UserId(bidder.uid), revision=revision)
        for service in self.services.values():
            await service.submit(bidder, spec.auction_id, bundle.encode())

    async def seal(self, spec: AuctionSpec, bidder: Principal, price: str, revision: int = 1) -> bytes:
        view = await self.services[min(self.services)].queries.auction(spec.auction_id)
        keys = [SealingPublicKey(signed.content.public_key) for signed in view.sealing_keys]
        bid_key = BidKey(auction=spec.auction_id, bidder=UserId(bidder.uid), revision=revision)
        bits = spec.grid.bits_of(spec.grid.to_step(price))
        return seal_bid(bid_key, bits, threshold=self.threshold, sealing_keys=keys).encode()

    async def bid(
        self,
        spec: AuctionSpec,
        price: str,
        bidder: Principal | None = None,
        *,
        revision: int = 1,
        parties: Sequence[int] | None = None,
        spoil: Collection[int] = (),
    ) -> Principal:
        """Bid, at all parties or some; ``spoil`` names parties whose envelopes are broken on purpose."""
        bidder = bidder or new_bidder()
        content = await self.seal(spec, bidder, price, revision)
        if spoil:
            bundle = Bundle.decode(content)
            envelopes = [
                bytes(len(envelope)) if party in spoil else envelope
                for party, envelope in enumerate(bundle.envelopes, start=1)
            ]
            content = replace(bundle, envelopes=tuple(envelopes)).encode()
        for number in parties or sorted(self.services):
            await self.services[PartyNumber(number)].submit(bidder, spec.auction_id, content)
        return bidder


async def _all_have_gone_on() -> None:
    """Let everybody begin what comes next, before the test goes on: whoever will sleep must sleep by then."""
    loop = asyncio.get_running_loop()
    if isinstance(loop, SteppingLoop):
        await loop.until_idle()


@cache
def _identities(size: int) -> list[Identity]:
    """Return the parties' identities; the same for all auctions of a test run, which differ in everything else."""
    return [Identity.new() for _ in range(size)]


def new_bidder() -> Principal:
    uid = str(uuid4())
    return Principal(uid=uid, email=f"{uid}@example.org", is_admin=False)


type StartParties = Callable[..., Awaitable[Parties]]
