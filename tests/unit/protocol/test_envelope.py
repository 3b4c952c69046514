import hashlib
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from aukciszek.mpc.sharing.sizes import MASKS, SALTS, proof_bytes
from aukciszek.protocol.rules.errors import (
    EnvelopeCommitmentError,
    EnvelopeDoesNotOpenError,
    EnvelopeElementError,
    EnvelopeProofError,
    EnvelopeWrongSizeError,
)
from aukciszek.protocol.rules.identifiers import AuctionId, UserId
from aukciszek.protocol.sealing.bundle import BidKey, Bundle
from aukciszek.protocol.sealing.envelope import (
    EnvelopeContent,
    OwnEnvelope,
    commitment,
    envelope_info,
    open_envelope,
    seal_bid,
)
from aukciszek.protocol.sealing.keys import SealingKeyPair, SealingPublicKey

P = 2**61 - 1
BITS = [1, 0, 1, 1, 0]


@pytest.fixture
def bundle(bid_key: BidKey, sealing_keys: list[SealingPublicKey]) -> Bundle:
    return seal_bid(bid_key, BITS, threshold=2, sealing_keys=sealing_keys)


def _at_zero(points: Sequence[tuple[int, int]]) -> int:
    """Interpolate with Python's integers, apart from the engine."""
    total = 0
    for i, y in points:
        weight = 1
        for j, _ in points:
            if j != i:
                weight = weight * j * pow(j - i, -1, P) % P
        total = (total + y * weight) % P
    return total


def test_any_three_of_five_parties_find_the_bits(bundle: Bundle, key_pairs: list[SealingKeyPair]) -> None:
    shares = {
        party: open_envelope(bundle, party, pair).elements().tolist() for party, pair in enumerate(key_pairs, start=1)
    }
    for parties in combinations(range(1, 6), 3):
        found = [_at_zero([(party, shares[party][bit]) for party in parties]) for bit in range(len(BITS))]
        assert found == BITS


def test_polynomials_and_salts_come_from_the_randomness_that_was_passed_in(
    bid_key: BidKey, sealing_keys: list[SealingPublicKey]
) -> None:
    first, second = (
        seal_bid(bid_key, BITS, threshold=2, sealing_keys=sealing_keys, random_bytes=lambda count: b"\x07" * count)
        for _ in range(2)
    )
    assert first.commitments == second.commitments
    assert not set(first.envelopes) & set(second.envelopes)


def test_two_bundles_of_one_bid_share_nothing(
    bid_key: BidKey, sealing_keys: list[SealingPublicKey], key_pairs: list[SealingKeyPair]
) -> None:
    first, second = (seal_bid(bid_key, BITS, threshold=2, sealing_keys=sealing_keys) for _ in range(2))
    assert not set(first.commitments) & set(second.commitments)
    assert not set(first.envelopes) & set(second.envelopes)
    for party, pair in enumerate(key_pairs, start=1):
        one, other = open_envelope(first, party, pair), open_envelope(second, party, pair)
        assert not set(one.dealt().tolist()) & set(other.dealt().tolist())


def test_the_content_is_a_row_of_little_endian_elements(bundle: Bundle, key_pairs: list[SealingKeyPair]) -> None:
    content = open_envelope(bundle, 2, key_pairs[1])
    width = len(BITS) + SALTS + MASKS
    assert len(content.encode()) == 8 * width
    dealt = content.dealt()
    assert dealt.dtype == np.uint64
    assert dealt.shape == (width,)
    spelled = [int.from_bytes(content.row[8 * i : 8 * i + 8], "little") for i in range(width)]
    assert spelled == dealt.tolist()
    assert content.elements().tolist() == spelled[: len(BITS)]
    assert dealt.max() < P
    assert commitment(bundle.auction, 2, content.row) == bundle.commitments[1]


MOVES: list[dict[str, Any]] = [
    {"auction": AuctionId("cd" * 32)},
    {"bidder": UserId("33333333-3333-4333-8333-333333333333")},
    {"revision": 2},
]


@pytest.mark.parametrize("move", MOVES)
def test_a_moved_bundle_does_not_open(bundle: Bundle, key_pairs: list[SealingKeyPair], move: dict[str, Any]) -> None:
    moved = replace(bundle, **move)
    for party, pair in enumerate(key_pairs, start=1):
        with pytest.raises(EnvelopeDoesNotOpenError):
            open_envelope(moved, party, pair)


