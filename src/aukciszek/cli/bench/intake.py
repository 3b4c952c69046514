"""The benchmark of the intake: bids that one real party stores durably and answers with receipts, per second.

A whole cluster runs, since bids are sealed to all parties; the load goes to one party over HTTP. Bundles are sealed
beforehand, and every receipt's signature is verified, as a bidder's program does.
"""

import asyncio
import secrets
import shutil
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

from aukciszek.auctions.bundle import Bundle
from aukciszek.auctions.draft import AuctionDraft
from aukciszek.auctions.identifiers import UserId
from aukciszek.auctions.receipts import MOST_REVISIONS
from aukciszek.auctions.sealing import BidPlace, seal_bid
from aukciszek.auctions.spec import AuctionSpec
from aukciszek.cli.bench.plan import IntakeBenchmark
from aukciszek.cli.people import Person, appoint, everybody, open_auction
from aukciszek.cli.report import Report
from aukciszek.cli.running import RunningCluster, running
from aukciszek.cli.throwaway import free_base_port, make_cluster
from aukciszek.client.handing import submit
from aukciszek.client.overview import AuctionOverview
from aukciszek.client.parties import Parties, connect
from aukciszek.client.sdk import AukciszekClient
from aukciszek.clock import SystemClock
from aukciszek.errors import AukciszekError

_PARTIES: Final = 5
_THRESHOLD: Final = 2
_PARTY: Final = 2
"""The one that gets the load: not the login server."""

_MOST_PER_S: Final = 2_000
"""How many bundles are sealed beforehand for each second; with fewer bidders the number of revisions is the limit."""


@dataclass(frozen=True, slots=True)
class MeasuredIntake:
    """What was measured.

    Attributes:
        latencies_s: of each bid with a receipt, from its request to its verified receipt.
        errors: how many bids got none.
        wall_s: from the first request to the last answer.
        bits: of each bid.
    """

    latencies_s: Sequence[float]
    errors: int
    wall_s: float
    bits: int

    @property
    def bids_per_s(self) -> float:
        """Bids with receipts per second."""
        return len(self.latencies_s) / self.wall_s

    def percentile_ms(self, percent: int) -> float:
        """Return the time within which that many percent of the receipts came; 0 without any."""
        if len(self.latencies_s) < 2:  # noqa: PLR2004 -- two values are the least that have quantiles
            return 1000 * sum(self.latencies_s)
        return 1000 * statistics.quantiles(self.latencies_s, n=100)[percent - 1]


async def measure_intake(plan: IntakeBenchmark, report: Report) -> MeasuredIntake:
    """Run a benchmark.

    Raises:
        AukciszekError: the parties did not start, or nobody could log in.
    """
    directory = Path(tempfile.mkdtemp(prefix="aukciszek-bench-"))
    try:
        base_port = free_base_port(_PARTIES)
        files = make_cluster(directory, parties=_PARTIES, threshold=_THRESHOLD, base_port=base_port)
        with report.waiting("starting the parties"):
            async with (
                running(files) as cluster,
                AukciszekClient.open(files.cluster) as client,
                connect(files.cluster) as parties,
            ):
                return await cluster.children.while_all_run(_measure(plan, cluster, client, parties))
    finally:
        shutil.rmtree(directory, ignore_errors=True)


async def _measure(
    plan: IntakeBenchmark, cluster: RunningCluster, client: AukciszekClient, parties: Parties
) -> MeasuredIntake:
    auctioneer = Person.new("auctioneer", client)
    bidders = [Person.new(f"bidder-{number}", client) for number in range(plan.bidders)]
    await everybody([auctioneer, *bidders], Person.join)
    await appoint(auctioneer, cluster)
    overview = await open_auction(auctioneer, _rules(cluster, auctioneer))
    each = min(MOST_REVISIONS, plan.seconds * _MOST_PER_S // plan.bidders + 1)
    sealed = [await asyncio.to_thread(_seal, overview, bidder.client.tokens.uid, each) for bidder in bidders]
    started_s = time.perf_counter()
    results = await asyncio.gather(
        *(
            _bid(parties, bidder, bundles, started_s + plan.seconds)
            for bidder, bundles in zip(bidders, sealed, strict=True)
        )
    )
    wall_s = time.perf_counter() - started_s
    latencies_s = [latency_s for found, _ in results for latency_s in found]
    return MeasuredIntake(latencies_s, sum(errors for _, errors in results), wall_s, overview.spec.bits)


async def _bid(parties: Parties, bidder: Person, bundles: Sequence[bytes], until_s: float) -> tuple[list[float], int]:
    """Hand in one bundle after the other; return the times of those with a receipt, and how many got none."""
    latencies_s: list[float] = []
    errors = 0
    party, token = parties[_PARTY], bidder.client.tokens.at(_PARTY)
    for content in bundles:
        sent_s = time.perf_counter()
        if sent_s >= until_s:
            break
        try:
            await submit(party, token, parties.cluster, Bundle.decode(content).header(), content)
        except AukciszekError:
            errors += 1
        else:
            latencies_s.append(time.perf_counter() - sent_s)
    return latencies_s, errors


def _rules(cluster: RunningCluster, auctioneer: Person) -> AuctionSpec:
    now = SystemClock().now()
    draft = AuctionDraft(
        title="Benchmark",
        minimum=Decimal("0.00"),
        maximum=Decimal("42949672.95"),
        step=Decimal("0.01"),
        opens_at=now,
        closes_at=now + timedelta(hours=1),
    )
    return draft.freeze(
        cluster=cluster.plan.cluster,
        threshold=_THRESHOLD,
        auctioneer=auctioneer.client.tokens.uid,
        nonce=secrets.token_bytes(32),
    )


def _seal(overview: AuctionOverview, bidder: UserId, revisions: int) -> list[bytes]:
    grid = overview.spec.grid
    sealing_keys = overview.all_sealing_keys()
    sealed = []
    for revision in range(1, revisions + 1):
        place = BidPlace(auction=overview.id, bidder=bidder, revision=revision)
        bits = grid.bits_of(secrets.randbelow(grid.highest_step + 1))
        sealed.append(seal_bid(place, bits, threshold=_THRESHOLD, sealing_keys=sealing_keys).encode())
    return sealed
