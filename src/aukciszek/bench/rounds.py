"""Rounds of a benchmark: delayed as over a long way, and measured for the cost model that the parties share.

``docs/protocol.md``, "Ranking". What a round takes is measured before the sessions, never inside: all parties must use
the same figures, so they tell each other what they measured and take the median (:class:`CostModel`).
"""

import asyncio
import math
import statistics
import struct
import time
from collections.abc import Awaitable, Collection, Mapping
from typing import Final, override

from aukciszek.mpc.channel import Channel
from aukciszek.mpc.circuits.ranking import CostModel

_ROUNDS: Final = 15
_SECONDS: Final = struct.Struct(">d")


class DelayedChannel(Channel):
    """A channel on which every message arrives later than by itself, by a fixed time."""

    def __init__(self, channel: Channel, latency_s: float) -> None:
        self._channel = channel
        self._latency_s = latency_s

    @property
    @override
    def party(self) -> int:
        """This party's number."""
        return self._channel.party

    @property
    @override
    def parties(self) -> int:
        """The number of parties."""
        return self._channel.parties

    @override
    async def exchange(self, payload: bytes | bytearray | memoryview) -> Mapping[int, bytes | memoryview]:
        """Run one round. It ends with the message that arrives last, and that one is later by the latency."""
        return await self._delayed(self._channel.exchange(payload))

    @override
    async def exchange_each(
        self, payloads: Mapping[int, bytes | bytearray | memoryview]
    ) -> Mapping[int, bytes | memoryview]:
        """Do as :meth:`exchange` does."""
        return await self._delayed(self._channel.exchange_each(payloads))

    async def _delayed(self, round_: Awaitable[Mapping[int, bytes | memoryview]]) -> Mapping[int, bytes | memoryview]:
        received = await round_
        if self._latency_s:
            await asyncio.sleep(self._latency_s)
        return received

    @override
    def give_up(self, parties: Collection[int]) -> None:
        """Leave ``parties`` out of all later rounds."""
        self._channel.give_up(parties)


async def agree_on_costs(channel: Channel) -> CostModel:
    """Measure some small rounds, tell the other parties, and return the cost model, the same at all parties."""
    durations = []
    for _ in range(_ROUNDS):
        started_s = time.perf_counter()
        await channel.exchange(bytes(_SECONDS.size))
        durations.append(time.perf_counter() - started_s)
    own = _SECONDS.pack(statistics.median(durations))
    told = [own, *(await channel.exchange(own)).values()]
    return CostModel.from_measured_rounds([_seconds(content) for content in told])


def _seconds(content: bytes | memoryview) -> float:
    """Read a measurement; what is none counts as the slowest."""
    return float(_SECONDS.unpack(content)[0]) if len(content) == _SECONDS.size else math.nan
