"""A bundle: what a bidder hands to every party, the same bytes for all.

``docs/protocol.md``, "The bundle". All integers are big-endian::

    magic "AUKB" | version u8 = 2 | kind u8 (1 bid, 2 withdrawal) | auction id 32 | bidder's UUID 16 | revision u32
    | n u8 | t u8 | bits u8 | n commitments of 32 bytes | proof of degree, 24 (t + 1) bytes
    | n envelopes, each: length u16, then as many bytes

A withdrawal has ``n = t = bits = 0`` and ends there. Every value has exactly one byte form: the lengths of proof and
envelopes follow from ``t`` and ``bits``, and left-over bytes are refused.
"""

import struct
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Self

from aukciszek.cluster import LARGEST_CLUSTER, SMALLEST_CLUSTER
from aukciszek.mpc.sharing.sizes import ELEMENT_BYTES, proof_bytes, row_elements
from aukciszek.protocol.rules.errors import BundleDoesNotFitError, BundleOfOtherAuctionError, MalformedBundleError
from aukciszek.protocol.rules.identifiers import (
    DIGEST_BYTES,
    AuctionId,
    BundleDigest,
    UserId,
    labelled_sha256,
    parse_auction_id,
    parse_user_id,
    user_id_bytes,
    user_id_of,
)
from aukciszek.protocol.rules.prices import LARGEST_BITS
from aukciszek.protocol.rules.spec import AuctionSpec
from aukciszek.protocol.sealing.keys import SEALING_OVERHEAD_BYTES

LARGEST_REVISION: Final = 2**32 - 1

_HEAD: Final = struct.Struct(">4sBB32s16sIBBB")
_LENGTH: Final = struct.Struct(">H")
_MAGIC: Final = b"AUKB"
_VERSION: Final = 2
_BID: Final = 1
_WITHDRAWAL: Final = 2


def content_bytes(bits: int) -> int:
    """Return the length of what an envelope holds: one element for each bit, each salt and each mask of the proof."""
    return ELEMENT_BYTES * row_elements(bits)


def envelope_bytes(bits: int) -> int:
    """Return the length of a sealed envelope."""
    return content_bytes(bits) + SEALING_OVERHEAD_BYTES


