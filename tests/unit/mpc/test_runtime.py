import asyncio
import threading
from collections.abc import Collection, Mapping

import numpy as np
import pytest

from aukciszek.mpc.errors import ParametersDifferError, PrssKeysDifferError, PrssKeysIncompleteError
from aukciszek.mpc.memory_channel import Delivery, MemoryChannel, Network, Payload, memory_network
from aukciszek.mpc.protocols.round_release import RoundRelease
from aukciszek.mpc.protocols.runtime import Revealed, Runtime
from aukciszek.mpc.protocols.session import INLINE_WORK
from aukciszek.mpc.protocols.shared import Shared
from aukciszek.mpc.sharing.field import P
from aukciszek.mpc.sharing.prss import PrssKeys, deal_prss_keys, new_prss_key, prss_sets
from aukciszek.mpc.sharing.shamir import share_values
from aukciszek.mpc.simulation import simulate

CLUSTERS = [(3, 1), (4, 1), (5, 1), (5, 2), (6, 2), (7, 2), (7, 3), (8, 3), (9, 2), (9, 3), (9, 4)]


@pytest.mark.parametrize(("n", "t"), CLUSTERS)
async def test_products_and_sums_of_products(n: int, t: int) -> None:
    x, y = share_values([3, 5, P - 1, 0], n, t), share_values([7, P - 2, P - 1, 9], n, t)

    async def program(runtime: Runtime) -> dict[str, list[int]]:
        await runtime.start()
        a, b = Shared(x[runtime.party - 1]), Shared(y[runtime.party - 1])
        products = await runtime.multiply(a, b)
        total, pairs = await runtime.inner_products(
            [(a.reshape(4, 1), b.reshape(4, 1)), (a.reshape(2, 2), b.reshape(2, 2))]
        )
        again = await runtime.multiply(products, a[:1])
        return await runtime.reveal({"ab": products, "<a,b>": total, "pairs": pairs, "3ab": again})

    simulation = await simulate(program, n=n, t=t)
    ab = [21, P - 10, 1, 0]
    assert simulation.result == {
        "ab": ab,
        "<a,b>": [sum(ab) % P],
        "pairs": [22, P - 10],
        "3ab": [3 * value % P for value in ab],
    }
    runtime = simulation.runtimes[1]
    assert runtime.multiplications == 4 + 1 + 2 + 4
    assert runtime.revealed[0] == Revealed("ab", tuple(ab))


async def test_local_arithmetic_needs_no_round() -> None:
    x = share_values([3, 5], 3, 1)
    lengths: dict[int, set[int]] = {}

    def note(delivery: Delivery) -> Payload:
        lengths.setdefault(delivery.round, set()).add(len(delivery.payload))
        return delivery.payload

    async def program(runtime: Runtime) -> dict[str, list[int]]:
        await runtime.start()
        sent = runtime.bytes_sent
        a = Shared(x[runtime.party - 1])
        public = np.array([10, 20], dtype=np.uint64)
        values: Mapping[str, Shared] = {
            "a+b": a + a[::-1],
            "1-a": 1 - a,
            "p-a": public - a,  # type: ignore[dict-item]  # NumPy leaves it to Shared
            "2a": 2 * a,
            "pa": public * a,  # type: ignore[dict-item]  # as above
            "a-p": a - public,
            "sum": a.sum().reshape(1),
        }
        assert (runtime.rounds, runtime.bytes_sent) == (1, sent)
        return await runtime.reveal(values)

    simulation = await simulate(program, n=3, t=1, network=Network(3, interfere=note))
    assert simulation.result == {
        "a+b": [8, 8],
        "1-a": [P - 2, P - 4],
        "p-a": [7, 15],
        "2a": [6, 10],
        "pa": [30, 100],
        "a-p": [P - 7, P - 15],
        "sum": [8],
    }
    # The start, the masked values, what the parties sign, and the keys of the mask.
    assert simulation.runtimes[2].rounds == 4
    assert lengths[2] == {13 * 8}


async def test_a_wide_product_takes_its_way_through_threads() -> None:
    values = list(range(50_000))
    x = share_values(values, 3, 1)

    async def program(runtime: Runtime) -> dict[str, list[int]]:
        await runtime.start()
        a = Shared(x[runtime.party - 1])
        return await runtime.reveal({"squares": await runtime.multiply(a, a)})

    assert (await simulate(program, n=3, t=1)).result == {"squares": [value * value for value in values]}


