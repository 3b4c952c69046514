"""What people meet when something is wrong: a party down, a session that ended, a bid too late, a wrong price."""

import time
from typing import TYPE_CHECKING

import jwt
import pytest
from playwright.async_api import expect

if TYPE_CHECKING:
    from .conftest import Town

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]


async def test_with_a_party_down_a_bid_counts_and_can_be_sent_to_it_later(town: "Town") -> None:
    auctioneer = await town.auctioneer()
    auction = await auctioneer.create_auction("A party is down")
    bidder = await town.bidder()
    await bidder.visit(auction)
    await town.cluster.stop(4)
    try:
        await bidder.type_price("10")
        await bidder.submit()
        submission = bidder.page.get_by_test_id("submission")
        counted = "Your bid is submitted: 4 of 5 trustees signed for it, 3 are required."
        await expect(submission).to_contain_text(counted)
        await expect(bidder.text("No answer. The trustee may be offline").first).to_be_visible()
        relayed = bidder.page.get_by_test_id("relayed")
        await expect(relayed).to_contain_text("your bid does not depend on any single one")
        await bidder.go("trustees")
        await expect(bidder.text("4 of 5 trustees are online.")).to_be_visible()
    finally:
        await town.cluster.restart(4)
        await town.cluster.wait_until_ready()
    # The parties hand the bundle on among themselves, and the receipt of the one that was away is not needed.
    await bidder.visit(auction)
    await expect(bidder.page.get_by_test_id("own-bid")).to_contain_text("It counts.")
    await auctioneer.close()
    await auctioneer.expect_state("Decided")
    await expect(auctioneer.page.get_by_test_id("outcome")).to_contain_text("PLN 10.00")


async def test_a_party_that_comes_back_takes_the_bid_without_being_asked_to(town: "Town") -> None:
    auctioneer = await town.auctioneer()
    auction = await auctioneer.create_auction("A party comes back")
    bidder = await town.bidder()
    await bidder.visit(auction)
    await town.cluster.stop(3)
    try:
        await bidder.type_price("10")
        await bidder.submit()
        await expect(bidder.button("Send to the missing trustee again")).to_be_visible()
    finally:
        await town.cluster.restart(3)
        await town.cluster.wait_until_ready()
    await expect(bidder.page.get_by_test_id("submission")).to_contain_text("5 of 5 trustees")
    await expect(bidder.button("Send to the missing trustee again")).to_be_hidden()


async def test_progress_says_whom_the_parties_wait_for_and_goes_on_by_itself(town: "Town") -> None:
    auctioneer = await town.auctioneer()
    auction = await auctioneer.create_auction("Progress")
    bidder = await town.bidder()
    await bidder.visit(auction)
    await bidder.bid("10")
    await town.cluster.stop(4)
    try:
        await auctioneer.close()
        for person in (auctioneer, bidder):
            await expect(person.page.get_by_role("progressbar", name="Computing the outcome")).to_be_visible()
            await expect(person.text("Waiting for Open University.")).to_be_visible(timeout=40_000)
    finally:
        await town.cluster.restart(4)
        await town.cluster.wait_until_ready()
    await auctioneer.expect_state("Decided")
    await expect(auctioneer.page.get_by_test_id("outcome")).to_contain_text("PLN 10.00")


async def test_an_expired_session_keeps_what_was_typed(town: "Town") -> None:
    auctioneer = await town.auctioneer()
    auction = await auctioneer.create_auction("Sessions end")
    bidder = await town.bidder()
    keys = town.cluster.plan.login_server.environment["SECRET_KEYS_JWT"].split(",")
    tokens = await bidder.page.evaluate("JSON.parse(sessionStorage.getItem('aukciszek.session'))")
    await bidder.visit(auction)
    await bidder.type_price("123.50")
    expired = []
    for token, key in zip(tokens, keys, strict=True):
        claims = jwt.decode(token, options={"verify_signature": False})
        long_ago = int(time.time()) - 7200
        expired.append(jwt.encode(claims | {"iat": long_ago, "exp": long_ago + 3600}, key, algorithm="HS256"))
    await bidder.page.evaluate("tokens => sessionStorage.setItem('aukciszek.session', JSON.stringify(tokens))", expired)
    await bidder.page.reload()
    await expect(bidder.page.get_by_role("alert")).to_contain_text("Your session ended.")
    await bidder.type_price("123.50")
    await bidder.submit()
    dialog = bidder.page.get_by_role("dialog")
    await expect(dialog).to_contain_text("Please sign in again")
    await expect(dialog.get_by_label("E-mail address")).to_have_value(bidder.email)
    await dialog.get_by_label("Password", exact=True).fill("nine wet umbrellas sing")
    await dialog.get_by_role("button", name="Sign in").click()
    await expect(dialog).to_be_hidden()
    await expect(bidder.page.get_by_label("Your price in PLN")).to_have_value("123.50")
    await bidder.submit()
    await expect(bidder.page.get_by_test_id("submission")).to_contain_text("Your bid is submitted: 5 of 5 trustees")


