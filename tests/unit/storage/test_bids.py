import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from aukciszek.protocol.evidence.record_chain import NewRecordEntry
from aukciszek.storage.database import Database
from aukciszek.storage.errors import RevisionTakenError
from aukciszek.storage.repositories.auctions import AuctionRepository
from aukciszek.storage.rows import AuctionRow, BundleRow, ReceiptRow

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
AUCTION = "a" * 64
ANNA = "11111111-1111-4111-8111-111111111111"
BERT = "22222222-2222-4222-8222-222222222222"


@pytest.fixture
async def auctions(database: Database) -> AuctionRepository:
    repository = AuctionRepository(database)
    await repository.create_auction(
        AuctionRow(
            id=AUCTION,
            spec="{}",
            state="open",
            state_since=NOON,
            auctioneer=ANNA,
            attempt=0,
            created_at=NOON,
        )
    )
    return repository


def bundle(digest: str, *, bidder: str = ANNA, revision: int = 1, withdrawal: bool = False) -> BundleRow:
    return BundleRow(
        digest=digest * 64,
        auction_id=AUCTION,
        bidder=bidder,
        revision=revision,
        withdrawal=withdrawal,
        received_at=NOON + timedelta(seconds=revision),
        content=b"content of " + digest.encode(),
        email="anna@example.org",
    )


def receipt(digest: str, party: int = 1, statement: bytes = b"signed") -> ReceiptRow:
    return ReceiptRow(auction_id=AUCTION, digest=digest * 64, party=party, statement=statement)


def entry(digest: str) -> NewRecordEntry:
    return NewRecordEntry(
        auction_id=AUCTION, at=NOON, actor="party:1", action="receipt", details={"bundle": digest * 64}
    )


def from_peer(row: BundleRow) -> BundleRow:
    return replace(row, received_at=None, email=None)


async def test_bundle_receipt_and_entry_are_stored_together(auctions: AuctionRepository) -> None:
    assert await auctions.add_bundle_with_receipt(bundle("b"), receipt("b"), entry("b"))
    assert await auctions.bundle("b" * 64) == bundle("b")
    assert await auctions.receipts("b" * 64) == [receipt("b")]
    assert [row.action for row in await auctions.record(AUCTION)] == ["receipt"]


async def test_nothing_of_the_three_stays_when_one_fails(auctions: AuctionRepository) -> None:
    bad = NewRecordEntry(auction_id=AUCTION, at=NOON, actor="party:1", action="receipt", details={"x": 2**60})
    with pytest.raises(ValueError, match=r"2\*\*53"):
        await auctions.add_bundle_with_receipt(bundle("b"), receipt("b"), bad)
    assert await auctions.bundle("b" * 64) is None
    assert await auctions.receipts("b" * 64) == []
    assert await auctions.record(AUCTION) == []


async def test_an_exact_repeat_changes_nothing(auctions: AuctionRepository) -> None:
    await auctions.add_bundle_with_receipt(bundle("b"), receipt("b"), entry("b"))
    later = replace(bundle("b"), received_at=NOON + timedelta(hours=1))
    assert not await auctions.add_bundle_with_receipt(later, receipt("b", statement=b"signed later"), entry("b"))
    assert await auctions.bundle("b" * 64) == bundle("b")
    assert await auctions.receipts("b" * 64) == [receipt("b")]
    assert len(await auctions.record(AUCTION)) == 1


async def test_one_revision_gets_one_receipt_only(auctions: AuctionRepository) -> None:
    await auctions.add_bundle_with_receipt(bundle("b"), receipt("b"))
    with pytest.raises(RevisionTakenError, match="next revision"):
        await auctions.add_bundle_with_receipt(bundle("c"), receipt("c"))
    assert await auctions.bundle("c" * 64) is None
    assert await auctions.add_bundle_with_receipt(bundle("d", revision=2), receipt("d"))
    assert await auctions.add_bundle_with_receipt(bundle("e", bidder=BERT), receipt("e"))


