"""One party withholds its messages from some moment on, or votes bids out: any party, in any round, in all formats.

There are thousands of such histories; ``HISTORIES`` and ``SEED`` say how many are lived through, and which.
"""

import random
from collections.abc import Iterator
from itertools import product
from typing import Final

import pytest

from simulation.operations import AdvanceToClose, Bid, History, Lie, LieKind, Operation
from simulation.runner import run_history
from simulation.strategies import RULES
from simulation.test_histories import HISTORIES, SEED

CLUSTERS: Final = {
    "three": (3, 1, 4),
    "four": (4, 1, 2),
    "five": (5, 2, 2),
    "seven": (7, 3, 1),
}
"""By name: size, threshold, and how many hundredths of all histories, in each half of the cases."""

_ROUNDS: Final = range(1, 25)
_IN_ROUNDS: Final[list[LieKind]] = ["withhold-round", "withhold-rest"]
_AT_THE_END: Final[list[LieKind]] = ["withhold-outcome", "withhold-signature", "withhold-release"]
_VETOES: Final[list[LieKind]] = ["cannot-open", "late-complaint", "deny", "claim"]


def withholding() -> Iterator[tuple[Lie, ...]]:
    """Every way to withhold something."""
    for how, place in (*product(_IN_ROUNDS, _ROUNDS), *product(_AT_THE_END, range(3))):
        yield (Lie(how, place),)


def vetoes() -> Iterator[tuple[Lie, ...]]:
    """Every way to withhold something, and to vote a bid out."""
    for veto, ways in product(_VETOES, withholding()):
        yield (*ways, Lie(veto))


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("late", [False, True], ids=["withheld", "and-voted-out"])
@pytest.mark.parametrize("cluster", CLUSTERS)
def test_who_withholds_something_learns_the_outcome_with_all_others_or_nothing(cluster: str, *, late: bool) -> None:
    size, threshold, hundredths = CLUSTERS[cluster]
    everybody = frozenset(range(1, size + 1))
    bids = (Bid(0, 3, everybody), Bid(1, 1, everybody), Bid(2, 2, frozenset(range(1, threshold + 2))))
    cases = list(product(vetoes() if late else withholding(), RULES, range(1, size + 1)))
    chance = random.Random(f"{SEED}/{cluster}/{late}")  # noqa: S311 -- decides what happens, and protects nothing
    for lies, rules, corrupt_party in chance.sample(cases, min(len(cases), max(1, HISTORIES * hundredths // 100))):
        # The veto comes late: when a session has been cut short, and everybody knows what there is to vote on.
        operations: tuple[Operation, ...] = (*bids, *lies[:1], AdvanceToClose(0.001), *lies[1:])
        history = History(
            size, threshold, operations, rules=rules, corrupt_party=corrupt_party, seed=len(bids), alone=True
        )
        try:
            run_history(history)
        except AssertionError as error:
            error.add_note(f"run_history({history!r})")
            raise
