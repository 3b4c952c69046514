"""Attempt numbers as a weapon: a corrupt party announces ever higher ones, to single parties, or uses them up."""

import asyncio

import pytest

from aukciszek.auctions.context.peer_network import MessageKind
from aukciszek.auctions.session.attempts import Attempts
from aukciszek.auctions.session.readiness import LARGEST_ATTEMPT
from aukciszek.protocol.rules.states import AuctionState
from support.corrupt import as_party, readiness, tell
from support.insides import processes_at
from support.parties import Parties, StartParties
from support.passing import ended, let_pass, opened, time_passing

LIAR = 5
SILENT = {MessageKind.READY, MessageKind.PROPOSAL}


def attempts_at(parties: Parties, auction: str, honest: range) -> dict[int, Attempts]:
    return {
        number: process._parts.attempts
        for number in honest
        for one, process in processes_at(parties.service(number)).items()
        if one == auction
    }


@pytest.mark.parametrize(
    "numbers", ["none", "to those who are ahead", "to those who are behind", "a different one to each"]
)
async def test_where_parties_can_be_done_without_no_numbers_keep_the_others_from_meeting(
    start_parties: StartParties, numbers: str
) -> None:
    parties = await start_parties(5, 1)
    spec = await opened(parties)
    auction, honest = spec.auction_id, range(1, 5)
    for price in ("5", "6"):
        await parties.bid(spec, price)
    # The corrupt party's own program says nothing, and takes part in no round.
    parties.network.drop = lambda sender, _to, message: sender == LIAR and message.kind in SILENT
    parties.network.drop_round = lambda sender, _to, _round: sender == LIAR

    async def lie() -> None:
        while True:
            known = attempts_at(parties, auction, honest)
            top = max((one.number for one in known.values()), default=0)
            for number, one in known.items():
                ahead = one.number == top
                target = {
                    "none": 0,
                    "to those who are ahead": top + 1 if ahead else 0,
                    "to those who are behind": 0 if ahead else top + 1,
                    "a different one to each": top + 1 + number,
                }[numbers]
                if target:
                    own = readiness(spec, LIAR, target, "0" * 64)
                    await tell(parties, LIAR, number, MessageKind.READY, auction, as_party(parties, own).encode())
            await asyncio.sleep(0.01)

    lying = asyncio.create_task(lie())
    parties.clock.move(601)
    before = parties.clock.monotonic_s()
    try:
        body = await ended(parties, auction, honest)
    finally:
        lying.cancel()
    assert body.prices == ("5",)
    assert parties.clock.monotonic_s() - before < 600


@pytest.mark.parametrize("step", [1, 10_000, LARGEST_ATTEMPT])
async def test_where_all_are_needed_no_numbers_are_used_up(start_parties: StartParties, step: int) -> None:
    parties = await start_parties(5, 2)
    spec = await opened(parties)
    auction, honest = spec.auction_id, range(1, 5)
    for price in ("5", "6"):
        await parties.bid(spec, price)
    parties.network.drop = lambda sender, _to, message: sender == LIAR and message.kind in SILENT
    parties.clock.move(601)
    async with time_passing(parties):
        await parties.wait_for_state(auction, AuctionState.COMPUTING, list(honest))
    reached = step
    for _ in range(20):
        for number in honest:
            own = readiness(spec, LIAR, min(reached, LARGEST_ATTEMPT), "0" * 64)
            await tell(parties, LIAR, number, MessageKind.READY, auction, as_party(parties, own).encode())
        reached += step
        await let_pass(parties, 1)
    assert all(one.number <= 40 for one in attempts_at(parties, auction, honest).values())
    # With a corrupt party that plays by the rules again the auction ends, whether or not everybody restarts.
    parties.network.drop = lambda _sender, _to, _message: False
    if step > 1:
        for number in range(1, 6):
            await parties.stop(number)
        for number in range(1, 6):
            await parties.start(number)
    body = await ended(parties, auction)
    assert body.prices == ("5",)


async def test_a_party_follows_no_further_than_an_honest_one_has_come(start_parties: StartParties) -> None:
    """``t`` parties announce the largest number there is; the attempt stays where the honest parties are."""
    parties = await start_parties(5, 2)
    spec = await opened(parties)
    auction, honest = spec.auction_id, range(1, 4)
    await parties.bid(spec, "5")
    parties.network.drop = lambda sender, _to, message: sender not in honest and message.kind in SILENT
    parties.clock.move(601)
    async with time_passing(parties):
        await parties.wait_for_state(auction, AuctionState.COMPUTING, list(honest))
    for corrupt_party in (4, 5):
        for number in honest:
            own = readiness(spec, corrupt_party, LARGEST_ATTEMPT, "0" * 64)
            await tell(parties, corrupt_party, number, MessageKind.READY, auction, as_party(parties, own).encode())
    await let_pass(parties, 60)
    assert all(processes_at(parties.service(number))[auction]._failure is None for number in honest)
    assert all(one.number <= 70 for one in attempts_at(parties, auction, honest).values())
