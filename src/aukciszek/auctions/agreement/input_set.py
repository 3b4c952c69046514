"""What is computed on: the bids that count by the parties' signed lists, the same wherever the lists are the same.

``docs/protocol.md``, "Receipts and the input set". A bundle counts if at least ``t + 1`` different parties signed that
they had it by the close: one of them is honest. A bundle that ``t + 1`` parties could not use is left out; the auction
is cancelled if ``t + 1`` parties' order statements to cancel stand in the lists; the keys are those that the tables in
the lists agree on.

No input or output: :func:`~aukciszek.auctions.agreement.tally.tally_receipts`, then
:meth:`~aukciszek.auctions.agreement.tally.Tally.missing` to fetch what is not here, then :func:`form_input_set`.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

from aukciszek.auctions.agreement.tally import Tally
from aukciszek.cluster import PartyNumber
from aukciszek.mpc.mode import Mode
from aukciszek.protocol.evidence.key_tables import ChosenKeys, choose_keys
from aukciszek.protocol.rules.errors import AgreementError
from aukciszek.protocol.rules.identifiers import (
    DIGEST_BYTES,
    AuctionId,
    BundleDigest,
    UserId,
    labelled_sha256,
)
from aukciszek.protocol.sealing.bundle import BundleHeader

type NotCountedReason = Literal["too-few-receipts", "replaced", "withdrawn", "same-revision-twice"]

_COUNTS: Final = struct.Struct(">?II")


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedBid:
    """A bid that goes into the computation."""

    digest: BundleDigest
    bidder: UserId
    revision: int
    receipts: tuple[PartyNumber, ...]
    """The parties known to have signed in time, ascending. Not part of the input set's digest."""


@dataclass(frozen=True, kw_only=True)
class InputSet:
    """What the parties agree on before a session: the bids that count, and all else that decides what is computed.

    Attributes:
        auction: the auction.
        bids: those that count, ascending by bundle digest, at most one for each bidder.
        unusable: those among them that are left out, as too many parties could not use their envelope; ascending.
        cancelled: whether the auctioneer's order to cancel counts, so that nothing is computed.
        keys: the keys for shared randomness; None if the parties' tables do not give any.
        not_counted: every other bundle that was named, with the reason, for the audit record. Not part of the digest.
    """

    auction: AuctionId
    bids: tuple[CountedBid, ...]
    unusable: tuple[BundleDigest, ...] = ()
    cancelled: bool = False
    keys: ChosenKeys | None = None
    not_counted: tuple[tuple[BundleDigest, NotCountedReason], ...] = ()

    @property
    def digests(self) -> tuple[BundleDigest, ...]:
        """The bundles that count, ascending."""
        return tuple(bid.digest for bid in self.bids)

    @property
    def computed(self) -> tuple[CountedBid, ...]:
        """The bids that are computed on: all but those left out."""
        left_out = frozenset(self.unusable)
        return tuple(bid for bid in self.bids if bid.digest not in left_out)

    @cached_property
    def digest(self) -> str:
        """What the parties compare before a session starts; 64 hexadecimal digits."""
        keys = bytes(DIGEST_BYTES) if self.keys is None else bytes.fromhex(self.keys.digest)
        named = (bytes.fromhex(digest) for digest in (*self.digests, *self.unusable))
        counts = _COUNTS.pack(self.cancelled, len(self.bids), len(self.unusable))
        return labelled_sha256("input-set", bytes.fromhex(self.auction), keys, counts, *named).hex()


def form_input_set(tally: Tally, headers: Mapping[BundleDigest, BundleHeader], mode: Mode | None = None) -> InputSet:
    """Choose the bids that count among the settled bundles.

    Of several bundles of one bidder the highest revision counts; of two with the same revision the one with the lower
    digest. A bidder whose highest revision is a withdrawal has no bid.

    Args:
        tally: what the parties signed.
        headers: of the settled bundles at least, read from the bundles themselves and not from anybody's list.
        mode: decides which keys the parties' tables give; without it none are chosen.

    Raises:
        AgreementError: a settled bundle's header is missing or belongs elsewhere.
    """
    chosen: dict[UserId, BundleHeader] = {}
    settled = frozenset(tally.settled)
    not_counted: dict[BundleDigest, NotCountedReason] = {
        bundle: "too-few-receipts" for bundle in tally.in_time if bundle not in settled
    }
    # Highest revision first, and among equal ones the lower digest first: the first of each bidder is the one.
    for header in sorted(_settled_headers(tally, headers), key=lambda header: (-header.revision, header.digest)):
        best = chosen.setdefault(header.bidder, header)
        if best.digest != header.digest:
            not_counted[header.digest] = "same-revision-twice" if best.revision == header.revision else "replaced"
        elif header.withdrawal:
            not_counted[header.digest] = "withdrawn"
    bids = (
        CountedBid(
            digest=header.digest,
            bidder=header.bidder,
            revision=header.revision,
            receipts=tuple(sorted(tally.in_time[header.digest])),
        )
        for header in chosen.values()
        if not header.withdrawal
    )
    ascending = tuple(sorted(bids, key=lambda bid: bid.digest))
    return InputSet(
        auction=tally.auction,
        bids=ascending,
        unusable=tuple(bid.digest for bid in ascending if tally.unusable(bid.digest)),
        cancelled=tally.cancelled,
        keys=None if mode is None else choose_keys(mode, tally.attested),
        not_counted=tuple(sorted(not_counted.items())),
    )


def _settled_headers(tally: Tally, headers: Mapping[BundleDigest, BundleHeader]) -> Iterator[BundleHeader]:
    for digest in tally.settled:
        header = headers.get(digest)
        if header is None:
            raise AgreementError(f"bundle {digest} is not here yet: fetch it from a party that signed for it")
        if header.digest != digest or header.auction != tally.auction:
            raise AgreementError(f"the header given for bundle {digest} belongs to another bundle or auction")
        yield header
