"""A true outcome contradicts no bid; a false one, where the winners' prices are opened, contradicts at least one."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hypothesis import given, strategies as st

from aukciszek.protocol.evidence.certificate import CertificateBody, Winner, order_outcome
from aukciszek.protocol.evidence.contradictions import OpenedPrice, contradiction
from aukciszek.protocol.evidence.tie_break import tie_break_order
from aukciszek.protocol.rules.identifiers import BundleDigest
from aukciszek.protocol.rules.spec import AuctionSpec
from support.evidence import BIDDERS

type SpecOf = Callable[..., AuctionSpec]

TIE_BREAK_SEED = "0f" * 32


@dataclass(frozen=True)
class Sale:
    """Rules, and bids in the order of their tie-break value."""

    spec: AuctionSpec
    bids: tuple[OpenedPrice, ...]

    def outcome(self) -> CertificateBody:
        """The true one, found in the clear."""
        sign = 1 if self.spec.direction == "reverse" else -1
        reserve, grid = self.spec.reserve_step, self.spec.grid
        worst = reserve if reserve is not None else grid.highest_step if sign > 0 else 0
        met = [bid for bid in self.bids if reserve is None or sign * bid.step <= sign * reserve]
        ranked = sorted(met, key=lambda bid: sign * bid.step)
        winners, rejected = ranked[: self.spec.winners], ranked[self.spec.winners :]
        if self.spec.format in {"first-price", "pay-as-bid"}:
            return self.told(winners, [bid.step for bid in winners])
        return self.told(winners, [rejected[0].step if rejected else worst] if winners else [])

    def told(self, winners: Sequence[OpenedPrice], steps: Sequence[int]) -> CertificateBody:
        prices = [self.spec.grid.to_price(step) for step in steps]
        named = [Winner(bundle=bid.bundle, bidder=bid.bidder) for bid in winners]
        ordered, paid = order_outcome(named, prices, price_each=self.spec.format == "pay-as-bid")
        return CertificateBody(
            spec=self.spec,
            bids=tuple(sorted(bid.bundle for bid in self.bids)),
            left_out=(),
            tie_break_seed=TIE_BREAK_SEED,
            outcome="sold" if winners else "reserve-not-met",
            winners=ordered,
            prices=paid,
        )


@st.composite
def sales(draw: st.DrawFn, formats: Sequence[str]) -> Sale:
    auction_format = draw(st.sampled_from(formats))
    several = auction_format in {"uniform-price", "pay-as-bid"}
    reserve = draw(st.none() | st.integers(0, 8))
    spec = AuctionSpec.model_validate(
        {
            "title": "Sugar beet",
            "description": "",
            "direction": draw(st.sampled_from(["reverse", "forward"])),
            "format": auction_format,
            "winners": draw(st.integers(1, 4)) if several else 1,
            "currency": "EUR",
            "minimum": "0",
            "maximum": "8",
            "step": "1",
            "reserve_price": None if reserve is None else str(reserve),
            "minimum_bids": 1,
            "opens_at": "2026-03-01T08:00:00.000Z",
            "closes_at": "2026-03-01T12:00:00.000Z",
            "abandons_at": "2026-03-31T12:00:00.000Z",
            "early_close_allowed": True,
            "cancel_allowed": False,
            "invited": None,
            "auctioneer": BIDDERS[-1],
            "nonce": "ab" * 32,
            "cluster": "cd" * 32,
            "parties": 5,
            "threshold": 2,
        }
    )
    steps = draw(st.lists(st.integers(0, 8), min_size=1, max_size=6))
    digests = draw(st.lists(st.integers(0, 2**32), min_size=len(steps), max_size=len(steps), unique=True))
    ordered = tie_break_order(bytes.fromhex(TIE_BREAK_SEED), (BundleDigest(f"{digest:064x}") for digest in digests))
    bids = (OpenedPrice(*one) for one in zip(ordered, BIDDERS, steps, strict=False))
    return Sale(spec, tuple(bids))


def exposed_by(sale: Sale, body: CertificateBody) -> list[OpenedPrice]:
    return [bid for bid in sale.bids if contradiction(body, bid) is not None]


@given(sale=sales(["first-price", "second-price", "uniform-price", "pay-as-bid"]))
def test_a_true_outcome_contradicts_no_bid(sale: Sale) -> None:
    assert exposed_by(sale, sale.outcome()) == []


@given(sale=sales(["first-price", "pay-as-bid"]), data=st.data())
def test_any_other_outcome_with_the_winners_prices_contradicts_a_bid(sale: Sale, data: st.DataObject) -> None:
    true = sale.outcome()
    most = min(sale.spec.winners, len(sale.bids))
    fewest = most if sale.spec.reserve_step is None else 0
    winners = data.draw(
        st.lists(st.sampled_from(sale.bids), min_size=fewest, max_size=most, unique_by=lambda bid: bid.bundle)
    )
    reserve = sale.spec.reserve_step
    low, high = 0, 8
    if reserve is not None:
        low, high = (0, reserve) if sale.spec.direction == "reverse" else (reserve, 8)
    steps = [
        data.draw(st.just(bid.step) if low <= bid.step <= high else st.integers(low, high), label="price")
        if data.draw(st.booleans(), label="the own price")
        else data.draw(st.integers(low, high), label="price")
        for bid in winners
    ]
    body = sale.told(winners, steps)
    assert (exposed_by(sale, body) == []) == (body == true)


@given(sale=sales(["second-price", "uniform-price"]), data=st.data())
def test_no_loser_beats_a_shared_price_unnoticed(sale: Sale, data: st.DataObject) -> None:
    true = sale.outcome()
    if not true.winners:
        return
    chosen = data.draw(st.permutations(sale.bids))[: len(true.winners)]
    reserve = sale.spec.reserve_step
    sign = 1 if sale.spec.direction == "reverse" else -1
    worst = math.inf if reserve is None else sign * reserve
    step = data.draw(st.sampled_from([step for step in range(9) if sign * step <= worst]))
    body = sale.told(chosen, [step])
    exposed = exposed_by(sale, body)
    for bid in sale.bids:
        should_win = sign * bid.step < sign * step
        if should_win != (bid in chosen) and bid.step != step:
            assert bid in exposed
