"""What parties signed about an auction, kept as it came: orders, sealing keys, lists, outcomes and signatures.

A party makes each statement once. The first one is kept for good, so that a second, different one is noticed: every
``put`` tells whether what is stored now is what it was given.
"""

from sqlalchemy import select

from aukciszek.storage.backends.connection import DatabaseConnection
from aukciszek.storage.repositories.repository import Repository, insert_if_absent, to_row
from aukciszek.storage.rows import ListRow, OrderRow, SignatureRow, StatementRow
from aukciszek.storage.schema import certificate_signatures, input_sets, lists, orders, outcomes, sealing_keys


class StatementRepository(Repository):
    """The signed statements of all parties."""

    async def put_order(
        self,
        auction_id: str,
        kind: str,
        party: int,
        statement: bytes,
        *,
        connection: DatabaseConnection | None = None,
    ) -> bool:
        """Keep a party's word that the auctioneer gave an order; tell whether this one is stored now."""
        values = {"auction_id": auction_id, "kind": kind, "party": party, "statement": statement}
        return await self._keep(orders, values, connection)

    async def orders(self, auction_id: str, *, connection: DatabaseConnection | None = None) -> list[OrderRow]:
        """Return the orders of an auction, by kind and party."""
        query = select(orders).where(orders.c.auction_id == auction_id).order_by(orders.c.kind, orders.c.party)
        return [to_row(OrderRow, row) for row in await self._fetch(query, connection)]

    async def put_sealing_key(
        self, auction_id: str, party: int, statement: bytes, *, connection: DatabaseConnection | None = None
    ) -> bool:
        """Keep a party's signed sealing key; tell whether this one is stored now."""
        values = {"auction_id": auction_id, "party": party, "statement": statement}
        return await self._keep(sealing_keys, values, connection)

    async def sealing_keys(
        self, auction_id: str, *, connection: DatabaseConnection | None = None
    ) -> list[StatementRow]:
        """Return the signed sealing keys of an auction, by party."""
        query = select(sealing_keys).where(sealing_keys.c.auction_id == auction_id).order_by(sealing_keys.c.party)
        return [to_row(StatementRow, row) for row in await self._fetch(query, connection)]

    async def put_list(
        self,
        auction_id: str,
        party: int,
        digest: str,
        statement: bytes,
        *,
        connection: DatabaseConnection | None = None,
    ) -> bool:
        """Keep a party's signed list at the close, beside any other one that it signed; tell whether it is stored now.

        Args:
            auction_id: which auction.
            party: who signed.
            digest: the digest of what was said; 64 hexadecimal digits.
            statement: the signed list.
            connection: a transaction to take part in.
        """
        values = {"auction_id": auction_id, "party": party, "digest": digest, "statement": statement}
        return await self._keep(lists, values, connection)

    async def lists(self, auction_id: str, *, connection: DatabaseConnection | None = None) -> list[ListRow]:
        """Return the signed lists of an auction, by party and digest."""
        columns = (lists.c.auction_id, lists.c.party, lists.c.statement, lists.c.began_on)
        query = select(*columns).where(lists.c.auction_id == auction_id).order_by(lists.c.party, lists.c.digest)
        return [to_row(ListRow, row) for row in await self._fetch(query, connection)]

    async def put_input_set(
        self, auction_id: str, digest: str, lists_text: str, *, connection: DatabaseConnection | None = None
    ) -> None:
        """Keep by which lists this party is ready for an input set, the first time that it is."""
        values = {"auction_id": auction_id, "digest": digest, "lists": lists_text}
        await self._write(lambda database: insert_if_absent(database, input_sets, values), connection)

    async def input_sets(self, auction_id: str, *, connection: DatabaseConnection | None = None) -> dict[str, str]:
        """Return by which lists this party was ready for which input sets."""
        query = select(input_sets.c.digest, input_sets.c.lists).where(input_sets.c.auction_id == auction_id)
        return {row.digest: row.lists for row in await self._fetch(query, connection)}

    async def put_outcome(self, auction_id: str, body: bytes, *, connection: DatabaseConnection | None = None) -> bool:
        """Keep the body of the certificate; False when a different one is stored."""
        return await self._keep(outcomes, {"auction_id": auction_id, "body": body}, connection)

    async def outcome(self, auction_id: str, *, connection: DatabaseConnection | None = None) -> bytes | None:
        """Return the body of the certificate, once there is one."""
        rows = await self._fetch(select(outcomes.c.body).where(outcomes.c.auction_id == auction_id), connection)
        return rows[0][0] if rows else None

    async def put_signature(
        self, auction_id: str, party: int, signature: bytes, *, connection: DatabaseConnection | None = None
    ) -> bool:
        """Keep a party's signature under the outcome; tell whether this one is stored now."""
        values = {"auction_id": auction_id, "party": party, "signature": signature}
        return await self._keep(certificate_signatures, values, connection)

    async def signatures(self, auction_id: str, *, connection: DatabaseConnection | None = None) -> list[SignatureRow]:
        """Return the signatures under the outcome, by party."""
        table = certificate_signatures
        query = select(table).where(table.c.auction_id == auction_id).order_by(table.c.party)
        return [to_row(SignatureRow, row) for row in await self._fetch(query, connection)]
