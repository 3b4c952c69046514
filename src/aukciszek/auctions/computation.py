"""What an auction asks of the engine: who won and at what price, from this party's shares of all bids.

``docs/protocol.md``, "Computing an auction". Bids are put into the order of the lot, so that ties go to the earlier
one; public *phantom* bids at the reserve price stand at the end. So "the reserve was not met" means that a phantom won,
and no bid above the reserve is ever opened. Forward auctions run on complemented bits: the highest bid is the lowest.
"""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Literal, Self

import numpy as np

from aukciszek.auctions.agreement import lot_places
from aukciszek.auctions.identifiers import DIGEST_BYTES
from aukciszek.encoding import canonical_json
from aukciszek.mpc.comparison import Digits, Order, above_public, below_public, public_digits
from aukciszek.mpc.field import Vector
from aukciszek.mpc.input_checks import combination, digits_and_deviations
from aukciszek.mpc.random_stream import RandomStream
from aukciszek.mpc.ranking import Pace, rank_lowest
from aukciszek.mpc.runtime import Revealed, Runtime
from aukciszek.mpc.shared import Shared
from aukciszek.mpc.winner_set import members_of, set_polynomial

type AuctionFormat = Literal["first-price", "second-price", "uniform-price", "pay-as-bid"]
type Progress = Callable[[str, float], Awaitable[None]]
"""Told, and awaited, before each stage begins: the stage and how much of the whole is done, 0..1."""

