"""What an opening says: opened values, turned into winners and prices, or into the bundles that failed a check.

``docs/protocol.md``, "Computing an auction" and "Fair opening". What was public before an opening goes with it as its
context, so that it can be read without the session that it belonged to.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Final, Self

from aukciszek.auctions.session.computation_task import ComputationResult, ComputationTask
from aukciszek.encoding import canonical_json, parse_canonical_json
from aukciszek.mpc.circuits.winner_set import members_of
from aukciszek.mpc.protocols.runtime import Revealed
from aukciszek.protocol.evidence.certificate import NOT_BITS, OUT_OF_RANGE
from aukciszek.protocol.evidence.tie_break import tie_break_indices


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
    drawn = DrawnTieBreak.decode(context)
    revealed = tuple(Revealed(reason, tuple(values)) for reason, values in opened.items())
    revealed = (Revealed("tie-break", drawn.tie_break_values), *revealed)
    if all(reason.startswith(EACH) for reason in opened):
        left_out = faulty_bundles(tie_break_indices(drawn.tie_break_seed, task.bundle_digests), opened)
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
class DrawnTieBreak:
    """What was public before the outcome was opened, and is needed to read it."""

    tie_break_seed: bytes
    tie_break_values: tuple[int, ...]
    left_out: tuple[tuple[int, str], ...]

    def encode(self) -> bytes:
        """Return the context that goes with an opening."""
        return canonical_json(
            {
                "tie_break_seed": self.tie_break_seed.hex(),
                "tie_break_values": [str(value) for value in self.tie_break_values],
                "left_out": [[index, reason] for index, reason in self.left_out],
            }
        )

    @classmethod
    def decode(cls, content: bytes) -> Self:
        """Read a context that an honest party signed."""
        read: Any = parse_canonical_json(content)
        left_out = tuple((int(index), str(reason)) for index, reason in read["left_out"])
        return cls(bytes.fromhex(read["tie_break_seed"]), tuple(map(int, read["tie_break_values"])), left_out)

    def conclude(
        self, task: ComputationTask, opened: Mapping[str, Sequence[int]], revealed: tuple[Revealed, ...]
    ) -> ComputationResult:
        """Turn opened values into an outcome."""
        faulty = {index for index, _ in self.left_out}
        order = [index for index in tie_break_indices(self.tie_break_seed, task.bundle_digests) if index not in faulty]
        rules, bids = OpeningRules.of(task, len(order)), len(order)
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
class OpeningRules:
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
