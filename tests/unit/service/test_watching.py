"""Whoever watches an auction is told of everything that changes."""

import pytest

from aukciszek.auctions.agreement.list_exchange import ListExchange
from aukciszek.protocol.rules.states import AuctionState
from support.parties import StartParties


async def test_watchers_hear_that_an_auction_stands_still_although_nothing_else_changed(
    start_parties: StartParties, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: ListExchange) -> None:
        raise ValueError

    monkeypatch.setattr(ListExchange, "run", fail)
    parties = await start_parties(3, 1)
    spec = parties.draft()
    await parties.create(spec)
    await parties.wait_for_state(spec.auction_id, AuctionState.OPEN)
    parties.clock.move(601)
    seen = []
    async for progress in parties.service(1).queries.progress(spec.auction_id):
        seen.append(progress)
        if progress.failure is not None:
            break
    assert (seen[-1].state, seen[-1].failure) == (AuctionState.AGREEING, "unexpected-failure")
    assert (seen[-2].state, seen[-2].failure) == (AuctionState.AGREEING, None)
