"""A whole auction by people with browsers: every role, every order, and the outcome checked by each of them."""

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

if TYPE_CHECKING:
    from .conftest import Town

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]


@pytest.mark.drill
async def test_a_price_that_a_losing_bid_sets_is_told_as_such(town: "Town") -> None:
    auctioneer = await town.auctioneer()
    auction = await auctioneer.create_auction("Second price", auction_format="Second price (Vickrey)")
    bidders = [await town.bidder() for _ in range(3)]
    for bidder, price in zip(bidders, ("10", "20", "30"), strict=True):
        await bidder.visit(auction)
        await bidder.bid(price)
    await auctioneer.close()
    await auctioneer.expect_state("Decided")
    outcome = auctioneer.page.get_by_test_id("outcome")
    await expect(outcome).to_contain_text("PLN 20.00")
    await expect(outcome).to_contain_text("2 losing bids stayed sealed. The price above is that of the best of them")
    await expect(outcome).not_to_contain_text("never opened")


async def test_from_signing_up_to_a_verified_certificate(town: "Town") -> None:
    auctioneer = await town.auctioneer()
    auction = await auctioneer.create_auction("Winter service 2027", description="Snow and ice on 40 km of streets.")
    await expect(auctioneer.text("5 of 5 trustees have the same rules under the same identifier.")).to_be_visible()

    # Each comes to the page of another party.
    bidders = [await town.bidder(party=party) for party in (1, 2, 5)]
    for bidder, price in zip(bidders, ("700.00", "650.50", "100"), strict=True):
        await bidder.visit(auction)
        await bidder.bid(price)
    await expect(auctioneer.page.get_by_test_id("bids")).to_contain_text("3 sealed bids received")

    replacing, other, withdrawing = bidders
    await replacing.replace("600.50")
    await expect(replacing.page.get_by_test_id("own-bid")).to_contain_text("It counts.")
    await withdrawing.withdraw()
    await expect(auctioneer.page.get_by_test_id("bids")).to_contain_text("2 sealed bids received")

    await auctioneer.close()
    for person in (auctioneer, *bidders):
        await person.expect_state("Decided")
        outcome = person.page.get_by_test_id("outcome")
        await expect(outcome).to_contain_text("PLN 600.50")
        await expect(outcome).to_contain_text("5 of 5 trustees signed; 3 are required")
        await expect(outcome).to_contain_text("1 losing bid was never opened")
        assert "650" not in await outcome.inner_text()
    await expect(auctioneer.page.get_by_test_id("outcome")).to_contain_text(replacing.email)
    for person, verdict in (
        (replacing, "Your bid was counted (revision 2) and won."),
        (other, "Your bid was counted (revision 1) and did not win."),
        (withdrawing, "Your bid was withdrawn and not counted."),
    ):
        await expect(person.page.get_by_test_id("own-outcome")).to_contain_text(verdict)
