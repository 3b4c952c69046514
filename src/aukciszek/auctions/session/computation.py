"""What an auction asks of the engine: who won and at what price, from this party's shares of all bids.

``docs/protocol.md``, "Computing an auction". Bids are put into the order of the tie-break, so that ties go to the
earlier one; public *phantom* bids at the reserve price stand at the end. So "the reserve was not met" means that a
phantom won, and no bid above the reserve is ever opened. Forward auctions run on complemented bits: the highest bid is
the lowest.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Final, Literal, Self

import numpy as np

from aukciszek.encoding import canonical_json, parse_canonical_json
from aukciszek.mpc.comparison import Digits, Order, above_public, below_public, public_digits
from aukciszek.mpc.field import Vector
from aukciszek.mpc.input_checks import combination, digits_and_deviations
from aukciszek.mpc.random_stream import RandomStream
from aukciszek.mpc.ranking import CostModel, rank_lowest
from aukciszek.mpc.runtime import Revealed, Runtime
from aukciszek.mpc.shared import Shared
from aukciszek.mpc.winner_set import members_of, set_polynomial
from aukciszek.protocol.evidence.certificate import NOT_BITS, OUT_OF_RANGE
from aukciszek.protocol.evidence.tie_break import tie_break_places
from aukciszek.protocol.rules.identifiers import DIGEST_BYTES

type AuctionFormat = Literal["first-price", "second-price", "uniform-price", "pay-as-bid"]
type Progress = Callable[[str, float], Awaitable[None]]
"""Told, and awaited, before each stage begins: the stage and how much of the whole is done, 0..1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputationTask:
    """What is computed: the rules, and the bundles by their digests; the same at all parties, and nothing is secret."""

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

    def __post_init__(self) -> None:
        if any(len(digest) != DIGEST_BYTES for digest in self.bundle_digests):
            raise ValueError("a bundle's digest has 32 bytes")
        if not 0 <= self.highest_step < 2**self.bits:
            raise ValueError("the highest step does not fit into the bits")
        if self.winners != 1 and self.auction_format in {"first-price", "second-price"}:
            raise ValueError("this format has one winner")

    @property
    def worst_step(self) -> int:
        """The worst price at which something is sold, in grid steps."""
        if self.reserve_step is not None:
            return self.reserve_step
        return self.highest_step if self.direction == "reverse" else 0

    def mirrored(self, step: int) -> int:
        """Turn a price into the number that is ranked, lowest first, or back."""
        return step if self.direction == "reverse" else 2**self.bits - 1 - step

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
    tie_break_seed: bytes | None = None
    """The joint random value that ordered the bids; None if there were too few to begin with."""
    revealed: tuple[Revealed, ...] = ()
    """Everything that was opened, and why."""


async def compute(  # noqa: PLR0913 -- what it is about, and what hears of it
    runtime: Runtime,
    task: ComputationTask,
    shares: Vector,
    on_progress: Progress,
    pace: CostModel | None = None,
    *,
    recovered: bool = False,
) -> ComputationResult:
    """Find the outcome; ``runtime`` has been started.

    Args:
        runtime: the session.
        task: what is computed.
        shares: this party's share of each bit, shape ``(bids, bits)``, most significant bit first.
        on_progress: told how far it is.
        pace: what rounds and products cost; the same at all parties.
        recovered: whether some party's shares were recovered in this session; the same at all parties.

    Raises:
        MpcError: the session could not be finished; nothing but ``runtime.revealed`` was opened.
        ValueError: the shares do not have this shape.
    """
    if shares.shape != (len(task.bundle_digests), task.bits):
        raise ValueError("there must be one row of shares for each bundle, with one share for each bit")
    if len(task.bundle_digests) < max(1, task.minimum_bids):
        return ComputationResult(kind="too-few-bids")
    return await _Computation(runtime, task, shares, on_progress, pace or CostModel()).run(recovered=recovered)


def outcome_of(task: ComputationTask, context: bytes, opened: Mapping[str, Sequence[int]]) -> ComputationResult | None:
    """Return the outcome that an opening stands for, without the session that it belonged to.

    Args:
        task: what was computed.
        context: what went with the opening.
        opened: the values by reason.

    Returns:
        The outcome; None if this opening was of something else, or told that bundles failed the input checks.

    The opening must be one that all parties have signed: an honest one signs only what it computed itself.
    """
    drawn = _Drawn.decode(context)
    revealed = tuple(Revealed(reason, tuple(values)) for reason, values in opened.items())
    revealed = (Revealed("tie-break", drawn.tie_break_values), *revealed)
    if all(reason.startswith(EACH) for reason in opened):
        left_out = faulty_bundles(tie_break_places(drawn.tie_break_seed, task.bundle_digests), opened)
        if len(task.bundle_digests) - len(left_out) >= max(1, task.minimum_bids):
            return None
        return ComputationResult(
            kind="too-few-bids", left_out=left_out, tie_break_seed=drawn.tie_break_seed, revealed=revealed
        )
    if any(opened.get(SUMMARY, ())):
        return None
    return drawn.conclude(task, opened, revealed)


def faulty_bundles(order: Sequence[int], opened: Mapping[str, Sequence[int]]) -> tuple[tuple[int, str], ...]:
    """Return which bundles failed which check: their indices, ascending, each with the stable code of the reason.

    Args:
        order: the indices, in the order of the values.
        opened: by check, one value for each bundle: 0 if it passed.
    """
    faulty: dict[int, str] = {}
    for reason, values in zip((NOT_BITS, OUT_OF_RANGE), opened.values(), strict=False):
        for index, value in zip(order, values, strict=True):
            if value:
                faulty.setdefault(index, reason)
    return tuple(sorted(faulty.items()))


