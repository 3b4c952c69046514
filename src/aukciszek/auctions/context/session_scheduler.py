"""How many sessions a party computes at once: bounded in number and memory, in an order that all parties share.

``docs/adr/0009-few-sessions-at-once.md``. A session needs all its participants at once, and each of them has few
slots; so parties could wait for one another in a circle, each holding a slot that another one needs. They cannot:

- A session that waits for peers to get ready holds no slot. It asks for one when it could begin.
- Slots are given in one order, that of :class:`Priority`, which is the same at every party.
- A session that holds a slot and has not begun, as peers are missing, gives it back: soon to one of higher
  priority, after a timeout to any other. One that has begun is left alone: its participants all held slots then.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import log2
from typing import Final, Self

from aukciszek.clock import Clock
from aukciszek.protocol.rules.identifiers import AuctionId

EARLIER_AFTER_S: Final = 1.0
"""How long a session that has not begun keeps its slot from one of higher priority."""

OTHERS_AFTER_S: Final = 10.0
"""How long it keeps its slot from any other."""

LOOK_AGAIN_S: Final = 1.0
"""How often a session that waits has to call :meth:`SessionScheduler.look_again`."""

_MOST_OPENING: Final = 2
"""Of how many auctions envelopes are opened at once: while that goes on, nothing else of Python does."""

_PENALTY: Final = timedelta(seconds=10)
_BYTES_A_BIT: Final = 400
"""What a session takes for each bit of each bid, measured with 1,000 to 100,000 bids (``docs/benchmarks.md``)."""

_MIB: Final = 2**20


@dataclass(frozen=True, slots=True, order=True)
class Priority:
    """The order of sessions, the same at every party, earlier first: by the close, then by the auction's id."""

    due_at: datetime
    auction: AuctionId

    @classmethod
    def of(cls, closes_at: datetime, attempt: int, auction: AuctionId) -> Self:
        """Return the priority of an attempt: a later one stands further behind, so what failed lets others go first."""
        return cls(closes_at + (attempt - 1) * _PENALTY, auction)


def memory_bytes(bids: int, bits: int, ranked: int) -> int:
    """Return about how much memory a session holds at its height.

    Args:
        bids: how many there are.
        bits: of each bid.
        ranked: how many of them have to be put in order.
    """
    sorting = max(1.0, log2(max(bids, 2)) ** 2 / 4)
    return int(_BYTES_A_BIT * bids * bits * min((1 + ranked) / 2, sorting))


class SessionSlot:
    """One session's claim to a slot."""

    def __init__(self, priority: Priority, size: int, wake: Callable[[], None]) -> None:
        self.priority = priority
        self.size = size
        self.wake = wake
        self.held_since_s: float | None = None
        self.has_begun = False
        self.is_wanted_back = False
        """Whether the session must end now, since it has not begun and another one can."""

    @property
    def is_held(self) -> bool:
        """Whether the session may begin."""
        return self.held_since_s is not None

    def begin(self) -> None:
        """Note that all whom the session needs are there: from now on the slot stays its own until it ends."""
        self.has_begun = not self.is_wanted_back


class SessionScheduler:
    """The sessions that one party computes or could compute."""

    def __init__(self, clock: Clock, *, most_sessions: int, most_memory_mib: int) -> None:
        self._clock = clock
        self._most_sessions = most_sessions
        self._most_bytes = most_memory_mib * _MIB
        self._claims: set[SessionSlot] = set()
        self.opening: Final = asyncio.Semaphore(_MOST_OPENING)
        """Held while an auction's envelopes are opened, for which this party needs nobody else."""

    @property
    def most(self) -> int:
        """How many sessions may compute at once."""
        return self._most_sessions

    @property
    def held(self) -> int:
        """How many sessions have a slot."""
        return sum(claim.is_held for claim in self._claims)

    @property
    def waiting(self) -> int:
        """How many sessions could begin and wait for a slot."""
        return len(self._claims) - self.held

    @contextmanager
    def claimed(self, priority: Priority, size: int, wake: Callable[[], None]) -> Iterator[SessionSlot]:
        """Ask for a slot, and give it back at the end.

        Args:
            priority: this session's.
            size: how many bytes of memory it will take; one session is let in alone, however large.
            wake: called when the slot is there, and when it is wanted back.
        """
        claim = SessionSlot(priority, size, wake)
        self._claims.add(claim)
        self.look_again()
        try:
            yield claim
        finally:
            self._claims.remove(claim)
            self.look_again()

    def look_again(self) -> None:
        """Give out what is free; ask for what sessions hold that do not begin."""
        for claim in sorted((one for one in self._claims if not one.is_held), key=lambda one: one.priority):
            if not self._has_room(claim.size, self._holding()):
                # No session skips the queue: otherwise a large one would wait for as long as small ones come.
                self._ask_back_for(claim)
                return
            claim.held_since_s = self._clock.monotonic_s()
            claim.wake()

    def is_taken_before(self, priority: Priority, size: int, since_s: float) -> bool:
        """Tell whether it is no wonder that a session does not begin.

        Args:
            priority: the session's.
            size: how many bytes of memory it will take.
            since_s: since when it could begin; a session that held a slot then may go on, whatever its priority.

        Returns:
            Whether those who go before it leave no room for it here.
        """
        return not self._has_room(size, [one for one in self._claims if _goes_before(one, priority, since_s)])

    def _holding(self) -> list[SessionSlot]:
        return [claim for claim in self._claims if claim.is_held]

    def _has_room(self, size: int, holding: Iterable[SessionSlot]) -> bool:
        sizes = [claim.size for claim in holding]
        return not sizes or (len(sizes) < self._most_sessions and sum(sizes) + size <= self._most_bytes)

    def _ask_back_for(self, waiting: SessionSlot) -> None:
        """Ask one session that does not begin for its slot, the last one first, if that can help."""
        holding = self._holding()
        if any(claim.is_wanted_back for claim in holding):
            return
        idle = sorted((one for one in holding if self._must_yield(one, waiting)), key=lambda one: one.priority)
        if idle and self._has_room(waiting.size, [one for one in holding if one not in idle]):
            idle[-1].is_wanted_back = True
            idle[-1].wake()

    def _must_yield(self, holder: SessionSlot, waiting: SessionSlot) -> bool:
        if holder.has_begun or holder.held_since_s is None:
            return False
        held_s = self._clock.monotonic_s() - holder.held_since_s
        return held_s >= (EARLIER_AFTER_S if waiting.priority < holder.priority else OTHERS_AFTER_S)


def _goes_before(claim: SessionSlot, priority: Priority, since_s: float) -> bool:
    return claim.priority < priority or (claim.held_since_s is not None and claim.held_since_s <= since_s)
