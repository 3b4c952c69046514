"""Parties that are killed as by a power cut, and come back: nothing that was receipted is lost."""

import asyncio
from typing import TYPE_CHECKING

import pytest

from aukciszek.client.errors import UnreachableError
from aukciszek.local_cluster.actors import Actor, everybody, open_auction
from aukciszek.protocol.evidence.audit_log import verify_record
from aukciszek.protocol.evidence.verification import verify_certificate
from aukciszek.protocol.rules.states import AuctionState

if TYPE_CHECKING:
    from aukciszek.client.submission import PlacedBid

    from .conftest import Town

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

KILLED = 3


@pytest.fixture
def town(troubled_town: "Town") -> "Town":
    return troubled_town


async def test_a_party_killed_while_bids_come_in_loses_none_that_it_receipted(town: "Town") -> None:
    bidders = await town.bidders(24)
    overview = await open_auction(town.auctioneer, town.rules())
    some_are_in = asyncio.Event()
    done = 0

    async def bid(pair: tuple[int, Actor]) -> "PlacedBid":
        place, bidder = pair
        return await bidder.client.place_bid(overview.id, f"{100 + place}.00", overview=overview)

    def on_done() -> None:
        nonlocal done
        done += 1
        if done == len(bidders) // 3:
            some_are_in.set()

    bidding = asyncio.create_task(everybody(enumerate(bidders), bid, on_done))
    await some_are_in.wait()
    await town.cluster.kill(KILLED)
    placed = await bidding
    assert any(KILLED in one.receipts for one in placed)
    missed = [one for one in placed if KILLED not in one.receipts]
    assert missed
    assert all(isinstance(one.errors[KILLED], UnreachableError) for one in missed)
    await town.cluster.restart(KILLED)
    await town.cluster.wait_until_ready()
    for bidder, one in zip(bidders, placed, strict=True):
        held = await bidder.client.own_bids(overview.id)
        # A party may hold a bid whose receipt was lost on the way when it was killed, never the other way round.
        assert {party for bid in held for party in bid.receipts} >= set(one.receipts)
    for bidder, one in zip(bidders, placed, strict=True):
        if one in missed[:2]:
            complete = await bidder.client.submit_again(one)
            assert sorted(complete.receipts) == [1, 2, 3, 4, 5]
    await town.auctioneer.client.close_auction(overview.id)
    certificate = await town.client.wait_for_outcome(overview.id)
    assert set(certificate.body.bids) == {one.header.digest for one in placed}
    assert certificate.body.prices == ("100.00",)
    assert verify_certificate(certificate, cluster=town.client.cluster).valid


@pytest.mark.drill
async def test_a_party_killed_during_the_computation_comes_back_and_it_ends(town: "Town") -> None:
    bidders = await town.bidders(6)
    overview = await open_auction(town.auctioneer, town.rules())
    await everybody(
        enumerate(bidders), lambda pair: pair[1].client.place_bid(overview.id, f"{50 + pair[0]}.00", overview=overview)
    )
    await town.auctioneer.client.close_auction(overview.id)
    await town.cluster.kill(KILLED)
    await town.cluster.restart(KILLED)
    certificate = await town.client.wait_for_outcome(overview.id)
    assert certificate.body.prices == ("50.00",)
    assert len(certificate.body.bids) == len(bidders)


@pytest.mark.drill
async def test_all_parties_restarted_in_good_order_go_on(town: "Town") -> None:
    bidders = await town.bidders(2)
    overview = await open_auction(town.auctioneer, town.rules())
    for bidder, price in zip(bidders, ("20.00", "10.00"), strict=True):
        await bidder.client.place_bid(overview.id, price, overview=overview)
    for number in range(1, 6):
        await town.cluster.stop(number)
    for number in range(1, 6):
        await town.cluster.restart(number)
    await town.cluster.wait_until_ready()
    await town.auctioneer.client.close_auction(overview.id)
    certificate = await town.client.wait_for_outcome(overview.id)
    assert certificate.body.prices == ("10.00",)


@pytest.mark.parametrize(
    "state",
    [pytest.param(state, marks=pytest.mark.drill) for state in ("closed", "agreeing", "signing")] + ["computing"],
)
async def test_a_party_killed_once_it_has_come_so_far_goes_on_from_there(town: "Town", state: str) -> None:
    bidders = await town.bidders(3)
    overview = await open_auction(town.auctioneer, town.rules())
    await everybody(
        enumerate(bidders), lambda pair: pair[1].client.place_bid(overview.id, f"{70 + pair[0]}.00", overview=overview)
    )
    closing = asyncio.create_task(town.auctioneer.client.close_auction(overview.id))
    order = list(AuctionState)
    so_far = order.index(AuctionState(state))
    while order.index((await town.client.auction(overview.id)).answers[KILLED].state) < so_far:  # noqa: ASYNC110 -- a server's state
        await asyncio.sleep(0)
    await town.cluster.kill(KILLED)
    await closing
    await town.cluster.restart(KILLED)
    certificate = await town.client.wait_for_outcome(overview.id)
    assert certificate.body.prices == ("70.00",)
    assert len(certificate.body.bids) == len(bidders)
    await town.cluster.wait_until_ready()
    record = (await town.client.records(overview.id)).answers[KILLED]
    verify_record(record)
