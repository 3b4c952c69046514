"""What has to be right about a bundle before its receipt is signed, for several bundles at once and in any process.

``docs/protocol.md``, "Receipts and the input set": the bundle fits the auction, this party's own envelope opens, and
what is in it is a usable share.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from aukciszek.auctions.bundle import Bundle, BundleShape, bundle_digest
from aukciszek.auctions.errors import AuctionError
from aukciszek.auctions.receipts import give_receipt
from aukciszek.auctions.sealing import open_envelope
from aukciszek.auctions.sealing_keys import SealingKeyPair
from aukciszek.auctions.statements import Receipt, Signed
from aukciszek.cluster import PartyNumber
from aukciszek.identity import Identity


@dataclass(frozen=True, slots=True)
class Counter:
    """Which bundles are taken, whose envelopes are opened, and who signs. Holds keys; no ``repr`` shows them."""

    shape: BundleShape
    party: PartyNumber
    sealing_seed: bytes = field(repr=False)
    identity_seed: bytes = field(repr=False)


def admit(counter: Counter, arrivals: Sequence[tuple[bytes, datetime]]) -> list[Signed[Receipt] | AuctionError]:
    """Check bundles, open this party's envelope in each and sign the receipts; a bad one gets its error instead.

    The receipts may leave once they are stored together with their bundles, not earlier.

    Args:
        counter: where they came.
        arrivals: of each the bytes and the moment.
    """
    key_pair = SealingKeyPair(counter.sealing_seed)
    identity = Identity.from_seed(counter.identity_seed)
    return [_admit(counter, *arrival, key_pair, identity) for arrival in arrivals]


def _admit(
    counter: Counter, content: bytes, received_at: datetime, key_pair: SealingKeyPair, identity: Identity
) -> Signed[Receipt] | AuctionError:
    try:
        bundle = Bundle.decode(content)
        counter.shape.check(bundle)
        if not bundle.withdrawal:
            open_envelope(bundle, counter.party, key_pair)
    except AuctionError as error:
        return error
    return give_receipt(
        identity, counter.party, auction=counter.shape.auction, bundle=bundle_digest(content), received_at=received_at
    )
