from collections.abc import Callable

import numpy as np
import pytest

from aukciszek.mpc import verification
from aukciszek.mpc.errors import TranscriptsDifferError, VerificationFailedError
from aukciszek.mpc.field import P, Vector, from_bytes, to_bytes
from aukciszek.mpc.memory_channel import Delivery, Network, Payload
from aukciszek.mpc.multiplication import Terms
from aukciszek.mpc.random_stream import RandomStream
from aukciszek.mpc.runtime import Runtime
from aukciszek.mpc.shamir import share_values
from aukciszek.mpc.shared import Shared
from aukciszek.mpc.simulation import Simulation, simulate


def lie(round_number: int, place: int, receivers: set[int] | None = None) -> Callable[[Delivery], Payload]:
    """Party 2 adds 1 to one element that it sends in one round, to all or to some."""

    def interfere(delivery: Delivery) -> Payload:
        if (delivery.sender, delivery.round) != (2, round_number) or delivery.receiver not in (
            receivers or {1, 3, 4, 5}
        ):
            return delivery.payload
        values = from_bytes(delivery.payload, len(delivery.payload) // 8).copy()
        values[place] = (int(values[place]) + 1) % P
        return to_bytes(values)

    return interfere


def lie_consistently(runtime: Runtime, round_number: int, place: int) -> None:
    """Make a party believe its own lie, so that all parties see the same wrong value."""
    session, faithful = runtime._session, runtime._session.exchange

    async def exchange(payload: bytes) -> dict[int, bytes | memoryview]:
        if session.rounds + 1 == round_number:
            payload = bytes(lie(round_number, place)(Delivery(round_number, 2, 1, payload)))
        return await faithful(payload)

    setattr(session, "exchange", exchange)  # noqa: B010 - the type checker would not let us


async def run(
    interfere: Callable[[Delivery], Payload] = lambda delivery: delivery.payload,
    *,
    length: int,
    n: int = 5,
    t: int = 2,
    wrong_product: tuple[int, int] | None = None,
) -> Simulation[dict[str, list[int]]]:
    shares = share_values(np.arange(length, dtype=np.uint64), n, t)

    async def program(runtime: Runtime) -> dict[str, list[int]]:
        if wrong_product and runtime.party == 2:
            lie_consistently(runtime, *wrong_product)
        x = Shared(shares[runtime.party - 1])
        y = await runtime.multiply(x, x)
        (z,) = await runtime.inner_products([(y.reshape(-1, 1), x.reshape(-1, 1))])
        return await runtime.reveal({"z": z})

    return await simulate(program, n=n, t=t, network=Network(n, interfere=interfere))


@pytest.mark.parametrize("length", [1, 2, 512, 513, 600, 3000, 5630, 5632])
async def test_right_products_pass(length: int) -> None:
    simulation = await run(length=length)
    assert simulation.result == {"z": [sum(value**3 for value in range(length)) % P]}


@pytest.mark.parametrize(("round_number", "place"), [(1, 0), (1, 100), (1, 599), (2, 0)])
async def test_one_wrong_product_among_many_is_noticed_and_nothing_is_revealed(round_number: int, place: int) -> None:
    simulation = await run(length=600, wrong_product=(round_number, place))
    honest = {party: error for party, error in simulation.errors.items() if party != 2}
    assert {type(error) for error in honest.values()} == {VerificationFailedError}
    assert len(honest) == 4
    assert not any(runtime.revealed for runtime in simulation.runtimes.values())


async def test_different_values_to_different_parties_are_noticed() -> None:
    simulation = await run(lie(1, 7, receivers={3}), length=600)
    assert isinstance(simulation.errors[3], TranscriptsDifferError)
    assert isinstance(simulation.errors[1], TranscriptsDifferError)
    assert simulation.errors[1].parties == {3}
    assert not any(runtime.revealed for runtime in simulation.runtimes.values())


@pytest.mark.parametrize("round_number", [3, 4, 5, 6, 7, 8, 9])
async def test_lies_during_the_verification_are_noticed(round_number: int) -> None:
    honest = await run(length=600)
    assert honest.runtimes[1].rounds == 9
    simulation = await run(lie(round_number, -1), length=600)
    assert {1, 3, 4, 5} <= simulation.errors.keys()
    assert not any(runtime.revealed for party, runtime in simulation.runtimes.items() if party != 2)


async def test_memory_is_bounded_by_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification.Ledger.__init__, "__defaults__", (500,))
    checked: list[int] = []
    fold = verification._fold

    def noting(records: list[tuple[Terms, Vector]], room: Vector, seed: RandomStream) -> object:
        checked.append(sum(terms.products for terms, _ in records))
        return fold(records, room, seed)

    monkeypatch.setattr(verification, "_fold", noting)
    shares = share_values([2] * 300, 3, 1)

    async def program(runtime: Runtime) -> dict[str, list[int]]:
        x = Shared(shares[runtime.party - 1])
        for _ in range(5):
            x = await runtime.multiply(x, x)
        return await runtime.reveal({"x": x[:1]})

    assert (await simulate(program, n=3, t=1)).result == {"x": [pow(2, 32, P)]}
    assert sorted(set(checked)) == [300, 600]


async def test_modes_that_notice_lies_at_once_do_not_verify_again() -> None:
    simulation = await run(length=30, n=4, t=1)
    assert simulation.runtimes[1].rounds == 3


def test_the_steps_of_any_window_keep_to_the_error_that_the_protocol_promises() -> None:
    length = 1
    while length <= 2**26:
        left, blocks = length, 0
        while left > verification._LAST_LENGTH:
            chosen = verification._blocks(left)
            blocks, left = blocks + chosen, -(-left // chosen)
        assert blocks < 100
        length += length // 100 + 1
    assert (1 + 2 * 100 + 2 * verification._LAST_LENGTH) * 2**49 < P - 1
