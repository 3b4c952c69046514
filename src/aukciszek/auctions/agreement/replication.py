"""Receipts and bundles spread among the parties while bids come in, so that nothing depends on one party's disk.

``docs/protocol.md``, "Receipts and the input set". Every party passes the receipts that it gives on to all others, a
little later and many at once; who lacks a bundle for which ``t + 1`` parties gave receipts asks for it. With fewer it
does not count, and a flood of bids at one party does not reach the others. A party that was down catches up when its
links are back. What a party signed in this way it cannot deny after the close.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import batched
from typing import Final

from aukciszek.auctions.agreement.messages import (
    MOST_BUNDLES_A_REQUEST,
    MOST_RECEIPTS_A_MESSAGE,
    BundlesWanted,
    NewReceipts,
    ReceiptsKnown,
)
from aukciszek.auctions.agreement.tally import Tally
from aukciszek.auctions.context.auction_context import AuctionContext
from aukciszek.auctions.context.peer_network import MessageKind
from aukciszek.cluster import PartyNumber
from aukciszek.identity import PublicIdentity
from aukciszek.protocol.evidence.receipt_list import MOST_LISTED_RECEIPTS, OtherReceipt
from aukciszek.protocol.rules.errors import AuctionError, WrongSignatureError
from aukciszek.protocol.rules.identifiers import AuctionId, BundleDigest
from aukciszek.protocol.sealing.bundle import Bundle
from aukciszek.storage.rows import BundleRow, ReceiptRow

BATCH_S: Final = 0.5
"""How long receipts wait for others that go with them."""


class TooManyReceiptsError(AuctionError):
    """A party says that it gave more receipts than an auction can have."""

    code = "too-many-receipts"


class Replication:
    """What this party has of the others' receipts and bundles in one auction."""

    def __init__(self, context: AuctionContext) -> None:
        self._context = context
        self._new: list[OtherReceipt] = []
        self._known: dict[PartyNumber, int] = {}
        self._wanted: dict[BundleDigest, frozenset[PartyNumber]] = {}
        self._heard_of: dict[BundleDigest, frozenset[PartyNumber]] = {}
        """Bundles that are not here and do not count so far, with the parties that gave receipts for them."""

    async def load(self) -> None:
        """Count the receipts that are stored."""
        self._known.clear()
        for row in await self._context.party.repository.auction_receipts(self._context.auction):
            party = PartyNumber(row.party)
            self._known[party] = self._known.get(party, 0) + 1

    def spread(self, receipt: OtherReceipt) -> None:
        """Pass a receipt that this party has given on to all others, soon."""
        self._new.append(receipt)
        number = self._context.party.number
        self._known[number] = self._known.get(number, 0) + 1
        if len(self._new) == 1:
            self._context.signal.notify()

    async def run(self) -> None:
        """Pass new receipts on, until cancelled."""
        while True:
            await self._context.signal.wait_for(lambda: bool(self._new))
            await self._context.party.clock.sleep(BATCH_S)
            new, self._new = self._new, []
            await self._send_receipts(self._context.peers, new)

    async def announce(self, to: Iterable[PartyNumber]) -> None:
        """Tell peers how many of their receipts are here, so that they send those that are not."""
        for peer in to:
            known = ReceiptsKnown(count=self._known.get(peer, 0))
            await self._context.send([peer], MessageKind.RECEIPTS_KNOWN, known.encode())

    async def receive_known(self, sender: PartyNumber, content: bytes) -> None:
        """Send a peer this party's receipts if some of them are not there.

        Raises:
            MalformedStatementError: the message is not of its form.
        """
        party_context = self._context.party
        if ReceiptsKnown.decode(content).count < self._known.get(party_context.number, 0):
            rows = await party_context.repository.auction_receipts(self._context.auction)
            own = [OtherReceipt.stored(row.statement) for row in rows if row.party == party_context.number]
            await self._send_receipts([sender], own)

    async def receive_receipts(self, sender: PartyNumber, content: bytes) -> None:
        """Keep receipts that a peer gave, and ask it for the bundles that are not here.

        Raises:
            MalformedStatementError: the message is not of its form.
            WrongSignatureError: the sender did not give these receipts.
            TooManyReceiptsError: the sender has given more than an auction can have.
        """
        context, party_context = self._context, self._context.party
        identity = party_context.cluster.party(sender).identity.text
        receipts = await party_context.workers.run(read_receipts, context.auction, sender, identity, content)
        known = self._known.get(sender, 0)
        if known + len(receipts) > 2 * MOST_LISTED_RECEIPTS:
            raise TooManyReceiptsError(f"party {sender} gave more than {MOST_LISTED_RECEIPTS} receipts")
        rows = [
            ReceiptRow(auction_id=context.auction, digest=digest, party=sender, statement=statement)
            for digest, statement in receipts
        ]
        new = await party_context.repository.put_receipts(rows)
        self._known[sender] = self._known.get(sender, 0) + new
        await self._hear_of([digest for digest, _ in receipts], sender)

    async def _hear_of(self, digests: Sequence[BundleDigest], sender: PartyNumber) -> None:
        """Ask ``sender`` for the bundles that it gave receipts for and that count, unless they are here."""
        here = await self._context.party.repository.bundles_here(digests)
        asked = []
        for digest in digests:
            if digest in here:
                self._heard_of.pop(digest, None)
                continue
            parties = self._heard_of.pop(digest, frozenset()) | self._wanted.get(digest, frozenset()) | {sender}
            if len(parties) >= self._context.party.vouchers_needed:
                self._wanted[digest] = parties
                asked.append(digest)
            else:
                self._heard_of[digest] = parties
        await self._ask([sender], asked)

    async def want_unless_here(self, digest: BundleDigest, holders: Sequence[PartyNumber]) -> None:
        """Ask those who signed for a bundle for it, if it is not here."""
        if await self._context.party.repository.bundle(digest) is None:
            self._wanted[digest] = frozenset(holders) | self._wanted.get(digest, frozenset())
            await self._ask(holders, [digest])

    async def receive_bundles_wanted(self, sender: PartyNumber, content: bytes) -> None:
        """Pass bundles on.

        Raises:
            MalformedStatementError: the message is not of its form.
        """
        wanted = BundlesWanted.decode(content)
        for bundle in (await self._context.party.repository.bundle_contents(list(wanted.bundles))).values():
            await self._context.send([sender], MessageKind.BUNDLE, bundle)

    async def receive_bundle(self, content: bytes) -> None:
        """Keep a bundle that this party asked for; drop any other.

        Raises:
            BundleError: it is no bundle for this auction.
        """
        bundle = Bundle.decode(content)
        bundle.check_fits(self._context.spec)
        digest = bundle.header().digest
        if digest in self._wanted:
            row = row_without_receipt(bundle, content, self._context.auction)
            await self._context.party.repository.put_bundle(await self._with_own_receipt(row))
            self._wanted.pop(digest, None)
            self._context.signal.notify()

    async def _with_own_receipt(self, row: BundleRow) -> BundleRow:
        """Mark a bundle as received for which this party gave a receipt before it lost it."""
        party_context = self._context.party
        own = [one for one in await party_context.repository.receipts(row.digest) if one.party == party_context.number]
        return replace(row, received_at=OtherReceipt.stored(own[0].statement).received_at) if own else row

    async def fetch(self, holders: Mapping[BundleDigest, frozenset[PartyNumber]]) -> None:
        """Return when these bundles are here; ``holders`` names the parties that signed for each: one is honest."""
        self._wanted = dict(holders)
        await self._context.signal.wait_announcing(lambda: not self._wanted, self._ask_all)

    async def fetch_settled(self, tally: Tally) -> None:
        """Return when all bundles that count by a tally are here."""
        here = await self._context.party.repository.bundle_digests(self._context.auction)
        missing = tally.missing([BundleDigest(digest) for digest in here])
        await self.fetch({digest: tally.in_time[digest] for digest in missing})

    async def contents(self, digests: Iterable[BundleDigest]) -> dict[BundleDigest, bytes]:
        """Return the bytes of those of these bundles that are here."""
        contents = await self._context.party.repository.bundle_contents(list(digests))
        return {BundleDigest(digest): content for digest, content in contents.items()}

    async def _ask_all(self) -> None:
        for party in sorted(self._context.party.network.connected):
            await self._ask([party], sorted(digest for digest, holders in self._wanted.items() if party in holders))

    async def _ask(self, to: Sequence[PartyNumber], digests: Iterable[BundleDigest]) -> None:
        for some in batched(digests, MOST_BUNDLES_A_REQUEST, strict=False):
            await self._context.send(to, MessageKind.BUNDLES_WANTED, BundlesWanted(bundles=some).encode())

    async def _send_receipts(self, to: Sequence[PartyNumber], receipts: Iterable[OtherReceipt]) -> None:
        for some in batched(receipts, MOST_RECEIPTS_A_MESSAGE, strict=False):
            message = NewReceipts(receipts=some)
            await self._context.send(to, MessageKind.RECEIPTS, message.encode())


