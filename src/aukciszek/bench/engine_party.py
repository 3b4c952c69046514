"""One party of the benchmark of the engine: the server's own links, over TLS, and nothing else of a server."""

import asyncio
import resource
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import uvloop
from fastapi import FastAPI

from aukciszek.auctions.context.peer_network import PeerMessage
from aukciszek.auctions.session.computation import compute
from aukciszek.bench.rounds import DelayedChannel, agree_on_costs
from aukciszek.bench.task import Findings, Found, Task, findings_file, read_prss_keys, read_task
from aukciszek.clock import SystemClock
from aukciszek.cluster import Cluster, PartyNumber
from aukciszek.console.new_file import write_new_file
from aukciszek.encoding import Json
from aukciszek.identity import Identity
from aukciszek.mpc.channel import Channel
from aukciszek.mpc.circuits.ranking import CostModel
from aukciszek.mpc.mode import Mode
from aukciszek.mpc.protocols.round_release import RoundRelease
from aukciszek.mpc.protocols.runtime import Runtime
from aukciszek.mpc.sharing.kernels import compile_kernels
from aukciszek.mpc.sharing.prss import PrssKeys
from aukciszek.server.host.allocator import freeze_permanent_objects, keep_freed_memory
from aukciszek.server.host.tls import client_context, server_context
from aukciszek.server.host.web_server import WebServer, listen
from aukciszek.server.incidents import IncidentLog
from aukciszek.server.links.directory import PEER_PATH, PeerDirectory
from aukciszek.server.links.identity_token import IdentityTokens
from aukciszek.server.links.peers import Peers
from aukciszek.settings import Settings, load_settings

_ROUND_TIMEOUT_S: Final = 600.0
"""Larger than any run: a benchmark measures, it does not give up."""

_OPENING: Final = "benchmark-opening"
"""What signatures under masked openings are good for here."""

_LINK_TIMEOUT_S: Final = 60.0
_LOOK_AGAIN_S: Final = 0.01


def take_part(directory: Path) -> None:
    """Run one party of a benchmark, with the settings of the environment, to its end.

    Args:
        directory: where the benchmark put the task, and where this party puts what it found.

    Raises:
        SettingsError: this was not started by the benchmark.
        MpcError: a run failed.
    """
    keep_freed_memory()  # as the server does
    compile_kernels()
    uvloop.run(_take_part(load_settings(), directory))


class _Listener:
    """There is nobody here to whom a message could be of interest."""

    async def on_connected(self, peer: PartyNumber) -> None:
        """Do nothing."""

    async def on_message(self, sender: PartyNumber, message: PeerMessage) -> None:
        """Do nothing."""

    async def add_incident(
        self,
        at: datetime,
        kind: str,
        details: Mapping[str, Json],
        *,
        auction_id: str | None = None,
        party: int | None = None,
    ) -> None:
        """Do nothing: an incident has been logged before it is stored."""


async def _take_part(settings: Settings, directory: Path) -> None:
    task = await asyncio.to_thread(read_task, directory)
    size = settings.cluster.size
    keys = await asyncio.to_thread(read_prss_keys, directory, settings.party_id, size, task.threshold)
    async with _linked(settings) as peers:
        freeze_permanent_objects()
        identity = Identity.read(settings.identity_file)
        party = _Party(peers, keys, task, directory, identity, settings.cluster)
        costs = await agree_on_costs(party.channel(task.acquaintance))
        found = [await party.run(number, costs) for number in range(len(task.runs))]
        await party.channel(task.farewell).exchange(b"farewell")
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    findings = Findings(runs=tuple(found), round_s=costs.round_s, peak_mib=peak_mib)
    content = findings.model_dump_json().encode()
    await asyncio.to_thread(write_new_file, findings_file(directory, settings.party_id), content, mode=0o600)


@dataclass(frozen=True, slots=True)
class _Party:
    """One party, linked to all others."""

    peers: Peers
    keys: PrssKeys
    task: Task
    directory: Path
    identity: Identity
    cluster: Cluster

    async def run(self, number: int, costs: CostModel) -> Found:
        """Take part in one run, from the moment in which all parties are ready."""
        run = self.task.runs[number]
        shares = await asyncio.to_thread(self.task.shares, self.directory, number, self.peers.own)
        await self.channel(run.barrier).exchange(b"ready")
        started_s, cpu_started_s = time.perf_counter(), time.process_time()
        runtime = Runtime(
            self.channel(run.session),
            threshold=self.task.threshold,
            prss_keys=self.keys,
            session_id=run.session,
            openings=RoundRelease(self.peers.own, self._sign, self._verifies),
        )
        await runtime.start()
        result = await compute(runtime, self.task.computation(number), shares, _ignore_progress, costs)
        wall_s, cpu_s = time.perf_counter() - started_s, time.process_time() - cpu_started_s
        return Found.of(result, runtime, wall_s=wall_s, cpu_s=cpu_s)

    def _sign(self, content: bytes) -> bytes:
        return self.identity.sign(_OPENING, content)

    def _verifies(self, party: int, content: bytes, signature: bytes) -> bool:
        return self.cluster.party(PartyNumber(party)).identity.verifies(_OPENING, content, signature)

    def channel(self, session_id: bytes) -> Channel:
        """Open a channel. None is closed: the parties leave together, at the end of all runs."""
        channel = self.peers.open_channel(session_id, round_timeout_s=_ROUND_TIMEOUT_S)
        return DelayedChannel(channel, self.task.latency_s)


async def _ignore_progress(_stage: str, _fraction: float) -> None:
    pass


@asynccontextmanager
async def _linked(settings: Settings) -> AsyncIterator[Peers]:
    """Yield the links of one party once all are up, both ways."""
    clock = SystemClock()
    directory = PeerDirectory.of(settings)
    tokens = IdentityTokens(directory, Identity.read(settings.identity_file), clock)
    nobody = _Listener()
    enough = Mode(settings.cluster.size, settings.threshold).needed
    peers = Peers(directory, tokens, IncidentLog(nobody, clock), enough=enough, clock=clock)
    app = FastAPI()
    app.add_api_websocket_route(PEER_PATH, peers.inbound.serve)
    server = WebServer(app, listen(settings.listeners[0]), server_context(settings))
    await server.start()
    await peers.start(nobody, client_context(settings))
    try:
        async with asyncio.timeout(_LINK_TIMEOUT_S):
            while len(peers.connected_both_ways) < settings.cluster.size - 1:
                await clock.sleep(_LOOK_AGAIN_S)
        yield peers
    finally:
        await peers.stop()
        await server.stop()
