"""What an auction asks of the engine: who won and at what price, from this party's shares of all bids.

``docs/protocol.md``, "Computing an auction". Bids are put into the order of the tie-break, so that ties go to the
earlier one; public *phantom* bids at the reserve price stand at the end. So "the reserve was not met" means that a
phantom won, and no bid above the reserve is ever opened. Forward auctions run on complemented bits: the highest bid is
the lowest.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence

import numpy as np

from aukciszek.auctions.session.computation_task import ComputationResult, ComputationTask
from aukciszek.auctions.session.opened_outcome import (
    EACH,
    PRICES,
    SUMMARY,
    DrawnTieBreak,
    OpeningRules,
    faulty_bundles,
)
from aukciszek.mpc.circuits.comparison import DigitComparison, Digits, above_public, below_public, public_digits
from aukciszek.mpc.circuits.input_checks import combination, digits_and_deviations
from aukciszek.mpc.circuits.ranking import CostModel, rank_lowest
from aukciszek.mpc.circuits.winner_set import set_polynomial
from aukciszek.mpc.protocols.runtime import Runtime
from aukciszek.mpc.protocols.shared import Shared
from aukciszek.mpc.sharing.field import Vector
from aukciszek.mpc.sharing.random_stream import RandomStream
from aukciszek.protocol.evidence.tie_break import tie_break_indices

type OnProgress = Callable[[str, float], Awaitable[None]]
"""Told, and awaited, before each stage begins: the stage and how much of the whole is done, 0..1."""


async def compute(  # noqa: PLR0913 -- what it is about, and what hears of it
    runtime: Runtime,
    task: ComputationTask,
    shares: Vector,
    on_progress: OnProgress,
    cost_model: CostModel | None = None,
    *,
    recovered: bool = False,
) -> ComputationResult:
    """Find the outcome; ``runtime`` has been started.

    Args:
        runtime: the session.
        task: what is computed.
        shares: this party's share of each bit, shape ``(bids, bits)``, most significant bit first.
        on_progress: told how far it is.
        cost_model: what rounds and products cost; the same at all parties.
        recovered: whether some party's shares were recovered in this session; the same at all parties.

    Raises:
        MpcError: the session could not be finished; nothing but ``runtime.revealed`` was opened.
        ValueError: the shares do not have this shape.
    """
    if shares.shape != (len(task.bundle_digests), task.bits):
        raise ValueError("there must be one row of shares for each bundle, with one share for each bit")
    if len(task.bundle_digests) < max(1, task.minimum_bids):
        return ComputationResult(kind="too-few-bids")
    return await _Computation(runtime, task, shares, on_progress, cost_model or CostModel()).run(recovered=recovered)


class _Computation:
    """One auction under way."""

    def __init__(
        self, runtime: Runtime, task: ComputationTask, shares: Vector, on_progress: OnProgress, cost_model: CostModel
    ) -> None:
        self._runtime = runtime
        self._task = task
        self._shares = shares
        self._on_progress = on_progress
        self._cost_model = cost_model

    async def run(self, *, recovered: bool) -> ComputationResult:
        """Check, rank, verify, reveal; once more without the bundles that turn out to be faulty."""
        task, runtime, shares = self._task, self._runtime, self._shares
        await self._on_progress("drawing-tie-break", 0.0)
        parameters = await runtime.local(shares.size, task.public_parameters)
        purpose = b"tie-break" + task.auction_id + task.input_digest
        tie_break_seed, weights = await runtime.joint_random("tie-break", purpose, agreed=parameters)
        drawn = DrawnTieBreak(tie_break_seed, runtime.revealed[-1].values, ())
        order = await runtime.local(600 * len(shares), lambda: tie_break_indices(tie_break_seed, task.bundle_digests))
        if recovered:
            # Helpers may choose what a party recovers of a corrupt bidder's bundle, and answer when others have sent
            # their part of a coin already; all have recovered before anybody gets to the next round.
            weights = await runtime.coin()
        await self._on_progress("checking", 0.05)
        bits = await runtime.local(2 * shares.size, lambda: Shared(np.ascontiguousarray(shares[order].T)))
        await runtime.check_degree(bits, weights)
        if task.direction == "forward":
            bits = 1 - bits
        digits, deviations = await digits_and_deviations(runtime, bits, weights)
        opening, outside = await self._rank(digits, self._range_check(digits))
        checks = {"elements that are no bits": deviations}
        if outside is not None:
            checks["bids out of range"] = outside
        opened = await self._reveal_if_faultless(opening, checks, weights, drawn)
        if opened is None:
            left_out = await self._find_faulty(order, checks, drawn)
            drawn = DrawnTieBreak(tie_break_seed, drawn.tie_break_values, left_out)
            faulty = {index for index, _ in left_out}
            valid = [position for position, index in enumerate(order) if index not in faulty]
            if len(valid) < max(1, task.minimum_bids):
                return ComputationResult(
                    kind="too-few-bids", left_out=left_out, tie_break_seed=tie_break_seed, revealed=runtime.revealed
                )
            opening, _ = await self._rank(digits.chosen(valid))
            await self._on_progress("revealing", 0.9)
            opened = await runtime.reveal(opening, context=drawn.encode())
        await self._on_progress("done", 1.0)
        return drawn.conclude(task, opened, runtime.revealed)

    async def _rank(
        self, bids: Digits, beside: DigitComparison | None = None
    ) -> tuple[dict[str, Shared], Shared | None]:
        """Rank the bids, which are in the order of the tie-break, and prepare what the format opens."""
        await self._on_progress("ranking", 0.1)
        task, rules = self._task, OpeningRules.of(self._task, bids.high.shape[1])
        if rules.phantoms:
            bids = bids.beside(public_digits([task.mirrored(task.worst_step)] * rules.phantoms, task.bits))
        ranked, outside = await rank_lowest(self._runtime, bids, rules.keep, self._cost_model, beside)
        winners, prices = ranked.positions[: rules.winners], ranked.values[rules.prices]
        if rules.winners == 1 or task.auction_format == "pay-as-bid":
            # In order of price: prices are opened too, and equal ones are in the tie-break's order, which is public.
            return {"winners": winners, PRICES: prices}, outside
        return {"set of winners": await set_polynomial(self._runtime, winners), PRICES: prices}, outside

    def _range_check(self, digits: Digits) -> DigitComparison | None:
        """Return how bids compare with the range, for "is outside"; None if every number of so many bits is inside."""
        task = self._task
        if task.highest_step == 2**task.bits - 1:
            return None
        bound = task.mirrored(task.highest_step)
        return above_public(digits, bound) if task.direction == "reverse" else below_public(digits, bound)

    async def _reveal_if_faultless(
        self, opening: Mapping[str, Shared], checks: Mapping[str, Shared], weights: RandomStream, drawn: DrawnTieBreak
    ) -> dict[str, list[int]] | None:
        """Open what the format names, masked so that it says nothing unless all bundles passed; None if one did not.

        With ``c`` a random linear combination of all checks, ``s c`` and ``y_k + r_k c`` are opened, where ``s`` and
        the ``r_k`` are random and unknown to everybody: 0 and the outcome, or nothing but uniform values.
        """
        runtime = self._runtime
        await self._on_progress("verifying", 0.7)
        combined = combination(weights, *checks.values())
        sizes = [value.size for value in opening.values()]
        blinds = await runtime.multiply(combined, runtime.random(1 + sum(sizes)))
        sealed = {SUMMARY: blinds[:1]}
        done = 1
        for (reason, value), size in zip(opening.items(), sizes, strict=True):
            sealed[reason] = value.reshape(size) + blinds[done : done + size]
            done += size
        await self._on_progress("revealing", 0.9)
        opened = await runtime.reveal(sealed, context=drawn.encode(), gate=SUMMARY)
        if opened.pop(SUMMARY) != [0]:
            return None
        return opened

    async def _find_faulty(
        self, order: Sequence[int], checks: Mapping[str, Shared], drawn: DrawnTieBreak
    ) -> tuple[tuple[int, str], ...]:
        """Open which bundles failed which check: of each, 0 or, if it failed, a uniform value."""
        runtime = self._runtime
        joined = Shared.concatenate(list(checks.values()))
        blinded = await runtime.multiply(joined, runtime.random(joined.size))
        parts = {f"{EACH}{name}": blinded[check * len(order) :][: len(order)] for check, name in enumerate(checks)}
        return faulty_bundles(order, await runtime.reveal(parts, context=drawn.encode()))