def test_an_envelope_copied_to_another_party_does_not_open(bundle: Bundle, key_pairs: list[SealingKeyPair]) -> None:
    copied = replace(
        bundle,
        envelopes=(bundle.envelopes[1], *bundle.envelopes[1:]),
        commitments=(bundle.commitments[1], *bundle.commitments[1:]),
    )
    with pytest.raises(EnvelopeDoesNotOpenError):
        open_envelope(copied, 1, key_pairs[0])
    # Nor with the key of the party that it was sealed to.
    with pytest.raises(EnvelopeDoesNotOpenError):
        open_envelope(copied, 1, key_pairs[1])


def test_an_envelope_of_another_bidder_does_not_open(
    bundle: Bundle, bid_key: BidKey, sealing_keys: list[SealingPublicKey], key_pairs: list[SealingKeyPair]
) -> None:
    thief = UserId("33333333-3333-4333-8333-333333333333")
    own = seal_bid(
        BidKey(auction=bid_key.auction, bidder=thief, revision=1), BITS, threshold=2, sealing_keys=sealing_keys
    )
    stolen = replace(own, envelopes=bundle.envelopes, commitments=bundle.commitments)
    with pytest.raises(EnvelopeDoesNotOpenError):
        open_envelope(stolen, 3, key_pairs[2])


def _resealed(bundle: Bundle, bid_key: BidKey, key: SealingPublicKey, content: bytes, promised: bytes) -> Bundle:
    """Return the bundle with another content for party 1, and a commitment to what was ``promised``."""
    return replace(
        bundle,
        envelopes=(key.seal(content, envelope_info(bid_key, 1)), *bundle.envelopes[1:]),
        commitments=(commitment(bid_key.auction, 1, promised), *bundle.commitments[1:]),
    )


def test_a_content_that_was_not_committed_to_is_found(
    bundle: Bundle, bid_key: BidKey, sealing_keys: list[SealingPublicKey], key_pairs: list[SealingKeyPair]
) -> None:
    content = bytearray(open_envelope(bundle, 1, key_pairs[0]).encode())
    promised = bytes(content)
    content[-1] ^= 1
    with pytest.raises(EnvelopeCommitmentError):
        open_envelope(_resealed(bundle, bid_key, sealing_keys[0], bytes(content), promised), 1, key_pairs[0])


@pytest.mark.parametrize("element", [P, P + 1, 2**63, 2**64 - 1])
def test_a_number_beyond_the_field_is_found(
    bundle: Bundle,
    bid_key: BidKey,
    sealing_keys: list[SealingPublicKey],
    key_pairs: list[SealingKeyPair],
    element: int,
) -> None:
    content = bytes(8 * (4 + SALTS + MASKS)) + element.to_bytes(8, "little")
    with pytest.raises(EnvelopeElementError):
        open_envelope(_resealed(bundle, bid_key, sealing_keys[0], content, content), 1, key_pairs[0])


def test_the_largest_element_is_one_of_the_field(
    bundle: Bundle, bid_key: BidKey, sealing_keys: list[SealingPublicKey], key_pairs: list[SealingKeyPair]
) -> None:
    """So it is refused for the proof, which it contradicts, and not before."""
    content = (P - 1).to_bytes(8, "little") * (5 + SALTS + MASKS)
    with pytest.raises(EnvelopeProofError):
        open_envelope(_resealed(bundle, bid_key, sealing_keys[0], content, content), 1, key_pairs[0])


@pytest.mark.parametrize("place_in_row", range(len(BITS) + SALTS + MASKS))
def test_a_share_beside_the_polynomial_is_found_by_the_party_that_has_it(
    bundle: Bundle,
    bid_key: BidKey,
    sealing_keys: list[SealingPublicKey],
    key_pairs: list[SealingKeyPair],
    place_in_row: int,
) -> None:
    content = bytearray(open_envelope(bundle, 1, key_pairs[0]).encode())
    content[8 * place_in_row] ^= 1
    with pytest.raises(EnvelopeProofError):
        open_envelope(_resealed(bundle, bid_key, sealing_keys[0], bytes(content), bytes(content)), 1, key_pairs[0])


