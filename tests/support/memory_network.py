"""The links between parties, in memory, and everything that can go wrong on them."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from aukciszek.auctions.context.peer_network import PeerMessage, SessionChannel
from aukciszek.auctions.service import AuctionService
from aukciszek.cluster import PartyNumber
from aukciszek.errors import AukciszekError
from aukciszek.mpc.errors import ChannelClosedError, PartiesMissingError
from aukciszek.storage.errors import StorageFaultError
from support.virtual_clock import VirtualClock


@dataclass(frozen=True)
class Round:
    """One party's payload of one round of a session."""

    session: bytes
    number: int
    payload: bytes = field(repr=False)


@dataclass(frozen=True)
class Leave:
    """What a party's links say when it ends a session, however that ends: it sends no more rounds."""

    session: bytes


type Content = PeerMessage | Round | Leave

STORAGE_RETRY_S = 2.0
"""When a message is handed over again that could not be stored."""


class _Inbox:
    """What arrived for one party of one session, by round and sender."""

    def __init__(self) -> None:
        self._rounds: defaultdict[int, dict[int, bytes]] = defaultdict(dict)
        self._left: set[int] = set()
        self._changed = asyncio.Event()

    def put(self, number: int, sender: int, payload: bytes) -> None:
        self._rounds[number].setdefault(sender, payload)
        self.notify()

    def leave(self, sender: int) -> None:
        """Note that a sender sends no more."""
        self._left.add(sender)
        self.notify()

    def gone(self, number: int) -> set[int]:
        """Return the senders that have left without sending this round."""
        return self._left - self._rounds[number].keys()

    def notify(self) -> None:
        self._changed.set()

    async def wait_for(self, number: int, senders: set[int], is_over: Callable[[], bool]) -> dict[int, bytes]:
        """Wait until all of these have sent a round or left, or it is over; return what is here."""
        while not is_over() and not senders <= self._rounds[number].keys() | self._left:
            self._changed.clear()
            await self._changed.wait()
        return self._rounds.pop(number)


class _Mailbox:
    """Messages of one party to another."""

    def __init__(self) -> None:
        self._waiting: list[PeerMessage] = []
        self._something = asyncio.Event()

    def put(self, message: PeerMessage) -> None:
        self._waiting.append(message)
        self._something.set()

    async def take(self, shuffles: Callable[[], random.Random | None]) -> PeerMessage:
        while not self._waiting:
            self._something.clear()
            await self._something.wait()
        chance = shuffles()
        return self._waiting.pop(0 if chance is None else chance.randrange(len(self._waiting)))


class MemoryLinks:
    """One party's view of the network in memory: the ``PeerNetwork`` of the tests."""

    def __init__(self, network: "MemoryNetwork", own: PartyNumber) -> None:
        self.own = own
        self.size = network.size
        self._network = network

    @property
    def connected(self) -> frozenset[PartyNumber]:
        network = self._network
        return frozenset(peer for peer in network.up if peer != self.own and network.joins(self.own, peer))

    @property
    def round_s(self) -> float | None:
        return self._network.round_s.get(self.own)

    async def send(self, to: PartyNumber, message: PeerMessage) -> None:
        self._network.post(self.own, to, message)

    def open_channel(
        self, session_id: bytes, *, round_timeout_s: float, first_timeout_s: float | None = None
    ) -> SessionChannel:
        first_s = round_timeout_s if first_timeout_s is None else first_timeout_s
        return MemorySessionChannel(self._network, session_id, self.own, (first_s, round_timeout_s))


