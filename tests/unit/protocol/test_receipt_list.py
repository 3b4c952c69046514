import json
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from aukciszek.cluster import Cluster, PartyNumber
from aukciszek.encoding import Json, canonical_json, from_base64url, to_base64url
from aukciszek.identity import Identity
from aukciszek.protocol.evidence.receipt_list import ListedReceipt, OtherReceipt, ReceiptListStatement
from aukciszek.protocol.evidence.statements import Signed, read_statement, sign, verify
from aukciszek.protocol.rules.errors import MalformedStatementError
from aukciszek.protocol.rules.identifiers import AuctionId, BundleDigest
from support.receipts import give_receipt

AUCTION = AuctionId("ab" * 32)
NOON = datetime(2026, 3, 1, 12, 0, 0, 7000, tzinfo=UTC)
A, B, C = (BundleDigest(digit * 64) for digit in "abc")
ONE, TWO, THREE = PartyNumber(1), PartyNumber(2), PartyNumber(3)


@pytest.fixture(scope="module")
def receipts(identities: list[Identity]) -> list[OtherReceipt]:
    return [
        OtherReceipt.of(give_receipt(identities[party - 1], party, auction=AUCTION, bundle=bundle, received_at=NOON))
        for bundle, party in ((B, THREE), (A, TWO), (B, TWO))
    ]


@pytest.fixture(scope="module")
def listed(receipts: list[OtherReceipt], identities: list[Identity]) -> Signed[ReceiptListStatement]:
    own_receipts = [ListedReceipt(C, NOON), ListedReceipt(A, NOON + timedelta(milliseconds=1))]
    return sign(ReceiptListStatement.of(AUCTION, ONE, own_receipts, receipts), identities[0])


def test_a_list_comes_back_in_order(
    listed: Signed[ReceiptListStatement], receipts: list[OtherReceipt], cluster: Cluster
) -> None:
    again = read_statement(ReceiptListStatement, listed.encode(), cluster)
    assert again == listed
    assert [holding.bundle for holding in again.content.own_receipts] == [A, C]
    assert again.content.own_receipts[1].received_at == NOON
    assert again.content.other_receipts == (receipts[1], receipts[2], receipts[0])


def test_a_carried_receipt_is_the_statement_that_was_signed(
    listed: Signed[ReceiptListStatement], cluster: Cluster
) -> None:
    for receipt in listed.content.other_receipts:
        verify(receipt.claimed(AUCTION), cluster)


def test_an_empty_list_is_a_list(identities: list[Identity], cluster: Cluster) -> None:
    empty = sign(ReceiptListStatement.of(AUCTION, TWO, []), identities[1])
    assert read_statement(ReceiptListStatement, empty.encode(), cluster).content.own_receipts == ()


def test_own_and_second_receipts_are_left_out(receipts: list[OtherReceipt]) -> None:
    late = OtherReceipt(A, TWO, NOON + timedelta(hours=1), bytes(64))
    content = ReceiptListStatement.of(AUCTION, THREE, [], [late, *receipts])
    assert [(receipt.bundle, receipt.party) for receipt in content.other_receipts] == [(A, TWO), (B, TWO)]
    assert content.other_receipts[0].received_at == NOON


def test_the_author_must_keep_the_order(receipts: list[OtherReceipt]) -> None:
    first, second = ListedReceipt(A, NOON), ListedReceipt(B, NOON)
    for own_receipts, others, fault in (
        ((second, first), (), "every bundle once"),
        ((first, first), (), "every bundle once"),
        ((first, ListedReceipt(A, NOON + timedelta(seconds=1))), (), "every bundle once"),
        ((), tuple(receipts), "at most one receipt"),
        ((), (receipts[0], receipts[0]), "at most one receipt"),
        ((), (OtherReceipt(A, ONE, NOON, bytes(64)),), "own receipts"),
    ):
        with pytest.raises(ValidationError, match=fault):
            ReceiptListStatement(auction=AUCTION, party=ONE, own_receipts=own_receipts, other_receipts=others)


@pytest.mark.parametrize("name", ["own_receipts", "other_receipts"])
def test_records_are_whole_and_in_one_form(
    listed: Signed[ReceiptListStatement], identities: list[Identity], cluster: Cluster, name: str
) -> None:
    fields = json.loads(listed.content.body())
    records = from_base64url(fields[name])
    endless = records[:32] + (b"" if name == "own_receipts" else b"\x02") + b"\xff" * 8 + bytes(64)
    wrong: list[Json] = [
        to_base64url(records + b"\x00"),
        to_base64url(records[:-1]),
        fields[name] + "=",
        to_base64url(endless[: 40 if name == "own_receipts" else 105]),
        records.hex() + "é",
        [],
        None,
        7,
    ]
    for changed in wrong:
        body = canonical_json(fields | {name: changed})
        content = identities[0].sign("receipt-list", body) + body
        with pytest.raises(MalformedStatementError):
            read_statement(ReceiptListStatement, content, cluster)


def test_a_number_that_no_party_has_makes_no_statement() -> None:
    with pytest.raises(ValueError, match="party"):
        OtherReceipt(A, PartyNumber(200), NOON, bytes(64)).claimed(AUCTION)
