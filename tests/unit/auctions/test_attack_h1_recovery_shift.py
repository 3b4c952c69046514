"""Corrupt helpers shift what an honest party recovers, and from then on follow the protocol.

With ``n = 2t + 1`` the asker's helpers are ``t`` honest parties and ``t`` corrupt ones. The corrupt add a polynomial
that vanishes at the honest helpers, and adjust the masks of the proof of degree, so that everything fits: the
redundancy of the recovery, the proof, and later the session's own check of the degree. The honest bid then is none: it
is left out. Only the asker's own commitment in the bundle tells. The same holds for ``n = 2t + 2`` where two honest
parties ask.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from aukciszek.auctions.session.computation import compute
from aukciszek.auctions.session.computation_task import ComputationResult, ComputationTask
from aukciszek.mpc.protocols.runtime import Runtime
from aukciszek.mpc.protocols.shared import Shared
from aukciszek.mpc.sharing.dealing import Dealing, challenge, share_fits
from aukciszek.mpc.sharing.field import P, Vector, inverse, to_bytes, to_vector
from aukciszek.mpc.sharing.random_stream import RandomStream
from aukciszek.mpc.sharing.sizes import MASKS, SALTS
from aukciszek.mpc.simulation import simulate
from aukciszek.protocol.evidence.tie_break import tie_break_indices
from aukciszek.protocol.rules.identifiers import AuctionId
from aukciszek.protocol.sealing.envelope import commitment
from support.auction_case import bits_of, ignore_progress

AUCTION = AuctionId("ab" * 32)
BITS = 12
PRICES = [1234, 999, 4000, 2500]
VICTIM = 1
"""The bundle with the best bid."""

CASES = [(3, 1, (1,)), (5, 2, (1,)), (7, 3, (1,)), (4, 1, (1, 2)), (6, 2, (1, 2))]


@dataclass
class Bundle:
    """What a bidder deals, and what all parties hold of it."""

    shares: Vector
    commitments: list[bytes]
    context: bytes
    proof: bytes

    @classmethod
    def of(cls, price: int, n: int, t: int) -> "Bundle":
        dealing = Dealing.of(bits_of(price, BITS), n, t)
        commitments = [commitment(AUCTION, party, to_bytes(row)) for party, row in enumerate(dealing.shares, 1)]
        context = hashlib.sha256(b"".join(commitments)).digest()
        return cls(dealing.shares.copy(), commitments, context, dealing.prove(context))

    def fits_proof(self, party: int, row: Vector, t: int) -> bool:
        return share_fits(row, party, t, self.proof, self.context)

    def matches_commitment(self, party: int, row: Vector) -> bool:
        return commitment(AUCTION, party, to_bytes(row)) == self.commitments[party - 1]

    def shift(self, parties: Sequence[int], vanishing_at: Sequence[int]) -> None:
        """Add 1 to every shared bit, at ``parties`` alone, and what makes up for it to the masks of the proof."""
        change = [1] * BITS + [0] * SALTS
        rho = challenge(self.context, len(change)).tolist()
        masks = [-sum(rho[b][k] * one for b, one in enumerate(change)) for k in range(MASKS)]
        for party in parties:
            weight = 1
            for point in vanishing_at:
                weight = weight * (party - point) * inverse(-point) % P
            shifted = [
                int(old) + weight * one for old, one in zip(self.shares[party - 1], [*change, *masks], strict=True)
            ]
            self.shares[party - 1] = to_vector(shifted)


def deal(n: int, t: int) -> list[Bundle]:
    return [Bundle.of(price, n, t) for price in PRICES]


def attack(bundles: list[Bundle], n: int, t: int, asking: Sequence[int]) -> None:
    """Let the last ``t`` parties shift their own shares of one bundle."""
    corrupt = range(n - t + 1, n + 1)
    helpers = [party for party in range(1, n - t + 1) if party not in asking]
    assert len(helpers) <= t
    bundles[VICTIM].shift(corrupt, helpers)


async def recovered(bundles: list[Bundle], n: int, t: int, asking: Sequence[int]) -> dict[int, Vector]:
    """Let parties that have lost everything ask for all their rows, by the engine's own protocol."""
    everything = list(range(len(bundles)))

    async def program(runtime: Runtime) -> Vector:
        await runtime.start()
        own = np.stack([bundle.shares[runtime.party - 1] for bundle in bundles])
        if runtime.party in asking:
            own[:] = 0
        return await runtime.recover(own, dict.fromkeys(asking, tuple(everything)))

    simulation = await simulate(program, n=n, t=t)
    assert not simulation.errors
    return {party: simulation.results[party] for party in asking}


