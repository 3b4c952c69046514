from datetime import UTC, datetime

from aukciszek.storage.database import Database
from aukciszek.storage.repositories.auctions import AuctionRepository
from aukciszek.storage.rows import AuctionKeyRow, AuctionRow, StatementRow

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
AUCTION = AuctionRow(id="a" * 64, spec="{}", state="open", state_since=NOON, auctioneer="u", attempt=0, created_at=NOON)


def key(members: int, dealer: int, content: bytes) -> AuctionKeyRow:
    return AuctionKeyRow(auction_id=AUCTION.id, members=members, dealer=dealer, key=content)


async def test_the_first_key_of_a_set_and_dealer_is_kept(database: Database) -> None:
    auctions = AuctionRepository(database)
    await auctions.create_auction(AUCTION)
    await auctions.put_auction_keys([key(3, 1, b"k" * 32), key(3, 2, b"l" * 32)])
    await auctions.put_auction_keys([key(3, 1, b"x" * 32), key(5, 1, b"m" * 32)])
    assert await auctions.auction_keys(AUCTION.id) == [
        key(3, 1, b"k" * 32),
        key(3, 2, b"l" * 32),
        key(5, 1, b"m" * 32),
    ]


async def test_keys_that_are_not_used_are_forgotten(database: Database) -> None:
    auctions = AuctionRepository(database)
    await auctions.create_auction(AUCTION)
    await auctions.put_auction_keys([key(3, 1, b"k" * 32), key(3, 2, b"l" * 32), key(5, 1, b"m" * 32)])
    await auctions.forget_auction_keys(AUCTION.id, [(3, 2), (5, 1), (6, 2)])
    await auctions.forget_auction_keys("b" * 64, [(3, 1)])
    assert await auctions.auction_keys(AUCTION.id) == [key(3, 1, b"k" * 32)]


async def test_the_first_table_of_a_party_is_kept(database: Database) -> None:
    auctions = AuctionRepository(database)
    await auctions.create_auction(AUCTION)
    assert await auctions.put_key_table(AUCTION.id, 2, b"table")
    assert await auctions.put_key_table(AUCTION.id, 2, b"table")
    assert not await auctions.put_key_table(AUCTION.id, 2, b"another")
    assert await auctions.put_key_table(AUCTION.id, 1, b"another")
    assert await auctions.key_tables(AUCTION.id) == [
        StatementRow(auction_id=AUCTION.id, party=1, statement=b"another"),
        StatementRow(auction_id=AUCTION.id, party=2, statement=b"table"),
    ]
