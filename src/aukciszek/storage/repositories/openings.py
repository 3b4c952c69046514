"""Masked openings with their keys and signatures, and recovered shares.

``docs/protocol.md``, "Fair opening" and "Share recovery". All of it is deleted when an auction is over, keys and shares
beyond recovery (:meth:`~aukciszek.storage.repositories.auctions.StateRepository.erase_secrets`).
"""

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, delete, select

from aukciszek.storage.backends.connection import DatabaseConnection
from aukciszek.storage.repositories.repository import Repository, insert_if_absent, to_row, to_values
from aukciszek.storage.rows import OpeningKeyRow, OpeningRow, OpeningSignatureRow
from aukciszek.storage.schema import opening_keys, opening_signatures, openings, recovered_shares


class OpeningRepository(Repository):
    """The openings of auctions."""

    async def put_opening(
        self,
        opening: OpeningRow,
        keys: Iterable[OpeningKeyRow],
        signatures: Iterable[OpeningSignatureRow],
        *,
        connection: DatabaseConnection | None = None,
    ) -> None:
        """Store an opening with keys and signatures; what is stored already stays unchanged."""
        rows = [(opening_keys, to_values(row, opening_keys)) for row in keys]
        rows += [(opening_signatures, to_values(row, opening_signatures)) for row in signatures]

        def work(database: Connection) -> None:
            insert_if_absent(database, openings, to_values(opening, openings))
            for table, values in rows:
                insert_if_absent(database, table, values)

        await self._write(work, connection)

    async def openings(self, auction_id: str, *, connection: DatabaseConnection | None = None) -> list[OpeningRow]:
        """Return all openings of an auction."""
        query = select(openings).where(openings.c.auction_id == auction_id)
        return [to_row(OpeningRow, row) for row in await self._fetch(query, connection)]

    async def opening_keys(
        self, auction_id: str, *, connection: DatabaseConnection | None = None
    ) -> list[OpeningKeyRow]:
        """Return the stored keys to all openings of an auction."""
        query = select(opening_keys).where(opening_keys.c.auction_id == auction_id)
        return [to_row(OpeningKeyRow, row) for row in await self._fetch(query, connection)]

    async def opening_signatures(
        self, auction_id: str, *, connection: DatabaseConnection | None = None
    ) -> list[OpeningSignatureRow]:
        """Return the stored signatures under all openings of an auction."""
        query = select(opening_signatures).where(opening_signatures.c.auction_id == auction_id)
        return [to_row(OpeningSignatureRow, row) for row in await self._fetch(query, connection)]

    async def put_recovered(
        self, auction_id: str, sealed: Mapping[str, bytes], *, connection: DatabaseConnection | None = None
    ) -> None:
        """Store recovered shares, sealed, by bundle; the first of each stays."""

        def work(database: Connection) -> None:
            for digest, content in sealed.items():
                values = {"auction_id": auction_id, "digest": digest, "sealed": content}
                insert_if_absent(database, recovered_shares, values)

        await self._write(work, connection)

    async def recovered(self, auction_id: str, *, connection: DatabaseConnection | None = None) -> dict[str, bytes]:
        """Return the recovered shares of an auction, sealed, by bundle."""
        query = select(recovered_shares.c.digest, recovered_shares.c.sealed).where(
            recovered_shares.c.auction_id == auction_id
        )
        return {row.digest: row.sealed for row in await self._fetch(query, connection)}


def erase_openings(database: Connection, auction_id: str) -> None:
    """Delete all openings of an auction with their keys; the caller ensures that no copy remains."""
    for table in (opening_keys, opening_signatures, openings):
        database.execute(delete(table).where(table.c.auction_id == auction_id))


def erase_recovered(database: Connection, auction_id: str) -> None:
    """Delete the recovered shares of an auction; the caller ensures that no copy remains."""
    database.execute(delete(recovered_shares).where(recovered_shares.c.auction_id == auction_id))
