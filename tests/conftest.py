"""Rules that hold for every test."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings

from support.untested import Untested

if TYPE_CHECKING:
    from aukciszek.local_cluster.processes import Launch

RUNS_IN_CI: Final = os.environ.get("CI") == "true"

_MEMORY = Path("/dev/shm")  # noqa: S108 -- each test makes a directory of its own in it
_ENOUGH_MEMORY = 2 * 1024**3

if _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ENOUGH_MEMORY:
    # Parties write through to the disk before they answer; thousands of databases that are thrown away need not.
    os.environ.setdefault("TMPDIR", str(_MEMORY))
    tempfile.tempdir = None  # looked up anew

# Examples are not timed: on a busy machine any of them may take long. In CI they are the same each time, since what new
# ones find is not the fault of the change that happens to meet it; `make histories` looks for new ones.
settings.register_profile(
    "tests",
    deadline=None,
    derandomize=RUNS_IN_CI,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("tests")


def pytest_configure(config: pytest.Config) -> None:
    """Say at the end what was not tested."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Untested(), "untested")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a skip is a failure: there every component is installed, so nothing may be left untried."""
    report = yield
    if RUNS_IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI, where nothing may be skipped: {report.longrepr}"
    return report


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def launch() -> "AsyncIterator[Launch]":
    """Start parties as copies of one process that has loaded the server."""
    from aukciszek.local_cluster.template import template  # noqa: PLC0415 -- most tests need no process

    async with template() as launch:
        yield launch
