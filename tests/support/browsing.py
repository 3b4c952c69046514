"""A real browser in front of real parties: what people do on the page, said in their words."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Browser, BrowserContext, Locator, Page, ViewportSize, async_playwright, expect

from aukciszek.cluster import Cluster
from aukciszek.server.http.static_page import BUILT

CHROMIUM: Final = Path("/usr/bin/chromium")
PASSWORD: Final = "nine wet umbrellas sing"
DESKTOP: Final = ViewportSize(width=1280, height=900)
PHONE: Final = ViewportSize(width=390, height=844)

_ARGUMENTS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def missing_component() -> str | None:
    """Say what these tests need and this machine lacks, if anything."""
    if not CHROMIUM.exists():
        return "Chromium is not installed: on Debian, 'make components'"
    if not (BUILT / "index.html").exists():
        return "the page is not built: 'make page', where there is npm"
    return None


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(_ARGUMENTS))
        try:
            yield browser
        finally:
            await browser.close()


@dataclass
class Visitor:
    """One person with a browser of their own."""

    page: Page
    cluster: Cluster
    party: int
    """Whose page it is; a session belongs to one page."""
    email: str = ""

    @classmethod
    async def come(cls, browser: Browser, cluster: Cluster, *, party: int = 1, **options: Any) -> "Visitor":
        settings: dict[str, Any] = {"viewport": DESKTOP, "locale": "en-GB", "timezone_id": "Europe/Warsaw"}
        context = await browser.new_context(**(settings | options))
        context.set_default_timeout(60_000)
        visitor = cls(await context.new_page(), cluster, party)
        visitor.page.on("pageerror", lambda error: visitor.failures.append(str(error)))
        visitor.page.on(
            "console",
            lambda message: visitor.failures.append(message.text) if "Content Security" in message.text else None,
        )
        await visitor.go("")
        return visitor

    def __post_init__(self) -> None:
        self.failures: list[str] = []
        """What failed in the page itself, and what its policy forbade."""

    @property
    def context(self) -> BrowserContext:
        return self.page.context

    async def leave(self) -> None:
        await self.context.close()
        assert self.failures == []

    async def go(self, path: str) -> None:
        await self.page.goto(f"{self.cluster.party(self.party).url}/#/{path}")
        await expect(self.page.locator("main h1")).to_be_visible()

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def text(self, text: str) -> Locator:
        return self.page.get_by_text(text)

    async def sign_up(self, email: str) -> None:
        self.email = email
        await self.page.get_by_role("link", name="Sign up").click()
        await self.page.get_by_label("E-mail address").fill(email)
        await self.page.get_by_label("Password", exact=True).fill(PASSWORD)
        await self.button("Create an account").click()
        await expect(self.page.get_by_role("heading", name="Auctions", level=1)).to_be_visible()

    async def sign_in(self, email: str, password: str = PASSWORD) -> None:
        self.email = email
        await self.go("sign-in")
        await self.page.get_by_label("E-mail address").fill(email)
        await self.page.get_by_label("Password", exact=True).fill(password)
        await self.page.locator("main").get_by_role("button", name="Sign in").click()
        await expect(self.page.get_by_role("heading", name="Auctions", level=1)).to_be_visible()

    async def create_auction(
        self,
        title: str,
        *,
        description: str = "",
        auction_format: str = "First price",
        winners: int | None = None,
        reserve: str | None = None,
        minimum_bids: int | None = None,
    ) -> str:
        """Fill in the form and return the new auction's id."""
        await self.go("create")
        await self.page.get_by_label("Title").fill(title)
        await self.page.get_by_label("Description").fill(description)
        await self.page.get_by_role("radio", name=auction_format).check()
        for label, price in (("Lowest price", "0"), ("Highest price", "100000"), ("Step", "0.50")):
            await self.page.get_by_label(label, exact=True).fill(price)
        if winners is not None:
            await self.page.get_by_label("Number of winners").fill(str(winners))
        if reserve is not None:
            await self.page.get_by_label("Set a reserve price").check()
            await self.page.get_by_label("Reserve price", exact=True).fill(reserve)
        if minimum_bids is not None:
            await self.page.get_by_label("Minimum number of bids").fill(str(minimum_bids))
        await expect(self.text("200,001 valid prices, 18 bits in each sealed bid.")).to_be_visible()
        await self.button("Create the auction").click()
        await expect(self.page.get_by_role("heading", name=title, level=1)).to_be_visible()
        await self.expect_state("Open")
        return await self.page.get_by_test_id("auction-id").inner_text()

    async def visit(self, auction: str) -> None:
        await self.go(f"auctions/{auction}")

    async def expect_state(self, state: str) -> None:
        await expect(self.page.get_by_test_id("state")).to_have_text(state)

    async def type_price(self, price: str) -> None:
        await self.page.get_by_label("Your price in PLN").fill(price)

    async def submit(self) -> None:
        await self.page.get_by_role("button", name="Seal and submit").click()

    async def bid(self, price: str) -> None:
        await self.type_price(price)
        await self.submit()
        await expect(self.page.get_by_test_id("submission")).to_contain_text("Your bid is submitted: 5 of 5 trustees")

    async def replace(self, price: str) -> None:
        await self.button("Replace the bid").click()
        await self.bid(price)

    async def withdraw(self) -> None:
        await self.button("Withdraw the bid").click()
        await self.page.get_by_role("dialog").get_by_role("button", name="Withdraw the bid").click()
        await expect(self.page.get_by_test_id("submission")).to_contain_text("Your bid is withdrawn: 5 of 5 trustees")

    async def close(self) -> None:
        await self.button("Close now").click()
        await self.page.get_by_role("dialog").get_by_role("button", name="Close now").click()


def in_ci() -> bool:
    return bool(os.environ.get("CI"))
