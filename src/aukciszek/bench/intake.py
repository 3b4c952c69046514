"""The benchmark of the intake: bids that one real party stores durably and answers with receipts, per second.

A whole cluster runs, since bids are sealed to all parties; the load goes to one party over HTTP. The other parties do
what they do with its bids, fetching and storing them, but with the lowest priority: in reality they have machines of
their own. Bundles are sealed beforehand, and every receipt is verified afterwards, as a bidder's program does. Beside
it stands what the same web server answers for an endpoint that does nothing, measured just before and just after.
"""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from pydantic import ValidationError

from aukciszek.bench.load import Load, post, put_load
from aukciszek.bench.plan import EMPTY_PATH, IntakeBenchmark
from aukciszek.bench.presealed import seal_all
from aukciszek.bench.priority import processor_s, put_last
from aukciszek.bench.rules import benchmark_rules
from aukciszek.client.schemas import ReceiptAnswer
from aukciszek.client.sdk import AukciszekClient
from aukciszek.clock import SystemClock
from aukciszek.cluster import Cluster, PartyNumber
from aukciszek.console.report import Report
from aukciszek.errors import AukciszekError
from aukciszek.local_cluster.actors import Actor, appoint, everybody, open_auction
from aukciszek.local_cluster.files import free_base_port, make_cluster
from aukciszek.local_cluster.running import RunningCluster, running
from aukciszek.protocol.evidence.receipts import MOST_REVISIONS
from aukciszek.protocol.evidence.statements import Receipt, read_statement
from aukciszek.protocol.sealing.bundle import bundle_digest

_PARTIES: Final = 5
_THRESHOLD: Final = 2
_PARTY: Final = 2
"""The one that gets the load: not the login server."""

_MOST_PER_S: Final = 4_000
"""How many bundles are sealed beforehand for each second; when they are used up, the measurement ends."""

_WARM_UP_S: Final = 0.5
_LOOK_AGAIN_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class MeasuredIntake:
    """What was measured.

    Attributes:
        bids: submitted to the party.
        forged: how many answers held no receipt that verifies.
        empty: requests with the same bodies at an endpoint that does nothing.
        cpu_s: what the party's process took for the bids.
        empty_cpu_s: what the other server's process took for the empty requests.
        bits: of each bid.
        body_bytes: of each request.
    """

    bids: Load
    forged: int
    empty: Load
    cpu_s: float
    empty_cpu_s: float
    bits: int
    body_bytes: int

    @property
    def errors(self) -> int:
        """How many bids got no receipt that verifies."""
        return self.bids.failures + self.forged


async def measure_intake(plan: IntakeBenchmark, report: Report) -> MeasuredIntake:
    """Run a benchmark.

    Raises:
        AukciszekError: the parties did not start, or nobody could log in.
    """
    directory = Path(tempfile.mkdtemp(prefix="aukciszek-bench-"))
    try:
        # One port more than there are parties, for the endpoint that does nothing.
        files = make_cluster(directory, parties=_PARTIES, threshold=_THRESHOLD, base_port=free_base_port(_PARTIES + 1))
        with report.waiting("starting the parties, sealing bids, measuring"):
            async with running(files) as cluster, AukciszekClient.open(files.cluster) as client:
                return await cluster.children.while_all_run(_measure(plan, cluster, client))
    finally:
        shutil.rmtree(directory, ignore_errors=True)


