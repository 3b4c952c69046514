"""What the outcome must be, computed in the clear from bids that are known: what demos and benchmarks are judged by.

Nothing here is shared with the computation on shares but the tie-break seed, which the parties drew and published:
with it the order among equal bids, and so the outcome, is exact.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aukciszek.protocol.evidence.tie_break import tie_break_order
from aukciszek.protocol.rules.identifiers import BundleDigest
from aukciszek.protocol.rules.spec import AuctionFormat, Direction


@dataclass(frozen=True, slots=True)
class PlainRules:
    """The rules that decide an auction without a reserve price.

    Attributes:
        auction_format: what is opened.
        direction: whether the lowest or the highest bid wins.
        winners: how many win.
        highest_step: the grid's highest step.
    """

    auction_format: AuctionFormat
    direction: Direction
    winners: int
    highest_step: int


@dataclass(frozen=True, slots=True)
class PlainOutcome:
    """Who must win, and at what price.

    Attributes:
        winners: the winning bundles, ascending.
        steps: prices in grid steps; with pay-as-bid one for each winner, in their order; else one.
    """

    winners: tuple[BundleDigest, ...]
    steps: tuple[int, ...]


def expected_outcome(rules: PlainRules, tie_break_seed: bytes, bids: Mapping[BundleDigest, int]) -> PlainOutcome:
    """Return the outcome.

    Args:
        rules: the auction's rules.
        tie_break_seed: the joint random value from the certificate.
        bids: each bid's price in grid steps; at least one.
    """
    direction = 1 if rules.direction == "reverse" else -1
    # Of equal bids the one that the tie-break puts first is better: Python's sort keeps the order of equal elements.
    ranked = sorted(tie_break_order(tie_break_seed, bids), key=lambda digest: direction * bids[digest])
    winners = sorted(ranked[: rules.winners])
    return PlainOutcome(tuple(winners), tuple(_paid(rules, ranked, winners, bids)))


def _paid(
    rules: PlainRules, ranked: Sequence[BundleDigest], winners: Sequence[BundleDigest], bids: Mapping[BundleDigest, int]
) -> list[int]:
    match rules.auction_format:
        case "pay-as-bid":
            return [bids[winner] for winner in winners]
        case "first-price":
            return [bids[ranked[0]]]
        case "second-price" | "uniform-price":
            # Where there is no bid left that lost, the grid's worst price decides.
            worst = rules.highest_step if rules.direction == "reverse" else 0
            return [bids[loser] for loser in ranked[rules.winners : rules.winners + 1]] or [worst]
