import random

import numpy as np
import pytest

from aukciszek.mpc.sharing import field, kernels
from aukciszek.mpc.sharing.field import NotAFieldElementError, P, Vector
from aukciszek.mpc.sharing.plain_kernels import PLAIN

EDGES = [0, 1, 2, 2**29 - 1, 2**29, 2**32 - 1, 2**32, 2**60, P - 2, P - 1]


@pytest.fixture(autouse=True, params=["plain", "compiled"])
def implementation(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both implementations of the kernels, which must not differ."""
    kernels.compile_kernels()
    if request.param == "plain":
        for name, kernel in PLAIN._asdict().items():
            monkeypatch.setattr(kernels, name, kernel)


def operands(count: int) -> tuple[Vector, Vector, Vector]:
    """All triples of edge values, then random ones; read-only, as received buffers are."""
    source = random.Random(1)  # noqa: S311 - test values
    triples = [(a, b, c) for a in EDGES for b in EDGES for c in EDGES]
    triples += [(source.randrange(P), source.randrange(P), source.randrange(P)) for _ in range(count)]
    columns = [np.array(column, dtype=np.uint64) for column in zip(*triples, strict=True)]
    for column in columns:
        column.flags.writeable = False
    return columns[0], columns[1], columns[2]


def exact(values: Vector) -> Vector:
    return values.astype(object)


def test_kernels_agree_with_exact_integers() -> None:
    a, b, c = operands(5000)
    assert (kernels.add(a, b) == (exact(a) + exact(b)) % P).all()
    assert (kernels.subtract(a, b) == (exact(a) - exact(b)) % P).all()
    assert (kernels.multiply(a, b) == exact(a) * exact(b) % P).all()
    assert (kernels.multiply_add(a, b, c) == (exact(a) * exact(b) + exact(c)) % P).all()


def test_inner_product_and_accumulate_agree_with_exact_integers() -> None:
    a, b, c = operands(5000)
    assert field.inner_product(a, b) == int((exact(a) * exact(b)).sum()) % P
    total = c.copy()
    field.accumulate(total, P - 5, a)
    assert (total == (exact(a) * (P - 5) + exact(c)) % P).all()


def test_the_greatest_inner_product_does_not_overflow() -> None:
    greatest = np.full(100_000, P - 1, dtype=np.uint64)
    assert field.inner_product(greatest, greatest) == 100_000


def test_inner_products_broadcast() -> None:
    a, b, _ = operands(0)
    x, y = a[:990].reshape(3, 33, 10), b[:990].reshape(3, 33, 10)[:, :1]
    assert (field.inner_products(x, y) == (exact(x) * exact(y)).sum(axis=0) % P).all()


def test_total_agrees_with_exact_integers() -> None:
    a, _, _ = operands(200)
    assert (field.total(a.reshape(100, -1)) == exact(a).reshape(100, -1).sum(axis=0) % P).all()


def test_anti_diagonals_sum_what_the_coefficients_need() -> None:
    a, b, _ = operands(2000)
    x, y = a[:2900].reshape(4, -1), b[:2900].reshape(4, -1)
    sums = np.zeros(7, dtype=np.uint64)
    kernels.anti_diagonals(x, y, sums)
    expected = [0] * 7
    for i in range(4):
        for j in range(4):
            if i != j:
                expected[i + 3 - j] += int((exact(x[i]) * exact(y[j])).sum())
    assert sums.tolist() == [value % P for value in expected]


def test_products_of_polynomials_agree_with_exact_integers() -> None:
    a, b, _ = operands(0)
    f, g = a[:30], b[400:450]
    sums = np.full(79, 5, dtype=np.uint64)
    kernels.add_polynomial_product(f, g, sums)
    assert (sums == (np.convolve(exact(f), exact(g)) + 5) % P).all()


def test_scale_takes_any_integer() -> None:
    assert field.scale(-1, np.array([0, 1, P - 1], dtype=np.uint64)).tolist() == [0, P - 1, 1]


def test_public_integers_are_reduced() -> None:
    assert field.to_vector([[-1, P], [P + 1, 2**64 - 1]]).tolist() == [[P - 1, 0], [1, (2**64 - 1) % P]]


def test_elements_travel_as_eight_bytes_little_endian() -> None:
    assert field.to_bytes(np.array([1, P - 1], dtype=np.uint64)) == bytes.fromhex("0100000000000000feffffffffffff1f")
    assert field.from_bytes(bytes.fromhex("0100000000000000feffffffffffff1f"), 2).tolist() == [1, P - 1]


@pytest.mark.parametrize(
    "content", [bytes(7), bytes(9), bytes(16), b"", P.to_bytes(8, "little"), b"\xff" * 8], ids=lambda x: x.hex() or "-"
)
def test_what_is_not_one_element_is_refused(content: bytes) -> None:
    with pytest.raises(NotAFieldElementError):
        field.from_bytes(content, 1)


def test_zero_has_no_inverse() -> None:
    assert field.inverse(7) * 7 % P == 1
    with pytest.raises(ZeroDivisionError):
        field.inverse(P)
