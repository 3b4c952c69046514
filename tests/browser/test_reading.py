"""The page for everybody: by eye, by ear, by keyboard, in two languages, on a phone, by day and by night."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from playwright.async_api import Page, ViewportSize, expect

from support.browsing import PHONE, Visitor, in_ci

if TYPE_CHECKING:
    from .conftest import Town

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
NARROWEST: Final = ViewportSize(width=320, height=640)
"""WCAG 2.2, 1.4.10: content reflows down to this width."""
LOOKS: tuple[dict[str, Any], ...] = (
    {"color_scheme": "light"},
    {"color_scheme": "dark"},
    {"color_scheme": "light", "viewport": PHONE},
)


@pytest.fixture(scope="module")
def axe() -> str:
    if not AXE.exists():
        missing = "axe-core is missing: run 'make page'"
        if in_ci():
            pytest.fail(missing)
        pytest.skip(missing)
    return AXE.read_text(encoding="utf-8")


async def violations(page: Page, axe: str) -> list[str]:
    await page.evaluate(axe)
    found = await page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
    assert found["passes"], "axe looked at nothing"
    return [
        f"{page.url} {one['id']}: {node['html'][:160]} ({node['failureSummary']})"
        for one in found["violations"]
        for node in one["nodes"]
    ]


async def overflow(page: Page) -> int:
    """Return by how many pixels the page is wider than the window."""
    width: int = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return width


async def look_at_all(visitor: Visitor, axe: str, *, look: dict[str, Any]) -> list[str]:
    await visitor.page.emulate_media(color_scheme=look["color_scheme"], reduced_motion="reduce")
    if "viewport" in look:
        await visitor.page.set_viewport_size(look["viewport"])
    assert await overflow(visitor.page) <= 0, visitor.page.url
    return await violations(visitor.page, axe)


async def test_axe_finds_nothing_on_any_page_in_any_look(town: "Town", axe: str) -> None:
    auctioneer = await town.auctioneer()
    auction = await auctioneer.create_auction("Seen by everybody", description="With a text.\nIn two lines.")
    bidder = await town.bidder()
    stranger = await town.visitor()
    found: list[str] = []

    async def look(visitor: Visitor) -> None:
        for one in LOOKS:
            found.extend(await look_at_all(visitor, axe, look=one))

    accounts = ("sign-in", "sign-up")
    for path in ("", "auctions", "verify", "trustees", *accounts, "create", "nowhere", f"auctions/{auction}"):
        await stranger.go(path)
        await look(stranger)
    await auctioneer.go("create")
    await auctioneer.page.get_by_role("radio", name="Pay-as-bid, several winners").check()
    await auctioneer.page.get_by_role("radio", name="Invited bidders").check()
    await auctioneer.page.get_by_label("Set a reserve price").check()
    await auctioneer.button("Create the auction").click()
    await look(auctioneer)
    await auctioneer.visit(auction)
    await look(auctioneer)
    await bidder.visit(auction)
    await bidder.type_price("1.20")
    await look(bidder)
    await bidder.bid("1.50")
    await look(bidder)
    await bidder.button("Withdraw the bid").click()
    await look(bidder)
    await bidder.button("Keep the bid").click()
    await auctioneer.close()
    for person in (auctioneer, bidder, stranger):
        await person.visit(auction)
        await expect(person.page.get_by_test_id("outcome")).to_be_visible()
        await look(person)
    assert found == []


async def test_a_bid_by_keyboard_alone(town: "Town") -> None:
    auctioneer = await town.auctioneer()
    auction = await auctioneer.create_auction("Without a mouse")
    bidder = await town.bidder()
    await bidder.visit(auction)
    page = bidder.page
    await expect(page.get_by_label("Your price in PLN")).to_be_visible()

    async def tab_to(name: str) -> None:
        for _ in range(40):
            await page.keyboard.press("Tab")
            focused = await page.evaluate(
                """() => {
                    const one = document.activeElement
                    return one.matches('a, button, input, select') ? (one.labels?.[0] ?? one).textContent : ''
                }"""
            )
            if name in focused:
                assert await page.evaluate("document.activeElement.matches(':focus-visible')")
                return
        pytest.fail(f"the Tab key does not lead to {name}")

    await tab_to("Your price in PLN")
    await page.keyboard.type("77.50")
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("submission")).to_contain_text("Your bid is submitted: 5 of 5 trustees")
    await tab_to("Withdraw the bid")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_be_hidden()


async def test_the_first_key_leads_past_the_menu(town: "Town") -> None:
    stranger = await town.visitor()
    await stranger.page.evaluate("document.body.focus()")
    await stranger.page.keyboard.press("Tab")
    await expect(stranger.button("Skip to the content")).to_be_focused()
    await stranger.page.keyboard.press("Enter")
    await expect(stranger.page.locator("main")).to_be_focused()


async def test_everything_in_polish(town: "Town") -> None:
    reader = await town.visitor(locale="pl-PL")
    page = reader.page
    await expect(page.get_by_role("heading", level=1)).to_have_text(
        "Aukcje, w których nikt nigdy nie widzi przegranych ofert"
    )
    assert await page.evaluate("document.documentElement.lang") == "pl"
    auctioneer = await town.auctioneer()
    auction = await auctioneer.create_auction("Cukier")
    await reader.go("sign-up")
    await page.get_by_label("Adres e-mail").fill("oferent@example.org")
    await page.get_by_label("Hasło", exact=True).fill("zażółć gęślą jaźń dzisiaj")
    await page.locator("main").get_by_role("button", name="Załóż konto").click()
    await expect(page.get_by_role("heading", name="Aukcje", level=1)).to_be_visible()
    await reader.visit(auction)
    await page.get_by_label("Twoja cena w PLN").fill("1 234,50 zł")
    await page.get_by_role("button", name="Zapieczętuj i złóż ofertę 1234,50 zł").click()
    submission = page.get_by_test_id("submission")
    await expect(submission).to_contain_text("Oferta została złożona. Pokwitowania powierników: 5 z 5")
    await auctioneer.close()
    await expect(page.get_by_test_id("outcome")).to_contain_text("1234,50 zł")
    await expect(page.get_by_test_id("own-outcome")).to_contain_text("i wygrała")
    await page.get_by_label("Język").select_option("en")
    await expect(page.get_by_test_id("own-outcome")).to_contain_text("and won")


async def test_no_page_is_wider_than_a_phone_in_polish(town: "Town") -> None:
    auctioneer = await town.auctioneer(viewport=PHONE)
    auction = await auctioneer.create_auction("Cukier")
    await auctioneer.page.get_by_label("Language").select_option("pl")
    for path in ("", "auctions", "verify", "trustees", "create", "nowhere", f"auctions/{auction}"):
        await auctioneer.go(path)
        for viewport in (PHONE, NARROWEST):
            await auctioneer.page.set_viewport_size(viewport)
            assert await overflow(auctioneer.page) <= 0, (auctioneer.page.url, viewport)
    for path in ("sign-in", "sign-up"):
        reader = await town.visitor(locale="pl-PL", viewport=PHONE)
        await reader.go(path)
        assert await overflow(reader.page) <= 0, reader.page.url


async def test_a_bid_on_a_phone(town: "Town") -> None:
    auctioneer = await town.auctioneer()
    auction = await auctioneer.create_auction("In the pocket")
    bidder = await town.bidder(viewport=PHONE, has_touch=True, is_mobile=True)
    await bidder.visit(auction)
    await bidder.bid("5")
    assert await overflow(bidder.page) <= 0
    small = await bidder.page.evaluate(
        """() => [...document.querySelectorAll('button, a.button, select, input')]
            .filter(one => one.checkVisibility() && !one.classList.contains('skip'))
            .map(one => one.getBoundingClientRect()).filter(box => box.height < 24 || box.width < 24).length"""
    )
    assert small == 0, "targets have at least 24 by 24 pixels (WCAG 2.2, 2.5.8)"


async def test_receipts_and_certificate_are_files_that_verify(town: "Town", tmp_path: Path) -> None:
    auctioneer = await town.auctioneer()
    auction = await auctioneer.create_auction("Files")
    bidder = await town.bidder()
    await bidder.visit(auction)
    await bidder.bid("9")
    await expect(bidder.page.get_by_test_id("own-bid")).to_contain_text("5 of 5 trustees signed for it")
    files = {}
    async with bidder.page.expect_download() as download:
        await bidder.button("Download the receipts").click()
    files["receipts"] = tmp_path / (await download.value).suggested_filename
    await (await download.value).save_as(files["receipts"])
    await auctioneer.close()
    await bidder.expect_state("Decided")
    async with bidder.page.expect_download() as download:
        await bidder.button("Download the certificate").click()
    files["certificate"] = tmp_path / (await download.value).suggested_filename
    await (await download.value).save_as(files["certificate"])
    status = await town.cluster.run(
        "verify",
        ["verify", str(files["certificate"]), "--receipts", str(files["receipts"])],
        town.cluster.plan.login_server,
    )
    assert status == 0

    stranger = await town.visitor()
    await stranger.go("verify")
    await stranger.page.get_by_label("Certificate", exact=True).set_input_files(files["certificate"])
    await stranger.page.get_by_label("Your receipts").set_input_files(files["receipts"])
    await expect(stranger.text("The certificate is valid")).to_be_visible()
    await expect(stranger.text("Your bid was counted (revision 1) and won.")).to_be_visible()
    forged = json.loads(files["certificate"].read_text())
    forged["body"]["prices"] = ["8.50"]
    forgery = tmp_path / "forged.json"
    forgery.write_text(json.dumps(forged, sort_keys=True, separators=(",", ":"), ensure_ascii=False), encoding="utf-8")
    await stranger.page.get_by_label("Certificate", exact=True).set_input_files(forgery)
    await expect(stranger.text("The certificate is not valid")).to_be_visible()


async def test_a_page_that_one_party_changed_stands_out(town: "Town") -> None:
    reader = await town.visitor()
    changed = town.cluster.plan.cluster.party(3).url

    async def change(route: Any) -> None:
        answer = await route.fetch()
        await route.fulfill(response=answer, body=await answer.text() + "<!-- another page -->")

    await reader.page.route(f"{changed}/", change)
    await reader.go("trustees")
    await expect(reader.text("A different page is served by: Bidders' Union.")).to_be_visible()


async def test_the_first_load_is_small(town: "Town") -> None:
    page = await town.browser.new_page()
    try:
        network = await page.context.new_cdp_session(page)
        names: dict[str, str] = {}
        sizes: dict[str, int] = {}
        network.on(
            "Network.requestWillBeSent", lambda event: names.update({event["requestId"]: event["request"]["url"]})
        )
        network.on(
            "Network.loadingFinished",
            lambda event: sizes.update({names[event["requestId"]]: event["encodedDataLength"]}),
        )
        await network.send("Network.enable")
        await page.goto(town.cluster.plan.cluster.party(1).url, wait_until="networkidle")
        assert 50_000 < sum(sizes.values()) < 200_000, sizes
    finally:
        await page.context.close()
