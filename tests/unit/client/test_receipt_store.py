from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from aukciszek.client.errors import ReceiptStoreError
from aukciszek.client.stores.receipt_store import ReceiptStore, read_receipt_file
from aukciszek.clock import SystemClock
from aukciszek.cluster import PartyNumber
from aukciszek.identity import Identity
from aukciszek.protocol.rules.errors import MalformedReceiptFileError
from aukciszek.protocol.rules.identifiers import AuctionId, UserId
from aukciszek.protocol.sealing.bundle import Bundle
from support.receipts import give_receipt

if TYPE_CHECKING:
    from aukciszek.protocol.evidence.statements import Receipt, Signed

AUCTION = AuctionId("ab" * 32)
BIDDER = UserId("22222222-2222-4222-8222-222222222222")


def withdrawal(revision: int) -> Bundle:
    return Bundle.for_withdrawal(auction=AUCTION, bidder=BIDDER, revision=revision)


def receipt(bundle: Bundle) -> "Signed[Receipt]":
    now = SystemClock().now()
    return give_receipt(Identity.new(), PartyNumber(1), auction=AUCTION, bundle=bundle.digest(), received_at=now)


def test_receipts_of_all_revisions_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "receipts.json"
    for revision in (1, 2):
        bundle = withdrawal(revision)
        ReceiptStore.open(path, AUCTION, BIDDER).add(bundle.header(), [receipt(bundle)])
    assert [bid.revision for bid in read_receipt_file(path).bids] == [1, 2]
    assert [one.name for one in tmp_path.iterdir()] == ["receipts.json"]


def test_the_bundle_of_the_last_revision_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "receipts.json"
    store = ReceiptStore.open(path, AUCTION, BIDDER)
    first, second = withdrawal(1), withdrawal(2)
    store.add(first.header(), [receipt(first)], first.encode())
    store.add(first.header(), [receipt(first)])
    assert [bid.content for bid in read_receipt_file(path).bids] == [first.encode()]
    store.add(second.header(), [receipt(second)], second.encode())
    store.add(first.header(), [receipt(first)], first.encode())
    assert [bid.content for bid in read_receipt_file(path).bids] == [None, second.encode()]
    assert b"null" not in path.read_bytes()


def test_a_file_of_another_bid_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "receipts.json"
    ReceiptStore.open(path, AUCTION, BIDDER)
    before = path.read_bytes()
    with pytest.raises(ReceiptStoreError):
        ReceiptStore.open(path, AuctionId("cd" * 32), BIDDER)
    assert path.read_bytes() == before


def test_a_file_that_holds_something_else_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "novel.txt"
    path.write_text("It was a dark and stormy night.")
    with pytest.raises(MalformedReceiptFileError):
        ReceiptStore.open(path, AUCTION, BIDDER)
    assert path.read_text().startswith("It was")


def test_a_place_that_cannot_be_written_is_known_before_the_bid(tmp_path: Path) -> None:
    with pytest.raises(ReceiptStoreError, match="cannot write"):
        ReceiptStore.open(tmp_path / "missing" / "receipts.json", AUCTION, BIDDER)


def test_without_a_file_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    bundle = withdrawal(1)
    ReceiptStore.open(None, AUCTION, BIDDER).add(bundle.header(), [receipt(bundle)])
    assert not list(tmp_path.iterdir())


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MalformedReceiptFileError, match=r"nowhere\.json"):
        read_receipt_file(tmp_path / "nowhere.json")
