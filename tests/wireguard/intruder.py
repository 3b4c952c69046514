"""Try to open a link with a party, and print what came of it. Runs on the machine that the attempt comes from.

Arguments: the cluster file, the identity key and the number of the party that is played, the number and the URL of the
party that is dialled, the source address (or ``-``), the certificates to trust.
"""

import asyncio
import ssl
import sys
from pathlib import Path

import aiohttp

from aukciszek.clock import SystemClock
from aukciszek.cluster import Cluster, PartyNumber
from aukciszek.identity import Identity
from aukciszek.server.links.directory import PEER_PATH, PeerDirectory
from aukciszek.server.links.identity_token import IdentityTokens

TIMEOUT_S = 3.0


async def main() -> str:
    cluster_file, identity_file, played, dialled, url, source, ca_file = sys.argv[1:]
    cluster = Cluster.read(Path(cluster_file))
    own = PartyNumber(int(played))
    threshold = (cluster.size - 1) // 2
    directory = PeerDirectory(own=own, own_address=None, cluster=cluster, threshold=threshold, peers={})
    tokens = IdentityTokens(directory, Identity.read(Path(identity_file)), SystemClock())
    token, _ = tokens.issue(PartyNumber(int(dialled)))
    connector = aiohttp.TCPConnector(
        local_addr=None if source == "-" else (source, 0), ssl=ssl.create_default_context(cafile=ca_file)
    )
    async with aiohttp.ClientSession(connector=connector) as session:
        try:
            async with (
                asyncio.timeout(TIMEOUT_S),
                session.ws_connect(url + PEER_PATH, headers={"Authorization": f"Bearer {token}"}) as link,
            ):
                await link.receive_bytes()
        except aiohttp.WSServerHandshakeError as refusal:
            return f"refused {refusal.status}"
        except (aiohttp.ClientError, OSError, TimeoutError):
            return "no connection"
    return "let in"


print(asyncio.run(main()))  # noqa: T201 -- the answer to the test that started this
