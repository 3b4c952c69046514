import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from aukciszek.cluster import Cluster, PartyNumber
from aukciszek.encoding import canonical_json
from aukciszek.identity import Identity
from aukciszek.protocol.evidence.certificate import (
    MOST_CERTIFICATE_BYTES,
    Certificate,
    CertificateBody,
    LeftOut,
    Winner,
    order_outcome,
)
from aukciszek.protocol.evidence.statements import OutcomeSignature, Signed, verify
from aukciszek.protocol.rules.errors import MalformedCertificateError
from aukciszek.protocol.rules.identifiers import BundleDigest, UserId
from aukciszek.protocol.rules.spec import AuctionSpec

A, B, C, D = (BundleDigest(digit * 64) for digit in "abcd")
ANN, BOB = (UserId(f"{digit * 8}-{digit * 4}-4{digit * 3}-8{digit * 3}-{digit * 12}") for digit in "ab")
SEED = "0f" * 32

type MakeSpec = Callable[..., AuctionSpec]


def _body(spec: AuctionSpec, **changes: object) -> CertificateBody:
    fields: dict[str, object] = {
        "spec": spec,
        "bids": (A, B, C),
        "left_out": (LeftOut(bundle=C, reason="not-a-bit"),),
        "tie_break_seed": SEED,
        "outcome": "sold",
        "winners": (Winner(bundle=A, bidder=ANN),),
        "prices": ("850.50",),
    }
    return CertificateBody.model_validate(fields | changes)


@pytest.fixture
def signatures(spec: AuctionSpec, identities: list[Identity]) -> list[Signed[OutcomeSignature]]:
    body = _body(spec)
    return [body.signed_by(PartyNumber(party), identity) for party, identity in enumerate(identities, start=1)]


@pytest.fixture
def certificate(spec: AuctionSpec, cluster_file: bytes, signatures: list[Signed[OutcomeSignature]]) -> Certificate:
    return Certificate.assemble(_body(spec), cluster_file, reversed(signatures))


def test_a_certificate_comes_back_whole(certificate: Certificate, cluster: Cluster) -> None:
    again = Certificate.decode(certificate.encode())
    assert again == certificate
    assert again.body.digest == certificate.body.digest
    assert again.cluster == cluster
    for claimed in again.claimed_signatures():
        verify(claimed, cluster)


def test_a_body_comes_back_whole(spec: AuctionSpec) -> None:
    body = _body(spec)
    assert CertificateBody.decode(body.canonical_bytes) == body
    assert (body.auction, body.valid_bids) == (spec.auction_id, 2)


def test_every_party_signs_the_same_bytes(spec: AuctionSpec) -> None:
    assert _body(spec).canonical_bytes == _body(AuctionSpec.parse(spec.canonical_bytes)).canonical_bytes


CHANGES: list[dict[str, Any]] = [
    {"bids": (A, B, C, D)},
    {"left_out": (LeftOut(bundle=C, reason="out-of-range"),)},
    {"left_out": (LeftOut(bundle=B, reason="not-a-bit"),)},
    {"left_out": ()},
    {"tie_break_seed": "0e" * 32},
    {"winners": (Winner(bundle=B, bidder=ANN),)},
    {"winners": (Winner(bundle=A, bidder=BOB),)},
    {"prices": ("850.00",)},
    {"outcome": "reserve-not-met", "winners": (), "prices": ()},
]


@pytest.mark.parametrize("changes", CHANGES)
def test_any_change_gives_another_digest(spec: AuctionSpec, changes: dict[str, Any]) -> None:
    assert _body(spec, **changes).digest != _body(spec).digest


