"""500 bids in the last second before the close from 50 clients: what counts, all parties decide alike.

A bid is in time where the party that signed for it says so, by its own clock. So some bids are in time at some parties
and too late at others; which of them count follows from the receipts, and every bidder can show that.
"""

from typing import TYPE_CHECKING

import pytest

from aukciszek.client.connection import PartyConnection, Request
from aukciszek.client.parties import connect
from aukciszek.protocol.evidence.audit_record import AuditRecord
from aukciszek.protocol.evidence.certificate import Certificate
from support.last_second import Rush, prepare
from support.servers import running_servers

from .conftest import PARTIES, THRESHOLD, find_base_port

if TYPE_CHECKING:
    from pathlib import Path

    from aukciszek.client.sdk import AukciszekClient

    from .conftest import Town

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]

CLIENTS = 50
EACH = 10
"""Bids of each client in the last second; another one stands before."""


async def judge(rush: Rush, client: "AukciszekClient") -> None:
    """Compare what every single party says with the receipts."""
    auction = rush.overview.id
    await client.wait_for_outcome(auction)

    async def certificate(party: PartyConnection) -> Certificate:
        return Certificate.decode(await party.ask(Request("GET", f"/api/auctions/{auction}/certificate")))

    async def record(party: PartyConnection) -> AuditRecord:
        return AuditRecord.decode(await party.ask(Request("GET", f"/api/auctions/{auction}/record")))

    async with connect(client.cluster) as parties:
        certificates = (await parties.each(certificate)).need(PARTIES, "show the certificate").values()
        records = (await parties.each(record)).need(PARTIES, "show the record").values()
    rush.check(client.cluster, list(certificates), list(records))


@pytest.mark.drill
async def test_all_processes_decide_alike_about_bids_in_the_last_second(town: "Town") -> None:
    bidders = await town.bidders(CLIENTS)
    rush = await prepare(town.client.cluster, THRESHOLD, town.auctioneer, bidders, 1 + EACH)
    await rush.happen(town.client.cluster)
    await judge(rush, town.client)


async def test_parties_whose_clocks_differ_decide_alike(tmp_path: "Path") -> None:
    # Party 4 takes bids for a while after the others have closed; party 2 closes while they still take them.
    ahead_s = {2: 0.6, 3: -0.3, 4: -1.9}
    base_port = find_base_port(PARTIES)
    async with running_servers(tmp_path, base_port=base_port, threshold=THRESHOLD, ahead_s=ahead_s) as servers:
        bidders = await servers.bidders(CLIENTS // 2)
        rush = await prepare(servers.plan.cluster, THRESHOLD, servers.auctioneer, bidders, 1 + EACH)
        await rush.happen(servers.plan.cluster)
        await judge(rush, servers.client)
