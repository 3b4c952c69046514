"""Bundles and receipts at rest.

A bundle that came from its bidder carries ``received_at`` and this party's receipt, written in one transaction; a
bundle that came from another party carries neither. See ``docs/protocol.md``, "Receipts and the input set".
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from itertools import batched
from typing import Any, Final

from sqlalchemy import Connection, Executable, Select, and_, bindparam, func, not_, select, update
from sqlalchemy.exc import IntegrityError

from aukciszek.protocol.evidence.record_chain import NewRecordEntry
from aukciszek.storage.backends.connection import DatabaseConnection
from aukciszek.storage.errors import ReceivedBeforeError, RevisionTakenError
from aukciszek.storage.repositories.audit_record import append_entries, append_entry
from aukciszek.storage.repositories.bulk_insert import AnyInsert, insert_rows, keep_first
from aukciszek.storage.repositories.repository import Repository, insert, insert_if_absent, to_row, to_values
from aukciszek.storage.rows import BundleHead, BundleRow, NewBid, ReceiptRow
from aukciszek.storage.schema import bundles, receipts

_HEAD: Final = (
    bundles.c.digest,
    bundles.c.auction_id,
    bundles.c.bidder,
    bundles.c.revision,
    bundles.c.withdrawal,
    bundles.c.received_at,
)
_RECEIPTED: Final = bundles.c.received_at.is_not(None)
_WITH_RECEIPT: Final = select(bundles.c.digest).where(
    bundles.c.auction_id == bindparam("auction_id"),
    bundles.c.bidder == bindparam("bidder"),
    bundles.c.revision == bindparam("revision"),
    _RECEIPTED,
)
_LATER: Final = bundles.alias("later")
_BIDDERS: Final = (
    select(func.count())
    .select_from(bundles)
    .where(
        bundles.c.auction_id == bindparam("auction_id"),
        _RECEIPTED,
        not_(bundles.c.withdrawal),
        not_(
            select(1)
            .where(
                _LATER.c.auction_id == bundles.c.auction_id,
                _LATER.c.bidder == bundles.c.bidder,
                _LATER.c.revision > bundles.c.revision,
                _LATER.c.received_at.is_not(None),
            )
            .exists()
        ),
    )
)
"""Every view of an auction needs this query, and building it takes longer than executing it."""

_DIGESTS_A_QUERY: Final = 500
"""Well below the number of parameters that every database takes."""


class BidRepository(Repository):
    """The bundles that this party has, and the receipts of all parties for them."""

    async def add_bundle_with_receipt(
        self,
        bundle: BundleRow,
        receipt: ReceiptRow,
        entry: NewRecordEntry | None = None,
        *,
        connection: DatabaseConnection | None = None,
    ) -> bool:
        """Store a bundle, this party's receipt for it and the entry of the record, all or nothing.

        Returns:
            True when they were stored; False when this party gave its receipt for these bytes before, and nothing
            changed: answer with the receipt that is stored.

        Raises:
            RevisionTakenError: this party gave a receipt for other bytes under the same revision of the same bidder.
        """
        if bundle.received_at is None:
            raise ValueError("a bundle with this party's receipt has a moment of receipt")

        def work(database: Connection) -> bool:
            if _has_receipt(database, bundle):
                return False
            database.execute(_insert_from_bidder(database.dialect.name), to_values(bundle, bundles))
            insert_if_absent(database, receipts, to_values(receipt, receipts))
            if entry is not None:
                append_entry(database, entry)
            return True

        return await self._write(work, connection)

    async def add_bids(self, bids: Sequence[NewBid], *, connection: DatabaseConnection | None = None) -> None:
        """Store bids of one auction with this party's receipts and the entries of the record, all or nothing.

        A small fraction of the cost of storing them one by one.

        Raises:
            ReceivedBeforeError: for one of them this party gave a receipt before, for these or for other bytes under
                the same revision: store them one by one.
        """
        if any(bid.bundle.received_at is None for bid in bids):
            raise ValueError("a bundle with this party's receipt has a moment of receipt")

        def work(database: Connection) -> None:
            try:
                new = insert_rows(database, bundles, [bid.bundle for bid in bids], _without_receipt)
            except IntegrityError:
                new = 0
            if new != len(bids):
                raise ReceivedBeforeError("one of these bids was received before: store them one by one")
            insert_rows(database, receipts, [bid.receipt for bid in bids], keep_first)
            append_entries(database, [bid.entry for bid in bids])

        await self._write(work, connection)

    async def put_receipts(self, rows: Sequence[ReceiptRow], *, connection: DatabaseConnection | None = None) -> int:
        """Store receipts of other parties, of each party the first for a bundle; return how many are new."""
        return await self._write(lambda database: insert_rows(database, receipts, rows, keep_first), connection)

    async def put_own_receipts(
        self,
        rows: Sequence[ReceiptRow],
        received_at: Mapping[str, datetime],
        *,
        connection: DatabaseConnection | None = None,
    ) -> None:
        """Keep receipts that this party gave before it lost them, and mark the bundles that are here as received.

        Args:
            rows: the receipts.
            received_at: by bundle, the moment that its receipt names.
            connection: a transaction to take part in.
        """

        def work(database: Connection) -> None:
            insert_rows(database, receipts, rows, keep_first)
            for digest, moment in received_at.items():
                came_without = and_(bundles.c.digest == digest, bundles.c.received_at.is_(None))
                database.execute(update(bundles).where(came_without).values(received_at=moment))

        await self._write(work, connection)

    async def receipts_of_party(
        self, auction_id: str, party: int, after: str, limit: int, *, connection: DatabaseConnection | None = None
    ) -> list[ReceiptRow]:
        """Return receipts of one party in an auction, ascending by bundle, beyond a digest, at most ``limit``."""
        query = (
            select(receipts)
            .where(receipts.c.auction_id == auction_id, receipts.c.party == party, receipts.c.digest > after)
            .order_by(receipts.c.digest)
            .limit(limit)
        )
        return [to_row(ReceiptRow, row) for row in await self._fetch(query, connection)]

    async def put_bundle(self, bundle: BundleRow, *, connection: DatabaseConnection | None = None) -> bool:
        """Store a bundle that another party sent; return whether it was missing here.

        It has the moment of this party's receipt only if the party gave one before it lost the bundle.
        """
        values = to_values(bundle, bundles)
        return await self._write(lambda database: insert_if_absent(database, bundles, values), connection)

    async def bundle(self, digest: str, *, connection: DatabaseConnection | None = None) -> BundleRow | None:
        """Return one bundle, if it is here."""
        rows = await self._fetch(select(bundles).where(bundles.c.digest == digest), connection)
        return to_row(BundleRow, rows[0]) if rows else None

    async def bundle_contents(
        self, digests: Sequence[str], *, connection: DatabaseConnection | None = None
    ) -> dict[str, bytes]:
        """Return the bytes of those of the bundles that are here, by digest; ask for a few thousand at a time."""

        def work(database: Connection) -> dict[str, bytes]:
            found: dict[str, bytes] = {}
            for some in batched(digests, _DIGESTS_A_QUERY, strict=False):
                query = select(bundles.c.digest, bundles.c.content).where(bundles.c.digest.in_(some))
                found.update((row.digest, row.content) for row in database.execute(query))
            return found

        return await self._read(work, connection)

    async def bundles_here(
        self, digests: Sequence[str], *, connection: DatabaseConnection | None = None
    ) -> frozenset[str]:
        """Return those of the bundles that are here; ask for a few thousand at a time."""

        def work(database: Connection) -> frozenset[str]:
            queries = (
                select(bundles.c.digest).where(bundles.c.digest.in_(some))
                for some in batched(digests, _DIGESTS_A_QUERY, strict=False)
            )
            return frozenset(row.digest for query in queries for row in database.execute(query))

        return await self._read(work, connection)

    async def bundle_digests(self, auction_id: str, *, connection: DatabaseConnection | None = None) -> frozenset[str]:
        """Return the digests of all bundles of an auction that are here, with this party's receipt or without."""
        rows = await self._fetch(select(bundles.c.digest).where(bundles.c.auction_id == auction_id), connection)
        return frozenset(row.digest for row in rows)

    async def bundles_of(
        self, auction_id: str, bidder: str, *, connection: DatabaseConnection | None = None
    ) -> list[BundleHead]:
        """Return the bundles of one bidder in one auction for which this party gave a receipt, by revision."""
        query = (
            select(*_HEAD)
            .where(bundles.c.auction_id == auction_id, bundles.c.bidder == bidder, _RECEIPTED)
            .order_by(bundles.c.revision)
        )
        return await self._heads(query, connection)

    async def own_receipts(self, auction_id: str, *, connection: DatabaseConnection | None = None) -> list[BundleHead]:
        """Return every bundle of an auction for which this party gave a receipt, by digest."""
        query = select(*_HEAD).where(bundles.c.auction_id == auction_id, _RECEIPTED).order_by(bundles.c.digest)
        return await self._heads(query, connection)

    async def count_bidders(self, auction_id: str, *, connection: DatabaseConnection | None = None) -> int:
        """Count the bidders whose latest revision with this party's receipt is a bid, not a withdrawal."""
        query = _BIDDERS.params(auction_id=auction_id)
        count: int = (await self._fetch(query, connection))[0][0]
        return count

    async def receipts(self, digest: str, *, connection: DatabaseConnection | None = None) -> list[ReceiptRow]:
        """Return the receipts for one bundle, by party."""
        query = select(receipts).where(receipts.c.digest == digest).order_by(receipts.c.party)
        return [to_row(ReceiptRow, row) for row in await self._fetch(query, connection)]

    async def auction_receipts(
        self, auction_id: str, *, connection: DatabaseConnection | None = None
    ) -> list[ReceiptRow]:
        """Return the receipts for all bundles of an auction, by digest and party."""
        query = (
            select(receipts).where(receipts.c.auction_id == auction_id).order_by(receipts.c.digest, receipts.c.party)
        )
        return [to_row(ReceiptRow, row) for row in await self._fetch(query, connection)]

    async def _heads(self, query: Select[Any], connection: DatabaseConnection | None) -> list[BundleHead]:
        return [to_row(BundleHead, row) for row in await self._fetch(query, connection)]


