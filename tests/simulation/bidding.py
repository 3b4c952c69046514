"""The bidders of a history: what they made, what they got for it, and what they show to whom."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from aukciszek.protocol.evidence.receipts import RelayedBid
from aukciszek.protocol.evidence.statements import Receipt, Signed
from aukciszek.protocol.rules.identifiers import BundleDigest, UserId
from aukciszek.protocol.rules.spec import AuctionSpec
from aukciszek.protocol.sealing.bundle import BidKey, Bundle
from aukciszek.protocol.sealing.envelope import seal_bid
from aukciszek.protocol.sealing.keys import SealingPublicKey
from simulation.operations import BIDDERS, Bid
from support.parties import new_bidder


@dataclass(frozen=True)
class Sealed:
    """What a bidder made: the bundle and what is in it."""

    bidder: int
    revision: int
    price: int | None
    """``None``: a withdrawal."""
    spoilt_for: int | None = None


class Bidders:
    """All of them, by number from 0."""

    def __init__(self, spec: AuctionSpec, threshold: int) -> None:
        self.people = [new_bidder() for _ in range(BIDDERS)]
        self.made: dict[BundleDigest, Sealed] = {}
        self.receipts: list[Signed[Receipt]] = []
        self.last: dict[int, list[bytes]] = {}
        self.shown: dict[BundleDigest, set[int]] = {}
        """The parties that were shown enough receipts for a bundle before they signed their list."""
        self._revisions = [0] * BIDDERS
        self._spec = spec
        self._threshold = threshold

    def seal(self, bid: Bid, keys: Sequence[SealingPublicKey] | None) -> list[bytes]:
        """Make the next revision, once or, for twins, twice; nothing where keys are needed and not there."""
        revision = self._revisions[bid.bidder] + 1
        bidder = UserId(self.people[bid.bidder].uid)
        bid_key = BidKey(auction=self._spec.auction_id, bidder=bidder, revision=revision)
        if bid.withdraw:
            bundles = [Bundle.for_withdrawal(auction=bid_key.auction, bidder=bid_key.bidder, revision=revision)]
        elif keys is None:
            return []
        else:
            bits = [bid.price >> position & 1 for position in reversed(range(self._spec.bits))]
            copies = 2 if bid.twin & bid.parties else 1
            bundles = [seal_bid(bid_key, bits, threshold=self._threshold, sealing_keys=keys) for _ in range(copies)]
        self._revisions[bid.bidder] = revision
        contents = []
        for bundle in bundles:
            content = bundle.encode() if bid.spoil is None or bid.withdraw else _spoil(bundle, bid.spoil)
            price = None if bid.withdraw else bid.price
            self.made[Bundle.decode(content).digest()] = Sealed(bid.bidder, revision, price, bid.spoil)
            contents.append(content)
        self.last[bid.bidder] = contents
        return contents

    def relayed(self, bidder: int, *, along: bool) -> RelayedBid | None:
        """Return the receipts for a bidder's last bundle, with the bundle or without; nothing if there are none."""
        contents = self.last.get(bidder)
        if contents is None:
            return None
        digest = Bundle.decode(contents[0]).digest()
        receipts = {one.content.party: one.encode() for one in self.receipts if one.content.bundle == digest}
        bundle = contents[0] if along else None
        return RelayedBid.model_construct(bundle=bundle, receipts=tuple(receipts.values())) if receipts else None


def _spoil(bundle: Bundle, party: int) -> bytes:
    """Break the envelope of one party."""
    envelopes = [bytes(len(one)) if index == party else one for index, one in enumerate(bundle.envelopes, start=1)]
    return replace(bundle, envelopes=tuple(envelopes)).encode()
