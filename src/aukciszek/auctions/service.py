"""All auctions of one party: what its server calls, and where its peers' messages arrive."""

import asyncio
import logging
from typing import Final

from aukciszek.accounts.tokens import Principal
from aukciszek.auctions.context.auction_context import AuctionContext, PartyContext, rules_of
from aukciszek.auctions.context.peer_network import MessageKind, PeerMessage
from aukciszek.auctions.intake.replay import Accepted, repeat_receipt
from aukciszek.auctions.integrity import check_auction
from aukciszek.auctions.outcome.catch_up import CatchUp
from aukciszek.auctions.pending_auctions import PendingAuctions
from aukciszek.auctions.process.auction_process import AuctionProcess
from aukciszek.auctions.queries import AuctionQueries
from aukciszek.auctions.recall import not_known
from aukciszek.auctions.registry import AuctionRegistry
from aukciszek.auctions.view import AuctionView
from aukciszek.cluster import PartyNumber
from aukciszek.diagnosis import log_failure
from aukciszek.errors import AukciszekError
from aukciszek.protocol.evidence.receipts import RelayedBid
from aukciszek.protocol.evidence.statements import OrderStatement, read_statement
from aukciszek.protocol.rules.errors import UnexpectedFailureError
from aukciszek.protocol.rules.identifiers import AuctionId, BundleDigest
from aukciszek.protocol.rules.refusals import (
    AuctionEndsTooSoonError,
    AuctionUnavailableError,
    NotAuctioneerError,
    OrderNotAllowedError,
    OrderTooLateError,
    ReceiptsTooLateError,
    SpecForOthersError,
)
from aukciszek.protocol.rules.spec import AuctionSpec
from aukciszek.protocol.rules.states import OVER, AuctionState
from aukciszek.storage.errors import StorageFaultError
from aukciszek.storage.rows import AuctionRow

_log = logging.getLogger(__name__)

ALL_AUCTIONS: Final = AuctionId("0" * 64)
"""No auction has this id: a party whose database is new asks under it which auctions there were."""


