"""How far the other parties' clocks are from this party's own.

``docs/protocol.md``, "Links between parties". Each party judges by its own clock whether a bid came in time, so a clock
that is wrong costs bidders receipts. Parties ask each other for the time over their links: the answer is compared with
the middle between question and answer, so the error is at most half the round trip. Of the latest answers the one with
the shortest round trip counts (as in NTP's clock filter, RFC 5905, section 10). Nothing is corrected; the operator is
warned.
"""

import logging
import secrets
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from aukciszek.clock import Clock
from aukciszek.cluster import PartyNumber
from aukciszek.server.links.frames import TIME_NONCE_BYTES, TimeFrame, TimeWantedFrame, encode_frame

ASK_EVERY_S: Final = 30.0
LARGEST_OFFSET_S: Final = 2.0
"""Beyond this the log warns."""

WARN_AGAIN_S: Final = 600.0
MOST_ANSWERS_A_SECOND: Final = 4
"""To one peer; more frequent questions are not answered."""

_MOST_OPEN_QUESTIONS: Final = 4
_SAMPLES: Final = 8
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """One measurement of a peer's clock."""

    offset_s: float
    """How far the peer's clock is ahead of this party's; negative: behind."""
    round_trip_s: float

    @property
    def is_certainly_large(self) -> bool:
        """Whether the clocks differ by more than they may, however the round trip splits into its two ways."""
        return abs(self.offset_s) - self.round_trip_s / 2 > LARGEST_OFFSET_S


@dataclass(frozen=True, slots=True)
class _Question:
    asked_at: datetime
    asked_at_s: float


class PeerClocks:
    """Compares this party's clock with those of its peers."""

    def __init__(self, clock: Clock, write: Callable[[PartyNumber, bytes], None]) -> None:
        """Send frames with ``write``, which drops them while a link is down."""
        self._clock = clock
        self._write = write
        self._asked: dict[PartyNumber, dict[bytes, _Question]] = {}
        self._samples: dict[PartyNumber, deque[ClockOffset]] = {}
        self._answered_at_s: dict[PartyNumber, deque[float]] = {}
        self._warned_at_s: dict[PartyNumber, float] = {}

    @property
    def offsets(self) -> Mapping[PartyNumber, ClockOffset]:
        """The best measurement of each peer's clock."""
        return {peer: min(samples, key=lambda sample: sample.round_trip_s) for peer, samples in self._samples.items()}

    async def run(self, peers: Callable[[], Collection[PartyNumber]]) -> None:
        """Ask all connected peers periodically, until cancelled."""
        while True:
            for peer in peers():
                self.ask(peer)
            await self._clock.sleep(ASK_EVERY_S)

    def ask(self, peer: PartyNumber) -> None:
        """Ask a peer for the time; beyond a number of open questions the oldest is dropped."""
        nonce = secrets.token_bytes(TIME_NONCE_BYTES)
        questions = self._asked.setdefault(peer, {})
        while len(questions) >= _MOST_OPEN_QUESTIONS:
            del questions[next(iter(questions))]
        questions[nonce] = _Question(self._clock.now(), self._clock.monotonic_s())
        self._write(peer, encode_frame(TimeWantedFrame(nonce)))

    def on_wanted(self, sender: PartyNumber, frame: TimeWantedFrame) -> None:
        """Tell a peer the time, unless it asks too often."""
        now_s = self._clock.monotonic_s()
        answered = self._answered_at_s.setdefault(sender, deque(maxlen=MOST_ANSWERS_A_SECOND))
        if len(answered) < MOST_ANSWERS_A_SECOND or now_s - answered[0] >= 1:
            answered.append(now_s)
            milliseconds = (self._clock.now() - _EPOCH) // _MILLISECOND
            self._write(sender, encode_frame(TimeFrame(frame.nonce, milliseconds)))
            if sender not in self._samples:
                # Its link is up now, so it can answer; an earlier question may have been dropped.
                self.ask(sender)

    def on_time(self, sender: PartyNumber, frame: TimeFrame) -> None:
        """Compare a peer's time with this party's own; an answer to no open question is dropped."""
        question = self._asked.get(sender, {}).pop(frame.nonce, None)
        if question is None:
            return
        round_trip_s = self._clock.monotonic_s() - question.asked_at_s
        middle_s = (question.asked_at - _EPOCH).total_seconds() + round_trip_s / 2
        sample = ClockOffset(frame.milliseconds / 1000 - middle_s, round_trip_s)
        self._samples.setdefault(sender, deque(maxlen=_SAMPLES)).append(sample)
        self._warn_if_large(sender, sample)

    def _warn_if_large(self, peer: PartyNumber, sample: ClockOffset) -> None:
        now_s = self._clock.monotonic_s()
        last_s = self._warned_at_s.get(peer)
        if sample.is_certainly_large and (last_s is None or now_s - last_s >= WARN_AGAIN_S):
            self._warned_at_s[peer] = now_s
            _log.warning(
                "the clock of party %d is %.1f s %s this party's: check the time service of both machines",
                peer,
                abs(sample.offset_s),
                "ahead of" if sample.offset_s > 0 else "behind",
            )
        elif not sample.is_certainly_large:
            self._warned_at_s.pop(peer, None)
