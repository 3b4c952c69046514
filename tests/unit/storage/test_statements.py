from datetime import UTC, datetime

import pytest
from sqlalchemy.exc import IntegrityError

from aukciszek.storage.database import Database
from aukciszek.storage.errors import MissingRowError
from aukciszek.storage.repositories.auctions import AuctionRepository
from aukciszek.storage.rows import AuctionRow, OrderRow, SignatureRow, StatementRow

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
AUCTION = "a" * 64


@pytest.fixture
async def auctions(database: Database) -> AuctionRepository:
    repository = AuctionRepository(database)
    row = AuctionRow(id=AUCTION, spec="{}", state="open", state_since=NOON, auctioneer="u", attempt=0, created_at=NOON)
    await repository.create_auction(row)
    return repository


async def test_the_first_order_of_a_party_is_kept(auctions: AuctionRepository) -> None:
    assert await auctions.put_order(AUCTION, "create", 2, b"one")
    assert await auctions.put_order(AUCTION, "create", 2, b"one")
    assert not await auctions.put_order(AUCTION, "create", 2, b"another")
    assert await auctions.put_order(AUCTION, "close", 2, b"close")
    assert await auctions.put_order(AUCTION, "create", 1, b"one")
    assert await auctions.orders(AUCTION) == [
        OrderRow(auction_id=AUCTION, kind="close", party=2, statement=b"close"),
        OrderRow(auction_id=AUCTION, kind="create", party=1, statement=b"one"),
        OrderRow(auction_id=AUCTION, kind="create", party=2, statement=b"one"),
    ]


async def test_the_first_sealing_key_of_a_party_is_kept(auctions: AuctionRepository) -> None:
    assert await auctions.put_sealing_key(AUCTION, 3, b"key 3")
    assert await auctions.put_sealing_key(AUCTION, 1, b"key 1")
    assert not await auctions.put_sealing_key(AUCTION, 3, b"another")
    assert await auctions.sealing_keys(AUCTION) == [
        StatementRow(auction_id=AUCTION, party=1, statement=b"key 1"),
        StatementRow(auction_id=AUCTION, party=3, statement=b"key 3"),
    ]


async def test_every_list_that_a_party_signs_is_kept(auctions: AuctionRepository) -> None:
    assert await auctions.put_list(AUCTION, 2, "b" * 64, b"second story")
    assert await auctions.put_list(AUCTION, 2, "a" * 64, b"first story")
    assert await auctions.put_list(AUCTION, 1, "c" * 64, b"only story")
    assert await auctions.put_list(AUCTION, 2, "a" * 64, b"first story")
    assert not await auctions.put_list(AUCTION, 2, "a" * 64, b"the same digest for something else")
    assert [(row.party, row.statement) for row in await auctions.lists(AUCTION)] == [
        (1, b"only story"),
        (2, b"first story"),
        (2, b"second story"),
    ]


async def fixed(auctions: AuctionRepository) -> tuple[str | None, bytes | None, list[bool]]:
    row = await auctions.auction(AUCTION)
    assert row is not None
    return row.input_set, row.proposal, [one.began_on for one in await auctions.lists(AUCTION)]


async def test_one_input_set_is_fixed_for_good(auctions: AuctionRepository) -> None:
    for party, digest in ((1, "a"), (2, "b"), (2, "c")):
        await auctions.put_list(AUCTION, party, digest * 64, b"story")
    assert await auctions.fix_input_set(AUCTION, "1" * 64, [(1, "a" * 64), (2, "b" * 64)], b"first")
    assert await auctions.fix_input_set(AUCTION, "1" * 64, [(2, "c" * 64)], b"second")
    assert not await auctions.fix_input_set(AUCTION, "2" * 64, [(2, "c" * 64)], b"third")
    assert await fixed(auctions) == ("1" * 64, b"first", [True, True, False])
    with pytest.raises(MissingRowError):
        await auctions.fix_input_set("0" * 64, "1" * 64, [], b"first")


async def test_another_input_set_takes_the_place_of_a_fixed_one_only_if_that_is_meant(
    auctions: AuctionRepository,
) -> None:
    for party, digest in ((1, "a"), (2, "b"), (2, "c")):
        await auctions.put_list(AUCTION, party, digest * 64, b"story")
    await auctions.fix_input_set(AUCTION, "1" * 64, [(1, "a" * 64), (2, "b" * 64)], b"first")
    assert await auctions.fix_input_set(AUCTION, "1" * 64, [(2, "c" * 64)], b"again", replace=True)
    assert await fixed(auctions) == ("1" * 64, b"first", [True, True, False])
    assert await auctions.fix_input_set(AUCTION, "2" * 64, [(2, "c" * 64)], b"second", replace=True)
    assert await fixed(auctions) == ("2" * 64, b"second", [False, False, True])


async def test_the_lists_of_an_input_set_are_kept_as_they_were_first(auctions: AuctionRepository) -> None:
    await auctions.put_input_set(AUCTION, "1" * 64, "a,b")
    await auctions.put_input_set(AUCTION, "1" * 64, "c")
    await auctions.put_input_set(AUCTION, "2" * 64, "c")
    assert await auctions.input_sets(AUCTION) == {"1" * 64: "a,b", "2" * 64: "c"}
    assert await auctions.input_sets("0" * 64) == {}


async def test_an_auction_has_one_outcome(auctions: AuctionRepository) -> None:
    assert await auctions.outcome(AUCTION) is None
    assert await auctions.put_outcome(AUCTION, b"body")
    assert await auctions.put_outcome(AUCTION, b"body")
    assert not await auctions.put_outcome(AUCTION, b"another body")
    assert await auctions.outcome(AUCTION) == b"body"


async def test_a_party_signs_the_outcome_once(auctions: AuctionRepository) -> None:
    assert await auctions.put_signature(AUCTION, 2, b"two")
    assert await auctions.put_signature(AUCTION, 1, b"one")
    assert not await auctions.put_signature(AUCTION, 2, b"two again")
    assert await auctions.signatures(AUCTION) == [
        SignatureRow(auction_id=AUCTION, party=1, signature=b"one"),
        SignatureRow(auction_id=AUCTION, party=2, signature=b"two"),
    ]


async def test_nothing_is_said_about_an_auction_that_is_not_there(auctions: AuctionRepository) -> None:
    with pytest.raises(IntegrityError):
        await auctions.put_order("0" * 64, "create", 1, b"statement")
    with pytest.raises(IntegrityError):
        await auctions.append_record("0" * 64, NOON, "party:1", "noted", {})
    assert await auctions.orders("0" * 64) == []
