"""Share recovery: the asker finds its rows, lies are noticed or corrected as redundancy allows, nobody else learns."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations

import numpy as np
import pytest

from aukciszek.mpc.errors import InconsistentSharesError, PartiesMissingError
from aukciszek.mpc.memory_channel import Delivery, Network, Payload
from aukciszek.mpc.mode import Mode
from aukciszek.mpc.protocols import share_recovery
from aukciszek.mpc.protocols.runtime import Runtime
from aukciszek.mpc.protocols.share_recovery import Requests
from aukciszek.mpc.sharing.field import P, Vector, from_bytes, inverse, to_bytes
from aukciszek.mpc.sharing.prss import (
    Members,
    PrssKeys,
    ShareStream,
    deal_prss_keys,
    indicator,
    prss_sets,
    recovery_shares,
)
from aukciszek.mpc.sharing.random_stream import RandomStream
from aukciszek.mpc.sharing.shamir import share_values
from aukciszek.mpc.simulation import Simulation, simulate

CLUSTERS = [(n, t) for n in range(3, 10) for t in range(1, (n - 1) // 2 + 1)]
ROBUST = [(n, t) for n, t in CLUSTERS if Mode(n, t).corrects]
NOT_ROBUST = [(n, t) for n, t in CLUSTERS if not Mode(n, t).corrects]
RECOVERY = 2
"""The round after the start."""

ROWS, WIDTH = 4, 3
GARBAGE = 7


def deal(n: int, t: int) -> Vector:
    """Return everybody's rows, shape ``(parties, rows, width)``."""
    return share_values(list(range(100, 100 + ROWS * WIDTH)), n, t).reshape(n, ROWS, WIDTH)


async def recover(
    dealt: Vector,
    t: int,
    requests: Requests,
    interfere: Callable[[Delivery], Payload | None] = lambda one: one.payload,
    keys: Sequence[PrssKeys] | None = None,
) -> Simulation[list[list[int]]]:
    """Let parties that lack rows, and hold garbage instead, ask for them."""
    n = len(dealt)

    async def program(runtime: Runtime) -> list[list[int]]:
        await runtime.start()
        own = dealt[runtime.party - 1].copy()
        own[list(requests.get(runtime.party, ()))] = GARBAGE
        found: list[list[int]] = (await runtime.recover(own, requests)).tolist()
        return found

    return await simulate(program, n=n, t=t, network=Network(n, interfere=interfere), keys=keys)


def assert_found(simulation: Simulation[list[list[int]]], dealt: Vector, requests: Requests) -> None:
    for party, found in simulation.results.items():
        assert found == dealt[party - 1][list(requests.get(party, ()))].tolist()


