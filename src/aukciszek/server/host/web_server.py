"""uvicorn, set up as a party needs it: no proxy in between, no banner, WebSockets without compression.

``docs/architecture.md``, "Fixed by the system description": forwarded headers are never read, so the address of a
connection is the one that it really comes from.
"""

import asyncio
import logging
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from ssl import SSLContext
from typing import Final, cast, override

import uvicorn
from starlette.types import ASGIApp

from aukciszek.racing import race
from aukciszek.server.errors import ListenError
from aukciszek.server.host.http_protocol import LimitedHttpProtocol
from aukciszek.server.links.direct_socket import SocketProtocol
from aukciszek.server.links.frames import LARGEST_FRAME
from aukciszek.settings import Listener

BACKLOG: Final = 2048
GRACE_S: Final = 5
"""How long requests may still run when the server stops."""

_PING_EVERY_S: Final = 60.0
_KEEP_ALIVE_S: Final = 30
_DATE_CHANGES_EVERY_S: Final = 1.0


class WebServer:
    """One listening socket and the server behind it."""

    def __init__(self, app: ASGIApp, listening: socket.socket, tls: SSLContext | None) -> None:
        self._socket = listening
        config = uvicorn.Config(
            app,
            loop="uvloop",
            # uvicorn calls what stands here, and asks no more of it.
            http=cast("type[asyncio.Protocol]", partial(LimitedHttpProtocol, addresses=Counter[str]())),
            ws=SocketProtocol,
            ws_max_size=LARGEST_FRAME,
            ws_per_message_deflate=False,
            ws_ping_interval=_PING_EVERY_S,
            ws_ping_timeout=_PING_EVERY_S,
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            forwarded_allow_ips="",
            server_header=False,
            backlog=BACKLOG,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=GRACE_S,
            ssl_context_factory=None if tls is None else lambda _config, _default: tls,
        )
        self._server = _Server(config)
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Return as soon as connections are accepted."""
        self._running = asyncio.create_task(self._server.serve(sockets=[self._socket]), name="web server")
        await race(asyncio.shield(self._running), self._server.accepting.wait())

    async def stop(self) -> None:
        """Accept no more connections, let requests finish for a while, then close all."""
        if self._running is not None:
            self._server.stop()
            await self._running
            self._running = None


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.accepting = asyncio.Event()
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        self.should_exit = True
        self._stopping.set()

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.accepting.set()

    @override
    async def main_loop(self) -> None:
        """Keep the ``Date`` header up to date until the server is stopped."""
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                async with asyncio.timeout(_DATE_CHANGES_EVERY_S):
                    await self._stopping.wait()

    @override
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to :mod:`aukciszek.server.serve`, which stops more than this server."""
        yield


def listen(where: Listener) -> socket.socket:
    """Take a port.

    Raises:
        ListenError: the port is in use, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in where.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((where.host, where.port))
    except OSError as error:
        listening.close()
        raise ListenError(
            f"cannot listen at {where.host} port {where.port} ({error.strerror}): is another server running there, or "
            "does the cluster file name another machine?"
        ) from error
    listening.settimeout(0)
    return listening


def silence_uvicorn() -> None:
    """Keep uvicorn's own lines, which quote query strings, out of the log."""
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
