"""One demo from beginning to end: parties, people, bids, close, outcome, and whether it is the right one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from aukciszek.client.overview import AuctionOverview
from aukciszek.client.sdk import AukciszekClient
from aukciszek.client.submission import PlacedBid
from aukciszek.clock import SystemClock
from aukciszek.demo.plan import DemoPlan
from aukciszek.demo.story import Story
from aukciszek.local_cluster.actors import Actor, RehearsalError, appoint, everybody, open_auction
from aukciszek.local_cluster.plain_outcome import PlainOutcome, PlainRules, expected_outcome
from aukciszek.local_cluster.running import RunningCluster
from aukciszek.protocol.evidence.audit_log import AuditRecord
from aukciszek.protocol.evidence.certificate import Certificate
from aukciszek.protocol.rules.identifiers import BundleDigest
from aukciszek.protocol.rules.spec import AuctionSpec


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What came out.

    Attributes:
        certificate: verified against the demo's own cluster file.
        expectation: the outcome computed in the clear.
        bidder_of: who made which bundle.
        placed: every bidder's bundle and receipts.
        records: the parties' audit records.
        closed_at: when the auctioneer gave the order to close.
        close_to_result_s: from then to the verified certificate, in seconds.
    """

    certificate: Certificate
    expectation: PlainOutcome
    bidder_of: dict[BundleDigest, Actor] = field(repr=False)
    placed: Sequence[PlacedBid] = field(repr=False)
    records: Mapping[int, AuditRecord] = field(repr=False)
    closed_at: datetime
    close_to_result_s: float

    @property
    def correct(self) -> bool:
        """Whether the outcome found on shares is the one computed in the clear."""
        body = self.certificate.body
        winners = tuple(winner.bundle for winner in body.winners)
        return body.outcome == "sold" and (winners, body.prices) == (self.expectation.winners, self.expected_prices)

    @property
    def winners(self) -> list[str]:
        """The names of those who won."""
        return [self.bidder_of[winner.bundle].name for winner in self.certificate.body.winners]

    @property
    def expected_winners(self) -> list[str]:
        """The names of those who had to win."""
        return [self.bidder_of[bundle].name for bundle in self.expectation.winners]

    @property
    def expected_prices(self) -> tuple[str, ...]:
        """The prices that had to be found."""
        grid = self.certificate.body.spec.grid
        return tuple(grid.to_price(step) for step in self.expectation.steps)


class Demo:
    """The cast and the stage of one demo."""

    def __init__(self, plan: DemoPlan, cluster: RunningCluster, client: AukciszekClient, story: Story) -> None:
        self._plan = plan
        self._cluster = cluster
        self._client = client
        self._story = story
        self._clock = SystemClock()
        self.auctioneer = Actor.new("auctioneer", client)
        width = len(str(plan.bidders))
        self.bidders = [Actor.new(f"bidder-{number:0{width}}", client) for number in range(1, plan.bidders + 1)]

    async def run(self) -> DemoResult:
        """Play it all; the parties are up."""
        await self._open_accounts()
        overview = await self._create_auction()
        placed = await self._place_bids(overview)
        closed_at, started_s = self._clock.now(), self._clock.monotonic_s()
        certificate = await self._close(overview)
        close_to_result_s = self._clock.monotonic_s() - started_s
        records = (await self._client.records(overview.id)).need(1, "show their audit records")
        expectation, bidder_of = self._judge(overview.spec, placed, certificate)
        return DemoResult(certificate, expectation, bidder_of, placed, records, closed_at, close_to_result_s)

    async def _open_accounts(self) -> None:
        people = [self.auctioneer, *self.bidders]
        with self._story.counting("accounts", len(people)) as on_done:
            await everybody(people, Actor.join, on_done)
        await appoint(self.auctioneer, self._cluster)
        self._story.accounts_are_open(len(self.bidders))

    async def _create_auction(self) -> AuctionOverview:
        spec = self._plan.rules(self._client.cluster, self.auctioneer.client.tokens.uid)
        overview = await open_auction(self.auctioneer, spec)
        self._story.auction_is_open(spec)
        return overview

    async def _place_bids(self, overview: AuctionOverview) -> list[PlacedBid]:
        async def bid(pair: tuple[Actor, str]) -> PlacedBid:
            bidder, price = pair
            return await bidder.client.place_bid(overview.id, price, overview=overview)

        with self._story.counting("sealed bids", len(self.bidders)) as on_done:
            placed = await everybody(zip(self.bidders, self._plan.prices(), strict=True), bid, on_done)
        self._story.bids_are_in(placed, overview.spec)
        return placed

    async def _close(self, overview: AuctionOverview) -> Certificate:
        with self._story.following() as on_progress:
            await self.auctioneer.client.close_auction(overview.id, overview=overview)
            return await self._client.wait_for_outcome(overview.id, on_progress)

    def _judge(
        self, spec: AuctionSpec, placed: Sequence[PlacedBid], certificate: Certificate
    ) -> tuple[PlainOutcome, dict[BundleDigest, Actor]]:
        tie_break_seed = certificate.body.tie_break_seed
        if tie_break_seed is None:
            raise RehearsalError("the parties counted none of the bids: see their logs")
        digests = [one.header.digest for one in placed]
        steps = [spec.grid.to_step(price) for price in self._plan.prices()]
        rules = PlainRules(spec.format, spec.direction, spec.winners, spec.grid.highest_step)
        expectation = expected_outcome(rules, bytes.fromhex(tie_break_seed), dict(zip(digests, steps, strict=True)))
        return expectation, dict(zip(digests, self.bidders, strict=True))
