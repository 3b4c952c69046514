import asyncio
import time

import pytest

from aukciszek.mpc.channel import MAX_PAYLOAD_BYTES
from aukciszek.mpc.errors import ChannelClosedError
from aukciszek.mpc.memory_channel import Delivery, Network, memory_network


async def test_each_party_gets_what_the_others_sent_in_the_same_round() -> None:
    channels = memory_network(3)
    for number in range(3):
        received = await asyncio.gather(*(channel.exchange(bytes([channel.party, number])) for channel in channels))
        assert received == [
            {party: bytes([party, number]) for party in (1, 2, 3) if party != channel.party} for channel in channels
        ]


async def test_a_fast_party_waits_for_a_slow_one() -> None:
    first, second, third = memory_network(3)
    early = asyncio.gather(first.exchange(b"1"), second.exchange(b"2"))
    await asyncio.sleep(0)
    assert not early.done()
    assert await third.exchange(b"3") == {1: b"1", 2: b"2"}
    assert list(await early) == [{2: b"2", 3: b"3"}, {1: b"1", 3: b"3"}]


async def test_a_stopped_party_is_left_out_and_may_not_go_on() -> None:
    first, second, third = memory_network(3)
    waiting = asyncio.gather(first.exchange(b"1"), second.exchange(b"2"))
    await asyncio.sleep(0)
    third.stop()
    assert list(await waiting) == [{2: b"2"}, {1: b"1"}]
    with pytest.raises(ChannelClosedError):
        await third.exchange(b"3")


async def test_interference_alters_and_drops_for_each_receiver() -> None:
    def interfere(delivery: Delivery) -> bytes | None:
        if delivery.sender == 1:
            return None if delivery.receiver == 2 else b"lie"
        return bytes(delivery.payload)

    channels = Network(3, interfere=interfere).channels
    received = await asyncio.gather(*(channel.exchange(bytes([channel.party])) for channel in channels))
    assert received == [{2: b"\x02", 3: b"\x03"}, {3: b"\x03"}, {1: b"lie", 2: b"\x02"}]


async def test_a_delay_slows_every_round() -> None:
    channels = Network(3, delay_s=0.02).channels
    began = time.monotonic()
    await asyncio.gather(*(channel.exchange(b"") for channel in channels))
    assert time.monotonic() - began >= 0.02


async def test_payloads_are_limited() -> None:
    (channel, *_) = memory_network(3)
    with pytest.raises(ValueError, match="longer than"):
        await channel.exchange(bytes(MAX_PAYLOAD_BYTES + 1))
