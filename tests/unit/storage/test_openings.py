from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy.exc import IntegrityError

from aukciszek.storage.database import Database
from aukciszek.storage.repositories.auctions import AuctionRepository
from aukciszek.storage.rows import AuctionRow, OpeningKeyRow, OpeningRow, OpeningSignatureRow

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
AUCTION = AuctionRow(id="a" * 64, spec="{}", state="open", state_since=NOON, auctioneer="u", attempt=0, created_at=NOON)
OTHER = replace(AUCTION, id="b" * 64)


def opening(number: int = 0, content: bytes = b"masked", auction: str = AUCTION.id) -> OpeningRow:
    return OpeningRow(auction_id=auction, session="5" * 64, number=number, input_set="d" * 64, content=content)


def key(members: int, content: bytes, auction: str = AUCTION.id) -> OpeningKeyRow:
    return OpeningKeyRow(auction_id=auction, session="5" * 64, number=0, members=members, key=content)


def signature(party: int, statement: bytes = b"signed", auction: str = AUCTION.id) -> OpeningSignatureRow:
    return OpeningSignatureRow(auction_id=auction, session="5" * 64, number=0, party=party, statement=statement)


@pytest.fixture
async def auctions(database: Database) -> AuctionRepository:
    repository = AuctionRepository(database)
    await repository.create_auction(AUCTION)
    await repository.create_auction(OTHER)
    return repository


async def test_an_opening_grows_and_what_is_here_stays(auctions: AuctionRepository) -> None:
    await auctions.put_opening(opening(), [key(3, b"first")], [signature(1)])
    await auctions.put_opening(
        opening(content=b"x"), [key(3, b"x"), key(5, b"next")], [signature(1, b"x"), signature(2)]
    )
    await auctions.put_opening(opening(1), [], [])
    assert sorted(await auctions.openings(AUCTION.id), key=lambda row: row.number) == [opening(), opening(1)]
    keys = await auctions.opening_keys(AUCTION.id)
    assert sorted(keys, key=lambda row: row.members) == [key(3, b"first"), key(5, b"next")]
    signatures = await auctions.opening_signatures(AUCTION.id)
    assert sorted(signatures, key=lambda row: row.party) == [signature(1), signature(2)]
    assert await auctions.openings(OTHER.id) == []


async def test_an_opening_is_stored_whole_or_not_at_all(auctions: AuctionRepository) -> None:
    with pytest.raises(IntegrityError):
        await auctions.put_opening(opening(), [key(3, b"first", auction="0" * 64)], [signature(1)])
    assert await auctions.openings(AUCTION.id) == []
    assert await auctions.opening_signatures(AUCTION.id) == []


@pytest.mark.parametrize("keep", [False, True])
async def test_openings_are_erased_unless_they_are_to_stay(auctions: AuctionRepository, *, keep: bool) -> None:
    for auction in (AUCTION.id, OTHER.id):
        row = opening(auction=auction)
        await auctions.put_opening(row, [key(3, b"first", auction)], [signature(1, auction=auction)])
    await auctions.erase_secrets(AUCTION.id, keep_openings=keep)
    for found in (auctions.openings, auctions.opening_keys, auctions.opening_signatures):
        assert len(await found(AUCTION.id)) == (1 if keep else 0)
        assert len(await found(OTHER.id)) == 1


async def test_recovered_shares_are_kept_once_and_die_with_the_keys(auctions: AuctionRepository) -> None:
    await auctions.put_recovered(AUCTION.id, {"1" * 64: b"one"})
    await auctions.put_recovered(AUCTION.id, {"1" * 64: b"another", "2" * 64: b"two"})
    await auctions.put_recovered(OTHER.id, {"1" * 64: b"of another auction"})
    assert await auctions.recovered(AUCTION.id) == {"1" * 64: b"one", "2" * 64: b"two"}
    await auctions.put_recovery_private(AUCTION.id, b"private")
    await auctions.erase_secrets(AUCTION.id, keep_openings=True)
    assert await auctions.recovered(AUCTION.id) == {}
    assert await auctions.recovery_private(AUCTION.id) is None
    assert await auctions.recovered(OTHER.id) == {"1" * 64: b"of another auction"}


def test_no_text_shows_a_key_or_what_was_opened() -> None:
    for row in (opening(), key(3, b"masked"), signature(1, b"masked")):
        assert "masked" not in repr(row)
