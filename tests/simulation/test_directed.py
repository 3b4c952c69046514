"""Histories that are made up on purpose, because those made up at random come by too rarely."""

import pytest

from aukciszek.protocol.rules.states import AuctionState
from simulation.operations import (
    Advance,
    AdvanceToClose,
    Bid,
    HandOn,
    History,
    Lie,
    Lose,
    Restore,
    Save,
    Spoil,
    Start,
    Stop,
)
from simulation.runner import run_history

EVERYBODY = frozenset({1, 2, 3})


@pytest.mark.parametrize("how", ["claim", "deny"])
def test_an_outcome_that_one_party_saw_is_not_answered_with_another_set_of_bids(how: str) -> None:
    """The corrupt party alone has the outcome; before the session is repeated, it says that another bid was in time."""
    lie = Lie("claim") if how == "claim" else Lie("deny")
    run_history(
        History(
            3,
            1,
            (
                Bid(0, 3, EVERYBODY),
                Bid(1, 1, frozenset({2}) if how == "claim" else frozenset({1, 2})),
                Spoil(2, 1, "before", state=AuctionState.SIGNING, stays_down=True),
                Spoil(3, 1, "before", state=AuctionState.SIGNING, stays_down=True),
                AdvanceToClose(0.001),
                Start(2),
                lie,
                # With what it has stored, it chooses the bids anew.
                Stop(2),
                Start(2),
                Start(3),
            ),
        )
    )


def test_bids_that_are_being_stored_at_the_close_stand_in_the_lists() -> None:
    """They come in the last millisecond, and time goes on while they are on their way to the disk."""
    for seed in range(16):
        run_history(History(3, 1, (AdvanceToClose(0.0), Bid(0, 3, EVERYBODY, rush=True), Advance(0.001)), seed=seed))


def test_a_wrong_value_in_any_round_changes_no_outcome() -> None:
    for number in range(1, 22):
        bids = (Bid(0, 3, EVERYBODY), Bid(1, 1, EVERYBODY), Bid(2, 2, EVERYBODY))
        run_history(History(3, 1, (*bids, Lie("round-to-all", number), AdvanceToClose(0.001))))


def test_a_false_outcome_that_one_party_signs_is_believed_by_nobody() -> None:
    bids = (Bid(0, 3, EVERYBODY), Bid(1, 1, EVERYBODY))
    run_history(History(3, 1, (*bids, Lie("false-outcome"), AdvanceToClose(0.001))))


def test_a_signature_under_another_outcome_is_not_part_of_the_certificate() -> None:
    bids = (Bid(0, 3, EVERYBODY), Bid(1, 1, EVERYBODY))
    run_history(
        History(
            3, 1, (*bids, Spoil(2, 1, "before", state=AuctionState.FINAL), Lie("false-outcome"), AdvanceToClose(10.0))
        )
    )


def test_a_bid_counts_whose_bidder_showed_its_receipts_before_one_of_two_holders_went() -> None:
    """What the two say of it to the others is lost; one of them does not come back before the outcome."""
    everybody = frozenset(range(1, 6))
    bids = (Bid(1, 3, everybody), Lose(60), Bid(0, 1, frozenset({1, 2})), HandOn(0, frozenset({3}), along=True))
    run_history(History(5, 1, (*bids, Stop(1), AdvanceToClose(0.001), Advance(60.0))))


def test_a_party_that_goes_back_to_a_backup_while_a_bid_is_on_its_way_to_the_disk() -> None:
    """The receipt may have left: it is worth what the others know of it."""
    for seed in range(16):
        bid = Bid(0, 3, frozenset({1}), rush=True)
        run_history(History(4, 1, (Save(), bid, Restore(), Bid(1, 2, frozenset({1, 2, 3, 4}))), loser=1, seed=seed))
