import random
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from aukciszek.backoff import Backoff


class _RecordingClock:
    def __init__(self) -> None:
        self.slept_s: list[float] = []

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)

    def monotonic_s(self) -> float:
        return sum(self.slept_s)

    async def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)


@pytest.fixture
def clock() -> _RecordingClock:
    return _RecordingClock()


async def test_each_pause_is_twice_as_long_as_the_one_before_up_to_the_limit(clock: _RecordingClock) -> None:
    backoff = Backoff(clock, first_s=0.5, longest_s=3.0)

    for _ in range(5):
        await backoff.pause()

    assert clock.slept_s == [0.5, 1.0, 2.0, 3.0, 3.0]


async def test_after_a_success_the_pauses_begin_again(clock: _RecordingClock) -> None:
    backoff = Backoff(clock, first_s=1.0)
    await backoff.pause()
    await backoff.pause()

    backoff.reset()
    await backoff.pause()

    assert clock.slept_s == [1.0, 2.0, 1.0]


async def test_a_pause_that_is_cut_short_leaves_the_series_as_it_is(clock: _RecordingClock) -> None:
    backoff = Backoff(clock, first_s=1.0)

    await backoff.pause(at_most_s=0.25)
    await backoff.pause()

    assert clock.slept_s == [0.25, 2.0]


def test_the_length_of_a_pause_can_be_used_without_sleeping(clock: _RecordingClock) -> None:
    backoff = Backoff(clock, first_s=1.0, longest_s=2.0)

    assert [backoff.next_s() for _ in range(3)] == [1.0, 2.0, 2.0]
    assert not clock.slept_s


def test_a_first_pause_beyond_the_limit_is_cut_to_it(clock: _RecordingClock) -> None:
    assert Backoff(clock, first_s=5.0, longest_s=2.0).next_s() == 2.0


def test_jitter_shortens_pauses_by_at_most_a_half_and_does_not_add_up(clock: _RecordingClock) -> None:
    backoff = Backoff(clock, first_s=1.0, longest_s=64.0, jitter=random.Random(7))  # noqa: S311 -- a test

    pauses = [backoff.next_s() for _ in range(12)]

    full = [min(2.0**step, 64.0) for step in range(12)]
    assert all(whole / 2 <= pause <= whole for pause, whole in zip(pauses, full, strict=True))
    assert any(one != other for one, other in pairwise(pauses[6:]))
