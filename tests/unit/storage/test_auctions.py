from datetime import UTC, datetime, timedelta

import pytest

from aukciszek.storage.database import Database
from aukciszek.storage.errors import MissingRowError
from aukciszek.storage.repositories.auctions import AuctionRepository
from aukciszek.storage.rows import AuctionRow

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def auction_row(number: int, *, created_at: datetime = NOON, state: str = "created") -> AuctionRow:
    return AuctionRow(
        id=f"{number:064x}",
        spec='{"title":"Zażółć"}',
        state=state,
        state_since=created_at,
        auctioneer="11111111-1111-4111-8111-111111111111",
        attempt=0,
        created_at=created_at,
    )


async def test_an_auction_is_created_once_and_keeps_its_first_sealing_key(database: Database) -> None:
    auctions = AuctionRepository(database)
    row = auction_row(1)
    assert await auctions.create_auction(row)
    assert await auctions.sealing_private(row.id) is None
    await auctions.put_sealing_private(row.id, b"first")
    assert not await auctions.create_auction(row)
    assert await auctions.auction(row.id) == row
    assert await auctions.sealing_private(row.id) == b"first"


async def test_an_unknown_auction_is_none(database: Database) -> None:
    auctions = AuctionRepository(database)
    assert await auctions.auction("0" * 64) is None
    assert await auctions.sealing_private("0" * 64) is None


async def test_pages_show_the_newest_first_and_miss_none(database: Database) -> None:
    auctions = AuctionRepository(database)
    # Three were created in the same millisecond, so the id decides between them.
    rows = [auction_row(number, created_at=NOON + timedelta(hours=number // 3)) for number in range(8)]
    for row in rows:
        await auctions.create_auction(row)
    seen: list[AuctionRow] = []
    while page := await auctions.auctions(3, seen[-1].id if seen else None):
        assert len(page) <= 3
        seen += page
    assert seen == sorted(rows, key=lambda row: (row.created_at, row.id), reverse=True)
    assert await auctions.auctions(3, "f" * 64) == []


async def test_a_restart_goes_on_with_what_is_not_over(database: Database) -> None:
    auctions = AuctionRepository(database)
    states = ["created", "final", "computing", "cancelled", "open"]
    for number, state in enumerate(states):
        row = auction_row(number, created_at=NOON + timedelta(hours=number), state=state)
        await auctions.create_auction(row)
    unfinished = await auctions.unfinished_auctions({"final", "cancelled"})
    assert [row.state for row in unfinished] == ["created", "computing", "open"]


async def test_a_state_changes_with_its_moment(database: Database) -> None:
    auctions = AuctionRepository(database)
    row = auction_row(1)
    await auctions.create_auction(row)
    later = NOON + timedelta(milliseconds=1)
    await auctions.set_state(row.id, "open", later)
    stored = await auctions.auction(row.id)
    assert stored is not None
    assert (stored.state, stored.state_since) == ("open", later)


async def test_an_attempt_never_returns(database: Database) -> None:
    auctions = AuctionRepository(database)
    row = auction_row(1)
    await auctions.create_auction(row)
    assert [await auctions.next_attempt(row.id, at_least) for at_least in (1, 1, 7, 2)] == [1, 2, 7, 8]


async def test_what_was_never_created_cannot_change(database: Database) -> None:
    auctions = AuctionRepository(database)
    with pytest.raises(MissingRowError, match="create it first"):
        await auctions.set_state("0" * 64, "open", NOON)
    with pytest.raises(MissingRowError, match="create it first"):
        await auctions.next_attempt("0" * 64)


async def test_an_erased_sealing_key_is_gone(database: Database) -> None:
    auctions = AuctionRepository(database)
    row = auction_row(1)
    await auctions.create_auction(row)
    await auctions.put_sealing_private(row.id, b"key")
    await auctions.put_recovery_private(row.id, b"another")
    assert (await auctions.sealing_private(row.id), await auctions.recovery_private(row.id)) == (b"key", b"another")
    await auctions.erase_secrets(row.id)
    assert (await auctions.sealing_private(row.id), await auctions.recovery_private(row.id)) == (None, None)


async def test_a_party_knows_what_it_signed_only_after_it_has_asked(database: Database) -> None:
    auctions = AuctionRepository(database)
    await auctions.create_auction(auction_row(1))
    for recalled in (False, True, False):
        await auctions.set_recalled(auction_row(1).id, recalled=recalled)
        stored = await auctions.auction(auction_row(1).id)
        assert stored is not None
        assert stored.recalled is recalled
    with pytest.raises(MissingRowError):
        await auctions.set_recalled("0" * 64, recalled=True)
