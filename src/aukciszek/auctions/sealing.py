"""Sealing a bid into a bundle, and opening one's own envelope of it.

``docs/protocol.md``, "Sealing". A bid's bits are shared one by one with fresh random polynomials of degree ``t``
[Sha79]; party ``i`` gets one element for each bit, together with a salt, in an envelope that opens only with that
party's sealing key and only at the place that it was made for. The bundle's header commits to every content.
"""

import hmac
import secrets
import struct
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from aukciszek.auctions.bundle import SALT_BYTES, Bundle, content_bytes
from aukciszek.auctions.errors import EnvelopeCommitmentError, EnvelopeElementError, EnvelopeWrongSizeError
from aukciszek.auctions.identifiers import AuctionId, UserId, labelled_sha256
from aukciszek.auctions.sealing_keys import SealingKeyPair, SealingPublicKey
from aukciszek.mpc.field import P, Vector
from aukciszek.mpc.shamir import share_values

type RandomBytes = Callable[[int], bytes]
"""A source of that many random bytes, fit for keys."""

_ELEMENT: Final = np.dtype(">u8")
_PLACE: Final = struct.Struct(">32s16sIB")


@dataclass(frozen=True, slots=True, kw_only=True)
class BidPlace:
    """Where a bundle belongs. Its envelopes open nowhere else."""

    auction: AuctionId
    bidder: UserId
    revision: int


@dataclass(frozen=True, slots=True)
class EnvelopeContent:
    """What one party finds in its envelope: a secret until the bundle is void."""

    salt: bytes = field(repr=False)
    share: bytes = field(repr=False)
    """Eight bytes, big-endian, for each bit, the most significant bit first."""

    def encode(self) -> bytes:
        """Return the salt followed by the share, as the envelope holds them."""
        return self.salt + self.share

    def elements(self) -> Vector:
        """Return the share as field elements, shape ``(bits,)``."""
        return np.frombuffer(self.share, dtype=_ELEMENT).astype(np.uint64)


def envelope_info(place: BidPlace, party: int) -> bytes:
    """Return what HPKE binds an envelope to: protocol version, auction, bidder, revision and party."""
    bidder = uuid.UUID(place.bidder).bytes
    binding = _PLACE.pack(bytes.fromhex(place.auction), bidder, place.revision, party)
    return b"aukciszek/1/envelope\x00" + binding


def commitment(auction: AuctionId, party: int, content: bytes) -> bytes:
    """Return the commitment to an envelope's content; the fresh salt in it hides the share."""
    return labelled_sha256("share", bytes.fromhex(auction), bytes([party]), content)


def seal_bid(
    place: BidPlace,
    bits: Sequence[int],
    *,
    threshold: int,
    sealing_keys: Sequence[SealingPublicKey],
    random_bytes: RandomBytes = secrets.token_bytes,
) -> Bundle:
    """Seal a bid; takes about a millisecond, so keep it off an event loop.

    Args:
        place: where the bundle belongs.
        bits: the binary digits of the price's step, the most significant first
            (:meth:`~aukciszek.auctions.prices.PriceGrid.bits_of`).
        threshold: the polynomials' degree ``t``.
        sealing_keys: one for each party, in the order of their numbers.
        random_bytes: where polynomials and salts come from. The keys of the envelopes themselves always come from
            the operating system.

    Raises:
        ValueError: an element of ``bits`` is no bit, or ``n`` and ``t`` do not fit together.
    """
    parties = len(sealing_keys)
    if not set(bits) <= {0, 1}:
        raise ValueError("only bits can be sealed")
    shares = share_values(bits, parties, threshold, random_bytes).astype(_ELEMENT)
    contents = [EnvelopeContent(random_bytes(SALT_BYTES), share.tobytes()).encode() for share in shares]
    numbered = list(enumerate(zip(sealing_keys, contents, strict=True), start=1))
    return Bundle(
        auction=place.auction,
        bidder=place.bidder,
        revision=place.revision,
        bits=len(bits),
        commitments=tuple(commitment(place.auction, party, content) for party, (_, content) in numbered),
        envelopes=tuple(key.seal(content, envelope_info(place, party)) for party, (key, content) in numbered),
    )


def open_envelope(bundle: Bundle, party: int, key_pair: SealingKeyPair) -> EnvelopeContent:
    """Open a party's own envelope and check what is in it.

    Takes about 0.1 milliseconds. Discard the content before the close: it is a share of a sealed bid.

    Raises:
        EnvelopeDoesNotOpenError: sealed to another key, moved from another place, or changed.
        EnvelopeCommitmentError: the content does not match the commitment in the bundle's header.
        EnvelopeElementError: the content holds a number that is not a field element.
        ValueError: the bundle has no envelope for this party.
    """
    if not 1 <= party <= len(bundle.envelopes):
        raise ValueError("this bundle has no envelope for this party")
    place = BidPlace(auction=bundle.auction, bidder=bundle.bidder, revision=bundle.revision)
    content = key_pair.open(bundle.envelopes[party - 1], envelope_info(place, party))
    return check_content(bundle, party, content)


def check_content(bundle: Bundle, party: int, content: bytes) -> EnvelopeContent:
    """Check what a party found in its envelope, or shows when it is accused of a wrong share.

    Raises:
        EnvelopeWrongSizeError: it has another length than a salt and one element for each bit.
        EnvelopeCommitmentError: it does not match the commitment in the bundle's header.
        EnvelopeElementError: it holds a number that is not a field element.
    """
    if len(content) != content_bytes(bundle.bits):
        raise EnvelopeWrongSizeError("the envelope's content has the wrong length: seal the bid anew")
    if not hmac.compare_digest(commitment(bundle.auction, party, content), bundle.commitments[party - 1]):
        raise EnvelopeCommitmentError("the envelope's content is not what the bundle commits to: seal the bid anew")
    found = EnvelopeContent(content[:SALT_BYTES], content[SALT_BYTES:])
    if (found.elements() >= P).any():
        raise EnvelopeElementError("the envelope holds a number beyond the field: seal the bid anew")
    return found
