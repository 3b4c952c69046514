"""Many auctions that close at the same moment, at parties that compute few sessions at once.

Like :mod:`simulation.world` it runs the product's own code in one thread, in the parties' own time; here the links are
slow, each in its own way, so that sessions take seconds and the parties see things in different orders.
"""

import asyncio
import random
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import timedelta

from aukciszek.auctions.context.peer_network import MessageKind
from aukciszek.auctions.session.readiness import Proposal
from aukciszek.cluster import PartyNumber
from aukciszek.mpc.mode import Mode
from aukciszek.protocol.rules.identifiers import AuctionId
from aukciszek.protocol.rules.spec import AuctionSpec
from aukciszek.protocol.rules.states import WAITING_FOR_SLOT, AuctionState
from support.insides import parts_at, processes_at
from support.memory_network import Round
from support.parties import MemoryNetwork, Parties, VirtualClock
from support.stepping_loop import SteppingLoop

_DURATION_S = 60.0


@dataclass
class Crowd:
    """The parties and their auctions."""

    parties: Parties
    specs: list[AuctionSpec] = field(default_factory=list)
    most_held: int = 0
    waited: set[AuctionId] = field(default_factory=set)
    """Those that were seen waiting for a slot."""
    sessions: dict[bytes, AuctionId] = field(default_factory=dict)
    """Which session was convened for which auction."""

    @classmethod
    async def gather(cls, size: int, threshold: int, *, auctions: int, slots: int = 1, seed: int = 0) -> "Crowd":
        """Start parties and open auctions, each with two bids, that close together."""
        chance = random.Random(seed)  # noqa: S311 -- decides what happens, and protects nothing
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SteppingLoop)
        clock = VirtualClock()
        network = MemoryNetwork(size, Mode(size, threshold).needed, clock)
        parties = Parties(None, size, threshold, clock, network, pause=loop.pause, most_sessions=slots)
        crowd = cls(parties)
        network.on_sent = crowd._on_sent
        for number in range(1, size + 1):
            await parties.start(number)
        await crowd._open(auctions)
        for sender in range(1, size + 1):
            for to in range(1, size + 1):
                network.slow_s[PartyNumber(sender), PartyNumber(to)] = 0.05 * chance.randint(1, 4)
        return crowd

    async def close(self) -> None:
        """Let time pass until all auctions have just closed."""
        until = self.parties.clock.now() + timedelta(seconds=_DURATION_S)
        await self.pass_time_until(lambda: self.parties.clock.now() > until, seconds=_DURATION_S + 5)

    def states(self, number: int, auctions: Collection[AuctionId] | None = None) -> set[str]:
        """Return what a party has stored about where auctions stand."""
        rows = self.parties.disks[PartyNumber(number)].raw.execute("SELECT id, state FROM auctions").fetchall()
        return {state for auction, state in rows if auctions is None or auction in auctions}

    async def all_are_final(
        self, *, at: Collection[int] = (), auctions: Collection[AuctionId] | None = None, seconds: float = 900.0
    ) -> None:
        """Wait until auctions (all, without ``auctions``) are final at some parties (all, without ``at``)."""
        numbers = at or sorted(self.parties.services)
        await self.pass_time_until(
            lambda: all(self.states(number, auctions) == {AuctionState.FINAL.value} for number in numbers),
            seconds=seconds,
        )

    async def pass_time_until(self, condition: Callable[[], bool], *, seconds: float) -> None:
        """Let time pass, from one moment at which somebody wakes to the next, each time until all have gone on."""
        loop, clock = asyncio.get_running_loop(), self.parties.clock
        assert isinstance(loop, SteppingLoop)
        until = clock.now() + timedelta(seconds=seconds)
        await loop.until_idle()
        while not condition():
            if clock.now() >= until:
                raise AssertionError(
                    f"nothing moves any more: { {n: self._standing(n) for n in self.parties.services} }"
                )
            clock.move(max(0.0001, clock.until_next_s() or 1.0))
            await loop.until_idle()
            self._look()

    async def pass_time_for(self, seconds: float) -> None:
        """Let so much time pass."""
        until = self.parties.clock.now() + timedelta(seconds=seconds)
        await self.pass_time_until(lambda: self.parties.clock.now() >= until, seconds=seconds + 60)

    async def end(self) -> None:
        """Stop everybody."""
        for number in list(self.parties.services):
            await self.parties.stop(number)
        for disk in self.parties.disks.values():
            disk.close()

    def lose_rounds(self, sender: int, auction: AuctionId | None = None) -> None:
        """From now on a party comes to no session (of an auction), although it says that it is ready."""

        def loses(party: PartyNumber, _to: PartyNumber, content: Round) -> bool:
            return party == sender and (auction is None or self.sessions.get(content.session) == auction)

        self.parties.network.drop_round = loses

    def sessions_of(self, auction: AuctionId) -> int:
        """Return how many sessions were convened for an auction."""
        return sum(one == auction for one in self.sessions.values())

    async def _open(self, auctions: int) -> None:
        now = self.parties.clock.now()
        self.specs = [
            self.parties.draft(maximum="3", closes_at=now + timedelta(seconds=_DURATION_S)) for _ in range(auctions)
        ]
        for spec in self.specs:
            await self.parties.create(spec)
            await self.parties.wait_for_state(spec.auction_id, AuctionState.OPEN)
            for price in "12":
                await self.parties.bid(spec, price)

    def _look(self) -> None:
        for service in self.parties.services.values():
            self.most_held = max(self.most_held, service._party.computing.held)
            for auction, process in processes_at(service).items():
                assert process._failure is None, process._failure
                if process._context.stage.name == WAITING_FOR_SLOT:
                    self.waited.add(auction)

    def _standing(self, number: PartyNumber) -> dict[str, object]:
        service = self.parties.services[number]
        return {
            auction[:6]: (process.progress(), process._parts.setup.priority)
            for auction, process in processes_at(service).items()
        }

    def _on_sent(self, _sender: PartyNumber, message: object) -> None:
        kind, auction = getattr(message, "kind", None), getattr(message, "auction", None)
        if kind is MessageKind.PROPOSAL and auction is not None:
            quorum = Mode(self.parties.size, self.parties.threshold).needed
            content = getattr(message, "body")  # noqa: B009 -- see above
            proposal = Proposal.read(content, self.parties.cluster, auction, quorum)
            self.sessions[proposal.session_id(auction)] = auction

    def spread_attempts(self) -> None:
        """Let each auction be at another attempt, as after failures, so that another party convenes each."""
        for attempt, spec in enumerate(self.specs):
            for number, service in self.parties.services.items():
                raw = self.parties.disks[number].raw
                raw.execute("UPDATE auctions SET attempt = ? WHERE id = ?", (attempt, spec.auction_id))
                parts_at(service, spec.auction_id).attempts.resume(attempt)
