"""Nothing that leaves a bidder's browser tells the bid: every request is recorded, and the envelopes in it opened."""

import json
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Request, expect

from aukciszek.encoding import to_base64url
from aukciszek.mpc.sharing.shamir import interpolate
from aukciszek.protocol.rules.errors import EnvelopeDoesNotOpenError
from aukciszek.protocol.rules.identifiers import AuctionId
from aukciszek.protocol.sealing.bundle import Bundle
from aukciszek.protocol.sealing.envelope import open_envelope
from aukciszek.protocol.sealing.keys import SealingKeyPair
from aukciszek.storage.database import Database
from aukciszek.storage.repositories.auctions import AuctionRepository

if TYPE_CHECKING:
    from .conftest import Town

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

PRICE = "73191.50"
STEP = 146383
BYTE_ORDERS: tuple[Literal["big", "little"], ...] = ("big", "little")


async def sealing_keys(town: "Town", auction: str) -> dict[int, SealingKeyPair]:
    """Read every party's private key from its own disk, while the auction is open."""
    found = {}
    for party in town.cluster.plan.parties:
        database = await Database.open(f"sqlite:///{party.data_dir}/aukciszek.db")
        try:
            private = await AuctionRepository(database).sealing_private(AuctionId(auction))
        finally:
            await database.close()
        assert private is not None
        found[party.number] = SealingKeyPair(private)
    return found


def spellings(step: int, price: str) -> set[bytes]:
    """Return every form in which the bid could leave in the clear."""
    whole = price.partition(".")[0]
    bits = f"{step:018b}"
    texts = {price, whole, f"{int(whole):,}", str(step), f"{step:x}", bits, ",".join(bits)}
    return {text.encode() for text in texts} | {
        step.to_bytes(size, order) for size in (4, 8) for order in ("big", "little")
    }


async def test_neither_the_bid_nor_two_shares_leave_the_browser_together(  # noqa: C901 -- one bid, from all sides
    town: "Town",
) -> None:
    auctioneer = await town.auctioneer()
    auction = await auctioneer.create_auction("Recorded")
    bidder = await town.bidder()
    requests: list[Request] = []

    def record(request: Request) -> None:
        requests.append(request)

    bidder.context.on("request", record)
    await bidder.visit(auction)
    await bidder.bid(PRICE)
    await expect(bidder.page.get_by_test_id("own-bid")).to_contain_text("PLN 73,191.50")

    parties = {urlsplit(party.url).netloc: party.number for party in town.cluster.plan.cluster.parties}
    bundles: dict[int, bytes] = {}
    relayed: list[dict[str, object]] = []
    for request in requests:
        place = urlsplit(request.url)
        assert place.netloc in parties, f"a request to a foreign host: {request.url}"
        headers = json.dumps(await request.all_headers())
        body = request.post_data_buffer or b""
        if request.method == "POST":
            # Beside the bundle the parties' receipts for it go out, to all parties, so that none can deny its own.
            assert place.path in {f"/api/auctions/{auction}/{what}" for what in ("bids", "receipts")}
            if place.path.endswith("/bids"):
                bundles[parties[place.netloc]] = body
            else:
                relayed.append(json.loads(body))
        for form in spellings(STEP, PRICE):
            assert form not in body, f"the bid left in the clear to {request.url}"
            if form.isascii() and len(form) > 4:
                assert form.decode() not in request.url + headers, f"the bid left in the clear to {request.url}"
    assert len(bundles) == 5
    assert len(set(bundles.values())) == 1, "all parties get the same bytes"
    for sent in relayed:
        assert sent.keys() == {"bundle", "receipts"}
        assert sent["bundle"] in {None, to_base64url(bundles[1])}

    bundle = Bundle.decode(bundles[1])
    keys = await sealing_keys(town, auction)
    shares = {number: open_envelope(bundle, number, key).elements().tolist() for number, key in keys.items()}
    for number, key in keys.items():
        for other in keys:
            if other != number:
                with pytest.raises(EnvelopeDoesNotOpenError):
                    open_envelope(bundle, other, key)
        # A party's own share stands in the clear nowhere in what it gets.
        share = shares[number]
        assert all(
            element.to_bytes(8, order) not in bundles[number] for element in share for order in ("big", "little")
        )
    # The envelopes hold the bid, and three of them are needed to tell it.
    bits = [interpolate([1, 3, 5], [shares[party][bit] for party in (1, 3, 5)]) for bit in range(bundle.bits)]
    assert int("".join(map(str, bits)), 2) == STEP
    two = [interpolate([1, 3], [shares[party][bit] for party in (1, 3)]) for bit in range(bundle.bits)]
    assert set(two) - {0, 1}


async def test_nothing_about_the_bid_is_kept_in_the_browser(town: "Town") -> None:
    auctioneer = await town.auctioneer()
    auction = await auctioneer.create_auction("Not kept")
    bidder = await town.bidder()
    await bidder.visit(auction)
    await bidder.bid(PRICE)
    kept = await bidder.page.evaluate("JSON.stringify([{...sessionStorage}, {...localStorage}, document.cookie])")
    assert "73191" not in kept
    assert set(json.loads(kept)[0]) == {"aukciszek.session"}
    assert json.loads(kept)[1:] == [{}, ""]
    await bidder.button("Sign out").click()
    assert await bidder.page.evaluate("sessionStorage.length") == 0
