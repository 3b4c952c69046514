"""One line at the end of a run about what was not tested, and why."""

from collections import Counter
from collections.abc import Generator
from typing import Final

import pytest

_PARTS: Final = {
    "tests/browser": "the page in a browser",
    "tests/accounts": "accounts kept by Supabase",
    "tests/wireguard": "parties joined by WireGuard",
    "tests/unit/storage": "databases and disks",
}
"""Folders of tests that need more than Python, and what they test."""


class Untested:
    """Gathers the tests that were skipped."""

    def __init__(self) -> None:
        self._skipped: Counter[tuple[str, str]] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a skipped test."""
        if report.skipped and not hasattr(report, "wasxfail"):
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            self._skipped[_part(report.nodeid), reason.removeprefix("Skipped: ")] += 1

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> Generator[None]:
        """Write the line, after everything that pytest itself has to say of the tests."""
        yield
        if self._skipped:
            terminalreporter.write_line(self.line, yellow=True)

    @property
    def line(self) -> str:
        """What people read; nothing if everything was tested."""
        said = [
            f"{part}, {count} test{'s' if count > 1 else ''} ({reason})"
            for (part, reason), count in sorted(self._skipped.items())
        ]
        return f"not tested here: {'; '.join(said)}" if said else ""


def _part(test: str) -> str:
    return next((part for folder, part in _PARTS.items() if test.startswith(folder)), test.partition("::")[0])
