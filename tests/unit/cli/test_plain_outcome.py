import hashlib
from collections.abc import Iterable
from typing import get_args

from hypothesis import given, strategies as st

from aukciszek.local_cluster.plain_outcome import PlainRules, expected_outcome
from aukciszek.protocol.evidence.tie_break import tie_break_order
from aukciszek.protocol.rules.identifiers import BundleDigest
from aukciszek.protocol.rules.spec import AuctionFormat, Direction

ONE_WINNER = {"first-price", "second-price"}
FORMATS: tuple[AuctionFormat, ...] = get_args(AuctionFormat.__value__)
DIRECTIONS: tuple[Direction, ...] = get_args(Direction.__value__)


@given(
    auction_format=st.sampled_from(FORMATS),
    direction=st.sampled_from(DIRECTIONS),
    winners=st.integers(1, 4),
    tie_break_seed=st.binary(min_size=32, max_size=32),
    prices=st.lists(st.integers(0, 4), min_size=1, max_size=8),
)
def test_the_expected_outcome_is_that_of_choosing_one_after_the_other(
    auction_format: AuctionFormat, direction: Direction, winners: int, tie_break_seed: bytes, prices: list[int]
) -> None:
    winners = 1 if auction_format in ONE_WINNER else winners
    bids = {BundleDigest(hashlib.sha256(bytes([place])).hexdigest()): price for place, price in enumerate(prices)}

    def best(steps: Iterable[int]) -> int:
        return min(steps) if direction == "reverse" else max(steps)

    left = list(tie_break_order(tie_break_seed, bids))
    chosen: list[BundleDigest] = []
    while left and len(chosen) < winners:
        wanted = best(bids[digest] for digest in left)
        chosen.append(left.pop(next(place for place, digest in enumerate(left) if bids[digest] == wanted)))
    found = expected_outcome(PlainRules(auction_format, direction, winners, 7), tie_break_seed, bids)
    assert list(found.winners) == sorted(chosen)
    match auction_format:
        case "first-price":
            assert found.steps == (bids[chosen[0]],)
        case "pay-as-bid":
            assert found.steps == tuple(bids[digest] for digest in sorted(chosen))
        case _:
            worst = 7 if direction == "reverse" else 0
            assert found.steps == ((best(bids[digest] for digest in left) if left else worst),)
