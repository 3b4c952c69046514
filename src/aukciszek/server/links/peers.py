"""The network between the parties, as the auctions see it.

Implements :class:`aukciszek.auctions.context.peer_network.PeerNetwork` over WebSockets; ``docs/protocol.md``, "Links
between parties". Outgoing links are in :mod:`.outbound`, incoming ones in :mod:`.inbound`, sessions in
:mod:`.channels`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from ssl import SSLContext
from typing import Final

from aukciszek.auctions.context.peer_network import PeerListener, PeerMessage
from aukciszek.clock import Clock
from aukciszek.cluster import PartyNumber
from aukciszek.diagnosis import log_failure
from aukciszek.errors import AukciszekError
from aukciszek.server.errors import PeerCertificateError, PeerError, PeerIdentityError
from aukciszek.server.incidents import IncidentLog
from aukciszek.server.links.channels import SessionChannels
from aukciszek.server.links.directory import PeerDirectory
from aukciszek.server.links.frames import MessageFrame, TimeFrame, TimeWantedFrame, encode_frame
from aukciszek.server.links.identity_token import IdentityTokens
from aukciszek.server.links.inbound import InboundLinks
from aukciszek.server.links.outbound import Dialler, OutboundLink
from aukciszek.server.links.peer_clocks import PeerClocks
from aukciszek.server.links.session_channel import LinkChannel
from aukciszek.storage.errors import StorageFaultError

STORAGE_RETRY_S: Final = 1.0
"""The pause before a message that could not be stored is handled again."""

_log = logging.getLogger(__name__)


class Peers:
    """The links between this party and all others."""

    def __init__(
        self, directory: PeerDirectory, tokens: IdentityTokens, incidents: IncidentLog, *, enough: int, clock: Clock
    ) -> None:
        self._directory = directory
        self._tokens = tokens
        self._incidents = incidents
        self._clock = clock
        self._links: dict[PartyNumber, OutboundLink] = {}
        self._channels = SessionChannels(own=self.own, size=self.size, enough=enough, sender=self)
        self.clocks = PeerClocks(clock, self.write)
        self.inbound = InboundLinks(directory, tokens, self._channels, incidents)
        self._listener: PeerListener | None = None
        self._dialling: list[asyncio.Task[None]] = []
        self._resources = AsyncExitStack()

    @property
    def own(self) -> PartyNumber:
        """This party's number."""
        return self._directory.own

    @property
    def size(self) -> int:
        """The number of parties, ``n``."""
        return self._directory.cluster.size

    @property
    def connected(self) -> frozenset[PartyNumber]:
        """The peers that can be reached now."""
        return frozenset(number for number, link in self._links.items() if link.is_up)

    @property
    def connected_both_ways(self) -> frozenset[PartyNumber]:
        """The peers that can be reached and that reach this party."""
        return self.connected & self.inbound.senders

    @property
    def round_s(self) -> float | None:
        """Half of the longest round trip to a peer that can be reached; ``None`` before one was measured."""
        offsets = self.clocks.offsets
        return max((offsets[peer].round_trip_s / 2 for peer in self.connected & offsets.keys()), default=None)

    async def start(self, listener: PeerListener, tls: SSLContext | None) -> None:
        """Accept links, and dial every other party, until :meth:`stop`."""
        self._listener = listener
        dialler = await self._resources.enter_async_context(
            Dialler.open(self._directory.own_address, tls, self._tokens, self._clock)
        )
        self.inbound.start(self)
        self._dialling.append(asyncio.create_task(self.clocks.run(lambda: self.connected), name="peers' clocks"))
        for number, peer in self._directory.peers.items():
            link = self._links[number] = OutboundLink(peer, dialler, self)
            self._dialling.append(asyncio.create_task(link.run(), name=f"link to party {number}"))

    async def stop(self) -> None:
        """End all sessions and close all links."""
        await self._channels.close()
        for task in self._dialling:
            task.cancel()
        await asyncio.gather(*self._dialling, return_exceptions=True)
        self._dialling.clear()
        self._links.clear()
        await self.inbound.close()
        await self._resources.aclose()

    async def send(self, to: PartyNumber, message: PeerMessage) -> None:
        """Send one message; drop it if ``to`` is not connected."""
        await self.send_frame(to, MessageFrame(message))

    async def send_frame(self, to: PartyNumber, frame: MessageFrame) -> None:
        """Send one frame; drop it if ``to`` is not connected."""
        link = self._links.get(to)
        if link is not None and link.is_up:
            await link.send(encode_frame(frame))

    def write(self, to: PartyNumber, frame: bytes) -> None:
        """Send one encoded frame without waiting; drop it if ``to`` is not connected."""
        link = self._links.get(to)
        if link is not None:
            link.write(frame)

    def open_channel(
        self, session_id: bytes, *, round_timeout_s: float, first_timeout_s: float | None = None
    ) -> LinkChannel:
        """Open the channel of a session.

        Args:
            session_id: 32 bytes that all parties derived alike; rounds that arrived early are waiting in it.
            round_timeout_s: how long a round waits for the other parties.
            first_timeout_s: how long the first round waits for them; without it, as long as any other.

        Raises:
            ValueError: the session id was used before.
        """
        return self._channels.open(
            session_id,
            round_timeout_s=round_timeout_s,
            first_timeout_s=first_timeout_s,
            reachable=self.connected,
        )

    async def on_receiver_up(self, peer: PartyNumber) -> None:
        """Notify the sessions and the listener that ``peer`` is connected."""
        self._channels.on_receiver_up(peer)
        self.clocks.ask(peer)
        if self._listener is not None:
            await self._notify(partial(self._listener.on_connected, peer), peer)

    def on_receiver_lost(self, peer: PartyNumber) -> None:
        """Notify the sessions that frames to ``peer`` may have been lost."""
        self._channels.on_receiver_lost(peer)

    def on_peer_fault(self, peer: PartyNumber, error: PeerError) -> None:
        """Record what ``peer``, or an impostor, did on the link that this party dialled to it."""
        if isinstance(error, PeerIdentityError | PeerCertificateError):
            # An attacker on the path may have answered instead, so the party is not blamed.
            self._incidents.report(error.code, error.message, address=self._directory.peers[peer].url)
        else:
            self._incidents.report(error.code, error.message, party=peer)

    def on_sender_up(self, sender: PartyNumber) -> None:
        """Dial ``sender`` immediately if it is not connected: it is up."""
        link = self._links.get(sender)
        if link is not None:
            link.dial_now()

    def on_time(self, sender: PartyNumber, frame: TimeWantedFrame | TimeFrame) -> None:
        """Handle a frame about the time."""
        if isinstance(frame, TimeWantedFrame):
            self.clocks.on_wanted(sender, frame)
        else:
            self.clocks.on_time(sender, frame)

    async def on_frame(self, sender: PartyNumber, frame: MessageFrame) -> None:
        """Pass a message to the listener."""
        if self._listener is not None:
            await self._notify(partial(self._listener.on_message, sender, frame.message), sender, frame.message)

    async def _notify(
        self, react: Callable[[], Awaitable[None]], peer: PartyNumber, message: PeerMessage | None = None
    ) -> None:
        """Await a listener; its refusal is an incident, its failure must not end the link."""
        auction = message.auction if message is not None else None
        try:
            await self._until_stored(react)
        except PeerError as error:
            self._incidents.report(error.code, error.message, party=peer, auction=auction)
        except AukciszekError as error:
            kind = f"a message of kind {message.kind.name}" if message is not None else "a greeting"
            self._incidents.report(
                "message-refused", f"{kind} was refused ({error.code}): {error.message}", party=peer, auction=auction
            )
        except Exception as error:  # noqa: BLE001 -- a fault in a listener must not disconnect the parties
            log_failure(_log, f"handling party {peer}", error)

    async def _until_stored(self, react: Callable[[], Awaitable[None]]) -> None:
        """Handle a message repeatedly until it can be stored: its sender takes it for received.

        Later messages of the same peer wait in the queue, and when it is full, at the peer.
        """
        while True:
            try:
                return await react()
            except StorageFaultError:
                await self._clock.sleep(STORAGE_RETRY_S)
