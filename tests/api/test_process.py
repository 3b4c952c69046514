"""The server as a process of its own."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from aukciszek.settings import load_settings

if TYPE_CHECKING:
    from .conftest import NewSite

PROGRAM = """
from aukciszek.server.serve import serve
from aukciszek.settings import load_settings
serve(load_settings())
"""


@asynccontextmanager
async def serving(environment: Mapping[str, str], directory: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, env=os.environ | environment, cwd=directory, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(60):
            yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


async def test_a_process_ends_in_good_order_on_sigterm(new_site: "NewSite", tmp_path: Path) -> None:
    site = new_site(tmp_path)
    environment = site.environment(1)
    site.leave_sockets()
    async with serving(environment, tmp_path) as child:
        assert child.stderr is not None
        log = ""
        while "serves at" not in log:
            line = (await child.stderr.readline()).decode()
            assert line, log
            log += line
        status = await site.get("/api/status")
        assert (status.json["party"], status.json["ready"]) == (1, False), "the other parties are away"
        child.send_signal(signal.SIGTERM)
        log += (await child.stderr.read()).decode()
        assert await child.wait() == 0, log
    assert f"party 1 of 3 serves at {site.url(1)}" in log
    assert "party 1 stops" in log
    assert "Traceback" not in log
    assert not any(key in log for key in site.token_keys)
    assert all(line[:2] == "20" and "Z " in line for line in log.splitlines()), "one line for each event"
    assert load_settings(environment).database_url.reveal() not in log


async def test_a_process_that_cannot_start_says_why(new_site: "NewSite", tmp_path: Path) -> None:
    site = new_site(tmp_path)
    site.occupy(1)
    async with serving(site.environment(1), tmp_path) as child:
        _, log = await child.communicate()
        assert child.returncode not in {0, None}
        assert b"cannot listen at 127.0.0.1 port" in log
    site.leave_sockets()
