from datetime import UTC, datetime

from aukciszek.cluster import PartyNumber
from aukciszek.identity import Identity
from aukciszek.protocol.rules.identifiers import AuctionId, BundleDigest
from aukciszek.server.http.schemas import ReceiptAnswer, receipt_answer
from support.receipts import give_receipt


def test_the_answer_to_a_bid_is_what_its_form_says() -> None:
    auction, bundle = AuctionId("ab" * 32), BundleDigest("cd" * 32)
    moment = datetime(2026, 3, 1, 12, 0, 1, 500_000, tzinfo=UTC)
    receipt = give_receipt(Identity.new(), PartyNumber(3), auction=auction, bundle=bundle, received_at=moment).encode()
    answer = ReceiptAnswer(auction=auction, bundle=bundle, party=3, received_at=moment, statement=receipt)
    assert receipt_answer(receipt) == answer.model_dump_json().encode()