async def test_of_two_at_once_under_one_revision_one_gets_the_receipt(auctions: AuctionRepository) -> None:
    answers = await asyncio.gather(
        *(auctions.add_bundle_with_receipt(bundle(digest), receipt(digest)) for digest in "bcdef"),
        return_exceptions=True,
    )
    assert answers.count(True) == 1
    assert sum(isinstance(answer, RevisionTakenError) for answer in answers) == 4
    assert len(await auctions.own_receipts(AUCTION)) == 1


async def test_a_bundle_from_a_peer_can_still_get_its_receipt(auctions: AuctionRepository) -> None:
    assert await auctions.put_bundle(from_peer(bundle("b")))
    assert not await auctions.put_bundle(from_peer(bundle("b")))
    assert await auctions.own_receipts(AUCTION) == []
    assert await auctions.bundles_of(AUCTION, ANNA) == []
    assert await auctions.add_bundle_with_receipt(bundle("b"), receipt("b"))
    assert await auctions.bundle("b" * 64) == bundle("b")
    assert not await auctions.put_bundle(from_peer(bundle("b")))
    assert await auctions.bundle("b" * 64) == bundle("b")


async def test_two_bundles_from_peers_may_share_a_revision(auctions: AuctionRepository) -> None:
    assert await auctions.put_bundle(from_peer(bundle("b")))
    assert await auctions.put_bundle(from_peer(bundle("c")))
    assert await auctions.bundle_digests(AUCTION) == {"b" * 64, "c" * 64}


async def test_the_moment_of_receipt_says_where_a_bundle_came_from(auctions: AuctionRepository) -> None:
    with pytest.raises(ValueError, match="has a moment"):
        await auctions.add_bundle_with_receipt(from_peer(bundle("b")), receipt("b"))


async def test_contents_come_by_digest_and_leave_out_what_is_missing(auctions: AuctionRepository) -> None:
    for digest in "bcd":
        await auctions.put_bundle(from_peer(bundle(digest)))
    wanted = ["d" * 64, "0" * 64, "b" * 64, *(f"{number:064x}" for number in range(1, 1200))]
    assert await auctions.bundle_contents(wanted) == {"b" * 64: b"content of b", "d" * 64: b"content of d"}


async def test_a_bidder_sees_their_own_bundles_by_revision(auctions: AuctionRepository) -> None:
    await auctions.add_bundle_with_receipt(bundle("d", revision=10), receipt("d"))
    await auctions.add_bundle_with_receipt(bundle("c", revision=2, withdrawal=True), receipt("c"))
    await auctions.add_bundle_with_receipt(bundle("e", bidder=BERT), receipt("e"))
    await auctions.put_bundle(from_peer(bundle("b", revision=11)))
    heads = await auctions.bundles_of(AUCTION, ANNA)
    assert [(head.revision, head.withdrawal) for head in heads] == [(2, True), (10, False)], "11 has no receipt"


async def test_bidders_count_once_and_not_after_a_withdrawal(auctions: AuctionRepository) -> None:
    assert await auctions.count_bidders(AUCTION) == 0
    await auctions.add_bundle_with_receipt(bundle("b"), receipt("b"))
    await auctions.add_bundle_with_receipt(bundle("c", revision=2), receipt("c"))
    assert await auctions.count_bidders(AUCTION) == 1
    await auctions.add_bundle_with_receipt(bundle("d", bidder=BERT), receipt("d"))
    assert await auctions.count_bidders(AUCTION) == 2
    await auctions.add_bundle_with_receipt(bundle("e", revision=3, withdrawal=True), receipt("e"))
    assert await auctions.count_bidders(AUCTION) == 1
    await auctions.put_bundle(from_peer(bundle("f", revision=4)))
    assert await auctions.count_bidders(AUCTION) == 1
    await auctions.add_bundle_with_receipt(bundle("9", revision=5), receipt("9"))
    assert await auctions.count_bidders(AUCTION) == 2


