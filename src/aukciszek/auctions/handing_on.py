"""Receipts that a bidder hands on: what other parties signed, brought to this one by whom it concerns most.

``docs/protocol.md``, "Receipts and the input set". A bid that only ``t + 1`` parties hold hangs on each of them: one
may be lost for good, or may deny its receipt. A receipt that stands in an honest party's list can neither be lost nor
denied, whoever brought it there. So a party takes receipts of others from anybody who is logged in, once they are
enough for the bundle to count; then one of the signers is honest, and took the bundle by all rules of the intake.
"""

import asyncio
from typing import Annotated, Final

from pydantic import Field

from aukciszek.auctions.bundle import Bundle, bundle_digest
from aukciszek.auctions.desk import AuctionDesk
from aukciszek.auctions.errors import StatementError
from aukciszek.auctions.fields import BytesField, StrictModel
from aukciszek.auctions.gathering import Gathering
from aukciszek.auctions.identifiers import BundleDigest
from aukciszek.auctions.lifecycle import AuctionState
from aukciszek.auctions.receipts import in_time
from aukciszek.auctions.refusals import (
    ReceiptsNotGenuineError,
    ReceiptsOfManyBundlesError,
    ReceiptsTooFewError,
    ReceiptsTooLateError,
)
from aukciszek.auctions.replication import Replication, row_without_receipt
from aukciszek.auctions.statements import Receipt, Signed, read_statement
from aukciszek.cluster import LARGEST_CLUSTER, PartyNumber
from aukciszek.storage.connection import DatabaseConnection
from aukciszek.storage.rows import BundleRow, ReceiptRow

_BEFORE_LISTS: Final = frozenset({AuctionState.CREATED, AuctionState.OPEN, AuctionState.CLOSED})


class HandedOn(StrictModel):
    """What a bidder hands on: the receipts for one bundle, and the bundle, if it is at hand."""

    bundle: BytesField | None = None
    """The bundle's bytes, for a party that does not have it; it finds it at the signers otherwise."""
    receipts: Annotated[tuple[BytesField, ...], Field(min_length=1, max_length=LARGEST_CLUSTER)]
    """Signed receipt statements, as the parties sent them."""


class HandingOn:
    """Where one party takes other parties' receipts for one auction from bidders."""

    def __init__(self, desk: AuctionDesk, replication: Replication, gathering: Gathering) -> None:
        self._desk = desk
        self._replication = replication
        self._gathering = gathering

    async def accept(self, handed: HandedOn) -> tuple[BundleDigest, tuple[PartyNumber, ...]]:
        """Keep receipts of other parties.

        Returns:
            The bundle, and the parties whose receipts for it are here now, ascending.

        Raises:
            BundleError: what was sent as the bundle is none for this auction.
            RefusalError: the receipts are not genuine, for several bundles, too few, or too late.
        """
        bundle, receipts = await asyncio.to_thread(self._check, handed)
        await self._check_moment()
        desk, repository = self._desk, self._desk.context.repository
        digest = receipts[0].content.bundle
        async with desk.context.database.transaction() as connection:
            if bundle is not None:
                await repository.put_bundle(bundle, connection=connection)
            for receipt in receipts:
                await self._keep(receipt, connection)
        await self._replication.want_unless_here(digest, [receipt.content.party for receipt in receipts])
        self._gathering.weigh_again(digest)
        known = await repository.receipts(digest)
        return digest, tuple(PartyNumber(row.party) for row in known)

    async def _keep(self, receipt: Signed[Receipt], connection: DatabaseConnection) -> None:
        """Keep a receipt; one of this party's own is news only if it gave it before it lost its database."""
        desk, content = self._desk, receipt.content
        row = ReceiptRow(
            auction_id=desk.auction, digest=content.bundle, party=content.party, statement=receipt.encode()
        )
        if content.party == desk.context.number:
            moments = {str(content.bundle): content.received_at}
            await desk.context.repository.put_own_receipts([row], moments, connection=connection)
        else:
            await desk.context.repository.put_receipt(row, connection=connection)

    def _check(self, handed: HandedOn) -> tuple[BundleRow | None, tuple[Signed[Receipt], ...]]:
        desk = self._desk
        try:
            read = [read_statement(Receipt, content, desk.context.cluster) for content in handed.receipts]
        except StatementError as error:
            raise ReceiptsNotGenuineError(f"one of the receipts is not genuine: {error.message}") from error
        places = {(one.content.auction, one.content.bundle) for one in read}
        if len(places) != 1 or read[0].content.auction != desk.auction:
            raise ReceiptsOfManyBundlesError("hand on receipts for one bundle of this auction at a time")
        punctual = {one.content.party: one for one in read if in_time(one.content.received_at, desk.spec.closes_at)}
        needed = desk.context.vouchers_needed
        if len(punctual) < needed:
            raise ReceiptsTooFewError(f"{len(punctual)} parties signed in time, and a bundle counts with {needed}")
        return self._read_bundle(handed.bundle, read[0].content.bundle), tuple(punctual.values())

    def _read_bundle(self, content: bytes | None, digest: BundleDigest) -> BundleRow | None:
        if content is None:
            return None
        bundle = Bundle.decode(content)
        bundle.check_fits(self._desk.spec)
        if bundle_digest(content) != digest:
            raise ReceiptsOfManyBundlesError("the receipts are for another bundle than the one that came with them")
        return row_without_receipt(bundle, content, self._desk.auction)

    async def _check_moment(self) -> None:
        desk = self._desk
        if desk.state in _BEFORE_LISTS:
            return
        row = await desk.context.repository.auction(desk.auction)
        if desk.state is not AuctionState.AGREEING or row is None or row.input_set is not None:
            raise ReceiptsTooLateError("the parties have agreed on the bids that count already")
