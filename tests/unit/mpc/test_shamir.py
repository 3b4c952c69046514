from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest

from aukciszek.mpc.mode import Mode
from aukciszek.mpc.sharing.field import P, Vector
from aukciszek.mpc.sharing.random_stream import RandomStream
from aukciszek.mpc.sharing.shamir import combine, interpolate, lagrange, share_values

CLUSTERS = [(3, 1), (4, 1), (5, 1), (5, 2), (6, 2), (7, 3), (9, 4)]
BINS = 8
SAMPLES = 8000


def seeded(count: int) -> bytes:
    return bytes(range(count))


def chi_square(counts: npt.NDArray[np.int64]) -> float:
    expected = counts.sum() / counts.size
    return float(((counts - expected) ** 2 / expected).sum())


def bins(shares: Vector) -> Vector:
    return shares // np.uint64(-(-P // BINS))


@pytest.mark.parametrize(("n", "t"), CLUSTERS)
def test_any_t_plus_one_shares_give_the_values(n: int, t: int) -> None:
    values = [0, 1, 2, P - 1]
    shares = share_values(values, n, t)
    for parties in combinations(range(1, n + 1), t + 1):
        assert combine(lagrange(parties), (shares[party - 1] for party in parties)).tolist() == values


@pytest.mark.parametrize(("n", "t"), CLUSTERS)
def test_the_degree_is_exactly_t(n: int, t: int) -> None:
    shares = share_values([1] * 50, n, t)
    parties = range(1, t + 1)
    for column in shares.T.tolist():
        # A polynomial of degree below t would let t parties find the value, and every further share.
        assert interpolate(parties, column[:t]) != 1
        assert interpolate(parties, column[:t], at=t + 1) != column[t]


@pytest.mark.parametrize(("n", "t"), [(3, 1), (5, 2), (6, 2)])
@pytest.mark.parametrize("value", [0, 1, P - 1])
def test_t_shares_are_jointly_uniform(n: int, t: int, value: int) -> None:
    binned = bins(share_values([value] * SAMPLES, n, t, seeded))
    for parties in combinations(range(n), t):
        cells = sum(binned[party] * np.uint64(BINS**place) for place, party in enumerate(parties))
        counts = np.bincount(np.asarray(cells, dtype=np.int64), minlength=BINS**t).astype(np.int64)
        freedom = BINS**t - 1
        assert chi_square(counts) < freedom + 5 * (2 * freedom) ** 0.5


def test_the_uniformity_test_notices_a_missing_coefficient() -> None:
    # The fault of a predecessor: degree t - 1, so that t shares are dependent.
    coefficient = RandomStream(bytes(32)).take(SAMPLES)
    shares = [combine([1, party], [np.ones_like(coefficient), coefficient]) for party in (1, 2)]
    cells = bins(shares[0]) + bins(shares[1]) * np.uint64(BINS)
    counts = np.bincount(cells.astype(np.int64), minlength=BINS**2).astype(np.int64)
    assert chi_square(counts) > 63 + 5 * (2 * 63) ** 0.5


def test_shares_of_equal_values_differ() -> None:
    shares = share_values([1] * 1000, 3, 1)
    assert all(len(set(row)) == 1000 for row in shares.tolist())


@pytest.mark.parametrize("values", [[-1], [P], [2**64], [1, P + 1]])
def test_only_field_elements_are_shared(values: list[int]) -> None:
    with pytest.raises(ValueError, match="from 0 to p - 1"):
        share_values(values, 3, 1)


@pytest.mark.parametrize(("n", "t"), [(2, 1), (3, 0), (4, 2), (10, 4), (5, -1)])
def test_parameters_that_promise_nothing_are_refused(n: int, t: int) -> None:
    with pytest.raises(ValueError, match=r"part|threshold"):
        share_values([1], n, t)


@pytest.mark.parametrize(
    ("n", "t", "security", "degree", "needed"),
    [
        (3, 1, "with-abort", 2, 3),
        (4, 1, "with-detection", 2, 4),
        (5, 1, "robust", 2, 4),
        (5, 2, "with-abort", 4, 5),
        (6, 2, "with-abort", 5, 6),
        (7, 2, "with-detection", 4, 7),
        (8, 3, "with-abort", 7, 8),
        (9, 2, "robust", 4, 7),
    ],
)
def test_the_mode_follows_from_n_and_t(n: int, t: int, security: str, degree: int, needed: int) -> None:
    mode = Mode(n, t)
    assert (mode.security, mode.product_degree, mode.needed) == (security, degree, needed)
