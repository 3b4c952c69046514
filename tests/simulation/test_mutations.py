"""The histories find faults of earlier designs that are brought back: else their finding nothing would say nothing."""

import random
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, find, settings

from aukciszek.protocol.rules.states import AuctionState
from simulation.mutations import MUTATIONS
from simulation.operations import (
    Advance,
    AdvanceToClose,
    Bid,
    History,
    Lie,
    Order,
    Spoil,
    Wipe,
)
from simulation.runner import run_history
from simulation.strategies import attacks
from simulation.test_histories import HISTORIES, SEED

_MOST_HISTORIES: Final = 2000
"""Within so many made-up histories of attacks every fault must be met."""

EVERYBODY = frozenset({1, 2, 3})
BIDS = (Bid(0, 3, EVERYBODY), Bid(1, 1, EVERYBODY), Bid(2, 2, EVERYBODY))

DIRECTED = {
    "veto": History(
        3, 1, (Bid(0, 3, EVERYBODY), Bid(1, 1, frozenset({2, 3})), Lie("cannot-open"), AdvanceToClose(0.001))
    ),
    "unfair-opening": History(3, 1, (*BIDS, Lie("withhold-outcome"), AdvanceToClose(0.001)), alone=True),
    "late-cancel": History(
        3,
        1,
        (
            *BIDS,
            Order("cancel", frozenset({2})),
            Spoil(3, 1, "unavailable", times=4, state=AuctionState.SIGNING),
            AdvanceToClose(0.001),
            Lie("vouch-cancel"),
            Advance(30.0),
        ),
    ),
    "recovery-without-commitments": History(
        3, 1, (*BIDS, AdvanceToClose(-0.001), Lie("shift-help"), Wipe(), AdvanceToClose(0.001)), loser=2
    ),
    "keys-unchecked": History(
        3, 1, (*BIDS, AdvanceToClose(-0.001), Lie("wrong-keys"), Wipe(), AdvanceToClose(0.001)), loser=2
    ),
}
"""For each fault a history that meets it."""


@pytest.mark.parametrize("name", MUTATIONS)
def test_nothing_is_wrong_in_a_history_that_would_meet_the_fault(name: str) -> None:
    run_history(DIRECTED[name])


@pytest.mark.parametrize("name", MUTATIONS)
def test_the_judge_notices_the_fault(name: str) -> None:
    with MUTATIONS[name](), pytest.raises(AssertionError):
        run_history(DIRECTED[name])


if HISTORIES >= _MOST_HISTORIES:  # it takes minutes: `make histories` does it

    @pytest.mark.timeout(3600)
    @pytest.mark.parametrize("name", MUTATIONS)
    def test_histories_that_are_made_up_meet_the_fault(name: str) -> None:
        def fails(history: History) -> bool:
            try:
                run_history(history)
            except AssertionError:
                return True
            return False

        with MUTATIONS[name]():
            found = settings(
                max_examples=_MOST_HISTORIES,
                database=None,
                suppress_health_check=list(HealthCheck),
                phases=[Phase.generate],
            )
            chance = random.Random(f"{SEED}/{name}")  # noqa: S311 -- decides what happens, and protects nothing
            find(attacks(3, 1), fails, settings=found, random=chance)