PRICES: Final = "prices"
"""What every outcome opens."""

SUMMARY: Final = "input checks of all bundles"
"""What is opened together with the outcome: 0, or else the outcome is masked by uniform values."""

EACH: Final = "input checks of each bundle: "


@dataclass(frozen=True, slots=True)
class _Drawn:
    """What was public before the outcome was opened, and is needed to read it."""

    tie_break_seed: bytes
    tie_break_values: tuple[int, ...]
    left_out: tuple[tuple[int, str], ...]

    def encode(self) -> bytes:
        return canonical_json(
            {
                "tie_break_seed": self.tie_break_seed.hex(),
                "tie_break_values": [str(value) for value in self.tie_break_values],
                "left_out": [[index, reason] for index, reason in self.left_out],
            }
        )

    @classmethod
    def decode(cls, content: bytes) -> Self:
        read: Any = parse_canonical_json(content)
        left_out = tuple((int(index), str(reason)) for index, reason in read["left_out"])
        return cls(bytes.fromhex(read["tie_break_seed"]), tuple(map(int, read["tie_break_values"])), left_out)

    def conclude(
        self, task: ComputationTask, opened: Mapping[str, Sequence[int]], revealed: tuple[Revealed, ...]
    ) -> ComputationResult:
        """Turn opened values into an outcome."""
        faulty = {index for index, _ in self.left_out}
        order = [index for index in tie_break_places(self.tie_break_seed, task.bundle_digests) if index not in faulty]
        rules, bids = _Rules.of(task, len(order)), len(order)
        if "winners" in opened:
            positions = list(opened["winners"])
        else:
            positions = members_of(opened["set of winners"], bids + rules.phantoms)
        sold = list(takewhile(lambda position: position < bids, positions))
        prices = [task.mirrored(value) for value in opened[PRICES]]
        winners = [order[position] for position in sold]
        if task.auction_format == "pay-as-bid":
            paired = sorted(zip(winners, prices[: len(sold)], strict=True))
            winners, prices = [index for index, _ in paired], [price for _, price in paired]
        return ComputationResult(
            kind="sold" if winners else "reserve-not-met",
            winners=tuple(sorted(winners)),
            prices=tuple(prices) if winners else (),
            left_out=self.left_out,
            tie_break_seed=self.tie_break_seed,
            revealed=revealed,
        )


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


class _Computation:
    """One auction under way."""

    def __init__(
        self, runtime: Runtime, task: ComputationTask, shares: Vector, on_progress: Progress, pace: CostModel
    ) -> None:
        self._runtime = runtime
        self._task = task
        self._shares = shares
        self._on_progress = on_progress
        self._pace = pace

    async def run(self, *, recovered: bool) -> ComputationResult:
        """Check, rank, verify, reveal; once more without the bundles that turn out to be faulty."""
        task, runtime, shares = self._task, self._runtime, self._shares
        await self._on_progress("drawing-tie-break", 0.0)
        parameters = await runtime.local(shares.size, task.public_parameters)
        purpose = b"tie-break" + task.auction_id + task.input_digest
        tie_break_seed, weights = await runtime.joint_random("tie-break", purpose, agreed=parameters)
        drawn = _Drawn(tie_break_seed, runtime.revealed[-1].values, ())
        order = await runtime.local(600 * len(shares), lambda: tie_break_places(tie_break_seed, task.bundle_digests))
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
            drawn = _Drawn(tie_break_seed, drawn.tie_break_values, left_out)
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

    async def _rank(self, bids: Digits, beside: Order | None = None) -> tuple[dict[str, Shared], Shared | None]:
        """Rank the bids, which are in the order of the tie-break, and prepare what the format opens."""
        await self._on_progress("ranking", 0.1)
        task, rules = self._task, _Rules.of(self._task, bids.high.shape[1])
        if rules.phantoms:
            bids = bids.beside(public_digits([task.mirrored(task.worst_step)] * rules.phantoms, task.bits))
        ranked, outside = await rank_lowest(self._runtime, bids, rules.keep, self._pace, beside)
        winners, prices = ranked.positions[: rules.winners], ranked.values[rules.prices]
        if rules.winners == 1 or task.auction_format == "pay-as-bid":
            # In order of price: prices are opened too, and equal ones are in the tie-break's order, which is public.
            return {"winners": winners, PRICES: prices}, outside
        return {"set of winners": await set_polynomial(self._runtime, winners), PRICES: prices}, outside

    def _range_check(self, digits: Digits) -> Order | None:
        """Return how bids compare with the range, for "is outside"; None if every number of so many bits is inside."""
        task = self._task
        if task.highest_step == 2**task.bits - 1:
            return None
        bound = task.mirrored(task.highest_step)
        return above_public(digits, bound) if task.direction == "reverse" else below_public(digits, bound)

    async def _reveal_if_faultless(
        self, opening: Mapping[str, Shared], checks: Mapping[str, Shared], weights: RandomStream, drawn: _Drawn
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
        self, order: Sequence[int], checks: Mapping[str, Shared], drawn: _Drawn
    ) -> tuple[tuple[int, str], ...]:
        """Open which bundles failed which check: of each, 0 or, if it failed, a uniform value."""
        runtime = self._runtime
        joined = Shared.concatenate(list(checks.values()))
        blinded = await runtime.multiply(joined, runtime.random(joined.size))
        parts = {f"{EACH}{name}": blinded[check * len(order) :][: len(order)] for check, name in enumerate(checks)}
        return faulty_bundles(order, await runtime.reveal(parts, context=drawn.encode()))
