"""uvicorn's WebSocket protocol, with direct delivery of the frames between parties.

uvicorn queues every message, pauses reading, wakes the application's task and resumes. On the links between parties
that takes a fifth of a round's time, so there each message is delivered as soon as it is complete, and reading pauses
only when the receiver asks for it.
"""

from collections.abc import Callable
from typing import Final, Protocol, cast, override

from starlette.types import Scope
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState
from websockets.http11 import Request

_EXTENSION: Final = "aukciszek.direct"


class DirectSocket(Protocol):
    """A WebSocket that delivers its binary messages directly. Everything else still arrives as ASGI events."""

    def deliver_to(self, receiver: Callable[[bytes], None]) -> None:
        """Deliver every binary message to ``receiver``, which must not raise; first those that are queued."""
        ...

    def pause(self) -> None:
        """Pause reading."""
        ...

    def resume(self) -> None:
        """Resume reading."""
        ...


def direct_socket(scope: Scope) -> DirectSocket:
    """Return the WebSocket of an ASGI scope, for direct delivery."""
    return cast("DirectSocket", scope["extensions"][_EXTENSION])


class SocketProtocol(WebSocketsSansIOProtocol):
    """One WebSocket, which :func:`direct_socket` finds."""

    _receiver: Callable[[bytes], None] | None = None

    @override
    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if not self.close_sent:
            self.scope["extensions"][_EXTENSION] = cast("dict[object, object]", self)

    @override
    def send_receive_event_to_app(self) -> None:
        if self._receiver is None or self.curr_msg_data_type == "text":
            super().send_receive_event_to_app()
            return
        content = self.frames[0] if len(self.frames) == 1 else b"".join(self.frames)
        self.frames = []
        if not self.close_sent:
            self._receiver(content)

    @override
    def shutdown(self) -> None:
        """Close the connection when the server stops.

        uvicorn begins the closing handshake even where the other side has begun it already, and the exception would
        keep the server from closing its other connections.
        """
        try:
            super().shutdown()
        except InvalidState:
            self.transport.close()

    def deliver_to(self, receiver: Callable[[bytes], None]) -> None:
        """Deliver every binary message to ``receiver``, which must not raise; first those that are queued."""
        self._receiver = receiver
        others = []
        while not self.queue.empty():
            event = self.queue.get_nowait()
            content = event["bytes"] if event["type"] == "websocket.receive" and "bytes" in event else None
            if content is None:
                others.append(event)
            else:
                receiver(content)
        for event in others:
            self.queue.put_nowait(event)
        if self.read_paused and not others:
            self.read_paused = False
            self.resume()

    def pause(self) -> None:
        """Pause reading."""
        if not self.transport.is_closing():
            self.transport.pause_reading()

    def resume(self) -> None:
        """Resume reading."""
        if not self.transport.is_closing():
            self.transport.resume_reading()