async def test_own_receipts_come_in_the_order_of_digests(auctions: AuctionRepository) -> None:
    for revision, digest in enumerate("fbd", start=1):
        await auctions.add_bundle_with_receipt(bundle(digest, revision=revision), receipt(digest))
    await auctions.put_bundle(from_peer(bundle("c", revision=9)))
    assert [head.digest[0] for head in await auctions.own_receipts(AUCTION)] == ["b", "d", "f"]


async def test_the_first_receipt_of_a_party_is_kept(auctions: AuctionRepository) -> None:
    assert await auctions.put_receipts([receipt("b", party=2)]) == 1
    assert await auctions.put_receipts([receipt("b", party=2)]) == 0
    assert await auctions.put_receipts([receipt("b", party=2, statement=b"another story")]) == 0
    assert await auctions.put_receipts([receipt("b", party=3, statement=b"of party 3")]) == 1
    assert [(row.party, row.statement) for row in await auctions.receipts("b" * 64)] == [
        (2, b"signed"),
        (3, b"of party 3"),
    ]


async def test_receipts_come_from_all_parties_by_digest(auctions: AuctionRepository) -> None:
    for revision, digest in enumerate("cb", start=1):
        await auctions.add_bundle_with_receipt(bundle(digest, revision=revision), receipt(digest))
    await auctions.put_bundle(from_peer(bundle("d", revision=3)))
    await auctions.put_receipts([receipt("b", party=2)])
    assert [(row.digest[0], row.party) for row in await auctions.auction_receipts(AUCTION)] == [
        ("b", 1),
        ("b", 2),
        ("c", 1),
    ]


async def test_a_party_is_told_its_own_receipts_page_by_page(auctions: AuctionRepository) -> None:
    for digest in "fbdc":
        await auctions.put_receipts([receipt(digest, party=2), receipt(digest, party=3)])
    pages: list[list[ReceiptRow]] = [[]]
    while page := await auctions.receipts_of_party(AUCTION, 2, pages[-1][-1].digest if pages[-1] else "", 3):
        pages.append(page)
    assert [[row.digest[0] for row in page] for page in pages[1:]] == [["b", "c", "d"], ["f"]]
    assert {row.party for page in pages for row in page} == {2}
    assert await auctions.receipts_of_party(AUCTION, 4, "", 3) == []
    assert await auctions.receipts_of_party("0" * 64, 2, "", 3) == []


async def test_a_receipt_that_came_back_marks_the_bundle_that_is_here(auctions: AuctionRepository) -> None:
    await auctions.put_bundle(from_peer(bundle("b")))
    moments = {digest * 64: NOON + timedelta(minutes=minute) for minute, digest in enumerate("bc")}
    await auctions.put_own_receipts([receipt("b"), receipt("c")], moments)
    assert [(head.digest[0], head.received_at) for head in await auctions.own_receipts(AUCTION)] == [("b", NOON)]
    assert [row.digest[0] for row in await auctions.auction_receipts(AUCTION)] == ["b", "c"]
    # A moment that is known is not re-dated, and the receipt that was stored first stays.
    await auctions.put_own_receipts([receipt("b", statement=b"another")], {"b" * 64: NOON + timedelta(days=1)})
    assert [head.received_at for head in await auctions.own_receipts(AUCTION)] == [NOON]
    assert await auctions.receipts("b" * 64) == [receipt("b")]


async def test_a_bundle_whose_receipt_this_party_lost_comes_back_with_its_moment(auctions: AuctionRepository) -> None:
    assert await auctions.put_bundle(bundle("b"))
    assert [head.received_at for head in await auctions.own_receipts(AUCTION)] == [bundle("b").received_at]


async def test_the_largest_revision_fits(auctions: AuctionRepository) -> None:
    await auctions.add_bundle_with_receipt(replace(bundle("b"), revision=2**32 - 1), receipt("b"))
    assert [head.revision for head in await auctions.bundles_of(AUCTION, ANNA)] == [2**32 - 1]
