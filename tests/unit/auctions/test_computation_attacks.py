"""Attacks on a whole auction, at each single round, in every mode.

What must hold: no honest party ever finds a wrong outcome, a lie is noticed, nothing is opened after it; and in the
robust mode the right outcome comes all the same, and the corrupt party is named. Where all parties are needed, a lie in
the very last round, in which the keys of the outcome's mask are released, comes too late to keep it from anybody.
"""

from collections.abc import Callable

import pytest

from aukciszek.auctions.session.computation import compute
from aukciszek.auctions.session.computation_task import ComputationResult
from aukciszek.mpc.errors import InconsistentSharesError, MpcError, ParametersDifferError, PartiesMissingError
from aukciszek.mpc.memory_channel import Delivery, Network, Payload
from aukciszek.mpc.protocols.runtime import Runtime
from aukciszek.mpc.sharing.field import P
from aukciszek.mpc.simulation import Simulation, simulate
from support.auction_case import AuctionCase, ignore_progress

LIAR = 2
AFTER_START = 2
"""In the robust mode each party looks, in the first round, only at the digests of keys that it holds itself: see
``test_runtime``.
"""

BIDS = [9, 3, 7, 12, 3]
MODES = {"with-abort": (3, 1), "verifies, t = 2": (5, 2), "n between 2t+1 and 3t+1": (6, 2), "with-detection": (4, 1)}
ROBUST = {"one corrupt party of five": (5, 1), "nine parties": (9, 2)}

type Tamper = Callable[[bytes], bytes]


def add_one(payload: bytes) -> bytes:
    """Change the last element, to another valid one."""
    last = int.from_bytes(payload[-8:], "little")
    return payload[:-8] + ((last + 1) % P).to_bytes(8, "little")


def cut_short(payload: bytes) -> bytes:
    return payload[:-1]


def lengthen(payload: bytes) -> bytes:
    return payload + bytes(8)


def leave_the_field(payload: bytes) -> bytes:
    return payload[:-8] + b"\xff" * 8


TAMPERINGS: list[Tamper] = [add_one, cut_short, lengthen, leave_the_field]
MALFORMED = [(3, 1, tamper) for tamper in TAMPERINGS[1:]]


def case(n: int, t: int) -> AuctionCase:
    return AuctionCase(BIDS, "second-price", n=n, t=t, highest_step=12)


async def rounds_of(n: int, t: int) -> int:
    return (await case(n, t).run()).runtimes[1].rounds


def network(n: int, round_number: int, tamper: Tamper, receivers: set[int] | None = None) -> Network:
    """Party 2 sends something else in one round, to all others or to some."""

    def interfere(delivery: Delivery) -> Payload:
        reached = receivers is None or delivery.receiver in receivers
        if delivery.sender == LIAR and delivery.round == round_number and reached:
            return tamper(bytes(delivery.payload))
        return delivery.payload

    return Network(n, interfere=interfere)


def self_deceived(round_number: int, tamper: Tamper) -> Callable[[Runtime], None]:
    """Party 2 computes on its own lie, so that nothing but the lie itself gives it away."""

    def corrupt(runtime: Runtime) -> None:
        if runtime.party != LIAR:
            return
        session, faithful = runtime._session, runtime._session.exchange

        async def exchange(payload: bytes) -> dict[int, bytes | memoryview]:
            return await faithful(tamper(payload) if session.rounds + 1 == round_number else payload)

        setattr(session, "exchange", exchange)  # noqa: B010 - the type checker would not let us

    return corrupt


def replaying(n: int, round_number: int) -> Network:
    """Party 2's payload of one round arrives a second time in the next."""
    kept: dict[int, Payload] = {}

    def interfere(delivery: Delivery) -> Payload:
        if delivery.sender == LIAR and delivery.round == round_number:
            kept[delivery.receiver] = delivery.payload
        if delivery.sender == LIAR and delivery.round == round_number + 1:
            return kept[delivery.receiver]
        return delivery.payload

    return Network(n, interfere=interfere)


def silencing(n: int, round_number: int) -> Network:
    """Party 2 sends nothing any more from one round on."""

    def interfere(delivery: Delivery) -> Payload | None:
        if delivery.round >= round_number and delivery.sender == LIAR:
            return None
        return delivery.payload

    return Network(n, interfere=interfere)


