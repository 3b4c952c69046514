"""Whole auctions on five real processes, through the SDK."""

import asyncio
from typing import TYPE_CHECKING, Any, cast

import pytest

from aukciszek.client.errors import AuctionCancelledError, PartyRefusedError
from aukciszek.local_cluster.actors import Actor, everybody, open_auction
from aukciszek.local_cluster.plain_outcome import PlainRules, expected_outcome
from aukciszek.protocol.evidence.receipts import ReceiptFile
from aukciszek.protocol.evidence.verification import verify_certificate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aukciszek.client.overview import AuctionOverview
    from aukciszek.client.submission import PlacedBid
    from aukciszek.protocol.evidence.certificate import Certificate
    from aukciszek.protocol.rules.spec import AuctionSpec

    from .conftest import Town

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]


async def bid(overview: "AuctionOverview", bidders: "Sequence[Actor]", prices: "Sequence[str]") -> "list[PlacedBid]":
    async def one(pair: tuple[Actor, str]) -> "PlacedBid":
        bidder, price = pair
        return await bidder.client.place_bid(overview.id, price, overview=overview)

    return await everybody(zip(bidders, prices, strict=True), one)


def check_outcome(certificate: "Certificate", spec: "AuctionSpec", placed: "dict[str, PlacedBid]") -> None:
    """Compare an outcome with the one that the prices in the clear give."""
    body = certificate.body
    bids = {one.header.digest: spec.grid.to_step(price) for price, one in placed.items()}
    assert set(body.bids) == set(bids)
    assert body.tie_break_seed is not None
    rules = PlainRules(spec.format, spec.direction, spec.winners, spec.grid.highest_step)
    expected = expected_outcome(rules, bytes.fromhex(body.tie_break_seed), bids)
    assert tuple(winner.bundle for winner in body.winners) == expected.winners
    assert body.prices == tuple(spec.grid.to_price(step) for step in expected.steps)
    report = verify_certificate(certificate)
    assert report.valid
    assert [signature.party for signature in certificate.signatures] == [1, 2, 3, 4, 5]


async def test_the_lowest_bid_wins_and_only_it_is_opened(town: "Town") -> None:
    bidders = await town.bidders(4)
    overview = await open_auction(town.auctioneer, town.rules())
    prices = ["700.00", "650.50", "651.00", "999.50"]
    placed = await bid(overview, bidders, prices)
    assert all(sorted(one.receipts) == [1, 2, 3, 4, 5] for one in placed)
    await town.auctioneer.client.close_auction(overview.id)
    certificate = await town.client.wait_for_outcome(overview.id)
    check_outcome(certificate, overview.spec, dict(zip(prices, placed, strict=True)))
    assert certificate.body.winners[0].bidder == bidders[1].client.tokens.uid
    records = (await town.client.records(overview.id)).answers
    assert sorted(records) == [1, 2, 3, 4, 5]
    losing = {overview.spec.grid.to_step(price) for price in prices if price != "650.50"}
    for record in records.values():
        found = [entry for entry in record.entries if entry.action == "outcome-found"]
        assert len(found) == 1
        revealed = cast("list[dict[str, Any]]", found[0].details["revealed"])
        assert [opened["reason"] for opened in revealed][-2:] == ["winners", "prices"]
        assert not losing & {value for opened in revealed for value in opened["values"]}


async def test_the_latest_revision_counts_and_a_withdrawn_bid_does_not(town: "Town") -> None:
    raising, leaving, staying = bidders = await town.bidders(3)
    overview = await open_auction(town.auctioneer, town.rules())
    first, withdrawn, stayed = await bid(overview, bidders, ["1.00", "2.00", "300.00"])
    replaced = await raising.client.place_bid(overview.id, "400.00")
    gone = await leaving.client.withdraw_bid(overview.id)
    await town.auctioneer.client.close_auction(overview.id)
    certificate = await town.client.wait_for_outcome(overview.id)
    check_outcome(certificate, overview.spec, {"300.00": stayed, "400.00": replaced})
    for bidder, history in ((raising, [first, replaced]), (leaving, [withdrawn, gone]), (staying, [stayed])):
        file = ReceiptFile(auction=overview.id, bidder=bidder.client.tokens.uid, bids=())
        for one in history:
            file = file.with_bid(one.header, one.receipts.values())
        report = verify_certificate(certificate, cluster=town.client.cluster, receipts=file)
        assert report.valid, report


