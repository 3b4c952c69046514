"""Receipts and bundles spread among the parties while bids come in, so that nothing hangs on one party's disk.

``docs/protocol.md``, "Receipts and the input set". Every party passes the receipts that it gives on to all others, a
little later and many at once; who hears of a bundle that it lacks asks for it. A party that was down catches up when
its links are back. What a party signed in this way it cannot deny after the close.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from itertools import batched
from typing import Final

from aukciszek.auctions.bundle import Bundle
from aukciszek.auctions.desk import AuctionDesk
from aukciszek.auctions.errors import AuctionError, WrongSignatureError
from aukciszek.auctions.holdings import MOST_HOLDINGS, OtherReceipt
from aukciszek.auctions.identifiers import BundleDigest
from aukciszek.auctions.messages import (
    MOST_BUNDLES_A_REQUEST,
    MOST_RECEIPTS_A_MESSAGE,
    BundlesWanted,
    NewReceipts,
    ReceiptsKnown,
)
from aukciszek.auctions.ports import MessageKind
from aukciszek.auctions.statements import Receipt, Signed, read_verified_statement, verify
from aukciszek.cluster import PartyNumber
from aukciszek.storage.rows import BundleRow, ReceiptRow

BATCH_S: Final = 0.5
"""How long receipts wait for others that go with them."""


class TooManyReceiptsError(AuctionError):
    """A party says that it gave more receipts than an auction can have."""

    code = "too-many-receipts"


class Replication:
    """What this party has of the others' receipts and bundles in one auction."""

    def __init__(self, desk: AuctionDesk) -> None:
        self._desk = desk
        self._new: list[Signed[Receipt]] = []
        self._known: dict[PartyNumber, int] = {}
        self._wanted: dict[BundleDigest, frozenset[PartyNumber]] = {}

    async def load(self) -> None:
        """Count the receipts that were stored before a restart."""
        for row in await self._desk.context.repository.auction_receipts(self._desk.auction):
            party = PartyNumber(row.party)
            self._known[party] = self._known.get(party, 0) + 1

    def spread(self, receipt: Signed[Receipt]) -> None:
        """Pass a receipt that this party has given on to all others, soon."""
        self._new.append(receipt)
        number = self._desk.context.number
        self._known[number] = self._known.get(number, 0) + 1
        self._desk.signal.notify()

    async def run(self) -> None:
        """Pass new receipts on, for ever."""
        while True:
            await self._desk.signal.wait_for(lambda: bool(self._new))
            await self._desk.context.clock.sleep(BATCH_S)
            new, self._new = self._new, []
            await self._send_receipts(self._desk.peers, new)

    async def announce(self, to: Iterable[PartyNumber]) -> None:
        """Tell peers how many of their receipts are here, so that they send those that are not."""
        for peer in to:
            known = ReceiptsKnown(count=self._known.get(peer, 0))
            await self._desk.send([peer], MessageKind.RECEIPTS_KNOWN, known.encode())

    async def receive_known(self, sender: PartyNumber, content: bytes) -> None:
        """Send a peer this party's receipts if some of them are not there.

        Raises:
            MalformedStatementError: the message is not of its form.
        """
        context = self._desk.context
        if ReceiptsKnown.decode(content).count < self._known.get(context.number, 0):
            rows = await context.repository.auction_receipts(self._desk.auction)
            own = [read_verified_statement(Receipt, row.statement) for row in rows if row.party == context.number]
            await self._send_receipts([sender], own)

    async def receive_receipts(self, sender: PartyNumber, content: bytes) -> None:
        """Keep receipts that a peer gave, and ask it for the bundles that are not here.

        Raises:
            MalformedStatementError: the message is not of its form.
            WrongSignatureError: the sender did not give these receipts.
            TooManyReceiptsError: the sender has given more than an auction can have.
        """
        desk, repository = self._desk, self._desk.context.repository
        claimed = NewReceipts.decode(content).receipts
        if any(one.party != sender for one in claimed):
            raise WrongSignatureError(f"party {sender} passes on receipts of others, which stand in lists only")
        if self._known.get(sender, 0) + len(claimed) > 2 * MOST_HOLDINGS:
            raise TooManyReceiptsError(f"party {sender} gave more than {MOST_HOLDINGS} receipts")
        receipts = [one.claimed(desk.auction) for one in claimed]
        await asyncio.to_thread(self._verify, receipts)
        async with desk.context.database.transaction() as connection:
            for receipt in receipts:
                row = ReceiptRow(
                    auction_id=desk.auction,
                    digest=receipt.content.bundle,
                    party=sender,
                    statement=receipt.encode(),
                )
                await repository.put_receipt(row, connection=connection)
        self._known[sender] = self._known.get(sender, 0) + len(receipts)
        here = await repository.bundle_digests(desk.auction)
        missing = [one.bundle for one in claimed if one.bundle not in here]
        self._wanted |= {digest: frozenset({sender}) | self._wanted.get(digest, frozenset()) for digest in missing}
        await self._ask([sender], missing)

    async def want_unless_here(self, digest: BundleDigest, holders: Sequence[PartyNumber]) -> None:
        """Ask those who signed for a bundle for it, if it is not here."""
        if await self._desk.context.repository.bundle(digest) is None:
            self._wanted[digest] = frozenset(holders) | self._wanted.get(digest, frozenset())
            await self._ask(holders, [digest])

    async def receive_bundles_wanted(self, sender: PartyNumber, content: bytes) -> None:
        """Pass bundles on.

        Raises:
            MalformedStatementError: the message is not of its form.
        """
        wanted = BundlesWanted.decode(content)
        for bundle in (await self._desk.context.repository.bundle_contents(list(wanted.bundles))).values():
            await self._desk.send([sender], MessageKind.BUNDLE, bundle)

    async def receive_bundle(self, content: bytes) -> None:
        """Keep a bundle that this party asked for; drop any other.

        Raises:
            BundleError: it is no bundle for this auction.
        """
        bundle = Bundle.decode(content)
        bundle.check_fits(self._desk.spec)
        header = bundle.header()
        if header.digest in self._wanted:
            await self._desk.context.repository.put_bundle(
                BundleRow(
                    digest=header.digest,
                    auction_id=self._desk.auction,
                    bidder=header.bidder,
                    revision=header.revision,
                    withdrawal=header.withdrawal,
                    received_at=None,
                    content=content,
                )
            )
            self._wanted.pop(header.digest, None)
            self._desk.signal.notify()

    async def fetch(self, holders: Mapping[BundleDigest, frozenset[PartyNumber]]) -> None:
        """Return when these bundles are here; ``holders`` names the parties that signed for each: one is honest."""
        self._wanted = dict(holders)
        await self._desk.signal.wait_announcing(lambda: not self._wanted, self._ask_all)

    async def _ask_all(self) -> None:
        for party in sorted(self._desk.context.network.connected):
            await self._ask([party], sorted(digest for digest, holders in self._wanted.items() if party in holders))

    async def _ask(self, to: Sequence[PartyNumber], digests: Iterable[BundleDigest]) -> None:
        for some in batched(digests, MOST_BUNDLES_A_REQUEST, strict=False):
            await self._desk.send(to, MessageKind.BUNDLES_WANTED, BundlesWanted(bundles=some).encode())

    async def _send_receipts(self, to: Sequence[PartyNumber], receipts: Iterable[Signed[Receipt]]) -> None:
        for some in batched(receipts, MOST_RECEIPTS_A_MESSAGE, strict=False):
            message = NewReceipts(receipts=tuple(OtherReceipt.of(receipt) for receipt in some))
            await self._desk.send(to, MessageKind.RECEIPTS, message.encode())

    def _verify(self, receipts: Iterable[Signed[Receipt]]) -> None:
        for receipt in receipts:
            verify(receipt, self._desk.context.cluster)