def test_a_proof_holds_for_every_byte_of_its_bundle_s_header(
    bundle: Bundle, bid_key: BidKey, sealing_keys: list[SealingPublicKey], key_pairs: list[SealingKeyPair]
) -> None:
    other = seal_bid(bid_key, BITS, threshold=2, sealing_keys=sealing_keys)
    changed = bytearray(bundle.proof)
    changed[0] ^= 1
    beyond = b"\xff" * 8 + bundle.proof[8:]
    commitments = (*bundle.commitments[:4], other.commitments[4])
    for spoilt in (
        replace(bundle, proof=bytes(changed)),
        replace(bundle, proof=beyond),
        replace(bundle, proof=other.proof),
        replace(bundle, commitments=commitments),
    ):
        for party, pair in enumerate(key_pairs[:4], start=1):
            with pytest.raises(EnvelopeProofError):
                open_envelope(spoilt, party, pair)


def test_polynomials_of_too_high_a_degree_do_not_pass_for_lower_ones(
    bid_key: BidKey, sealing_keys: list[SealingPublicKey], key_pairs: list[SealingKeyPair]
) -> None:
    """A bidder deals with degree 2 and claims degree 1."""
    honest = seal_bid(bid_key, BITS, threshold=2, sealing_keys=sealing_keys)
    claimed = replace(honest, threshold=1, proof=honest.proof[: proof_bytes(1)])
    for party, pair in enumerate(key_pairs, start=1):
        with pytest.raises(EnvelopeProofError):
            open_envelope(claimed, party, pair)


def test_what_is_said_to_be_in_an_envelope_is_checked_against_the_commitment(
    bundle: Bundle, key_pairs: list[SealingKeyPair]
) -> None:
    shown = open_envelope(bundle, 4, key_pairs[3])
    assert OwnEnvelope.of(bundle, 4).check(shown.encode()) == shown
    with pytest.raises(EnvelopeCommitmentError):
        OwnEnvelope.of(bundle, 3).check(shown.encode())
    with pytest.raises(EnvelopeCommitmentError):
        OwnEnvelope.of(replace(bundle, auction=AuctionId("cd" * 32)), 4).check(shown.encode())
    for wrong in (b"", shown.encode()[:-1], shown.encode() + b"\x00", shown.encode()[:-8]):
        with pytest.raises(EnvelopeWrongSizeError):
            OwnEnvelope.of(bundle, 4).check(wrong)


@pytest.mark.parametrize("party", [0, 6, -1])
def test_there_is_an_envelope_for_each_party_only(bundle: Bundle, key_pairs: list[SealingKeyPair], party: int) -> None:
    with pytest.raises(ValueError, match="no envelope"):
        open_envelope(bundle, party, key_pairs[0])


def test_a_withdrawal_has_no_envelope(bid_key: BidKey, key_pairs: list[SealingKeyPair]) -> None:
    withdrawal = Bundle.for_withdrawal(auction=bid_key.auction, bidder=bid_key.bidder, revision=2)
    with pytest.raises(ValueError, match="no envelope"):
        open_envelope(withdrawal, 1, key_pairs[0])


def test_only_bits_are_sealed(bid_key: BidKey, sealing_keys: list[SealingPublicKey]) -> None:
    for wrong in ([2], [0, -1], [P]):
        with pytest.raises(ValueError, match="only bits"):
            seal_bid(bid_key, wrong, threshold=2, sealing_keys=sealing_keys)


@pytest.mark.parametrize("threshold", [0, 3])
def test_the_threshold_must_fit_the_number_of_keys(
    bid_key: BidKey, sealing_keys: list[SealingPublicKey], threshold: int
) -> None:
    with pytest.raises(ValueError, match="n >= 2t"):
        seal_bid(bid_key, BITS, threshold=threshold, sealing_keys=sealing_keys)


def test_the_binding_of_an_envelope_is_as_documented(bid_key: BidKey) -> None:
    info = envelope_info(replace(bid_key, revision=0x01020304), 5)
    bidder = bytes.fromhex(bid_key.bidder.replace("-", ""))
    assert info == b"aukciszek/1/envelope\x00" + bytes.fromhex(bid_key.auction) + bidder + b"\x01\x02\x03\x04\x05"


def test_a_commitment_is_as_documented(bid_key: BidKey) -> None:
    expected = hashlib.sha256(b"aukciszek/1/share\x00" + bytes.fromhex(bid_key.auction) + b"\x05" + b"the row")
    assert commitment(bid_key.auction, 5, b"the row") == expected.digest()


def test_no_text_shows_a_share(bundle: Bundle, key_pairs: list[SealingKeyPair]) -> None:
    content = open_envelope(bundle, 1, key_pairs[0])
    assert repr(content) == str(content) == "EnvelopeContent()"
    assert isinstance(content, EnvelopeContent)
    assert "envelopes" not in repr(bundle)