async def test_a_late_bid_is_refused(town: "Town") -> None:
    early, late = await town.bidders(2)
    overview = await open_auction(town.auctioneer, town.rules())
    placed = await early.client.place_bid(overview.id, "10.00")
    await town.auctioneer.client.close_auction(overview.id)
    certificate = await town.client.wait_for_outcome(overview.id)
    with pytest.raises(PartyRefusedError) as told:
        await late.client.place_bid(overview.id, "5.00")
    assert told.value.problem == "bid-too-late"
    assert certificate.body.bids == (placed.header.digest,)


async def test_auctions_at_the_same_time_do_not_disturb_each_other(town: "Town") -> None:
    bidders = await town.bidders(3)
    formats = [
        town.rules(title="Coal"),
        town.rules(title="Wood", direction="forward", format="second-price"),
        town.rules(title="Peat", format="uniform-price", winners=2),
    ]
    overviews = await asyncio.gather(*(open_auction(town.auctioneer, spec) for spec in formats))
    prices = [["10.00", "20.00", "30.00"], ["11.50", "21.00", "31.00"], ["12.00", "22.00", "32.50"]]
    pairs = list(zip(overviews, prices, strict=True))
    placed = await asyncio.gather(*(bid(overview, bidders, some) for overview, some in pairs))
    await asyncio.gather(*(town.auctioneer.client.close_auction(overview.id) for overview in overviews))
    certificates = await asyncio.gather(*(town.client.wait_for_outcome(overview.id) for overview in overviews))
    for certificate, (overview, some), bids in zip(certificates, pairs, placed, strict=True):
        check_outcome(certificate, overview.spec, dict(zip(some, bids, strict=True)))


async def test_nothing_is_sold_above_the_reserve_price(town: "Town") -> None:
    bidders = await town.bidders(2)
    overview = await open_auction(town.auctioneer, town.rules(reserve_price="100.00"))
    await bid(overview, bidders, ["100.50", "200.00"])
    await town.auctioneer.client.close_auction(overview.id)
    body = (await town.client.wait_for_outcome(overview.id)).body
    assert (body.outcome, body.winners, body.prices) == ("reserve-not-met", (), ())


async def test_nothing_is_opened_with_too_few_bids(town: "Town") -> None:
    bidders = await town.bidders(1)
    overview = await open_auction(town.auctioneer, town.rules(minimum_bids=2))
    await bid(overview, bidders, ["100.50"])
    await town.auctioneer.client.close_auction(overview.id)
    body = (await town.client.wait_for_outcome(overview.id)).body
    assert (body.outcome, body.tie_break_seed) == ("too-few-bids", None)


async def test_a_cancelled_auction_has_no_outcome(town: "Town") -> None:
    (bidder,) = await town.bidders(1)
    overview = await open_auction(town.auctioneer, town.rules())
    await bidder.client.place_bid(overview.id, "5.00")
    await town.auctioneer.client.cancel_auction(overview.id)
    with pytest.raises(AuctionCancelledError):
        await town.client.wait_for_outcome(overview.id)


async def test_only_the_auctioneer_gives_orders(town: "Town") -> None:
    (bidder,) = await town.bidders(1)
    overview = await open_auction(town.auctioneer, town.rules())
    with pytest.raises(PartyRefusedError) as told:
        await bidder.client.close_auction(overview.id)
    assert told.value.status == 403
    await town.auctioneer.client.cancel_auction(overview.id)
