"""Bids that are stored together."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from aukciszek.auctions.record_export import audit_record
from aukciszek.cluster import PartyNumber
from aukciszek.protocol.evidence.audit_record import verify_record
from aukciszek.protocol.evidence.record_chain import NewRecordEntry
from aukciszek.protocol.rules.identifiers import AuctionId
from aukciszek.storage.database import Database
from aukciszek.storage.errors import ReceivedBeforeError
from aukciszek.storage.repositories.auctions import AuctionRepository
from aukciszek.storage.rows import AuctionRow, BundleRow, NewBid, ReceiptRow

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
AUCTION = "a" * 64


@pytest.fixture
async def auctions(database: Database) -> AuctionRepository:
    repository = AuctionRepository(database)
    row = AuctionRow(
        id=AUCTION, spec="{}", state="open", state_since=NOON, auctioneer="somebody", attempt=0, created_at=NOON
    )
    await repository.create_auction(row)
    return repository


def new_bid(number: int, *, bidder: int | None = None, digest: int | None = None) -> NewBid:
    name = f"{number if digest is None else digest:064x}"
    return NewBid(
        BundleRow(
            digest=name,
            auction_id=AUCTION,
            bidder=f"bidder-{number if bidder is None else bidder}",
            revision=1,
            withdrawal=False,
            received_at=NOON + timedelta(milliseconds=number),
            content=b"bundle %d" % number,
            email=None if number % 2 else "somebody@example.org",
        ),
        ReceiptRow(auction_id=AUCTION, digest=name, party=1, statement=b"receipt %d" % number),
        NewRecordEntry(auction_id=AUCTION, at=NOON, actor="a bidder", action="bid", details={"bundle": name}),
    )


async def stored(auctions: AuctionRepository, bids: Sequence[NewBid]) -> bool:
    """Whether exactly these are stored, each as it was given, and the record is whole."""
    found = {head.digest: head for head in await auctions.own_receipts(AUCTION)}
    rows = [await auctions.bundle(bid.bundle.digest) for bid in bids]
    receipts = await auctions.auction_receipts(AUCTION)
    entries = await auctions.record(AUCTION)
    verify_record(audit_record(AuctionId(AUCTION), PartyNumber(1), entries))
    return (
        len(found) == len(bids)
        and rows == [bid.bundle for bid in bids]
        and sorted(receipts, key=lambda row: row.digest)
        == sorted((bid.receipt for bid in bids), key=lambda row: row.digest)
        and [entry.details for entry in entries] == [f'{{"bundle":"{bid.bundle.digest}"}}' for bid in bids]
    )


@pytest.mark.parametrize("number", [0, 1, 3, 64, 65, 150])
async def test_any_number_of_bids_is_stored_at_once(auctions: AuctionRepository, number: int) -> None:
    bids = [new_bid(index) for index in range(number)]
    await auctions.add_bids(bids)
    assert await stored(auctions, bids)


async def test_batches_go_on_with_one_chain(auctions: AuctionRepository) -> None:
    bids = [new_bid(index) for index in range(7)]
    await auctions.add_bids(bids[:3])
    await auctions.add_bundle_with_receipt(bids[3].bundle, bids[3].receipt, bids[3].entry)
    await auctions.add_bids(bids[4:])
    assert await stored(auctions, bids)


@pytest.mark.parametrize("again", [new_bid(1), new_bid(9, bidder=1)])
async def test_with_one_that_was_received_before_none_is_stored(auctions: AuctionRepository, again: NewBid) -> None:
    first = [new_bid(index) for index in range(3)]
    await auctions.add_bids(first)
    with pytest.raises(ReceivedBeforeError):
        await auctions.add_bids([new_bid(7), again, new_bid(8)])
    assert await stored(auctions, first)


async def test_a_bundle_that_another_party_sent_gets_its_receipt(auctions: AuctionRepository) -> None:
    bids = [new_bid(index) for index in range(3)]
    await auctions.put_bundle(replace(bids[1].bundle, received_at=None, email=None))
    await auctions.add_bids(bids)
    assert await stored(auctions, bids)


async def test_a_bid_without_its_moment_is_a_mistake_of_the_program(auctions: AuctionRepository) -> None:
    bid = new_bid(1)
    with pytest.raises(ValueError, match="moment"):
        await auctions.add_bids([bid._replace(bundle=replace(bid.bundle, received_at=None))])


async def test_receipts_of_others_are_kept_once_and_the_first_for_good(auctions: AuctionRepository) -> None:
    rows = [ReceiptRow(auction_id=AUCTION, digest=f"{n:064x}", party=2, statement=b"%d" % n) for n in range(5)]
    assert await auctions.put_receipts(rows[:3]) == 3
    assert await auctions.put_receipts([rows[2]._replace(statement=b"another"), *rows[3:]]) == 2
    assert await auctions.auction_receipts(AUCTION) == rows


async def test_bundles_that_are_here_are_told_from_others(auctions: AuctionRepository) -> None:
    await auctions.add_bids([new_bid(1)])
    await auctions.put_bundle(replace(new_bid(2).bundle, received_at=None))
    asked = [f"{number:064x}" for number in range(1, 1200)]
    assert await auctions.bundles_here(asked) == set(asked[:2])
