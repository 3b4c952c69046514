from collections.abc import Callable
from typing import Any

import pytest

from aukciszek.identity import Identity
from aukciszek.protocol.evidence.opened_bid import OpenedBid, find_bid
from aukciszek.protocol.rules.errors import MalformedOpeningError, OpeningDoesNotFitError
from aukciszek.protocol.rules.spec import AuctionSpec
from aukciszek.protocol.sealing.bundle import Bundle
from aukciszek.protocol.sealing.opening_secret import OpeningSecret
from support.evidence import BIDDERS, Evidence

P = 2**61 - 1
ANN, BOB = BIDDERS[:2]


@pytest.fixture
def evidence(spec: AuctionSpec, cluster_file: bytes, identities: list[Identity]) -> Evidence:
    return Evidence(spec, cluster_file, identities)


def test_key_and_step_give_back_every_row(evidence: Evidence) -> None:
    bid = evidence.seal(ANN, 1234)
    opened = evidence.open(bid)
    found = find_bid(OpenedBid.decode(opened.encode()))
    assert (found.step, found.bundle, found.header) == (1234, bid.bundle, bid.bundle.header())


def test_a_secret_comes_back_whole_and_has_one_length() -> None:
    for step in (0, 1, 2**60 - 1):
        secret = OpeningSecret.new(step)
        assert len(secret.encode()) == 40
        assert OpeningSecret.decode(secret.encode()) == secret
    for content in (b"", bytes(39), bytes(41)):
        with pytest.raises(MalformedOpeningError, match="40 bytes"):
            OpeningSecret.decode(content)


def test_a_secret_opens_its_own_bundle_only(evidence: Evidence) -> None:
    bid, other = evidence.seal(ANN, 7), evidence.seal(ANN, 7)
    for secret in (other.secret, OpeningSecret(bid.secret.key, 8), OpeningSecret(bid.secret.key, 7 + 2**11)):
        if secret.step > 2**11:  # the bits that the bundle has are the same
            assert secret.rows(bid.bundle) == bid.secret.rows(bid.bundle)
            continue
        with pytest.raises(OpeningDoesNotFitError, match="another bundle"):
            secret.rows(bid.bundle)
    withdrawal = Bundle.for_withdrawal(auction=bid.bundle.auction, bidder=ANN, revision=2)
    with pytest.raises(OpeningDoesNotFitError, match="withdrawal"):
        bid.secret.rows(withdrawal)


def test_no_text_shows_what_opens_a_bid(evidence: Evidence) -> None:
    bid = evidence.seal(ANN, 1234)
    assert repr(bid.secret) == "OpeningSecret()"
    opened = evidence.open(bid)
    assert "rows" not in repr(opened)
    assert "1234" not in repr(find_bid(opened))
    assert "elements" not in repr(find_bid(opened))


def _with(opened: OpenedBid, **changes: Any) -> OpenedBid:
    return OpenedBid.decode(opened.model_copy(update=changes).encode())


type Change = Callable[[OpenedBid], OpenedBid]


def _swap(opened: OpenedBid) -> OpenedBid:
    first, second, *rest = opened.rows
    return _with(opened, rows=(second, first, *rest))


CHANGES: dict[str, Change] = {
    "a changed row": lambda one: _with(one, rows=(bytes([one.rows[0][0] ^ 1]) + one.rows[0][1:], *one.rows[1:])),
    "rows exchanged": _swap,
    "a row cut short": lambda one: _with(one, rows=(one.rows[0][:-8], *one.rows[1:])),
    "a row too few": lambda one: _with(one, rows=one.rows[:-1]),
    "a row too many": lambda one: _with(one, rows=(*one.rows, one.rows[0])),
    "no bundle": lambda one: _with(one, bundle=b"AUKB"),
    "another auction": lambda one: _with(
        one, auction="cd" * 32, receipts=one.receipts.model_copy(update={"auction": "cd" * 32, "bids": ()})
    ),
    "another bidder": lambda one: _with(one, receipts=one.receipts.model_copy(update={"bidder": BOB})),
    "receipts of another bundle": lambda one: _with(
        one,
        receipts=one.receipts.model_copy(
            update={"bids": (one.receipts.bids[0].model_copy(update={"bundle": "cd" * 32}),)}
        ),
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_what_was_changed_opens_nothing(evidence: Evidence, change: Change) -> None:
    with pytest.raises(OpeningDoesNotFitError):
        find_bid(change(evidence.open(evidence.seal(ANN, 5))))


def test_a_withdrawal_cannot_be_opened(evidence: Evidence) -> None:
    bid = evidence.seal(ANN, 5)
    withdrawal = Bundle.for_withdrawal(auction=bid.bundle.auction, bidder=ANN, revision=1)
    receipts = evidence.receipts((withdrawal, {}))
    with pytest.raises(OpeningDoesNotFitError):
        find_bid(_with(evidence.open(bid), bundle=withdrawal.encode(), receipts=receipts))
    with pytest.raises(OpeningDoesNotFitError):
        OpenedBid.of(withdrawal.encode(), bid.secret, receipts)


def test_receipts_of_somebody_else_are_not_put_in(evidence: Evidence) -> None:
    bid, other = evidence.seal(ANN, 5), evidence.seal(BOB, 5)
    with pytest.raises(OpeningDoesNotFitError, match="another auction or bidder"):
        evidence.open(bid, evidence.receipts((other.bundle, {})))


def test_what_are_no_bits_is_found(evidence: Evidence, spec: AuctionSpec) -> None:
    elements = [0] * (spec.bits - 1) + [2]
    found = find_bid(evidence.seal_elements(ANN, elements))
    assert found.step is None
    assert found.elements == tuple(elements)


def test_what_is_no_opened_bid_is_refused(evidence: Evidence) -> None:
    content = evidence.open(evidence.seal(ANN, 5)).encode()
    for wrong in (
        b"",
        b"{}",
        content + b"\n",
        content.replace(b'"version":1', b'"version":2'),
        content.replace(b"{", b"{ ", 1),
        content[:-1] + b',"zone":1}',
    ):
        with pytest.raises(MalformedOpeningError):
            OpenedBid.decode(wrong)
    with pytest.raises(MalformedOpeningError, match="at most"):
        OpenedBid.decode(bytes((16 << 20) + 1))


def test_bundles_do_not_travel_with_the_receipts(evidence: Evidence) -> None:
    bid = evidence.seal(ANN, 5)
    kept = evidence.receipts((bid.bundle, {})).with_bid(bid.bundle.header(), [], bid.bundle.encode())
    assert evidence.open(bid, kept).receipts.bids[0].content is None
    with pytest.raises(ValueError, match="without bundles"):
        OpenedBid(
            auction=bid.bundle.auction,
            bundle=bid.bundle.encode(),
            rows=bid.secret.rows(bid.bundle),
            receipts=kept,
        )
