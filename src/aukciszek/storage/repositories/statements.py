"""What parties signed about an auction, byte for byte: orders, sealing keys, receipt lists, outcomes and signatures.

A party makes each statement once. The first one is kept permanently, so that a second, different one is noticed: every
``put`` returns whether the stored statement is the given one.
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
        """Store a party's statement that the auctioneer gave an order; return whether this one is stored now."""
        values = {"auction_id": auction_id, "kind": kind, "party": party, "statement": statement}
        return await self._keep(orders, values, connection)

    async def orders(self, auction_id: str, *, connection: DatabaseConnection | None = None) -> list[OrderRow]:
        """Return the orders of an auction, by kind and party."""
        query = select(orders).where(orders.c.auction_id == auction_id).order_by(orders.c.kind, orders.c.party)
        return [to_row(OrderRow, row) for row in await self._fetch(query, connection)]

    async def put_sealing_key(
        self, auction_id: str, party: int, statement: bytes, *, connection: DatabaseConnection | None = None
    ) -> bool:
        """Store a party's signed sealing key; return whether this one is stored now."""
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
        """Store a party's signed receipt list, beside any other that it signed; return whether it is stored now.

        Args:
            auction_id: which auction.
            party: who signed.
            digest: the digest of its content; 64 hexadecimal digits.
            statement: the signed list.
            connection: a transaction to take part in.
        """
        values = {"auction_id": auction_id, "party": party, "digest": digest, "statement": statement}
        return await self._keep(lists, values, connection)

    async def lists(self, auction_id: str, *, connection: DatabaseConnection | None = None) -> list[ListRow]:
        """Return the signed receipt lists of an auction, by party and digest."""
        columns = (lists.c.auction_id, lists.c.party, lists.c.statement, lists.c.began_on)
        query = select(*columns).where(lists.c.auction_id == auction_id).order_by(lists.c.party, lists.c.digest)
        return [to_row(ListRow, row) for row in await self._fetch(query, connection)]

    async def put_input_set(
        self, auction_id: str, digest: str, lists_text: str, *, connection: DatabaseConnection | None = None
    ) -> None:
        """Store the receipt lists by which this party is first ready for an input set."""
        values = {"auction_id": auction_id, "digest": digest, "lists": lists_text}
        await self._write(lambda database: insert_if_absent(database, input_sets, values), connection)

    async def input_sets(self, auction_id: str, *, connection: DatabaseConnection | None = None) -> dict[str, str]:
        """Return the receipt lists by which this party was ready, by input set."""
        query = select(input_sets.c.digest, input_sets.c.lists).where(input_sets.c.auction_id == auction_id)
        return {row.digest: row.lists for row in await self._fetch(query, connection)}

    async def put_outcome(self, auction_id: str, body: bytes, *, connection: DatabaseConnection | None = None) -> bool:
        """Store the body of the certificate; False when a different one is stored."""
        return await self._keep(outcomes, {"auction_id": auction_id, "body": body}, connection)

    async def outcome(self, auction_id: str, *, connection: DatabaseConnection | None = None) -> bytes | None:
        """Return the body of the certificate, if there is one."""
        rows = await self._fetch(select(outcomes.c.body).where(outcomes.c.auction_id == auction_id), connection)
        return rows[0][0] if rows else None

    async def put_signature(
        self, auction_id: str, party: int, signature: bytes, *, connection: DatabaseConnection | None = None
    ) -> bool:
        """Store a party's signature under the outcome; return whether this one is stored now."""
        values = {"auction_id": auction_id, "party": party, "signature": signature}
        return await self._keep(certificate_signatures, values, connection)

    async def signatures(self, auction_id: str, *, connection: DatabaseConnection | None = None) -> list[SignatureRow]:
        """Return the signatures under the outcome, by party."""
        table = certificate_signatures
        query = select(table).where(table.c.auction_id == auction_id).order_by(table.c.party)
        return [to_row(SignatureRow, row) for row in await self._fetch(query, connection)]
