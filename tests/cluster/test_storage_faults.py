"""Parties whose disk fails, or is lost, in the middle of an auction; all of it with real processes."""

import asyncio
import resource
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from aukciszek.client.errors import PartyRefusedError
from aukciszek.local_cluster.actors import Actor, everybody, open_auction
from aukciszek.protocol.evidence.receipts import ReceiptFile
from aukciszek.protocol.evidence.verification import verify_certificate
from support.disks import Disk, until

if TYPE_CHECKING:
    from aukciszek.client.overview import AuctionOverview
    from aukciszek.client.submission import PlacedBid
    from aukciszek.protocol.evidence.audit_record import AuditRecord

    from .conftest import Run, Town

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

TROUBLED = 3
EVERYBODY = [1, 2, 3, 4, 5]


@pytest.fixture
def town(troubled_town: "Town") -> "Town":
    return troubled_town


async def bid_all(overview: "AuctionOverview", bidders: list[Actor], first_price: int) -> "list[PlacedBid]":
    async def bid(pair: tuple[int, Actor]) -> "PlacedBid":
        place, bidder = pair
        return await bidder.client.place_bid(overview.id, f"{first_price + place}.00", overview=overview)

    return await everybody(enumerate(bidders), bid)


def let_files_grow(pid: int, size: int) -> None:
    """Set the size beyond which no file of a process grows: its disk quota, from one moment to the next."""
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))


async def test_a_party_whose_disk_takes_no_more_gives_no_receipt_and_recovers_by_itself(town: "Town") -> None:
    before, during = await town.bidders(3), await town.bidders(4)
    overview = await open_auction(town.auctioneer, town.rules())
    placed = await bid_all(overview, before, 300)
    pid = town.cluster.pid(TROUBLED)
    let_files_grow(pid, 0)
    refused = await bid_all(overview, during, 200)
    for one in refused:
        assert sorted(one.receipts) == [party for party in EVERYBODY if party != TROUBLED]
        error = one.errors[TROUBLED]
        assert isinstance(error, PartyRefusedError)
        assert (error.status, error.problem) in {(503, "storage-unavailable"), (507, "storage-full")}
        assert one.counts
    let_files_grow(pid, resource.RLIM_INFINITY)
    complete = [await person.client.submit_again(one) for person, one in zip(during, refused, strict=True)]
    assert all(sorted(one.receipts) == EVERYBODY for one in complete)
    await town.auctioneer.client.close_auction(overview.id)
    certificate = await town.client.wait_for_outcome(overview.id)
    assert set(certificate.body.bids) == {one.header.digest for one in [*placed, *complete]}
    assert certificate.body.prices == ("200.00",)


async def test_a_disk_that_is_full_at_the_close_holds_the_auction_up_and_no_longer(town: "Town") -> None:
    bidders = await town.bidders(2)
    overview = await open_auction(town.auctioneer, town.rules())
    await bid_all(overview, bidders, 10)
    pid = town.cluster.pid(TROUBLED)
    let_files_grow(pid, 0)
    try:
        await town.auctioneer.client.close_auction(overview.id)
        async with asyncio.timeout(30):
            while not (await town.client.auction(overview.id)).answers[1].waiting_for:  # noqa: ASYNC110 -- a server's state
                await asyncio.sleep(0.05)
    finally:
        let_files_grow(pid, resource.RLIM_INFINITY)
    certificate = await town.client.wait_for_outcome(overview.id)
    assert certificate.body.prices == ("10.00",)


@pytest.mark.drill
async def test_a_party_restored_on_an_empty_machine_goes_on_in_the_middle_of_an_auction(
    town: "Town", run: "Run", tmp_path: Path
) -> None:
    early, late, after = await town.bidders(3), await town.bidders(3), await town.bidders(2)
    overview = await open_auction(town.auctioneer, town.rules())
    party = town.cluster.plan.parties[TROUBLED - 1]
    first = await bid_all(overview, early, 500)
    keys = await run("keys", "backup", tmp_path / "keys", "--json")
    assert keys.status == 0, keys.stderr
    # The backup is made while bids come in.
    bidding = asyncio.create_task(bid_all(overview, late, 400))
    saved = await run(
        *("backup", tmp_path / "saved", "--to", tmp_path / "keys" / "backup.pub", "--json"),
        environment=party.environment,
    )
    assert saved.status == 0, saved.stderr
    second = await bidding
    identity = (party.data_dir / "identity.pem").read_bytes()
    content = (tmp_path / "saved").read_bytes()
    assert identity.splitlines()[1] not in content
    assert b"SQLite format" not in content
    await town.cluster.kill(TROUBLED)
    for lost in party.data_dir.glob("*.db*"):
        lost.unlink()
    restored = await run(
        *("restore", tmp_path / "saved", "--key", tmp_path / "keys" / "backup.key", "--json"),
        environment=party.environment,
    )
    assert restored.status == 0, restored.stderr
    assert overview.id in restored.json()["unfinished_auctions"]
    again = await run(
        *("restore", tmp_path / "saved", "--key", tmp_path / "keys" / "backup.key", "--json"),
        environment=party.environment,
    )
    assert (again.status, again.json()["error"]["code"]) == (5, "database-in-place")
    await town.cluster.restart(TROUBLED)
    await town.cluster.wait_until_ready()
    await until(lambda: Disk(party).has_recalled(overview.id))
    third = await bid_all(overview, after, 300)
    assert all(sorted(one.receipts) == EVERYBODY for one in third)
    await town.auctioneer.client.close_auction(overview.id)
    certificate = await town.client.wait_for_outcome(overview.id)
    everything = [*first, *second, *third]
    assert set(certificate.body.bids) == {one.header.digest for one in everything}
    assert certificate.body.prices == ("300.00",)
    for bidder, one in zip([*early, *late, *after], everything, strict=True):
        file = ReceiptFile(auction=overview.id, bidder=bidder.client.tokens.uid, bids=())
        report = verify_certificate(
            certificate, cluster=town.client.cluster, receipts=file.with_bid(one.header, one.receipts.values())
        )
        assert report.valid, report
    record: AuditRecord = (await town.client.records(overview.id)).answers[TROUBLED]
    assert [entry.action for entry in record.entries].count("restored-from-backup") == 1


async def test_a_damaged_database_is_not_served_from(town: "Town") -> None:
    party = town.cluster.plan.parties[TROUBLED - 1]
    await town.cluster.stop(TROUBLED)
    (database,) = party.data_dir.glob("*.db")
    sound = database.read_bytes()
    damaged = bytearray(sound)
    for page in range(4, len(damaged) // 4096):
        damaged[page * 4096 : page * 4096 + 8] = b"\xff" * 8
    database.write_bytes(bytes(damaged))
    written = party.log.stat().st_size
    assert await town.cluster.run("serve", ["serve"], party) == 5
    said = party.log.read_bytes()[written:].decode()
    assert "database-damaged" in said
    assert "restore" in said
    database.write_bytes(sound)
    await town.cluster.restart(TROUBLED)
    await town.cluster.wait_until_ready()
