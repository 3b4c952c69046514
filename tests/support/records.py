"""Audit records as tests look at them: whole."""

from aukciszek.auctions.queries import AuctionQueries
from aukciszek.protocol.evidence.audit_log import AuditRecord
from aukciszek.protocol.rules.identifiers import AuctionId


async def record_at(party: AuctionQueries, auction: AuctionId) -> AuditRecord:
    """Return a party's record."""
    return AuditRecord.decode(b"".join([piece async for piece in await party.record(auction)]))
