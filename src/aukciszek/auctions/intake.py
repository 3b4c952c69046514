"""Taking bids: from a bundle's bytes to a signed receipt.

``docs/protocol.md``, "Receipts and the input set". A receipt says three things, so three things happen before it is
signed: the bundle came from its bidder and in time, this party's own envelope opens and holds a usable share, and the
bundle is on disk together with the receipt.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from weakref import WeakValueDictionary

from aukciszek.accounts.tokens import Principal
from aukciszek.auctions.bundle import Bundle, bundle_digest
from aukciszek.auctions.desk import AuctionDesk
from aukciszek.auctions.identifiers import BundleDigest, UserId
from aukciszek.auctions.lifecycle import AuctionState
from aukciszek.auctions.receipts import MOST_REVISIONS, give_receipt, in_time
from aukciszek.auctions.refusals import (
    AuctioneerBidsError,
    AuctionNotOpenError,
    BidTooLateError,
    NotInvitedError,
    NotYourBundleError,
    RevisionOutdatedError,
    TooManyRevisionsError,
)
from aukciszek.auctions.sealing import open_envelope
from aukciszek.auctions.sealing_keys import SealingKeyPair
from aukciszek.auctions.statements import Receipt, Signed, read_verified_statement
from aukciszek.storage.rows import BundleRow, NewRecordEntry, ReceiptRow


@dataclass(frozen=True, slots=True)
class Accepted:
    """The answer to a bundle."""

    receipt: Signed[Receipt]
    is_new: bool
    """False: the same bytes came before, and this is the receipt of then."""


class Intake:
    """The counter where one party takes bids for one auction."""

    def __init__(
        self, desk: AuctionDesk, key_pair: SealingKeyPair | None, on_receipt: Callable[[Signed[Receipt]], None]
    ) -> None:
        """Open the counter; without the sealing key it only repeats the receipts that it gave."""
        self._on_receipt = on_receipt
        self._desk = desk
        self._key_pair = key_pair
        self._inside = 0
        self._turns: WeakValueDictionary[UserId, asyncio.Lock] = WeakValueDictionary()

    async def accept(self, bidder: Principal, content: bytes) -> Accepted:
        """Take one bundle.

        Raises:
            BundleError: the bytes are no bundle for this auction.
            EnvelopeError: this party cannot use its share; the bidder's program is at fault.
            RefusalError: the bidder, the moment or the revision is not right.
        """
        received_at = self._desk.context.clock.now()
        # From the check of the time to the commit this bid counts as inside, so that the close can wait for it.
        self._inside += 1
        try:
            bundle = Bundle.decode(content)
            bundle.check_fits(self._desk.spec)
            self._check_bidder(bundle, bidder)
            repeated = await self._earlier_receipt(bundle_digest(content))
            if repeated is not None:
                return Accepted(repeated, is_new=False)
            self._check_open(received_at)
            key_pair = self._key_pair
            if key_pair is None:
                raise BidTooLateError("this party has destroyed its sealing key: the auction is over")
            turn = self._turns.setdefault(bundle.bidder, asyncio.Lock())
            async with turn:
                await self._check_revision(bundle)
                if not bundle.withdrawal:
                    await asyncio.to_thread(open_envelope, bundle, self._desk.context.number, key_pair)
                return await self._store(bundle, content, bidder.email, received_at)
        finally:
            self._inside -= 1
            self._desk.signal.notify()

    async def wait_until_empty(self) -> None:
        """Return when every bid that came in time has its receipt; call it once the auction takes no more."""
        await self._desk.signal.wait_for(lambda: not self._inside)

    def _check_bidder(self, bundle: Bundle, bidder: Principal) -> None:
        spec = self._desk.spec
        if bundle.bidder != bidder.uid:
            raise NotYourBundleError("this bundle was made in another name than yours: log in as its bidder")
        if bidder.uid == spec.auctioneer:
            raise AuctioneerBidsError("you cannot bid in your own auction")
        if not spec.admits(bidder.email):
            raise NotInvitedError("only invited bidders can bid in this auction: ask the auctioneer for an invitation")

    def _check_open(self, received_at: datetime) -> None:
        state, spec = self._desk.state, self._desk.spec
        if state is AuctionState.CANCELLED:
            raise AuctionNotOpenError("the auctioneer cancelled this auction")
        if state is AuctionState.CREATED and received_at < spec.opens_at:
            raise AuctionNotOpenError(f"this auction takes bids from {spec.opens_at:%Y-%m-%d %H:%M:%S} UTC on")
        if state is AuctionState.CREATED and in_time(received_at, spec.closes_at):
            raise AuctionNotOpenError("not all parties have made their sealing keys yet: try again in a moment")
        if state is not AuctionState.OPEN or not in_time(received_at, spec.closes_at):
            raise BidTooLateError(f"this auction closed before your bid arrived at party {self._desk.context.number}")

    async def _check_revision(self, bundle: Bundle) -> None:
        if bundle.revision > MOST_REVISIONS:
            raise TooManyRevisionsError(f"a bid can be changed at most {MOST_REVISIONS} times")
        latest = await self._desk.context.repository.latest_revision(self._desk.auction, bundle.bidder)
        if latest is not None and bundle.revision <= latest:
            raise RevisionOutdatedError(f"revision {latest} of your bid is here already: send revision {latest + 1}")

    async def _earlier_receipt(self, digest: BundleDigest) -> Signed[Receipt] | None:
        context = self._desk.context
        for row in await context.repository.receipts(digest):
            if row.party == context.number:
                return read_verified_statement(Receipt, row.statement)
        return None

    async def _store(self, bundle: Bundle, content: bytes, email: str, received_at: datetime) -> Accepted:
        desk, context = self._desk, self._desk.context
        header = bundle.header()
        receipt = give_receipt(
            context.identity, context.number, auction=desk.auction, bundle=header.digest, received_at=received_at
        )
        is_new = await context.repository.add_bundle_with_receipt(
            BundleRow(
                digest=header.digest,
                auction_id=desk.auction,
                bidder=bundle.bidder,
                revision=bundle.revision,
                withdrawal=bundle.withdrawal,
                received_at=received_at,
                content=content,
                email=email,
            ),
            ReceiptRow(auction_id=desk.auction, digest=header.digest, party=context.number, statement=receipt.encode()),
            # The record is public: it names the bundle, never the bidder.
            NewRecordEntry(
                auction_id=desk.auction,
                at=received_at,
                actor="a bidder",
                action="withdrew" if bundle.withdrawal else "bid",
                details={"bundle": header.digest, "revision": bundle.revision},
            ),
        )
        if is_new:
            self._on_receipt(receipt)
            return Accepted(receipt, is_new=True)
        repeated = await self._earlier_receipt(header.digest)
        return Accepted(repeated or receipt, is_new=False)
