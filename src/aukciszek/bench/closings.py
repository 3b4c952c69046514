"""The benchmark of many auctions that close at the same moment: five real parties, and what it costs them.

Bids are in before it begins. Then the auctioneer closes all auctions at once; the parties' own records tell the moment
of each outcome and every session that failed. All outcomes are looked at, and certificates verified.
"""

import asyncio
import shutil
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from aukciszek.bench.plan import ClosingsBenchmark
from aukciszek.bench.priority import forget_peak, peak_mib, processor_s
from aukciszek.bench.rules import benchmark_rules
from aukciszek.client.connection import RetryPolicy
from aukciszek.client.overview import AuctionOverview
from aukciszek.client.sdk import AukciszekClient
from aukciszek.clock import SystemClock
from aukciszek.console.report import Report
from aukciszek.local_cluster.actors import Actor, appoint, everybody, open_auction
from aukciszek.local_cluster.files import LocalCluster, free_base_port, make_cluster
from aukciszek.local_cluster.running import RunningCluster, running
from aukciszek.protocol.evidence.audit_log import KEYS_DESTROYED, AuditRecord
from aukciszek.protocol.evidence.recorded_attempts import ENDED
from aukciszek.protocol.evidence.verification import verify_certificate
from aukciszek.protocol.rules.spec import AuctionSpec
from aukciszek.protocol.rules.states import AuctionState

_PARTIES: Final = 5
_MANY_RETRIES: Final = RetryPolicy(request_timeout_s=120.0, attempts=6)
_LOOK_AGAIN_S: Final = 1.0
_TIMEOUT_S: Final = 900.0
_AGREED: Final = "agreed"
_FOUND: Final = "outcome-found"
_SIGNED: Final = KEYS_DESTROYED


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredClosings:
    """What a benchmark of closings found.

    Attributes:
        agreed_s: of each auction, from the order to close until the last party had agreed on the bids.
        found_s: of each auction, until the last party knew the outcome.
        signed_s: of each auction, until the last party had all signatures.
        failed: how many sessions ended without an outcome, at all parties together, by what the records say of them.
        correct: whether every certificate verifies and every lowest price is right.
        cpu_s: what all parties' processes took together, those for cryptography left out.
        peak_mib: the most memory that a party held.
        idle_mib: the most memory that a party held right before the close.
    """

    agreed_s: Sequence[float]
    found_s: Sequence[float]
    signed_s: Sequence[float]
    failed: Mapping[str, int]
    correct: bool
    cpu_s: float
    peak_mib: float
    idle_mib: float

    @property
    def median_s(self) -> float:
        """Until half of the outcomes were signed."""
        return statistics.median(self.signed_s)


async def measure_closings(plan: ClosingsBenchmark, report: Report) -> MeasuredClosings:
    """Run a benchmark.

    Raises:
        AukciszekError: the parties did not start, or nobody could log in or bid.
        TimeoutError: not all outcomes came.
    """
    directory = Path(tempfile.mkdtemp(prefix="aukciszek-bench-"))
    try:
        files = make_cluster(directory, parties=_PARTIES, threshold=plan.threshold, base_port=free_base_port(_PARTIES))
        if plan.at_once is not None:
            files = _with_setting(files, "SESSIONS_AT_ONCE", str(plan.at_once))
        async with (
            running(files) as cluster,
            AukciszekClient.open(files.cluster, retries=_MANY_RETRIES) as client,
        ):
            return await cluster.children.while_all_run(_Closings(plan, cluster, client).run(report))
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _with_setting(files: LocalCluster, variable: str, value: str) -> LocalCluster:
    parties = (replace(party, environment={**party.environment, variable: value}) for party in files.parties)
    return replace(files, parties=tuple(parties))


