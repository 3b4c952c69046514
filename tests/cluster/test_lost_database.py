"""Parties whose database is gone for good, at any moment of an auction; all of it with real processes.

Such a party starts again with its identity key and its settings alone. Bids that it gave receipts for count, the
outcome is the right one, and nobody is accused: see "A lost database" in ``docs/protocol.md``.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from aukciszek.local_cluster.actors import Actor, everybody, open_auction
from aukciszek.protocol.evidence.certificate import Certificate
from aukciszek.protocol.evidence.receipts import ReceiptFile
from aukciszek.protocol.rules.identifiers import AuctionId
from support.disks import Disk, go_on, held_when, hold, until

from .conftest import THRESHOLD, founded

if TYPE_CHECKING:
    from aukciszek.client.overview import AuctionOverview
    from aukciszek.client.submission import PlacedBid
    from aukciszek.local_cluster.processes import Launch

    from .conftest import Run, Town

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]

LOST, NEXT_LOST, HELD = 3, 4, 5
FIRST_PRICE = 70
_TRIES = 10

type Moment = Callable[[Disk, AuctionId], bool]


@pytest.fixture
def town(troubled_town: "Town") -> "Town":
    return troubled_town


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def town_with_tls(tmp_path_factory: pytest.TempPathFactory, launch: "Launch") -> "AsyncIterator[Town]":
    async with founded(tmp_path_factory.mktemp("tls"), THRESHOLD, launch, tls=True) as town:
        yield town


@dataclass
class Sale:
    """One auction with its bids."""

    town: "Town"
    overview: "AuctionOverview"
    bidders: Sequence[Actor]
    placed: "list[PlacedBid]"

    @classmethod
    async def of(cls, town: "Town", bidders: Sequence[Actor]) -> "Sale":
        """Open an auction whose session takes many rounds; all have bid when this returns."""
        rules = town.rules(maximum=Decimal(10_000_000_000), step=Decimal("0.01"), format="pay-as-bid", winners=2)
        sale = cls(town, await open_auction(town.auctioneer, rules), bidders, [])
        sale.placed = await everybody(enumerate(bidders), sale.bid)
        return sale

    async def bid(self, pair: tuple[int, Actor]) -> "PlacedBid":
        place, bidder = pair
        return await bidder.client.place_bid(self.overview.id, f"{FIRST_PRICE + place}.00", overview=self.overview)

    async def close(self) -> None:
        """Close it; while a party is held still the others are enough, and the client gives that one up."""
        await self.town.auctioneer.client.close_auction(self.overview.id, overview=self.overview)

    def disk(self, number: int) -> Disk:
        return Disk(self.town.cluster.plan.parties[number - 1])

    @property
    def disks(self) -> list[Disk]:
        return [Disk(party) for party in self.town.cluster.plan.parties]

    async def lose(self, number: int) -> None:
        """Kill a party, delete its database, and start it again."""
        await self.town.cluster.kill(number)
        self.disk(number).lose()
        await self.town.cluster.restart(number)

    async def ended(self) -> Certificate:
        certificate = await self.town.client.wait_for_outcome(self.overview.id)
        await until(lambda: all(disk.state(self.overview.id) == "final" for disk in self.disks))
        await self.town.cluster.wait_until_ready()
        return certificate

    async def check(self, run: "Run", folder: Path, *, lost: Sequence[int]) -> None:
        """All parties have the right outcome, whoever holds receipts is satisfied, and nobody is accused."""
        certificate = await self.ended()
        winners = [
            (one.bidder, price) for one, price in zip(certificate.body.winners, certificate.body.prices, strict=True)
        ]
        lowest = [
            (bidder.client.tokens.uid, f"{FIRST_PRICE + place}.00") for place, bidder in enumerate(self.bidders[:2])
        ]
        assert sorted(winners) == sorted(lowest)
        assert certificate.body.left_out == ()
        assert set(certificate.body.bids) == {one.header.digest for one in self.placed}
        assert {disk.outcome(self.overview.id) for disk in self.disks} == {certificate.body.canonical_bytes}
        (folder / "certificate.json").write_bytes(certificate.encode())
        cluster_file = self.town.cluster.plan.cluster_file
        words: list[str | Path] = ["verify", folder / "certificate.json", "--cluster", cluster_file, "--json"]
        for bidder, one in zip(self.bidders, self.placed, strict=True):
            file = ReceiptFile(auction=self.overview.id, bidder=bidder.client.tokens.uid, bids=())
            path = folder / f"{bidder.name}.json"
            path.write_bytes(file.with_bid(one.header, one.receipts.values()).encode())
            verified = await run(*words, "--receipts", path)
            assert verified.status == 0, verified.stdout
            assert {one["name"]: one["verdict"] for one in verified.json()["checks"]}["own-bid"] == "passed"
        records = (await self.town.client.records(self.overview.id)).answers
        assert sorted(records) == [disk.number for disk in self.disks]
        for number, record in records.items():
            (folder / f"record-{number}.json").write_bytes(record.encode())
            words += ["--record", folder / f"record-{number}.json"]
        verified = await run(*words)
        assert verified.status == 0, verified.stdout
        for disk in self.disks:
            blamed = {(kind, party) for kind, party in disk.incidents(self.overview.id) if party is not None}
            assert blamed == ({("memory-lost", disk.number)} if disk.number in lost else set())


async def stopped_when(town: "Town", bidders: Sequence[Actor], *, reached: Moment, beyond: Moment) -> Sale:
    """Return an auction in which party ``LOST`` is held still just after a moment, and not later."""
    for _ in range(_TRIES):
        sale = await Sale.of(town, bidders)
        disk, auction = sale.disk(LOST), sale.overview.id
        closing = asyncio.create_task(sale.close())
        held = await held_when(town.cluster, LOST, partial(reached, disk, auction), partial(beyond, disk, auction))
        await closing
        if held:
            return sale
        await sale.ended()
    pytest.fail("the party was never caught at that moment")


def has_begun(disk: Disk, auction: AuctionId) -> bool:
    return disk.has_recorded(auction, "session-began")


def is_opening(disk: Disk, auction: AuctionId) -> bool:
    return disk.has_recorded(auction, "verified")


def has_signed(disk: Disk, auction: AuctionId) -> bool:
    return disk.has_signed_opening(auction)


async def receipts_of(bidder: Actor, sale: Sale) -> set[int]:
    """The parties whose receipts for this bidder's bids the parties show."""
    held = await bidder.client.own_bids(sale.overview.id)
    return {party for bid in held for party in bid.receipts}


