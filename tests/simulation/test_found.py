"""Histories in which something was once lost or wrong. What was at fault has been mended; docs/reliability.md tells."""

from aukciszek.protocol.rules.states import AuctionState
from simulation.operations import (
    Advance,
    AdvanceToClose,
    Bid,
    Heal,
    History,
    Lie,
    Order,
    Part,
    Restore,
    Save,
    Slow,
    Spoil,
)
from simulation.runner import run_history

EVERYBODY = frozenset({1, 2, 3})


def test_a_list_that_the_disk_refused_is_not_said() -> None:
    """The party sent a list that it had not stored, and could have signed another one afterwards."""
    run_history(History(3, 1, (Spoil(1, 2, "full"), AdvanceToClose(0.001)), seed=1))
    run_history(
        History(
            3,
            1,
            (
                Bid(0, 0, EVERYBODY),
                Advance(60.0),
                Bid(0, 0, frozenset({1})),
                Spoil(1, 2, "full"),
                Advance(0.001),
            ),
        )
    )


def test_an_outcome_that_all_but_two_of_four_parties_adopted_becomes_final() -> None:
    """Two computed and signed, two adopted, which do not sign: all waited for a third signature for ever."""
    run_history(History(4, 1, (Advance(60.0), Lie("round-to-each", 1), Advance(0.001)), seed=1))


def test_a_party_that_cancelled_follows_the_others_that_had_finished() -> None:
    """One of five was cut off, with an order to cancel; when it heard of the second one, the others had finished."""
    everybody = frozenset({1, 2, 3, 4, 5})
    run_history(
        History(
            5,
            1,
            (
                Bid(0, 1, everybody),
                Bid(1, 2, everybody),
                Part(frozenset({5})),
                Order("cancel", frozenset({1, 5})),
                Advance(60.0),
                Advance(60.0),
                Heal(),
            ),
        )
    )


def test_a_party_that_repeats_a_session_for_others_hears_that_they_settled_the_outcome() -> None:
    """It had signed the outcome, and computed again for a peer for ever, as it took no outcome but one new to it."""
    operations = (Advance(60.0), Slow(1, 3, 30.0), Lie("false-outcome", 1), Advance(60.0))
    run_history(History(3, 1, operations, corrupt_party=2, seed=1))


def test_a_party_that_went_back_to_a_backup_follows_the_session_that_the_others_began() -> None:
    """It signed a second list, waited for the others to count by it, and they for it to go on by the first."""
    operations = (
        Bid(0, 1, EVERYBODY),
        Save(),
        Bid(1, 2, EVERYBODY),
        Spoil(3, 1, "before", state=AuctionState.REVEALING, stays_down=True),
        Advance(61.0),
        Restore(),
    )
    run_history(History(3, 1, operations, loser=3))


def test_parties_that_were_about_to_open_something_cancel_where_another_one_had_cancelled() -> None:
    """The order to cancel became known while two of three were revealing: they waited for the third for ever."""
    bids = (Bid(0, 1, EVERYBODY), Bid(1, 2, EVERYBODY), Order("cancel", frozenset({2})))
    late = (Slow(1, 2, 3.0), AdvanceToClose(0.001), Advance(21.5), Lie("vouch-cancel"), Advance(60.0))
    run_history(History(3, 1, (*bids, *late), corrupt_party=3))


def test_a_party_signs_no_key_table_before_it_has_dealt_itself() -> None:
    """The last sealing key came between the two steps: a table without its own keys kept the auction closed."""
    run_history(History(5, 2, (), heard_by=frozenset({1, 2, 5}), seed=1000))
