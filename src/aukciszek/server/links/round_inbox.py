"""The rounds of one session as they arrive from the other parties: in order, bounded, each exactly once.

``docs/protocol.md``, "Links between parties". A link keeps the order of what it carries, and a party that lost a link
sends nothing more over the next one for the sessions that were running. So an honest sender's rounds arrive as 0, 1,
2, ...; anything else is a replay, an attack or a fault, and is refused.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from aukciszek.cluster import PartyNumber
from aukciszek.server.errors import PeerFloodError, RoundOrderError

MOST_ROUNDS_AHEAD: Final = 4096
"""How many rounds of one sender may wait; far more than a slow party of any session lags behind."""

MOST_BYTES_AHEAD: Final = 128 * 1024 * 1024
"""How many bytes of one sender may wait in one session."""


@dataclass(slots=True)
class _Sender:
    next_number: int = 0
    waiting: deque[memoryview] = field(default_factory=deque)
    waiting_bytes: int = 0
    has_left: bool = False
    """The sender announced that it sends no more, or its link broke."""
    given_up: bool = False
    """This party no longer waits for the sender; what it still sends is dropped."""


class RoundInbox:
    """The rounds of one session that arrived and were not taken yet."""

    def __init__(self, senders: Iterable[PartyNumber]) -> None:
        self._senders = {number: _Sender() for number in senders}

    def put(self, sender: PartyNumber, number: int, payload: memoryview) -> bool:
        """Keep one round of one sender.

        Returns:
            Whether this is the round that the sender's next :meth:`take` gives, that is, whether nothing of this
            sender was waiting before.

        Raises:
            RoundOrderError: the round was received before, comes too early, or its sender had left.
            PeerFloodError: the sender is further ahead than an honest party can be.
        """
        state = self._senders[sender]
        if state.given_up:
            return False
        if state.has_left:
            raise RoundOrderError(f"party {sender} sent round {number} of a session that it had left")
        if number != state.next_number:
            raise RoundOrderError(f"party {sender} sent round {number} of a session, expected was {state.next_number}")
        if len(state.waiting) >= MOST_ROUNDS_AHEAD or state.waiting_bytes + payload.nbytes > MOST_BYTES_AHEAD:
            raise PeerFloodError(f"party {sender} is too far ahead in a session, at round {number}")
        state.next_number = number + 1
        state.waiting.append(payload)
        state.waiting_bytes += payload.nbytes
        return len(state.waiting) == 1

    def take(self, sender: PartyNumber) -> memoryview | None:
        """Return the sender's next round, or ``None`` if it has not arrived."""
        state = self._senders[sender]
        if not state.waiting:
            return None
        payload = state.waiting.popleft()
        state.waiting_bytes -= payload.nbytes
        return payload

    def has(self, sender: PartyNumber) -> bool:
        """Tell whether a round of ``sender`` is waiting."""
        return bool(self._senders[sender].waiting)

    def is_over(self, sender: PartyNumber) -> bool:
        """Tell whether nothing of ``sender`` is waiting and nothing more will come."""
        state = self._senders[sender]
        return state.given_up or (state.has_left and not state.waiting)

    @property
    def someone_left(self) -> bool:
        """Whether any sender has left or was abandoned."""
        return any(state.has_left or state.given_up for state in self._senders.values())

    def leave(self, sender: PartyNumber) -> None:
        """Note that ``sender`` will send no more; what has arrived stays."""
        self._senders[sender].has_left = True

    def give_up(self, sender: PartyNumber) -> None:
        """Abandon ``sender`` and drop its rounds."""
        state = self._senders[sender]
        state.given_up = True
        state.waiting.clear()
        state.waiting_bytes = 0

    def waiting_bytes(self, sender: PartyNumber) -> int:
        """Return how many bytes of ``sender`` are waiting."""
        return self._senders[sender].waiting_bytes
