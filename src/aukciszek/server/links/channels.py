"""The channels of all sessions of one party: dispatches arriving rounds, and keeps those of sessions yet to begin.

``docs/protocol.md``, "Links between parties". Parties do not begin a session at the same moment, so rounds may arrive
before their channel is opened. They are kept within bounds: of each sender a limited number of sessions and bytes, the
oldest dropped first. A session id is used once; rounds of a session that has ended are dropped.
"""

from collections import OrderedDict
from collections.abc import Collection
from typing import Final

from aukciszek.cluster import PartyNumber
from aukciszek.server.errors import PeerFloodError
from aukciszek.server.links.frames import SESSION_ID_BYTES, RoundFrame
from aukciszek.server.links.round_inbox import RoundInbox
from aukciszek.server.links.session_channel import FrameSender, LinkChannel, SessionTerms

MOST_EARLY_SESSIONS: Final = 256
"""How many sessions that this party has not begun one sender may have rounds waiting for."""

MOST_EARLY_BYTES: Final = 64 * 1024 * 1024
"""How many bytes of one sender may wait for such sessions."""

MOST_ENDED_REMEMBERED: Final = 4096


class SessionChannels:
    """Opens channels and dispatches arriving rounds to them."""

    def __init__(self, *, own: PartyNumber, size: int, enough: int, sender: FrameSender) -> None:
        self._own = own
        self._size = size
        self._enough = enough
        self._sender = sender
        self._peers = tuple(PartyNumber(i) for i in range(1, size + 1) if i != own)
        self._open: dict[bytes, LinkChannel] = {}
        self._early: dict[bytes, RoundInbox] = {}
        self._early_of: dict[PartyNumber, OrderedDict[bytes, None]] = {peer: OrderedDict() for peer in self._peers}
        self._ended: OrderedDict[bytes, None] = OrderedDict()

    @property
    def running(self) -> int:
        """How many sessions are open."""
        return len(self._open)

    def open(
        self,
        session_id: bytes,
        *,
        round_timeout_s: float,
        reachable: Collection[PartyNumber],
        first_timeout_s: float | None = None,
    ) -> LinkChannel:
        """Open the channel of a session, with the rounds that arrived early.

        Args:
            session_id: 32 bytes, never used before.
            round_timeout_s: how long a round waits for the other parties.
            reachable: the parties that can be sent frames now.
            first_timeout_s: how long the first round waits for them; without it, as long as any other.

        Raises:
            ValueError: the session id was used before, or has another length.
        """
        if len(session_id) != SESSION_ID_BYTES or session_id in self._open or session_id in self._ended:
            raise ValueError(f"a session id has {SESSION_ID_BYTES} bytes and is used once")
        inbox = self._early.pop(session_id, None) or RoundInbox(self._peers)
        for sessions in self._early_of.values():
            sessions.pop(session_id, None)
        channel = LinkChannel(
            SessionTerms(
                session_id=session_id,
                own=self._own,
                size=self._size,
                enough=self._enough,
                round_timeout_s=round_timeout_s,
                first_timeout_s=round_timeout_s if first_timeout_s is None else first_timeout_s,
            ),
            inbox,
            self._sender,
            reachable=reachable,
            on_close=lambda: self._end(session_id),
        )
        self._open[session_id] = channel
        return channel

    def on_round(self, sender: PartyNumber, frame: RoundFrame) -> None:
        """Accept one round.

        Raises:
            RoundOrderError: it is a repetition, or not the sender's next one.
            PeerFloodError: the sender sends more than an honest party would.
        """
        channel = self._open.get(frame.session_id)
        if channel is not None:
            channel.put(sender, frame.number, frame.payload)
        elif frame.session_id not in self._ended:
            self._early_inbox(sender, frame.session_id).put(sender, frame.number, frame.payload)
            self._make_room(sender, frame.session_id)

    def on_leave(self, sender: PartyNumber, session_id: bytes) -> None:
        """Note that ``sender`` will send no more rounds of a session."""
        channel = self._open.get(session_id)
        if channel is not None:
            channel.leave(sender)
        elif session_id not in self._ended:
            self._early_inbox(sender, session_id).leave(sender)
            self._make_room(sender, session_id)

    def on_sender_lost(self, sender: PartyNumber) -> None:
        """Note that the link from ``sender`` broke: rounds may have been lost, so it has left all its sessions."""
        for channel in tuple(self._open.values()):
            channel.leave(sender)
        for session_id in self._early_of[sender]:
            self._early[session_id].leave(sender)

    def on_receiver_lost(self, receiver: PartyNumber) -> None:
        """Note that the link to ``receiver`` broke: it is sent no more rounds of the running sessions."""
        for channel in self._open.values():
            channel.link_lost(receiver)

    def on_receiver_up(self, receiver: PartyNumber) -> None:
        """Tell ``receiver``, whose link has just come up, which sessions it cannot take part in any more."""
        for channel in self._open.values():
            channel.link_up(receiver)

    async def close(self) -> None:
        """End all sessions."""
        for channel in tuple(self._open.values()):
            await channel.close()

    def _end(self, session_id: bytes) -> None:
        del self._open[session_id]
        self._ended[session_id] = None
        if len(self._ended) > MOST_ENDED_REMEMBERED:
            self._ended.popitem(last=False)

    def _early_inbox(self, sender: PartyNumber, session_id: bytes) -> RoundInbox:
        inbox = self._early.get(session_id)
        if inbox is None:
            inbox = self._early[session_id] = RoundInbox(self._peers)
        self._early_of[sender][session_id] = None
        return inbox

    def _make_room(self, sender: PartyNumber, newest: bytes) -> None:
        sessions = self._early_of[sender]
        waiting = sum(self._early[session_id].waiting_bytes(sender) for session_id in sessions)
        while len(sessions) > MOST_EARLY_SESSIONS or waiting > MOST_EARLY_BYTES:
            oldest = next(iter(sessions))
            if oldest == newest:
                raise PeerFloodError(f"party {sender} is too far ahead in a session that has not begun here")
            waiting -= self._early[oldest].waiting_bytes(sender)
            self._forget_early(sender, oldest)

    def _forget_early(self, sender: PartyNumber, session_id: bytes) -> None:
        del self._early_of[sender][session_id]
        self._early[session_id].give_up(sender)
        if not any(session_id in sessions for sessions in self._early_of.values()):
            del self._early[session_id]
