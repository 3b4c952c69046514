"""Every format against plaintext, over random auctions: ties, single bidders, extreme prices, faulty bundles."""

import asyncio

from hypothesis import given, settings, strategies as st

from aukciszek.auctions.session.computation_task import AuctionFormat
from aukciszek.mpc.circuits.ranking import CostModel
from support.auction_case import AuctionCase

FORMATS: list[AuctionFormat] = ["first-price", "second-price", "uniform-price", "pay-as-bid"]


@st.composite
def auctions(draw: st.DrawFn) -> AuctionCase:
    bits = draw(st.integers(1, 8) | st.just(60))
    highest = draw(st.integers(2 ** (bits - 1), 2**bits - 1))
    price = st.integers(0, highest) | st.sampled_from([0, 1, highest])
    fault = st.integers(0, 2**bits - 1) | st.lists(st.integers(0, 2**61 - 2), min_size=bits, max_size=bits).filter(
        lambda row: not set(row) <= {0, 1}
    )
    auction_format = draw(st.sampled_from(FORMATS))
    n, t = draw(st.sampled_from([(3, 1), (4, 1), (5, 1), (5, 2), (6, 2)]))
    return AuctionCase(
        draw(st.lists(st.one_of(price, price, price, fault), max_size=9)),
        auction_format,
        draw(st.sampled_from(["reverse", "forward"])),
        1 if auction_format in {"first-price", "second-price"} else draw(st.integers(1, 5)),
        bits,
        highest,
        draw(st.none() | st.integers(0, highest)),
        draw(st.integers(1, 3)),
        n,
        t,
        draw(st.sampled_from([CostModel(), CostModel(round_s=1.0)])),
    )


@settings(max_examples=60)
@given(auctions())
def test_the_outcome_is_that_of_the_auction_in_the_clear(case: AuctionCase) -> None:
    simulation = asyncio.run(case.run())
    case.check(simulation.result)
    assert len(simulation.results) == case.n