class MemorySessionChannel:
    """Rounds of one session at one party."""

    def __init__(
        self, network: "MemoryNetwork", session_id: bytes, party: PartyNumber, timeouts_s: tuple[float, float]
    ) -> None:
        self.party = party
        self.parties = network.size
        self._network = network
        self._session_id = session_id
        self._timeouts_s = timeouts_s
        self._round = 0
        self._closed = False
        self._inbox = network.inbox(session_id, party)
        self._awaited = set(range(1, network.size + 1)) - {party}

    async def exchange(self, payload: bytes | bytearray | memoryview) -> dict[int, bytes]:
        return await self.exchange_each(dict.fromkeys(range(1, self.parties + 1), payload))

    async def exchange_each(self, payloads: Mapping[int, bytes | bytearray | memoryview]) -> dict[int, bytes]:
        if self._closed:
            raise ChannelClosedError
        self._round += 1
        network = self._network
        for peer in range(1, self.parties + 1):
            if peer != self.party:
                network.post(self.party, PartyNumber(peer), Round(self._session_id, self._round, bytes(payloads[peer])))
        over = False

        async def time_out() -> None:
            nonlocal over
            await network.clock.sleep(self._timeouts_s[self._round > 1])
            over = True
            self._inbox.notify()

        deadline = asyncio.create_task(time_out())

        def is_over() -> bool:
            expected = len(self._awaited - self._inbox.gone(self._round))
            return over or self._closed or expected + 1 < network.needed

        try:
            arrived = await self._inbox.wait_for(self._round, self._awaited, is_over)
        finally:
            deadline.cancel()
        if self._closed:
            raise ChannelClosedError
        # Who missed a deadline is not waited for again.
        self._awaited &= arrived.keys()
        if len(self._awaited) + 1 < network.needed:
            raise PartiesMissingError(set(range(1, self.parties + 1)) - self._awaited - {self.party})
        return {party: arrived[party] for party in sorted(self._awaited)}

    def give_up(self, parties: Collection[int]) -> None:
        self._awaited -= set(parties)

    async def close(self) -> None:
        if not self._closed:
            for peer in range(1, self.parties + 1):
                if peer != self.party:
                    self._network.post(self.party, PartyNumber(peer), Leave(self._session_id))
        self._closed = True
        self._inbox.notify()


