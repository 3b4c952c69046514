"""What a party shows of its auctions: live ones from the process that drives them, others from storage."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final

from aukciszek.accounts.tokens import Principal
from aukciszek.auctions.auction_process import AuctionProcess
from aukciszek.auctions.context.auction_context import AuctionContext, PartyContext
from aukciszek.auctions.keys.sealing_key_exchange import SealingKeys
from aukciszek.auctions.orders import Orders
from aukciszek.auctions.outcome.certification import Certification
from aukciszek.auctions.record_export import record_file
from aukciszek.auctions.view import AuctionView, OwnBid
from aukciszek.protocol.evidence.certificate import Certificate
from aukciszek.protocol.evidence.statements import Receipt, read_verified_statement
from aukciszek.protocol.rules.identifiers import AuctionId, BundleDigest, UserId
from aukciszek.protocol.rules.refusals import NoOutcomeYetError, NotAuctioneerError, UnknownAuctionError
from aukciszek.protocol.rules.spec import AuctionSpec
from aukciszek.storage.rows import AuctionRow, IncidentRow, RecordRow

_ENTRIES_AT_ONCE: Final = 500
"""Of a record: how many are in memory while it is read."""


class AuctionQueries:
    """Everything about one party's auctions that can be read."""

    def __init__(self, party: PartyContext, processes: Mapping[AuctionId, AuctionProcess]) -> None:
        self._party = party
        self._live = processes

    async def auctions(self, limit: int, before: AuctionId | None = None) -> list[AuctionView]:
        """Return a page of auctions, the newest first."""
        return [await self._view(row) for row in await self._party.repository.auctions(limit, before)]

    async def auction(self, auction: AuctionId) -> AuctionView:
        """Return one auction.

        Raises:
            UnknownAuctionError: this party does not know it.
        """
        return await self._view(await self.row(auction))

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
            NoOutcomeYetError: there is no certificate, or there never will be.
        """
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
        process = self._live.get(AuctionId(row.id))
        if process is not None:
            return process.certification
        certification = Certification(AuctionContext(self._party, rules_of(row), row))
        await certification.load()
        return certification

    async def _view(self, row: AuctionRow) -> AuctionView:
        process = self._live.get(AuctionId(row.id))
        if process is None:
            context = AuctionContext(self._party, rules_of(row), row)
            orders, keys, failure = Orders(context), SealingKeys(context), None
            await orders.load()
            await keys.load()
            bids = await self._party.repository.count_bidders(row.id)
        else:
            context, orders, keys, failure = process.context, process.orders, process.keys, process.failure
            bids = process.intake.taken.standing
        return AuctionView(
            spec=context.spec,
            state=context.state,
            state_since=context.state_since,
            stage=context.stage,
            waiting_for=tuple(sorted(context.waiting_for)),
            failure=None if failure is None else failure.code,
            bids=bids,
            sealing_keys=keys.statements,
            close_vouchers=orders.vouchers("close"),
            cancel_vouchers=orders.vouchers("cancel"),
            vouchers_needed=self._party.vouchers_needed,
        )


def rules_of(row: AuctionRow) -> AuctionSpec:
    """Return the rules of a stored auction."""
    return AuctionSpec.parse(row.spec.encode())
