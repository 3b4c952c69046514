import json
from datetime import UTC, datetime, timedelta

import pytest

from aukciszek.cluster import Cluster, PartyNumber
from aukciszek.encoding import Json, to_base64url
from aukciszek.identity import Identity
from aukciszek.protocol.evidence.receipts import ReceiptFile, in_time, sign_receipt
from aukciszek.protocol.evidence.statements import Receipt, Signed, read_statement, sign
from aukciszek.protocol.rules.errors import MalformedReceiptFileError, WrongSignatureError
from aukciszek.protocol.rules.identifiers import AuctionId, UserId
from aukciszek.protocol.sealing.bundle import Bundle
from support.receipts import give_receipt

AUCTION = AuctionId("ab" * 32)
BIDDER = UserId("22222222-2222-4222-8222-222222222222")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HEADERS = [Bundle.for_withdrawal(auction=AUCTION, bidder=BIDDER, revision=revision).header() for revision in (1, 2, 3)]
EMPTY = ReceiptFile(auction=AUCTION, bidder=BIDDER, bids=())


def _receipts(identities: list[Identity], revision: int, parties: range) -> list[Signed[Receipt]]:
    return [
        give_receipt(
            identities[party - 1],
            PartyNumber(party),
            auction=AUCTION,
            bundle=HEADERS[revision - 1].digest,
            received_at=NOON,
        )
        for party in parties
    ]


@pytest.mark.parametrize("moment", [NOON, NOON.replace(microsecond=7000)])
def test_a_receipt_is_what_its_model_says(cluster: Cluster, identities: list[Identity], moment: datetime) -> None:
    party, digest = PartyNumber(2), HEADERS[0].digest
    statement = sign_receipt(identities[1], party, auction=AUCTION, bundle=digest, received_at=moment)
    content = Receipt(auction=AUCTION, party=party, bundle=digest, received_at=moment)
    assert statement == sign(content, identities[1]).encode()
    assert read_statement(Receipt, statement, cluster).content == content


@pytest.fixture
def file(identities: list[Identity]) -> ReceiptFile:
    second = EMPTY.with_bid(HEADERS[1], _receipts(identities, 2, range(1, 6)))
    return second.with_bid(HEADERS[0], _receipts(identities, 1, range(1, 4)))


def test_a_file_comes_back_whole(file: ReceiptFile, cluster: Cluster) -> None:
    again = ReceiptFile.decode(file.encode())
    assert again == file
    assert [(bid.revision, len(bid.read(cluster))) for bid in again.bids] == [(1, 3), (2, 5)]
    assert file.encode().endswith(b"}\n")


def test_receipts_that_come_later_replace_those_of_the_same_revision(
    file: ReceiptFile, identities: list[Identity]
) -> None:
    more = file.with_bid(HEADERS[0], _receipts(identities, 1, range(1, 6)))
    assert [len(bid.receipts) for bid in more.bids] == [5, 5]
    assert [len(bid.receipts) for bid in file.bids] == [3, 5]


def test_a_file_may_be_laid_out_for_people(file: ReceiptFile) -> None:
    assert ReceiptFile.decode(json.dumps(json.loads(file.encode()), indent=2).encode()) == file


def test_a_receipt_of_another_is_found(file: ReceiptFile, identities: list[Identity], cluster: Cluster) -> None:
    forged = give_receipt(identities[0], PartyNumber(2), auction=AUCTION, bundle=HEADERS[2].digest, received_at=NOON)
    with pytest.raises(WrongSignatureError, match="party 2"):
        file.with_bid(HEADERS[2], [forged]).bids[2].read(cluster)


def test_what_is_no_receipt_file_is_refused(file: ReceiptFile) -> None:
    fields = json.loads(file.encode())
    first, second = fields["bids"]
    wrong: list[Json] = [
        fields | {"version": 2},
        fields | {"auction": "x"},
        fields | {"bidder": "x"},
        fields | {"bids": [second, first]},
        fields | {"bids": [first, first]},
        fields | {"bids": [first | {"revision": 0}]},
        fields | {"bids": [first | {"receipts": ["*"]}]},
        fields | {"bids": [first | {"receipts": [to_base64url(b"x")] * 10}]},
        fields | {"more": 1},
        [],
    ]
    for changed in wrong:
        with pytest.raises(MalformedReceiptFileError):
            ReceiptFile.decode(json.dumps(changed).encode())
    with pytest.raises(MalformedReceiptFileError, match="at most"):
        ReceiptFile.decode(b" " * (9 << 20))


def test_the_close_itself_is_in_time() -> None:
    assert in_time(NOON - timedelta(days=1), NOON)
    assert in_time(NOON, NOON)
    assert not in_time(NOON + timedelta(milliseconds=1), NOON)
