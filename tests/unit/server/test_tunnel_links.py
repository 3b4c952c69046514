"""With WireGuard, links come in at the inner end of the tunnel and nowhere else, whatever they show."""

import dataclasses
from typing import TYPE_CHECKING

import aiohttp
import pytest

from aukciszek.cluster import PartyNumber

if TYPE_CHECKING:
    from .conftest import LinkedCluster, LinkedParty, NewCluster


async def start_with_tunnel(cluster: "LinkedCluster", tunnel_address: str) -> "LinkedParty":
    party = cluster.make(1)
    tunnelled = dataclasses.replace(party.directory, tunnel_address=tunnel_address)
    party.directory = party.peers.inbound._directory = tunnelled
    await cluster.start(1, party=party)
    return party


async def test_a_link_from_outside_the_tunnel_is_refused(new_cluster: "NewCluster") -> None:
    """Even from a peer's own address and with its own token: outside, addresses can be forged on the way."""
    cluster = new_cluster(3)
    party = await start_with_tunnel(cluster, "10.83.0.1")
    with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
        async with cluster.dial_as(2, 1):
            pass
    assert refusal.value.status == 403
    assert await party.incident_kinds() == [("peer-address-unknown", None)]
    assert "tunnel" in party.store.texts[0]


async def test_a_link_inside_the_tunnel_is_accepted(new_cluster: "NewCluster") -> None:
    cluster = new_cluster(3)
    party = await start_with_tunnel(cluster, "127.0.0.1")
    async with cluster.dial_as(2, 1):
        assert party.peers.inbound.senders == {PartyNumber(2)}
