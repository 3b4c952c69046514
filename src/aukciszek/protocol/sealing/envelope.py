"""Sealing a bid into a bundle, and opening one's own envelope of it.

``docs/protocol.md``, "Sealing". A bid's bits are shared one by one with fresh random polynomials of degree ``t``
[Sha79], and so are the salts that hide what is committed to; party ``i`` gets its row, one element of each sharing, in
an envelope that opens only with that party's sealing key and only as part of the bid that it was made for. The header
commits to every row, and proves that the rows lie on polynomials of degree ``t``
(:mod:`aukciszek.mpc.sharing.dealing`).
"""

import hmac
import secrets
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from aukciszek.mpc.sharing.dealing import Dealing, share_fits
from aukciszek.mpc.sharing.field import NotAFieldElementError, Vector, from_bytes, to_bytes
from aukciszek.mpc.sharing.sizes import ELEMENT_BYTES, MASKS, SALTS
from aukciszek.protocol.rules.errors import (
    EnvelopeCommitmentError,
    EnvelopeElementError,
    EnvelopeProofError,
    EnvelopeWrongSizeError,
)
from aukciszek.protocol.rules.identifiers import AuctionId, labelled_sha256, user_id_bytes
from aukciszek.protocol.sealing.bundle import BidKey, Bundle, content_bytes
from aukciszek.protocol.sealing.keys import SealingKeyPair, SealingPublicKey

type RandomBytes = Callable[[int], bytes]
"""A source of that many random bytes, fit for keys."""

_BINDING: Final = struct.Struct(">32s16sIB")


