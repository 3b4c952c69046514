"""Reading the frames of one link: rounds are dispatched immediately, messages are queued.

``docs/protocol.md``, "Links between parties". Rounds go straight to their session, and questions about the time are
answered immediately. Messages may need the database, so a task handles them one by one; while too many are queued,
nothing more is read from that peer. The first frame that breaks the rules ends the link.
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
"""Of one peer's queued messages; beyond it nothing more is read from that peer."""

_FRAME_OVERHEAD: Final = 512
"""Bytes that a queued frame takes beside its content, so that many small ones are bounded, too."""

_LONGEST_TURN_S: Final = 0.01
"""How long messages of one link are handled before other tasks run."""


class FrameHandler(Protocol):
    """Handles what arrives over the links."""

    def on_sender_up(self, sender: PartyNumber) -> None:
        """React to ``sender`` having opened its link to this party."""
        ...

    def on_time(self, sender: PartyNumber, frame: TimeWantedFrame | TimeFrame) -> None:
        """React immediately to a frame about the time."""
        ...

    async def on_frame(self, sender: PartyNumber, frame: MessageFrame) -> None:
        """Handle a frame that is not part of a session. Raises nothing but :class:`asyncio.CancelledError`."""
        ...


class LinkReader:
    """Reads the frames of one link, from :meth:`run` until one breaks the rules or :meth:`stop`."""

    def __init__(
        self, sender: PartyNumber, socket: DirectSocket, channels: SessionChannels, handler: FrameHandler
    ) -> None:
        self._sender = sender
        self._socket = socket
        self._channels = channels
        self._handler = handler
        self._queue: deque[tuple[MessageFrame, int]] = deque()
        self._queued_bytes = 0
        self._is_paused = False
        self._is_queued = asyncio.Event()
        self._end: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        """Read until the peer breaks the rules.

        Raises:
            PeerError: it did.
        """
        worker = asyncio.create_task(self._work(), name=f"messages of party {self._sender}")
        try:
            self._socket.deliver_to(self._receive)
            await self._end
        finally:
            self.stop()
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)

    def stop(self) -> None:
        """Read no more."""
        settle(self._end, None)

    def _receive(self, content: bytes) -> None:
        if self._end.done():
            return
        try:
            self._dispatch(content)
        except PeerError as error:
            self._end.set_exception(error)

    def _dispatch(self, content: bytes) -> None:
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
            self._enqueue(frame, len(content) + _FRAME_OVERHEAD)

    def _enqueue(self, frame: MessageFrame, size: int) -> None:
        self._queue.append((frame, size))
        self._queued_bytes += size
        self._is_queued.set()
        if self._queued_bytes > MOST_BYTES_WAITING and not self._is_paused:
            self._is_paused = True
            self._socket.pause()

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._is_queued.wait()
            yielded_s = loop.time()
            while self._queue:
                if loop.time() - yielded_s > _LONGEST_TURN_S:
                    # Handling a message may never wait: a burst of them must not block the event loop.
                    await asyncio.sleep(0)
                    yielded_s = loop.time()
                frame, size = self._queue.popleft()
                await self._handler.on_frame(self._sender, frame)
                self._queued_bytes -= size
                if self._is_paused and self._queued_bytes <= MOST_BYTES_WAITING:
                    self._is_paused = False
                    self._socket.resume()
            self._is_queued.clear()
