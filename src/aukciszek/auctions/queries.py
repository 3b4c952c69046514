"""What a party shows of its auctions: live ones from the process that drives them, others from storage."""

from collections.abc import AsyncIterator, Sequence
from typing import Final

from aukciszek.accounts.tokens import Principal
from aukciszek.auctions.context.auction_context import AuctionContext, PartyContext, rules_of
from aukciszek.auctions.keys.sealing_keys import SealingKeys
from aukciszek.auctions.orders import Orders
from aukciszek.auctions.outcome.certification import Certification
from aukciszek.auctions.record_export import record_file
from aukciszek.auctions.registry import AuctionRegistry
from aukciszek.auctions.view import AuctionView, OwnBid, Progress
from aukciszek.protocol.evidence.certificate import Certificate
from aukciszek.protocol.evidence.statements import Receipt, read_verified_statement
from aukciszek.protocol.rules.errors import AuctionError
from aukciszek.protocol.rules.identifiers import AuctionId, BundleDigest, UserId
from aukciszek.protocol.rules.refusals import (
    AuctionUnavailableError,
    NoOutcomeYetError,
    NotAuctioneerError,
    UnknownAuctionError,
)
from aukciszek.protocol.rules.states import is_over
from aukciszek.storage.rows import AuctionRow, IncidentRow, RecordRow

_ENTRIES_AT_ONCE: Final = 500
"""Of a record: how many are in memory while it is read."""


class AuctionQueries:
    """Everything about one party's auctions that can be read."""

    def __init__(self, party: PartyContext, registry: AuctionRegistry) -> None:
        self._party = party
        self._registry = registry

    async def auctions(self, limit: int, before: AuctionId | None = None) -> list[AuctionView]:
        """Return a page of auctions, the newest first."""
        rows = await self._party.repository.auctions(limit, before)
        return [await self._view(row) for row in rows if self._has_rules(row)]

    async def auction(self, auction: AuctionId) -> AuctionView:
        """Return one auction.

        Raises:
            UnknownAuctionError: this party does not know it.
            AuctionUnavailableError: it cannot even read the auction's rules.
        """
        row = await self.row(auction)
        if not self._has_rules(row):
            self._registry.check_available(auction)
        return await self._view(row)

    async def progress(self, auction: AuctionId) -> AsyncIterator[Progress]:
        """Yield where the auction stands, now and after every change, until it is over.

        While it lasts nothing is read from storage, however many watch.

        Raises:
            UnknownAuctionError: this party does not know the auction.
        """
        last = None
        while (process := self._registry.find(auction)) is not None:
            changes = process.changes
            now = process.progress()
            if now != last:
                last = now
                yield now
            if is_over(now.state):
                return
            await process.wait_for_change_since(changes)
        now = (await self.auction(auction)).progress
        if now != last:
            yield now

    async def own_bids(self, bidder: Principal, auction: AuctionId) -> list[OwnBid]:
        """Return what this party received from a bidder, by revision.

        Raises:
            UnknownAuctionError: this party does not know the auction.
        """
        await self.row(auction)
        repository, party = self._party.repository, self._party
        own_bids = []
        for head in await repository.bundles_of(auction, bidder.uid):
            receipts = {row.party: row for row in await repository.receipts(head.digest)}
            if head.received_at is not None:
                receipt = read_verified_statement(Receipt, receipts[party.number].statement)
                own_bids.append(
                    OwnBid(
                        bundle=BundleDigest(head.digest),
                        revision=head.revision,
                        withdrawal=head.withdrawal,
                        receipt=receipt,
                    )
                )
        return own_bids

    async def certificate(self, auction: AuctionId) -> Certificate:
        """Return the certificate, once at least ``t + 1`` parties signed it.

        Raises:
            UnknownAuctionError: this party does not know the auction.
            AuctionUnavailableError: it cannot read what it stored of it.
            NoOutcomeYetError: there is no certificate, or there never will be.
        """
        self._registry.check_available(auction)
        certificate = (await self.certification(await self.row(auction))).certificate()
        if certificate is None:
            raise NoOutcomeYetError("there is no signed outcome (yet): look at the auction's state")
        return certificate

    async def winner_addresses(self, auctioneer: Principal, auction: AuctionId) -> dict[UserId, str]:
        """Return the winners' e-mail addresses, as far as this party received their bids; for the auctioneer alone.

        Raises:
            RefusalError: unknown auction, not its auctioneer, or no outcome yet.
        """
        spec = rules_of(await self.row(auction))
        if spec.auctioneer != auctioneer.uid:
            raise NotAuctioneerError("only the auctioneer of this auction sees the winners' addresses")
        addresses = {}
        for winner in (await self.certificate(auction)).body.winners:
            bundle = await self._party.repository.bundle(winner.bundle)
            if bundle is not None and bundle.email is not None:
                addresses[winner.bidder] = bundle.email
        return addresses

    async def record(self, auction: AuctionId) -> AsyncIterator[bytes]:
        """Return the audit record's file, piece by piece.

        Raises:
            UnknownAuctionError: this party does not know the auction.
        """
        await self.row(auction)
        return record_file(auction, self._party.number, self._record_pages(auction))

    async def _record_pages(self, auction: AuctionId) -> AsyncIterator[Sequence[RecordRow]]:
        last = 0
        while rows := await self._party.repository.record(auction, after=last, limit=_ENTRIES_AT_ONCE):
            yield rows
            last = rows[-1].seq

    async def incidents(self, limit: int) -> list[IncidentRow]:
        """Return what parties did against the protocol, the newest first."""
        return await self._party.repository.incidents(limit)

    async def row(self, auction: AuctionId) -> AuctionRow:
        """Return what is stored of an auction.

        Raises:
            UnknownAuctionError: this party does not know it.
        """
        row = await self._party.repository.auction(auction)
        if row is None:
            raise UnknownAuctionError(
                "there is no such auction at this party: copy its id whole, or ask the auctioneer"
            )
        return row

    async def certification(self, row: AuctionRow) -> Certification:
        """Return the outcome and its signatures, as far as there are any."""
        process = self._registry.find(AuctionId(row.id))
        if process is not None:
            return process.certification
        certification = Certification(AuctionContext(self._party, row))
        await certification.load()
        return certification

    def _has_rules(self, row: AuctionRow) -> bool:
        """Tell whether an auction's rules are those that its id stands for; asked of damaged auctions alone."""
        if not self._registry.is_unavailable(AuctionId(row.id)):
            return True
        try:
            return rules_of(row).auction_id == row.id
        except AuctionError:
            return False

    async def _view(self, row: AuctionRow) -> AuctionView:
        process = self._registry.find(AuctionId(row.id))
        if process is not None:
            return process.view()
        context = AuctionContext(self._party, row)
        orders, keys, failure = Orders(context), SealingKeys(context), None
        if self._registry.is_unavailable(context.auction):
            failure = AuctionUnavailableError.code
        else:
            await orders.load()
            await keys.load()
        bids = await self._party.repository.count_bidders(row.id)
        return AuctionView.of(context, orders, keys, failure=failure, bids=bids)
