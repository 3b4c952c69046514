from collections.abc import Callable
from fractions import Fraction
from functools import cache
from math import prod

import numpy as np
import pytest
from hypothesis import given, strategies as st

from aukciszek.mpc.errors import TranscriptsDifferError, VerificationFailedError
from aukciszek.mpc.memory_channel import Delivery, Network, Payload
from aukciszek.mpc.protocols import verification
from aukciszek.mpc.protocols.multiplication import Terms
from aukciszek.mpc.protocols.runtime import Runtime
from aukciszek.mpc.protocols.shared import Shared
from aukciszek.mpc.sharing.field import P, Vector, from_bytes, to_bytes
from aukciszek.mpc.sharing.random_stream import RandomStream
from aukciszek.mpc.sharing.shamir import share_values
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
        await runtime.start()
        x = Shared(shares[runtime.party - 1])
        y = await runtime.multiply(x, x)
        (z,) = await runtime.inner_products([(y.reshape(-1, 1), x.reshape(-1, 1))])
        return await runtime.reveal({"z": z})

    return await simulate(program, n=n, t=t, network=Network(n, interfere=interfere))


@pytest.mark.parametrize("length", [1, 2, 512, 513, 600, 3000, 5630, 5632])
async def test_right_products_pass(length: int) -> None:
    simulation = await run(length=length)
    assert simulation.result == {"z": [sum(value**3 for value in range(length)) % P]}


@pytest.mark.parametrize(("round_number", "place"), [(2, 0), (2, 100), (2, 599), (3, 0)])
async def test_one_wrong_product_among_many_is_noticed_and_nothing_is_revealed(round_number: int, place: int) -> None:
    simulation = await run(length=600, wrong_product=(round_number, place))
    honest = {party: error for party, error in simulation.errors.items() if party != 2}
    assert {type(error) for error in honest.values()} == {VerificationFailedError}
    assert len(honest) == 4
    assert not any(runtime.revealed for runtime in simulation.runtimes.values())


async def test_different_values_to_different_parties_are_noticed() -> None:
    simulation = await run(lie(2, 7, receivers={3}), length=600)
    assert isinstance(simulation.errors[3], TranscriptsDifferError)
    assert isinstance(simulation.errors[1], TranscriptsDifferError)
    assert simulation.errors[1].parties == {3}
    assert not any(runtime.revealed for runtime in simulation.runtimes.values())


