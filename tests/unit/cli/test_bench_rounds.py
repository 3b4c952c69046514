import asyncio

from aukciszek.bench.rounds import DelayedChannel, agree_on_costs
from aukciszek.mpc.memory_channel import Delivery, Network, Payload


async def test_every_message_is_later_by_the_latency() -> None:
    channels = [DelayedChannel(channel, 0.02) for channel in Network(3).channels]
    loop = asyncio.get_running_loop()
    started_s = loop.time()
    received = await asyncio.gather(*(channel.exchange(b"%d" % channel.party) for channel in channels))
    assert loop.time() - started_s >= 0.02
    assert [{party: bytes(content) for party, content in one.items()} for one in received] == [
        {2: b"2", 3: b"3"},
        {1: b"1", 3: b"3"},
        {1: b"1", 2: b"2"},
    ]


async def test_the_parties_agree_on_the_cost_of_their_rounds() -> None:
    near = await asyncio.gather(*(agree_on_costs(channel) for channel in Network(3).channels))
    far = await asyncio.gather(*(agree_on_costs(DelayedChannel(channel, 0.01)) for channel in Network(3).channels))
    assert near[0] == near[1] == near[2]
    assert far[0] == far[1] == far[2]
    assert near[0].round_s < far[0].round_s


async def test_what_is_no_measurement_does_not_matter() -> None:
    def interfere(delivery: Delivery) -> Payload:
        return b"nonsense!" if delivery.sender == 1 and delivery.round == 16 else delivery.payload

    channels = Network(5, interfere=interfere).channels
    cost_models = await asyncio.gather(*(agree_on_costs(channel) for channel in channels))
    assert cost_models[1] == cost_models[2] == cost_models[3] == cost_models[4]
    assert cost_models[1].round_s < 0.5