class MemoryNetwork:
    """Delivers what parties send one another, in order, while both are up.

    A test may let it ``drop`` messages, or rounds (``drop_round``), repeat them (``copies``), ``tamper`` with what one
    party sends another in a round, ``rewrite`` what it says, slow a link down (``slow_s``), let messages overtake
    one another (``shuffles``), or keep some parties ``apart``: then what crosses waits until they are together again,
    or is lost.
    """

    def __init__(self, size: int, needed: int, clock: VirtualClock) -> None:
        self.size = size
        self.needed = needed
        self.clock = clock
        self.up: set[PartyNumber] = set()
        self.tamper: Callable[[int, int, Round], bytes] = lambda _sender, _to, content: content.payload
        self.rewrite: Callable[[PartyNumber, PartyNumber, PeerMessage], Iterable[PeerMessage]] = _as_it_is
        self.drop: Callable[[PartyNumber, PartyNumber, PeerMessage], bool] = lambda _sender, _to, _message: False
        self.drop_round: Callable[[PartyNumber, PartyNumber, Round], bool] = lambda _sender, _to, _round: False
        self.on_sent: Callable[[PartyNumber, PeerMessage], None] = lambda _sender, _message: None
        self.copies = 1
        self.round_s: dict[int, float] = {}
        self.slow_s: dict[tuple[PartyNumber, PartyNumber], float] = {}
        self.shuffles: random.Random | None = None
        self.apart: frozenset[PartyNumber] = frozenset()
        self.loses_what_crosses = False
        self.refused: list[tuple[PartyNumber, PeerMessage, AukciszekError]] = []
        self._houses: dict[PartyNumber, AuctionService] = {}
        self._inboxes: defaultdict[tuple[bytes, int], _Inbox] = defaultdict(_Inbox)
        self._mail: dict[tuple[PartyNumber, PartyNumber], _Mailbox] = {}
        self._held: list[tuple[PartyNumber, PartyNumber, Content]] = []
        self._delivery: dict[PartyNumber, list[asyncio.Task[None]]] = {}
        self._on_the_way: set[asyncio.Task[None]] = set()
        self._down: dict[PartyNumber, asyncio.Event] = {}
        self._change = asyncio.Event()

    def post(self, sender: PartyNumber, to: PartyNumber, content: Content) -> None:
        """Send something, as ``sender``."""
        if sender not in self.up:
            return
        if isinstance(content, Round):
            payload = self.tamper(sender, to, content)
            self._send(sender, to, Round(content.session, content.number, payload))
            return
        if isinstance(content, Leave):
            self._send(sender, to, content)
            return
        self.on_sent(sender, content)
        for message in self.rewrite(sender, to, content):
            self._send(sender, to, message)

    def joins(self, one: PartyNumber, other: PartyNumber) -> bool:
        """Tell whether two parties are not kept apart."""
        return (one in self.apart) == (other in self.apart)

    async def heal(self) -> None:
        """Bring parties together again; deliver what waited, or connect them anew where it was lost."""
        apart, self.apart = self.apart, frozenset()
        held, self._held = self._held, []
        for sender, to, content in held:
            self._send(sender, to, content)
        if self.loses_what_crosses:
            self.loses_what_crosses = False
            for one in sorted(self.up & apart):
                for other in sorted(self.up - apart):
                    await self._greet(one, other)
                    await self._greet(other, one)

    async def connect(self, number: PartyNumber, service: AuctionService) -> None:
        self._houses[number] = service
        peers = [PartyNumber(peer) for peer in range(1, self.size + 1) if peer != number]
        # Each link has a reader of its own, so messages of several peers are dealt with side by side.
        self._mail |= {(peer, number): _Mailbox() for peer in peers}
        self._delivery[number] = [asyncio.create_task(self._deliver(peer, number)) for peer in peers]
        self.up.add(number)
        self._down[number] = asyncio.Event()
        for peer in sorted(self.up - {number}):
            if self.joins(number, peer) or not self.loses_what_crosses:
                await self._greet(peer, number)
                await self._greet(number, peer)
        self.changed()

    def disconnect(self, number: PartyNumber) -> None:
        """Cut a party off; its house goes on."""
        self.up.discard(number)
        if number in self._down:
            self._down[number].set()

    async def remove(self, number: PartyNumber) -> None:
        """Cut a party off for good: nothing reaches its house any more."""
        self.disconnect(number)
        delivery = self._delivery.pop(number, [])
        broken = [task.exception() for task in delivery if task.done() and not task.cancelled()]
        for task in delivery:
            task.cancel()
        await asyncio.gather(*delivery, return_exceptions=True)
        assert not broken, broken

    def inbox(self, session: bytes, party: int) -> _Inbox:
        """Return where the rounds of a session wait that come for a party."""
        return self._inboxes[session, party]

    def changed(self) -> None:
        change, self._change = self._change, asyncio.Event()
        change.set()

    async def next_change(self) -> None:
        await self._change.wait()

    async def wait_for(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self.next_change()

    async def _greet(self, number: PartyNumber, peer: PartyNumber) -> None:
        """Tell a party that a peer is there; a process that ends over it does not hold up the other."""
        greeting = asyncio.ensure_future(self._houses[number].on_connected(peer))
        down = asyncio.ensure_future(self._down[number].wait())
        try:
            await asyncio.wait({greeting, down}, return_when=asyncio.FIRST_COMPLETED)
            if greeting.done():
                greeting.result()
        finally:
            for one in (greeting, down):
                one.cancel()
            await asyncio.gather(greeting, down, return_exceptions=True)

    def _send(self, sender: PartyNumber, to: PartyNumber, content: Content) -> None:
        if not {sender, to} <= self.up:
            return
        if isinstance(content, PeerMessage) and self.drop(sender, to, content):
            return
        if isinstance(content, Round) and self.drop_round(sender, to, content):
            return
        if not self.joins(sender, to):
            if not self.loses_what_crosses:
                self._held.append((sender, to, content))
            return
        delay_s = self.slow_s.get((sender, to))
        if delay_s is None:
            self._arrive(sender, to, content)
        else:
            task = asyncio.create_task(self._arrive_later(sender, to, content, delay_s))
            self._on_the_way.add(task)
            task.add_done_callback(self._on_the_way.discard)

    async def _arrive_later(self, sender: PartyNumber, to: PartyNumber, content: Content, delay_s: float) -> None:
        await self.clock.sleep(delay_s)
        self._arrive(sender, to, content)

    def _arrive(self, sender: PartyNumber, to: PartyNumber, content: Content) -> None:
        if isinstance(content, Round):
            self.inbox(content.session, to).put(content.number, sender, content.payload)
        elif isinstance(content, Leave):
            self.inbox(content.session, to).leave(sender)
        elif (sender, to) in self._mail:
            for _ in range(self.copies):
                self._mail[sender, to].put(content)

    async def _deliver(self, sender: PartyNumber, to: PartyNumber) -> None:
        mail = self._mail[sender, to]
        while True:
            message = await mail.take(lambda: self.shuffles)
            while to in self.up:
                try:
                    await self._houses[to].on_message(sender, message)
                except StorageFaultError:
                    await self.clock.sleep(STORAGE_RETRY_S)
                    continue
                except AukciszekError as error:
                    self.refused.append((sender, message, error))
                break
            self.changed()


def _as_it_is(_sender: PartyNumber, _to: PartyNumber, message: PeerMessage) -> Iterable[PeerMessage]:
    return (message,)