_LARGEST_THRESHOLD: Final = (LARGEST_CLUSTER - 1) // 2
MOST_BUNDLE_BYTES: Final = (
    _HEAD.size
    + proof_bytes(_LARGEST_THRESHOLD)
    + LARGEST_CLUSTER * (DIGEST_BYTES + _LENGTH.size + envelope_bytes(LARGEST_BITS))
)
"""No bundle is longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BidKey:
    """What a bid is bound to: its envelopes open for no other."""

    auction: AuctionId
    bidder: UserId
    revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleHeader:
    """What is public about a bundle, and enough to decide whether it counts."""

    digest: BundleDigest
    auction: AuctionId
    bidder: UserId
    revision: int
    withdrawal: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A sealed bid, or the withdrawal of one.

    Attributes:
        auction: for which auction it was made.
        bidder: who made it; the parties compare this with who sent it.
        revision: counts from 1; of several bundles from one bidder the highest revision counts.
        threshold: the degree of the polynomials that the bits are shared with; 0 for a withdrawal.
        bits: the number of bits of the bid; 0 for a withdrawal.
        commitments: for every party the hash of its envelope's content.
        proof: that the shares have this degree (:mod:`aukciszek.mpc.sharing.dealing`); empty for a withdrawal.
        envelopes: for every party its sealed share.
    """

    auction: AuctionId
    bidder: UserId
    revision: int
    threshold: int
    bits: int
    commitments: tuple[bytes, ...]
    proof: bytes
    envelopes: tuple[bytes, ...] = field(repr=False)

    def __post_init__(self) -> None:
        parse_auction_id(self.auction)
        parse_user_id(self.bidder)
        if not 1 <= self.revision <= LARGEST_REVISION:
            raise MalformedBundleError(f"a bundle's revision is a number from 1 to {LARGEST_REVISION}")
        if len(self.commitments) != len(self.envelopes):
            raise MalformedBundleError("a bundle has one commitment for every envelope")
        if self.withdrawal:
            if self.bits or self.threshold or self.proof:
                raise MalformedBundleError("a withdrawal has no bits, no proof and no envelopes")
            return
        self._check_sizes()

    def _check_sizes(self) -> None:
        if not SMALLEST_CLUSTER <= len(self.envelopes) <= LARGEST_CLUSTER:
            raise MalformedBundleError(f"a bid has {SMALLEST_CLUSTER} to {LARGEST_CLUSTER} envelopes, one per party")
        if not 1 <= self.threshold <= (len(self.envelopes) - 1) // 2:
            raise MalformedBundleError("the threshold t of a bid with n envelopes satisfies t >= 1 and n >= 2t + 1")
        if not 1 <= self.bits <= LARGEST_BITS:
            raise MalformedBundleError(f"a bid has 1 to {LARGEST_BITS} bits")
        if len(self.proof) != proof_bytes(self.threshold):
            raise MalformedBundleError(f"the proof for degree {self.threshold} has {proof_bytes(self.threshold)} bytes")
        if any(len(commitment) != DIGEST_BYTES for commitment in self.commitments):
            raise MalformedBundleError(f"a commitment has {DIGEST_BYTES} bytes")
        if any(len(envelope) != envelope_bytes(self.bits) for envelope in self.envelopes):
            raise MalformedBundleError(f"an envelope for {self.bits} bits has {envelope_bytes(self.bits)} bytes")

    @classmethod
    def for_withdrawal(cls, *, auction: AuctionId, bidder: UserId, revision: int) -> Self:
        """Return the bundle that takes back the bidder's earlier revisions."""
        return cls(
            auction=auction,
            bidder=bidder,
            revision=revision,
            threshold=0,
            bits=0,
            commitments=(),
            proof=b"",
            envelopes=(),
        )

    @classmethod
    def decode(cls, content: bytes) -> Self:
        """Read a bundle's bytes.

        Raises:
            MalformedBundleError: the bytes are not the one form of a bundle.
        """
        kind, auction, bidder, revision, parties, threshold, bits = _read_head(content)
        if kind not in {_BID, _WITHDRAWAL} or (kind == _WITHDRAWAL) != (parties == 0):
            raise MalformedBundleError("a bundle is either a bid with envelopes or a withdrawal without")
        commitments_end = _HEAD.size + parties * DIGEST_BYTES
        proof_end = commitments_end + (proof_bytes(threshold) if parties else 0)
        length = envelope_bytes(bits)
        stride = _LENGTH.size + length
        if parties and bits > LARGEST_BITS:
            raise MalformedBundleError(f"a bid has 1 to {LARGEST_BITS} bits")
        if len(content) != proof_end + parties * stride:
            raise MalformedBundleError("the bundle's length does not follow from its numbers of parties and bits")
        starts = range(proof_end, len(content), stride)
        if any(_LENGTH.unpack_from(content, start) != (length,) for start in starts):
            raise MalformedBundleError(f"an envelope for {bits} bits has {length} bytes")
        return cls(
            auction=auction,
            bidder=bidder,
            revision=revision,
            threshold=threshold,
            bits=bits,
            commitments=tuple(
                content[start : start + DIGEST_BYTES] for start in range(_HEAD.size, commitments_end, DIGEST_BYTES)
            ),
            proof=content[commitments_end:proof_end],
            envelopes=tuple(content[start + _LENGTH.size : start + stride] for start in starts),
        )

    def encode(self) -> bytes:
        """Return the only byte form of this bundle."""
        head = _HEAD.pack(
            _MAGIC,
            _VERSION,
            _WITHDRAWAL if self.withdrawal else _BID,
            bytes.fromhex(self.auction),
            user_id_bytes(self.bidder),
            self.revision,
            len(self.envelopes),
            self.threshold,
            self.bits,
        )
        sealed = (part for envelope in self.envelopes for part in (_LENGTH.pack(len(envelope)), envelope))
        return b"".join((head, *self.commitments, self.proof, *sealed))

    @property
    def withdrawal(self) -> bool:
        """Whether this takes a bid back."""
        return not self.envelopes

    def digest(self) -> BundleDigest:
        """Return the hash that identifies these bytes."""
        return bundle_digest(self.encode())

    def header(self) -> BundleHeader:
        """Return what is public about this bundle."""
        return BundleHeader(
            digest=self.digest(),
            auction=self.auction,
            bidder=self.bidder,
            revision=self.revision,
            withdrawal=self.withdrawal,
        )

    def check_fits(self, spec: AuctionSpec) -> None:
        """Check that this bundle can be used in an auction.

        Raises:
            BundleOfOtherAuctionError: it was made for another auction.
            BundleDoesNotFitError: it has another number of envelopes or bits than the auction asks for.
        """
        BundleShape.of(spec).check(self)


