"""Everything over TLS: parties among themselves, programs, the command line, the demo."""

import asyncio
import os
import shutil
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest
import pytest_asyncio

from aukciszek.client.discovery import ask_statuses
from aukciszek.client.errors import UnreachableError
from aukciszek.client.parties import connect
from aukciszek.client.sdk import AukciszekClient
from aukciszek.local_cluster.actors import Actor, appoint, open_auction
from aukciszek.local_cluster.authority import TemporaryAuthority
from aukciszek.local_cluster.files import free_base_port, make_cluster
from aukciszek.local_cluster.processes import Launch
from aukciszek.local_cluster.running import RunningCluster, running
from aukciszek.protocol.evidence.verification import verify_certificate

from .conftest import Town

if TYPE_CHECKING:
    from .conftest import Run

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]


def base_port() -> int:
    return free_base_port(3, range(40_000 + os.getpid() % 900 * 10, 50_000, 10))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def cluster(tmp_path_factory: pytest.TempPathFactory, launch: Launch) -> AsyncIterator[RunningCluster]:
    directory = tmp_path_factory.mktemp("https")
    files = make_cluster(directory, parties=3, threshold=1, base_port=base_port(), tls=True)
    async with running(files, launch) as cluster:
        yield cluster


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def town(cluster: RunningCluster) -> AsyncIterator[Town]:
    async with AukciszekClient.open(cluster.plan.cluster, ca_file=cluster.plan.ca_file) as client:
        town = Town(cluster, client)
        await town.auctioneer.join()
        await appoint(town.auctioneer, cluster)
        yield town


async def test_an_auction_through_the_sdk(town: Town) -> None:
    first, second = await town.bidders(2)
    overview = await open_auction(town.auctioneer, town.rules())
    for bidder, price in ((first, "700.00"), (second, "650.00")):
        placed = await bidder.client.place_bid(overview.id, price, overview=overview)
        assert sorted(placed.receipts) == [1, 2, 3]
    await town.auctioneer.client.close_auction(overview.id)
    certificate = await town.client.wait_for_outcome(overview.id)
    assert certificate.body.prices == ("650.00",)
    assert verify_certificate(certificate, cluster=town.client.cluster).valid


async def test_the_command_line_trusts_the_authority_that_it_is_given(
    town: Town, command_line: "Run", tmp_path: Path
) -> None:
    person = Actor.new("at-the-keyboard", town.client)
    plan = town.cluster.plan
    where = ("--cluster", plan.cluster_file, "--state", tmp_path / "state", "--json")
    known = {"AUKCISZEK_PASSWORD": person.password}
    distrusting = await command_line("register", person.email, *where, environment=known)
    assert distrusting.status == 4
    assert "unknown authority" in distrusting.stdout
    trusting = (*where, "--ca-file", str(plan.ca_file))
    assert (await command_line("register", person.email, *trusting, environment=known)).status == 0
    assert (await command_line("login", person.email, *trusting, environment=known)).status == 0
    # What was trusted at the log-in is trusted from then on.
    listed = await command_line("auction", "list", "--state", tmp_path / "state", "--json")
    assert listed.status == 0, listed.stderr


async def test_nothing_is_answered_without_tls_1_3(cluster: RunningCluster) -> None:
    assert cluster.plan.ca_file is not None
    url = f"{cluster.plan.cluster.party(2).url}/api/status"
    older = ssl.create_default_context(cafile=cluster.plan.ca_file)
    older.maximum_version = ssl.TLSVersion.TLSv1_2
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(url, ssl=older)
        with pytest.raises(aiohttp.ClientError):
            await session.get(url.replace("https:", "http:"))
        trusting = ssl.create_default_context(cafile=cluster.plan.ca_file)
        async with session.get(url, ssl=trusting) as answer:
            assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


async def test_a_party_with_a_strangers_certificate_is_kept_out(cluster: RunningCluster) -> None:
    """Both the other parties and programs say what is wrong with it, and all is well when it has its own again."""
    party = cluster.plan.parties[2]
    paths = [Path(party.environment[name]) for name in ("SSL_CERTFILE", "SSL_KEYFILE")]
    for path in paths:
        shutil.move(path, path.with_suffix(path.suffix + ".good"))
    TemporaryAuthority().write_certificate("127.0.0.3", *paths)
    await cluster.stop(3)
    await cluster.restart(3)
    for number in (1, 2):
        await said(cluster, number, "no link to party 3 at https://127.0.0.3", "signed by an unknown authority")
    async with connect(cluster.plan.cluster, ca_file=cluster.plan.ca_file) as parties:
        outcomes = await ask_statuses(parties)
    assert isinstance(outcomes.errors[3], UnreachableError)
    assert "signed by an unknown authority" in outcomes.errors[3].message
    for status in outcomes.answers.values():
        assert not any(peer.connected for peer in status.peers if peer.party == 3)
    for path in paths:
        path.unlink()
        shutil.move(path.with_suffix(path.suffix + ".good"), path)
    await cluster.stop(3)
    await cluster.restart(3)
    await cluster.wait_until_ready()


async def said(cluster: RunningCluster, number: int, *words: str) -> None:
    """Wait until one line of a party's log holds all the words."""
    log = cluster.plan.parties[number - 1].log
    async with asyncio.timeout(60):
        while not any(all(word in line for word in words) for line in log.read_text().splitlines()):  # noqa: ASYNC110 -- another process writes it
            await asyncio.sleep(0.05)


async def test_the_demo_runs_over_tls(run: "Run", tmp_path: Path) -> None:
    words = ("demo", "--https", "--once", "--json", "--parties", "3", "--bidders", "3")
    ended = await run(*words, "--base-port", str(base_port()), environment={"TMPDIR": str(tmp_path)})
    assert ended.status == 0, ended.stderr
    answer = ended.json()
    assert answer["correct"] is True
    assert "https://127.0.0.3:" in ended.stderr
    assert "http://" not in ended.stderr
    assert "BEGIN CERTIFICATE" in Path(answer["ca_file"]).read_text()  # noqa: ASYNC240
    assert "PRIVATE KEY" not in Path(answer["ca_file"]).read_text()  # noqa: ASYNC240
    verified = await run("verify", answer["certificate"], "--cluster", answer["cluster_file"])
    assert verified.status == 0, verified.stdout
