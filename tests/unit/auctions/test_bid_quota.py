from contextlib import ExitStack

import pytest

from aukciszek.auctions.context import bid_quota
from aukciszek.auctions.context.bid_quota import (
    KEPT_FOR_EACH_AUCTION,
    MOST_OF_A_BIDDER,
    MOST_OF_ALL,
    MOST_OF_AN_AUCTION,
    BidQuota,
)
from aukciszek.protocol.rules.identifiers import AuctionId, UserId
from aukciszek.protocol.rules.refusals import IntakeBusyError


def fill(stack: ExitStack, of: BidQuota, auction: str, bids: int, bidder: str = "") -> None:
    for number in range(bids):
        stack.enter_context(of.taken(AuctionId(auction), UserId(bidder or f"bidder {number}")))


def test_one_bidder_cannot_take_the_places_of_others() -> None:
    of, stack = BidQuota(), ExitStack()
    fill(stack, of, "auction", MOST_OF_A_BIDDER, "greedy")
    with pytest.raises(IntakeBusyError, match="yours"):
        fill(stack, of, "auction", 1, "greedy")
    fill(stack, of, "auction", 1, "another")
    fill(stack, of, "another auction", 1, "greedy")


def test_one_auction_cannot_take_the_places_of_others() -> None:
    of, stack = BidQuota(), ExitStack()
    fill(stack, of, "flooded", MOST_OF_AN_AUCTION)
    with pytest.raises(IntakeBusyError):
        fill(stack, of, "flooded", 1, "one more")
    fill(stack, of, "quiet", 1)


def test_when_all_is_full_every_auction_keeps_a_few() -> None:
    of, stack = BidQuota(), ExitStack()
    for number in range(MOST_OF_ALL // MOST_OF_AN_AUCTION):
        fill(stack, of, f"flooded {number}", MOST_OF_AN_AUCTION)
    fill(stack, of, "quiet", KEPT_FOR_EACH_AUCTION)
    with pytest.raises(IntakeBusyError):
        fill(stack, of, "quiet", 1, "one more")


def test_places_are_given_back_however_a_bid_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bid_quota, "MOST_OF_AN_AUCTION", 1)
    of = BidQuota()
    for _ in range(3):
        with pytest.raises(KeyError), of.taken(AuctionId("auction"), UserId("bidder")):
            raise KeyError
    assert vars(of) == vars(BidQuota())
