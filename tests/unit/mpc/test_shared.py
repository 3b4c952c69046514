import operator
import pickle
from collections.abc import Callable

import numpy as np
import pytest

from aukciszek.mpc.protocols.shared import Shared

SECRET = Shared(np.array([123456789, 1], dtype=np.uint64))


@pytest.mark.parametrize(
    "use",
    [
        bool,
        int,
        float,
        hash,
        np.asarray,
        pickle.dumps,
        lambda value: value == 1,
        lambda value: value != value,  # noqa: PLR0124 - the very comparison that must be refused
        lambda value: value < 1,
        lambda value: value >= value,  # noqa: PLR0124 - as above
        lambda value: sorted([value, value]),
        lambda value: [10, 20][value[0]],
        lambda value: 1 if value else 0,
    ],
)
def test_a_shared_value_cannot_drive_a_program(use: Callable[[Shared], object]) -> None:
    with pytest.raises(TypeError):
        use(SECRET)


def test_a_shared_value_shows_nothing() -> None:
    assert repr(SECRET) == str(SECRET) == f"{SECRET}" == "<Shared>"


def test_a_product_of_shared_values_is_no_local_operation() -> None:
    with pytest.raises(TypeError, match="needs a round"):
        operator.mul(SECRET, SECRET)


def test_shapes_are_public() -> None:
    assert (SECRET.shape, SECRET.size, len(SECRET)) == ((2,), 2, 2)
    assert Shared.stack([SECRET, SECRET]).transpose(1, 0).reshape(4, 1).shape == (4, 1)
    assert Shared.concatenate([SECRET, SECRET[:1]]).shape == (3,)
