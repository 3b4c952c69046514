"""Auctions under every kind of trouble: a world of parties in one process, driven by a list of operations.

The parties run the product's own code on their own databases; the network between them, the clock and the moment of a
crash are ours. Bidders are honest or in a hurry; the trouble is in :class:`Trouble`. After the last operation the
trouble ends, everybody is back, and :meth:`World.judge` compares what came out with a plain model.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal

from aukciszek.accounts.tokens import Principal
from aukciszek.auctions.agreement import lot_order
from aukciszek.auctions.bundle import Bundle
from aukciszek.auctions.certificate import Certificate
from aukciszek.auctions.errors import AuctionError
from aukciszek.auctions.holdings import HoldingsStatement
from aukciszek.auctions.identifiers import BundleDigest, UserId
from aukciszek.auctions.lifecycle import AuctionState
from aukciszek.auctions.ports import MessageKind, PeerMessage
from aukciszek.auctions.receipts import in_time
from aukciszek.auctions.statements import Receipt, Signed, sign
from aukciszek.cluster import PartyNumber
from aukciszek.mpc.mode import Mode
from support.parties import Crash, MemoryNetwork, Parties, VirtualClock, new_bidder

BIDDERS: Final = 3
DURATION_S: Final = 60
_MOST_STEPS: Final = 600
_ALLOWED_TO_OPEN: Final = {"lot", "input checks of all bundles", "winners", "prices"}

type Side = Literal["before", "after"]


@dataclass(frozen=True)
class Advance:
    """Let time pass."""

    seconds: float


@dataclass(frozen=True)
class Bid:
    """A bidder sends a new revision to some parties, or sends the last one again."""

    bidder: int
    price: int
    parties: frozenset[int]
    again: bool = False
    withdraw: bool = False


@dataclass(frozen=True)
class Stop:
    """A party's process ends."""

    party: int


@dataclass(frozen=True)
class CrashAtWrite:
    """A party's process ends at one of its next writes, before it or after it, and starts again."""

    party: int
    writes: int
    side: Side


@dataclass(frozen=True)
class Start:
    """A party that is down starts."""

    party: int


@dataclass(frozen=True)
class Lose:
    """The network loses the next messages."""

    messages: int


@dataclass(frozen=True)
class Repeat:
    """The network delivers everything twice from now on."""


@dataclass(frozen=True)
class Part:
    """Some parties are cut off from the others."""

    parties: frozenset[int]


@dataclass(frozen=True)
class Heal:
    """The network is whole again."""


@dataclass(frozen=True)
class Lie:
    """Party 1 deviates: it changes what it sends in rounds, denies its receipts, or tells two stories about them."""

    how: Literal["rounds", "deny", "two-stories"]


type Operation = Advance | Bid | Stop | CrashAtWrite | Start | Lose | Repeat | Part | Heal | Lie


@dataclass
class Handed:
    """What a bidder got."""

    receipts: list[Signed[Receipt]] = field(default_factory=list)
    prices: dict[BundleDigest, tuple[int, int, int | None]] = field(default_factory=dict)
    """By bundle: bidder, revision and price; None for a withdrawal."""


