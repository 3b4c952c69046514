"""The links that other parties dial to this one: who may open one, and what is done with what arrives.

``docs/protocol.md``, "Links between parties"; ``docs/architecture.md``, "Fixed by the system description". The source
address decides which party speaks, before anything is read; then the identity token must prove that it is that party.
Whoever fails is refused before the WebSocket is accepted. After that every frame counts as said by that party and by
no other; the first one that breaks the rules ends the link.
"""

import asyncio
import logging
from collections import deque
from contextlib import suppress
from typing import Final, Protocol

from fastapi import WebSocket, WebSocketDisconnect

from aukciszek.cluster import PartyNumber
from aukciszek.server.directory import PeerDirectory
from aukciszek.server.errors import MalformedFrameError, PeerError, PeerIdentityError, UnknownAddressError
from aukciszek.server.frames import (
    Frame,
    KeyFrame,
    KeyStateFrame,
    LeaveFrame,
    MessageFrame,
    RoundFrame,
    WelcomeFrame,
    decode_frame,
    encode_frame,
)
from aukciszek.server.identity_token import IdentityTokens
from aukciszek.server.incidents import IncidentLog
from aukciszek.server.sessions import Sessions

MOST_BYTES_WAITING: Final = 64 * 1024 * 1024
"""Of messages that one peer sent and this party has not dealt with; then nothing more is read from that peer."""

CLOSE_GOING_AWAY: Final = 1001
CLOSE_POLICY_VIOLATION: Final = 1008
CLOSE_REPLACED: Final = 4000
"""The peer opened a newer link."""

_REFUSED_BY_WEBSOCKET: Final = frozenset({1002, 1003, 1007, 1009})
"""Protocol error, unacceptable type, text that is not UTF-8, too big."""

type SlowFrame = MessageFrame | KeyStateFrame | KeyFrame
"""Frames that may need the database; they are dealt with one by one, beside the reading of rounds."""

_log = logging.getLogger(__name__)


class FrameHandler(Protocol):
    """Who deals with what arrives over the links."""

    def on_sender_up(self, sender: PartyNumber) -> None:
        """React to ``sender`` having opened its link to this party."""
        ...

    async def on_frame(self, sender: PartyNumber, frame: SlowFrame) -> None:
        """Deal with a frame that is not part of a session. Raises nothing but :class:`asyncio.CancelledError`."""
        ...