@dataclass(frozen=True, slots=True)
class BundleShape:
    """What an auction's rules ask of a bundle."""

    auction: AuctionId
    parties: int
    threshold: int
    bits: int

    @classmethod
    def of(cls, spec: AuctionSpec) -> Self:
        """Take it out of the rules."""
        return cls(spec.auction_id, spec.parties, spec.threshold, spec.bits)

    def check(self, bundle: Bundle) -> None:
        """Check that a bundle can be used; see :meth:`Bundle.check_fits`."""
        if bundle.auction != self.auction:
            raise BundleOfOtherAuctionError("this bundle was made for another auction: seal one for this auction")
        shape = (len(bundle.envelopes), bundle.threshold, bundle.bits)
        if not bundle.withdrawal and shape != (self.parties, self.threshold, self.bits):
            raise BundleDoesNotFitError(
                f"a bid here has {self.parties} envelopes, degree {self.threshold} and {self.bits} bits: seal it again"
            )


def bundle_digest(content: bytes) -> BundleDigest:
    """Return the hash that identifies a bundle's bytes."""
    return BundleDigest(labelled_sha256("bundle", content).hex())


@dataclass(frozen=True, slots=True)
class BundleClaim:
    """What a bundle says of itself at its beginning; the rest of it was not looked at."""

    bidder: UserId
    revision: int
    withdrawal: bool


def claim_of(content: bytes) -> BundleClaim:
    """Return what bytes that somebody sent say that they are.

    Raises:
        MalformedBundleError: they do not begin as a bundle does.
    """
    head = _read_head(content)
    return BundleClaim(head.bidder, head.revision, head.kind == _WITHDRAWAL)


def header_of(content: bytes) -> BundleHeader:
    """Return what is public about a bundle from its bytes, which were read by :meth:`Bundle.decode` before.

    Raises:
        MalformedBundleError: they do not begin as a bundle does.
    """
    head = _read_head(content)
    return BundleHeader(
        digest=bundle_digest(content),
        auction=head.auction,
        bidder=head.bidder,
        revision=head.revision,
        withdrawal=head.kind == _WITHDRAWAL,
    )


class _Head(NamedTuple):
    """What a bundle begins with, after magic and version."""

    kind: int
    auction: AuctionId
    bidder: UserId
    revision: int
    parties: int
    threshold: int
    bits: int


def _read_head(content: bytes) -> _Head:
    if not _HEAD.size <= len(content) <= MOST_BUNDLE_BYTES:
        raise MalformedBundleError(f"a bundle has {_HEAD.size} to {MOST_BUNDLE_BYTES} bytes")
    magic, version, kind, auction, bidder, *numbers = _HEAD.unpack_from(content)
    if magic != _MAGIC or version != _VERSION:
        raise MalformedBundleError(f"this is no bundle of version {_VERSION}: update the program that made it")
    return _Head(kind, AuctionId(auction.hex()), user_id_of(bidder), *numbers)
