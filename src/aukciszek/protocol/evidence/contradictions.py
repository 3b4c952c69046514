"""Whether one bid, known in the clear, contradicts an outcome by the auction's own rules.

``docs/protocol.md``, "Opening one's own bid". Bids rank by price, the best first, and equal ones by the tie-break value
in the certificate. Of the other bids nothing is known but what the outcome opens, so a contradiction is one whatever
they are. Pay-as-bid and first price open the winners' own prices, and any bid that should have won exposes a
wrong outcome. Second and uniform price open that of the best rejected bid: a rejected bid must not be better, a winner
not worse.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from aukciszek.protocol.evidence.certificate import CertificateBody
from aukciszek.protocol.evidence.tie_break import tie_break_order
from aukciszek.protocol.rules.identifiers import BundleDigest, UserId

_EACH_PAYS_THE_OWN_PRICE: Final = frozenset({"first-price", "pay-as-bid"})


@dataclass(frozen=True, slots=True)
class OpenedPrice:
    """A valid bid of the input set, and its price in steps of the grid."""

    bundle: BundleDigest
    bidder: UserId
    step: int = field(repr=False)


def contradiction(body: CertificateBody, bid: OpenedPrice) -> str | None:
    """Return what is wrong with an outcome if this bid took part in it; None if nothing is.

    Args:
        body: the outcome; the bid is in its input set and not left out.
        bid: the bid.
    """
    if body.outcome == "too-few-bids":
        return None  # the number of valid bids says it, whatever they are
    ranking = _Ranking(body)
    if body.outcome == "reserve-not-met":
        return "it meets the reserve price, and none is said to" if ranking.meets_reserve(bid.step) else None
    for winner in body.winners:
        if winner.bundle == bid.bundle and winner.bidder != bid.bidder:
            return "the winner's bidder is another one than is named"
        if winner.bundle != bid.bundle and winner.bidder == bid.bidder:
            return "its bidder is said to have won with another bundle, and only one can take part"
    if bid.bundle in ranking.winners:
        return ranking.as_winner(bid)
    return ranking.as_loser(bid)


class _Ranking:
    """A sale, as the certificate tells it. The lower a cost, the better the bid."""

    def __init__(self, body: CertificateBody) -> None:
        left_out = {one.bundle for one in body.left_out}
        valid = [bundle for bundle in body.bids if bundle not in left_out]
        self._body = body
        self._sign = 1 if body.spec.direction == "reverse" else -1
        self._reserve = body.spec.reserve_step
        ordered = tie_break_order(bytes.fromhex(body.tie_break_seed or ""), valid)
        self._positions: Mapping[BundleDigest, int] = {bundle: position for position, bundle in enumerate(ordered)}
        self.winners = {winner.bundle: position for position, winner in enumerate(body.winners)}
        self._losers = frozenset(valid) - self.winners.keys()
        self._prices = [body.spec.grid.to_step(price) for price in body.prices]

    def meets_reserve(self, step: int) -> bool:
        return self._reserve is not None and self._cost(step) <= self._cost(self._reserve)

    def as_winner(self, bid: OpenedPrice) -> str | None:
        if self._own_prices:
            fits = self._prices[self.winners[bid.bundle]] == bid.step
            return None if fits else "the winner's bid is not the price that is said to have been bid"
        (price,) = self._prices
        if self._cost(bid.step) > self._cost(price):
            return "it is worse than the best rejected bid is said to be, and yet won"
        if not self._losers:
            fits = price == self._without_losers
            return None if fits else "no bid was rejected, so the price must be the reserve price or the grid's worst"
        tied = bid.step == price != self._reserve
        if tied and all(self._positions[other] < self._positions[bid.bundle] for other in self._losers):
            return "a rejected bid is said to be as good, and all rejected bids come first among equal ones"
        return None

    def as_loser(self, bid: OpenedPrice) -> str | None:
        fewer = len(self.winners) < min(self._body.spec.winners, len(self._positions))
        if fewer and self.meets_reserve(bid.step):
            return "it meets the reserve price, and fewer bids won than may"
        if self._own_prices:
            return self._beside_own_prices(bid)
        (price,) = self._prices
        if self._cost(bid.step) < self._cost(price):
            return "it is better than the price that was paid, and yet did not win"
        if self._losers == {bid.bundle}:
            expected = bid.step if self._reserve is None or self.meets_reserve(bid.step) else self._reserve
            return (
                None if price == expected else "it is the only rejected bid, and the price is not what follows from it"
            )
        return None

    def _beside_own_prices(self, bid: OpenedPrice) -> str | None:
        last_cost, last_position = max(
            (self._cost(price), self._positions[bundle])
            for bundle, price in zip(self.winners, self._prices, strict=True)
        )
        if self._cost(bid.step) < last_cost:
            return "it is better than a bid that won"
        if self._cost(bid.step) == last_cost and self._positions[bid.bundle] < last_position:
            return "it is as good as a bid that won, and comes first among equal ones"
        return None

    @property
    def _own_prices(self) -> bool:
        return self._body.spec.format in _EACH_PAYS_THE_OWN_PRICE

    @property
    def _without_losers(self) -> int:
        """The price where no bid is rejected."""
        if self._reserve is not None:
            return self._reserve
        return self._body.spec.grid.highest_step if self._sign > 0 else 0

    def _cost(self, step: int) -> int:
        return self._sign * step
