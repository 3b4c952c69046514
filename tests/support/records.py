"""Audit records as tests look at them: whole."""

from aukciszek.auctions.identifiers import AuctionId
from aukciszek.auctions.reading import AuctionReader
from aukciszek.auctions.record import AuditRecord


async def record_at(party: AuctionReader, auction: AuctionId) -> AuditRecord:
    """Return a party's record."""
    return AuditRecord.decode(b"".join([piece async for piece in await party.record(auction)]))
