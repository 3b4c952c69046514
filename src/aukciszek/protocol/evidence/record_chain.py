"""The chain of an audit record: each entry names the hash of the one before.

``docs/protocol.md``, "The audit record". Storage writes the chain
(:mod:`aukciszek.storage.repositories.audit_record`), and :mod:`~aukciszek.protocol.evidence.audit_record` verifies it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple

from aukciszek.clock import format_time
from aukciszek.encoding import Json, canonical_json, sha256_hex

FIRST_PREVIOUS_HASH: Final = "0" * 64
"""What the first entry of an auction's record names as the hash before it."""


class NewRecordEntry(NamedTuple):
    """An entry of the audit record that has no place in the chain yet."""

    auction_id: str
    at: datetime
    actor: str
    action: str
    details: Mapping[str, Json]


def record_hash(entry: NewRecordEntry, seq: int, previous_hash: str) -> str:
    """Return the hash of an entry at its place in the chain: SHA-256 of canonical JSON, 64 hexadecimal digits."""
    return sha256_hex(
        canonical_json(
            {
                "auction": entry.auction_id,
                "seq": seq,
                "at": format_time(entry.at),
                "actor": entry.actor,
                "action": entry.action,
                "details": dict(entry.details),
                "previous": previous_hash,
            }
        )
    )
