from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from aukciszek.mpc.sharing.sizes import proof_bytes
from aukciszek.protocol.rules.errors import (
    BundleDoesNotFitError,
    BundleOfOtherAuctionError,
    MalformedBundleError,
    MalformedIdentifierError,
)
from aukciszek.protocol.rules.identifiers import AuctionId, UserId
from aukciszek.protocol.rules.spec import AuctionSpec
from aukciszek.protocol.sealing.bundle import (
    LARGEST_REVISION,
    MOST_BUNDLE_BYTES,
    Bundle,
    bundle_digest,
    claim_of,
    content_bytes,
    envelope_bytes,
)

type MakeSpec = Callable[..., AuctionSpec]

AUCTION = AuctionId("ab" * 32)
BIDDER = UserId("6b1f0a52-7c1e-4a57-9c3e-0f0d2a9d7b11")
HEAD = bytes.fromhex("41554b42 02 01") + bytes.fromhex("ab" * 32) + bytes.fromhex("6b1f0a527c1e4a579c3e0f0d2a9d7b11")


FIRST_ENVELOPE = 61 + 3 * 32 + proof_bytes(1)


def _bid(parties: int = 3, bits: int = 2, auction: AuctionId = AUCTION, threshold: int = 1) -> Bundle:
    return Bundle(
        auction=auction,
        bidder=BIDDER,
        revision=7,
        threshold=threshold,
        bits=bits,
        commitments=tuple(bytes([party]) * 32 for party in range(parties)),
        proof=b"\x70" * proof_bytes(threshold),
        envelopes=tuple(bytes([0x80 + party]) * envelope_bytes(bits) for party in range(parties)),
    )


WITHDRAWAL = Bundle.for_withdrawal(auction=AUCTION, bidder=BIDDER, revision=8)


def test_the_bytes_are_as_documented() -> None:
    length = 1120 + (2 + 5 + 3) * 8 + 16
    expected = HEAD + bytes.fromhex("00000007 03 01 02") + bytes(32) + b"\x01" * 32 + b"\x02" * 32
    expected += b"\x70" * (3 * 2 * 8)
    for party in range(3):
        expected += length.to_bytes(2, "big") + bytes([0x80 + party]) * length
    assert _bid().encode() == expected
    assert WITHDRAWAL.encode() == HEAD[:5] + b"\x02" + HEAD[6:] + bytes.fromhex("00000008 00 00 00")


@pytest.mark.parametrize("bundle", [_bid(), _bid(9, 60, threshold=4), _bid(3, 1), WITHDRAWAL])
def test_a_bundle_comes_back_whole(bundle: Bundle) -> None:
    content = bundle.encode()
    assert Bundle.decode(content) == bundle
    assert len(content) <= MOST_BUNDLE_BYTES
    assert bundle.digest() == bundle_digest(content)
    assert bundle.withdrawal == (bundle is WITHDRAWAL)


def test_the_largest_bundle_is_exactly_as_long_as_the_limit() -> None:
    assert len(_bid(9, 60, threshold=4).encode()) == MOST_BUNDLE_BYTES


def test_the_header_says_what_is_public() -> None:
    header = _bid().header()
    assert (header.auction, header.bidder, header.revision, header.withdrawal) == (AUCTION, BIDDER, 7, False)
    assert header.digest == _bid().digest()


@pytest.mark.parametrize("bundle", [_bid(), WITHDRAWAL])
def test_left_over_and_missing_bytes_are_refused(bundle: Bundle) -> None:
    content = bundle.encode()
    for changed in (content + b"\x00", content[:-1], content[1:], content * 2, b""):
        with pytest.raises(MalformedBundleError):
            Bundle.decode(changed)


def _with(content: bytes, place: int, changed: bytes) -> bytes:
    return content[:place] + changed + content[place + len(changed) :]


@pytest.mark.parametrize(
    ("place", "changed"),
    [
        (0, b"aukb"),
        (4, b"\x00"),
        (4, b"\x01"),
        (4, b"\x03"),
        (5, b"\x00"),
        (5, b"\x02"),  # a withdrawal with envelopes
        (5, b"\x03"),
        (54, b"\x00\x00\x00\x00"),
        (58, b"\x00"),
        (58, b"\x02"),
        (58, b"\x04"),
        (58, b"\xff"),
        (59, b"\x00"),
        (59, b"\x02"),
        (59, b"\xff"),
        (60, b"\x00"),
        (60, b"\x01"),
        (60, b"\x3d"),
        (60, b"\xff"),
        (FIRST_ENVELOPE, b"\x00\x00"),
        (FIRST_ENVELOPE, b"\xff\xff"),
        (FIRST_ENVELOPE + 2 + envelope_bytes(2), b"\x04\xb9"),
    ],
)
def test_fields_that_contradict_are_refused(place: int, changed: bytes) -> None:
    content = _bid().encode()
    assert content[FIRST_ENVELOPE : FIRST_ENVELOPE + 2] == envelope_bytes(2).to_bytes(2, "big")
    with pytest.raises(MalformedBundleError):
        Bundle.decode(_with(content, place, changed))


