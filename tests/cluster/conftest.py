"""Five parties as five processes, shared by many tests; people with accounts; and the command line."""

import asyncio
import itertools
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from typer.testing import CliRunner

from aukciszek.cli.main import build_app
from aukciszek.client.sdk import AukciszekClient
from aukciszek.clock import SystemClock
from aukciszek.local_cluster.actors import Actor, appoint, everybody
from aukciszek.local_cluster.files import free_base_port, make_cluster
from aukciszek.local_cluster.processes import Launch
from aukciszek.local_cluster.running import RunningCluster, running
from aukciszek.protocol.rules.draft import AuctionDraft
from aukciszek.protocol.rules.spec import AuctionSpec

PARTIES = 5
THRESHOLD = 2


def find_base_port(parties: int) -> int:
    # Test runs beside this one look for ports too: begin at different places.
    return free_base_port(parties, range(20_000 + os.getpid() % 900 * 10, 30_000, 10))


class Town:
    """A running cluster and the people who use it."""

    def __init__(self, cluster: RunningCluster, client: AukciszekClient) -> None:
        self.cluster = cluster
        self.client = client
        self.auctioneer = Actor.new("auctioneer", client)
        self._numbers = itertools.count(1)

    async def bidders(self, count: int) -> list[Actor]:
        people = [Actor.new(f"bidder-{next(self._numbers)}", self.client) for _ in range(count)]
        await everybody(people, Actor.join)
        return people

    def rules(self, **changes: Any) -> AuctionSpec:
        now = SystemClock().now()
        draft: dict[str, Any] = {
            "title": "Sugar beet, 400 t",
            "minimum": Decimal("0.00"),
            "maximum": Decimal("1000.00"),
            "step": Decimal("0.50"),
            "opens_at": now,
            "closes_at": now + timedelta(hours=1),
        }
        return AuctionDraft.model_validate(draft | changes).freeze(
            cluster=self.cluster.plan.cluster,
            threshold=self.cluster.plan.threshold,
            auctioneer=self.auctioneer.client.tokens.uid,
            nonce=os.urandom(32),
        )


@asynccontextmanager
async def founded(directory: Path, threshold: int, launch: Launch, *, tls: bool = False) -> AsyncIterator[Town]:
    """Run a cluster with an auctioneer."""
    files = make_cluster(directory, parties=PARTIES, threshold=threshold, base_port=find_base_port(PARTIES), tls=tls)
    async with running(files, launch) as cluster, AukciszekClient.open(files.cluster, ca_file=files.ca_file) as client:
        town = Town(cluster, client)
        await town.auctioneer.join()
        await appoint(town.auctioneer, cluster)
        yield town


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def town(tmp_path_factory: pytest.TempPathFactory, launch: Launch) -> AsyncIterator[Town]:
    """A cluster that is shared by all tests that break nothing."""
    async with founded(tmp_path_factory.mktemp("cluster"), THRESHOLD, launch) as town:
        yield town


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def troubled_town(tmp_path_factory: pytest.TempPathFactory, launch: Launch) -> AsyncIterator[Town]:
    """A cluster for the tests of one module, which kill its parties and lose what they have stored."""
    async with founded(tmp_path_factory.mktemp("troubled"), THRESHOLD, launch) as town:
        yield town


@dataclass(frozen=True)
class Ended:
    status: int
    stdout: str
    stderr: str

    def json(self) -> Any:
        lines = self.stdout.splitlines()
        assert len(lines) == 1, f"--json prints one line, not {lines}; {self.stderr}"
        return json.loads(lines[0])


type Run = Callable[..., Awaitable[Ended]]


@pytest.fixture
def command_line(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command line in a thread of this process, which spares loading it anew each time."""
    monkeypatch.setenv("COLUMNS", "200")

    async def run(*arguments: str | Path, typed: str = "", environment: Mapping[str, str] | None = None) -> Ended:
        words = [str(word) for word in arguments]
        result = await asyncio.to_thread(
            CliRunner().invoke, build_app(words[0]), words, input=typed, env=dict(environment or {})
        )
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ended(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run the command line in a process of its own, as people do."""

    async def run(*arguments: str | Path, typed: str = "", environment: Mapping[str, str] | None = None) -> Ended:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "aukciszek.cli", *map(str, arguments)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "COLUMNS": "200", **(environment or {})},
            cwd=tmp_path,
        )
        stdout, stderr = await process.communicate(typed.encode())
        assert process.returncode is not None
        return Ended(process.returncode, stdout.decode(), stderr.decode())

    return run
