"""What has to be right about a bundle before its receipt is signed, for several bundles at once and in any process.

``docs/protocol.md``, "Receipts and the input set": the bundle fits the auction, this party's own envelope opens, and
what is in it is a usable share.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from aukciszek.cluster import PartyNumber
from aukciszek.identity import Identity
from aukciszek.protocol.evidence.receipts import sign_receipt
from aukciszek.protocol.rules.errors import AuctionError
from aukciszek.protocol.rules.identifiers import BundleDigest
from aukciszek.protocol.sealing.bundle import Bundle, BundleShape, bundle_digest
from aukciszek.protocol.sealing.envelope import OwnEnvelope
from aukciszek.protocol.sealing.keys import SealingKeyPair

type Arrival = tuple[bytes, datetime]
"""A bundle's bytes, and the moment when they came."""


@dataclass(frozen=True, slots=True)
class AdmissionPolicy:
    """Which bundles are taken, whose envelopes are opened, and who signs. Holds keys; no ``repr`` shows them."""

    shape: BundleShape
    party: PartyNumber
    sealing_seed: bytes | None = field(repr=False)
    """None: it is lost, and nothing but withdrawals is taken."""
    identity_seed: bytes = field(repr=False)


class SignedReceipt(NamedTuple):
    """A receipt that may leave once it is stored together with its bundle, not earlier."""

    bundle: BundleDigest
    statement: bytes
    """Signed; see :func:`~aukciszek.protocol.evidence.receipts.sign_receipt`."""


@dataclass(slots=True)
class _PendingBid:
    """A bundle on its way to a receipt; never leaves this module."""

    arrival: Arrival
    envelope: OwnEnvelope | None
    """None: a withdrawal has none."""
    found: bytes = field(default=b"", repr=False)
    """What was in the envelope: a secret."""


def admit(policy: AdmissionPolicy, arrivals: Sequence[Arrival]) -> list[SignedReceipt | AuctionError]:
    """Check bundles, open this party's envelope in each and sign the receipts; a bad one gets its error instead.

    Every step is done for all of them before the next one: it takes a third less time while the processor has the
    code of one step at hand.

    Args:
        policy: what is taken, and who signs.
        arrivals: of each the bytes and the moment.
    """
    key_pair = None if policy.sealing_seed is None else SealingKeyPair(policy.sealing_seed)
    identity = Identity.from_seed(policy.identity_seed)

    def read(arrival: Arrival) -> _PendingBid:
        bundle = Bundle.decode(arrival[0])
        policy.shape.check(bundle)
        return _PendingBid(arrival, None if bundle.withdrawal else OwnEnvelope.of(bundle, policy.party))

    def unseal(bid: _PendingBid) -> _PendingBid:
        if bid.envelope is not None and key_pair is not None:
            bid.found = bid.envelope.unseal(key_pair)
        return bid

    def check(bid: _PendingBid) -> _PendingBid:
        if bid.envelope is not None:
            bid.envelope.check(bid.found)
        return bid

    def give(bid: _PendingBid) -> SignedReceipt:
        content, received_at = bid.arrival
        bundle = bundle_digest(content)
        statement = sign_receipt(
            identity, policy.party, auction=policy.shape.auction, bundle=bundle, received_at=received_at
        )
        return SignedReceipt(bundle, statement)

    return _each(give, _each(check, _each(unseal, _each(read, arrivals))))


def _each[Item, Result](
    step: Callable[[Item], Result], items: Sequence[Item | AuctionError]
) -> list[Result | AuctionError]:
    """Do a step for all that nothing was wrong with so far."""
    return [item if isinstance(item, AuctionError) else _attempt(step, item) for item in items]


def _attempt[Item, Result](step: Callable[[Item], Result], item: Item) -> Result | AuctionError:
    try:
        return step(item)
    except AuctionError as error:
        return error
