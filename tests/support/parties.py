"""Several parties in one process, each with its own storage, joined by a network in memory."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from aukciszek.accounts.tokens import Principal
from aukciszek.auctions.bundle import Bundle
from aukciszek.auctions.desk import PartyContext
from aukciszek.auctions.draft import AuctionDraft
from aukciszek.auctions.house import AuctionHouse
from aukciszek.auctions.identifiers import AuctionId, UserId
from aukciszek.auctions.lifecycle import AuctionState
from aukciszek.auctions.ports import PeerMessage, SessionChannel
from aukciszek.auctions.sealing import BidPlace, seal_bid
from aukciszek.auctions.sealing_keys import SealingPublicKey
from aukciszek.auctions.spec import AuctionSpec
from aukciszek.auctions.view import AuctionView
from aukciszek.cluster import Cluster, PartyEntry, PartyNumber
from aukciszek.errors import AukciszekError
from aukciszek.identity import Identity
from aukciszek.mpc.errors import ChannelClosedError, PartiesMissingError
from aukciszek.mpc.prss import PrssKeys, deal_prss_keys
from aukciszek.storage.auctions import AuctionRepository
from aukciszek.storage.connection import DatabaseConnection, Work
from aukciszek.storage.database import Database


class VirtualClock:
    """A clock that moves when it is told to, and wakes who sleeps. ``ahead_s`` sets one party's clock apart."""

    def __init__(self, of: "VirtualClock | None" = None, ahead_s: float = 0.0) -> None:
        self._of = of
        self._ahead = timedelta(seconds=ahead_s)
        self._now = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
        self._moved = asyncio.Event()

    def now(self) -> datetime:
        return self._now if self._of is None else self._of.now() + self._ahead

    def monotonic_s(self) -> float:
        return self.now().timestamp()

    async def sleep(self, seconds: float) -> None:
        if self._of is not None:
            await self._of.sleep(seconds)
            return
        until = self._now + timedelta(seconds=seconds)
        while self._now < until:
            await self._moved.wait()

    def move(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()


class MemoryLinks:
    """One party's view of the network in memory: the ``PeerNetwork`` of the tests."""

    def __init__(self, network: "MemoryNetwork", own: PartyNumber) -> None:
        self.own = own
        self.size = network.size
        self._network = network

    @property
    def connected(self) -> frozenset[PartyNumber]:
        return frozenset(self._network.up - {self.own}) if self.own in self._network.up else frozenset()

    @property
    def round_s(self) -> float | None:
        return self._network.round_s.get(self.own)

    async def send(self, to: PartyNumber, message: PeerMessage) -> None:
        self._network.post(self.own, to, message)

    def open_channel(self, session_id: bytes, *, round_timeout_s: float) -> SessionChannel:
        return MemorySessionChannel(self._network, session_id, self.own, round_timeout_s)


class MemorySessionChannel:
    """Rounds of one session by way of mailboxes, one for each round and receiver."""

    def __init__(self, network: "MemoryNetwork", session_id: bytes, party: PartyNumber, timeout_s: float) -> None:
        self.party = party
        self.parties = network.size
        self._network = network
        self._session_id = session_id
        self._timeout_s = timeout_s
        self._round = 0
        self._closed = False
        self._expected = network.size

    async def exchange(self, payload: bytes | bytearray | memoryview) -> dict[int, bytes]:
        if self._closed:
            raise ChannelClosedError
        self._round += 1
        place = (self._session_id, self._round)
        boxes = self._network.rounds.setdefault(place, {})
        if self.party in self._network.up:
            boxes[self.party] = bytes(payload)
        self._network.changed()
        deadline = asyncio.create_task(self._network.clock.sleep(self._timeout_s))
        complete = asyncio.create_task(self._network.wait_for(lambda: len(boxes) >= self._expected or self._closed))
        try:
            await asyncio.wait({deadline, complete}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            deadline.cancel()
            complete.cancel()
        if self._closed:
            raise ChannelClosedError
        if len(boxes) < self._network.needed:
            raise PartiesMissingError(set(range(1, self.parties + 1)) - boxes.keys())
        # Who missed a deadline is not waited for again.
        self._expected = len(boxes)
        return {
            party: self._network.tamper(party, self.party, content)
            for party, content in boxes.items()
            if party != self.party
        }

    async def close(self) -> None:
        self._closed = True
        self._network.changed()


class MemoryNetwork:
    """Delivers messages in order, between parties that are both up.

    ``drop`` may lose messages, ``copies`` repeat them, ``tamper`` change what one party sends another in a round; what
    crosses between ``apart`` parties waits until they are together again. ``round_s`` is what parties measured.
    """

    def __init__(self, size: int, needed: int, clock: VirtualClock) -> None:
        self.size = size
        self.needed = needed
        self.clock = clock
        self.up: set[PartyNumber] = set()
        self.rounds: dict[tuple[bytes, int], dict[int, bytes]] = {}
        self.tamper: Callable[[int, int, bytes], bytes] = lambda _sender, _to, content: content
        self.copies = 1
        self.round_s: dict[int, float] = {}
        self.apart: frozenset[PartyNumber] = frozenset()
        self.refused: list[tuple[PartyNumber, PeerMessage, AukciszekError]] = []
        self.drop: Callable[[PartyNumber, PartyNumber, PeerMessage], bool] = lambda _sender, _to, _message: False
        self._houses: dict[PartyNumber, AuctionHouse] = {}
        self._mail: dict[PartyNumber, asyncio.Queue[tuple[PartyNumber, PeerMessage]]] = {}
        self._held: list[tuple[PartyNumber, PartyNumber, PeerMessage]] = []
        self._delivery: dict[PartyNumber, asyncio.Task[None]] = {}
        self._change = asyncio.Event()

    def post(self, sender: PartyNumber, to: PartyNumber, message: PeerMessage) -> None:
        if not {sender, to} <= self.up or self.drop(sender, to, message):
            return
        if (sender in self.apart) != (to in self.apart):
            self._held.append((sender, to, message))
            return
        for _ in range(self.copies):
            self._mail[to].put_nowait((sender, message))

    def heal(self) -> None:
        """Bring parties together again, and deliver what waited."""
        self.apart = frozenset()
        held, self._held = self._held, []
        for sender, to, message in held:
            self.post(sender, to, message)

    @property
    def is_quiet(self) -> bool:
        return all(mail.empty() for mail in self._mail.values())

    async def connect(self, number: PartyNumber, house: AuctionHouse) -> None:
        self._houses[number] = house
        self._mail[number] = asyncio.Queue()
        self._delivery[number] = asyncio.create_task(self._deliver(number))
        self.up.add(number)
        for peer in sorted(self.up - {number}):
            await self._houses[peer].on_connected(number)
            await house.on_connected(peer)
        self.changed()

    def disconnect(self, number: PartyNumber) -> None:
        """Cut a party off; its house goes on."""
        self.up.discard(number)

    async def remove(self, number: PartyNumber) -> None:
        """Cut a party off for good: nothing reaches its house any more."""
        self.disconnect(number)
        delivery = self._delivery.pop(number, None)
        if delivery is not None:
            delivery.cancel()
            await asyncio.gather(delivery, return_exceptions=True)

    async def _deliver(self, number: PartyNumber) -> None:
        while True:
            sender, message = await self._mail[number].get()
            if number in self.up:
                try:
                    await self._houses[number].on_message(sender, message)
                except AukciszekError as error:
                    self.refused.append((sender, message, error))
            self.changed()

    def changed(self) -> None:
        change, self._change = self._change, asyncio.Event()
        change.set()

    async def next_change(self) -> None:
        await self._change.wait()

    async def wait_for(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self.next_change()


@dataclass
class Parties:
    """The parties of a test, and what bidders and auctioneers do with them."""

    directory: Path
    size: int
    threshold: int
    clock: VirtualClock
    network: MemoryNetwork
    identities: list[Identity] = field(default_factory=list)
    prss: list[PrssKeys] = field(default_factory=list)
    houses: dict[PartyNumber, AuctionHouse] = field(default_factory=dict)
    databases: dict[PartyNumber, Database] = field(default_factory=dict)
    repositories: dict[PartyNumber, AuctionRepository] = field(default_factory=dict)
    round_timeout_s: float = 20.0
    skew_s: dict[int, float] = field(default_factory=dict)
    crashes: dict[int, "Crash"] = field(default_factory=dict)
    template: Path | None = None
    """A database that is up to date already, to save the time of making one for each party."""

    def __post_init__(self) -> None:
        self.identities = [Identity.new() for _ in range(self.size)]
        self.prss = deal_prss_keys(self.size, self.threshold)
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

    async def start(self, number: int) -> AuctionHouse:
        party = PartyNumber(number)
        path = self.directory / f"party{number}.db"
        if self.template is not None and not path.exists():
            shutil.copy(self.template, path)
        database = await Database.open(f"sqlite+aiosqlite:///{path}")
        if number in self.crashes:
            self.crashes[number].lurk_in(database)

        async def prss_keys() -> PrssKeys:
            return self.prss[number - 1]

        house = AuctionHouse(
            PartyContext(
                number=party,
                cluster=self.cluster,
                threshold=self.threshold,
                identity=self.identities[number - 1],
                clock=VirtualClock(self.clock, self.skew_s.get(number, 0.0)),
                database=database,
                repository=AuctionRepository(database),
                network=MemoryLinks(self.network, party),
                prss_keys=prss_keys,
                round_timeout_s=self.round_timeout_s,
            )
        )
        self.houses[party], self.databases[party] = house, database
        self.repositories[party] = AuctionRepository(database)
        await house.start()
        await self.network.connect(party, house)
        return house

    async def stop(self, number: int) -> None:
        party = PartyNumber(number)
        await self.network.remove(party)
        await self.houses.pop(party).stop()
        await self.databases.pop(party).close()

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
        for number in parties or sorted(self.houses):
            await self.houses[PartyNumber(number)].create(self.auctioneer, spec.canonical_bytes)
        return spec.auction_id

    async def wait_for_state(
        self, auction: AuctionId, state: AuctionState, parties: Sequence[int] | None = None
    ) -> dict[int, AuctionView]:
        """Wait until all parties have reached a state; fail at once where one stands still."""
        views = {}
        for number in parties or sorted(self.houses):
            house = self.houses[PartyNumber(number)]
            async for _ in house.progress(auction):
                view = await house.auction(auction)
                assert view.failure is None, view.failure
                if view.state is state:
                    break
            views[number] = await house.auction(auction)
            assert views[number].state is state
        return views

    def house(self, number: int) -> AuctionHouse:
        return self.houses[PartyNumber(number)]

    async def wait_for_known(self, auction: AuctionId) -> None:
        """Wait until all parties that are up have heard of an auction."""

        def all_know() -> bool:
            return all(auction in house._processes for house in self.houses.values())

        await self.network.wait_for(all_know)

    async def wait_for_keys(self, auction: AuctionId) -> None:
        """Wait until all parties have the sealing keys of all."""

        def all_have_keys() -> bool:
            return all(not house._processes[auction].keys.missing for house in self.houses.values())

        await self.network.wait_for(all_have_keys)

    async def wait_for_receipts(self, bidder: Principal, auction: AuctionId, *, at: int, of: Sequence[int]) -> None:
        """Wait until a party has a bidder's bundles and, for each, the receipts of some parties."""
        repository = self.repositories[PartyNumber(at)]
        while True:
            heads = await repository.bundles_of(auction, bidder.uid)
            known = [{row.party for row in await repository.receipts(head.digest)} for head in heads]
            if known and all(set(of) <= parties for parties in known):
                return
            await self.network.next_change()

    async def withdraw(self, spec: AuctionSpec, bidder: Principal, revision: int) -> None:
        bundle = Bundle.for_withdrawal(auction=spec.auction_id, bidder=UserId(bidder.uid), revision=revision)
        for house in self.houses.values():
            await house.submit(bidder, spec.auction_id, bundle.encode())

    async def seal(self, spec: AuctionSpec, bidder: Principal, price: str, revision: int = 1) -> bytes:
        view = await self.houses[min(self.houses)].auction(spec.auction_id)
        keys = [SealingPublicKey(signed.content.public_key) for signed in view.sealing_keys]
        place = BidPlace(auction=spec.auction_id, bidder=UserId(bidder.uid), revision=revision)
        bits = spec.grid.bits_of(spec.grid.to_step(price))
        return seal_bid(place, bits, threshold=self.threshold, sealing_keys=keys).encode()

    async def bid(
        self,
        spec: AuctionSpec,
        price: str,
        bidder: Principal | None = None,
        *,
        revision: int = 1,
        parties: Sequence[int] | None = None,
        spoil: int | None = None,
    ) -> Principal:
        """Bid, at all parties or some; ``spoil`` names a party whose envelope is broken on purpose."""
        bidder = bidder or new_bidder()
        content = await self.seal(spec, bidder, price, revision)
        if spoil is not None:
            bundle = Bundle.decode(content)
            envelopes = list(bundle.envelopes)
            envelopes[spoil - 1] = bytes(len(envelopes[spoil - 1]))
            content = replace(bundle, envelopes=tuple(envelopes)).encode()
        for number in parties or sorted(self.houses):
            await self.houses[PartyNumber(number)].submit(bidder, spec.auction_id, content)
        return bidder


class Crash:
    """Ends a party at one of its writes: before it, or after it and before anything is built on it."""

    def __init__(self, *, writes: int, after: bool) -> None:
        self.happened = asyncio.Event()
        self._writes_left = writes
        self._after = after

    def lurk_in(self, database: Database) -> None:
        transaction, write = database.transaction, database.write

        @asynccontextmanager
        async def crashing_transaction() -> AsyncIterator[DatabaseConnection]:
            strikes = self._strikes()
            if strikes and not self._after:
                await self._end()
            async with transaction() as connection:
                yield connection
            if strikes:
                await self._end()

        async def crashing_write[Result](work: Work[Result]) -> Result:
            strikes = self._strikes()
            if strikes and not self._after:
                await self._end()
            result = await write(work)
            if strikes:
                await self._end()
            return result

        # On the instance: whatever this party writes goes through the place where it may end.
        vars(database).update(transaction=crashing_transaction, write=crashing_write)

    def _strikes(self) -> bool:
        self._writes_left -= 1
        return self._writes_left == 0 or self.happened.is_set()

    async def _end(self) -> None:
        self.happened.set()
        await asyncio.Event().wait()


def new_bidder() -> Principal:
    uid = str(uuid4())
    return Principal(uid=uid, email=f"{uid}@example.org", is_admin=False)


type StartParties = Callable[..., Awaitable[Parties]]