def test_other_rules_give_another_digest(spec: AuctionSpec, make_spec: MakeSpec) -> None:
    assert _body(make_spec(title="Other")).digest != _body(spec).digest


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"bids": (B, A, C)}, "ascending"),
        ({"bids": (A, A, C)}, "ascending"),
        ({"bids": (A, B, "x")}, "bids"),
        ({"left_out": (LeftOut(bundle=D, reason="not-a-bit"),)}, "left out must be in the input set"),
        (
            {"left_out": (LeftOut(bundle=C, reason="not-a-bit"), LeftOut(bundle=C, reason="not-a-bit"))},
            "ascending",
        ),
        ({"left_out": ({"bundle": C, "reason": "Not a code"},)}, "reason"),
        ({"winners": (Winner(bundle=D, bidder=ANN),)}, "winner must be in the input set"),
        ({"winners": (Winner(bundle=C, bidder=ANN),)}, "not left out"),
        ({"winners": ()}, "number of winners"),
        ({"winners": (Winner(bundle=A, bidder=ANN), Winner(bundle=B, bidder=BOB))}, "number of winners"),
        ({"prices": ()}, "number of prices"),
        ({"prices": ("850.50", "850.50")}, "number of prices"),
        ({"prices": ("850.25",)}, "nearest"),
        ({"prices": ("850.5",)}, "decimals"),
        ({"prices": ("1000.50",)}, "between"),
        ({"prices": ("900.50",)}, "worse than the reserve"),
        ({"outcome": "sold", "left_out": (), "bids": (A,)}, "number of valid bids"),
        ({"outcome": "too-few-bids", "winners": (), "prices": ()}, "number of valid bids"),
        (
            {"outcome": "reserve-not-met", "bids": (A,), "left_out": (), "winners": (), "prices": ()},
            "number of valid bids",
        ),
        ({"outcome": "reserve-not-met"}, "no winners and no prices"),
        ({"outcome": "reserve-not-met", "winners": ()}, "no winners and no prices"),
        ({"outcome": "cancelled", "winners": (), "prices": ()}, "outcome"),
        ({"tie_break_seed": None}, "there must be a tie-break seed"),
        ({"tie_break_seed": "0F" * 32}, "tie_break_seed"),
        ({"tie_break_seed": "0f"}, "tie_break_seed"),
        ({"version": 2}, "version"),
        ({"note": ""}, "note"),
    ],
)
def test_a_body_that_contradicts_itself_is_refused(spec: AuctionSpec, changes: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        _body(spec, **changes)


def test_a_forward_auction_has_the_reserve_below(make_spec: MakeSpec) -> None:
    spec = make_spec(direction="forward")
    assert _body(spec, prices=("900.00",)).prices == ("900.00",)
    with pytest.raises(ValidationError, match="worse than the reserve"):
        _body(spec, prices=("899.50",))


def test_without_a_reserve_all_winners_there_can_be_are_named(make_spec: MakeSpec) -> None:
    spec = make_spec(format="uniform-price", winners=3, reserve_price=None)
    both = (Winner(bundle=A, bidder=ANN), Winner(bundle=B, bidder=BOB))
    assert _body(spec, winners=both).winners == both
    with pytest.raises(ValidationError, match="number of winners"):
        _body(spec)
    with pytest.raises(ValidationError, match="cannot fail"):
        _body(spec, outcome="reserve-not-met", winners=(), prices=())
    with_reserve = make_spec(format="uniform-price", winners=3)
    assert len(_body(with_reserve).winners) == 1


def test_a_bidder_wins_once(make_spec: MakeSpec) -> None:
    spec = make_spec(format="uniform-price", winners=2)
    with pytest.raises(ValidationError, match="win once"):
        _body(spec, winners=(Winner(bundle=A, bidder=ANN), Winner(bundle=B, bidder=ANN)))


def test_pay_as_bid_has_a_price_for_each_winner(make_spec: MakeSpec) -> None:
    spec = make_spec(format="pay-as-bid", winners=2)
    winners, prices = order_outcome(
        [Winner(bundle=B, bidder=BOB), Winner(bundle=A, bidder=ANN)], ["700.00", "600.00"], price_each=True
    )
    body = _body(spec, winners=winners, prices=prices)
    assert [(winner.bidder, price) for winner, price in zip(body.winners, body.prices, strict=True)] == [
        (ANN, "600.00"),
        (BOB, "700.00"),
    ]
    with pytest.raises(ValidationError, match="number of prices"):
        _body(spec, winners=winners, prices=("600.00",))
    with pytest.raises(ValueError, match="shorter"):
        order_outcome(winners, ["600.00"], price_each=True)


def test_one_price_for_all_stays_as_it_is() -> None:
    winners, prices = order_outcome(
        [Winner(bundle=B, bidder=BOB), Winner(bundle=A, bidder=ANN)], ["700.00"], price_each=False
    )
    assert ([winner.bundle for winner in winners], prices) == ([A, B], ("700.00",))


def test_an_auction_without_bids_ends_too(spec: AuctionSpec) -> None:
    body = _body(spec, bids=(), left_out=(), tie_break_seed=None, outcome="too-few-bids", winners=(), prices=())
    assert CertificateBody.decode(body.canonical_bytes) == body


def test_a_signature_under_another_body_does_not_fit(
    spec: AuctionSpec, cluster_file: bytes, signatures: list[Signed[OutcomeSignature]]
) -> None:
    with pytest.raises(ValueError, match="another certificate"):
        Certificate.assemble(_body(spec, tie_break_seed="0e" * 32), cluster_file, signatures)


def test_the_cluster_file_must_be_the_one_that_the_rules_name(
    spec: AuctionSpec, make_spec: MakeSpec, cluster_file: bytes, signatures: list[Signed[OutcomeSignature]]
) -> None:
    with pytest.raises(ValidationError, match="not the one"):
        Certificate.assemble(_body(spec), cluster_file + b"\n", signatures)
    with pytest.raises(ValidationError, match="cluster file"):
        Certificate.assemble(_body(spec), b"{}", signatures)
    with pytest.raises(ValidationError, match="not the one"):
        Certificate.assemble(_body(make_spec(parties=7)), cluster_file, [])


def test_only_the_canonical_form_is_read(certificate: Certificate) -> None:
    content = certificate.encode()
    fields = json.loads(content)
    first, second, *_ = fields["signatures"]
    for changed in (
        b"",
        content + b"\n",
        content[:-1],
        json.dumps(fields).encode(),
        canonical_json(fields | {"note": 1}),
        canonical_json(fields | {"version": 2}),
        canonical_json(fields | {"signatures": [second, first]}),
        canonical_json(fields | {"signatures": [first, first]}),
        canonical_json(fields | {"signatures": [first | {"party": 6}]}),
        canonical_json(fields | {"signatures": [first | {"signature": first["signature"][:-2]}]}),
        canonical_json(fields | {"signatures": [first | {"signature": ""}]}),
    ):
        with pytest.raises(MalformedCertificateError):
            Certificate.decode(changed)
    with pytest.raises(MalformedCertificateError, match="canonical"):
        CertificateBody.decode(json.dumps(fields["body"]).encode())
    with pytest.raises(MalformedCertificateError, match="spec"):
        CertificateBody.decode(b"{}")


@pytest.mark.parametrize("read", [Certificate.decode, CertificateBody.decode])
def test_the_length_is_limited_before_anything_is_read(read: Callable[[bytes], object]) -> None:
    with pytest.raises(MalformedCertificateError, match="at most"):
        read(b"[" * (MOST_CERTIFICATE_BYTES + 1))
