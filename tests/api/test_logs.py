"""What is written to the log while people register, log in, bid and make mistakes."""

import logging
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Site

pytestmark = pytest.mark.asyncio(loop_scope="session")

PASSWORD = "correct horse battery staple"


async def test_no_secret_and_nothing_that_was_sent_is_logged(site: "Site", caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "aukciszek")
    auctioneer, bidder = await site.register("logging", admin=True), await site.register("bidding")
    spec = await site.create(auctioneer)
    bundle = await site.seal(spec, bidder, "77")
    assert (await site.submit_bid(spec, bidder, bundle)).status == 201
    await site.get("/api/auctions?limit=s3cret&token=s3cret", user=bidder)
    await site.get("/s3cret/path?s3cret", headers={"X-S3cret": "s3cret", "User-Agent": "s3cret\tinjected"})
    await site.post("/api/auth/login", json={"email": bidder.email, "password": "s3cret wrong password"})
    await site.post("/api/auth/login", data=b"s3cret{", headers={"Content-Type": "application/json"})
    for key in site.token_keys:
        assert key not in caplog.text
    for token in (*auctioneer.tokens.values(), *bidder.tokens.values()):
        assert token not in caplog.text
    for secret in (PASSWORD, "s3cret", bidder.email, auctioneer.email, bundle.hex()):
        assert secret not in caplog.text
    assert "POST /api/auctions/{auction}/bids 201" in caplog.text
    assert "GET no route 404" in caplog.text


async def test_a_failure_that_nobody_foresaw_is_answered_without_details(
    site: "Site", caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("s3cret row")

    monkeypatch.setattr(type(site.parties[0].auctions.queries), "auctions", fail)
    answer = await site.get("/api/auctions")
    assert (answer.status, answer.code) == (500, "internal-error")
    assert b"s3cret" not in answer.content
    assert b"RuntimeError" not in answer.content
    assert "RuntimeError at fail" in caplog.text
    assert "s3cret" not in caplog.text
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert (await site.get("/api/status")).status == 200
