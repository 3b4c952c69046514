"""Auctions that close together must not hurt one another, however few are computed at once."""

from collections.abc import Awaitable, Callable

import pytest

from aukciszek.auctions.context.peer_network import MessageKind, PeerMessage
from aukciszek.cluster import PartyNumber
from aukciszek.protocol.rules.states import AuctionState
from simulation.crowd import Crowd
from support.drills import drills_but
from support.stepping_loop import run

SIZES = drills_but(lambda size, _threshold: size == 3, [(3, 1), (5, 2), (5, 1)])


def live(
    size: int,
    threshold: int,
    story: Callable[[Crowd], Awaitable[None]],
    *,
    auctions: int = 5,
    slots: int = 1,
    seed: int = 0,
) -> None:
    async def whole() -> None:
        crowd = await Crowd.gather(size, threshold, auctions=auctions, slots=slots, seed=seed)
        try:
            await story(crowd)
        finally:
            await crowd.end()

    run(whole())


@pytest.mark.parametrize(("size", "threshold"), SIZES)
@pytest.mark.parametrize("seed", range(2))
def test_with_one_slot_all_end_one_after_the_other(size: int, threshold: int, seed: int) -> None:
    async def story(crowd: Crowd) -> None:
        await crowd.close()
        await crowd.all_are_final()
        assert crowd.most_held == 1
        assert len(crowd.waited) >= len(crowd.specs) - 1
        # Nobody computed in vain: whoever waits for a slot does not make the others come.
        assert [crowd.sessions_of(spec.auction_id) for spec in crowd.specs] == [1] * len(crowd.specs)

    live(size, threshold, story, seed=seed)


@pytest.mark.parametrize(("size", "threshold"), SIZES)
@pytest.mark.parametrize("seed", range(2))
def test_parties_that_convene_at_the_same_moment_do_not_wait_in_a_circle(size: int, threshold: int, seed: int) -> None:
    async def story(crowd: Crowd) -> None:
        crowd.spread_attempts()
        await crowd.close()
        # Without giving slots back never in a quarter of an hour with five parties. With it 16 to 24 s: none begins a
        # session that another party has left, and whoever leaves a session tells the others.
        await crowd.all_are_final(seconds=100)
        assert crowd.most_held == 1

    live(size, threshold, story, seed=seed)


@pytest.mark.parametrize("seed", range(2))
def test_an_auction_that_lacks_a_party_holds_up_no_other(seed: int) -> None:
    async def story(crowd: Crowd) -> None:
        network = crowd.parties.network
        waiting, *others = [spec.auction_id for spec in crowd.specs]

        def never_ready(sender: PartyNumber, _to: PartyNumber, message: PeerMessage) -> bool:
            return sender == 3 and message.kind is MessageKind.READY and message.auction == waiting

        network.drop = never_ready
        await crowd.close()
        await crowd.all_are_final(auctions=others, seconds=120)
        assert crowd.states(1, [waiting]) == {AuctionState.COMPUTING.value}
        network.drop = lambda _sender, _to, _content: False
        await crowd.all_are_final(seconds=120)

    live(3, 1, story, seed=seed)


@pytest.mark.parametrize(("size", "threshold"), SIZES[:2])
def test_an_auction_whose_sessions_a_party_never_joins_lets_others_go_first(size: int, threshold: int) -> None:
    async def story(crowd: Crowd) -> None:
        first, *others = sorted(spec.auction_id for spec in crowd.specs)
        crowd.lose_rounds(size, first)
        await crowd.close()
        await crowd.all_are_final(auctions=others, seconds=180)
        assert crowd.states(1, [first]) == {AuctionState.COMPUTING.value}
        crowd.parties.network.drop_round = lambda _sender, _to, _round: False
        await crowd.all_are_final(seconds=120)

    live(size, threshold, story)


@pytest.mark.parametrize(("size", "threshold"), SIZES)
@pytest.mark.parametrize("number", [1, 2])
def test_a_restart_in_the_middle_holds_nobody_up_for_good(size: int, threshold: int, number: int) -> None:
    async def story(crowd: Crowd) -> None:
        await crowd.close()
        final = AuctionState.FINAL.value
        await crowd.pass_time_until(lambda: final in crowd.states(1), seconds=120)
        assert crowd.states(1) != {final}
        await crowd.parties.stop(number)
        await crowd.pass_time_for(20)
        await crowd.parties.start(number)
        await crowd.all_are_final()
        assert crowd.most_held == 1

    live(size, threshold, story)


@pytest.mark.parametrize("corrupt_party", [1, pytest.param(5, marks=pytest.mark.drill)])
def test_a_party_that_is_ready_for_all_sessions_and_comes_to_none_is_done_without(corrupt_party: int) -> None:
    async def story(crowd: Crowd) -> None:
        crowd.lose_rounds(corrupt_party)
        await crowd.close()
        honest = sorted({1, 2, 3, 4, 5} - {corrupt_party})
        await crowd.all_are_final(at=honest, seconds=180)

    live(5, 1, story)


def test_a_party_that_convenes_nobody_holds_up_no_session_for_good() -> None:
    async def story(crowd: Crowd) -> None:
        def convenes_nobody(sender: PartyNumber, _to: PartyNumber, message: PeerMessage) -> bool:
            return sender == 1 and message.kind is MessageKind.PROPOSAL

        crowd.parties.network.drop = convenes_nobody
        crowd.lose_rounds(1)
        await crowd.close()
        await crowd.all_are_final(at=[2, 3, 4, 5], seconds=300)

    live(5, 1, story)
