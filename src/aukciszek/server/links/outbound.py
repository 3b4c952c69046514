"""The link that this party dials to one other party, and redials when it breaks.

``docs/protocol.md``, "Links between parties": there is one WebSocket for each ordered pair of parties, and everything
that a party sends to another travels over the one that it dialled itself, from its own trusted address. The accepting
party sends one welcome frame, which authenticates it, and nothing after it.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ssl import SSLContext
from typing import Any, Final, Protocol

import aiohttp

from aukciszek.backoff import Backoff
from aukciszek.certificates import tls_fault
from aukciszek.clock import Clock
from aukciszek.cluster import PartyNumber
from aukciszek.racing import race
from aukciszek.server.errors import MalformedFrameError, PeerCertificateError, PeerError, PeerIdentityError
from aukciszek.server.links.directory import Peer
from aukciszek.server.links.frames import WelcomeFrame, decode_frame
from aukciszek.server.links.identity_token import IdentityTokens

SHORTEST_PAUSE_S: Final = 0.05
LONGEST_PAUSE_S: Final = 5.0
STEADY_AFTER_S: Final = 5.0
"""A link that was up this long is redialled after the shortest pause."""

HANDSHAKE_TIMEOUT_S: Final = 10.0
HEARTBEAT_S: Final = 30.0
"""A ping is sent after this much silence; without an answer the link counts as broken half of it later."""

LARGEST_BACKLOG: Final = 256 * 1024 * 1024
"""Bytes that may wait for a peer that does not read; then the link is dropped."""

_SMALLEST_BACKLOG_STEP: Final = 64 * 1024
_LARGEST_WELCOME: Final = 8192

_log = logging.getLogger(__name__)


class LinkObserver(Protocol):
    """Is notified about a link."""

    async def on_receiver_up(self, peer: PartyNumber) -> None:
        """React to the link having come up."""
        ...

    def on_receiver_lost(self, peer: PartyNumber) -> None:
        """React to the link having broken."""
        ...

    def on_peer_fault(self, peer: PartyNumber, error: PeerError) -> None:
        """React to the peer having broken the protocol."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialler:
    """What all links of one party share."""

    session: aiohttp.ClientSession
    tls: SSLContext | None
    """Verifies the peers' certificates; ``None`` where no peer's URL begins with ``https``."""
    tokens: IdentityTokens
    clock: Clock
    jitter: random.Random

    @classmethod
    @asynccontextmanager
    async def open(
        cls, own_address: str | None, tls: SSLContext | None, tokens: IdentityTokens, clock: Clock
    ) -> AsyncIterator["Dialler"]:
        """Dial from ``own_address``, by which the other parties recognise this one."""
        connector = aiohttp.TCPConnector(
            local_addr=None if own_address is None else (own_address, 0),
            limit=0,
            ssl=tls if tls is not None else True,
        )
        async with aiohttp.ClientSession(connector=connector, middlewares=(_refuse_redirects,)) as session:
            # The pauses need not be unpredictable, only different at different parties.
            yield cls(session=session, tls=tls, tokens=tokens, clock=clock, jitter=random.Random())  # noqa: S311 -- as said


