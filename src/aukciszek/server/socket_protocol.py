"""uvicorn's WebSocket protocol, with one fault of it mended."""

from typing import override

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState


class SocketProtocol(WebSocketsSansIOProtocol):
    """One WebSocket."""

    @override
    def shutdown(self) -> None:
        """Close the connection when the server stops.

        uvicorn tries to begin the closing handshake even when the other side has begun it already, and the exception
        would keep the server from closing its other connections.
        """
        try:
            super().shutdown()
        except InvalidState:
            self.transport.close()
