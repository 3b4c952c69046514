from collections.abc import Iterable
from itertools import combinations

import numpy as np
import pytest

from aukciszek.mpc.errors import PrssKeysIncompleteError
from aukciszek.mpc.mode import Mode
from aukciszek.mpc.sharing.field import P, Vector, inverse
from aukciszek.mpc.sharing.opening import fits
from aukciszek.mpc.sharing.prss import (
    PrssKeys,
    _pairwise_zero,
    _setwise_zero,
    deal_prss_keys,
    dealt_sets,
    indicator,
    new_prss_key,
    prss_sets,
    random_shares,
    zero_shares,
)
from aukciszek.mpc.sharing.shamir import interpolate

CLUSTERS = [(n, t) for n in range(3, 10) for t in range(1, (n - 1) // 2 + 1)]


def words(rows: list[Vector]) -> Iterable[dict[int, int]]:
    for column in np.stack(rows).T.tolist():
        yield dict(enumerate(column, start=1))


def rank(matrix: list[list[int]]) -> int:
    """The rank over the field, by elimination."""
    rows, found = [row[:] for row in matrix], 0
    for column in range(len(matrix[0])):
        pivot = next((row for row in rows[found:] if row[column]), None)
        if pivot is None:
            continue
        rows.remove(pivot)
        rows.insert(found, pivot)
        for row in rows[found + 1 :]:
            factor = row[column] * inverse(pivot[column]) % P
            row[:] = [(a - factor * b) % P for a, b in zip(row, pivot, strict=True)]
        found += 1
    return found


@pytest.mark.parametrize(("n", "t"), CLUSTERS)
def test_random_shares_have_degree_t(n: int, t: int) -> None:
    rows = [random_shares(keys, salt=b"s", purpose=b"p").take(20) for keys in deal_prss_keys(n, t)]
    for word in words(rows):
        assert fits(word, t)
        assert not fits(word, t - 1)


@pytest.mark.parametrize(("n", "t"), CLUSTERS)
def test_zero_shares_have_the_product_degree_and_hide_zero(n: int, t: int) -> None:
    degree = Mode(n, t).product_degree
    rows = [zero_shares(keys, salt=b"s").take(20) for keys in deal_prss_keys(n, t)]
    for word in words(rows):
        assert fits(word, degree)
        assert not fits(word, degree - 1)
        assert interpolate(list(word), list(word.values())) == 0


@pytest.mark.parametrize(("n", "t"), CLUSTERS)
def test_masks_make_honest_shares_of_a_product_as_uniform_as_they_can_be(n: int, t: int) -> None:
    """Exact: what masks the honest parties' d-shares, and t colluding parties do not know, spans all it should.

    With a mask of degree n - 1 that is the whole space: nothing but uniform values, even if honest parties held
    inconsistent shares. With degree 2t it is all polynomials of that degree that are known at the colluders.
    """
    mode = Mode(n, t)
    for colluders in list(combinations(range(1, n + 1), t))[:: max(1, t)]:
        honest = [party for party in range(1, n + 1) if party not in colluders]
        columns = unknown_columns(n, t, honest)
        assert rank(columns) == min(n - t, mode.product_degree + 1 - t)


def unknown_columns(n: int, t: int, honest: list[int]) -> list[list[int]]:
    """For each PRF stream that only honest parties know: its weight in each honest party's mask."""
    mode, group = Mode(n, t), frozenset(honest)
    columns = [[indicator(group, mode, party) for party in honest]]
    if not mode.verifies_products:
        shifted = [[indicator(group, mode, i) * pow(i, j, P) % P for i in honest] for j in range(1, t + 1)]
        return columns + shifted
    keys = {
        party: PrssKeys(party, n, t, {m: new_prss_key() for m in dealt_sets(n, t) if party in m}) for party in honest
    }
    weights = {
        party: dict(zip((m for m in keys[party].sets if len(m) == 2), _pairwise_zero(keys[party], b""), strict=True))
        for party in honest
    }
    for pair in combinations(honest, 2):
        members = frozenset(pair)
        columns.append([weights[party][members][0] if party in members else 0 for party in honest])
    return columns


def test_setwise_zero_uses_t_streams_for_each_set() -> None:
    keys = deal_prss_keys(7, 2)[0]
    streams = list(_setwise_zero(keys, b"s"))
    assert len({key for _, key in streams}) == len(streams) == 15 * 2


@pytest.mark.parametrize(("n", "t", "count"), [(3, 1, 3), (4, 1, 4), (5, 1, 5), (5, 2, 20), (6, 2, 30), (9, 4, 162)])
def test_the_sets_are_few(n: int, t: int, count: int) -> None:
    sets = prss_sets(n, t)
    assert len(sets) == len(set(sets)) == count
    assert {len(members) for members in sets} <= {2, n - t}


@pytest.mark.parametrize(("n", "t"), [(5, 2), (6, 2), (7, 3), (8, 3), (9, 4)])
def test_a_pairs_key_follows_from_the_keys_of_sets_of_which_no_t_others_know_all(n: int, t: int) -> None:
    keys = deal_prss_keys(n, t)
    found = set()
    for pair in combinations(range(1, n + 1), 2):
        members = frozenset(pair)
        first, second = (keys[party - 1].derive(members, salt=b"s", purpose=b"p") for party in pair)
        assert first == second
        found.add(first)
        together = [one for one in dealt_sets(n, t) if members <= one]
        for others in combinations(set(range(1, n + 1)) - members, t):
            assert any(one.isdisjoint(others) for one in together)
    assert len(found) == n * (n - 1) // 2


def test_each_set_counts_in_the_key_of_a_pair() -> None:
    whole = {members: new_prss_key() for members in dealt_sets(5, 2) if 1 in members}
    pair = frozenset({1, 2})
    found = {PrssKeys(1, 5, 2, whole).digest(pair)}
    for members in whole:
        found.add(PrssKeys(1, 5, 2, whole | {members: new_prss_key()}).digest(pair))
    assert len(found) == 1 + sum(pair <= members for members in whole)


def test_a_short_and_a_long_request_give_the_same_values() -> None:
    keys = deal_prss_keys(5, 2)[3]
    whole = random_shares(keys, salt=b"s", purpose=b"p").take(10_000)
    stream = random_shares(keys, salt=b"s", purpose=b"p")
    assert (np.concatenate([stream.take(count) for count in (1, 0, 4095, 1, 5903)]) == whole).all()


def test_sessions_and_purposes_share_no_randomness() -> None:
    keys = deal_prss_keys(3, 1)[0]
    values = [
        random_shares(keys, salt=salt, purpose=purpose).take(1).item()
        for salt in (b"1", b"2")
        for purpose in (b"a", b"b")
    ]
    assert len(set(values)) == 4


def test_incomplete_foreign_and_short_keys_are_refused() -> None:
    whole = {members: new_prss_key() for members in prss_sets(3, 1) if 1 in members}
    PrssKeys(1, 3, 1, whole)
    missing = dict(list(whole.items())[1:])
    foreign = whole | {frozenset({2, 3}): new_prss_key()}
    short = whole | {frozenset({1, 2}): new_prss_key(lambda _: b"short")}
    for keys in (missing, foreign, short):
        with pytest.raises(PrssKeysIncompleteError):
            PrssKeys(1, 3, 1, keys)


def test_digests_compare_keys_without_showing_them() -> None:
    first, second, _ = deal_prss_keys(3, 1)
    both = frozenset({1, 2})
    assert first.digest(both, b"x") == second.digest(both, b"x") != first.digest(both, b"y")
    assert first.digest(both) != deal_prss_keys(3, 1)[0].digest(both)
    assert "Secret" not in repr(first)
    assert first.derive(both, salt=b"", purpose=b"digest").hex() not in repr(first)
