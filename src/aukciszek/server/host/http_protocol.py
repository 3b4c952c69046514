"""Limits on connections, below the level of requests.

uvicorn's ``httptools`` protocol waits indefinitely for a request's head of any length. Here a head has a largest size
and must be complete in time, so that silent clients occupy neither memory nor connections. Nor does uvicorn close a
connection whose client does not read its answer; here a client that reads too slowly is disconnected.

The body of a refused request is still read and dropped for a while: closing the connection while its client sends
resets it, which can overtake the answer, and the client would never learn the reason (RFC 9112, section 9.6).
"""

import asyncio
from collections import Counter
from typing import Any, Final, override

from starlette.types import Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from aukciszek.server.errors import BusyError
from aukciszek.server.problems import problem

LARGEST_HEAD: Final = 32 * 1024
"""Bytes of request line and headers. The packet with the end of the head is not counted."""

MOST_HEADERS: Final = 100
HEAD_TIMEOUT_S: Final = 20.0
"""From the opening of a connection, or from the first byte of a further request, to the end of the head."""

READING_TIMEOUT_S: Final = 30.0
LEAST_READ: Final = 32 * 1024
"""Bytes of a long answer that a client must read within each such period."""

MOST_CONNECTIONS: Final = 4096
"""Beyond it requests are answered with the problem `busy`; beyond twice as many, connections are closed."""

MOST_CONNECTIONS_OF_AN_ADDRESS: Final = 1024
"""A whole office, or all customers of a small provider, may share one address."""

DROPPING_TIMEOUT_S: Final = 5.0
"""How long the rest of a body is read after its request was answered."""


async def answer_busy(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request beyond the limit of connections, and close its connection."""
    answer = problem(BusyError("too many connections are open: try again in a few seconds"))
    answer.headers["Connection"] = "close"
    await answer(scope, receive, send)


class LimitedHttpProtocol(HttpToolsProtocol):
    """One connection within these limits."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        addresses: Counter[str] | None = None,
    ) -> None:
        """Serve one connection; ``addresses`` counts those of one server by source address."""
        super().__init__(config, server_state, app_state, _loop)
        self._addresses = Counter[str]() if addresses is None else addresses
        self._address = ""
        self._head_bytes = 0
        self._in_head = True
        self._deadline: asyncio.TimerHandle | None = None
        self._next_check: asyncio.TimerHandle | None = None
        self._in_body = False
        self._end_of_dropping: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in uvicorn
        super().connection_made(transport)
        self._address = self.client[0] if self.client else ""
        self._addresses[self._address] += 1
        connected = len(self.connections)
        if connected > 2 * MOST_CONNECTIONS:
            transport.abort()
        elif connected > MOST_CONNECTIONS or self._addresses[self._address] > MOST_CONNECTIONS_OF_AN_ADDRESS:
            # Links between parties use another protocol class, so they are never refused here.
            self.app = answer_busy
        self._start_deadline()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._end_deadline()
        self._stop_checking()
        self._drop_no_more()
        self._addresses[self._address] -= 1
        if not self._addresses[self._address]:
            del self._addresses[self._address]
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._in_head and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > LARGEST_HEAD:
                self._refuse()

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._head_bytes = 0
        self._start_deadline()

    @override
    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        if len(self.headers) > MOST_HEADERS:
            raise ValueError("too many headers")  # the parser turns it into a malformed request

    @override
    def on_headers_complete(self) -> None:
        self._in_head = False
        self._in_body = True
        self._end_deadline()
        super().on_headers_complete()

    @override
    def on_message_complete(self) -> None:
        self._in_body = False
        self._drop_no_more()
        super().on_message_complete()

    @override
    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._in_body and self._end_of_dropping is None and not self.transport.is_closing():
            self._end_of_dropping = self.loop.call_later(DROPPING_TIMEOUT_S, self._time_out)

    @override
    def pause_writing(self) -> None:
        super().pause_writing()
        self._check_later()

    @override
    def resume_writing(self) -> None:
        self._stop_checking()
        super().resume_writing()

    def _check_later(self) -> None:
        self._stop_checking()
        waiting = self.transport.get_write_buffer_size()
        self._next_check = self.loop.call_later(READING_TIMEOUT_S, self._check, waiting)

    def _check(self, waiting_before: int) -> None:
        """Disconnect a client that has read next to nothing; while writing is paused, the buffer only shrinks."""
        if self.transport.get_write_buffer_size() > waiting_before - LEAST_READ:
            self._next_check = None
            self.transport.abort()
        else:
            self._check_later()

    def _stop_checking(self) -> None:
        if self._next_check is not None:
            self._next_check.cancel()
            self._next_check = None

    def _drop_no_more(self) -> None:
        if self._end_of_dropping is not None:
            self._end_of_dropping.cancel()
            self._end_of_dropping = None

    def _start_deadline(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_TIMEOUT_S, self._time_out)

    def _end_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _time_out(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()

    def _refuse(self) -> None:
        self.transport.write(STATUS_LINE[431] + b"content-length: 0\r\nconnection: close\r\n\r\n")
        self.transport.close()
