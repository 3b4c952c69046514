"""The cases of a test that take long are drills: ``make test`` leaves them to ``make drills``."""

from collections.abc import Callable, Iterable

import pytest
from _pytest.mark import ParameterSet


def drills_but[*Case](quick: Callable[[*Case], bool], cases: Iterable[tuple[*Case]]) -> list[ParameterSet]:
    """Return the cases of a test as its parameters, all marked as drills but those that are quick."""
    return [pytest.param(*case, marks=[] if quick(*case) else [pytest.mark.drill]) for case in cases]