async def _measure(plan: IntakeBenchmark, cluster: RunningCluster, client: AukciszekClient) -> MeasuredIntake:
    auctioneer = Actor.new("auctioneer", client)
    bidders = [Actor.new(f"bidder-{number}", client) for number in range(plan.bidders)]
    await everybody([auctioneer, *bidders], Actor.join)
    await appoint(auctioneer, cluster)
    overview = await open_auction(
        auctioneer, benchmark_rules(cluster.plan.cluster, _THRESHOLD, auctioneer.client.tokens.uid, SystemClock().now())
    )
    each = min(MOST_REVISIONS, plan.seconds * _MOST_PER_S // plan.bidders + 1)
    sealed = await seal_all(overview, [bidder.client.tokens.uid for bidder in bidders], each)
    tokens = [bidder.client.tokens.at(_PARTY) for bidder in bidders]
    for number in set(cluster.plan.cluster.numbers) - {_PARTY}:
        put_last(cluster.pid(number))
    place = _place_of(cluster.plan.cluster, _PARTY)
    requests = _requests(place, f"/api/auctions/{overview.id}/bids", tokens, sealed)
    async with _empty_endpoint(cluster) as (empty_place, empty_process):
        empty_requests = _requests(empty_place, EMPTY_PATH, tokens, sealed)
        await _load(empty_place, empty_requests, _WARM_UP_S)
        before, before_cpu_s = await _load(empty_place, empty_requests, plan.seconds / 2, empty_process)
        bids, cpu_s = await _load(place, requests, plan.seconds, cluster.pid(_PARTY))
        after, after_cpu_s = await _load(empty_place, empty_requests, plan.seconds / 2, empty_process)
    return MeasuredIntake(
        bids=bids,
        forged=await asyncio.to_thread(_forged, bids, sealed, cluster.plan.cluster),
        empty=before.and_then(after),
        cpu_s=cpu_s,
        empty_cpu_s=before_cpu_s + after_cpu_s,
        bits=overview.spec.bits,
        body_bytes=len(sealed[0][0]),
    )


async def _load(
    place: tuple[str, int], requests: Sequence[Sequence[bytes]], seconds: float, process: int | None = None
) -> tuple[Load, float]:
    """Put load on a place; return what came of it, and the processor's time that ``process`` took."""
    before_s = 0.0 if process is None else processor_s(process)
    load = await asyncio.to_thread(put_load, *place, requests, seconds)
    return load, 0.0 if process is None else processor_s(process) - before_s


def _requests(
    place: tuple[str, int], path: str, tokens: Sequence[str], sealed: Sequence[Sequence[bytes]]
) -> list[list[bytes]]:
    return [
        [post(*place, path, content, token) for content in contents]
        for token, contents in zip(tokens, sealed, strict=True)
    ]


def _place_of(cluster: Cluster, number: int) -> tuple[str, int]:
    party = cluster.party(PartyNumber(number))
    url = urlsplit(party.url)
    return party.address, url.port or 0


@asynccontextmanager
async def _empty_endpoint(cluster: RunningCluster) -> AsyncIterator[tuple[tuple[str, int], int]]:
    """Serve an endpoint that does nothing; yield where, and the process's id."""
    party = cluster.plan.parties[_PARTY - 1]
    _, port = _place_of(cluster.plan.cluster, _PARTIES)
    place = f"127.0.0.{_PARTIES + 1}", port + 1
    arguments = ["bench", "empty-endpoint", place[0], str(place[1])]
    child = await cluster.children.start(
        "empty endpoint", arguments, party.environment, party.log, directory=party.data_dir
    )
    try:
        await cluster.children.while_all_run(_until_it_answers(place))
        yield place, child.process.pid
    finally:
        await cluster.children.end(child)


async def _until_it_answers(place: tuple[str, int]) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection(*place)
        except OSError:
            await asyncio.sleep(_LOOK_AGAIN_S)
        else:
            writer.close()
            await writer.wait_closed()
            return


def _forged(bids: Load, sealed: Sequence[Sequence[bytes]], cluster: Cluster) -> int:
    """Count the answers that are no receipt of this party for the bundle that was sent."""
    pairs = [
        (contents[one.request], one.body)
        for contents, answers in zip(sealed, bids.answers, strict=True)
        for one in answers
        if one.body
    ]
    return sum(not _is_receipt(answer, content, cluster) for content, answer in pairs)


def _is_receipt(answer: bytes, content: bytes, cluster: Cluster) -> bool:
    try:
        receipt = read_statement(Receipt, ReceiptAnswer.model_validate_json(answer).statement, cluster).content
    except (AukciszekError, ValidationError):
        return False
    return receipt.party == _PARTY and receipt.bundle == bundle_digest(content)
