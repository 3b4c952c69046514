"""What a test run says at its end of the tests that were skipped."""

import pytest

from support.untested import Untested

NO_BROWSER = "Chromium is not installed: on Debian, 'make components'"


def report(test: str, reason: str | None, *, when: str = "setup") -> pytest.TestReport:
    skipped = None if reason is None else ("tests/conftest.py", 1, f"Skipped: {reason}")
    outcome = "passed" if reason is None else "skipped"
    return pytest.TestReport(test, ("tests", 1, test), {}, outcome, skipped, when)  # type: ignore[arg-type]


def told(*reports: pytest.TestReport) -> str:
    untested = Untested()
    for one in reports:
        untested.pytest_runtest_logreport(one)
    return untested.line


def test_the_line_says_what_was_not_tested_how_much_of_it_and_why() -> None:
    line = told(
        report("tests/browser/test_story.py::test_one", NO_BROWSER),
        report("tests/browser/test_story.py::test_two", NO_BROWSER),
        report("tests/unit/test_it.py::test_that_passes", None, when="call"),
        report("tests/unit/other/test_that.py::test_three", "only there"),
    )
    assert line == (
        "not tested here: tests/unit/other/test_that.py, 1 test (only there); "
        f"the page in a browser, 2 tests ({NO_BROWSER})"
    )


def test_what_is_expected_to_fail_was_tested() -> None:
    failed = report("tests/unit/test_it.py::test_expected", "see there", when="call")
    failed.wasxfail = "reason"
    assert told(failed) == ""
