"""The engine's channel for one session, over the links between the parties.

Implements :class:`aukciszek.auctions.context.peer_network.SessionChannel`; ``docs/protocol.md``, "Links between
parties" and "Opening". A round is sent to every other party and awaited from every other party until its deadline. A
party that missed a deadline, left the session, lost its link or was found corrupt is not awaited again in this
session.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from aukciszek.cluster import PartyNumber
from aukciszek.mpc.errors import ChannelClosedError, PartiesMissingError
from aukciszek.racing import settle
from aukciszek.server.links.frames import Buffer, LeaveFrame, encode_frame, encode_round
from aukciszek.server.links.round_inbox import RoundInbox


class FrameSender(Protocol):
    """The part of the links that a channel needs."""

    def write(self, to: PartyNumber, frame: bytes) -> None:
        """Send one frame without waiting; drop it if ``to`` is not connected."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionTerms:
    """What is fixed for the whole of a session."""

    session_id: bytes
    own: PartyNumber
    size: int
    """The number of parties, ``n``."""
    enough: int
    """How many parties, this one included, must take part in a round that others missed."""
    round_timeout_s: float
    first_timeout_s: float
    """The same for the first round, for which a party may still wait for a slot."""


class LinkChannel:
    """One session at one party. One task uses it at a time."""

    def __init__(
        self,
        terms: SessionTerms,
        inbox: RoundInbox,
        sender: FrameSender,
        *,
        reachable: Iterable[PartyNumber],
        on_close: Callable[[], None],
    ) -> None:
        self._terms = terms
        self._inbox = inbox
        self._sender = sender
        self._reachable = set(reachable)
        self._on_close = on_close
        self._peers: Final = tuple(PartyNumber(i) for i in range(1, terms.size + 1) if i != terms.own)
        self._taking_part = list(self._peers)
        self._number = 0
        self._missing: set[PartyNumber] = set()
        self._someone_left = inbox.someone_left
        self._waiter: asyncio.Future[bool] | None = None
        self._closed = False

    @property
    def party(self) -> int:
        """This party's number."""
        return self._terms.own

    @property
    def parties(self) -> int:
        """The number of parties, ``n``."""
        return self._terms.size

    async def exchange(self, payload: Buffer) -> Mapping[int, memoryview]:
        """Send ``payload`` to every other party and return what they sent in the same round.

        Raises:
            PartiesMissingError: the deadline passed, or parties left, and too few remain.
            ChannelClosedError: the session was ended, or an earlier exchange failed.
        """
        self._check_free()
        frame = encode_round(self._terms.session_id, self._number, payload)
        return await self._run_round(dict.fromkeys(self._peers, frame))

    async def exchange_each(self, payloads: Mapping[int, Buffer]) -> Mapping[int, memoryview]:
        """Do as :meth:`exchange` does, with a payload of its own for each other party."""
        self._check_free()
        frames = {peer: encode_round(self._terms.session_id, self._number, payloads[peer]) for peer in self._peers}
        return await self._run_round(frames)

    def _check_free(self) -> None:
        if self._closed:
            raise ChannelClosedError
        if self._waiter is not None:
            raise RuntimeError("a channel takes one exchange at a time")

    async def _run_round(self, frames: Mapping[PartyNumber, bytes]) -> Mapping[int, memoryview]:
        self._number += 1
        for peer, frame in frames.items():
            if peer in self._reachable:
                self._sender.write(peer, frame)
        try:
            await self._all_arrived()
        except BaseException:
            # The senders' rounds are no longer in step: the next one could be taken for the missing one.
            self._end()
            raise
        return self._take()

    def give_up(self, parties: Collection[int]) -> None:
        """Leave ``parties`` out of all later rounds and drop what they send. To be called between two exchanges."""
        for peer in [peer for peer in self._taking_part if peer in parties]:
            self._give_up(peer)

    async def close(self) -> None:
        """End the session at this party: a pending or later exchange raises ``ChannelClosedError``."""
        self._end()

    def put(self, sender: PartyNumber, number: int, payload: memoryview) -> None:
        """Accept one round; see :meth:`RoundInbox.put`."""
        if self._inbox.put(sender, number, payload):
            self._is_there(sender)

    def leave(self, sender: PartyNumber) -> None:
        """Note that ``sender`` will send no more."""
        self._inbox.leave(sender)
        self._someone_left = True
        if not self._inbox.has(sender):
            self._is_there(sender)

    def link_lost(self, peer: PartyNumber) -> None:
        """Note that frames to ``peer`` may have been lost: it is sent no more rounds of this session."""
        self._reachable.discard(peer)

    def link_up(self, peer: PartyNumber) -> None:
        """Tell ``peer``, which has just connected, not to await the rounds that it cannot receive any more."""
        if peer not in self._reachable:
            self._sender.write(peer, encode_frame(LeaveFrame(self._terms.session_id)))

    async def _all_arrived(self) -> None:
        gone = self._gone()
        self._check_enough(gone)
        self._missing = {peer for peer in self._taking_part if not self._inbox.has(peer)} - gone
        if not self._missing:
            return
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        # The number of the next round: this one has been sent.
        timeout_s = self._terms.first_timeout_s if self._number == 1 else self._terms.round_timeout_s
        deadline = loop.call_later(timeout_s, self._wake, True)  # noqa: FBT003 -- call_later takes no keywords
        try:
            timed_out = await self._waiter
        finally:
            deadline.cancel()
            self._waiter = None
        if self._closed:
            raise ChannelClosedError
        self._check_enough(self._gone() | self._missing if timed_out else self._gone())

    def _gone(self) -> set[PartyNumber]:
        if not self._someone_left and len(self._taking_part) == len(self._peers):
            return set()
        return {peer for peer in self._peers if self._is_out(peer)}

    def _is_out(self, peer: PartyNumber) -> bool:
        return peer not in self._taking_part or self._inbox.is_over(peer)

    def _check_enough(self, out: set[PartyNumber]) -> None:
        """Fail if too few parties can still complete this round."""
        if self._terms.size - len(out) < self._terms.enough:
            raise PartiesMissingError(out)

    def _take(self) -> dict[int, memoryview]:
        arrived: dict[int, memoryview] = {}
        for peer in tuple(self._taking_part):
            payload = self._inbox.take(peer)
            if payload is None:
                self._give_up(peer)
            else:
                arrived[peer] = payload
        return arrived

    def _give_up(self, peer: PartyNumber) -> None:
        self._inbox.give_up(peer)
        self._taking_part.remove(peer)

    def _is_there(self, sender: PartyNumber) -> None:
        """Wake the pending exchange if ``sender`` was the last one that it waited for, or one too many has gone."""
        if self._waiter is None:
            return
        self._missing.discard(sender)
        if not self._missing or self._terms.size - len(self._gone()) < self._terms.enough:
            self._wake(timed_out=False)

    def _wake(self, timed_out: bool) -> None:  # noqa: FBT001 -- call_later takes no keywords
        if self._waiter is not None:
            settle(self._waiter, timed_out)

    def _end(self) -> None:
        if self._closed:
            return
        self._closed = True
        leave = encode_frame(LeaveFrame(self._terms.session_id))
        for peer in self._reachable:
            self._sender.write(peer, leave)
        self._on_close()
        self._wake(timed_out=False)