@dataclass(frozen=True, slots=True)
class EnvelopeContent:
    """What one party finds in its envelope: a secret until the bundle is void."""

    row: bytes = field(repr=False)
    """Elements of eight bytes, little-endian: one for each bit, most significant first, the salts, and the masks."""

    def encode(self) -> bytes:
        """Return the bytes that the envelope holds, and that the bundle commits to."""
        return self.row

    def elements(self) -> Vector:
        """Return the share of the bits as field elements, shape ``(bits,)``."""
        return self.dealt()[: -(SALTS + MASKS)]

    def dealt(self) -> Vector:
        """Return all that this party was dealt: the bits, then the salts, then the masks of the proof.

        Raises:
            NotAFieldElementError: a number is beyond the field.
        """
        return from_bytes(self.row, len(self.row) // ELEMENT_BYTES)


def envelope_info(bid_key: BidKey, party: int) -> bytes:
    """Return what HPKE binds an envelope to: protocol version, auction, bidder, revision and party."""
    binding = _BINDING.pack(bytes.fromhex(bid_key.auction), user_id_bytes(bid_key.bidder), bid_key.revision, party)
    return b"aukciszek/1/envelope\x00" + binding


def commitment(auction: AuctionId, party: int, content: bytes) -> bytes:
    """Return the commitment to an envelope's content; the salts in it hide the share."""
    return labelled_sha256("share", bytes.fromhex(auction), bytes([party]), content)


def seal_bid(
    bid_key: BidKey,
    bits: Sequence[int],
    *,
    threshold: int,
    sealing_keys: Sequence[SealingPublicKey],
    random_bytes: RandomBytes = secrets.token_bytes,
) -> Bundle:
    """Seal a bid; takes about a millisecond, so keep it off an event loop.

    Args:
        bid_key: what the bid is bound to.
        bits: the binary digits of the price's step, the most significant first
            (:meth:`~aukciszek.protocol.rules.prices.PriceGrid.bits_of`).
        threshold: the polynomials' degree ``t``.
        sealing_keys: one for each party, in the order of their numbers.
        random_bytes: where the key of the dealing comes from, which polynomials, salts and masks follow from. The
            keys of the envelopes always come from the operating system.

    Raises:
        ValueError: an element of ``bits`` is no bit, or ``n`` and ``t`` do not fit together.
    """
    parties = len(sealing_keys)
    if not set(bits) <= {0, 1}:
        raise ValueError("only bits can be sealed")
    dealing = Dealing.of(bits, parties, threshold, random_bytes)
    contents = [EnvelopeContent(to_bytes(row)).encode() for row in dealing.shares]
    numbered = list(enumerate(zip(sealing_keys, contents, strict=True), start=1))
    commitments = tuple(commitment(bid_key.auction, party, content) for party, (_, content) in numbered)
    return Bundle(
        auction=bid_key.auction,
        bidder=bid_key.bidder,
        revision=bid_key.revision,
        threshold=threshold,
        bits=len(bits),
        commitments=commitments,
        proof=dealing.prove(_proof_context(bid_key, threshold, len(bits), commitments)),
        envelopes=tuple(key.seal(content, envelope_info(bid_key, party)) for party, (key, content) in numbered),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnEnvelope:
    """What one party needs of a bundle to open its envelope and check it: a quarter of the bundle."""

    bid_key: BidKey
    party: int
    threshold: int
    bits: int
    commitments: tuple[bytes, ...]
    proof: bytes
    sealed: bytes = field(repr=False)

    @classmethod
    def of(cls, bundle: Bundle, party: int) -> Self:
        """Take it out of a bundle.

        Raises:
            ValueError: the bundle has no envelope for this party.
        """
        if not 1 <= party <= len(bundle.envelopes):
            raise ValueError("this bundle has no envelope for this party")
        return cls(
            bid_key=BidKey(auction=bundle.auction, bidder=bundle.bidder, revision=bundle.revision),
            party=party,
            threshold=bundle.threshold,
            bits=bundle.bits,
            commitments=bundle.commitments,
            proof=bundle.proof,
            sealed=bundle.envelopes[party - 1],
        )

    def open(self, key_pair: SealingKeyPair) -> EnvelopeContent:
        """Open it; see :func:`open_envelope`."""
        return self.check(self.unseal(key_pair))

    def unseal(self, key_pair: SealingKeyPair) -> bytes:
        """Return what is in it, whatever that is.

        Raises:
            EnvelopeDoesNotOpenError: sealed to another key, made for another bid or party, or changed.
        """
        return key_pair.open(self.sealed, envelope_info(self.bid_key, self.party))

    def check(self, content: bytes) -> EnvelopeContent:
        """Check what was found in it, or what is said to be in it.

        Raises:
            EnvelopeWrongSizeError: it has another length than one row of the dealing.
            EnvelopeCommitmentError: it does not match the commitment in the bundle's header.
            EnvelopeElementError: it holds a number that is not a field element.
            EnvelopeProofError: it contradicts the bundle's proof of degree.
        """
        if len(content) != content_bytes(self.bits):
            raise EnvelopeWrongSizeError("the envelope's content has the wrong length: seal the bid again")
        committed = commitment(self.bid_key.auction, self.party, content)
        if not hmac.compare_digest(committed, self.commitments[self.party - 1]):
            raise EnvelopeCommitmentError("the envelope's content is not what the bundle commits to: seal it again")
        found = EnvelopeContent(content)
        try:
            dealt = found.dealt()
        except NotAFieldElementError as error:
            raise EnvelopeElementError("the envelope holds a number beyond the field: seal the bid again") from error
        if not self.fits_proof(dealt):
            raise EnvelopeProofError("the share contradicts the bundle's proof of degree: seal the bid again")
        return found

    def fits_proof(self, row: Vector) -> bool:
        """Tell whether a row agrees with the bundle's proof of degree, whatever the bundle commits to."""
        context = _proof_context(self.bid_key, self.threshold, self.bits, self.commitments)
        return share_fits(row, self.party, self.threshold, self.proof, context)


def open_envelope(bundle: Bundle, party: int, key_pair: SealingKeyPair) -> EnvelopeContent:
    """Open a party's own envelope and check what is in it.

    Takes about 0.2 milliseconds. Discard the content before the close: it is a share of a sealed bid.

    Raises:
        EnvelopeDoesNotOpenError: sealed to another key, made for another bid or party, or changed.
        EnvelopeCommitmentError: the content does not match the commitment in the bundle's header.
        EnvelopeElementError: the content holds a number that is not a field element.
        EnvelopeProofError: the content contradicts the bundle's proof of degree.
        ValueError: the bundle has no envelope for this party.
    """
    return OwnEnvelope.of(bundle, party).open(key_pair)


def _proof_context(bid_key: BidKey, threshold: int, bits: int, commitments: Sequence[bytes]) -> bytes:
    """Hash everything public that the proof of degree stands for; its challenge is derived from this."""
    shape = bytes([len(commitments), threshold, bits])
    return labelled_sha256("degree", envelope_info(bid_key, 0), shape, *commitments)