class OutboundLink:
    """Dials one peer, redials when the connection breaks, and sends frames while it is up."""

    def __init__(self, peer: Peer, dialler: Dialler, observer: LinkObserver) -> None:
        self._peer = peer
        self._dialler = dialler
        self._observer = observer
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._sending: set[asyncio.Task[Any]] = set()
        self._backlog = 0
        self._dial_now = asyncio.Event()
        self._last_fault = ""

    @property
    def is_up(self) -> bool:
        """Whether frames can be sent."""
        return self._socket is not None

    def dial_now(self) -> None:
        """End the pause before the next attempt: the peer is up, since it has just dialled this party."""
        self._dial_now.set()

    def write(self, frame: bytes) -> None:
        """Send one frame without waiting; drop it if the link is down."""
        self._start_sending(frame)

    async def send(self, frame: bytes) -> None:
        """Send one frame, waiting while the peer is slow to read; drop it if the link is down or breaks."""
        task = self._start_sending(frame)
        if task is not None:
            # Shielded: senders share the socket's drain, which one that is cancelled must not cancel for all.
            await asyncio.shield(task)

    async def run(self) -> None:
        """Keep the link up until cancelled."""
        clock = self._dialler.clock
        backoff = Backoff(clock, first_s=SHORTEST_PAUSE_S, longest_s=LONGEST_PAUSE_S, jitter=self._dialler.jitter)
        while True:
            self._dial_now.clear()
            began_s = clock.monotonic_s()
            await self._dial_once()
            if clock.monotonic_s() - began_s >= STEADY_AFTER_S:
                backoff.reset()
            await race(backoff.pause(), self._dial_now.wait())

    async def _dial_once(self) -> None:
        """Open the link, serve it until it breaks, and log the reason."""
        try:
            async with self._connection() as socket:
                await self._serve(socket)
        except PeerError as error:
            self._observer.on_peer_fault(self._peer.number, error)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            fault = tls_fault(error)
            if fault is None:
                self._note_fault(error)
            else:
                text = f"no link to party {self._peer.number} at {self._peer.url}: {fault}"
                self._observer.on_peer_fault(self._peer.number, PeerCertificateError(text))

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        token, token_id = self._dialler.tokens.issue(self._peer.number)
        async with asyncio.timeout(HANDSHAKE_TIMEOUT_S):
            socket = await self._dialler.session.ws_connect(
                self._peer.link_url,
                headers={"Authorization": f"Bearer {token}"},
                max_msg_size=_LARGEST_WELCOME,
                heartbeat=HEARTBEAT_S,
                timeout=aiohttp.ClientWSTimeout(ws_close=1.0),
            )
        try:
            async with asyncio.timeout(HANDSHAKE_TIMEOUT_S):
                await self._check_welcome(socket, token_id)
            yield socket
        finally:
            with contextlib.suppress(aiohttp.ClientError, OSError):
                await socket.close()

    async def _check_welcome(self, socket: aiohttp.ClientWebSocketResponse, token_id: str) -> None:
        message = await socket.receive()
        if message.type is not aiohttp.WSMsgType.BINARY:
            raise PeerIdentityError(f"party {self._peer.number} closed the link before it authenticated itself")
        frame = decode_frame(message.data)
        if not isinstance(frame, WelcomeFrame):
            raise MalformedFrameError("a link begins with a welcome frame")
        self._dialler.tokens.verify(frame.token, self._peer.number, answers=token_id)

    async def _serve(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        peer = self._peer.number
        self._socket = socket
        self._last_fault = ""
        _log.info("link to party %d is up", peer)
        arrival = asyncio.create_task(self._observer.on_receiver_up(peer), name=f"arrival of party {peer}")
        try:
            message = await socket.receive()
        finally:
            self._socket = None
            self._observer.on_receiver_lost(peer)
            _log.info("link to party %d is down", peer)
            arrival.cancel()
            await asyncio.gather(arrival, return_exceptions=True)
        if message.type in {aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT}:
            raise MalformedFrameError("a party sends only over the link that it dialled itself")

    def _start_sending(self, frame: bytes) -> asyncio.Task[None] | None:
        socket = self._socket
        if socket is None:
            return None
        step = max(len(frame), _SMALLEST_BACKLOG_STEP)
        if self._backlog + step > LARGEST_BACKLOG:
            _log.warning("party %d does not read what it is sent: the link is dropped", self._peer.number)
            self._drop(socket)
            return None
        # Started eagerly: usually the frame is written and the task done before this returns.
        task = asyncio.Task(_send(socket, frame), loop=asyncio.get_running_loop(), eager_start=True)
        if task.done():
            return None
        self._backlog += step
        self._sending.add(task)
        task.add_done_callback(lambda done: self._sent(done, step))
        return task

    def _sent(self, task: asyncio.Task[None], step: int) -> None:
        self._sending.discard(task)
        self._backlog -= step

    def _drop(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = None
        closing = asyncio.ensure_future(socket.close(code=aiohttp.WSCloseCode.TRY_AGAIN_LATER))
        self._sending.add(closing)  # keeps the task alive
        closing.add_done_callback(self._sending.discard)

    def _note_fault(self, error: Exception) -> None:
        """Log why the link is down, once for each reason and not for each attempt."""
        if isinstance(error, aiohttp.WSServerHandshakeError):
            fault = f"it refused the link with HTTP status {error.status}; its own log says why"
        elif isinstance(error, aiohttp.ClientResponseError):
            # Its text quotes what the peer sent.
            fault = "its answer is not valid HTTP"
        else:
            fault = str(error) or type(error).__name__
        if fault != self._last_fault:
            self._last_fault = fault
            _log.warning("no link to party %d at %s: %s", self._peer.number, self._peer.url, fault)


async def _send(socket: aiohttp.ClientWebSocketResponse, frame: bytes) -> None:
    # The reader notices a broken link; what was being sent is lost, as the protocol expects.
    with contextlib.suppress(aiohttp.ClientError, OSError):
        await socket.send_bytes(frame)


async def _refuse_redirects(
    request: aiohttp.ClientRequest, handler: Callable[[aiohttp.ClientRequest], Awaitable[aiohttp.ClientResponse]]
) -> aiohttp.ClientResponse:
    response = await handler(request)
    if response.status in range(300, 400):
        response.close()
        raise aiohttp.ClientConnectionError("it redirects, which a party never does")
    return response
