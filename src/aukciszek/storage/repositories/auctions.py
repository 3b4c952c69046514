"""Everything that a party stores about auctions, behind one name.

The methods are grouped by subject in the classes that :class:`AuctionRepository` joins: states here, bids in
:mod:`.bids`, signed statements in :mod:`.statements`, keys for shared randomness in :mod:`.keys`, masked openings in
:mod:`.openings`, the audit record in :mod:`.audit_record`. Every method takes ``connection`` to be part of a larger
transaction.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Column, Connection, and_, or_, select, tuple_, update

from aukciszek.storage.backends.connection import DatabaseConnection
from aukciszek.storage.errors import MissingRowError
from aukciszek.storage.repositories.audit_record import RecordRepository
from aukciszek.storage.repositories.bids import BidRepository
from aukciszek.storage.repositories.keys import KeyRepository, erase_auction_keys
from aukciszek.storage.repositories.openings import OpeningRepository, erase_openings, erase_recovered
from aukciszek.storage.repositories.repository import Repository, insert_if_absent, to_row
from aukciszek.storage.repositories.statements import StatementRepository
from aukciszek.storage.rows import AuctionRow
from aukciszek.storage.schema import auctions, lists

_SECRET: Final = (auctions.c.sealing_private, auctions.c.recovery_private)
_COLUMNS: Final = [column for column in auctions.columns if all(column is not secret for secret in _SECRET)]


class StateRepository(Repository):
    """The auctions and their states."""

    async def create_auction(self, row: AuctionRow, *, connection: DatabaseConnection | None = None) -> bool:
        """Store a new auction; return whether it was new.

        The id is the hash of the specification, so an auction that exists already has the same rules. It keeps its
        sealing key and its state.
        """
        values = {column.name: getattr(row, column.name) for column in _COLUMNS}
        return await self._write(lambda database: insert_if_absent(database, auctions, values), connection)

    async def auction(self, auction_id: str, *, connection: DatabaseConnection | None = None) -> AuctionRow | None:
        """Return one auction, if it is known."""
        rows = await self._fetch(select(*_COLUMNS).where(auctions.c.id == auction_id), connection)
        return to_row(AuctionRow, rows[0]) if rows else None

    async def auctions(
        self, limit: int, before: str | None = None, *, connection: DatabaseConnection | None = None
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
        self, final_states: Collection[str], *, connection: DatabaseConnection | None = None
    ) -> list[AuctionRow]:
        """Return every auction that is in none of the ``final_states``, oldest first: those that a restart resumes."""
        statement = (
            select(*_COLUMNS)
            .where(auctions.c.state.not_in(final_states))
            .order_by(auctions.c.created_at, auctions.c.id)
        )
        return [to_row(AuctionRow, row) for row in await self._fetch(statement, connection)]

    async def set_state(
        self, auction_id: str, state: str, at: datetime, *, connection: DatabaseConnection | None = None
    ) -> None:
        """Store a change of state.

        Raises:
            MissingRowError: there is no such auction.
        """
        await self._write(lambda database: _change(database, auction_id, state=state, state_since=at), connection)

    async def next_attempt(
        self, auction_id: str, at_least: int = 1, *, connection: DatabaseConnection | None = None
    ) -> int:
        """Count a new session of the auction and return its number, which was never returned before.

        Args:
            auction_id: which auction.
            at_least: the smallest acceptable number, because another party is there already.
            connection: a transaction to take part in.

        Raises:
            MissingRowError: there is no such auction.
        """

        def work(database: Connection) -> int:
            attempt: int = max(_one(database, auctions.c.attempt, auction_id) + 1, at_least)
            _change(database, auction_id, attempt=attempt)
            return attempt

        return await self._write(work, connection)

    async def fix_input_set(  # noqa: PLR0913 -- the row and what goes with it
        self,
        auction_id: str,
        digest: str,
        began_on: Collection[tuple[int, str]],
        proposal: bytes,
        *,
        replace: bool = False,
        connection: DatabaseConnection | None = None,
    ) -> bool:
        """Store the input set that a session begins on; return whether this one is stored now.

        Args:
            auction_id: which auction.
            digest: the digest of the input set.
            began_on: the lists that say so, by party and digest; marked the first time only.
            proposal: the announcements on which it begins; kept the first time only.
            replace: whether it replaces another one that a session began on before.
            connection: a transaction to take part in.

        Raises:
            MissingRowError: there is no such auction.
        """

        def work(database: Connection) -> bool:
            fixed = _one(database, auctions.c.input_set, auction_id)
            if fixed is None or (replace and fixed != digest):
                _change(database, auction_id, input_set=digest, proposal=proposal)
                chosen = tuple_(lists.c.party, lists.c.digest).in_(list(began_on))
                of_auction = update(lists).where(lists.c.auction_id == auction_id)
                database.execute(of_auction.values(began_on=False))
                database.execute(of_auction.where(chosen).values(began_on=True))
                return True
            return bool(fixed == digest)

        return await self._write(work, connection)

    async def set_recalled(
        self, auction_id: str, *, recalled: bool, connection: DatabaseConnection | None = None
    ) -> None:
        """Store whether this party knows everything that it ever signed about an auction.

        Raises:
            MissingRowError: there is no such auction.
        """
        await self._write(lambda database: _change(database, auction_id, recalled=recalled), connection)

    async def set_proposal(
        self, auction_id: str, proposal: bytes, *, connection: DatabaseConnection | None = None
    ) -> None:
        """Store the announcements on which an auction was cancelled.

        Raises:
            MissingRowError: there is no such auction.
        """
        await self._write(lambda database: _change(database, auction_id, proposal=proposal), connection)

    async def put_sealing_private(
        self, auction_id: str, private: bytes, *, connection: DatabaseConnection | None = None
    ) -> None:
        """Store this party's private sealing key.

        Raises:
            MissingRowError: there is no such auction.
        """
        await self._write(lambda database: _change(database, auction_id, sealing_private=private), connection)

    async def sealing_private(self, auction_id: str, *, connection: DatabaseConnection | None = None) -> bytes | None:
        """Return the private sealing key; None once it was erased, or when there is no such auction."""
        query = select(auctions.c.sealing_private).where(auctions.c.id == auction_id)
        rows = await self._fetch(query, connection)
        return rows[0][0] if rows else None

    async def recovery_private(self, auction_id: str, *, connection: DatabaseConnection | None = None) -> bytes | None:
        """Return the key that recovered shares are sealed to, if there is one."""
        query = select(auctions.c.recovery_private).where(auctions.c.id == auction_id)
        rows = await self._fetch(query, connection)
        return rows[0][0] if rows else None

    async def put_recovery_private(
        self, auction_id: str, private: bytes, *, connection: DatabaseConnection | None = None
    ) -> None:
        """Store the key that recovered shares are sealed to.

        Raises:
            MissingRowError: there is no such auction.
        """
        await self._write(lambda database: _change(database, auction_id, recovery_private=private), connection)

    async def erase_secrets(
        self, auction_id: str, *, keep_openings: bool = False, connection: DatabaseConnection | None = None
    ) -> None:
        """Destroy all keys of an auction and everything that they open, in the database and its log.

        Args:
            auction_id: which auction.
            keep_openings: whether masked openings and their keys stay, which open nothing but an outcome.
            connection: a transaction to take part in.

        Raises:
            MissingRowError: there is no such auction.
        """

        def work(database: Connection) -> None:
            _change(database, auction_id, sealing_private=None, recovery_private=None)
            erase_auction_keys(database, auction_id)
            erase_recovered(database, auction_id)
            if not keep_openings:
                erase_openings(database, auction_id)
            self._database.erase_after_commit()

        await self._write(work, connection)


class AuctionRepository(
    StateRepository, BidRepository, StatementRepository, KeyRepository, OpeningRepository, RecordRepository
):
    """Everything that a party stores about auctions."""


def _one(database: Connection, column: Column[Any], auction_id: str) -> Any:  # noqa: ANN401 -- the column's own type
    row = database.execute(select(column).where(auctions.c.id == auction_id)).one_or_none()
    if row is None:
        raise _missing(auction_id)
    return row[0]


def _change(database: Connection, auction_id: str, **values: object) -> None:
    if database.execute(update(auctions).where(auctions.c.id == auction_id).values(values)).rowcount != 1:
        raise _missing(auction_id)


def _missing(auction_id: str) -> MissingRowError:
    return MissingRowError(f"auction {auction_id} is not stored here: create it first")
