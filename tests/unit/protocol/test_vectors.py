"""The known answers that the browser's code must give too."""

import json
from decimal import Decimal
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from aukciszek.auctions.agreement.input_set import CountedBid, InputSet
from aukciszek.cluster import Cluster
from aukciszek.encoding import from_base64url
from aukciszek.mpc.sharing.dealing import Dealing
from aukciszek.mpc.sharing.field import to_bytes
from aukciszek.protocol.evidence.audit_record import AuditRecord, verify_record
from aukciszek.protocol.evidence.certificate import Certificate
from aukciszek.protocol.evidence.key_tables import ChosenKey, ChosenKeys, members_of
from aukciszek.protocol.evidence.opened_bid import OpenedBid
from aukciszek.protocol.evidence.receipts import ReceiptFile
from aukciszek.protocol.evidence.statements import Receipt, read_statement
from aukciszek.protocol.evidence.tie_break import tie_break_order
from aukciszek.protocol.evidence.verification import verify_certificate
from aukciszek.protocol.rules.errors import AuctionError
from aukciszek.protocol.rules.prices import PriceGrid
from aukciszek.protocol.rules.spec import AuctionSpec, invitation
from aukciszek.protocol.sealing.bundle import BidKey, Bundle
from aukciszek.protocol.sealing.envelope import envelope_info, open_envelope
from aukciszek.protocol.sealing.keys import SealingKeyPair
from aukciszek.protocol.sealing.opening_secret import OpeningSecret
from vectors.bids import P
from vectors.make import ANSWERS, spell
from vectors.samples import BIDDER

VECTORS = Path(__file__).parents[2] / "vectors"


def _read(name: str) -> Any:
    return json.loads((VECTORS / name).read_bytes())


@pytest.mark.parametrize("name", ANSWERS)
def test_the_files_are_what_the_code_answers(name: str) -> None:
    assert (VECTORS / name).read_text(encoding="utf-8") == spell(ANSWERS[name]()), (
        "run `uv run python -m vectors.make` in tests/ if the change is meant"
    )


def test_prices() -> None:
    for case in _read("prices.json")["grids"]:
        grid = PriceGrid.from_texts(case["minimum"], case["maximum"], case["step"])
        assert str(grid.highest_step) == case["highest_step"]
        for price in case["prices"]:
            step = int(price["bits"], 2)
            assert Decimal(case["minimum"]) + step * Decimal(case["step"]) == Decimal(price["written"])
            assert (str(grid.to_step(price["written"])), grid.to_price(step)) == (price["step"], price["price"])
        for price in case["refused"]:
            with pytest.raises(AuctionError) as caught:
                grid.to_step(price["written"])
            assert caught.value.code == price["code"]


def test_rules() -> None:
    answers = _read("rules.json")
    for case in answers["rules"]:
        assert AuctionSpec.parse(case["text"].encode()).auction_id == case["auction"]
    for case in answers["invitations"]:
        assert invitation(case["nonce"], case["email"]) == case["invitation"]
    for case in answers["refused"]:
        with pytest.raises(AuctionError) as caught:
            AuctionSpec.parse(case["text"].encode())
        assert caught.value.code == case["code"], case["why"]


def test_bundles() -> None:
    answers = _read("bundles.json")
    for case in answers["bundles"]:
        bundle = Bundle.decode(from_base64url(case["bytes"]))
        assert (bundle.digest(), bundle.revision, bundle.withdrawal) == (
            case["digest"],
            case["revision"],
            case["withdrawal"],
        )
        assert [from_base64url(one) for one in case["envelopes"]] == list(bundle.envelopes)
    for case in answers["refused"]:
        with pytest.raises(AuctionError) as caught:
            Bundle.decode(from_base64url(case["bytes"]))
        assert caught.value.code == case["code"], case["why"]


def test_sealing() -> None:
    answers = _read("sealing.json")
    bundle = Bundle.decode(from_base64url(answers["bundle"]))
    bid_key = BidKey(auction=bundle.auction, bidder=bundle.bidder, revision=bundle.revision)
    bits = [int(bit) for bit in answers["bits"]]
    dealing = Dealing.of(bits, 5, answers["threshold"], lambda _: from_base64url(answers["key"]))
    shares = {}
    for case in answers["envelopes"]:
        pair = SealingKeyPair(from_base64url(case["seed"]))
        assert pair.public_bytes == from_base64url(case["public_key"])
        assert envelope_info(bid_key, case["party"]) == from_base64url(case["info"])
        content = open_envelope(bundle, case["party"], pair)
        assert content.encode() == from_base64url(case["content"]) == to_bytes(dealing.shares[case["party"] - 1])
        assert [str(element) for element in content.dealt().tolist()] == case["elements"]
        shares[case["party"]] = [int(element) for element in case["elements"]]
    for parties in combinations(shares, answers["threshold"] + 1):
        found = "".join(str(_at_zero([(party, shares[party][bit]) for party in parties])) for bit in range(3))
        assert found == answers["bits"]
    first = SealingKeyPair(from_base64url(answers["envelopes"][0]["seed"]))
    for case in answers["refused"]:
        with pytest.raises(AuctionError) as caught:
            open_envelope(Bundle.decode(from_base64url(case["bundle"])), 1, first)
        assert caught.value.code == case["code"], case["why"]
    assert {case["code"] for case in answers["refused"]} == {
        "envelope-does-not-open",
        "envelope-wrong-commitment",
        "envelope-bad-element",
        "envelope-wrong-degree",
    }


