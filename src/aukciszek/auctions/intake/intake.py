"""Taking bids: from a bundle's bytes to a signed receipt.

``docs/protocol.md``, "Receipts and the input set". A receipt says three things, so three things happen before it is
signed: the bundle came from its bidder and in time, this party's own envelope opens and holds a usable share, and the
bundle is on disk together with the receipt.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from weakref import WeakValueDictionary

from aukciszek.accounts.tokens import Principal
from aukciszek.auctions.context.auction_context import AuctionContext
from aukciszek.auctions.intake.admission import AdmissionPolicy, SignedReceipt, admit
from aukciszek.auctions.intake.batching import Batches
from aukciszek.auctions.intake.checks import check_bidder, check_open
from aukciszek.auctions.intake.receipt_index import ReceiptIndex
from aukciszek.auctions.intake.replay import Accepted, earlier_receipt
from aukciszek.protocol.evidence.receipt_list import MOST_LISTED_RECEIPTS, OtherReceipt
from aukciszek.protocol.evidence.receipts import MOST_REVISIONS
from aukciszek.protocol.evidence.record_chain import NewRecordEntry
from aukciszek.protocol.evidence.statements import SIGNATURE_BYTES
from aukciszek.protocol.rules.errors import AuctionError
from aukciszek.protocol.rules.identifiers import UserId
from aukciszek.protocol.rules.refusals import (
    AuctionFullError,
    RevisionOutdatedError,
    SealingKeyLostError,
    TooManyRevisionsError,
)
from aukciszek.protocol.sealing.bundle import BundleClaim, BundleShape, bundle_digest, claim_of
from aukciszek.protocol.sealing.keys import SealingKeyPair
from aukciszek.storage.errors import ReceivedBeforeError
from aukciszek.storage.rows import BundleRow, NewBid, ReceiptRow

MOST_TAKEN_AT_ONCE: Final = 96
"""Bids that go through all steps together."""


@dataclass(frozen=True, slots=True)
class _Arrival:
    """One bundle on its way to its receipt."""

    claim: BundleClaim
    content: bytes
    email: str
    received_at: datetime


class Intake:
    """Where one party takes bids for one auction."""

    def __init__(
        self, context: AuctionContext, key_pair: SealingKeyPair | None, on_receipt: Callable[[OtherReceipt], None]
    ) -> None:
        """Take bids; without the sealing key, withdrawals alone.

        Args:
            context: the auction.
            key_pair: opens this party's envelopes; None while there is none, or where it is lost.
            on_receipt: told of every new receipt.
        """
        self.taken = ReceiptIndex()
        self._on_receipt = on_receipt
        self._context = context
        self._key_pair = key_pair
        self._inside = 0
        self._locks: WeakValueDictionary[UserId, asyncio.Lock] = WeakValueDictionary()
        self._taking = Batches[_Arrival, Sequence[SignedReceipt | AuctionError], tuple[SignedReceipt, bool]](
            self._admit, self._store_admitted, MOST_TAKEN_AT_ONCE, begun_at_once=context.party.workers.at_once
        )

    def use_key(self, key_pair: SealingKeyPair | None) -> None:
        """Open envelopes with this key from now on."""
        self._key_pair = key_pair

    async def load(self) -> None:
        """Load what is stored."""
        self.taken = ReceiptIndex()
        await self.taken.load(self._context.party.repository, self._context.auction)

    async def accept(self, bidder: Principal, content: bytes) -> Accepted:
        """Take one bundle.

        Raises:
            BundleError: the bytes are no bundle for this auction.
            EnvelopeError: this party cannot use its share; the bidder's program is at fault.
            RefusalError: the bidder, the moment or the revision is not right, or the quota is used up.
        """
        arrival = _Arrival(claim_of(content), content, bidder.email, self._context.party.clock.now())
        check_bidder(self._context.spec, arrival.claim, bidder)
        with self._context.party.bid_quota.taken(self._context.auction, arrival.claim.bidder):
            # From the check of the time to the commit this bid counts as inside, so that the close can wait for it.
            self._inside += 1
            try:
                async with self._locks.setdefault(arrival.claim.bidder, asyncio.Lock()):
                    return await self._accept_next(arrival)
            finally:
                self._inside -= 1
                if not self._inside:
                    self._context.signal.notify()

    async def _accept_next(self, arrival: _Arrival) -> Accepted:
        claim = arrival.claim
        latest = self.taken.latest(claim.bidder)
        if self._key_pair is None or claim.revision <= latest:
            repeated = await earlier_receipt(self._context, bundle_digest(arrival.content))
            if repeated is not None:
                return Accepted(repeated, is_new=False)
        check_open(self._context, arrival.received_at)
        self._check_revision(claim, latest)
        receipt, is_new = await self._taking.do(arrival)
        if is_new:
            self.taken.note(claim.bidder, claim.revision, withdrawal=claim.withdrawal)
            signature = receipt.statement[:SIGNATURE_BYTES]
            self._on_receipt(OtherReceipt(receipt.bundle, self._context.party.number, arrival.received_at, signature))
            return Accepted(receipt.statement, is_new=True)
        return Accepted(await earlier_receipt(self._context, receipt.bundle) or receipt.statement, is_new=False)

    async def wait_until_empty(self) -> None:
        """Return when every bid that came in time has its receipt; call it once the auction takes no more."""
        await self._context.signal.wait_for(lambda: not self._inside)

    def _check_revision(self, claim: BundleClaim, latest: int) -> None:
        if self._key_pair is None and not claim.withdrawal:
            raise SealingKeyLostError(
                "this party has lost its sealing key of this auction and cannot open your envelope: "
                "your bid counts with the receipts of the others"
            )
        if claim.revision > MOST_REVISIONS:
            raise TooManyRevisionsError(f"a bid can be changed at most {MOST_REVISIONS} times")
        if claim.revision <= latest:
            raise RevisionOutdatedError(f"revision {latest} of your bid is here already: send revision {latest + 1}")
        # What is inside may all be new, and this bid is inside itself.
        free = MOST_LISTED_RECEIPTS - self.taken.receipts - self._inside + 1
        if free < 1:
            raise AuctionFullError(
                f"this party has given {MOST_LISTED_RECEIPTS} receipts in this auction, and can give no more"
            )
        # The fewer are left, the fewer for each: so a few hundred people cannot use up the receipts of all others.
        # Those who used theirs can still withdraw the bid that stands.
        share = max(1, MOST_REVISIONS * free // MOST_LISTED_RECEIPTS)
        withdraws = claim.withdrawal and self.taken.stands(claim.bidder)
        if self.taken.receipts_of(claim.bidder) >= share and not withdraws:
            raise TooManyRevisionsError(
                f"so many bids are in that nobody can have more than {share} receipts now: what you submitted counts"
            )

    async def _admit(self, arrivals: Sequence[_Arrival]) -> Sequence[SignedReceipt | AuctionError]:
        party_context = self._context.party
        sealing_seed = None if self._key_pair is None else self._key_pair.to_bytes()
        policy = AdmissionPolicy(
            BundleShape.of(self._context.spec), party_context.number, sealing_seed, party_context.identity.to_seed()
        )
        return await party_context.workers.run(admit, policy, [(one.content, one.received_at) for one in arrivals])

    async def _store_admitted(
        self, arrivals: Sequence[_Arrival], admitted: Sequence[SignedReceipt | AuctionError]
    ) -> Sequence[tuple[SignedReceipt, bool] | Exception]:
        """Store bundles; of each return the receipt and whether it is new, or what was wrong."""
        bids = [
            self._new_bid(arrival, receipt)
            for arrival, receipt in zip(arrivals, admitted, strict=True)
            if not isinstance(receipt, Exception)
        ]
        stored = iter(await self._store(bids))
        return [receipt if isinstance(receipt, Exception) else _settled(receipt, next(stored)) for receipt in admitted]

    async def _store(self, bids: Sequence[NewBid]) -> Sequence[bool | Exception]:
        """Store bids; tell of each whether it is new."""
        repository = self._context.party.repository
        if not bids:
            return []
        try:
            await repository.add_bids(bids)
        except ReceivedBeforeError:
            return [await self._store_one(bid) for bid in bids]
        return [True] * len(bids)

    async def _store_one(self, bid: NewBid) -> bool | Exception:
        try:
            return await self._context.party.repository.add_bundle_with_receipt(bid.bundle, bid.receipt, bid.entry)
        except Exception as error:  # noqa: BLE001 -- it goes to the bid that it belongs to
            return error

    def _new_bid(self, arrival: _Arrival, receipt: SignedReceipt) -> NewBid:
        auction, digest, received_at, claim = self._context.auction, receipt.bundle, arrival.received_at, arrival.claim
        return NewBid(
            BundleRow(
                digest=digest,
                auction_id=auction,
                bidder=claim.bidder,
                revision=claim.revision,
                withdrawal=claim.withdrawal,
                received_at=received_at,
                content=arrival.content,
                email=arrival.email,
            ),
            ReceiptRow(
                auction_id=auction, digest=digest, party=self._context.party.number, statement=receipt.statement
            ),
            # The record is public: it names the bundle, never the bidder.
            NewRecordEntry(
                auction_id=auction,
                at=received_at,
                actor="a bidder",
                action="withdrew" if claim.withdrawal else "bid",
                details={"bundle": digest, "revision": claim.revision},
            ),
        )


def _settled(receipt: SignedReceipt, stored: bool | Exception) -> tuple[SignedReceipt, bool] | Exception:  # noqa: FBT001 -- what became of it
    return stored if isinstance(stored, Exception) else (receipt, stored)
