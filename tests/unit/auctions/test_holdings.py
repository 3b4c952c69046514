import json
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from aukciszek.auctions.errors import MalformedStatementError
from aukciszek.auctions.holdings import Holding, HoldingsStatement, OtherReceipt
from aukciszek.auctions.identifiers import AuctionId, BundleDigest
from aukciszek.auctions.statements import Signed, read_statement, sign, verify
from aukciszek.cluster import Cluster, PartyNumber
from aukciszek.encoding import Json, canonical_json, from_base64url, to_base64url
from aukciszek.identity import Identity
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
def listed(receipts: list[OtherReceipt], identities: list[Identity]) -> Signed[HoldingsStatement]:
    holdings = [Holding(C, NOON), Holding(A, NOON + timedelta(milliseconds=1))]
    return sign(HoldingsStatement.of(AUCTION, ONE, holdings, receipts), identities[0])


def test_a_list_comes_back_in_order(
    listed: Signed[HoldingsStatement], receipts: list[OtherReceipt], cluster: Cluster
) -> None:
    again = read_statement(HoldingsStatement, listed.encode(), cluster)
    assert again == listed
    assert [holding.bundle for holding in again.content.holdings] == [A, C]
    assert again.content.holdings[1].received_at == NOON
    assert again.content.other_receipts == (receipts[1], receipts[2], receipts[0])


def test_a_carried_receipt_is_the_statement_that_was_signed(
    listed: Signed[HoldingsStatement], cluster: Cluster
) -> None:
    for receipt in listed.content.other_receipts:
        verify(receipt.claimed(AUCTION), cluster)


def test_an_empty_list_is_a_list(identities: list[Identity], cluster: Cluster) -> None:
    empty = sign(HoldingsStatement.of(AUCTION, TWO, []), identities[1])
    assert read_statement(HoldingsStatement, empty.encode(), cluster).content.holdings == ()


def test_own_and_second_receipts_are_left_out(receipts: list[OtherReceipt]) -> None:
    late = OtherReceipt(A, TWO, NOON + timedelta(hours=1), bytes(64))
    content = HoldingsStatement.of(AUCTION, THREE, [], [late, *receipts])
    assert [(receipt.bundle, receipt.party) for receipt in content.other_receipts] == [(A, TWO), (B, TWO)]
    assert content.other_receipts[0].received_at == NOON


def test_the_author_must_keep_the_order(receipts: list[OtherReceipt]) -> None:
    first, second = Holding(A, NOON), Holding(B, NOON)
    for holdings, others, fault in (
        ((second, first), (), "every bundle once"),
        ((first, first), (), "every bundle once"),
        ((first, Holding(A, NOON + timedelta(seconds=1))), (), "every bundle once"),
        ((), tuple(receipts), "at most one receipt"),
        ((), (receipts[0], receipts[0]), "at most one receipt"),
        ((), (OtherReceipt(A, ONE, NOON, bytes(64)),), "own receipts"),
    ):
        with pytest.raises(ValidationError, match=fault):
            HoldingsStatement(auction=AUCTION, party=ONE, holdings=holdings, other_receipts=others)


@pytest.mark.parametrize("name", ["holdings", "other_receipts"])
def test_records_are_whole_and_in_one_form(
    listed: Signed[HoldingsStatement], identities: list[Identity], cluster: Cluster, name: str
) -> None:
    fields = json.loads(listed.content.body())
    records = from_base64url(fields[name])
    endless = records[:32] + (b"" if name == "holdings" else b"\x02") + b"\xff" * 8 + bytes(64)
    wrong: list[Json] = [
        to_base64url(records + b"\x00"),
        to_base64url(records[:-1]),
        fields[name] + "=",
        to_base64url(endless[: 40 if name == "holdings" else 105]),
        records.hex() + "é",
        [],
        None,
        7,
    ]
    for changed in wrong:
        body = canonical_json(fields | {name: changed})
        content = identities[0].sign("holdings", body) + body
        with pytest.raises(MalformedStatementError):
            read_statement(HoldingsStatement, content, cluster)


def test_a_number_that_no_party_has_makes_no_statement() -> None:
    with pytest.raises(ValueError, match="party"):
        OtherReceipt(A, PartyNumber(200), NOON, bytes(64)).claimed(AUCTION)
