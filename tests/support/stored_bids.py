"""Bids as storage sees them, for tests that break the place where they are stored."""

import hashlib
import itertools
from datetime import UTC, datetime

from aukciszek.protocol.evidence.record_chain import NewRecordEntry
from aukciszek.storage.repositories.auctions import AuctionRepository
from aukciszek.storage.rows import AuctionRow, BundleRow, ReceiptRow

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
AUCTION = AuctionRow(id="a" * 64, spec="{}", state="open", state_since=NOON, auctioneer="u", attempt=0, created_at=NOON)
OWN = 1


def content_of(number: int, size: int = 3000) -> bytes:
    """Return bytes that differ for every bid and do not compress."""
    return b"".join(hashlib.sha256(f"{number}/{block}".encode()).digest() for block in range(size // 32))


async def store_bid(repository: AuctionRepository, number: int) -> str:
    """Store a bid as the intake does; when this returns, its receipt may leave."""
    content = content_of(number)
    digest = hashlib.sha256(content).hexdigest()
    await repository.add_bundle_with_receipt(
        BundleRow(
            digest=digest,
            auction_id=AUCTION.id,
            bidder=f"00000000-0000-4000-8000-{number:012d}",
            revision=1,
            withdrawal=False,
            content=content,
            received_at=NOON,
            email=f"bidder-{number}@example.org",
        ),
        ReceiptRow(auction_id=AUCTION.id, digest=digest, party=OWN, statement=b"receipt"),
        NewRecordEntry(auction_id=AUCTION.id, at=NOON, actor="a bidder", action="bid", details={"bundle": digest}),
    )
    return digest


async def check_held(repository: AuctionRepository, digests: set[str]) -> None:
    """Make sure that all of these bids are here, whole, with receipts and an unbroken record."""
    heads = {head.digest for head in await repository.own_receipts(AUCTION.id)}
    assert digests <= heads, "a bid that was stored is lost"
    contents = await repository.bundle_contents(sorted(heads))
    assert all(hashlib.sha256(content).hexdigest() == digest for digest, content in contents.items())
    assert contents.keys() == heads == {row.digest for row in await repository.auction_receipts(AUCTION.id)}
    record = await repository.record(AUCTION.id)
    assert len(record) == len(heads), "a bid, its receipt and its entry in the record are stored together"
    assert all(one.hash == two.previous_hash for one, two in itertools.pairwise(record))
