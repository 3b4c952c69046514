"""Five parties as five processes, one Chromium, and people who come to the page."""

import itertools
import os
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from aukciszek.local_cluster.files import free_base_port, make_cluster
from aukciszek.local_cluster.processes import Launch
from aukciszek.local_cluster.running import RunningCluster, running
from support.browsing import Visitor, chromium, in_ci, missing_component

PARTIES = 5
THRESHOLD = 2


class Town:
    """A running cluster, a browser, and those who use it."""

    def __init__(self, cluster: RunningCluster, browser: Browser) -> None:
        self.cluster = cluster
        self.browser = browser
        self._numbers = itertools.count(1)
        self._visitors: list[Visitor] = []

    async def visitor(self, **options: Any) -> Visitor:
        visitor = await Visitor.come(self.browser, self.cluster.plan.cluster, **options)
        self._visitors.append(visitor)
        return visitor

    async def bidder(self, **options: Any) -> Visitor:
        visitor = await self.visitor(**options)
        await visitor.sign_up(f"bidder-{next(self._numbers)}@example.org")
        return visitor

    async def auctioneer(self, **options: Any) -> Visitor:
        visitor = await self.bidder(**options)
        granted = ["users", "grant-admin", visitor.email]
        assert await self.cluster.run("users grant-admin", granted, self.cluster.plan.login_server) == 0
        # Tokens say what was true when they were issued.
        await visitor.button("Sign out").click()
        await visitor.sign_in(visitor.email)
        return visitor

    async def everybody_leaves(self) -> None:
        for visitor in self._visitors:
            await visitor.leave()
        self._visitors.clear()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def running_town(tmp_path_factory: pytest.TempPathFactory, launch: Launch) -> AsyncIterator[Town]:
    missing = missing_component()
    if missing is not None:
        if in_ci():
            pytest.fail(missing)
        pytest.skip(missing)
    # Test runs beside this one look for ports too: begin at different places.
    base_port = free_base_port(PARTIES, range(20_000 + os.getpid() % 900 * 10, 30_000, 10))
    files = make_cluster(tmp_path_factory.mktemp("cluster"), parties=PARTIES, threshold=THRESHOLD, base_port=base_port)
    expect.set_options(timeout=60_000)
    async with running(files, launch) as cluster, chromium() as browser:
        yield Town(cluster, browser)


@pytest_asyncio.fixture(loop_scope="session")
async def town(running_town: Town) -> AsyncIterator[Town]:
    yield running_town
    await running_town.everybody_leaves()
