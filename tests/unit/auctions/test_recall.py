"""What a party that may have lost its memory asks, and what it is answered."""

import pytest
from pydantic import ValidationError

from aukciszek.auctions.agreement.messages import MOST_LISTS_OF_A_PARTY, MOST_RECEIPTS_A_MESSAGE
from aukciszek.auctions.recall import Recalled, RecallWanted, not_known
from aukciszek.cluster import PartyNumber
from aukciszek.encoding import canonical_json, parse_canonical_json
from aukciszek.identity import Identity
from aukciszek.protocol.evidence.receipt_list import OtherReceipt
from aukciszek.protocol.rules.errors import MalformedStatementError
from aukciszek.protocol.rules.identifiers import AuctionId, BundleDigest
from support.receipts import give_receipt
from vectors.samples import NOON

AUCTION = AuctionId("ab" * 32)


def receipts(identity: Identity, count: int) -> tuple[OtherReceipt, ...]:
    one = OtherReceipt.of(
        give_receipt(identity, PartyNumber(1), auction=AUCTION, bundle=BundleDigest("a" * 64), received_at=NOON)
    )
    return tuple(
        OtherReceipt(BundleDigest(f"{number:064x}"), one.party, one.received_at, one.signature)
        for number in range(count)
    )


def test_a_question_names_a_bundle_or_none() -> None:
    for after in ("", "0" * 64):
        assert RecallWanted.decode(RecallWanted(after=after).encode()).after == after
    for after in ("0", "0" * 63, "G" * 64, "A" * 64, "0" * 65, "0" * 64 + "\n"):
        with pytest.raises(ValidationError):
            RecallWanted(after=after)


def test_an_answer_comes_back(identities: list[Identity]) -> None:
    answer = Recalled(
        after="",
        is_known=True,
        sealing_key=b"key",
        key_table=b"table",
        orders=(b"close", b"cancel"),
        lists=(b"list",),
        readiness=b"ready",
        receipts=receipts(identities[0], 3),
        more=True,
    )
    assert Recalled.decode(answer.encode()) == answer


def test_a_party_that_does_not_know_the_auction_has_nothing() -> None:
    answer = Recalled.decode(not_known())
    assert not answer.is_known
    assert answer == Recalled(after="", is_known=False)
    assert [name for name, value in answer if value] == []


def test_an_answer_is_no_longer_than_an_honest_one(identities: list[Identity]) -> None:
    most = receipts(identities[0], MOST_RECEIPTS_A_MESSAGE)
    lists = (b"list",) * (MOST_LISTS_OF_A_PARTY + 1)
    Recalled(after="", is_known=True, orders=(b"order",) * 3, lists=lists, receipts=most)
    for change in (
        {"orders": (b"order",) * 4},
        {"lists": (*lists, b"list")},
        {"receipts": receipts(identities[0], MOST_RECEIPTS_A_MESSAGE + 1)},
        {"sealing_key": b""},
    ):
        with pytest.raises(ValidationError):
            Recalled.model_validate({"after": "", "is_known": True} | change)


@pytest.mark.parametrize("content", [b"", b"{}", b"null", b'{"after":"","is_known":1}', not_known() + b"x"])
def test_what_is_no_answer_is_refused(content: bytes) -> None:
    with pytest.raises(MalformedStatementError):
        Recalled.decode(content)


def test_an_answer_has_no_other_members() -> None:
    read = parse_canonical_json(not_known())
    assert isinstance(read, dict)
    with pytest.raises(MalformedStatementError):
        Recalled.decode(canonical_json(read | {"secret": "x"}))
