"""Rules that hold for every test."""

import os
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

RUNS_IN_CI = os.environ.get("CI") == "true"

_MEMORY = Path("/dev/shm")  # noqa: S108 -- each test makes a directory of its own in it
_ENOUGH_MEMORY = 2 * 1024**3

if _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ENOUGH_MEMORY:
    # Parties write through to the disk before they answer; thousands of databases that are thrown away need not.
    os.environ.setdefault("TMPDIR", str(_MEMORY))
    tempfile.tempdir = None  # looked up anew


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a skip is a failure: there every component is installed, so nothing may be left untried."""
    report = yield
    if RUNS_IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI, where nothing may be skipped: {report.longrepr}"
    return report