def read_receipts(
    auction: AuctionId, sender: PartyNumber, identity: str, content: bytes
) -> list[tuple[BundleDigest, bytes]]:
    """Read and verify the receipts that a party says it gave; takes long, so it runs in any process.

    Args:
        auction: the auction.
        sender: who passes them on.
        identity: that party's public key, as text.
        content: the message.

    Returns:
        Of each the bundle and the signed statement.

    Raises:
        MalformedStatementError: the message is not of its form.
        WrongSignatureError: the sender did not give these receipts.
    """
    claimed = NewReceipts.decode(content).receipts
    if any(one.party != sender for one in claimed):
        raise WrongSignatureError(f"party {sender} passes on receipts of others, which stand in lists only")
    key = PublicIdentity.from_text(identity)
    receipts = [one.claimed(auction) for one in claimed]
    if not all(key.verifies(one.content.label, one.content.body(), one.signature) for one in receipts):
        raise WrongSignatureError(f"party {sender} did not sign a receipt that it passes on")
    return [(one.content.bundle, one.encode()) for one in receipts]


def row_without_receipt(bundle: Bundle, content: bytes, auction: AuctionId) -> BundleRow:
    """Return the row of a bundle that came by way of others; this party gave no receipt for it."""
    header = bundle.header()
    return BundleRow(
        digest=header.digest,
        auction_id=auction,
        bidder=header.bidder,
        revision=header.revision,
        withdrawal=header.withdrawal,
        received_at=None,
        content=content,
    )