async def test_the_tie_break_seed_depends_on_keys_and_label_alone() -> None:
    keys = deal_prss_keys(3, 1)

    async def draw(session_id: bytes, label: bytes) -> bytes:
        async def program(runtime: Runtime) -> bytes:
            fresh = Runtime(
                runtime._session._channel,
                threshold=1,
                prss_keys=keys[runtime.party - 1],
                session_id=session_id,
                openings=RoundRelease(runtime.party),
            )
            await fresh.multiply(fresh.random(1), fresh.random(1))
            return (await fresh.joint_random("coin", label, agreed=b""))[0]

        return (await simulate(program, n=3, t=1, keys=keys)).result

    first = await draw(b"one", b"label")
    assert len(first) == 32
    assert await draw(b"two", b"label") == first != await draw(b"two", b"other")


@pytest.mark.parametrize(("n", "t"), [(3, 1), (4, 1), (5, 1)])
async def test_nothing_is_opened_or_recovered_before_the_start(n: int, t: int) -> None:
    async def open_at_once(runtime: Runtime) -> None:
        await runtime.reveal({"a": runtime.random(1)})

    async def recover_at_once(runtime: Runtime) -> None:
        await runtime.recover(np.zeros((1, 1), dtype=np.uint64), {1: [0]})

    for program in (open_at_once, recover_at_once):
        simulation = await simulate(program, n=n, t=t)
        assert {type(error) for error in simulation.errors.values()} == {RuntimeError}
        assert len(simulation.errors) == n
        assert {runtime.rounds for runtime in simulation.runtimes.values()} == {0}


async def test_random_values_are_fresh() -> None:
    async def program(runtime: Runtime) -> dict[str, list[int]]:
        await runtime.start()
        return await runtime.reveal({"a": runtime.random(3), "b": runtime.random(3)})

    opened = (await simulate(program, n=4, t=1)).result
    assert len({*opened["a"], *opened["b"]}) == 6


async def test_parties_with_other_parameters_do_not_start() -> None:
    keys = deal_prss_keys(3, 1)

    async def program(runtime: Runtime) -> None:
        session_id = b"other" if runtime.party == 2 else b"one"
        await Runtime(
            runtime._session._channel,
            threshold=1,
            prss_keys=keys[runtime.party - 1],
            session_id=session_id,
            openings=RoundRelease(runtime.party),
        ).start()

    simulation = await simulate(program, n=3, t=1, keys=keys)
    assert {party: type(error) for party, error in simulation.errors.items()} == dict.fromkeys(
        (1, 2, 3), ParametersDifferError
    )


@pytest.mark.parametrize("members", [frozenset({1, 2}), frozenset({1, 2, 4})])
async def test_holders_of_different_keys_notice(members: frozenset[int]) -> None:
    keys = deal_prss_keys(5, 2)
    keys[1]._keys[members] = new_prss_key()
    simulation = await simulate(Runtime.start, n=5, t=2, keys=keys)
    others = members - {2}
    # Of the sets that mask openings, everybody hears from all members, and cannot tell which of them is wrong.
    outsiders = {1, 2, 3, 4, 5} - members if len(members) == 3 else set()
    assert {party: error.parties for party, error in simulation.errors.items()} == {  # type: ignore[attr-defined]
        2: others,
        **dict.fromkeys(others, frozenset({2})),
        **dict.fromkeys(outsiders, members),
    }
    assert all(isinstance(error, PrssKeysDifferError) for error in simulation.errors.values())


async def test_the_robust_mode_starts_without_a_holder_of_wrong_keys() -> None:
    keys = deal_prss_keys(5, 1)
    wrong = {held: new_prss_key() for held in keys[1].sets}
    keys[1] = PrssKeys(2, 5, 1, wrong)
    simulation = await simulate(Runtime.start, n=5, t=1, keys=keys)
    assert {party: set(runtime.corrupt_parties) for party, runtime in simulation.runtimes.items() if party != 2} == {
        party: {2} for party in (1, 3, 4, 5)
    }
    assert isinstance(simulation.errors[2], PrssKeysDifferError)


