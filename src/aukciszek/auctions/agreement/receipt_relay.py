"""Receipts that a bidder relays: what other parties signed, shown to this one by the person with most at stake.

``docs/protocol.md``, "Receipts and the input set". A bid that only ``t + 1`` parties hold depends on each of them: one
may be lost for good, or may deny its receipt, as it may where all have signed. A receipt that stands in an honest
party's list can neither be lost nor denied, from wherever it came. So a party accepts receipts of others from any user
who is logged in, once they are enough for the bundle to count; then one of the signers is honest, and accepted the
bundle by all rules of the intake.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from aukciszek.auctions.agreement.own_list import OwnList
from aukciszek.auctions.agreement.replication import Replication, row_without_receipt
from aukciszek.auctions.context.auction_context import AuctionContext
from aukciszek.cluster import PartyNumber
from aukciszek.protocol.evidence.receipts import RelayedBid, in_time
from aukciszek.protocol.evidence.statements import Receipt, Signed, read_verified_statement, verify
from aukciszek.protocol.rules.errors import StatementError
from aukciszek.protocol.rules.identifiers import BundleDigest
from aukciszek.protocol.rules.refusals import (
    ReceiptsNotGenuineError,
    ReceiptsOfManyBundlesError,
    ReceiptsTooFewError,
    ReceiptsTooLateError,
)
from aukciszek.protocol.rules.states import AuctionState
from aukciszek.protocol.sealing.bundle import Bundle, bundle_digest
from aukciszek.storage.rows import BundleRow, ReceiptRow

_BEFORE_LISTS: Final = frozenset({AuctionState.CREATED, AuctionState.OPEN, AuctionState.CLOSED})


class ReceiptRelay:
    """Where one party takes other parties' receipts for one auction from bidders."""

    def __init__(self, context: AuctionContext, replication: Replication, own_list: OwnList) -> None:
        self._context = context
        self._replication = replication
        self._own_list = own_list

    async def accept(self, relayed: RelayedBid) -> tuple[BundleDigest, tuple[PartyNumber, ...]]:
        """Keep receipts of other parties.

        Returns:
            The bundle, and the parties whose receipts for it are here now, ascending.

        Raises:
            BundleError: what was sent as the bundle is none for this auction.
            RefusalError: the receipts are not genuine, for several bundles, too few, or too late.
        """
        repository = self._context.party.repository
        receipts = [_read(content) for content in relayed.receipts]
        digest = receipts[0].content.bundle
        stored = await repository.receipts(digest)
        known = {row.statement for row in stored}
        # What is stored was verified when it came; most receipts come both from their parties and from the bidder.
        unverified = [one for one, content in zip(receipts, relayed.receipts, strict=True) if content not in known]
        bundle = await asyncio.to_thread(self._check, relayed.bundle, receipts, unverified)
        await self._check_moment()
        new = [one for one in unverified if self._is_punctual(one)]
        await self._store(bundle, new)
        await self._replication.want_unless_here(digest, [one.content.party for one in receipts])
        self._own_list.reconsider(digest)
        parties = {PartyNumber(row.party) for row in stored} | {one.content.party for one in new}
        return digest, tuple(sorted(parties))

    async def _store(self, bundle: BundleRow | None, new: Sequence[Signed[Receipt]]) -> None:
        """Keep what is new; a receipt of this party's own is, only if it gave it before it lost its database."""
        if bundle is None and not new:
            return
        context, repository = self._context, self._context.party.repository
        own = [one for one in new if one.content.party == context.party.number]
        async with context.party.database.transaction() as connection:
            if bundle is not None:
                await repository.put_bundle(bundle, connection=connection)
            await repository.put_receipts([_row(one) for one in new if one not in own], connection=connection)
            if own:
                moments = {str(one.content.bundle): one.content.received_at for one in own}
                await repository.put_own_receipts([_row(one) for one in own], moments, connection=connection)

    def _check(
        self, content: bytes | None, receipts: Sequence[Signed[Receipt]], unverified: Sequence[Signed[Receipt]]
    ) -> BundleRow | None:
        context = self._context
        try:
            for receipt in unverified:
                verify(receipt, context.party.cluster)
        except StatementError as error:
            raise _not_genuine(error) from error
        bundles = {(one.content.auction, one.content.bundle) for one in receipts}
        if len(bundles) != 1 or receipts[0].content.auction != context.auction:
            raise ReceiptsOfManyBundlesError("show receipts for one bundle of this auction at a time")
        punctual = {one.content.party for one in receipts if self._is_punctual(one)}
        needed = context.party.vouchers_needed
        if len(punctual) < needed:
            raise ReceiptsTooFewError(f"{len(punctual)} parties signed in time, and a bundle counts with {needed}")
        return self._read_bundle(content, receipts[0].content.bundle)

    def _is_punctual(self, receipt: Signed[Receipt]) -> bool:
        return in_time(receipt.content.received_at, self._context.spec.closes_at)

    def _read_bundle(self, content: bytes | None, digest: BundleDigest) -> BundleRow | None:
        if content is None:
            return None
        bundle = Bundle.decode(content)
        bundle.check_fits(self._context.spec)
        if bundle_digest(content) != digest:
            raise ReceiptsOfManyBundlesError("the receipts are for another bundle than the one that came with them")
        return row_without_receipt(bundle, content, self._context.auction)

    async def _check_moment(self) -> None:
        context = self._context
        if context.state in _BEFORE_LISTS:
            return
        row = await context.party.repository.auction(context.auction)
        if context.state is not AuctionState.AGREEING or row is None or row.input_set is not None:
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