class _Closings:
    """The people and the auctions of one benchmark."""

    def __init__(self, plan: ClosingsBenchmark, cluster: RunningCluster, client: AukciszekClient) -> None:
        self._plan = plan
        self._cluster = cluster
        self._client = client
        self._clock = SystemClock()
        self._auctioneer = Actor.new("auctioneer", client)
        self._bidders = [Actor.new(f"bidder-{number}", client) for number in range(plan.bidders)]

    async def run(self, report: Report) -> MeasuredClosings:
        """Prepare, close, wait and judge."""
        with report.waiting("opening accounts and auctions, submitting bids"):
            overviews = await self._prepare()
        for number in self._cluster.plan.cluster.numbers:
            forget_peak(self._cluster.pid(number))
        idle_mib, before_s, ordered_at = self._most_memory_mib(), self._processor_s(), self._clock.now()
        with report.waiting("all auctions are closed: waiting for their outcomes"):
            close = self._auctioneer.client.close_auction
            await asyncio.gather(*(close(overview.id, overview=overview) for overview in overviews))
            await self._until_all_are_final(len(overviews))
        peak, cpu_s = self._most_memory_mib(), self._processor_s() - before_s
        records = [tuple((await self._client.records(one.id)).answers.values()) for one in overviews]
        return MeasuredClosings(
            agreed_s=[_last_s(of_auction, _AGREED, ordered_at) for of_auction in records],
            found_s=[_last_s(of_auction, _FOUND, ordered_at) for of_auction in records],
            signed_s=[_last_s(of_auction, _SIGNED, ordered_at) for of_auction in records],
            failed=_failed(records),
            correct=await self._are_correct(overviews),
            cpu_s=cpu_s,
            peak_mib=peak,
            idle_mib=idle_mib,
        )

    async def _prepare(self) -> list[AuctionOverview]:
        await everybody([self._auctioneer, *self._bidders], Actor.join)
        await appoint(self._auctioneer, self._cluster)
        overviews = [await open_auction(self._auctioneer, self._rules()) for _ in range(self._plan.auctions)]

        async def bid(place: tuple[int, Actor, AuctionOverview]) -> None:
            number, bidder, overview = place
            await bidder.client.place_bid(overview.id, _price(number), overview=overview)

        places = [(number, one, to) for to in overviews for number, one in enumerate(self._bidders)]
        await everybody(places, bid)
        return overviews

    def _rules(self) -> AuctionSpec:
        plan = self._cluster.plan
        return benchmark_rules(
            plan.cluster, self._plan.threshold, self._auctioneer.client.tokens.uid, self._clock.now()
        )

    async def _until_all_are_final(self, auctions: int) -> None:
        async with asyncio.timeout(_TIMEOUT_S):
            while True:
                seen = await self._client.auctions(pages=1 + auctions // 100)
                states = [answer.state for one in seen for answer in one.answers.values()]
                if len(states) == auctions * _PARTIES and set(states) == {AuctionState.FINAL}:
                    return
                await asyncio.sleep(_LOOK_AGAIN_S)

    async def _are_correct(self, overviews: Sequence[AuctionOverview]) -> bool:
        for overview in overviews:
            certificate = await self._client.certificate(overview.id)
            valid = verify_certificate(certificate, cluster=self._client.cluster).valid
            if not valid or certificate.body.prices != (_price(0),):
                return False
        return True

    def _most_memory_mib(self) -> float:
        return max(peak_mib(self._cluster.pid(number)) for number in self._cluster.plan.cluster.numbers)

    def _processor_s(self) -> float:
        return sum(processor_s(self._cluster.pid(number)) for number in self._cluster.plan.cluster.numbers)


def _price(number: int) -> str:
    """Return what the bidder with this number bids; the first one wins."""
    return f"{100 + number}.00"


def _last_s(records: Sequence[AuditRecord], action: str, ordered_at: datetime) -> float:
    moments = [entry.at for record in records for entry in record.entries if entry.action == action]
    return (max(moments) - ordered_at).total_seconds() if moments else float("nan")


def _failed(records: Sequence[Sequence[AuditRecord]]) -> dict[str, int]:
    failed: dict[str, int] = {}
    for entry in (entry for of_auction in records for record in of_auction for entry in record.entries):
        error = entry.details.get("error") if entry.action == ENDED else None
        if error is not None:
            failed[str(error)] = failed.get(str(error), 0) + 1
    return failed