NOT_BITS = "not-bits"
OUT_OF_RANGE = "out-of-range"
"""Why a bundle is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputationTask:
    """One auction's input set, as one party sees it."""

    auction_id: bytes
    input_digest: bytes
    auction_format: AuctionFormat
    direction: Literal["reverse", "forward"]
    winners: int
    bits: int
    highest_step: int
    """The largest valid price, in grid steps."""
    reserve_step: int | None
    minimum_bids: int
    bundle_digests: Sequence[bytes]
    shares: Vector = field(repr=False)
    """This party's share of each bit, shape ``(bids, bits)``, most significant bit first."""

    def __post_init__(self) -> None:
        if self.shares.shape != (len(self.bundle_digests), self.bits):
            raise ValueError("there must be one row of shares for each bundle, with one share for each bit")
        if any(len(digest) != DIGEST_BYTES for digest in self.bundle_digests):
            raise ValueError("a bundle's digest has 32 bytes")
        if not 0 <= self.highest_step < 2**self.bits:
            raise ValueError("the highest step does not fit into the bits")
        if self.winners != 1 and self.auction_format in {"first-price", "second-price"}:
            raise ValueError("this format has one winner")

    def public_parameters(self) -> bytes:
        """Return everything that must be the same at all parties, in its one spelling."""
        return canonical_json(
            {
                "auction": self.auction_id.hex(),
                "input": self.input_digest.hex(),
                "format": self.auction_format,
                "direction": self.direction,
                "winners": self.winners,
                "bits": self.bits,
                "highest": str(self.highest_step),
                "reserve": None if self.reserve_step is None else str(self.reserve_step),
                "minimum_bids": self.minimum_bids,
                "bids": len(self.bundle_digests),
                "bundles": hashlib.sha256(b"".join(self.bundle_digests)).hexdigest(),
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputationResult:
    """What a session found: the same at every honest party, but for nothing."""

    kind: Literal["sold", "reserve-not-met", "too-few-bids"]
    winners: tuple[int, ...] = ()
    """Indices into ``bundle_digests``, ascending."""
    prices: tuple[int, ...] = ()
    """Grid steps: with pay-as-bid one per winner, in their order; else one, if there are winners."""
    left_out: tuple[tuple[int, str], ...] = ()
    """Bundles that failed the input checks, ascending, with the stable code of the reason."""
    lot: bytes | None = None
    """The joint random value that ordered the bids; None if there were too few to begin with."""
    revealed: tuple[Revealed, ...] = ()
    """Everything that was opened, and why."""


async def compute(
    runtime: Runtime, task: ComputationTask, on_progress: Progress, pace: Pace | None = None
) -> ComputationResult:
    """Find the outcome; ``runtime`` has been started.

    Raises:
        MpcError: the session could not be finished; nothing but ``runtime.revealed`` was opened.
    """
    if len(task.bundle_digests) < max(1, task.minimum_bids):
        return ComputationResult(kind="too-few-bids")
    return await _Computation(runtime, task, on_progress, pace or Pace()).run()


@dataclass(frozen=True, slots=True)
class _Rules:
    """What a format asks of the ranking: how many winners, how many to rank, whose prices to open."""

    winners: int
    keep: int
    prices: slice
    phantoms: int

    @classmethod
    def of(cls, task: ComputationTask, bids: int) -> Self:
        """Return the rules for so many valid bids."""
        winners = min(task.winners, bids)
        if task.auction_format in {"first-price", "pay-as-bid"}:
            keep, prices = winners, slice(winners)
        else:
            keep, prices = winners + 1, slice(winners, winners + 1)
        missing = max(0, keep - bids)
        return cls(winners, keep, prices, missing if task.reserve_step is None else keep)


@dataclass(frozen=True, slots=True)
class _Ranking:
    """One ranking, computed but not opened. A bid's position is its place in ``order``; phantoms follow."""

    order: Sequence[int]
    rules: _Rules
    opening: dict[str, Shared]


class _Computation:
    """One auction under way."""

    def __init__(self, runtime: Runtime, task: ComputationTask, on_progress: Progress, pace: Pace) -> None:
        self._runtime = runtime
        self._task = task
        self._on_progress = on_progress
        self._pace = pace

    async def run(self) -> ComputationResult:
        """Check, rank, verify, reveal; once more without the bundles that turn out to be faulty."""
        task, runtime = self._task, self._runtime
        await self._on_progress("drawing-lot", 0.0)
        parameters = await runtime.local(task.shares.size, task.public_parameters)
        lot = await runtime.joint_random("lot", b"lot" + task.auction_id + task.input_digest, agreed=parameters)
        order = await runtime.local(600 * len(task.shares), lambda: lot_places(lot, task.bundle_digests))
        weights = RandomStream(hashlib.sha256(b"aukciszek/1/input-checks" + lot).digest())
        await self._on_progress("checking", 0.05)
        bits = await runtime.local(2 * task.shares.size, lambda: Shared(np.ascontiguousarray(task.shares[order].T)))
        await runtime.check_degree(bits, weights)
        if task.direction == "forward":
            bits = 1 - bits
        digits, deviations = await digits_and_deviations(runtime, bits, weights)
        ranking, outside = await self._rank(digits, order, self._range_check(digits))
        faulty = await self._find_faulty(order, deviations, outside, weights)
        left_out = tuple(sorted(faulty.items()))
        if faulty:
            valid = [place for place, index in enumerate(order) if index not in faulty]
            if len(valid) < max(1, task.minimum_bids):
                return ComputationResult(kind="too-few-bids", left_out=left_out, lot=lot, revealed=runtime.revealed)
            ranking, _ = await self._rank(digits.chosen(valid), [order[place] for place in valid])
        return await self._reveal(ranking, left_out, lot)

    async def _rank(
        self, bids: Digits, order: Sequence[int], beside: Order | None = None
    ) -> tuple[_Ranking, Shared | None]:
        """Rank the bids and prepare what the format opens."""
        await self._on_progress("ranking", 0.1)
        task, rules = self._task, _Rules.of(self._task, len(order))
        if rules.phantoms:
            bids = bids.beside(public_digits([self._mirrored(self._reserve())] * rules.phantoms, task.bits))
        ranked, outside = await rank_lowest(self._runtime, bids, rules.keep, self._pace, beside)
        winners, prices = ranked.positions[: rules.winners], ranked.values[rules.prices]
        if rules.winners == 1 or task.auction_format == "pay-as-bid":
            # In order of price: prices are opened too, and equal ones are in the order of the lot, which is public.
            return _Ranking(order, rules, {"winners": winners, "prices": prices}), outside
        symmetric = await set_polynomial(self._runtime, winners)
        return _Ranking(order, rules, {"set of winners": symmetric, "prices": prices}), outside

    def _range_check(self, digits: Digits) -> Order | None:
        """Return how bids compare with the range, for "is outside"; None if every number of so many bits is inside."""
        task = self._task
        if task.highest_step == 2**task.bits - 1:
            return None
        bound = self._mirrored(task.highest_step)
        return above_public(digits, bound) if task.direction == "reverse" else below_public(digits, bound)

    async def _find_faulty(
        self, order: Sequence[int], deviations: Shared, outside: Shared | None, weights: RandomStream
    ) -> dict[int, str]:
        """Open whether all bundles passed, and only if not, which did not and why."""
        await self._on_progress("verifying", 0.7)
        checks = {"elements that are no bits": deviations}
        if outside is not None:
            checks["bids out of range"] = outside
        summary = combination(weights, *checks.values())
        if (await self._runtime.reveal({"input checks of all bundles": summary})) == {
            "input checks of all bundles": [0]
        }:
            return {}
        found = await self._runtime.reveal(
            {f"input checks of each bundle: {name}": part for name, part in checks.items()}
        )
        faulty: dict[int, str] = {}
        for reason, values in zip((NOT_BITS, OUT_OF_RANGE), found.values(), strict=False):
            for index, value in zip(order, values, strict=True):
                if value:
                    faulty.setdefault(index, reason)
        return faulty

    async def _reveal(self, ranking: _Ranking, left_out: tuple[tuple[int, str], ...], lot: bytes) -> ComputationResult:
        """Open what the format names, and nothing else."""
        await self._on_progress("revealing", 0.9)
        opened = await self._runtime.reveal(ranking.opening)
        bids = len(ranking.order)
        if "winners" in opened:
            positions = opened["winners"]
        else:
            positions = members_of(opened["set of winners"], bids + ranking.rules.phantoms)
        sold = list(takewhile(lambda position: position < bids, positions))
        prices = [self._mirrored(value) for value in opened["prices"]]
        if self._task.auction_format == "pay-as-bid":
            prices = prices[: len(sold)]
        winners = [ranking.order[position] for position in sold]
        if self._task.auction_format == "pay-as-bid":
            paired = sorted(zip(winners, prices, strict=True))
            winners, prices = [index for index, _ in paired], [price for _, price in paired]
        await self._on_progress("done", 1.0)
        return ComputationResult(
            kind="sold" if winners else "reserve-not-met",
            winners=tuple(sorted(winners)),
            prices=tuple(prices) if winners else (),
            left_out=left_out,
            lot=lot,
            revealed=self._runtime.revealed,
        )

    def _reserve(self) -> int:
        """Return the worst price at which something is sold, in grid steps."""
        task = self._task
        if task.reserve_step is not None:
            return task.reserve_step
        return task.highest_step if task.direction == "reverse" else 0

    def _mirrored(self, step: int) -> int:
        """Turn a price into the number that is ranked, lowest first, or back."""
        return step if self._task.direction == "reverse" else 2**self._task.bits - 1 - step
