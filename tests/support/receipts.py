"""Receipts as models, for tests that make up what parties signed."""

from datetime import datetime

from aukciszek.cluster import PartyNumber
from aukciszek.identity import Identity
from aukciszek.protocol.evidence.receipts import sign_receipt
from aukciszek.protocol.evidence.statements import Receipt, Signed, read_verified_statement
from aukciszek.protocol.rules.identifiers import AuctionId, BundleDigest


def give_receipt(
    identity: Identity, party: PartyNumber, *, auction: AuctionId, bundle: BundleDigest, received_at: datetime
) -> Signed[Receipt]:
    """Return what a party gives for a bundle, read again."""
    statement = sign_receipt(identity, party, auction=auction, bundle=bundle, received_at=received_at)
    return read_verified_statement(Receipt, statement)
