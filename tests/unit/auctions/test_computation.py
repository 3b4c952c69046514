from collections import Counter

import pytest

from aukciszek.auctions.session.computation import compute
from aukciszek.auctions.session.computation_task import ComputationResult
from aukciszek.mpc.circuits.winner_set import members_of
from aukciszek.mpc.protocols.runtime import Runtime
from aukciszek.mpc.sharing.field import P
from aukciszek.mpc.simulation import simulate
from support.auction_case import AuctionCase, ignore_progress


async def outcome(case: AuctionCase) -> ComputationResult:
    result = (await case.run()).result
    case.check(result)
    return result


def reasons(result: ComputationResult) -> list[str]:
    return [revealed.reason for revealed in result.revealed]


async def test_first_price_opens_the_winner_and_the_price() -> None:
    result = await outcome(AuctionCase([9, 3, 7, 12]))
    assert (result.kind, result.winners, result.prices) == ("sold", (1,), (3,))
    assert reasons(result) == ["tie-break", "input checks of all bundles", "winners", "prices"]
    assert [len(revealed.values) for revealed in result.revealed] == [4, 1, 1, 1]
    assert result.revealed[1].values == (0,)
    assert result.revealed[3].values == (3,)


async def test_second_price_opens_the_second_price_and_not_the_winners_own() -> None:
    result = await outcome(AuctionCase([9, 3, 7, 12], "second-price"))
    assert (result.winners, result.prices) == ((1,), (7,))
    assert reasons(result) == ["tie-break", "input checks of all bundles", "winners", "prices"]
    assert [revealed.values for revealed in result.revealed[3:]] == [(7,)]


async def test_uniform_price_opens_the_set_of_winners_without_their_ranks() -> None:
    result = await outcome(AuctionCase([9, 3, 7, 12, 1], "uniform-price", winners=3))
    assert (result.winners, result.prices) == ((1, 2, 4), (9,))
    assert reasons(result) == ["tie-break", "input checks of all bundles", "set of winners", "prices"]
    assert len(members_of(result.revealed[2].values, 5)) == 3
    assert result.revealed[3].values == (9,)


async def test_what_is_opened_of_a_uniform_price_auction_does_not_depend_on_the_winners_order() -> None:
    first = await AuctionCase([1, 2, 3, 9], "uniform-price", winners=3).run()
    # The seed is drawn from fresh keys, so only the set of positions can be compared.
    opened = first.result.revealed[2]
    assert Counter(opened.reason for opened in first.result.revealed)[opened.reason] == 1
    assert len(members_of(opened.values, 4)) == 3


async def test_pay_as_bid_opens_each_winners_own_price() -> None:
    result = await outcome(AuctionCase([9, 3, 7, 12, 3], "pay-as-bid", winners=3))
    assert (result.winners, result.prices) == ((1, 2, 4), (3, 7, 3))
    assert reasons(result) == ["tie-break", "input checks of all bundles", "winners", "prices"]


async def test_forward_auctions_sell_to_the_highest_bid() -> None:
    result = await outcome(AuctionCase([9, 3, 7, 12], direction="forward"))
    assert (result.winners, result.prices) == ((3,), (12,))
    result = await outcome(AuctionCase([9, 3, 7, 12], "second-price", direction="forward"))
    assert (result.winners, result.prices) == ((3,), (9,))


async def test_a_bid_at_the_reserve_meets_it() -> None:
    assert (await outcome(AuctionCase([9, 8], reserve_step=8))).winners == (1,)


@pytest.mark.parametrize("auction_format", ["first-price", "second-price", "uniform-price", "pay-as-bid"])
@pytest.mark.parametrize("direction", ["reverse", "forward"])
async def test_nothing_about_bids_beyond_the_reserve_is_opened(auction_format: str, direction: str) -> None:
    bids = [9, 8, 14] if direction == "reverse" else [6, 7, 1]
    case = AuctionCase(bids, auction_format, direction, reserve_step=7 if direction == "reverse" else 8)  # type: ignore[arg-type]
    result = await outcome(case)
    assert result.kind == "reserve-not-met"
    assert (result.winners, result.prices) == ((), ())
    opened = {value for revealed in result.revealed[2:] for value in revealed.values}
    # Only the phantom's position, which comes after all bids, and its public price.
    assert opened <= {3, 4, 7, 8}


