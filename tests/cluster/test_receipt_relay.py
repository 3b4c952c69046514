"""Bids while as many parties are down as the design allows, and a holder that is lost for good right after."""

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from aukciszek.client.stores.receipt_store import read_receipt_file
from aukciszek.local_cluster.actors import open_auction
from aukciszek.protocol.evidence.verification import verify_certificate

from .conftest import founded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from aukciszek.local_cluster.processes import Launch

    from .conftest import Run, Town

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

DOWN = (3, 4, 5)
LOST = 2


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def robust_town(tmp_path_factory: pytest.TempPathFactory, launch: "Launch") -> "AsyncIterator[Town]":
    """Five parties that go on without any one of them."""
    async with founded(tmp_path_factory.mktemp("robust"), 1, launch) as town:
        yield town


@pytest.mark.drill
async def test_a_bid_made_at_two_parties_counts_although_one_of_them_never_comes_back(
    robust_town: "Town", command_line: "Run", tmp_path: "Path"
) -> None:
    town = robust_town
    first, second = await town.bidders(2)
    overview = await open_auction(town.auctioneer, town.rules())
    await second.client.place_bid(overview.id, "43.00", overview=overview)
    state, file = tmp_path / "state", tmp_path / "receipts.json"
    await command_line(
        *("login", first.email, "--server", town.cluster.plan.cluster.party(1).url, "--state", state, "--json"),
        environment={"AUKCISZEK_PASSWORD": first.password},
    )
    for number in DOWN:
        await town.cluster.kill(number)
    words = ("bid", "place", overview.id, "--price-file", "-", "--receipts", file, "--keep-trying", "0")
    placed = await command_line(*words, "--state", state, typed="42.00\n")
    assert placed.status == 0, placed.stderr
    assert "2 of 5 receipts are in: your bid counts" in placed.stdout + placed.stderr
    for number in DOWN:
        await town.cluster.restart(number)
    await town.cluster.wait_until_ready()
    # As a page's file, or an older one: without the bundle, so that the other parties cannot give receipts themselves.
    kept = json.loads(file.read_bytes())
    del kept["bids"][0]["content"]
    bare = tmp_path / "bare.json"
    bare.write_text(json.dumps(kept))
    handed = (await command_line("bid", "relay", bare, "--state", state, "--json")).json()
    assert (handed["counts"], sorted(handed["receipts"]), handed["relayed"]) == (True, ["1", "2"], [1, 2, 3, 4, 5])
    await town.cluster.kill(LOST)
    await town.auctioneer.client.close_auction(overview.id, overview=overview)
    certificate = await town.client.wait_for_outcome(overview.id)
    assert [winner.bidder for winner in certificate.body.winners] == [first.client.tokens.uid]
    report = verify_certificate(certificate, cluster=town.client.cluster, receipts=read_receipt_file(file))
    assert {check.name: check.verdict for check in report.checks}["own-bid"] == "passed"
    late = await command_line("bid", "relay", file, "--state", state, "--json")
    assert {error["code"] for error in late.json()["errors"].values()} <= {"party-refused", "party-unreachable"}
    await town.cluster.restart(LOST)
    await town.cluster.wait_until_ready()


async def test_a_bid_reaches_the_parties_that_come_back_while_it_is_tried_again(robust_town: "Town") -> None:
    town = robust_town
    (bidder,) = await town.bidders(1)
    overview = await open_auction(town.auctioneer, town.rules())
    for number in DOWN:
        await town.cluster.kill(number)
    counts = asyncio.Event()
    placing = asyncio.create_task(
        bidder.client.place_bid(
            overview.id,
            "42.00",
            overview=overview,
            keep_trying_s=240.0,
            on_placed=lambda placed: counts.set() if placed.counts and placed.relayed else None,
        )
    )
    await counts.wait()
    for number in DOWN:
        await town.cluster.restart(number)
    placed = await placing
    assert placed.complete
    assert (placed.needed, placed.errors) == (2, {})
    await town.cluster.wait_until_ready()
    await town.auctioneer.client.close_auction(overview.id, overview=overview)
    assert (await town.client.wait_for_outcome(overview.id)).body.prices == ("42.00",)