@pytest.mark.parametrize("round_number", [4, 5, 6, 7, 8, 9, 10])
async def test_lies_during_the_verification_are_noticed(round_number: int) -> None:
    honest = await run(length=600)
    assert honest.runtimes[1].rounds == 12  # the last two release what was masked
    simulation = await run(lie(round_number, -1), length=600)
    assert {1, 3, 4, 5} <= simulation.errors.keys()
    assert not any(runtime.revealed for party, runtime in simulation.runtimes.items() if party != 2)


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many terms each window has that is verified, at all parties, where the most are 500."""
    monkeypatch.setattr(verification.MultiplicationLog.__init__, "__defaults__", (500,))
    checked: list[int] = []
    fold = verification._fold

    def noting(records: list[tuple[Terms, Vector]], room: Vector, seed: RandomStream) -> object:
        checked.append(sum(map(verification._folded_length, (terms for terms, _ in records))))
        return fold(records, room, seed)

    monkeypatch.setattr(verification, "_fold", noting)
    return checked


async def test_memory_is_bounded_by_windows(windows: list[int]) -> None:
    shares = share_values([2] * 200, 3, 1)  # 1,000 products in all

    async def program(runtime: Runtime) -> dict[str, list[int]]:
        await runtime.start()
        x = Shared(shares[runtime.party - 1])
        for _ in range(5):
            x = await runtime.multiply(x, x)
        return await runtime.reveal({"x": x[:1]})

    assert (await simulate(program, n=3, t=1)).result == {"x": [pow(2, 32, P)]}
    assert windows == [500] * 6


@pytest.mark.parametrize(
    ("shape", "found"),
    [
        ((1, 1203), [500, 500, 203]),
        ((3, 401), [498, 498, 207]),
        ((1203, 1), [500, 500, 203]),
        ((600, 2), [500, 100, 500, 100]),  # an index of the last axis alone is too much
    ],
)
async def test_what_is_computed_at_once_is_verified_in_parts(
    windows: list[int], shape: tuple[int, int], found: list[int]
) -> None:
    count = shape[0] * shape[1]
    shares = share_values(np.arange(count, dtype=np.uint64), 3, 1)

    async def program(runtime: Runtime) -> dict[str, list[int]]:
        await runtime.start()
        x = Shared(shares[runtime.party - 1]).reshape(*shape)
        squares = await runtime.multiply(x, x)
        rounds = runtime.rounds
        opened = await runtime.reveal({"squares": squares})
        assert runtime.rounds == rounds + 3  # nothing waited any more
        return opened

    assert (await simulate(program, n=3, t=1)).result == {"squares": [value**2 for value in range(count)]}
    assert windows[::3] == windows[1::3] == windows[2::3] == found


@pytest.mark.parametrize("place", [0, 499, 500, 1202])
async def test_a_wrong_product_is_noticed_in_every_part(windows: list[int], place: int) -> None:
    simulation = await run(length=1203, wrong_product=(2, place))
    assert {type(error) for party, error in simulation.errors.items() if party != 2} == {VerificationFailedError}
    assert len(simulation.errors) == 5
    assert max(windows) == 500
    assert len(windows) == 5 * (place // 500 + 1)


shapes = st.lists(st.integers(1, 5), min_size=0, max_size=4).map(tuple)


@given(shapes, st.lists(st.integers(1, 3), min_size=1, max_size=3), st.data())
def test_a_record_that_is_cut_says_the_same(shape: tuple[int, ...], sums: list[int], data: st.DataObject) -> None:
    stream = RandomStream(bytes(32))

    def factor(terms: int) -> Vector:
        broadcast = tuple(data.draw(st.sampled_from([1, size])) for size in shape)
        return stream.take(terms * prod(broadcast)).reshape(terms, *broadcast)

    terms = Terms(shape, [(factor(one), factor(one)) for one in sums])
    result = terms.sums()
    first, most = sorted(data.draw(st.tuples(st.integers(0, 200), st.integers(1, 200))))
    parts = list(verification._cut(terms, result, first, most))
    length = verification._folded_length
    assert sum(length(part) for part, _ in parts) == length(terms)
    for part, values in parts:
        assert (part.sums() == values).all()
        assert part.shape == values.shape
    assert sorted(np.concatenate([values.reshape(-1) for _, values in parts])) == sorted(result.reshape(-1))
    # Nothing is larger but single sums, and sums that merge with others over the first axis.
    for part, _ in parts:
        assert length(part) <= most or set(part.shape[1:]) <= {1}


async def test_modes_that_notice_lies_at_once_do_not_verify_again() -> None:
    simulation = await run(length=30, n=4, t=1)
    assert simulation.runtimes[1].rounds == 6  # the start, two rounds of products, and a fair opening in three


@cache
def most_agreeing_points(shortest: int, longest: int) -> int:
    """In how many points the polynomials of a wrong claim can agree with the right ones, at most.

    That is ``2b - 2`` for each step of ``b`` blocks; the most of all claims from ``shortest`` to ``longest`` terms.
    """
    blocks = verification._blocks
    choices = {-(-length // verification._LAST_LENGTH) for length in (shortest, longest)}
    if longest <= verification._LAST_LENGTH:
        return 0
    # With the same choices, cost is linear in the length: what is best at both ends is best in between.
    if shortest > verification._LAST_LENGTH and len(choices) == 1 and blocks(shortest) == blocks(longest):
        step = blocks(longest)
        return 2 * step - 2 + most_agreeing_points(-(-shortest // step), -(-longest // step))
    middle = (shortest + longest) // 2
    return max(most_agreeing_points(shortest, middle), most_agreeing_points(middle + 1, longest))


def test_no_window_exceeds_the_error_that_the_protocol_promises() -> None:
    """The fold fails with ``1/p``, a step with ``(2b - 2)/(p - 1)``, the end with at most ``2048/(p - 1)``."""
    in_steps = most_agreeing_points(1, verification.WINDOW_TERMS)
    assert in_steps < 200
    error = Fraction(1, P) + Fraction(in_steps + 2 * verification._LAST_LENGTH, P - 1)
    assert error < Fraction(1, 2**49)


def test_the_next_step_of_a_full_window_is_four_times_shorter() -> None:
    assert verification._blocks(verification.WINDOW_TERMS) == 4