def knows_outcome(disk: Disk, auction: AuctionId) -> bool:
    return disk.outcome(auction) is not None


async def lost_while_agreeing(town: "Town", run: "Run", folder: Path) -> None:
    """One party is behind, so that the others cannot agree yet."""
    sale = await Sale.of(town, await town.bidders(4))
    hold(town.cluster, HELD)
    closing = asyncio.create_task(sale.close())
    await until(lambda: sale.disk(LOST).state(sale.overview.id) == "agreeing")
    await town.cluster.kill(LOST)
    sale.disk(LOST).lose()
    go_on(town.cluster, HELD)
    await closing
    await town.cluster.restart(LOST)
    await sale.check(run, folder, lost=[LOST])


@pytest.mark.drill
async def test_lost_while_agreeing(town: "Town", command_line: "Run", tmp_path: Path) -> None:
    await lost_while_agreeing(town, command_line, tmp_path)


@pytest.mark.drill
async def test_lost_while_agreeing_over_tls(town_with_tls: "Town", command_line: "Run", tmp_path: Path) -> None:
    await lost_while_agreeing(town_with_tls, command_line, tmp_path)


@pytest.mark.drill
async def test_lost_while_bids_come_in(town: "Town", command_line: "Run", tmp_path: Path) -> None:
    early, late, last = await town.bidders(3), await town.bidders(2), await town.bidders(2)
    sale = await Sale.of(town, early)
    await town.cluster.kill(LOST)
    sale.disk(LOST).lose()
    sale.placed += await everybody(enumerate(late, 3), sale.bid)
    await town.cluster.restart(LOST)
    await town.cluster.wait_until_ready()
    await until(lambda: sale.disk(LOST).state(sale.overview.id) == "open")
    sale.placed += await everybody(enumerate(last, 5), sale.bid)
    sale.bidders = [*early, *late, *last]
    assert [LOST in one.receipts for one in sale.placed] == [True] * 3 + [False] * 4
    assert all(one.counts for one in sale.placed)
    for bidder, one in zip(early, sale.placed, strict=False):
        # The receipts that it gave before it lost them become its own again, as the others hand them back.
        async with asyncio.timeout(60):
            while await receipts_of(bidder, sale) != set(one.receipts):  # noqa: ASYNC110 -- nobody says when
                await asyncio.sleep(0.2)
    await sale.close()
    await sale.check(command_line, tmp_path, lost=[LOST])


@pytest.mark.parametrize(
    ("reached", "beyond"),
    [
        pytest.param(has_begun, is_opening, id="in the middle of a session"),
        pytest.param(has_signed, knows_outcome, id="after it signed an opening", marks=pytest.mark.drill),
    ],
)
async def test_lost_in_a_session(
    town: "Town",
    command_line: "Run",
    tmp_path: Path,
    reached: Moment,
    beyond: Moment,
) -> None:
    sale = await stopped_when(town, await town.bidders(6), reached=reached, beyond=beyond)
    await sale.lose(LOST)
    await sale.check(command_line, tmp_path, lost=[LOST])


@pytest.mark.drill
async def test_two_parties_lost_one_after_the_other(town: "Town", command_line: "Run", tmp_path: Path) -> None:
    sale = await stopped_when(town, await town.bidders(6), reached=has_begun, beyond=is_opening)
    await sale.lose(LOST)
    await until(lambda: sale.disk(LOST).has_recorded(sale.overview.id, "own-statements-recalled"))
    await sale.lose(NEXT_LOST)
    await sale.check(command_line, tmp_path, lost=[LOST, NEXT_LOST])


@pytest.mark.drill
async def test_two_parties_lost_at_the_same_moment(town: "Town", command_line: "Run", tmp_path: Path) -> None:
    """Then each key for shared randomness is with one other party still."""
    sale = await stopped_when(town, await town.bidders(6), reached=has_begun, beyond=is_opening)
    for number in (LOST, NEXT_LOST):
        await town.cluster.kill(number)
        sale.disk(number).lose()
    for number in (LOST, NEXT_LOST):
        await town.cluster.restart(number)
    await sale.check(command_line, tmp_path, lost=[LOST, NEXT_LOST])


async def test_killed_when_it_is_about_to_open_the_outcome(town: "Town", command_line: "Run", tmp_path: Path) -> None:
    sale = await stopped_when(town, await town.bidders(3), reached=is_opening, beyond=knows_outcome)
    await town.cluster.kill(LOST)
    await town.cluster.restart(LOST)
    await sale.check(command_line, tmp_path, lost=[])
