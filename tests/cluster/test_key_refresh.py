"""New keys for shared randomness, by all operators together or by some of them only."""

import asyncio
from typing import TYPE_CHECKING

import pytest

from aukciszek.cli.people import open_auction
from aukciszek.storage.database import Database
from aukciszek.storage.party import PrssKeyRepository

if TYPE_CHECKING:
    from .conftest import Run, Town

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

PARTIES = range(1, 6)


async def stored_keys(town: "Town") -> dict[str, set[bytes]]:
    """Every set of parties with the keys that its members hold for it."""
    found: dict[str, set[bytes]] = {}
    for party in town.cluster.plan.parties:
        database = await Database.open(f"sqlite:///{party.data_dir / 'aukciszek.db'}")
        for row in await PrssKeyRepository(database).prss_keys():
            found.setdefault(row.members, set()).add(row.key)
        await database.close()
    return found


async def refresh(town: "Town", *numbers: int) -> None:
    for number in PARTIES:
        await town.cluster.stop(number)
    for number in numbers:
        party = town.cluster.plan.parties[number - 1]
        assert await town.cluster.run("keys refresh", ["keys", "refresh"], party) == 0
    for number in PARTIES:
        await town.cluster.restart(number)
    await town.cluster.wait_until_ready()


async def test_after_all_operators_refreshed_every_key_is_new_and_auctions_go_on(town: "Town") -> None:
    before = await stored_keys(town)
    overview = await open_auction(town.auctioneer, town.rules())
    bidders = await town.bidders(2)
    await bidders[0].client.place_bid(overview.id, "30.00", overview=overview)
    await refresh(town, *PARTIES)
    after = await stored_keys(town)
    assert all(len(keys) == 1 for keys in after.values()), "members of a set hold different keys"
    assert before.keys() == after.keys()
    assert all(not before[members] & after[members] for members in before)
    await bidders[1].client.place_bid(overview.id, "20.00", overview=overview)
    await town.auctioneer.client.close_auction(overview.id)
    certificate = await town.client.wait_for_outcome(overview.id)
    assert certificate.body.prices == ("20.00",)
    assert len(certificate.body.bids) == len(bidders)


async def test_while_one_party_keeps_its_keys_the_others_get_them_back(town: "Town") -> None:
    before = await stored_keys(town)
    await refresh(town, 1, 2, 3, 4)
    after = await stored_keys(town)
    kept = {members for members in before if "5" in members.split(",")}
    assert all(len(keys) == 1 for keys in after.values())
    assert {members for members in before if before[members] == after[members]} == kept


async def test_a_running_party_keeps_its_keys(town: "Town", command_line: "Run") -> None:
    refused = await command_line("keys", "refresh", "--json", environment=town.cluster.plan.parties[0].environment)
    assert refused.status != 0
    assert refused.json()["error"]["code"] == "directory-in-use"


async def test_keys_that_a_closed_auction_needs_are_not_given_up(town: "Town", command_line: "Run") -> None:
    overview = await open_auction(town.auctioneer, town.rules())
    (bidder,) = await town.bidders(1)
    await bidder.client.place_bid(overview.id, "10.00", overview=overview)
    await town.cluster.kill(5)  # the others wait for it
    await town.auctioneer.client.close_auction(overview.id)
    async with asyncio.timeout(60):
        while {answer.state for answer in overview.answers.values()} & {"open"}:
            overview = await town.client.auction(overview.id)
    party = town.cluster.plan.parties[0]
    await town.cluster.stop(1)
    refused = await command_line("keys", "refresh", "--json", environment=party.environment)
    assert refused.status != 0
    assert refused.json()["error"]["code"] == "keys-in-use"
    await town.cluster.restart(1)
    await town.cluster.restart(5)
    assert (await town.client.wait_for_outcome(overview.id)).body.prices == ("10.00",)