@pytest.mark.parametrize(("n", "t"), [(3, 1), (4, 1)])
async def test_parties_must_agree_on_public_parameters(n: int, t: int) -> None:
    async def program(runtime: Runtime) -> None:
        await runtime.joint_random("coin", b"label", agreed=b"these" if runtime.party != 3 else b"those")

    simulation = await simulate(program, n=n, t=t)
    assert isinstance(simulation.errors[1], ParametersDifferError)
    assert simulation.errors[1].parties == {3}
    assert not any(runtime.revealed for runtime in simulation.runtimes.values())


async def test_the_robust_mode_goes_on_without_a_party_that_has_other_parameters() -> None:
    async def program(runtime: Runtime) -> bytes:
        return (await runtime.joint_random("coin", b"label", agreed=b"these" if runtime.party != 3 else b"those"))[0]

    simulation = await simulate(program, n=5, t=1)
    assert simulation.results.keys() == {1, 2, 4, 5}
    assert len(simulation.result) == 32
    assert isinstance(simulation.errors[3], ParametersDifferError)


@pytest.mark.timeout(30)
async def test_nobody_waits_for_a_party_that_was_found_lying() -> None:
    """Party 2 lies, and then neither sends anything nor leaves: the others would wait for it until each deadline."""

    def interfere(delivery: Delivery) -> Payload:
        lies = delivery.sender == 2 and delivery.round == 2
        return bytes(len(delivery.payload)) if lies else delivery.payload

    x = share_values([3, 5], 5, 1)
    keys = deal_prss_keys(5, 1)

    async def program(channel: MemoryChannel) -> tuple[dict[str, list[int]], frozenset[int]]:
        runtime = Runtime(
            channel,
            threshold=1,
            prss_keys=keys[channel.party - 1],
            session_id=b"s",
            openings=RoundRelease(channel.party),
        )
        await runtime.start()
        a = Shared(x[runtime.party - 1])
        product = await runtime.multiply(a[:1], a[1:])
        if runtime.party == 2:
            return {}, frozenset()
        return await runtime.reveal({"ab": await runtime.multiply(product, a[:1])}), runtime.corrupt_parties

    results = await asyncio.gather(*(program(channel) for channel in Network(5, interfere=interfere).channels))
    assert [result for party, result in enumerate(results, 1) if party != 2] == [({"ab": [45]}, frozenset({2}))] * 4


async def test_the_channel_is_told_of_corrupt_parties_by_the_event_loop_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long vectors are decoded in a thread, and a channel is not made for two."""

    def interfere(delivery: Delivery) -> Payload:
        return bytes(len(delivery.payload)) if delivery.sender == 2 and delivery.round == 2 else delivery.payload

    threads = []
    honest = MemoryChannel.give_up

    def recorded(channel: MemoryChannel, parties: Collection[int]) -> None:
        threads.append(threading.current_thread())
        honest(channel, parties)

    monkeypatch.setattr(MemoryChannel, "give_up", recorded)
    x = share_values(np.ones(INLINE_WORK // 8 + 1, dtype=np.uint64), 5, 1)

    async def program(runtime: Runtime) -> int:
        await runtime.start()
        (ones,) = (await runtime.reveal({"ones": Shared(x[runtime.party - 1])})).values()
        return sum(ones)

    simulation = await simulate(program, n=5, t=1, network=Network(5, interfere=interfere))
    assert simulation.results[1] == x.shape[1]
    assert simulation.runtimes[1].corrupt_parties == {2}
    assert set(threads) == {threading.current_thread()}


def test_keys_of_another_party_or_threshold_are_refused() -> None:
    channel = memory_network(5)[0]
    for keys in (deal_prss_keys(5, 2)[1], deal_prss_keys(5, 1)[0]):
        with pytest.raises(PrssKeysIncompleteError):
            Runtime(channel, threshold=2, prss_keys=keys, session_id=b"s", openings=RoundRelease(1))


def test_a_runtime_shows_no_keys() -> None:
    keys = deal_prss_keys(3, 1)
    runtime = Runtime(Network(3).channels[0], threshold=1, prss_keys=keys[0], session_id=b"s", openings=RoundRelease(1))
    shown = repr(runtime) + repr(vars(runtime)) + repr(runtime._session.__dict__)
    for members in prss_sets(3, 1):
        if 1 in members:
            assert keys[0]._keys[members].reveal().hex() not in shown