def lying(corrupt_parties: Iterable[int], *, place: int = 0) -> Callable[[Delivery], Payload | None]:
    """Let some parties add 1 to one element that they send as helpers."""

    def interfere(one: Delivery) -> Payload:
        if one.sender not in corrupt_parties or one.round != RECOVERY or not one.payload:
            return one.payload
        values = from_bytes(bytes(one.payload), len(one.payload) // 8).copy()
        values[place] = (int(values[place]) + 1) % P
        return to_bytes(values)

    return interfere


@pytest.mark.parametrize(("n", "t"), CLUSTERS)
async def test_one_party_finds_the_rows_that_it_lacks(n: int, t: int) -> None:
    dealt = deal(n, t)
    for asker in (1, n):
        requests = {asker: [0, 2]}
        simulation = await recover(dealt, t, requests)
        assert len(simulation.results) == n
        assert_found(simulation, dealt, requests)
        assert simulation.runtimes[1].rounds == RECOVERY


@pytest.mark.parametrize(("n", "t"), CLUSTERS)
@pytest.mark.parametrize(
    "requests", [{1: [0, 1], 2: [2, 3]}, {1: [0, 1, 2], 2: [3]}], ids=["as many rows", "not as many rows"]
)
async def test_two_parties_ask_for_different_rows_at_once_and_help_each_other(
    n: int, t: int, requests: Requests
) -> None:
    dealt = deal(n, t)
    simulation = await recover(dealt, t, requests)
    assert len(simulation.results) == n
    assert_found(simulation, dealt, requests)


@pytest.mark.parametrize(("n", "t"), CLUSTERS)
async def test_two_parties_that_lack_the_same_row_do_not_help_each_other_with_it(n: int, t: int) -> None:
    dealt = deal(n, t)
    requests = {1: [0, 1], 2: [1, 3]}
    sent: list[list[int]] = []

    def note(one: Delivery) -> Payload:
        if one.round == RECOVERY and (one.sender, one.receiver) in {(1, 2), (2, 1)}:
            sent.append(from_bytes(bytes(one.payload), 2 * WIDTH).reshape(2, WIDTH).any(axis=1).tolist())
        return one.payload

    simulation = await recover(dealt, t, requests, note)
    # Not even a mask: it would be of use against what the others send.
    assert sorted(sent) == [[False, True], [True, False]]
    if n - 2 > t:
        assert len(simulation.results) == n
        assert_found(simulation, dealt, requests)
    else:
        assert {type(simulation.errors[party]) for party in (1, 2)} == {PartiesMissingError}
        assert simulation.errors.keys() == {1, 2}


@pytest.mark.parametrize(("n", "t"), [(3, 1), (5, 2), (5, 1), (9, 4)])
async def test_nobody_but_the_asker_receives_anything(n: int, t: int) -> None:
    lengths: dict[tuple[int, int], int] = {}

    def note(one: Delivery) -> Payload:
        if one.round == RECOVERY:
            lengths[one.sender, one.receiver] = len(one.payload)
        return one.payload

    simulation = await recover(deal(n, t), t, {2: [1]}, note)
    expected = {(sender, 2): 8 * WIDTH for sender in range(1, n + 1) if sender != 2}
    assert {pair: length for pair, length in lengths.items() if length} == expected
    assert all(result == [] for party, result in simulation.results.items() if party != 2)


async def test_what_is_too_long_for_one_round_takes_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(share_recovery, "MAX_PAYLOAD_BYTES", 8 * WIDTH)
    dealt = deal(5, 2)
    requests = {1: [0, 1, 3], 4: [2]}
    simulation = await recover(dealt, 2, requests)
    assert_found(simulation, dealt, requests)
    assert simulation.runtimes[3].rounds == 1 + 3


@pytest.mark.parametrize("requests", [{}, {2: []}])
async def test_where_nobody_lacks_anything_nothing_is_sent(requests: Requests) -> None:
    simulation = await recover(deal(3, 1), 1, requests)
    assert {runtime.rounds for runtime in simulation.runtimes.values()} == {1}


@pytest.mark.parametrize(("n", "t"), ROBUST)
async def test_the_robust_mode_corrects_lying_helpers_and_names_them(n: int, t: int) -> None:
    dealt = deal(n, t)
    corrupt_parties = set(range(2, 2 + t))
    for place in (0, 2 * WIDTH - 1):
        simulation = await recover(dealt, t, {1: [1, 2]}, lying(corrupt_parties, place=place))
        assert len(simulation.results) == n
        assert_found(simulation, dealt, {1: [1, 2]})
        assert simulation.runtimes[1].corrupt_parties == corrupt_parties
        assert not any(simulation.runtimes[party].corrupt_parties for party in range(2, n + 1))


@pytest.mark.parametrize(("n", "t"), ROBUST)
@pytest.mark.parametrize("arrives", [None, b"", bytes(8), b"\xff" * 16 * WIDTH])
async def test_the_robust_mode_does_without_helpers_that_send_nothing_usable(
    n: int, t: int, arrives: bytes | None
) -> None:
    dealt = deal(n, t)
    silent = set(range(2, 2 + t))
    simulation = await recover(
        dealt, t, {1: [1, 2]}, lambda one: arrives if one.sender in silent and one.round == RECOVERY else one.payload
    )
    assert simulation.results[1] == dealt[0][[1, 2]].tolist()


@pytest.mark.parametrize(("n", "t"), ROBUST)
async def test_the_robust_mode_stops_where_a_lie_cannot_be_told_from_the_truth(n: int, t: int) -> None:
    """Each party that lacks the same row is one helper less; where the last redundancy is gone, a lie passes."""
    dealt = deal(n, t)
    for askers in range(2, n - t):
        requests = {party: [0] for party in range(1, askers + 1)}
        simulation = await recover(dealt, t, requests, lying({n}))
        for party in range(1, askers + 1):
            if n - askers - 2 * t > t:
                assert simulation.results[party] == dealt[party - 1][[0]].tolist()
            elif n - askers == t + 1:
                assert simulation.results[party] != dealt[party - 1][[0]].tolist()
            else:
                assert isinstance(simulation.errors[party], InconsistentSharesError)


@pytest.mark.parametrize(("n", "t"), NOT_ROBUST)
async def test_a_lying_helper_is_noticed_where_there_is_redundancy(n: int, t: int) -> None:
    dealt = deal(n, t)
    simulation = await recover(dealt, t, {1: [1, 2]}, lying({2}))
    if n - 1 > t + 1:
        error = simulation.errors[1]
        assert isinstance(error, InconsistentSharesError)
        assert error.suspects == ({2} if n - 1 - 2 * t > t else set())
    else:
        # Two helpers and a line: whatever they send fits. The commitment of the asker is what tells.
        assert simulation.results[1][1] == dealt[0][2].tolist()
        assert simulation.results[1][0] != dealt[0][1].tolist()


@pytest.mark.parametrize(("n", "t"), [(3, 1), (4, 1), (5, 2)])
@pytest.mark.parametrize(
    ("arrives", "error"),
    [(None, PartiesMissingError), (b"", InconsistentSharesError), (bytes(8), InconsistentSharesError)],
)
async def test_a_helper_that_sends_nothing_usable_ends_the_session(
    n: int, t: int, arrives: bytes | None, error: type[Exception]
) -> None:
    simulation = await recover(
        deal(n, t), t, {1: [1, 2]}, lambda one: arrives if (one.sender, one.round) == (3, RECOVERY) else one.payload
    )
    assert type(simulation.errors[1]) is error


# What others learn: linear algebra


def rank(rows: Iterable[Sequence[int]]) -> int:
    """Return the rank of a matrix over the field."""
    left = [list(row) for row in rows]
    found = 0
    for column in range(len(left[0]) if left else 0):
        pivot = next((place for place in range(found, len(left)) if left[place][column]), None)
        if pivot is None:
            continue
        left[found], left[pivot] = left[pivot], left[found]
        factor = inverse(left[found][column])
        for place in range(found + 1, len(left)):
            if weight := left[place][column] * factor % P:
                left[place] = [(a - weight * b) % P for a, b in zip(left[place], left[found], strict=True)]
        found += 1
    return found


def unknown_of_a_sharing(corrupt: Sequence[int], t: int, points: Sequence[int]) -> list[list[int]]:
    """Return, at the points, a basis of all polynomials of degree ``t`` that vanish at the corrupt parties."""

    def vanishing(point: int) -> int:
        value = 1
        for party in corrupt:
            value = value * (point - party) % P
        return value

    return [
        [vanishing(point) * pow(point, exponent, P) % P for point in points] for exponent in range(t + 1 - len(corrupt))
    ]


def large_sets_of(n: int, t: int) -> list[Members]:
    return [members for members in prss_sets(n, t) if len(members) == n - t]


@pytest.mark.parametrize(("n", "t"), CLUSTERS)
def test_masks_cover_exactly_what_is_unknown_of_a_share(n: int, t: int) -> None:
    """For every set of corrupt parties and every asker among them.

    What they do not know of the honest parties' shares, and what they do not know of the masks, span the same space:
    ``t`` of them lack one multiple of one polynomial, and one multiple of the same polynomial masks it.
    """
    mode = Mode(n, t)
    for size in range(1, t + 1):
        for corrupt in combinations(range(1, n + 1), size):
            honest = [party for party in range(1, n + 1) if party not in corrupt]
            secret = unknown_of_a_sharing(corrupt, t, honest)
            unknown_sets = [members for members in large_sets_of(n, t) if not members & set(corrupt)]
            masks = [[indicator(members, mode, party) for party in honest] for members in unknown_sets]
            assert rank(masks) == rank(secret) == t + 1 - size
            assert rank([*secret, *masks]) == rank(masks)
            for asker in corrupt:
                used = [members for members in large_sets_of(n, t) if asker not in members]
                assert set(unknown_sets) <= set(used)
                assert all(indicator(members, mode, asker) == 0 for members in used)


@pytest.mark.parametrize(("n", "t"), CLUSTERS)
def test_masks_vanish_at_the_asker_and_are_of_degree_t(n: int, t: int) -> None:
    keys = deal_prss_keys(n, t)
    for asker in range(1, n + 1):
        shares = {one.party: recovery_shares(one, asker, salt=b"s").take(5) for one in keys}
        assert not shares[asker].any()
        points = [party for party in shares if party != asker]
        for place in range(5):
            values = [int(shares[party][place]) for party in points]
            powers = [[pow(party, exponent, P) * (party - asker) % P for party in points] for exponent in range(t)]
            assert rank([*powers, values]) == rank(powers)


# What others learn: no position of a mask is used for two views of anything


def residual(keys: Sequence[PrssKeys], asker: int, corrupt: set[int], sent: Vector, party: int) -> int:
    """Return what is left of the first element that ``party`` sent once all that is known of its mask is taken off."""
    mode = keys[0].mode
    left = int(sent[0])
    for members in large_sets_of(mode.parties, mode.threshold):
        if asker not in members and party in members and members & corrupt:
            holder = keys[min(members & corrupt) - 1]
            key = holder.derive(members, salt=bytes(32), purpose=b"recovery %d" % asker)
            left -= indicator(members, mode, party) * int(RandomStream(key).take(1)[0])
    return left % P


def one_stream_for_all_askers(keys: PrssKeys, _: int, *, salt: bytes) -> ShareStream:
    """Return the same masks whoever asks: they are made for the two corrupt askers together."""
    own = [
        (indicator(members, keys.mode, keys.party), keys.derive(members, salt=salt, purpose=b"recovery 1"))
        for members in large_sets_of(keys.mode.parties, keys.mode.threshold)
        if keys.party in members and not members & {1, 2}
    ]
    return ShareStream(own)


@pytest.mark.parametrize("masks_are_used_twice", [False, True])
@pytest.mark.parametrize(("n", "t"), [(5, 2), (7, 3)])
async def test_two_corrupt_askers_of_different_rows_learn_no_combination_of_them(
    monkeypatch: pytest.MonkeyPatch,
    n: int,
    t: int,
    masks_are_used_twice: bool,  # noqa: FBT001 -- one of two cases
) -> None:
    """With masks used twice, as a control, they learn the difference of an honest party's two shares."""
    if masks_are_used_twice:
        monkeypatch.setattr(share_recovery, "recovery_shares", one_stream_for_all_askers)
    keys, dealt, corrupt, honest = deal_prss_keys(n, t), deal(n, t), set(range(1, t + 1)), n
    sent: dict[int, Vector] = {}

    def note(one: Delivery) -> Payload:
        if one.round == RECOVERY and one.sender == honest and one.payload:
            sent[one.receiver] = from_bytes(bytes(one.payload), WIDTH)
        return one.payload

    await recover(dealt, t, {1: [0], 2: [1]}, note, keys)
    if masks_are_used_twice:
        found = (int(sent[1][0]) - int(sent[2][0])) % P
    else:
        found = (residual(keys, 1, corrupt, sent[1], honest) - residual(keys, 2, corrupt, sent[2], honest)) % P
    difference = (int(dealt[honest - 1, 0, 0]) - int(dealt[honest - 1, 1, 0])) % P
    assert (found == difference) is masks_are_used_twice


def test_no_mask_is_the_same_for_two_askers_sessions_or_positions() -> None:
    keys = deal_prss_keys(7, 3)[6]
    streams = [recovery_shares(keys, asker, salt=salt) for asker in range(1, 7) for salt in (bytes(32), b"2" * 32)]
    masks = [int(mask) for stream in streams for mask in (*stream.take(300), *stream.take(5000))]
    assert len(set(masks)) == len(masks)


async def test_rows_asked_for_in_several_rounds_have_masks_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(share_recovery, "MAX_PAYLOAD_BYTES", 8 * WIDTH)
    dealt = np.zeros((5, ROWS, WIDTH), dtype=np.uint64)
    sent: list[int] = []

    def note(one: Delivery) -> Payload:
        if one.round >= RECOVERY and one.sender == 5:
            sent.extend(map(int, from_bytes(bytes(one.payload), len(one.payload) // 8)))
        return one.payload

    requests: Mapping[int, Sequence[int]] = {1: [0, 1, 2, 3], 2: [0, 3]}
    await recover(dealt, 2, requests, note)
    assert len(sent) == len(set(sent)) == 6 * WIDTH