async def test_a_bid_that_comes_too_late_is_refused_and_explained(town: "Town") -> None:
    auctioneer = await town.auctioneer()
    auction = await auctioneer.create_auction("Too late")
    bidder = await town.bidder()
    await bidder.visit(auction)
    await bidder.type_price("10")
    # The bidder's page hears nothing of the close: it asks with what it knew before.
    await bidder.page.route("**/progress", lambda route: route.abort())
    await bidder.page.reload()
    await bidder.type_price("10")
    known = {}

    async def keep(route: object) -> None:
        url = route.request.url  # type: ignore[attr-defined]
        if url not in known:
            known[url] = await route.fetch()  # type: ignore[attr-defined]
        await route.fulfill(response=known[url])  # type: ignore[attr-defined]

    await bidder.page.route(f"**/api/auctions/{auction}", keep)
    await expect(bidder.page.get_by_test_id("state")).to_have_text("Open")
    async with bidder.page.expect_response(f"**/api/auctions/{auction}"):
        pass
    await auctioneer.close()
    await auctioneer.expect_state("Decided")
    await bidder.submit()
    await expect(bidder.page.get_by_role("alert").first).to_contain_text("bid-too-late")
    await expect(bidder.text("Too late: the auction was closed when your bid arrived.").first).to_be_visible()


async def test_a_price_off_the_grid_is_explained_with_the_nearest_ones(town: "Town") -> None:
    auctioneer = await town.auctioneer()
    auction = await auctioneer.create_auction("Off the grid")
    bidder = await town.bidder()
    await bidder.visit(auction)
    await bidder.type_price("12.30")
    await expect(bidder.text("This price is between two valid prices: PLN 12.00 or PLN 12.50?")).to_be_visible()
    await bidder.button("PLN 12.50").click()
    await expect(bidder.button("Seal and submit PLN 12.50")).to_be_visible()
    await bidder.type_price("100000.50")
    await expect(bidder.text("The price must be between PLN 0.00 and PLN 100,000.00.")).to_be_visible()


async def test_wrong_words_and_taken_addresses_are_explained(town: "Town") -> None:
    bidder = await town.bidder()
    stranger = await town.visitor()
    await stranger.go("sign-up")
    await stranger.page.get_by_label("E-mail address").fill("nobody")
    await stranger.page.get_by_label("Password", exact=True).fill("short")
    await stranger.button("Create an account").click()
    await expect(stranger.text("Enter an address such as name@example.org.")).to_be_visible()
    await expect(stranger.text("Use at least 15 characters.")).to_be_visible()
    await stranger.page.get_by_label("E-mail address").fill(bidder.email)
    await stranger.page.get_by_label("Password", exact=True).fill("another long password 77")
    await stranger.button("Create an account").click()
    await expect(stranger.page.get_by_role("alert")).to_contain_text("email-taken")


async def test_an_auction_that_nobody_knows(town: "Town") -> None:
    stranger = await town.visitor()
    await stranger.visit("ab" * 32)
    await expect(stranger.page.get_by_role("alert")).to_contain_text("unknown-auction")


async def test_a_bidder_cannot_create_and_cancelled_means_cancelled(town: "Town") -> None:
    bidder = await town.bidder()
    await bidder.go("create")
    await expect(bidder.text("Your account can bid but cannot create auctions.")).to_be_visible()
    auctioneer = await town.auctioneer()
    auction = await auctioneer.create_auction("Cancelled")
    await bidder.visit(auction)
    await bidder.bid("10")
    await auctioneer.button("Cancel the auction").click()
    await auctioneer.page.get_by_role("dialog").get_by_role("button", name="Cancel the auction").click()
    await auctioneer.expect_state("Cancelled")
    await bidder.expect_state("Cancelled")
    await expect(bidder.text("No bid was opened, and none ever will be.")).to_be_visible()
