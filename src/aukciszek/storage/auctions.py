"""Everything that a party stores about auctions, behind one name.

The methods stand by subject in the classes that :class:`AuctionRepository` joins: states here, bids in
:mod:`~aukciszek.storage.bids`, signed statements in :mod:`~aukciszek.storage.statements`, the audit record in
:mod:`~aukciszek.storage.records`. Every method takes ``connection`` to be part of a larger transaction.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from sqlalchemy import and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from aukciszek.storage.bids import BidRepository
from aukciszek.storage.errors import MissingRowError
from aukciszek.storage.records import RecordRepository
from aukciszek.storage.repository import Repository, insert_if_absent, to_row
from aukciszek.storage.rows import AuctionRow
from aukciszek.storage.schema import auctions
from aukciszek.storage.statements import StatementRepository

_COLUMNS: Final = [column for column in auctions.columns if column is not auctions.c.sealing_private]


class StateRepository(Repository):
    """The auctions themselves, and where each stands."""

    async def create_auction(
        self, row: AuctionRow, *, sealing_private: bytes, connection: AsyncConnection | None = None
    ) -> bool:
        """Store a new auction with this party's private sealing key; tell whether it was new.

        The id is the hash of the specification, so an auction that is there already has the same rules. It keeps its
        sealing key and its state.
        """
        async with self._writing(connection) as writing:
            values = {column.name: getattr(row, column.name) for column in _COLUMNS}
            return await insert_if_absent(writing, auctions, values | {"sealing_private": sealing_private})

    async def auction(self, auction_id: str, *, connection: AsyncConnection | None = None) -> AuctionRow | None:
        """Return one auction, if it is known."""
        rows = await self._fetch(select(*_COLUMNS).where(auctions.c.id == auction_id), connection)
        return to_row(AuctionRow, rows[0]) if rows else None

    async def auctions(
        self, limit: int, before: str | None = None, *, connection: AsyncConnection | None = None
    ) -> list[AuctionRow]:
        """Return the newest auctions first, at most ``limit``.

        Args:
            limit: the size of a page.
            before: the id of the last auction on the page before; an unknown id gives an empty page.
            connection: a transaction to take part in.
        """
        statement = select(*_COLUMNS).order_by(auctions.c.created_at.desc(), auctions.c.id.desc()).limit(limit)
        if before is not None:
            last = auctions.alias("last")
            statement = statement.join(last, last.c.id == before).where(
                or_(
                    auctions.c.created_at < last.c.created_at,
                    and_(auctions.c.created_at == last.c.created_at, auctions.c.id < last.c.id),
                )
            )
        return [to_row(AuctionRow, row) for row in await self._fetch(statement, connection)]

    async def unfinished_auctions(
        self, final_states: Collection[str], *, connection: AsyncConnection | None = None
    ) -> list[AuctionRow]:
        """Return every auction that is in none of the ``final_states``, oldest first: what a restart goes on with."""
        statement = (
            select(*_COLUMNS)
            .where(auctions.c.state.not_in(final_states))
            .order_by(auctions.c.created_at, auctions.c.id)
        )
        return [to_row(AuctionRow, row) for row in await self._fetch(statement, connection)]

    async def set_state(
        self, auction_id: str, state: str, at: datetime, *, connection: AsyncConnection | None = None
    ) -> None:
        """Store a change of state.

        Raises:
            MissingRowError: there is no such auction.
        """
        async with self._writing(connection) as writing:
            changed = await writing.execute(
                update(auctions).where(auctions.c.id == auction_id).values(state=state, state_since=at)
            )
            if changed.rowcount != 1:
                raise _missing(auction_id)

    async def next_attempt(
        self, auction_id: str, at_least: int = 1, *, connection: AsyncConnection | None = None
    ) -> int:
        """Count a new session of the auction and return its number: never one that was returned before.

        Args:
            auction_id: which auction.
            at_least: the smallest number that will do, because another party is there already.
            connection: a transaction to take part in.

        Raises:
            MissingRowError: there is no such auction.
        """
        async with self._writing(connection) as writing:
            query = select(auctions.c.attempt).where(auctions.c.id == auction_id)
            last = (await writing.execute(query)).scalar_one_or_none()
            if last is None:
                raise _missing(auction_id)
            attempt: int = max(last + 1, at_least)
            await writing.execute(update(auctions).where(auctions.c.id == auction_id).values(attempt=attempt))
            return attempt

    async def fix_input_set(self, auction_id: str, digest: str, *, connection: AsyncConnection | None = None) -> bool:
        """Store the input set that a session begins on, for good; tell whether this one is stored now.

        Raises:
            MissingRowError: there is no such auction.
        """
        async with self._writing(connection) as writing:
            query = select(auctions.c.id, auctions.c.input_set).where(auctions.c.id == auction_id)
            row = (await writing.execute(query)).one_or_none()
            if row is None:
                raise _missing(auction_id)
            if row.input_set is None:
                await writing.execute(update(auctions).where(auctions.c.id == auction_id).values(input_set=digest))
            return row.input_set in {None, digest}

    async def sealing_private(self, auction_id: str, *, connection: AsyncConnection | None = None) -> bytes | None:
        """Return the private sealing key; None once it was erased, or when there is no such auction."""
        query = select(auctions.c.sealing_private).where(auctions.c.id == auction_id)
        rows = await self._fetch(query, connection)
        return rows[0][0] if rows else None

    async def erase_sealing_private(self, auction_id: str, *, connection: AsyncConnection | None = None) -> None:
        """Destroy the private sealing key: its bytes are overwritten in the database and gone from its log."""
        async with self._writing(connection) as writing:
            await writing.execute(update(auctions).where(auctions.c.id == auction_id).values(sealing_private=None))
            self._database.erase_after_commit()


class AuctionRepository(StateRepository, BidRepository, StatementRepository, RecordRepository):
    """Everything that a party stores about auctions."""


def _missing(auction_id: str) -> MissingRowError:
    return MissingRowError(f"auction {auction_id} is not stored here: create it first")
