"""The benchmarks measure, and check what they measured."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Run

pytestmark = pytest.mark.timeout(300)


async def test_the_engine_is_measured_and_its_outcomes_checked(run: "Run") -> None:
    options = ("--bidders", "9", "--bits", "6", "--parties", "4", "--format", "uniform-price", "--winners", "3")
    ended = await run("bench", "engine", *options, "--repeat", "3", "--json")
    assert ended.status == 0, ended.stderr
    answer = ended.json()
    assert (answer["bidders"], answer["bits"], answer["parties"], answer["threshold"]) == (9, 6, 4, 1)
    assert answer["correct"] is True
    assert len(answer["wall_s"]) == answer["repeat"] == 3
    assert answer["wall_s_median"] == sorted(answer["wall_s"])[1] > 0
    assert answer["security"] == "with-detection"
    assert min(answer["rounds"], answer["bytes_sent_per_party"], answer["multiplications"]) > 0


@pytest.mark.drill
async def test_the_intake_is_measured(run: "Run") -> None:
    ended = await run("bench", "intake", "--seconds", "1", "--bidders", "4", "--json")
    assert ended.status == 0, ended.stderr
    answer = ended.json()
    assert answer["errors"] == 0
    assert answer["bids_per_s"] > 1
    assert 0 < answer["p50_ms"] <= answer["p95_ms"] <= answer["p99_ms"]
    assert 0 < answer["empty_p50_ms"] <= answer["empty_p95_ms"] <= answer["empty_p99_ms"]
    assert answer["ratio"] == pytest.approx(answer["bids_per_s"] / answer["empty_per_s"], abs=0.01)
    assert (answer["bidders"], answer["bits"], answer["body_bytes"]) == (4, 32, 7583)


@pytest.mark.drill
async def test_closings_at_the_same_moment_are_measured(run: "Run") -> None:
    ended = await run("bench", "closings", "--auctions", "3", "--bidders", "2", "--at-once", "1", "--json")
    assert ended.status == 0, ended.stderr
    answer = ended.json()
    assert (answer["auctions"], answer["bidders"], answer["at_once"]) == (3, 2, 1)
    assert answer["correct"] is True
    assert answer["failed_sessions"] == {}
    assert 0 < answer["first_s"] <= answer["median_s"] <= answer["last_s"]
    assert answer["peak_mib"] > 0