class InboundLinks:
    """All links that the other parties hold open to this one."""

    def __init__(
        self, directory: PeerDirectory, tokens: IdentityTokens, sessions: Sessions, incidents: IncidentLog
    ) -> None:
        self._directory = directory
        self._tokens = tokens
        self._sessions = sessions
        self._incidents = incidents
        self._handler: FrameHandler | None = None
        self._sockets: dict[PartyNumber, WebSocket] = {}

    @property
    def senders(self) -> frozenset[PartyNumber]:
        """The parties that hold a link open to this one."""
        return frozenset(self._sockets)

    def start(self, handler: FrameHandler) -> None:
        """Accept links from now on."""
        self._handler = handler

    async def close(self) -> None:
        """Accept no more links and close those that are open."""
        self._handler = None
        for socket in tuple(self._sockets.values()):
            await _close(socket, CLOSE_GOING_AWAY)

    async def serve(self, socket: WebSocket) -> None:
        """Serve one connection from its first byte to its end."""
        handler = self._handler
        admitted = self._admit(socket) if handler is not None else None
        if handler is None or admitted is None:
            # Closing before accepting answers with HTTP status 403.
            await socket.close()
            return
        sender, token_id = admitted
        await socket.accept()
        try:
            answer, _ = self._tokens.issue(sender, answers=token_id)
            await socket.send_bytes(encode_frame(WelcomeFrame(answer)))
            await self._replace(sender, socket)
            handler.on_sender_up(sender)
            await self._read(sender, socket, handler)
        except PeerError as error:
            self._incidents.report(error.code, error.message, party=sender)
            await _close(socket, CLOSE_POLICY_VIOLATION)
        except WebSocketDisconnect:
            pass
        finally:
            if self._sockets.get(sender) is socket:
                del self._sockets[sender]
                self._sessions.on_sender_lost(sender)

    def _admit(self, socket: WebSocket) -> tuple[PartyNumber, str] | None:
        """Return who dials and the id of its token, or ``None`` if it is nobody whom we know."""
        address = socket.client.host if socket.client is not None else ""
        sender = self._directory.party_at(address)
        try:
            if sender is None:
                raise UnknownAddressError("no party's connections come from this address: see the cluster file")
            return sender, self._tokens.verify(_bearer_token(socket), sender)
        except PeerError as error:
            # Not `party=sender`: whoever fails to prove that it is this party may be another program on its machine.
            self._incidents.report(error.code, error.message, address=address)
            return None

    async def _replace(self, sender: PartyNumber, socket: WebSocket) -> None:
        """Let a newer link of a party take the place of its older one, which must have broken unnoticed."""
        older = self._sockets.get(sender)
        self._sockets[sender] = socket
        if older is not None:
            self._sessions.on_sender_lost(sender)
            await _close(older, CLOSE_REPLACED)

    async def _read(self, sender: PartyNumber, socket: WebSocket, handler: FrameHandler) -> None:
        line = _WaitingLine()
        worker = asyncio.create_task(_work(sender, line, handler), name=f"messages of party {sender}")
        try:
            while self._sockets.get(sender) is socket:
                event = await socket.receive()
                if event["type"] == "websocket.disconnect":
                    _check_how_it_ended(event["code"])
                    break
                frame = _decode(event.get("bytes"))
                # Rounds go straight to their session; everything else waits in line.
                if isinstance(frame, RoundFrame):
                    self._sessions.on_round(sender, frame)
                elif isinstance(frame, LeaveFrame):
                    self._sessions.on_leave(sender, frame.session_id)
                elif isinstance(frame, WelcomeFrame):
                    raise MalformedFrameError("a welcome frame travels from the accepting to the dialling party")
                else:
                    await line.put(frame, len(event["bytes"]))
        finally:
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)


class _WaitingLine:
    """Frames in the order of their arrival, bounded by their size."""

    def __init__(self) -> None:
        self._frames: deque[tuple[SlowFrame, int]] = deque()
        self._bytes = 0
        self._changed = asyncio.Condition()

    async def put(self, frame: SlowFrame, size: int) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: self._bytes < MOST_BYTES_WAITING)
            self._frames.append((frame, size))
            self._bytes += size
            self._changed.notify_all()

    async def take(self) -> SlowFrame:
        async with self._changed:
            await self._changed.wait_for(lambda: bool(self._frames))
            frame, size = self._frames.popleft()
            self._bytes -= size
            self._changed.notify_all()
            return frame


async def _work(sender: PartyNumber, line: _WaitingLine, handler: FrameHandler) -> None:
    while True:
        await handler.on_frame(sender, await line.take())


def _check_how_it_ended(code: int) -> None:
    """Tell an end of the link from frames that the WebSocket layer refused to take in."""
    if code in _REFUSED_BY_WEBSOCKET:
        raise MalformedFrameError(f"a frame broke the WebSocket protocol or its limits (close code {code})")


def _decode(content: object) -> Frame:
    if not isinstance(content, bytes | bytearray):
        raise MalformedFrameError("frames are binary, not text")
    return decode_frame(bytes(content))


def _bearer_token(socket: WebSocket) -> str:
    values = socket.headers.getlist("authorization")
    scheme, _, token = values[0].partition(" ") if len(values) == 1 else ("", "", "")
    if scheme != "Bearer" or not token:
        raise PeerIdentityError("the connection shows no identity token")
    return token


async def _close(socket: WebSocket, code: int) -> None:
    with suppress(RuntimeError, WebSocketDisconnect, OSError):
        await socket.close(code)
