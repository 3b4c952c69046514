"""The keys for shared randomness of each auction, and what the parties attest of them.

``docs/protocol.md``, "Dealing the PRSS keys". The keys are destroyed together with the private sealing key
(:meth:`~aukciszek.storage.repositories.auctions.StateRepository.erase_secrets`); the signed tables stay.
"""

from collections.abc import Iterable

from sqlalchemy import Connection, delete, select

from aukciszek.storage.backends.connection import DatabaseConnection
from aukciszek.storage.repositories.repository import Repository, insert_if_absent, to_row, to_values
from aukciszek.storage.rows import AuctionKeyRow, StatementRow
from aukciszek.storage.schema import auction_keys, key_tables


class KeyRepository(Repository):
    """The keys of auctions."""

    async def put_auction_keys(
        self, rows: Iterable[AuctionKeyRow], *, connection: DatabaseConnection | None = None
    ) -> None:
        """Store keys, of each set and dealer the first one."""
        values = [to_values(row, auction_keys) for row in rows]

        def work(database: Connection) -> None:
            for each in values:
                insert_if_absent(database, auction_keys, each)

        await self._write(work, connection)

    async def forget_auction_keys(
        self, auction_id: str, unused: Iterable[tuple[int, int]], *, connection: DatabaseConnection | None = None
    ) -> None:
        """Delete keys that the auction does not use.

        Args:
            auction_id: which auction.
            unused: which keys, by set and dealer.
            connection: a transaction to take part in.
        """
        keys = auction_keys.c
        deletions = [
            delete(auction_keys).where(keys.auction_id == auction_id, keys.members == members, keys.dealer == dealer)
            for members, dealer in unused
        ]

        def work(database: Connection) -> None:
            for each in deletions:
                database.execute(each)

        await self._write(work, connection)

    async def auction_keys(
        self, auction_id: str, *, connection: DatabaseConnection | None = None
    ) -> list[AuctionKeyRow]:
        """Return the stored keys of an auction, by set and dealer."""
        keys = auction_keys.c
        query = select(auction_keys).where(keys.auction_id == auction_id).order_by(keys.members, keys.dealer)
        return [to_row(AuctionKeyRow, row) for row in await self._fetch(query, connection)]

    async def put_key_table(
        self, auction_id: str, party: int, statement: bytes, *, connection: DatabaseConnection | None = None
    ) -> bool:
        """Store a party's signed key table, the first one; return whether this one is stored now."""
        values = {"auction_id": auction_id, "party": party, "statement": statement}
        return await self._keep(key_tables, values, connection)

    async def key_tables(self, auction_id: str, *, connection: DatabaseConnection | None = None) -> list[StatementRow]:
        """Return the signed key tables of an auction, by party."""
        query = select(key_tables).where(key_tables.c.auction_id == auction_id).order_by(key_tables.c.party)
        return [to_row(StatementRow, row) for row in await self._fetch(query, connection)]


def erase_auction_keys(database: Connection, auction_id: str) -> None:
    """Delete all keys of an auction; the caller ensures that no copy remains."""
    database.execute(delete(auction_keys).where(auction_keys.c.auction_id == auction_id))