@cache
def _insert_from_bidder(dialect_name: str) -> Executable:
    # The bytes may be here already, without a receipt, because another party sent them.
    statement = insert(dialect_name, bundles)
    came_from_bidder = {"email": statement.excluded.email, "received_at": statement.excluded.received_at}
    return statement.on_conflict_do_update(index_elements=[bundles.c.digest], set_=came_from_bidder)


def _without_receipt(statement: AnyInsert) -> AnyInsert:
    """Turn a bundle that another party sent into one with a receipt; one that has its receipt counts as not new."""
    came_from_bidder = {"email": statement.excluded.email, "received_at": statement.excluded.received_at}
    return statement.on_conflict_do_update(
        index_elements=[bundles.c.digest], set_=came_from_bidder, where=bundles.c.received_at.is_(None)
    )


def _has_receipt(database: Connection, bundle: BundleRow) -> bool:
    """Return whether this party gave its receipt for these bytes; refuse other bytes under the same revision."""
    revision = {"auction_id": bundle.auction_id, "bidder": bundle.bidder, "revision": bundle.revision}
    digest = database.execute(_WITH_RECEIPT, revision).scalar_one_or_none()
    if digest is not None and digest != bundle.digest:
        raise RevisionTakenError(
            f"revision {bundle.revision} was received before with other content: submit a change as the next revision"
        )
    return digest is not None
