"""Channels between parties of one process: for tests, attacks, simulations and measurements.

A :class:`Network` delivers payloads round by round. Its ``interfere`` hook sees every payload on its way and may
alter, replay or drop it for each receiver, which is all that a dishonest sender can do; ``delay_s`` slows every round.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from aukciszek.mpc.channel import MAX_PAYLOAD_BYTES
from aukciszek.mpc.errors import ChannelClosedError

type Payload = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class Delivery:
    """One payload on its way; rounds count from 1."""

    round: int
    sender: int
    receiver: int
    payload: Payload


type Interference = Callable[[Delivery], Payload | None]
"""Returns what arrives instead, or None if nothing does."""


def _deliver_faithfully(delivery: Delivery) -> Payload | None:
    return delivery.payload


@dataclass(slots=True)
class _Round:
    """What was sent in one round, and who waits for the rest of it."""

    payloads: dict[int, Mapping[int, Payload]] = field(default_factory=dict)
    """By sender and receiver."""
    complete: dict[int, asyncio.Event] = field(default_factory=dict)
    collected: int = 0


class Network:
    """All channels of one session. Made inside a running event loop or before it."""

    def __init__(self, parties: int, *, interfere: Interference = _deliver_faithfully, delay_s: float = 0.0) -> None:
        self.parties = parties
        self.interfere = interfere
        self.delay_s = delay_s
        self.channels = [MemoryChannel(self, party) for party in range(1, parties + 1)]
        self._rounds: dict[int, _Round] = {}
        self._gone: set[int] = set()
        self._given_up: dict[int, set[int]] = {party: set() for party in range(1, parties + 1)}

    def stop(self, party: int) -> None:
        """Make ``party`` silent from now on, as a crash would; its own calls raise ``ChannelClosedError``."""
        self._gone.add(party)
        for current in self._rounds.values():
            self._wake(current)

    def give_up(self, party: int, others: Collection[int]) -> None:
        """Let ``party`` wait no longer for ``others``."""
        self._given_up[party].update(others)

    async def exchange(
        self, number: int, party: int, payloads: Mapping[int, Payload]
    ) -> Mapping[int, bytes | memoryview]:
        """Take part in round ``number`` as ``party``, with a payload for each receiver."""
        if party in self._gone:
            raise ChannelClosedError
        if any(len(payload) > MAX_PAYLOAD_BYTES for payload in payloads.values()):
            raise ValueError("the payload is longer than MAX_PAYLOAD_BYTES")
        current = self._rounds.setdefault(number, _Round())
        current.payloads[party] = payloads
        complete = current.complete[party] = asyncio.Event()
        self._wake(current)
        await complete.wait()
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        if party in self._gone:
            raise ChannelClosedError
        received = self._received(current, number, party)
        current.collected += 1
        if current.collected + len(self._gone) >= self.parties:
            self._rounds.pop(number, None)
        return received

    def _received(self, current: _Round, number: int, party: int) -> dict[int, bytes | memoryview]:
        received: dict[int, bytes | memoryview] = {}
        for sender, payloads in sorted(current.payloads.items()):
            if sender != party and sender not in self._given_up[party]:
                arriving = self.interfere(Delivery(number, sender, party, payloads.get(party, b"")))
                if arriving is not None:
                    received[sender] = memoryview(arriving).toreadonly()
        return received

    def _wake(self, current: _Round) -> None:
        for party, complete in current.complete.items():
            if len(current.payloads.keys() | self._gone | self._given_up[party]) == self.parties:
                complete.set()


class MemoryChannel:
    """One party's end of a :class:`Network`."""

    def __init__(self, network: Network, party: int) -> None:
        self.party = party
        self.parties = network.parties
        self._network = network
        self._round = 0

    async def exchange(self, payload: Payload) -> Mapping[int, bytes | memoryview]:
        """Send and receive one round's payloads; see ``Channel.exchange``."""
        return await self.exchange_each(dict.fromkeys(range(1, self.parties + 1), payload))

    async def exchange_each(self, payloads: Mapping[int, Payload]) -> Mapping[int, bytes | memoryview]:
        """Send each party a payload of its own; see ``Channel.exchange_each``."""
        self._round += 1
        return await self._network.exchange(self._round, self.party, payloads)

    def give_up(self, parties: Collection[int]) -> None:
        """Leave ``parties`` out of all later rounds; see ``Channel.give_up``."""
        self._network.give_up(self.party, parties)

    def stop(self) -> None:
        """Send nothing any more, in any later round."""
        self._network.stop(self.party)


def memory_network(parties: int) -> list[MemoryChannel]:
    """Return the channels of a faithful network, party 1 first."""
    return Network(parties).channels
