"""Parties tell how far their clocks are apart; nobody's clock is corrected, but everybody is warned."""

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from aukciszek.clock import SystemClock
from aukciszek.cluster import PartyNumber
from aukciszek.server.links.frames import FrameType, TimeFrame, TimeWantedFrame, decode_frame
from aukciszek.server.links.peer_clocks import MOST_ANSWERS_A_SECOND, WARN_AGAIN_S, PeerClocks

if TYPE_CHECKING:
    from datetime import datetime

    from .conftest import NewCluster, StoppedClock

ONE, TWO = PartyNumber(1), PartyNumber(2)


class Pair:
    """Two parties whose clocks differ, and a link with a delay each way."""

    def __init__(self, clock: "StoppedClock", ahead_s: float, there_s: float = 0.0, back_s: float = 0.0) -> None:
        self._clock = clock
        self._delays = {ONE: there_s, TWO: back_s}
        self.frames: list[bytes] = []
        self.first = PeerClocks(clock, lambda _, frame: self.frames.append(frame))
        self.second = PeerClocks(Ahead(clock, ahead_s), lambda _, frame: self.frames.append(frame))

    def measure(self) -> None:
        self.first.ask(TWO)
        self._clock.advance(self._delays[ONE])
        wanted = decode_frame(self.frames.pop())
        assert isinstance(wanted, TimeWantedFrame)
        self.second.on_wanted(ONE, wanted)
        self._clock.advance(self._delays[TWO])
        time = decode_frame(self.frames.pop(0))
        assert isinstance(time, TimeFrame)
        self.frames.clear()
        self.first.on_time(TWO, time)
        self._clock.advance(1.0)


class Ahead(SystemClock):
    def __init__(self, clock: "StoppedClock", ahead_s: float) -> None:
        self._clock = clock
        self._ahead = timedelta(seconds=ahead_s)

    def now(self) -> "datetime":
        return self._clock.now() + self._ahead

    def monotonic_s(self) -> float:
        return self._clock.monotonic_s()


@pytest.mark.parametrize("ahead_s", [-3600.0, -2.5, 0.0, 0.25, 7.0])
@pytest.mark.parametrize(("there_s", "back_s"), [(0.0, 0.0), (0.2, 0.2), (0.4, 0.0)])
def test_the_offset_is_right_within_half_the_round_trip(
    clock: "StoppedClock", ahead_s: float, there_s: float, back_s: float
) -> None:
    pair = Pair(clock, ahead_s, there_s, back_s)
    pair.measure()
    found = pair.first.offsets[TWO]
    assert found.round_trip_s == pytest.approx(there_s + back_s)
    assert abs(found.offset_s - ahead_s) <= found.round_trip_s / 2 + 0.002


def test_the_answer_with_the_shortest_way_counts(clock: "StoppedClock") -> None:
    pair = Pair(clock, 1.0, 0.01, 0.01)
    pair.measure()
    pair._delays = {ONE: 3.0, TWO: 0.0}
    for _ in range(5):
        pair.measure()
    assert pair.first.offsets[TWO].offset_s == pytest.approx(1.0, abs=0.01)


def test_a_clock_that_is_far_off_is_warned_about_once_in_a_while(
    clock: "StoppedClock", caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    pair = Pair(clock, -2.5)
    for _ in range(3):
        pair.measure()
    assert caplog.messages == [
        "the clock of party 2 is 2.5 s behind this party's: check the time service of both machines"
    ]
    clock.advance(WARN_AGAIN_S)
    pair.measure()
    assert len(caplog.messages) == 2


def test_a_slow_link_alone_is_no_reason_to_warn(clock: "StoppedClock", caplog: pytest.LogCaptureFixture) -> None:
    Pair(clock, 0.0, 5.0, 0.0).measure()
    Pair(clock, 1.9).measure()
    assert not caplog.messages


def test_answers_that_nobody_waits_for_and_questions_without_end_change_nothing(clock: "StoppedClock") -> None:
    pair = Pair(clock, 0.0)
    pair.first.on_time(TWO, TimeFrame(bytes(8), 2**64 - 1))
    assert not pair.first.offsets
    for _ in range(10):
        pair.second.on_wanted(ONE, TimeWantedFrame(bytes(8)))
    answers = [frame for frame in pair.frames if frame[0] == FrameType.TIME]
    assert len(answers) == len(pair.frames) - len(answers) == MOST_ANSWERS_A_SECOND


async def test_linked_parties_measure_each_other(new_cluster: "NewCluster") -> None:
    parties = new_cluster(3)
    await parties.start()
    await parties.all_linked()
    await parties.until(lambda: all(len(parties[number].peers.clocks.offsets) == 2 for number in (1, 2, 3)))
    for number in (1, 2, 3):
        for measured in parties[number].peers.clocks.offsets.values():
            assert abs(measured.offset_s) <= measured.round_trip_s / 2 + 0.002
            assert 0 < measured.round_trip_s < 5
