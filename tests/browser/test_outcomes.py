"""How auctions end, as the page tells it: several winners, a reserve price that nobody met, too few bids; on paper."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from support.browsing import Visitor

if TYPE_CHECKING:
    from .conftest import Town

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]


async def bidders_with(town: "Town", auction: str, prices: Sequence[str]) -> list[Visitor]:
    bidders = [await town.bidder() for _ in prices]
    for bidder, amount in zip(bidders, prices, strict=True):
        await bidder.visit(auction)
        await bidder.bid(amount)
    return bidders


def written(digits: str) -> re.Pattern[str]:
    """Match a price, and not the same digits somewhere in a digest."""
    return re.compile(rf"(?<![0-9a-f]){digits}(?![0-9a-f])")


async def test_every_winner_of_several_and_nobody_else_is_shown(town: "Town") -> None:
    auctioneer = await town.auctioneer()
    pay_as_bid = "Pay-as-bid, several winners"
    auction = await auctioneer.create_auction("Three lots of salt", auction_format=pay_as_bid, winners=2)
    dear, cheapest, cheap = await bidders_with(town, auction, ("777.50", "100", "200.50"))
    await auctioneer.close()
    await auctioneer.expect_state("Decided")
    outcome = auctioneer.page.get_by_test_id("outcome")
    await expect(outcome.get_by_role("heading", level=2)).to_have_text("The 2 winners")
    for winner, paid in ((cheapest, "PLN 100.00"), (cheap, "PLN 200.50")):
        await expect(outcome.get_by_role("row", name=winner.email)).to_contain_text(paid)
    await expect(outcome).not_to_contain_text(dear.email)
    await expect(outcome).not_to_contain_text(written("777"))
    await expect(dear.page.get_by_test_id("own-outcome")).to_contain_text("did not win")


async def test_a_reserve_price_that_nobody_met_says_only_that_on_screen_and_on_paper(town: "Town") -> None:
    auctioneer = await town.auctioneer()
    auction = await auctioneer.create_auction("Too dear", reserve="100")
    (bidder,) = await bidders_with(town, auction, ("345.50",))
    await auctioneer.close()
    await bidder.expect_state("Decided")
    outcome = bidder.page.get_by_test_id("outcome")
    await expect(outcome.get_by_role("heading", level=2)).to_have_text("No winner")
    await expect(outcome).to_contain_text("No bid met the reserve price")
    await expect(outcome).to_contain_text("1 losing bid was never opened")
    await expect(outcome).not_to_contain_text(written("345"))

    # On paper: the rules, the outcome and who signed it, and nothing that one presses.
    await bidder.page.emulate_media(media="print")
    for shown in (bidder.page.get_by_test_id("auction-id"), outcome, outcome.get_by_text("5 of 5 trustees signed")):
        await expect(shown).to_be_visible()
    assert not await bidder.page.get_by_role("button").filter(visible=True).all_inner_texts()
    assert not await bidder.page.get_by_role("navigation").filter(visible=True).count()


async def test_with_too_few_bids_nothing_is_opened(town: "Town") -> None:
    auctioneer = await town.auctioneer()
    auction = await auctioneer.create_auction("Hardly anybody came", minimum_bids=2)
    (bidder,) = await bidders_with(town, auction, ("345.50",))
    await auctioneer.close()
    await auctioneer.expect_state("Decided")
    outcome = auctioneer.page.get_by_test_id("outcome")
    await expect(outcome.get_by_role("heading", level=2)).to_have_text("Not enough bids")
    await expect(outcome).to_contain_text("Fewer valid bids were submitted than the 2")
    await expect(outcome).not_to_contain_text(written("345"))
    await expect(outcome).not_to_contain_text(bidder.email)
