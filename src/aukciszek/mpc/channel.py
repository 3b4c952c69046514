"""The one thing the engine asks of the world: exchange one payload with every other party, round by round.

The engine knows no network. Servers implement :class:`Channel` over their links, tests and simulations over memory
(``memory_channel``). See ``docs/protocol.md``, "Rounds and messages".
"""

from collections.abc import Collection, Mapping
from typing import Protocol

MAX_PAYLOAD_BYTES = 16 * 2**20
"""No round of any protocol sends more than this to one party; a longer one may be refused unread."""


class Channel(Protocol):
    """One session's rounds, as one party sees them.

    The ``r``-th call of :meth:`exchange` at one party belongs to the ``r``-th call at every other party. A channel
    delivers what the authenticated sender sent for this session and round, unaltered, or nothing. It promises
    nothing about what a dishonest sender sends: not the length, and not the same bytes to everybody.
    """

    @property
    def party(self) -> int:
        """This party's number, ``1..n``."""
        ...

    @property
    def parties(self) -> int:
        """The number of parties, ``n``."""
        ...

    async def exchange(self, payload: bytes | bytearray | memoryview) -> Mapping[int, bytes | memoryview]:
        """Send ``payload`` to every other party and return what each other party sent in the same round.

        The answer holds other parties only. A party whose payload did not come before the round's deadline is left
        out, and is not waited for again in this session: the engine decides whether the others suffice, and raises
        ``PartiesMissingError`` when they do not. The caller does not change ``payload`` afterwards.

        Raises:
            PartiesMissingError: the channel itself already knows that going on is useless.
            ChannelClosedError: the session was ended from outside.
        """
        ...

    async def exchange_each(
        self, payloads: Mapping[int, bytes | bytearray | memoryview]
    ) -> Mapping[int, bytes | memoryview]:
        """Do as :meth:`exchange` does, with a payload of its own for each other party."""
        ...

    def give_up(self, parties: Collection[int]) -> None:
        """Leave ``parties`` out of all later rounds: what they send is of no use, so nobody waits for it.

        They still receive what is sent: only a party that sees a wrong share can tell whose it is. Call it between two
        exchanges.
        """
        ...