class AuctionService:
    """One party's auctions."""

    def __init__(self, party: PartyContext) -> None:
        self._party = party
        self._registry = AuctionRegistry()
        self.queries: Final = AuctionQueries(party, self._registry)
        """What can be read of them."""
        self._pending = PendingAuctions(party.vouchers_needed)
        self._creating = asyncio.Lock()
        self._is_new = False
        self._catch_up = CatchUp(party, self.queries.certification)

    async def start(self) -> None:
        """Resume every auction that is not over; one that is damaged or cannot be read does not stop the others.

        Raises:
            StorageFaultError: the database cannot be read at all.
        """
        self._is_new = not await self._party.repository.auctions(1)
        for row in await self._party.repository.unfinished_auctions(OVER):
            try:
                await check_auction(self._party.repository, self._party.cluster, self._party.number, row)
                await self._take_up(row)
            except StorageFaultError:
                raise
            except AukciszekError as error:
                await self._set_aside(AuctionId(row.id), error)
            except Exception as error:  # noqa: BLE001 -- whatever is wrong with one auction, the others go on
                log_failure(_log, f"taking up auction {row.id}", error)
                await self._set_aside(AuctionId(row.id), UnexpectedFailureError(type(error).__name__))

    async def stop(self) -> None:
        """Stop all work; what is stored goes on at the next start."""
        await self._registry.stop()

    async def create(self, auctioneer: Principal, content: bytes) -> tuple[AuctionView, bool]:
        """Create an auction by its auctioneer's order; tell whether it is new here.

        Raises:
            MalformedSpecError: the rules are not valid.
            RefusalError: the user may not create it, or the rules do not fit this cluster or moment.
        """
        spec = AuctionSpec.parse(content)
        if not auctioneer.is_admin or spec.auctioneer != auctioneer.uid:
            raise NotAuctioneerError("the rules must name yourself as the auctioneer, and you need that privilege")
        self._check_fits_cluster(spec)
        known = await self._party.repository.auction(spec.auction_id)
        if known is None and spec.closes_at <= self._party.clock.now():
            raise AuctionEndsTooSoonError("the auction would close in the past: choose a later close")
        is_new = await self._create(spec)
        process = self._registry.find(spec.auction_id)
        if process is not None:
            await process.orders.give("create", process.spec.auctioneer)
        return await self.queries.auction(spec.auction_id), is_new

    async def close(self, auctioneer: Principal, auction: AuctionId) -> AuctionView:
        """Vouch for the auctioneer's order to close early.

        Raises:
            RefusalError: unknown auction, not its auctioneer, not allowed, or too late.
        """
        process = await self._process_to_order(auctioneer, auction)
        if not process.spec.early_close_allowed:
            raise OrderNotAllowedError("the auction's rules exclude an early close")
        await process.orders.give("close", process.spec.auctioneer)
        return await self.queries.auction(auction)

    async def cancel(self, auctioneer: Principal, auction: AuctionId) -> AuctionView:
        """Vouch for the auctioneer's order to cancel.

        Raises:
            RefusalError: unknown auction, not its auctioneer, not allowed, or too late.
        """
        process = await self._process_to_order(auctioneer, auction)
        if not process.spec.cancel_allowed:
            raise OrderNotAllowedError("the auction's rules exclude a cancellation")
        await process.orders.give("cancel", process.spec.auctioneer)
        return await self.queries.auction(auction)

    async def submit(self, bidder: Principal, auction: AuctionId, content: bytes) -> Accepted:
        """Take a bundle and give a receipt.

        Raises:
            BundleError: the bytes are no bundle for this auction.
            EnvelopeError: this party cannot use its share.
            RefusalError: the auction is unknown or not open, or bidder or revision are not right.
        """
        self._registry.check_available(auction)
        process = self._registry.find(auction)
        if process is not None:
            return await process.intake.accept(bidder, content)
        return await repeat_receipt(AuctionContext(self._party, await self.queries.row(auction)), bidder, content)

    async def relay_receipts(
        self, auction: AuctionId, relayed: RelayedBid
    ) -> tuple[BundleDigest, tuple[PartyNumber, ...]]:
        """Take receipts of other parties from a bidder; return the bundle and whose receipts for it are here.

        Raises:
            BundleError: what was sent as the bundle is none for this auction.
            RefusalError: the auction is unknown, or the receipts are not genuine, too few, or too late.
        """
        self._registry.check_available(auction)
        process = self._registry.find(auction)
        if process is None:
            await self.queries.row(auction)
            raise ReceiptsTooLateError("the auction is over")
        return await process.receipt_relay.accept(relayed)

    async def on_connected(self, peer: PartyNumber) -> None:
        """Tell a peer what it may have missed; ask it for everything, if this party's database is new."""
        if self._is_new:
            wanted = PeerMessage(MessageKind.RECALL, ALL_AUCTIONS, b"")
            await self._party.network.send(peer, wanted)
        for process in self._registry.all:
            await process.routing.announce([peer])
        await self._catch_up.announce(peer)

    async def on_message(self, sender: PartyNumber, message: PeerMessage) -> None:
        """Give a peer's message to its auction; drop it if that cannot be read here: peers say everything again.

        Raises:
            AukciszekError: the message is malformed or breaks the protocol.
        """
        if self._registry.is_unavailable(message.auction):
            return
        process = self._registry.find(message.auction)
        if process is not None:
            await process.routing.receive(sender, message)
            return
        row = await self._party.repository.auction(message.auction)
        if row is not None:
            await self._catch_up.answer(sender, message, row)
        elif message.kind is MessageKind.ORDER:
            await self._propose(message.auction, message.body)
        elif message.kind is MessageKind.RECALL and message.auction == ALL_AUCTIONS:
            await self._catch_up.name_all(sender)
        elif message.kind is MessageKind.RECALL:
            answer = PeerMessage(MessageKind.RECALLED, message.auction, not_known())
            await self._party.network.send(sender, answer)

    async def _create(self, spec: AuctionSpec) -> bool:
        party = self._party
        async with self._creating:
            if await party.repository.auction(spec.auction_id) is not None:
                return False
            now = party.clock.now()
            # Its sealing key is made when the others have said whether this party ever had one.
            row = AuctionRow(
                id=spec.auction_id,
                spec=spec.canonical_bytes.decode(),
                state=AuctionState.CREATED.value,
                state_since=now,
                auctioneer=spec.auctioneer,
                attempt=0,
                created_at=now,
            )
            async with party.database.transaction() as connection:
                await party.repository.create_auction(row, connection=connection)
                await party.repository.append_record(
                    spec.auction_id,
                    now,
                    party.actor,
                    "created",
                    {"spec": spec.canonical_bytes.decode()},
                    connection=connection,
                )
            self._pending.forget(spec.auction_id)
            await self._take_up(row)
            return True

    async def _take_up(self, row: AuctionRow) -> None:
        process = AuctionProcess(self._party, row)
        await process.load()
        self._registry.start(AuctionId(row.id), process)

    async def _set_aside(self, auction: AuctionId, error: AukciszekError) -> None:
        """Take no part in an auction that cannot be read; tell the operator."""
        self._registry.set_aside(auction)
        _log.error("auction %s is unavailable (%s): %s", auction, error.code, error.message)
        details = {"error": error.code, "reason": error.message}
        now = self._party.clock.now()
        await self._party.repository.add_incident(now, AuctionUnavailableError.code, details, auction_id=auction)

    def _check_fits_cluster(self, spec: AuctionSpec) -> None:
        party = self._party
        ours = (party.cluster.digest, party.cluster.size, party.threshold)
        if (spec.cluster, spec.parties, spec.threshold) != ours:
            raise SpecForOthersError(
                f"the rules are for another cluster: this one is {ours[0]}, {ours[1]} parties, threshold {ours[2]}"
            )

    async def _propose(self, auction: AuctionId, content: bytes) -> None:
        """Create an auction that only peers speak of, once enough of them vouch for it."""
        statement = read_statement(OrderStatement, content, self._party.cluster)
        if statement.content.kind != "create" or statement.content.auction != auction:
            return
        spec = statement.content.rules()
        self._check_fits_cluster(spec)
        vouchers = self._pending.add(statement, spec)
        if vouchers:
            await self._create(spec)
            process = self._registry.find(auction)
            if process is not None:
                for known in vouchers:
                    await process.orders.receive(known.encode())

    async def _process_to_order(self, auctioneer: Principal, auction: AuctionId) -> AuctionProcess:
        spec = rules_of(await self.queries.row(auction))
        if not auctioneer.is_admin or spec.auctioneer != auctioneer.uid:
            raise NotAuctioneerError("only the auctioneer of this auction can close or cancel it")
        self._registry.check_available(auction)
        process = self._registry.find(auction)
        early = process is not None and process.state in {AuctionState.CREATED, AuctionState.OPEN}
        if process is None or not early or self._party.clock.now() > spec.closes_at:
            raise OrderTooLateError("the auction is closed already")
        return process
