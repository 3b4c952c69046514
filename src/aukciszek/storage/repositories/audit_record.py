"""The audit record, append-only and hash-chained, and the incidents.

Each entry of an auction's record names the hash of the one before it, so that no entry can be changed, removed or
inserted later without changing the hash of the last one, which the parties can compare. Entries are never changed or
removed: no method here does so.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, delete, insert, select

from aukciszek.encoding import Json, canonical_json
from aukciszek.protocol.evidence.record_chain import FIRST_PREVIOUS_HASH, NewRecordEntry, record_hash
from aukciszek.storage.backends.connection import DatabaseConnection
from aukciszek.storage.repositories.bulk_insert import insert_rows, refuse_conflicts
from aukciszek.storage.repositories.repository import Repository, to_row, to_values
from aukciszek.storage.rows import IncidentRow, RecordRow
from aukciszek.storage.schema import incidents, record

MOST_INCIDENTS: Final = 10_000
"""Anyone who can connect can cause incidents, so the oldest are dropped; the log keeps them for longer."""

_LAST_ENTRY: Final = (
    select(record.c.seq, record.c.hash)
    .where(record.c.auction_id == bindparam("auction_id"))
    .order_by(record.c.seq.desc())
    .limit(1)
)


def append_entry(database: Connection, entry: NewRecordEntry) -> RecordRow:
    """Chain ``entry`` to the last one of its auction, in the caller's transaction."""
    row = _chained(entry, *_end_of_chain(database, entry.auction_id))
    database.execute(insert(record), to_values(row, record))
    return row


def append_entries(database: Connection, entries: Sequence[NewRecordEntry]) -> None:
    """Chain entries of one auction, one after the other, in the caller's transaction."""
    if not entries:
        return
    rows: list[RecordRow] = []
    seq, previous_hash = _end_of_chain(database, entries[0].auction_id)
    for entry in entries:
        rows.append(_chained(entry, seq, previous_hash))
        seq, previous_hash = seq + 1, rows[-1].hash
    insert_rows(database, record, rows, refuse_conflicts)


def _end_of_chain(database: Connection, auction_id: str) -> tuple[int, str]:
    """Return the number of the next entry, and the hash that it will name."""
    last = database.execute(_LAST_ENTRY, {"auction_id": auction_id}).one_or_none()
    return (1, FIRST_PREVIOUS_HASH) if last is None else (last.seq + 1, last.hash)


def _chained(entry: NewRecordEntry, seq: int, previous_hash: str) -> RecordRow:
    return RecordRow(
        auction_id=entry.auction_id,
        seq=seq,
        at=entry.at,
        actor=entry.actor,
        action=entry.action,
        details=canonical_json(entry.details).decode(),
        previous_hash=previous_hash,
        hash=record_hash(entry, seq, previous_hash),
    )


class RecordRepository(Repository):
    """The audit records of auctions, and the incidents."""

    async def append_record(  # noqa: PLR0913 -- the columns of an entry
        self,
        auction_id: str,
        at: datetime,
        actor: str,
        action: str,
        details: Mapping[str, Json],
        *,
        connection: DatabaseConnection | None = None,
    ) -> RecordRow:
        """Append an entry to an auction's record and return it with its position in the chain.

        Raises:
            ValueError: ``details`` has no canonical JSON form.
        """
        entry = NewRecordEntry(auction_id=auction_id, at=at, actor=actor, action=action, details=details)
        return await self._write(lambda database: append_entry(database, entry), connection)

    async def record(
        self, auction_id: str, *, after: int = 0, limit: int | None = None, connection: DatabaseConnection | None = None
    ) -> list[RecordRow]:
        """Return an auction's record in order, from the entry that follows number ``after``."""
        query = select(record).where(record.c.auction_id == auction_id, record.c.seq > after).order_by(record.c.seq)
        rows = await self._fetch(query.limit(limit), connection)
        return [to_row(RecordRow, row) for row in rows]

    async def has_happened(self, auction_id: str, action: str, *, connection: DatabaseConnection | None = None) -> bool:
        """Return whether an action is on an auction's record."""
        query = select(1).where(record.c.auction_id == auction_id, record.c.action == action).limit(1)
        return bool(await self._fetch(query, connection))

    async def add_incident(  # noqa: PLR0913 -- the columns of an entry
        self,
        at: datetime,
        kind: str,
        details: Mapping[str, Json],
        *,
        auction_id: str | None = None,
        party: int | None = None,
        connection: DatabaseConnection | None = None,
    ) -> int:
        """Store a violation of the protocol by ``party``; return the incident's number.

        Only the newest :data:`MOST_INCIDENTS` are kept.
        """
        values = {
            "at": at,
            "auction_id": auction_id,
            "party": party,
            "kind": kind,
            "details": canonical_json(details).decode(),
        }
        statement = insert(incidents).values(values).returning(incidents.c.id)

        def work(database: Connection) -> int:
            number: int = database.execute(statement).scalar_one()
            database.execute(delete(incidents).where(incidents.c.id <= number - MOST_INCIDENTS))
            return number

        return await self._write(work, connection)

    async def incidents(
        self, limit: int, *, auction_id: str | None = None, connection: DatabaseConnection | None = None
    ) -> list[IncidentRow]:
        """Return the newest incidents first, at most ``limit``, of one auction or of all."""
        query = select(incidents).order_by(incidents.c.id.desc()).limit(limit)
        if auction_id is not None:
            query = query.where(incidents.c.auction_id == auction_id)
        return [to_row(IncidentRow, row) for row in await self._fetch(query, connection)]
