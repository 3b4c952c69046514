"""Audit records as tests look at them: whole."""

from aukciszek.auctions.service import AuctionService
from aukciszek.protocol.evidence.audit_record import AuditRecord
from aukciszek.protocol.rules.identifiers import AuctionId


async def record_at(party: AuctionService, auction: AuctionId) -> AuditRecord:
    """Return a party's record."""
    return AuditRecord.decode(b"".join([piece async for piece in await party.queries.record(auction)]))
