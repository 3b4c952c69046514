import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from aukciszek.cluster import Cluster, PartyEntry, PartyNumber
from aukciszek.identity import Identity
from aukciszek.server.directory import Peer, PeerDirectory
from aukciszek.server.identity_token import IdentityTokens

START = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


class StoppedClock:
    """Time that moves when a test says so; a sleep ends when its time has come."""

    def __init__(self) -> None:
        self.passed_s = 0.0
        self.sleeps: list[float] = []
        self._sleepers: list[tuple[float, asyncio.Event]] = []

    def now(self) -> datetime:
        return START + timedelta(seconds=self.passed_s)

    def monotonic_s(self) -> float:
        return self.passed_s

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        woken = asyncio.Event()
        self._sleepers.append((self.passed_s + seconds, woken))
        await woken.wait()

    def advance(self, seconds: float) -> None:
        self.passed_s += seconds
        for due, woken in self._sleepers:
            if due <= self.passed_s:
                woken.set()


def make_identities(size: int) -> list[Identity]:
    return [Identity.new() for _ in range(size)]


def make_cluster(identities: list[Identity], url: Callable[[int], str]) -> Cluster:
    entries = [
        PartyEntry(
            number=number,
            name=f"Party {number}",
            url=url(number),
            address=f"127.0.0.{number}",
            identity_key=identity.public.text,
        )
        for number, identity in enumerate(identities, 1)
    ]
    return Cluster.build(entries)[0]


def make_directory(cluster: Cluster, own: int, *, threshold: int = 1) -> PeerDirectory:
    peers = {
        PartyNumber(entry.number): Peer(PartyNumber(entry.number), entry.url, entry.address)
        for entry in cluster.parties
        if entry.number != own
    }
    return PeerDirectory(
        own=PartyNumber(own),
        own_address=cluster.party(own).address,
        cluster=cluster,
        threshold=threshold,
        peers=peers,
    )


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture(scope="session")
def identities() -> list[Identity]:
    return make_identities(5)


@pytest.fixture(scope="session")
def cluster(identities: list[Identity]) -> Cluster:
    return make_cluster(identities, lambda number: f"http://127.0.0.{number}:{5000 + number}")


type DirectoryOf = Callable[[int], PeerDirectory]
type TokensOf = Callable[[int], IdentityTokens]


@pytest.fixture
def tokens_of(identities: list[Identity], cluster: Cluster, clock: StoppedClock) -> TokensOf:
    def make(number: int) -> IdentityTokens:
        return IdentityTokens(make_directory(cluster, number), identities[number - 1], clock)

    return make


@pytest.fixture
def directory_of(cluster: Cluster) -> DirectoryOf:
    return lambda number: make_directory(cluster, number)