async def test_a_missing_next_bid_prices_at_the_reserve() -> None:
    assert (await outcome(AuctionCase([3], "second-price", reserve_step=11))).prices == (11,)
    assert (await outcome(AuctionCase([3], "second-price", highest_step=14))).prices == (14,)
    assert (await outcome(AuctionCase([3], "second-price", direction="forward"))).prices == (0,)
    assert (await outcome(AuctionCase([3, 4, 13], "uniform-price", winners=2, reserve_step=11))).prices == (11,)


async def test_fewer_bids_than_winners() -> None:
    result = await outcome(AuctionCase([3, 4], "pay-as-bid", winners=5))
    assert (result.winners, result.prices) == ((0, 1), (3, 4))
    result = await outcome(AuctionCase([3, 4, 15], "uniform-price", winners=5, reserve_step=10))
    assert (result.winners, result.prices) == ((0, 1), (10,))


async def test_too_few_bids_open_nothing() -> None:
    result = await outcome(AuctionCase([3, 4], minimum_bids=3))
    assert result == ComputationResult(kind="too-few-bids")
    assert await outcome(AuctionCase([])) == ComputationResult(kind="too-few-bids")


async def test_too_few_valid_bids_open_the_faults_only() -> None:
    result = await outcome(AuctionCase([3, 4, 14], highest_step=12, minimum_bids=3))
    assert (result.kind, result.left_out) == ("too-few-bids", ((2, "out-of-range"),))
    assert all("input checks" in reason or reason == "tie-break" for reason in reasons(result))


async def test_ties_are_decided_by_the_tie_break_seed() -> None:
    winners = {(await outcome(AuctionCase([5] * 4))).winners for _ in range(40)}
    assert len(winners) > 1


@pytest.mark.parametrize("direction", ["reverse", "forward"])
@pytest.mark.parametrize("cheat", [15, [1, 0, 1, 2], [P - 1, 1, 1, 1], [0, 0, 0, P - 1]])
async def test_a_cheating_bidder_is_left_out_and_the_auction_goes_on(direction: str, cheat: int | list[int]) -> None:
    bids: list[int | list[int]] = [9, 3, cheat, 7]
    result = await outcome(AuctionCase(bids, direction=direction, highest_step=12))
    assert result.left_out == ((2, "not-bits" if isinstance(cheat, list) else "out-of-range"),)
    assert result.kind == "sold"
    for revealed in result.revealed[2:4]:
        # To honest bidders' bundles the checks say zero, whatever the order of the tie-break.
        assert sum(value != 0 for value in revealed.values) <= 1


async def test_everybody_cheats() -> None:
    result = await outcome(AuctionCase([14, [2, 0, 0, 0]], highest_step=12))
    assert result.kind == "too-few-bids"
    assert result.left_out == ((0, "out-of-range"), (1, "not-bits"))


@pytest.mark.parametrize(("n", "t"), [(4, 1), (5, 1), (5, 2), (6, 2), (7, 3), (9, 2)])
async def test_every_mode_finds_the_same(n: int, t: int) -> None:
    result = await outcome(AuctionCase([9, 3, 7, 12, 3, 8], "uniform-price", winners=2, n=n, t=t))
    assert (result.winners, result.prices) == ((1, 4), (7,))


async def test_progress_grows() -> None:
    case = AuctionCase([9, 3, 7])
    seen: list[float] = []

    async def program(runtime: Runtime) -> None:
        async def note(_stage: str, fraction: float) -> None:
            if runtime.party == 1:
                seen.append(fraction)

        await runtime.start()
        await compute(runtime, case.task(), case.shares[runtime.party - 1], note)

    assert not (await simulate(program, n=3, t=1)).errors
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0.0, 1.0)


def test_a_task_that_contradicts_itself_is_refused() -> None:
    case = AuctionCase([1, 2])
    case.highest_step = 16
    with pytest.raises(ValueError, match="does not fit"):
        case.task()


async def test_shares_that_do_not_belong_to_the_task_are_refused_before_anything_is_sent() -> None:
    case = AuctionCase([1, 2])

    async def program(runtime: Runtime) -> None:
        await runtime.start()
        own = case.shares[runtime.party - 1]
        for shares in (own[:1], own[:, 1:], own.T):
            with pytest.raises(ValueError, match="one row of shares"):
                await compute(runtime, case.task(), shares, ignore_progress)

    simulation = await simulate(program, n=3, t=1)
    assert not simulation.errors
    assert simulation.runtimes[1].rounds == 1


def test_a_task_holds_nothing_secret() -> None:
    case = AuctionCase([1, 2])
    assert case.task() == AuctionCase([14, 3]).task()
    assert str(int(case.shares[0, 0, 0])) not in repr(case.task())