def assert_all_found_the_outcome(n: int, t: int, simulation: Simulation[ComputationResult]) -> None:
    assert not honest(simulation.errors)
    assert len(honest(simulation.results)) == n - 1
    for result in honest(simulation.results).values():
        case(n, t).check(result)


def honest[Value](values: dict[int, Value]) -> dict[int, Value]:
    return {party: value for party, value in values.items() if party != LIAR}


@pytest.mark.parametrize(("n", "t", "tamper"), [*[(n, t, add_one) for n, t in MODES.values()], *MALFORMED])
async def test_a_lie_to_all_is_noticed_in_every_round_or_comes_too_late(n: int, t: int, tamper: Tamper) -> None:
    last = await rounds_of(n, t)
    for round_number in range(1, last):
        simulation = await case(n, t).run(network(n, round_number, tamper))
        assert not honest(simulation.results), f"round {round_number}"
        assert all(isinstance(error, MpcError) for error in simulation.errors.values())
        assert_nothing_leaked(simulation.runtimes)
    simulation = await case(n, t).run(network(n, last, tamper))
    assert_all_found_the_outcome(n, t, simulation)
    assert_nothing_leaked(simulation.runtimes)


@pytest.mark.parametrize(("n", "t"), MODES.values(), ids=MODES)
async def test_a_corrupt_party_that_believes_itself_is_noticed_in_every_round_or_comes_too_late(n: int, t: int) -> None:
    last = await rounds_of(n, t)
    for round_number in range(1, last):
        simulation = await case(n, t).run(corrupt=self_deceived(round_number, add_one))
        assert not honest(simulation.results), f"round {round_number}"
        assert_nothing_leaked(simulation.runtimes)
    simulation = await case(n, t).run(corrupt=self_deceived(last, add_one))
    assert_all_found_the_outcome(n, t, simulation)
    assert_nothing_leaked(simulation.runtimes)


@pytest.mark.parametrize(("n", "t"), MODES.values(), ids=MODES)
async def test_different_values_to_different_parties_mislead_nobody(n: int, t: int) -> None:
    last = await rounds_of(n, t)
    for round_number in range(1, last):
        simulation = await case(n, t).run(network(n, round_number, add_one, receivers={3}))
        assert 3 in simulation.errors, f"round {round_number}"
        for result in honest(simulation.results).values():
            case(n, t).check(result)
        assert_nothing_leaked(simulation.runtimes)
    simulation = await case(n, t).run(network(n, last, add_one, receivers={3}))
    assert_all_found_the_outcome(n, t, simulation)
    assert_nothing_leaked(simulation.runtimes)


@pytest.mark.parametrize(("n", "t"), MODES.values(), ids=MODES)
async def test_a_replayed_payload_is_noticed_in_every_round_or_comes_too_late(n: int, t: int) -> None:
    last = await rounds_of(n, t)
    for round_number in range(1, last - 1):
        simulation = await case(n, t).run(replaying(n, round_number))
        assert not honest(simulation.results), f"round {round_number}"
        assert_nothing_leaked(simulation.runtimes)
    simulation = await case(n, t).run(replaying(n, last - 1))
    assert_all_found_the_outcome(n, t, simulation)
    assert_nothing_leaked(simulation.runtimes)


@pytest.mark.parametrize(("n", "t"), MODES.values(), ids=MODES)
async def test_no_lie_misleads_anybody_where_a_bundle_is_left_out(n: int, t: int) -> None:
    """Three openings: the failed check of all bundles, that of each, and the outcome without the faulty one."""
    auction = AuctionCase([9, 3, [1, 0, 2, 0], 12], "second-price", n=n, t=t)
    too_late = []
    for round_number in range(1, (await auction.run()).runtimes[1].rounds + 1):
        simulation = await auction.run(network(n, round_number, add_one))
        if honest(simulation.results):
            too_late.append(round_number)
            assert len(honest(simulation.results)) == n - 1
            for result in honest(simulation.results).values():
                auction.check(result)
        assert all(isinstance(error, MpcError) for error in simulation.errors.values())
    # But for the releases of keys, which other holders give as well, every lie ends the session.
    assert len(too_late) == 3


