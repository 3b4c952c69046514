"""Receipts that a bidder hands on: what other parties signed, brought to this one by whom it concerns most.

``docs/protocol.md``, "Receipts and the input set". A bid that only ``t + 1`` parties hold hangs on each of them: one
may be lost for good, or may deny its receipt, as it may where all have signed. A receipt that stands in an honest
party's list can neither be lost nor denied, whoever brought it there. So a party takes receipts of others from anybody
who is logged in, once they are enough for the bundle to count; then one of the signers is honest, and took the bundle
by all rules of the intake.
"""

import asyncio
from collections.abc import Sequence
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
from aukciszek.auctions.statements import Receipt, Signed, read_verified_statement, verify
from aukciszek.cluster import LARGEST_CLUSTER, PartyNumber
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
        repository = self._desk.context.repository
        receipts = [_read(content) for content in handed.receipts]
        digest = receipts[0].content.bundle
        stored = await repository.receipts(digest)
        known = {row.statement for row in stored}
        # What is stored was verified when it came; most receipts come both from their parties and from the bidder.
        unverified = [one for one, content in zip(receipts, handed.receipts, strict=True) if content not in known]
        bundle = await asyncio.to_thread(self._check, handed.bundle, receipts, unverified)
        await self._check_moment()
        new = [one for one in unverified if self._is_punctual(one)]
        await self._store(bundle, new)
        await self._replication.want_unless_here(digest, [one.content.party for one in receipts])
        self._gathering.weigh_again(digest)
        parties = {PartyNumber(row.party) for row in stored} | {one.content.party for one in new}
        return digest, tuple(sorted(parties))

    async def _store(self, bundle: BundleRow | None, new: Sequence[Signed[Receipt]]) -> None:
        """Keep what is new; a receipt of this party's own is, only if it gave it before it lost its database."""
        if bundle is None and not new:
            return
        desk, repository = self._desk, self._desk.context.repository
        own = [one for one in new if one.content.party == desk.context.number]
        async with desk.context.database.transaction() as connection:
            if bundle is not None:
                await repository.put_bundle(bundle, connection=connection)
            await repository.put_receipts([_row(one) for one in new if one not in own], connection=connection)
            if own:
                moments = {str(one.content.bundle): one.content.received_at for one in own}
                await repository.put_own_receipts([_row(one) for one in own], moments, connection=connection)

    def _check(
        self, content: bytes | None, receipts: Sequence[Signed[Receipt]], unverified: Sequence[Signed[Receipt]]
    ) -> BundleRow | None:
        desk = self._desk
        try:
            for receipt in unverified:
                verify(receipt, desk.context.cluster)
        except StatementError as error:
            raise _not_genuine(error) from error
        places = {(one.content.auction, one.content.bundle) for one in receipts}
        if len(places) != 1 or receipts[0].content.auction != desk.auction:
            raise ReceiptsOfManyBundlesError("hand on receipts for one bundle of this auction at a time")
        punctual = {one.content.party for one in receipts if self._is_punctual(one)}
        needed = desk.context.vouchers_needed
        if len(punctual) < needed:
            raise ReceiptsTooFewError(f"{len(punctual)} parties signed in time, and a bundle counts with {needed}")
        return self._read_bundle(content, receipts[0].content.bundle)

    def _is_punctual(self, receipt: Signed[Receipt]) -> bool:
        return in_time(receipt.content.received_at, self._desk.spec.closes_at)

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


def _read(content: bytes) -> Signed[Receipt]:
    try:
        return read_verified_statement(Receipt, content)
    except StatementError as error:
        raise _not_genuine(error) from error


def _not_genuine(error: StatementError) -> ReceiptsNotGenuineError:
    return ReceiptsNotGenuineError(f"one of the receipts is not genuine: {error.message}")


def _row(receipt: Signed[Receipt]) -> ReceiptRow:
    content = receipt.content
    return ReceiptRow(
        auction_id=content.auction, digest=content.bundle, party=content.party, statement=receipt.encode()
    )
