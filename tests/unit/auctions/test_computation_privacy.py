"""What a colluding party receives, compared with what ``docs/protocol.md`` says that it may: uniform values."""

import numpy as np
import numpy.typing as npt
import pytest

from aukciszek.auctions.session.computation_task import AuctionFormat
from aukciszek.mpc.memory_channel import Delivery, Network, Payload
from aukciszek.mpc.protocols.runtime import Runtime
from aukciszek.mpc.sharing.field import P, Vector, from_bytes
from support.auction_case import AuctionCase

OBSERVER = 1
BINS = 8
RUNS = 40


class Tap:
    """Keeps what the observer receives in the rounds in which products are opened."""

    def __init__(self, n: int) -> None:
        self.network = Network(n, interfere=self._note)
        self.product_rounds: set[int] = set()
        self._received: dict[int, dict[int, Payload]] = {}

    def _note(self, delivery: Delivery) -> Payload:
        if delivery.receiver == OBSERVER:
            self._received.setdefault(delivery.round, {})[delivery.sender] = delivery.payload
        return delivery.payload

    def watch(self, runtime: Runtime) -> None:
        """Learn from one party's session which rounds open products."""
        if runtime.party != OBSERVER:
            return
        session, faithful = runtime._session, runtime._session.open

        async def noting(values: Vector, degree: int) -> Vector:
            if degree == runtime.mode.product_degree:
                self.product_rounds.add(session.rounds + 1)
            return await faithful(values, degree)

        setattr(session, "open", noting)  # noqa: B010 - the type checker would not let us

    def words(self) -> npt.NDArray[np.uint64]:
        """Everybody's masked shares, one column per product, one row per honest sender."""
        columns = []
        for number in sorted(self.product_rounds):
            payloads = self._received[number]
            rows = [from_bytes(content, len(content) // 8) for _, content in sorted(payloads.items())]
            columns.append(np.stack(rows))
        return np.concatenate(columns, axis=1)


def chi_square(counts: npt.NDArray[np.int64]) -> float:
    expected = counts.sum() / counts.size
    return float(((counts - expected) ** 2 / expected).sum())


@pytest.mark.parametrize("bids", [[0, 0, 0, 0, 0], [0, 15, 15, 15, 15], [0, 3, 7, 9, 12]])
@pytest.mark.parametrize(("n", "t"), [(3, 1), (4, 1)])
async def test_masked_shares_are_uniform_whatever_the_bids_are(n: int, t: int, bids: list[int]) -> None:
    seen = []
    for _ in range(RUNS):
        tap = Tap(n)
        simulation = await AuctionCase(bids, n=n, t=t).run(tap.network, tap.watch)
        assert simulation.result.prices == (0,)
        seen.append(tap.words())
    # With degree 2t and n = 4, two honest shares and the observer's own fix the third: look at two of them.
    first, second = np.concatenate(seen, axis=1)[:2] // np.uint64(-(-P // BINS))
    counts = np.bincount((first * np.uint64(BINS) + second).astype(np.int64), minlength=BINS**2).astype(np.int64)
    freedom = BINS**2 - 1
    assert counts.sum() > 2000
    assert chi_square(counts) < freedom + 6 * (2 * freedom) ** 0.5


async def test_the_uniformity_test_notices_unmasked_products(monkeypatch: pytest.MonkeyPatch) -> None:
    # The fault of a predecessor: products are sent as they are.
    monkeypatch.setattr(
        "aukciszek.mpc.protocols.session.Session.random", lambda _, count: np.zeros(count, dtype=np.uint64)
    )
    monkeypatch.setattr(
        "aukciszek.mpc.protocols.session.Session.zeros", lambda _, count: np.zeros(count, dtype=np.uint64)
    )
    tap = Tap(3)
    auction = AuctionCase([0, 3, 7, 9, 12])
    auction.shares = np.tile(auction.shares[:1], (3, 1, 1))
    await auction.run(tap.network, tap.watch)
    first, second = tap.words()[:2] // np.uint64(-(-P // BINS))
    counts = np.bincount((first * np.uint64(BINS) + second).astype(np.int64), minlength=BINS**2).astype(np.int64)
    assert chi_square(counts) > 63 + 6 * (2 * 63) ** 0.5


@pytest.mark.parametrize(
    ("auction_format", "winners", "sizes"),
    [
        ("first-price", 1, [4, 1, 1, 1]),
        ("second-price", 1, [4, 1, 1, 1]),
        ("uniform-price", 2, [4, 1, 2, 1]),
        ("pay-as-bid", 2, [4, 1, 2, 2]),
    ],
)
async def test_losing_bids_change_nothing_of_what_is_opened(
    auction_format: AuctionFormat, winners: int, sizes: list[int]
) -> None:
    prices = set()
    for losers in ([9, 10, 11], [12, 12, 15]):
        result = (await AuctionCase([3, 5, 8, *losers], auction_format, winners=winners).run()).result
        assert [len(one.values) for one in result.revealed] == sizes
        prices.add(result.revealed[-1].values)
    assert len(prices) == 1