@pytest.mark.parametrize(("n", "t"), MODES.values(), ids=MODES)
async def test_a_party_that_stops_is_named_in_every_round(n: int, t: int) -> None:
    for round_number in range(1, await rounds_of(n, t) + 1):
        simulation = await case(n, t).run(silencing(n, round_number))
        for error in honest(simulation.errors).values():
            assert isinstance(error, PartiesMissingError)
            assert LIAR in error.parties
        assert len(honest(simulation.errors)) == n - 1


@pytest.mark.parametrize(("n", "t", "tamper"), [*[(5, 1, tamper) for tamper in TAMPERINGS], (9, 2, add_one)])
async def test_the_robust_mode_finds_the_outcome_and_the_corrupt_party(n: int, t: int, tamper: Tamper) -> None:
    for round_number in range(AFTER_START, await rounds_of(n, t) + 1):
        simulation = await case(n, t).run(network(n, round_number, tamper))
        results = honest(simulation.results)
        assert len(results) == n - 1, f"round {round_number}"
        for result in results.values():
            case(n, t).check(result)
        for party in results:
            assert simulation.runtimes[party].corrupt_parties == {LIAR}, f"round {round_number}"


@pytest.mark.parametrize(("n", "t"), ROBUST.values(), ids=ROBUST)
async def test_the_robust_mode_is_not_misled_by_a_corrupt_party_to_some(n: int, t: int) -> None:
    for round_number in range(AFTER_START, await rounds_of(n, t) + 1):
        simulation = await case(n, t).run(network(n, round_number, add_one, receivers={3, 4}))
        for party, result in honest(simulation.results).items():
            case(n, t).check(result)
            assert simulation.runtimes[party].corrupt_parties == ({LIAR} if party in {3, 4} else set())
        assert len(honest(simulation.results)) == n - 1


@pytest.mark.parametrize(("n", "t"), ROBUST.values(), ids=ROBUST)
async def test_the_robust_mode_finds_the_outcome_without_a_party_that_stops(n: int, t: int) -> None:
    for round_number in range(1, await rounds_of(n, t) + 1):
        simulation = await case(n, t).run(silencing(n, round_number))
        for result in honest(simulation.results).values():
            case(n, t).check(result)
        assert len(honest(simulation.results)) == n - 1


@pytest.mark.parametrize(("n", "t"), [*MODES.values(), *ROBUST.values()], ids=[*MODES, *ROBUST])
async def test_shares_of_too_high_a_degree_never_get_into_a_product(n: int, t: int) -> None:
    """One share of one bit off the polynomial: nothing that depends on other bids may be sent after that."""
    auction = case(n, t)
    auction.shares[2, 1, 0] = (int(auction.shares[2, 1, 0]) + 1) % P
    simulation = await auction.run()
    if (n, t) in ROBUST.values():
        assert {frozenset(runtime.corrupt_parties) for party, runtime in simulation.runtimes.items()} == {
            frozenset({3})
        }
        return
    assert {type(error) for error in simulation.errors.values()} == {InconsistentSharesError}
    assert {runtime.multiplications for runtime in simulation.runtimes.values()} == {0}


async def test_parties_with_different_rules_do_not_compute() -> None:
    auctions = {party: AuctionCase(BIDS, reserve_step=5 if party == 1 else 6) for party in (1, 2, 3)}

    async def program(runtime: Runtime) -> None:
        await runtime.start()
        own = auctions[runtime.party]
        await compute(runtime, own.task(), own.shares[runtime.party - 1], ignore_progress)

    simulation = await simulate(program, n=3, t=1)
    assert isinstance(simulation.errors[2], ParametersDifferError)
    assert simulation.errors[2].parties == {1}
    assert not any(runtime.revealed for runtime in simulation.runtimes.values())


def assert_nothing_leaked(runtimes: dict[int, Runtime]) -> None:
    """Honest parties opened nothing but the tie-break seed, right checks, and the outcome's own values."""
    for party, runtime in runtimes.items():
        if party != LIAR:
            for revealed in runtime.revealed:
                assert revealed.reason in {"tie-break", "input checks of all bundles", "winners", "prices"}
                if revealed.reason == "input checks of all bundles":
                    assert revealed.values == (0,)
                if revealed.reason == "prices":
                    assert revealed.values == (3,)
