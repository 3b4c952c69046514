"""A rush: bids that all come in the last second before the close, sealed beforehand so that only parties are busy."""

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Final

from aukciszek.client.overview import AuctionOverview
from aukciszek.client.parties import Parties, connect
from aukciszek.client.submission import BidSubmission, PlacedBid
from aukciszek.client.tokens import UserTokens
from aukciszek.clock import SystemClock
from aukciszek.cluster import Cluster
from aukciszek.local_cluster.actors import Actor, open_auction
from aukciszek.protocol.evidence.audit_log import AuditRecord
from aukciszek.protocol.evidence.certificate import Certificate
from aukciszek.protocol.evidence.receipts import ReceiptFile
from aukciszek.protocol.evidence.verification import verify_certificate
from aukciszek.protocol.rules.draft import AuctionDraft
from aukciszek.protocol.rules.identifiers import BundleDigest, UserId
from aukciszek.protocol.sealing.bundle import BidPlace, Bundle
from aukciszek.protocol.sealing.envelope import seal_bid

LAST: Final = timedelta(seconds=1)
_FIRST_TRY_S: Final = 20.0


@dataclass
class Rush:
    """Bidders with their bundles, ascending by revision, and what the parties answered.

    Prices are all different, and each revision is lower than the one before.
    """

    overview: AuctionOverview
    bidders: Sequence[UserTokens]
    bundles: Mapping[UserId, Sequence[bytes]]
    prices: Mapping[BundleDigest, str]
    placed: dict[UserId, list[PlacedBid]] = field(default_factory=dict)

    @property
    def expected(self) -> dict[UserId, PlacedBid]:
        """By bidder, the bid that has to count by the receipts that the bidder holds: the last with enough of them."""
        return {bidder: [one for one in placed if one.counts][-1] for bidder, placed in self.placed.items()}

    def receipt_file(self, bidder: UserId) -> ReceiptFile:
        file = ReceiptFile(auction=self.overview.id, bidder=bidder, bids=())
        for one in self.placed[bidder]:
            if one.receipts:
                file = file.with_bid(one.header, one.receipts.values())
        return file

    async def happen(self, cluster: Cluster) -> None:
        """Hand in the first revisions at once, all others from one second before the close on, side by side."""
        clock = SystemClock()
        async with connect(cluster) as parties:
            await asyncio.gather(*(self._submit(parties, bidder, slice(0, 1)) for bidder in self.bidders))
            await clock.sleep((self.overview.spec.closes_at - LAST - clock.now()).total_seconds())
            await asyncio.gather(*(self._submit(parties, bidder, slice(1, None)) for bidder in self.bidders))

    async def _submit(self, parties: Parties, bidder: UserTokens, which: slice) -> None:
        spec = self.overview.spec
        for content in self.bundles[bidder.uid][which]:
            placed = PlacedBid(Bundle.decode(content).header(), content, {}, {}, spec.threshold, spec.parties)
            submission = BidSubmission(parties, bidder, placed, clock=SystemClock())
            self.placed.setdefault(bidder.uid, []).append(await submission.submit())

    def check(self, cluster: Cluster, certificates: Sequence[Certificate], records: Sequence[AuditRecord]) -> None:
        """All parties found the same, it is what the receipts say, and every bidder can prove it."""
        bodies = {certificate.body for certificate in certificates}
        assert len(bodies) == 1
        agreed = [
            entry.details["input_set"] for record in records for entry in record.entries if entry.action == "agreed"
        ]
        assert len(agreed) >= len(certificates)
        assert len(set(agreed)) == 1
        body = bodies.pop()
        expected = {one.header.digest for one in self.expected.values()}
        assert set(body.bids) == expected
        best = min(expected, key=lambda digest: Decimal(self.prices[digest]))
        assert [winner.bundle for winner in body.winners] == [best]
        assert body.prices == (self.prices[best],)
        for bidder, one in self.expected.items():
            report = verify_certificate(certificates[0], cluster=cluster, receipts=self.receipt_file(bidder))
            (own,) = [check for check in report.checks if check.name == "own-bid"]
            assert own.verdict == "passed", own.text
            assert f"revision {one.header.revision} was counted" in own.text


async def prepare(cluster: Cluster, threshold: int, auctioneer: Actor, bidders: Sequence[Actor], each: int) -> Rush:
    """Create an auction and seal everything; with a later close if that was not done well before the close."""
    clock, patience_s = SystemClock(), _FIRST_TRY_S
    while True:
        closes_at = clock.now() + timedelta(seconds=patience_s)
        draft = AuctionDraft(
            title="Rush",
            minimum=Decimal(0),
            maximum=Decimal(100_000),
            step=Decimal(1),
            opens_at=clock.now() - timedelta(minutes=1),
            closes_at=closes_at,
        )
        uid = auctioneer.client.tokens.uid
        spec = draft.freeze(cluster=cluster, threshold=threshold, auctioneer=uid, nonce=secrets.token_bytes(32))
        overview = await open_auction(auctioneer, spec)
        rush = await asyncio.to_thread(_seal, overview, [one.client.tokens for one in bidders], each)
        if clock.now() + timedelta(seconds=patience_s / 2) < closes_at:
            return rush
        patience_s *= 2


def _seal(overview: AuctionOverview, bidders: Sequence[UserTokens], each: int) -> Rush:
    grid, sealing_keys = overview.spec.grid, overview.all_sealing_keys()
    bundles: dict[UserId, list[bytes]] = {}
    prices: dict[BundleDigest, str] = {}
    for place, bidder in enumerate(bidders):
        for revision in range(1, each + 1):
            step = (each - revision) * len(bidders) + place
            target = BidPlace(auction=overview.id, bidder=bidder.uid, revision=revision)
            bits = grid.bits_of(step)
            bundle = seal_bid(target, bits, threshold=overview.spec.threshold, sealing_keys=sealing_keys)
            bundles.setdefault(bidder.uid, []).append(bundle.encode())
            prices[bundle.digest()] = grid.to_price(step)
    return Rush(overview, bidders, bundles, prices)
