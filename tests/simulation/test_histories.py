"""Histories that hypothesis makes up, judged by a plain model."""

import asyncio
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from aukciszek.storage.database import Database
from simulation.world import (
    BIDDERS,
    DURATION_S,
    Advance,
    Bid,
    CrashAtWrite,
    Heal,
    Lie,
    Lose,
    Operation,
    Part,
    Repeat,
    Start,
    Stop,
    World,
)

HISTORIES = int(os.environ.get("HISTORIES", "12"))
"""How many histories each test lives through, always the same few; `make histories` asks for many new ones."""


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database that is up to date."""
    path = tmp_path_factory.mktemp("template") / "party.db"

    async def make() -> None:
        await (await Database.open(f"sqlite:///{path}")).close()

    asyncio.run(make())
    return path


def operations(size: int, *, lies: bool) -> st.SearchStrategy[list[Operation]]:
    party = st.integers(1, size)
    some = st.frozensets(party, min_size=1)
    kinds: list[st.SearchStrategy[Operation]] = [
        st.builds(Advance, st.sampled_from([0.5, 1.0, 5.0, 20.0, DURATION_S])),
        *2 * [st.builds(Bid, st.integers(0, BIDDERS - 1), st.integers(0, 7), some)],
        st.builds(
            Bid, st.integers(0, BIDDERS - 1), st.integers(0, 7), some, again=st.booleans(), withdraw=st.booleans()
        ),
        st.builds(Stop, party),
        st.builds(Start, party),
        st.builds(CrashAtWrite, party, st.integers(1, 6), st.sampled_from(["before", "after"])),
        st.builds(Lose, st.integers(1, 12)),
        st.builds(Repeat),
        st.builds(Part, some),
        st.builds(Heal),
    ]
    if lies:
        kinds.append(st.builds(Lie, st.sampled_from(["rounds", "deny", "two-stories"])))
    return st.lists(st.one_of(kinds), max_size=10)


def live(template: Path, size: int, threshold: int, skew_s: list[float], history: list[Operation]) -> None:
    with tempfile.TemporaryDirectory(prefix="history-") as directory:
        asyncio.run(World(Path(directory), template, size, threshold, skew_s).run(history))


_SKEW = st.sampled_from([-2.0, -0.5, 0.0, 0.5, 2.0])
_PROFILE = settings(
    max_examples=HISTORIES,
    derandomize="HISTORIES" not in os.environ,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.timeout(3600)
@_PROFILE
@given(history=operations(3, lies=True), skew_s=st.lists(_SKEW, min_size=3, max_size=3))
def test_three_parties_that_need_one_another(template: Path, history: list[Operation], skew_s: list[float]) -> None:
    live(template, 3, 1, skew_s, history)


@pytest.mark.timeout(3600)
@_PROFILE
@given(history=operations(5, lies=True), skew_s=st.lists(_SKEW, min_size=5, max_size=5))
def test_five_parties_of_which_one_may_be_lost(template: Path, history: list[Operation], skew_s: list[float]) -> None:
    live(template, 5, 1, skew_s, history)