def test_a_bundle_of_another_version_says_what_to_do() -> None:
    content = _with(_bid().encode(), 4, b"\x01")
    for read in (Bundle.decode, claim_of):
        with pytest.raises(MalformedBundleError, match=r"version 2: update the program"):
            read(content)


def test_two_parties_are_too_few_even_if_the_lengths_agree() -> None:
    content = _with(_bid().encode(), 58, b"\x02")
    envelopes = content[FIRST_ENVELOPE : FIRST_ENVELOPE + 2 * (2 + envelope_bytes(2))]
    with pytest.raises(MalformedBundleError, match="3 to 9"):
        Bundle.decode(content[: 61 + 64] + content[61 + 96 : FIRST_ENVELOPE] + envelopes)


@pytest.mark.parametrize("threshold", [0, 2])
def test_a_threshold_that_does_not_fit_is_refused_even_if_the_lengths_agree(threshold: int) -> None:
    content = _with(_bid().encode(), 59, bytes([threshold]))
    with pytest.raises(MalformedBundleError, match="n >= 2t"):
        Bundle.decode(content[: 61 + 96] + bytes(proof_bytes(threshold)) + content[FIRST_ENVELOPE:])


def test_no_bits_are_too_few_even_if_the_lengths_agree() -> None:
    empty = b"".join(envelope_bytes(0).to_bytes(2, "big") + bytes(envelope_bytes(0)) for _ in range(3))
    with pytest.raises(MalformedBundleError, match="1 to 60 bits"):
        Bundle.decode(_with(_bid().encode(), 60, b"\x00")[:FIRST_ENVELOPE] + empty)


@pytest.mark.parametrize("place", [5 + 53, 5 + 54, 5 + 55])
def test_a_withdrawal_has_no_shape(place: int) -> None:
    with pytest.raises(MalformedBundleError):
        Bundle.decode(_with(WITHDRAWAL.encode(), place, b"\x01"))


def test_too_long_a_text_is_refused_before_it_is_read() -> None:
    with pytest.raises(MalformedBundleError, match="bytes"):
        Bundle.decode(HEAD + bytes(MOST_BUNDLE_BYTES))


@pytest.mark.parametrize(
    "changes",
    [
        {"revision": 0},
        {"revision": LARGEST_REVISION + 1},
        {"bits": 0},
        {"bits": 3},
        {"bits": 61},
        {"commitments": ()},
        {"commitments": (bytes(31),) * 3},
        {"envelopes": (bytes(envelope_bytes(2)),) * 4},
        {"envelopes": (bytes(envelope_bytes(3)),) * 3},
        {"envelopes": ()},
        {"envelopes": (), "commitments": ()},
        {"envelopes": (), "commitments": (), "bits": 0},
        {"envelopes": (), "commitments": (), "bits": 0, "threshold": 0},
        {"threshold": 0},
        {"threshold": 2},
        {"proof": b""},
        {"proof": bytes(proof_bytes(2))},
    ],
)
def test_a_bundle_that_could_not_be_read_cannot_be_made(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedBundleError):
        replace(_bid(), **changes)


@pytest.mark.parametrize("changes", [{"auction": "AB" * 32}, {"bidder": BIDDER.upper()}])
def test_a_bundle_has_proper_identifiers(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedIdentifierError):
        replace(_bid(), **changes)


def test_a_bundle_must_fit_its_auction(spec: AuctionSpec) -> None:
    _bid(5, spec.bits, spec.auction_id, 2).check_fits(spec)
    Bundle.for_withdrawal(auction=spec.auction_id, bidder=BIDDER, revision=1).check_fits(spec)
    for bundle in (_bid(5, spec.bits), WITHDRAWAL):
        with pytest.raises(BundleOfOtherAuctionError):
            bundle.check_fits(spec)
    for bundle in (
        _bid(6, spec.bits, spec.auction_id, 2),
        _bid(5, spec.bits + 1, spec.auction_id, 2),
        _bid(5, spec.bits, spec.auction_id, 1),
    ):
        with pytest.raises(BundleDoesNotFitError, match="5 envelopes, degree 2 and 11 bits"):
            bundle.check_fits(spec)


def test_sizes() -> None:
    assert content_bytes(32) == 320
    assert envelope_bytes(32) == 1456
    assert proof_bytes(2) == 72
