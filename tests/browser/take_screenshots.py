"""Screenshots of every page: light, dark and on a phone. ``make screenshots`` runs this; look at what comes out.

The people in them are at the pages of real parties, in an auction that takes place while the pictures are taken.
"""

import asyncio
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Browser, expect

from aukciszek.local_cluster.files import free_base_port, make_cluster
from aukciszek.local_cluster.running import RunningCluster, running
from support.browsing import DESKTOP, PHONE, Visitor, chromium, missing_component

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
            await visitor.page.evaluate("scrollTo(0, 0)")
            path = self._directory / f"{name}-{look}.png"
            await visitor.page.screenshot(path=path, full_page=full_page, animations="disabled")
        await visitor.page.emulate_media(color_scheme="light")
        await visitor.page.set_viewport_size(DESKTOP)


class Shooting:
    """One auction, and the pictures of it."""

    def __init__(self, cluster: RunningCluster, browser: Browser, directory: Path) -> None:
        self._cluster = cluster
        self._browser = browser
        self._directory = directory
        self._take = Photographer(directory).take

    async def run(self) -> None:
        auctioneer = await self._come(1)
        await self._strangers(auctioneer)
        await self._appoint(auctioneer)
        auction = await self._creation(auctioneer)
        bidders = [await self._come(party) for party in (2, 3, 4)]
        await self._bidding(auction, auctioneer, bidders)
        await self._outcome(auction, auctioneer, bidders)
        await self._other_looks(auction, bidders[1])

    async def _come(self, party: int) -> Visitor:
        return await Visitor.come(self._browser, self._cluster.plan.cluster, party=party)

    async def _strangers(self, stranger: Visitor) -> None:
        for page in ("home", "sign-in", "sign-up", "nothing-here"):
            await stranger.go(page.removeprefix("home"))
            await self._take(stranger, page)

    async def _appoint(self, auctioneer: Visitor) -> None:
        await auctioneer.go("")
        await auctioneer.sign_up("roads@council.example")
        granted = ["users", "grant-admin", auctioneer.email]
        await self._cluster.run("users grant-admin", granted, self._cluster.plan.login_server)
        await auctioneer.button("Sign out").click()
        await auctioneer.sign_in(auctioneer.email)
        await self._take(auctioneer, "auctions-empty")

    async def _creation(self, auctioneer: Visitor) -> str:
        await auctioneer.create_auction("Office chairs, 120 pieces", auction_format="Second price (Vickrey)")
        auction = await auctioneer.create_auction(TITLE, description=DESCRIPTION)
        await auctioneer.go("create")
        await auctioneer.page.get_by_label("Title").fill("School meals 2027/28")
        for label, price in (("Lowest price", "4"), ("Highest price", "25"), ("Step", "0.05")):
            await auctioneer.page.get_by_label(label, exact=True).fill(price)
        await self._take(auctioneer, "create")
        await auctioneer.visit(auction)
        return auction

    async def _bidding(self, auction: str, auctioneer: Visitor, bidders: Sequence[Visitor]) -> None:
        first = bidders[0]
        await first.visit(auction)
        await expect(first.text("5 of 5 trustees")).to_be_visible()
        await self._take(first, "auction-visitor")
        for number, (bidder, price) in enumerate(zip(bidders, ("48200", "51999.50", "47650"), strict=True), start=1):
            await bidder.sign_up(f"office@carrier-{number}.example")
            await bidder.visit(auction)
            if bidder is first:
                await bidder.type_price("48200.25")
                await self._take(bidder, "bid-off-grid")
            await bidder.bid(price)
        await expect(first.page.get_by_test_id("bids")).to_contain_text("3")
        await self._take(first, "bid-sealed")
        await expect(auctioneer.page.get_by_test_id("bids")).to_contain_text("3")
        await self._take(auctioneer, "auctioneer")
        await first.go("auctions")
        await expect(first.text("3 sealed bids")).to_be_visible()
        await self._take(first, "auctions")
        await first.go("trustees")
        await expect(first.text("serve the same page")).to_be_visible()
        await self._take(first, "trustees")

    async def _outcome(self, auction: str, auctioneer: Visitor, bidders: Sequence[Visitor]) -> None:
        winner, loser = bidders[2], bidders[1]
        await auctioneer.close()
        await auctioneer.expect_state("Decided")
        await expect(auctioneer.text(winner.email)).to_be_visible()
        await self._take(auctioneer, "outcome-auctioneer")
        await loser.visit(auction)
        await expect(loser.page.get_by_test_id("own-outcome")).to_be_visible()
        await self._take(loser, "outcome-bidder")
        certificate = self._directory / "certificate.json"
        async with loser.page.expect_download() as download:
            await loser.button("Download the certificate").click()
        await (await download.value).save_as(certificate)
        await loser.go("verify")
        await loser.page.get_by_label("Certificate", exact=True).set_input_files(certificate)
        await expect(loser.text("The certificate is valid")).to_be_visible()
        await self._take(loser, "verify")
        certificate.unlink()

    async def _other_looks(self, auction: str, reader: Visitor) -> None:
        await reader.page.get_by_label("Language").select_option("pl")
        await reader.visit(auction)
        await expect(reader.page.get_by_test_id("own-outcome")).to_be_visible()
        await self._take(reader, "outcome-polish")
        await self._cluster.stop(5)
        await reader.page.get_by_label("Język").select_option("en")
        await reader.go("trustees")
        await expect(reader.text("4 of 5 trustees are online")).to_be_visible()
        await self._take(reader, "trustees-one-down")


async def main(directory: Path) -> None:
    """Take all pictures and put them into ``directory``."""
    missing = missing_component()
    if missing is not None:
        sys.exit(missing)
    with tempfile.TemporaryDirectory() as scratch:
        files = make_cluster(Path(scratch), parties=5, threshold=2, base_port=free_base_port(5))
        async with running(files) as cluster, chromium() as browser:
            await Shooting(cluster, browser, directory).run()


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(target))
