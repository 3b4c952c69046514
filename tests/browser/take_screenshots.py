"""Screenshots of every page: light, dark and on a phone. ``make screenshots`` runs this; look at what comes out.

The people in them are at the pages of real parties, in an auction that takes place while the pictures are taken.
"""

import asyncio
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Browser, expect
from support.browsing import DESKTOP, PHONE, Visitor, chromium, missing_component

from aukciszek.cli.running import RunningCluster, running
from aukciszek.cli.throwaway import free_base_port, make_cluster

LOOKS: Final[Mapping[str, Mapping[str, Any]]] = {
    "light": {"viewport": DESKTOP, "color_scheme": "light"},
    "dark": {"viewport": DESKTOP, "color_scheme": "dark"},
    "phone": {"viewport": PHONE, "color_scheme": "light", "device_scale_factor": 2, "has_touch": True},
}
TITLE: Final = "Winter service 2027, roads north"
DESCRIPTION: Final = (
    "Clearing snow and ice from 40 km of streets, November to March.\nQuestions: roads@council.example, until Friday."
)


class Photographer:
    """Takes the same picture in every look, and leaves the browser as it was."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def take(self, visitor: Visitor, name: str, *, full_page: bool = True) -> None:
        for look, options in LOOKS.items():
            await visitor.page.emulate_media(color_scheme=options["color_scheme"], reduced_motion="reduce")
            await visitor.page.set_viewport_size(options["viewport"])
            # Without a place that has the focus, rings do not show up in pictures.
            await visitor.page.evaluate("document.activeElement?.blur()")
            path = self._directory / f"{name}-{look}.png"
            await visitor.page.screenshot(path=path, full_page=full_page, animations="disabled")
        await visitor.page.emulate_media(color_scheme="light")
        await visitor.page.set_viewport_size(DESKTOP)


async def take_all(cluster: RunningCluster, browser: Browser, directory: Path) -> None:
    photographer = Photographer(directory)
    auctioneer = await Visitor.come(browser, cluster.plan.cluster)
    for page in ("home", "sign-in", "sign-up"):
        await auctioneer.go(page.removeprefix("home"))
        await photographer.take(auctioneer, page)
    await auctioneer.sign_up("roads@council.example")
    await cluster.run("users grant-admin", ["users", "grant-admin", auctioneer.email], cluster.plan.login_server)
    await auctioneer.button("Sign out").click()
    await auctioneer.sign_in(auctioneer.email)
    await photographer.take(auctioneer, "auctions-empty")
    await auctioneer.create_auction("Office chairs, 120 pieces", auction_format="Second price (Vickrey)")
    auction = await auctioneer.create_auction(TITLE, description=DESCRIPTION)
    await auctioneer.go("create")
    await auctioneer.page.get_by_label("Title").fill("School meals 2027/28")
    for label, price in (("Lowest price", "4"), ("Highest price", "25"), ("Step", "0.05")):
        await auctioneer.page.get_by_label(label, exact=True).fill(price)
    await photographer.take(auctioneer, "create")
    await auctioneer.visit(auction)

    bidders = [await Visitor.come(browser, cluster.plan.cluster, party=party) for party in (2, 3, 4)]
    visitor = bidders[0]
    await visitor.visit(auction)
    await photographer.take(visitor, "auction-visitor")
    for number, (bidder, price) in enumerate(zip(bidders, ("48200", "51999.50", "47650"), strict=True), start=1):
        await bidder.sign_up(f"office@carrier-{number}.example")
        await bidder.visit(auction)
        await bidder.type_price(price)
        if bidder is visitor:
            await bidder.type_price("48200.25")
            await photographer.take(bidder, "bid-off-grid")
        await bidder.bid(price)
    await photographer.take(visitor, "bid-sealed")
    await photographer.take(auctioneer, "auctioneer")
    await visitor.go("auctions")
    await expect(visitor.text("3 sealed bids")).to_be_visible()
    await photographer.take(visitor, "auctions")
    await visitor.go("parties")
    await expect(visitor.text("serve the same page")).to_be_visible()
    await photographer.take(visitor, "parties")

    await auctioneer.visit(auction)
    await auctioneer.close()
    await auctioneer.expect_state("Decided")
    await expect(auctioneer.text(bidders[2].email)).to_be_visible()
    await photographer.take(auctioneer, "outcome-auctioneer")
    await bidders[1].visit(auction)
    await expect(bidders[1].page.get_by_test_id("own-outcome")).to_be_visible()
    await photographer.take(bidders[1], "outcome-bidder")
    certificate = directory / "certificate.json"
    async with bidders[1].page.expect_download() as download:
        await bidders[1].button("Download the certificate").click()
    await (await download.value).save_as(certificate)
    await bidders[1].go("verify")
    await bidders[1].page.get_by_label("Certificate", exact=True).set_input_files(certificate)
    await expect(bidders[1].text("The certificate holds")).to_be_visible()
    await photographer.take(bidders[1], "verify")
    certificate.unlink()
    await bidders[1].go("nowhere")
    await photographer.take(bidders[1], "nothing-here")
    await bidders[1].page.get_by_label("Language").select_option("pl")
    await bidders[1].page.goto(f"{cluster.plan.cluster.party(3).url}/#/auctions/{auction}")
    await expect(bidders[1].page.get_by_test_id("own-outcome")).to_be_visible()
    await photographer.take(bidders[1], "outcome-polish")
    await cluster.stop(5)
    await bidders[1].page.get_by_label("Język").select_option("en")
    await bidders[1].go("parties")
    await expect(bidders[1].text("4 of 5 parties are up")).to_be_visible()
    await photographer.take(bidders[1], "parties-one-down")


async def main(directory: Path) -> None:
    """Take all pictures and put them into ``directory``."""
    missing = missing_component()
    if missing is not None:
        sys.exit(missing)
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        files = make_cluster(Path(scratch), parties=5, threshold=2, base_port=free_base_port(5))
        async with running(files) as cluster, chromium() as browser:
            await take_all(cluster, browser, directory)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
