"""Lives through a history: a cluster in one process, driven by a list of operations.

The parties run the product's own code; the network between them, their disks, the time and the moment of a crash are
ours (``tests/support``). After the last operation all trouble ends and everybody starts anew; then every auction must
end, and :mod:`simulation.properties` compares what came out with a plain model.
"""

import asyncio
import random
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import datetime, timedelta
from typing import Final

from aukciszek.auctions.intake.replay import Accepted
from aukciszek.auctions.service import AuctionService
from aukciszek.cluster import PartyNumber
from aukciszek.mpc.mode import Mode
from aukciszek.protocol.rules.errors import AuctionError
from aukciszek.protocol.rules.states import AuctionState
from aukciszek.protocol.sealing.keys import SealingPublicKey
from aukciszek.storage.errors import StorageError
from simulation.bidding import Bidders
from simulation.corruption import CorruptParty
from simulation.observation import Watch
from simulation.operations import (
    DURATION_S,
    HIGHEST_PRICE,
    Advance,
    AdvanceToClose,
    Bid,
    HandOn,
    Heal,
    History,
    Lie,
    Lose,
    Operation,
    Order,
    Part,
    Repeat,
    Restore,
    Save,
    Shuffle,
    Skew,
    Slow,
    Spoil,
    Start,
    Stop,
    Wipe,
)
from support.insides import processes_at
from support.memory_disk import Mishap
from support.memory_network import Content
from support.parties import MemoryNetwork, Parties, VirtualClock
from support.stepping_loop import SteppingLoop

_ALONE_S: Final = 120.0
"""How long the honest parties have to find out what a corrupt party knows."""

_LIVENESS_TIMEOUT_S: Final = 900.0
"""How long, by the parties' own clock, an auction may take to end once all trouble is over."""


