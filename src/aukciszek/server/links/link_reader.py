"""Reading what one peer sends over its link: rounds at once, everything else in line.

``docs/protocol.md``, "Links between parties". Rounds go straight to their session, and questions about
the time are answered at once. Messages may need the database, so they are dealt with one by one beside the reading;
when too many wait, nothing more is read from that peer for a while. The first frame that breaks the rules ends the
link.
"""

import asyncio
from collections import deque
from typing import Final, Protocol

from aukciszek.cluster import PartyNumber
from aukciszek.racing import settle
from aukciszek.server.errors import MalformedFrameError, PeerError
from aukciszek.server.links.channels import SessionChannels
from aukciszek.server.links.direct_socket import DirectSocket
from aukciszek.server.links.frames import (
    LeaveFrame,
    MessageFrame,
    RoundFrame,
    TimeFrame,
    TimeWantedFrame,
    WelcomeFrame,
    decode_frame,
)

MOST_BYTES_WAITING: Final = 64 * 1024 * 1024
"""Of messages that one peer sent and this party has not dealt with; then nothing more is read from that peer."""

_FRAME_OVERHEAD: Final = 512
"""Bytes that a waiting frame takes beside its content, so that many small ones are bounded, too."""

_LONGEST_TURN_S: Final = 0.01
"""How long messages of one link are taken in before others have their turn."""


class FrameHandler(Protocol):
    """Who deals with what arrives over the links."""

    def on_sender_up(self, sender: PartyNumber) -> None:
        """React to ``sender`` having opened its link to this party."""
        ...

    def on_time(self, sender: PartyNumber, frame: TimeWantedFrame | TimeFrame) -> None:
        """React at once to a frame about the time."""
        ...

    async def on_frame(self, sender: PartyNumber, frame: MessageFrame) -> None:
        """Deal with a frame that is not part of a session. Raises nothing but :class:`asyncio.CancelledError`."""
        ...


class LinkReader:
    """Takes in the frames of one link, from :meth:`run` until it breaks a rule or :meth:`stop`."""

    def __init__(
        self, sender: PartyNumber, socket: DirectSocket, channels: SessionChannels, handler: FrameHandler
    ) -> None:
        self._sender = sender
        self._socket = socket
        self._channels = channels
        self._handler = handler
        self._line: deque[tuple[MessageFrame, int]] = deque()
        self._bytes_waiting = 0
        self._is_paused = False
        self._something_waits = asyncio.Event()
        self._end: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        """Read until the peer breaks a rule.

        Raises:
            PeerError: it did.
        """
        worker = asyncio.create_task(self._work(), name=f"messages of party {self._sender}")
        try:
            self._socket.deliver_to(self._take)
            await self._end
        finally:
            self.stop()
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)

    def stop(self) -> None:
        """Take in nothing more."""
        settle(self._end, None)

    def _take(self, content: bytes) -> None:
        if self._end.done():
            return
        try:
            self._sort(content)
        except PeerError as error:
            self._end.set_exception(error)

    def _sort(self, content: bytes) -> None:
        frame = decode_frame(bytes(content))
        if isinstance(frame, RoundFrame):
            self._channels.on_round(self._sender, frame)
        elif isinstance(frame, LeaveFrame):
            self._channels.on_leave(self._sender, frame.session_id)
        elif isinstance(frame, TimeWantedFrame | TimeFrame):
            self._handler.on_time(self._sender, frame)
        elif isinstance(frame, WelcomeFrame):
            raise MalformedFrameError("a welcome frame travels from the accepting to the dialling party")
        else:
            self._put_in_line(frame, len(content) + _FRAME_OVERHEAD)

    def _put_in_line(self, frame: MessageFrame, size: int) -> None:
        self._line.append((frame, size))
        self._bytes_waiting += size
        self._something_waits.set()
        if self._bytes_waiting > MOST_BYTES_WAITING and not self._is_paused:
            self._is_paused = True
            self._socket.pause()

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._something_waits.wait()
            yielded_s = loop.time()
            while self._line:
                if loop.time() - yielded_s > _LONGEST_TURN_S:
                    # A message may need nothing that is waited for: a burst of them must not keep all waiting.
                    await asyncio.sleep(0)
                    yielded_s = loop.time()
                frame, size = self._line.popleft()
                await self._handler.on_frame(self._sender, frame)
                self._bytes_waiting -= size
                if self._is_paused and self._bytes_waiting <= MOST_BYTES_WAITING:
                    self._is_paused = False
                    self._socket.resume()
            self._something_waits.clear()