def _at_zero(points: list[tuple[int, int]]) -> int:
    total = 0
    for i, y in points:
        weight = 1
        for j, _ in points:
            if j != i:
                weight = weight * j * pow(j - i, -1, P) % P
        total = (total + y * weight) % P
    return total


def test_statements() -> None:
    answers = _read("statements.json")
    cluster = Cluster.parse(answers["cluster_file"].encode())
    for case in answers["statements"]:
        content = from_base64url(case["statement"])
        assert content[64:] == case["body"].encode()
        assert cluster.party(1).identity.verifies(case["label"], content[64:], content[:64])
    for case in answers["refused_receipts"]:
        with pytest.raises(AuctionError) as caught:
            read_statement(Receipt, from_base64url(case["statement"]), cluster)
        assert caught.value.code == case["code"], case["why"]


def test_agreement() -> None:
    answers = _read("agreement.json")
    for case in answers["input_sets"]:
        keys = case["keys"] and {
            members_of(one["members"]): ChosenKey(one["dealer"], bytes.fromhex(one["digest"])) for one in case["keys"]
        }
        inputs = InputSet(
            auction=case["auction"],
            bids=tuple(CountedBid(digest=one, bidder=BIDDER, revision=1, receipts=()) for one in case["bundles"]),
            unusable=tuple(case["unusable"]),
            cancelled=case["cancelled"],
            keys=None if keys is None else ChosenKeys(keys),
        )
        assert inputs.digest == case["digest"], case["why"]
    assert len({case["digest"] for case in answers["input_sets"]}) == len(answers["input_sets"])
    for case in answers["tie_breaks"]:
        assert list(tie_break_order(bytes.fromhex(case["tie_break_seed"]), sorted(case["order"]))) == case["order"]


def test_certificates() -> None:
    answers = _read("certificates.json")
    for case in answers["certificates"]:
        certificate = Certificate.decode(case["certificate"].encode())
        receipts = None if case["receipts"] is None else ReceiptFile.decode(case["receipts"].encode())
        report = verify_certificate(certificate, cluster=certificate.cluster, receipts=receipts)
        assert {check.name: check.verdict for check in report.checks} == case["checks"], case["why"]
        assert report.valid == case["valid"]
    assert {case["valid"] for case in answers["certificates"]} == {True, False}
    for case in answers["refused"]:
        with pytest.raises(AuctionError) as caught:
            Certificate.decode(case["text"].encode())
        assert caught.value.code == case["code"], case["why"]


def test_openings() -> None:
    answers = _read("openings.json")
    for case in answers["openings"]:
        certificate = Certificate.decode(case["certificate"].encode())
        opened = OpenedBid.decode(case["opening"].encode())
        report = verify_certificate(certificate, cluster=certificate.cluster, opening=opened)
        assert {check.name: check.verdict for check in report.checks} == case["checks"], case["why"]
    found = {
        verdict for case in answers["openings"] for name, verdict in case["checks"].items() if name == "opened-bid"
    }
    assert found == {"passed", "failed", "not-checked"}
    kept = answers["secret"]
    secret = OpeningSecret.decode(from_base64url(kept["secret"]))
    assert secret == OpeningSecret(from_base64url(kept["key"]), int(kept["step"]))
    rows = secret.rows(Bundle.decode(from_base64url(kept["bundle"])))
    assert rows == tuple(map(from_base64url, kept["rows"]))
    for case in answers["refused"]:
        with pytest.raises(AuctionError) as caught:
            OpenedBid.decode(case["text"].encode())
        assert caught.value.code == case["code"], case["why"]


def test_records() -> None:
    for case in _read("records.json")["records"]:
        record = AuditRecord.decode(case["record"].encode())
        assert record.head == case["head"]
        verify = partial(verify_record, record)
        if case["code"] is None:
            verify()
        else:
            with pytest.raises(AuctionError) as caught:
                verify()
            assert caught.value.code == case["code"], case["why"]