class World:
    """One auction, its parties and its bidders."""

    def __init__(self, history: History) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SteppingLoop)
        chance = random.Random(history.seed)  # noqa: S311 -- decides what happens, and protects nothing
        loop.turns = lambda: chance.randrange(3)
        self.history = history
        self.clock = VirtualClock()
        self.network = MemoryNetwork(history.size, Mode(history.size, history.threshold).needed, self.clock)
        self.parties = Parties(None, history.size, history.threshold, self.clock, self.network, pause=loop.pause)
        self.parties.round_timeout_s = 10.0
        self.watch = Watch(self.parties)
        self._loop = loop
        self._chance = chance
        self.ordered: dict[str, set[int]] = {"close": set(), "cancel": set()}
        self.restored: set[int] = set()
        """The party that lost its memory, or went back to a backup, if one did."""
        self._returns = 0
        self._backup: bytes | None = None
        self._staying_down: set[int] = set()
        self._errands: set[asyncio.Task[None]] = set()
        rules = history.rules
        self.spec = self.parties.draft(
            minimum="0",
            maximum=str(HIGHEST_PRICE),
            closes_at=self.clock.now() + timedelta(seconds=DURATION_S),
            format=rules.format,
            direction=rules.direction,
            winners=rules.winners,
            reserve_price=None if rules.reserve is None else str(rules.reserve),
            minimum_bids=rules.minimum_bids,
        )
        self.bidders = Bidders(self.spec, history.threshold)
        self._loser = PartyNumber(min(history.loser, history.size))
        self._corrupt_party = CorruptParty(
            min(history.corrupt_party, history.size), self.parties, self.spec, history.seed
        )
        self.watch.learned.is_truthful = lambda: self._corrupt_party.only_withheld

    @property
    def corrupt_party(self) -> int | None:
        """The party that lied, if one did."""
        return next(iter(self.watch.dishonest), None)

    @property
    def honest(self) -> dict[PartyNumber, AuctionService]:
        """The parties whose word counts."""
        return {number: service for number, service in self.parties.services.items() if number != self.corrupt_party}

    async def play_history(self) -> None:
        """Live through the history, to the end of the auction."""
        with self.watch.watching(), self._corrupt_party.at_work():
            try:
                await self._live()
            finally:
                for errand in self._errands:
                    errand.cancel()
                await asyncio.gather(*self._errands, return_exceptions=True)

    async def end(self) -> None:
        """Stop everybody."""
        for number in list(self.parties.services):
            await self.parties.stop(number)
        for disk in self.parties.disks.values():
            disk.close()

    async def _live(self) -> None:
        for number in range(1, self.parties.size + 1):
            await self.parties.start(number)
        await self.parties.create(self.spec, sorted(self.history.heard_by & self.parties.services.keys()))
        if self.history.waits_for_opening:
            await self._settle(lambda: self._all_in({AuctionState.OPEN}))
        for operation in self.history.operations:
            await self._do(operation)
            if not (isinstance(operation, Bid) and operation.rush):
                await self._until_quiet()
        if self.history.alone and self.corrupt_party is not None and not self.restored:
            await self._leave_alone(self.corrupt_party)
        await self._end_all_trouble()
        await self._settle(lambda: self._all_in({AuctionState.FINAL}) or self._all_in({AuctionState.CANCELLED}))

    async def _leave_alone(self, corrupt_party: int) -> None:
        """Let the honest parties go on without the corrupt one: who knows an outcome cannot keep it from the others."""
        await self._until_quiet()
        if corrupt_party in self.parties.services:
            await self.parties.stop(corrupt_party)
        await self._calm_network()
        for number in range(1, self.parties.size + 1):
            if number != corrupt_party:
                if number in self.parties.services:
                    await self.parties.stop(number)
                await self.parties.start(number)
        await self._until_quiet()
        await self._pass_time(_ALONE_S)
        if self.watch.learned.known_to_corrupt_party:
            states = {number: state for number, state in self._states().items() if number != corrupt_party}
            known = {AuctionState.SIGNING.value, AuctionState.FINAL.value}
            assert set(states.values()) <= known, (
                f"a corrupt party knows the outcome and keeps it from others: {states}"
            )

    async def _do(self, operation: Operation) -> None:  # noqa: C901, PLR0912 -- one case for each operation
        match operation:
            case Advance(seconds):
                await self._pass_time(seconds)
            case AdvanceToClose(offset_s):
                await self._pass_time((self.spec.closes_at - self.clock.now()).total_seconds() + offset_s)
            case Bid():
                await self._bid(operation)
                for _ in range(self._chance.randrange(8) if operation.rush else 0):
                    await asyncio.sleep(0)
            case Order(kind, parties):
                for number in sorted(parties & self.parties.services.keys()):
                    self._errand(self._order(kind, number))
            case HandOn(bidder, parties, along):
                for number in sorted(parties & self.parties.services.keys()):
                    self._errand(self._relay_receipts(bidder, number, along=along))
            case Stop(party) if party in self.parties.services:
                await self.parties.stop(party)
            case Start(party) if party not in self.parties.services:
                await self._start(party)
            case Save():
                self._backup = self.parties.disks[self._loser].raw.serialize()
            case Restore() if self._backup is not None and _has_auction(self._backup):
                await self._restore(self._backup)
            case Wipe() if "unknown" not in self._states().values():
                await self._wipe()
            case Spoil(party, writes, how, times, state, stays_down) if party in self.parties.services:
                (self._staying_down.add if stays_down else self._staying_down.discard)(party)
                self.parties.stores[PartyNumber(party)].mishap = Mishap(how, writes, times, state)
            case Lose(messages, every):
                self._lose(messages, every)
            case Skew(party, ahead_s):
                self.parties.skew_s[party] = ahead_s
                self.parties.clocks[PartyNumber(party)].ahead_s = ahead_s
            case Lie():
                self.watch.lies(min(self.history.corrupt_party, self.history.size))
                self._corrupt_party.begin(operation)
            case Repeat() | Shuffle() | Slow() | Part() | Heal():
                await self._trouble_network(operation)

    async def _trouble_network(self, operation: Repeat | Shuffle | Slow | Part | Heal) -> None:
        match operation:
            case Repeat():
                self.network.copies = 2
            case Shuffle():
                self.network.shuffles = self._chance
            case Slow(sender, to, seconds):
                self.network.slow_s[PartyNumber(sender), PartyNumber(to)] = seconds
            case Part(parties, loses) if not self.network.apart:
                self.network.apart = frozenset(PartyNumber(party) for party in parties)
                self.network.loses_what_crosses = loses
            case Heal():
                await self.network.heal()

    def _lose(self, messages: int, every: int) -> None:
        seen = 0

        def loses(_sender: PartyNumber, _to: PartyNumber, _content: Content) -> bool:
            nonlocal seen
            seen += 1
            return seen <= messages * every and seen % every == 0

        self.network.drop = loses

    async def _bid(self, bid: Bid) -> None:
        contents = self.bidders.last.get(bid.bidder, []) if bid.again else self.bidders.seal(bid, self._sealing_keys())
        if not contents:
            return
        for number in sorted(bid.parties & self.parties.services.keys()):
            content = contents[-1] if number in bid.twin else contents[0]
            self._errand(self._submit(bid.bidder, number, content))

    def _sealing_keys(self) -> list[SealingPublicKey] | None:
        """Return the keys that a bidder gets: the same ones from every honest party, or none."""
        for service in self.honest.values():
            process = processes_at(service).get(self.spec.auction_id)
            if process is not None and not process._parts.keys.missing:
                return [SealingPublicKey(signed.content.public_key) for signed in process._parts.keys.statements]
        return None

    async def _submit(self, bidder: int, number: int, content: bytes) -> None:
        party, before = PartyNumber(number), self._time_at(number)
        ahead_s, returns = self.parties.clocks[party].ahead_s, self._returns
        accepted: Accepted | None = await self._unless_it_dies(
            party, self.parties.service(number).submit(self.bidders.people[bidder], self.spec.auction_id, content)
        )
        if accepted is None:
            return
        self.bidders.receipts.append(accepted.receipt)
        receipt = accepted.receipt.content
        if returns == self._returns or number not in self.restored:  # else its disk may be an older one by now
            self.watch.check_receipt(number, receipt.bundle)
        if accepted.is_new:
            if self.parties.clocks[party].ahead_s == ahead_s:  # else the clock was set meanwhile
                assert before <= receipt.received_at <= self._time_at(number), "a receipt carries another time"
            assert receipt.received_at <= self.spec.closes_at, "a receipt was given after the close"

    async def _relay_receipts(self, bidder: int, number: int, *, along: bool) -> None:
        """Show a party the receipts for a bidder's last bundle, and say whether it heard of them before its list."""
        handed = self.bidders.relayed(bidder, along=along)
        service = self.parties.service(number)
        process = processes_at(service).get(self.spec.auction_id)
        if handed is None or process is None:
            return
        known = await self._unless_it_dies(PartyNumber(number), service.relay_receipts(self.spec.auction_id, handed))
        if known is not None and process.state in {AuctionState.CREATED, AuctionState.OPEN}:
            self.bidders.shown.setdefault(known[0], set()).add(number)

    async def _order(self, kind: str, number: int) -> None:
        service = self.parties.service(number)
        give = service.close if kind == "close" else service.cancel
        if await self._unless_it_dies(PartyNumber(number), give(self.parties.auctioneer, self.spec.auction_id)):
            self.ordered[kind].add(number)

    async def _unless_it_dies[Result](self, party: PartyNumber, request: Awaitable[Result]) -> Result | None:
        """Wait for an answer; ``None`` when it was a refusal, or the party's process ended instead."""
        answer = asyncio.ensure_future(request)
        death = asyncio.ensure_future(self.parties.stores[party].died.wait())
        try:
            await asyncio.wait({answer, death}, return_when=asyncio.FIRST_COMPLETED)
            return answer.result() if answer.done() else None
        except (AuctionError, StorageError):
            return None
        finally:
            for one in (answer, death):
                one.cancel()
            await asyncio.gather(answer, death, return_exceptions=True)

    def _errand(self, work: Awaitable[None]) -> None:
        self._errands.add(asyncio.ensure_future(work))

    def _time_at(self, party: int) -> datetime:
        return self.parties.clocks[PartyNumber(party)].now()

    async def _end_all_trouble(self) -> None:
        await self._until_quiet()
        self._corrupt_party.end()
        await self._calm_network()
        for number in range(1, self.parties.size + 1):
            if number in self.parties.services:
                await self.parties.stop(number)
            await self.parties.start(number)

    async def _calm_network(self) -> None:
        await self.network.heal()
        self.network.drop = lambda _sender, _to, _content: False
        self.network.copies, self.network.shuffles = 1, None
        self.network.slow_s.clear()

    async def _restore(self, backup: bytes) -> None:
        if self._loser in self.parties.services:
            await self.parties.stop(self._loser)
        self.restored.add(self._loser)
        self._returns += 1
        await self.parties.prepare_restored(self._loser, backup)
        await self.parties.start(self._loser)

    async def _wipe(self) -> None:
        """Let the party that loses its machine start with an empty database."""
        if self._loser in self.parties.services:
            await self.parties.stop(self._loser)
        self.restored.add(self._loser)
        self._returns += 1
        self.parties.wipe(self._loser)
        await self.parties.start(self._loser)

    async def _start(self, number: int) -> None:
        await self.parties.start(number)

    async def _pass_time(self, seconds: float) -> None:
        """Let time pass, from one moment at which somebody wakes to the next, each time until all have gone on."""
        until = self.clock.now() + timedelta(seconds=seconds)
        while (left_s := (until - self.clock.now()).total_seconds()) > 0:
            next_s = self.clock.until_next_s()
            self.clock.move(left_s if next_s is None else min(left_s, next_s))
            await self._until_quiet()

    async def _until_quiet(self) -> None:
        """Return when nothing more happens without time passing; parties whose process has ended start again."""
        while True:
            await self._loop.until_idle()
            ended = [number for number, store in self.parties.stores.items() if store.died.is_set()]
            ended = [number for number in ended if number in self.parties.services]
            self.watch.raise_violations()
            for errand in [errand for errand in self._errands if errand.done()]:
                self._errands.discard(errand)
                errand.result()
            if not ended:
                return
            for number in ended:
                await self.parties.stop(number)
                if number not in self._staying_down:
                    await self.parties.start(number)

    async def _settle(self, condition: Callable[[], bool]) -> None:
        await self._until_quiet()
        until = self.clock.now() + timedelta(seconds=_LIVENESS_TIMEOUT_S)
        while not condition():
            if self.clock.now() >= until:
                raise AssertionError(f"nothing moves any more: {self._states()}")
            await self._pass_time(max(0.001, self.clock.until_next_s() or 1.0))

    def _all_in(self, states: set[AuctionState]) -> bool:
        return set(self._states().values()) <= {state.value for state in states}

    def _states(self) -> dict[int, str]:
        """Return what is stored at each party about where the auction stands."""
        found = {}
        for number, disk in self.parties.disks.items():
            rows = disk.raw.execute("SELECT state FROM auctions").fetchall()
            found[int(number)] = rows[0][0] if rows else "unknown"
            service = self.parties.services.get(number)
            process = None if service is None else processes_at(service).get(self.spec.auction_id)
            if process is not None and process._failure is not None:
                raise AssertionError(
                    f"party {number} stands still: {process._failure.code}: {process._failure.message}"
                )
        return found


def _has_auction(backup: bytes) -> bool:
    """Whether a backup holds the sealing key: an older one is worth nothing."""
    with closing(sqlite3.connect(":memory:")) as database:
        database.deserialize(backup)
        return bool(database.execute("SELECT 1 FROM auctions").fetchall())
