"""The histories find faults of earlier designs that are brought back: else their finding nothing would say nothing."""

import pytest

from aukciszek.auctions.lifecycle import AuctionState
from simulation.living import live
from simulation.mutations import MUTATIONS
from simulation.operations import (
    Advance,
    AdvanceToClose,
    Bid,
    History,
    Lie,
    Lose,
    Order,
    Spoil,
    Stop,
    Wipe,
)

EVERYBODY = frozenset({1, 2, 3})
BIDS = (Bid(0, 3, EVERYBODY), Bid(1, 1, EVERYBODY), Bid(2, 2, EVERYBODY))

DIRECTED = {
    "veto": History(3, 1, (*BIDS, Lie("cannot-open"), AdvanceToClose(0.001))),
    "unfair-opening": History(3, 1, (*BIDS, Lie("withhold-rest", 15), AdvanceToClose(0.001)), alone=True),
    "late-cancel": History(
        3,
        1,
        (
            *BIDS,
            Order("cancel", frozenset({2})),
            Spoil(3, 1, "before", state=AuctionState.SIGNING, stays_down=True),
            AdvanceToClose(0.001),
            Advance(5.0),
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
    live(DIRECTED[name])


@pytest.mark.parametrize("name", MUTATIONS)
def test_the_judge_notices_the_fault(name: str) -> None:
    with MUTATIONS[name](), pytest.raises(AssertionError):
        live(DIRECTED[name])
