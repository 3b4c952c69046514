"""A party's audit record as storage keeps it, turned into the file that users download and auditors verify."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import cast

from pydantic import JsonValue

from aukciszek.clock import format_time
from aukciszek.cluster import PartyNumber
from aukciszek.encoding import canonical_json, parse_canonical_json
from aukciszek.protocol.evidence.audit_record import AuditRecord, RecordEntry
from aukciszek.protocol.rules.identifiers import AuctionId
from aukciszek.storage.rows import RecordRow


def audit_record(auction: AuctionId, party: PartyNumber, rows: Iterable[RecordRow]) -> AuditRecord:
    """Return a whole record of storage as it is verified."""
    entries = (
        RecordEntry(
            seq=row.seq,
            at=row.at,
            actor=row.actor,
            action=row.action,
            details=cast("dict[str, JsonValue]", parse_canonical_json(row.details.encode())),
            previous_hash=row.previous_hash,
            hash=row.hash,
        )
        for row in rows
    )
    return AuditRecord(auction=auction, party=party, entries=tuple(entries))


async def record_file(
    auction: AuctionId, party: PartyNumber, pages: AsyncIterator[Sequence[RecordRow]]
) -> AsyncIterator[bytes]:
    """Yield the bytes of a record file piece by piece: it may have some hundred thousand entries.

    Args:
        auction: the auction.
        party: whose record it is.
        pages: its entries as they are stored, in order, some at a time.
    """
    # In the order of canonical JSON, as :meth:`AuditRecord.encode` writes it.
    yield b'{"auction":' + canonical_json(auction) + b',"entries":['
    separator = b""
    async for rows in pages:
        # Making them takes too long for the event loop.
        yield separator + await asyncio.to_thread(_entries, rows)
        separator = b","
    yield b'],"party":' + canonical_json(party) + b',"version":1}'


def _entries(rows: Sequence[RecordRow]) -> bytes:
    return b",".join(
        canonical_json(
            {
                "seq": row.seq,
                "at": format_time(row.at),
                "actor": row.actor,
                "action": row.action,
                "details": json.loads(row.details),
                "previous_hash": row.previous_hash,
                "hash": row.hash,
            }
        )
        for row in rows
    )
