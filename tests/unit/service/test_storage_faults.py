"""Auctions on parties whose storage fails for a while, or has changed what was written."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection

from aukciszek.auctions.integrity import AuctionDamagedError, check_auction
from aukciszek.cluster import PartyNumber
from aukciszek.protocol.rules.states import AuctionState
from aukciszek.storage.errors import StorageUnavailableError
from support.parties import Parties, StartParties, new_bidder

TROUBLED = 2


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Real files: what is tested here is what becomes of them."""
    return tmp_path


@contextlib.asynccontextmanager
async def time_passing(parties: Parties) -> AsyncIterator[None]:
    async def run() -> None:
        while True:
            await asyncio.sleep(0.02)
            parties.clock.move(0.5)

    running = asyncio.create_task(run())
    try:
        yield
    finally:
        running.cancel()


@contextlib.asynccontextmanager
async def locked(parties: Parties, number: int) -> AsyncIterator[None]:
    """Let another program hold a party's database."""

    def wait_briefly(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA busy_timeout=10")

    await parties.databases[PartyNumber(number)].write(wait_briefly)
    with closing(sqlite3.connect(parties.file(number), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def test_a_party_that_cannot_store_gives_no_receipt_and_goes_on_when_it_can(start_parties: StartParties) -> None:
    parties = await start_parties(3, 1)
    spec = parties.draft()
    await parties.create(spec)
    await parties.wait_for_state(spec.auction_id, AuctionState.OPEN)
    late = new_bidder()
    await parties.bid(spec, "7")
    async with locked(parties, TROUBLED):
        content = await parties.seal(spec, late, "5")
        for number in (1, 3):
            await parties.service(number).submit(late, spec.auction_id, content)
        with pytest.raises(StorageUnavailableError):
            await parties.service(TROUBLED).submit(late, spec.auction_id, content)
        assert await parties.service(TROUBLED).queries.own_bids(late, spec.auction_id) == []
        async with time_passing(parties):
            # The close falls into the time when nothing can be stored there.
            parties.clock.move(601)
            while (await parties.service(TROUBLED).queries.auction(spec.auction_id)).failure != "storage-unavailable":  # noqa: ASYNC110 -- nobody is told of it
                await asyncio.sleep(0.01)
    async with time_passing(parties):
        for number in (1, 2, 3):
            async for _ in parties.service(number).queries.progress(spec.auction_id):
                pass
    bodies = [(await parties.service(number).queries.certificate(spec.auction_id)).body for number in (1, 2, 3)]
    assert {body.winners[0].bidder for body in bodies} == {late.uid}
    assert not [row.kind for row in await parties.service(1).queries.incidents(10) if row.party == TROUBLED]


def flip_a_bit(path: Path, table: str, column: str, place: int) -> None:
    """Change one bit of the last row of a table, as a disk may."""
    with closing(sqlite3.connect(path, isolation_level=None)) as disk:
        row, value = disk.execute(f"SELECT rowid, {column} FROM {table} ORDER BY rowid DESC").fetchone()  # noqa: S608 -- names from below
        content = bytearray(value.encode() if isinstance(value, str) else value)
        content[place] ^= 1
        changed: object = content.decode() if isinstance(value, str) else bytes(content)
        disk.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (changed, row))  # noqa: S608 -- as above


@pytest.mark.parametrize(
    ("table", "column", "place", "what"),
    [
        ("bundles", "content", 700, "bundle .* has changed"),
        ("receipts", "statement", -1, "auction"),
        ("record", "details", -6, "entry|auction"),
        ("auctions", "spec", 40, "rules|auction"),
        ("auctions", "sealing_private", 7, "sealing key"),
    ],
)
async def test_a_bit_that_changed_inside_a_row_is_noticed_at_the_start(
    start_parties: StartParties, table: str, column: str, place: int, what: str
) -> None:
    parties = await start_parties(3, 1)
    spec = parties.draft()
    await parties.create(spec)
    await parties.wait_for_state(spec.auction_id, AuctionState.OPEN)
    await parties.bid(spec, "7", parties=[1])
    repository = parties.repositories[PartyNumber(1)]
    (row,) = await repository.unfinished_auctions([])
    await check_auction(repository, parties.cluster, PartyNumber(1), row)
    flip_a_bit(parties.file(1), table, column, place)
    (row,) = await repository.unfinished_auctions([])
    with pytest.raises(AuctionDamagedError, match=what):
        await check_auction(repository, parties.cluster, PartyNumber(1), row)
