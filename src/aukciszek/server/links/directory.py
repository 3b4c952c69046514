"""The addresses of the other parties: where to reach each, and which source address belongs to which.

``docs/architecture.md``, "Fixed by the system description": the address that a connection comes from decides which
party speaks, before anything it sends is read. Addresses are those of the cluster file, or those inside the tunnel
where WireGuard is used. Forwarded headers play no part.
"""

import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from aukciszek.cluster import Cluster, PartyNumber
from aukciszek.settings import Settings

PEER_PATH = "/peer"
"""The one path that parties connect to."""


@dataclass(frozen=True, slots=True)
class Peer:
    """How to reach and to recognise another party."""

    number: PartyNumber
    url: str
    """Where its server answers, as ``https://host:port``."""
    address: str
    """Where its connections come from."""

    @property
    def link_url(self) -> str:
        """The URL that a link is opened to."""
        return self.url + PEER_PATH


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerDirectory:
    """What one party knows about reaching the others."""

    own: PartyNumber
    own_address: str | None
    """The source address of this party's links; ``None`` leaves it to the system's routes."""
    cluster: Cluster
    threshold: int
    peers: Mapping[PartyNumber, Peer]
    """All parties but this one."""
    tunnel_address: str | None = None
    """This party's address inside the WireGuard tunnel, the only one that accepts links. ``None`` without a tunnel."""

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Take the addresses from ``settings`` and the cluster file."""
        own = settings.party_id
        addresses = zip(settings.cluster.numbers, settings.peer_urls, settings.peer_addresses, strict=True)
        return cls(
            own=own,
            own_address=_if_on_this_machine(settings.peer_addresses[own - 1]),
            cluster=settings.cluster,
            threshold=settings.threshold,
            peers={number: Peer(number, url, address) for number, url, address in addresses if number != own},
            tunnel_address=settings.wireguard_ips[own - 1] if settings.wireguard_ips else None,
        )

    def takes_links_at(self, own_address: str) -> bool:
        """Tell whether this address of this machine accepts links: with a tunnel, only its inner end."""
        return self.tunnel_address is None or plain_address(own_address) == plain_address(self.tunnel_address)

    def party_at(self, address: str) -> PartyNumber | None:
        """Return the party whose connections come from ``address``, if there is one."""
        plain = plain_address(address)
        for peer in self.peers.values():
            if plain_address(peer.address) == plain:
                return peer.number
        return None


def _if_on_this_machine(address: str) -> str | None:
    """Return ``address`` unless a router translates to it; then connections cannot and need not be bound to it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return None
    return address


def plain_address(address: str) -> str:
    """Spell an IP address in one way; an IPv4 address mapped into IPv6 is the IPv4 address.

    A text that is no address stays as it is, and equals no party's address.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(parsed)
