"""The links that other parties dial to this one: their authentication, and the dispatch of what arrives.

``docs/protocol.md``, "Links between parties"; ``docs/architecture.md``, "Fixed by the system description". The source
address decides which party speaks, before anything is read; then the identity token must prove that it is that party.
A connection that fails is refused before the WebSocket is accepted. After that every frame counts as that party's;
the first one that breaks the rules ends the link.
"""

from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from fastapi import WebSocket, WebSocketDisconnect

from aukciszek.cluster import PartyNumber
from aukciszek.racing import race
from aukciszek.server.errors import MalformedFrameError, PeerError, PeerIdentityError, UnknownAddressError
from aukciszek.server.incidents import IncidentLog
from aukciszek.server.links.channels import SessionChannels
from aukciszek.server.links.direct_socket import direct_socket
from aukciszek.server.links.directory import PeerDirectory
from aukciszek.server.links.frames import WelcomeFrame, encode_frame
from aukciszek.server.links.identity_token import IdentityTokens
from aukciszek.server.links.link_reader import FrameHandler, LinkReader

CLOSE_GOING_AWAY: Final = 1001
CLOSE_POLICY_VIOLATION: Final = 1008
CLOSE_REPLACED: Final = 4000
"""The peer opened a newer link."""

_REFUSED_BY_WEBSOCKET: Final = frozenset({1002, 1003, 1007, 1009})
"""Protocol error, unacceptable type, text that is not UTF-8, too big."""


@dataclass(frozen=True, slots=True)
class _Link:
    socket: WebSocket
    reader: LinkReader


class InboundLinks:
    """The links that the other parties keep open to this one."""

    def __init__(
        self, directory: PeerDirectory, tokens: IdentityTokens, channels: SessionChannels, incidents: IncidentLog
    ) -> None:
        self._directory = directory
        self._tokens = tokens
        self._channels = channels
        self._incidents = incidents
        self._handler: FrameHandler | None = None
        self._links: dict[PartyNumber, _Link] = {}

    @property
    def senders(self) -> frozenset[PartyNumber]:
        """The parties with an open link to this one."""
        return frozenset(self._links)

    def start(self, handler: FrameHandler) -> None:
        """Accept links from now on."""
        self._handler = handler

    async def close(self) -> None:
        """Accept no more links and close those that are open."""
        self._handler = None
        for link in tuple(self._links.values()):
            link.reader.stop()
            await _close(link.socket, CLOSE_GOING_AWAY)

    async def serve(self, socket: WebSocket) -> None:
        """Serve one connection from its first byte to its end."""
        handler = self._handler
        admitted = self._admit(socket) if handler is not None else None
        if handler is None or admitted is None:
            # Closed before it is accepted, a WebSocket is answered with HTTP status 403.
            await socket.close()
            return
        sender, token_id = admitted
        await socket.accept()
        link = _Link(socket, LinkReader(sender, direct_socket(socket.scope), self._channels, handler))
        try:
            answer, _ = self._tokens.issue(sender, answers=token_id)
            await socket.send_bytes(encode_frame(WelcomeFrame(answer)))
            await self._replace(sender, link)
            handler.on_sender_up(sender)
            await race(link.reader.run(), _until_it_ends(socket))
        except PeerError as error:
            self._incidents.report(error.code, error.message, party=sender)
            await _close(socket, CLOSE_POLICY_VIOLATION)
        except WebSocketDisconnect:
            pass
        finally:
            if self._links.get(sender) is link:
                del self._links[sender]
                self._channels.on_sender_lost(sender)

    def _admit(self, socket: WebSocket) -> tuple[PartyNumber, str] | None:
        """Return the dialling party and the id of its token, or ``None`` for anything else."""
        address = socket.client.host if socket.client is not None else ""
        own_address = (socket.scope.get("server") or ("", 0))[0]
        sender = self._directory.party_at(address)
        try:
            if not self._directory.takes_links_at(own_address):
                raise UnknownAddressError("the parties' links are inside the WireGuard tunnel, and this one is not")
            if sender is None:
                raise UnknownAddressError("no party has this address: see the cluster file")
            return sender, self._tokens.verify(_bearer_token(socket), sender)
        except PeerError as error:
            # Not `party=sender`: without a proof it may be another program on that party's machine.
            self._incidents.report(error.code, error.message, address=address)
            return None

    async def _replace(self, sender: PartyNumber, link: _Link) -> None:
        """Replace a party's older link, which must have broken unnoticed, by a newer one."""
        older = self._links.get(sender)
        self._links[sender] = link
        if older is not None:
            older.reader.stop()
            self._channels.on_sender_lost(sender)
            await _close(older.socket, CLOSE_REPLACED)


async def _until_it_ends(socket: WebSocket) -> None:
    event = await socket.receive()
    if event["type"] != "websocket.disconnect":
        raise MalformedFrameError("frames are binary, not text")
    _check_how_it_ended(event["code"])


def _check_how_it_ended(code: int) -> None:
    """Tell an ordinary end of the link from frames that the WebSocket layer refused."""
    if code in _REFUSED_BY_WEBSOCKET:
        raise MalformedFrameError(f"a frame broke the WebSocket protocol or its limits (close code {code})")


def _bearer_token(socket: WebSocket) -> str:
    values = socket.headers.getlist("authorization")
    scheme, _, token = values[0].partition(" ") if len(values) == 1 else ("", "", "")
    if scheme != "Bearer" or not token:
        raise PeerIdentityError("the connection shows no identity token")
    return token


async def _close(socket: WebSocket, code: int) -> None:
    with suppress(RuntimeError, WebSocketDisconnect, OSError):
        await socket.close(code)