async def outcome(bundles: list[Bundle], n: int, t: int, found: dict[int, Vector]) -> ComputationResult:
    """Compute the auction with what was recovered, whatever that is, in the session that recovered it."""
    task = ComputationTask(
        auction_id=bytes.fromhex(AUCTION),
        input_digest=bytes(32),
        auction_format="first-price",
        direction="reverse",
        winners=1,
        bits=BITS,
        highest_step=2**BITS - 1,
        reserve_step=None,
        minimum_bids=1,
        bundle_digests=digests(bundles),
    )

    async def program(runtime: Runtime) -> ComputationResult:
        await runtime.start()
        held = np.stack([bundle.shares[runtime.party - 1] for bundle in bundles])
        own = found.get(runtime.party, held)
        return await compute(runtime, task, np.ascontiguousarray(own[:, :BITS]), ignore_progress, recovered=True)

    simulation = await simulate(program, n=n, t=t)
    assert not simulation.errors
    return simulation.result


def digests(bundles: list[Bundle]) -> list[bytes]:
    return [hashlib.sha256(bundle.context).digest() for bundle in bundles]


@pytest.mark.parametrize(("n", "t", "asking"), CASES)
async def test_what_honest_helpers_send_matches_the_commitments(n: int, t: int, asking: tuple[int, ...]) -> None:
    bundles = deal(n, t)
    for party, rows in (await recovered(bundles, n, t, asking)).items():
        for bundle, row in zip(bundles, rows, strict=True):
            assert bundle.matches_commitment(party, row)
            assert bundle.fits_proof(party, row, t)


@pytest.mark.parametrize(("n", "t", "asking"), CASES)
async def test_a_shifted_share_fits_the_proof_but_not_the_commitment(n: int, t: int, asking: tuple[int, ...]) -> None:
    bundles = deal(n, t)
    attack(bundles, n, t, asking)
    for party, rows in (await recovered(bundles, n, t, asking)).items():
        for place, (bundle, row) in enumerate(zip(bundles, rows, strict=True)):
            assert bundle.fits_proof(party, row, t)
            assert bundle.matches_commitment(party, row) is (place != VICTIM)


@pytest.mark.parametrize(("n", "t", "asking"), CASES)
async def test_without_the_commitment_the_best_bid_would_be_left_out(n: int, t: int, asking: tuple[int, ...]) -> None:
    """The control: a session that takes what fits the proof finds nothing wrong, and vetoes an honest bid."""
    bundles = deal(n, t)
    attack(bundles, n, t, asking)
    found = await recovered(bundles, n, t, asking)
    result = await outcome(bundles, n, t, found)
    assert result.left_out == ((VICTIM, "not-bits"),)
    assert (result.winners, result.prices) == ((0,), (1234,))
    honest = deal(n, t)
    right = await outcome(honest, n, t, await recovered(honest, n, t, asking))
    assert (right.left_out, right.winners, right.prices) == ((), (VICTIM,), (999,))


COIN = bytes(range(32))
"""The seed of the weights, which are public once they are drawn."""


def ones(_: Runtime, count: int) -> Shared:
    return Shared(np.ones(count, dtype=np.uint64))


@pytest.mark.parametrize("deviations_are_opened_as_they_are", [False, True])
async def test_even_then_the_bid_is_not_told(
    monkeypatch: pytest.MonkeyPatch,
    deviations_are_opened_as_they_are: bool,  # noqa: FBT001 -- one of two cases
) -> None:
    """Of a bundle that fails, a random multiple of its deviation is opened; as a control, the deviation itself."""
    if deviations_are_opened_as_they_are:
        monkeypatch.setattr(Runtime, "random", ones)
    coin = Runtime.coin

    async def known_coin(runtime: Runtime) -> RandomStream:
        await coin(runtime)
        return RandomStream(COIN)

    monkeypatch.setattr(Runtime, "coin", known_coin)
    bundles = deal(3, 1)
    attack(bundles, 3, 1, (1,))
    result = await outcome(bundles, 3, 1, await recovered(bundles, 3, 1, (1,)))
    assert result.tie_break_seed is not None
    place = tie_break_indices(result.tie_break_seed, digests(bundles)).index(VICTIM)
    weights = RandomStream(COIN)
    weights.take(BITS * len(bundles))
    rho = weights.take(BITS * len(bundles)).reshape(BITS, -1)[:, place].tolist()
    # With x + 1 in place of each bit, sum rho ((x + 1)^2 - (x + 1)) is sum 2 rho x: it tells the bid.
    told = {
        sum(2 * weight * bit for weight, bit in zip(rho, bits_of(price, BITS), strict=True)) % P: price
        for price in range(2**BITS)
    }
    (opened,) = (one.values for one in result.revealed if one.reason.startswith("input checks of each bundle"))
    assert [value for value in opened if value] == [opened[place]]
    assert told.get(opened[place]) == (PRICES[VICTIM] if deviations_are_opened_as_they_are else None)