class World:
    """One auction, its parties and its bidders."""

    def __init__(self, directory: Path, template: Path, size: int, threshold: int, skew_s: Sequence[float]) -> None:
        self.clock = VirtualClock()
        self.network = MemoryNetwork(size, Mode(size, threshold).needed, self.clock)
        self.parties = Parties(directory, size, threshold, self.clock, self.network, template=template)
        self.parties.skew_s = dict(enumerate(skew_s, start=1))
        self.parties.round_timeout_s = 10.0
        self.handed = Handed()
        self._bidders = [new_bidder() for _ in range(BIDDERS)]
        self._revisions = [0] * BIDDERS
        self._last: list[bytes | None] = [None] * BIDDERS

    async def run(self, operations: Sequence[Operation]) -> None:
        """Live through a history, then judge it."""
        try:
            for number in range(1, self.parties.size + 1):
                await self.parties.start(number)
            self.spec = self.parties.draft(maximum="7", closes_at=self._from_now(DURATION_S), minimum="0")
            await self.parties.create(self.spec)
            await self._settle(lambda: self._all_in({AuctionState.OPEN}))
            for operation in operations:
                await self._do(operation)
                await self._pass_time(0.1)
            await self._end_all_trouble()
            await self._settle(lambda: self._all_in({AuctionState.FINAL}))
            await self.judge()
        finally:
            for number in list(self.parties.houses):
                await self.parties.stop(number)

    async def judge(self) -> None:
        """Check what must hold whatever happened."""
        certificates = [await house.certificate(self.spec.auction_id) for house in self.parties.houses.values()]
        assert len({one.body.digest for one in certificates}) == 1, "honest parties have different outcomes"
        await self._check_receipts_are_durable()
        await self._check_outcome(certificates[0])
        for house in self.parties.houses.values():
            for entry in (await house.record(self.spec.auction_id)).entries:
                opened = entry.details.get("revealed", [])
                assert isinstance(opened, list)
                reasons = {one["reason"] for one in opened if isinstance(one, dict)}
                assert reasons <= _ALLOWED_TO_OPEN, reasons

    async def _check_receipts_are_durable(self) -> None:
        for receipt in self.handed.receipts:
            content = receipt.content
            heads = await self.parties.repositories[content.party].own_receipts(self.spec.auction_id)
            stored = {head.digest: head.received_at for head in heads}
            assert stored.get(content.bundle) == content.received_at, "a receipt was given for something not durable"

    async def _check_outcome(self, certificate: Certificate) -> None:
        signers = await self._punctual_signers()
        body, threshold = certificate.body, self.parties.threshold
        counting = {digest for digest, parties in signers.items() if len(parties) > threshold}
        # Who is lost for good may take along what only it and t others know; where nobody can be lost, nothing is open.
        can_be_lost = self.parties.size - self.network.needed
        open_to_doubt = {digest for digest in counting if len(signers[digest]) <= threshold + can_be_lost}
        doubtful_bidders = {self.handed.prices[digest][0] for digest in open_to_doubt}
        latest: dict[int, BundleDigest] = {}
        for digest in sorted(counting, key=lambda digest: self.handed.prices[digest][1]):
            latest[self.handed.prices[digest][0]] = digest
        expected = {digest for digest in latest.values() if self.handed.prices[digest][2] is not None}
        for digest in expected ^ set(body.bids):
            assert self.handed.prices[digest][0] in doubtful_bidders, "other bids count than the rules say"
        assert set(body.bids) <= counting, "a bid counts that too few parties signed for"
        self._check_winner(certificate)

    def _check_winner(self, certificate: Certificate) -> None:
        body = certificate.body
        prices = {digest: self.handed.prices[digest][2] for digest in body.bids}
        bids = {digest: price for digest, price in prices.items() if price is not None}
        assert bids.keys() == prices.keys(), "a withdrawal counts as a bid"
        if not bids:
            assert body.outcome == "too-few-bids"
            return
        best = min(bids.values())
        first = next(digest for digest in lot_order(bytes.fromhex(body.lot or ""), body.bids) if bids[digest] == best)
        assert [one.bundle for one in body.winners] == [first]
        assert body.prices == (str(best),)

    async def _punctual_signers(self) -> dict[BundleDigest, set[int]]:
        """Return, by bundle, the parties on whose disks it lies with a receipt in time."""
        signers: dict[BundleDigest, set[int]] = {}
        for number, repository in self.parties.repositories.items():
            for head in await repository.own_receipts(self.spec.auction_id):
                if head.received_at is not None and in_time(head.received_at, self.spec.closes_at):
                    signers.setdefault(BundleDigest(head.digest), set()).add(number)
        return signers

    async def _do(self, operation: Operation) -> None:
        match operation:
            case Advance(seconds):
                await self._pass_time(seconds)
            case Bid():
                await self._bid(operation)
            case Stop(party) if party in self.parties.houses:
                await self.parties.stop(party)
            case Start(party) if party not in self.parties.houses:
                await self.parties.start(party)
            case CrashAtWrite(party, writes, side) if party in self.parties.houses:
                crash = Crash(writes=writes, after=side == "after")
                self.parties.crashes[party] = crash
                crash.lurk_in(self.parties.databases[PartyNumber(party)])
            case Lose(messages):
                self._lose(messages)
            case Lie(how):
                await self._lie(how)
            case Repeat() | Part() | Heal():
                self._trouble_network(operation)

    def _trouble_network(self, operation: Repeat | Part | Heal) -> None:
        match operation:
            case Repeat():
                self.network.copies = 2
            case Part(parties):
                self.network.apart = frozenset(PartyNumber(party) for party in parties)
            case Heal():
                self.network.heal()

    async def _bid(self, bid: Bid) -> None:
        bidder = self._bidders[bid.bidder]
        content = self._last[bid.bidder] if bid.again else await self._new_revision(bid, bidder)
        if content is None:
            return
        for number in sorted(bid.parties & self.parties.houses.keys()):
            submission = asyncio.create_task(self.parties.house(number).submit(bidder, self.spec.auction_id, content))
            await self._finish_or_crash(submission, number)
            if submission.done() and not submission.cancelled() and submission.exception() is None:
                self.handed.receipts.append(submission.result().receipt)
            elif submission.done() and not submission.cancelled():
                assert isinstance(submission.exception(), AuctionError), submission.exception()

    async def _new_revision(self, bid: Bid, bidder: Principal) -> bytes | None:
        self._revisions[bid.bidder] += 1
        revision = self._revisions[bid.bidder]
        if bid.withdraw:
            bundle = Bundle.for_withdrawal(auction=self.spec.auction_id, bidder=UserId(bidder.uid), revision=revision)
            content = bundle.encode()
        elif self.parties.houses:
            content = await self.parties.seal(self.spec, bidder, str(bid.price), revision)
        else:
            return None
        digest = Bundle.decode(content).digest()
        self.handed.prices[digest] = (bid.bidder, revision, None if bid.withdraw else bid.price)
        self._last[bid.bidder] = content
        return content

    async def _finish_or_crash(self, task: "asyncio.Task[object]", number: int) -> None:
        crash = self.parties.crashes.get(number)
        waits: set[asyncio.Task[object]] = {task}
        if crash is not None:
            waits.add(asyncio.create_task(crash.happened.wait()))
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for one in waits:
            if not one.done():
                one.cancel()
                await asyncio.gather(one, return_exceptions=True)

    def _lose(self, messages: int) -> None:
        left = messages

        def drop(_sender: PartyNumber, _to: PartyNumber, _message: PeerMessage) -> bool:
            nonlocal left
            left -= 1
            return left >= 0

        self.network.drop = drop

    async def _lie(self, how: str) -> None:
        if how == "rounds":

            def tamper(sender: int, to: int, content: bytes) -> bytes:
                return bytes([content[0] ^ to, *content[1:]]) if sender == 1 and content else content

            self.network.tamper = tamper
        elif how == "deny":
            self._let_party_1_deny()
        else:
            empty = sign(HoldingsStatement.of(self.spec.auction_id, PartyNumber(1), []), self.parties.identities[0])
            message = PeerMessage(MessageKind.HOLDINGS, self.spec.auction_id, empty.encode())
            for number in (2, 3):
                self.network.post(PartyNumber(1), PartyNumber(number), message)

    def _let_party_1_deny(self) -> None:
        house = self.parties.houses.get(PartyNumber(1))
        process = None if house is None else house._processes.get(self.spec.auction_id)
        if process is not None:

            async def send_nothing(_to: object) -> None:
                return

            # Its receipts still reach the others by replication; its list comes only when it is asked for.
            vars(process.gathering).update(announce=send_nothing)

    async def _end_all_trouble(self) -> None:
        self.network.heal()
        self.network.drop = lambda _sender, _to, _message: False
        self.network.copies = 1
        self.network.tamper = lambda _sender, _to, content: content
        for number in range(1, self.parties.size + 1):
            self.parties.crashes.pop(number, None)
            if number in self.parties.houses:
                await self.parties.stop(number)
            await self.parties.start(number)

    async def _pass_time(self, seconds: float) -> None:
        """Let time pass in steps, each when everybody has done what there was to do; crashed parties start again."""
        left = seconds
        while left > 0:
            step = min(left, 1.0)
            self.clock.move(step)
            left -= step
            await self._until_quiet()

    async def _until_quiet(self) -> None:
        quiet = 0
        while quiet < 2:
            await self._start_the_crashed()
            await asyncio.sleep(0.001)
            quiet = quiet + 1 if self.network.is_quiet else 0

    async def _start_the_crashed(self) -> None:
        for number, crash in list(self.parties.crashes.items()):
            if crash.happened.is_set():
                del self.parties.crashes[number]
                if number in self.parties.houses:
                    await self.parties.stop(number)
                    await self.parties.start(number)

    async def _settle(self, condition: Callable[[], Awaitable[bool]]) -> None:
        for _ in range(_MOST_STEPS):
            if await condition():
                return
            self.clock.move(0.5)
            await self._until_quiet()
        states = [(await house.auction(self.spec.auction_id)) for house in self.parties.houses.values()]
        raise AssertionError(f"nothing moves any more: {[(one.state, one.waiting_for, one.failure) for one in states]}")

    async def _all_in(self, states: set[AuctionState]) -> bool:
        return all(
            [(await house.auction(self.spec.auction_id)).state in states for house in self.parties.houses.values()]
        )

    def _from_now(self, seconds: float) -> datetime:
        return self.clock.now() + timedelta(seconds=seconds)
