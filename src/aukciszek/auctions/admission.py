"""What has to be right about a bundle before its receipt is signed, for several bundles at once and in any process.

``docs/protocol.md``, "Receipts and the input set": this party's own envelope opens, and what is in it is
a usable share.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from aukciszek.auctions.errors import AuctionError
from aukciszek.auctions.identifiers import AuctionId, BundleDigest
from aukciszek.auctions.receipts import give_receipt
from aukciszek.auctions.sealing import OwnEnvelope
from aukciszek.auctions.sealing_keys import SealingKeyPair
from aukciszek.auctions.statements import Receipt, Signed
from aukciszek.cluster import PartyNumber
from aukciszek.identity import Identity


@dataclass(frozen=True, slots=True)
class Counter:
    """Whose envelopes are opened, and who signs. Holds keys; no ``repr`` shows them."""

    auction: AuctionId
    party: PartyNumber
    sealing_seed: bytes = field(repr=False)
    identity_seed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Arrival:
    """One bundle that came."""

    digest: BundleDigest
    envelope: OwnEnvelope | None
    """This party's; None for a withdrawal."""
    received_at: datetime


def admit(counter: Counter, arrivals: Sequence[Arrival]) -> list[Signed[Receipt] | AuctionError]:
    """Open this party's envelope in each bundle, check it and sign the receipt; a bad one gets its error instead.

    The receipts may leave once they are stored together with their bundles, not earlier.
    """
    key_pair = SealingKeyPair(counter.sealing_seed)
    identity = Identity.from_seed(counter.identity_seed)
    return [_admit(counter, arrival, key_pair, identity) for arrival in arrivals]


def _admit(
    counter: Counter, arrival: Arrival, key_pair: SealingKeyPair, identity: Identity
) -> Signed[Receipt] | AuctionError:
    try:
        if arrival.envelope is not None:
            arrival.envelope.open(key_pair)
    except AuctionError as error:
        return error
    return give_receipt(
        identity, counter.party, auction=counter.auction, bundle=arrival.digest, received_at=arrival.received_at
    )
