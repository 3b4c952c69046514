import numpy as np
import pytest

from aukciszek.mpc.errors import InconsistentSharesError
from aukciszek.mpc.mode import Mode
from aukciszek.mpc.sharing.field import P, Vector
from aukciszek.mpc.sharing.opening import decode, find_corrupt_parties
from aukciszek.mpc.sharing.random_stream import RandomStream
from aukciszek.mpc.sharing.shamir import evaluate


def word(n: int, degree: int, values: list[int]) -> dict[int, Vector]:
    stream = RandomStream(bytes(32))
    coefficients = [np.array(values, dtype=np.uint64), *(stream.take(len(values)) for _ in range(degree))]
    return {party: evaluate(coefficients, party) for party in range(1, n + 1)}


def spoil(shares: dict[int, Vector], party: int, place: int = 0) -> None:
    shares[party] = shares[party].copy()
    shares[party][place] = (int(shares[party][place]) + 1) % P


def opened(shares: dict[int, Vector], degree: int, mode: Mode) -> tuple[list[int], set[int]]:
    result = decode(shares, degree, mode, RandomStream(bytes(range(32))))
    return result.values.tolist(), set(result.corrupt_parties)


@pytest.mark.parametrize(("n", "t"), [(3, 1), (5, 2), (5, 1), (9, 2), (9, 4)])
def test_honest_shares_open(n: int, t: int) -> None:
    mode = Mode(n, t)
    for degree in (t, mode.product_degree):
        assert opened(word(n, degree, [0, 5, P - 1]), degree, mode) == ([0, 5, P - 1], set())


@pytest.mark.parametrize(("n", "t"), [(3, 1), (4, 1), (5, 2), (7, 2), (7, 3)])
def test_a_lie_about_a_value_of_degree_t_is_noticed(n: int, t: int) -> None:
    for corrupt_parties in range(1, t + 1):
        shares = word(n, t, [1, 2, 3])
        for party in range(1, corrupt_parties + 1):
            spoil(shares, party, place=1)
        with pytest.raises(InconsistentSharesError):
            opened(shares, t, Mode(n, t))


def test_where_all_lies_can_be_told_the_corrupt_party_is_named_even_if_the_session_stops() -> None:
    shares = word(4, 1, [1])
    spoil(shares, 3)
    with pytest.raises(InconsistentSharesError) as caught:
        opened(shares, 1, Mode(4, 1))
    assert caught.value.suspects == {3}


def test_nobody_is_named_where_corrupt_parties_could_frame_an_honest_party() -> None:
    # n = 5, t = 2: one share off a line through four others may just as well be two lies.
    shares = word(5, 2, [1])
    spoil(shares, 3)
    with pytest.raises(InconsistentSharesError) as caught:
        opened(shares, 2, Mode(5, 2))
    assert caught.value.suspects == set()


@pytest.mark.parametrize(("n", "t", "corrupt_parties"), [(5, 1, [4]), (9, 2, [1]), (9, 2, [2, 9]), (6, 1, [6])])
@pytest.mark.parametrize("kind", ["value", "product"])
def test_the_robust_mode_corrects_lies_and_names_the_corrupt_parties(
    n: int, t: int, corrupt_parties: list[int], kind: str
) -> None:
    degree = t if kind == "value" else 2 * t
    shares = word(n, degree, [7, 8, 9])
    for place, corrupt_party in enumerate(corrupt_parties):
        spoil(shares, corrupt_party, place)
    assert opened(shares, degree, Mode(n, t)) == ([7, 8, 9], set(corrupt_parties))


def test_the_robust_mode_makes_do_with_what_arrived() -> None:
    shares = word(9, 4, [7])
    del shares[5]
    spoil(shares, 1)
    assert opened(shares, 4, Mode(9, 2)) == ([7], {1})
    del shares[1]
    assert opened(shares, 4, Mode(9, 2)) == ([7], set())


def test_more_lies_than_the_threshold_stop_even_the_robust_mode() -> None:
    shares = word(5, 2, [7])
    spoil(shares, 1)
    spoil(shares, 2)
    with pytest.raises(InconsistentSharesError):
        opened(shares, 2, Mode(5, 1))


def test_products_of_full_degree_carry_no_redundancy() -> None:
    shares = word(5, 4, [7])
    spoil(shares, 1)
    values, corrupt_parties = opened(shares, 4, Mode(5, 2))
    assert values != [7]
    assert not corrupt_parties
    assert find_corrupt_parties({party: int(share[0]) for party, share in shares.items()}, 4, Mode(5, 2)) == frozenset()
