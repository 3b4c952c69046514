"""How hypothesis makes histories up."""

from dataclasses import replace

from hypothesis import strategies as st

from aukciszek.protocol.rules.states import AuctionState
from simulation.operations import (
    BIDDERS,
    DURATION_S,
    HIGHEST_NUMBER,
    HIGHEST_PRICE,
    WITHHOLDING,
    Advance,
    AdvanceToClose,
    Bid,
    Disk,
    HandOn,
    Heal,
    History,
    Lie,
    LieKind,
    Lose,
    Operation,
    Order,
    Part,
    Repeat,
    Restore,
    Rules,
    Save,
    Shuffle,
    Skew,
    Slow,
    Spoil,
    Start,
    Stop,
    Wipe,
)

_LIES: list[LieKind] = [
    "round-to-all",
    "round-to-each",
    "deny",
    "claim",
    "two-lists",
    "redate",
    "two-announcements",
    "two-proposals",
    "hide-proposal",
    "replay",
    "far-attempt",
    "cannot-open",
    "late-complaint",
    "withhold-round",
    "withhold-rest",
    "withhold-outcome",
    "withhold-signature",
    "withhold-release",
    "false-release",
    "other-opening",
    "shift-help",
    "wrong-keys",
    "ask-all",
    "late-cancel",
    "false-outcome",
    "vouch-cancel",
    "vouch-close",
    "two-keys",
    "garbage",
    "silence",
]
_IN_ROUNDS: list[LieKind] = ["round-to-all", "round-to-each", "withhold-round", "withhold-rest"]
_LIES_ABOUT_LOSSES: list[LieKind] = ["shift-help", "wrong-keys", "ask-all", "deny"]
_LATE_LIES: list[LieKind] = [
    "vouch-cancel",
    "late-cancel",
    "late-complaint",
    "replay",
    "far-attempt",
    "withhold-release",
    "silence",
]
_DISK: list[Disk] = ["before", "after", "full"]
_STATES = [
    AuctionState.CLOSED,
    AuctionState.AGREEING,
    AuctionState.COMPUTING,
    AuctionState.REVEALING,
    AuctionState.SIGNING,
    AuctionState.FINAL,
]
RULES = [
    Rules(),
    Rules(reserve=2),
    Rules(direction="forward", minimum_bids=2),
    Rules("second-price"),
    Rules("uniform-price", winners=2),
    Rules("pay-as-bid", "forward", winners=2, reserve=3),
]


def histories(size: int, threshold: int) -> st.SearchStrategy[History]:
    """Histories of clusters of this size."""
    return st.builds(
        History,
        st.just(size),
        st.just(threshold),
        st.lists(_operations(size), max_size=14).map(tuple),
        st.sampled_from(RULES),
        st.integers(1, size),
        st.integers(1, size),
        st.one_of(
            st.just(frozenset(range(1, size + 1))),
            st.frozensets(st.integers(1, size), min_size=threshold + 1),
        ),
        st.sampled_from([True, True, True, False]),
        st.integers(0, 2**16),
        st.booleans(),
    ).map(_with_everybody_bidding)


def attacks(size: int, threshold: int) -> st.SearchStrategy[History]:
    """Histories in which one party lies from before the close on, and little else goes wrong."""
    everybody = frozenset(range(1, size + 1))
    bidder, price, party = st.integers(0, BIDDERS - 1), st.integers(0, HIGHEST_PRICE), st.integers(1, size)
    lie: st.SearchStrategy[Operation] = st.builds(Lie, st.sampled_from(_LIES), st.integers(1, 24))
    late: list[st.SearchStrategy[Operation]] = [
        *2 * [st.builds(Lie, st.sampled_from(_LATE_LIES), st.integers(1, 24))],
        st.builds(Order, st.just("cancel"), st.frozensets(party, min_size=1, max_size=threshold)),
        st.builds(Advance, st.sampled_from([0.001, 1.0, 5.0])),
        st.builds(Stop, party),
        st.builds(Start, party),
        st.builds(Lose, st.integers(1, 12), st.integers(1, 3)),
        st.builds(
            Spoil,
            party,
            st.just(1),
            st.sampled_from(["before", "after", "unavailable"]),
            st.integers(1, 4),
            st.sampled_from([AuctionState.COMPUTING, AuctionState.REVEALING, AuctionState.SIGNING]),
            st.booleans(),
        ),
    ]
    early: list[st.SearchStrategy[Operation]] = [lie, late[2], late[-1]]
    bids = st.lists(
        st.builds(Bid, bidder, price, st.just(everybody) | st.frozensets(party, min_size=threshold + 1)),
        min_size=2,
        max_size=3,
    )
    loss: st.SearchStrategy[Operation] = st.just(Wipe())
    about_losses: st.SearchStrategy[Operation] = st.builds(Lie, st.sampled_from(_LIES_ABOUT_LOSSES), st.integers(1, 24))
    withholding: st.SearchStrategy[Operation] = st.builds(Lie, st.sampled_from(sorted(WITHHOLDING)), st.integers(1, 24))
    operations = st.tuples(
        bids,
        st.tuples(lie) | st.tuples(about_losses, loss) | st.tuples(withholding),
        st.lists(st.one_of(early), max_size=3),
        st.just(AdvanceToClose(0.001)),
        st.lists(st.one_of(late), max_size=3),
    ).map(lambda parts: (*parts[0], *parts[1], *parts[2], parts[3], *parts[4]))
    return st.builds(
        History,
        st.just(size),
        st.just(threshold),
        operations,
        rules=st.sampled_from(RULES),
        corrupt_party=party,
        loser=party,
        seed=st.integers(0, 2**16),
        alone=st.booleans(),
    )


def _with_everybody_bidding(history: History) -> History:
    """Let every second history begin with bids that everybody got, so that most have something to compute."""
    if history.seed % 2:
        return history
    everybody = frozenset(range(1, history.size + 1))
    first = tuple(Bid(bidder, (history.seed >> bidder) % (HIGHEST_PRICE + 1), everybody) for bidder in range(2))
    return replace(history, operations=(*first, *history.operations))


def _operations(size: int) -> st.SearchStrategy[Operation]:
    party = st.integers(1, size)
    some = st.frozensets(party, min_size=1)
    bidder = st.integers(0, BIDDERS - 1)
    price = st.integers(0, HIGHEST_PRICE)
    kinds: list[st.SearchStrategy[Operation]] = [
        st.builds(Advance, st.sampled_from([0.001, 0.5, 1.0, 5.0, 20.0])),
        st.just(Advance(DURATION_S)),
        st.builds(AdvanceToClose, st.sampled_from([-0.5, -0.001, 0.0, 0.001])),
        st.builds(Bid, bidder, price, some, rush=st.booleans()),
        st.builds(Bid, bidder, price, st.just(frozenset(range(1, size + 1))), rush=st.booleans()),
        st.builds(Bid, bidder, price, some, again=st.booleans(), withdraw=st.booleans(), rush=st.booleans()),
        st.builds(Bid, bidder, price, st.just(frozenset(range(1, size + 1))), withdraw=st.sampled_from([True])),
        st.builds(Bid, bidder, st.integers(0, HIGHEST_NUMBER), st.just(frozenset(range(1, size + 1)))),
        st.builds(Bid, bidder, st.integers(0, HIGHEST_NUMBER), some, spoil=st.none() | party, twin=some),
        st.builds(HandOn, bidder, some, st.booleans()),
        st.builds(Order, st.sampled_from(["close", "cancel", "close"]), some),
        st.builds(Stop, party),
        st.builds(Start, party),
        st.sampled_from([Save(), Restore(), Wipe()]),
        *2 * [st.builds(Spoil, party, st.integers(1, 8), st.sampled_from(["before", "after"]))],
        st.builds(Spoil, party, st.integers(1, 8), st.sampled_from(["full", "unavailable"]), st.integers(1, 4)),
        *2
        * [
            st.builds(
                Spoil,
                party,
                st.integers(1, 2),
                st.sampled_from(_DISK),
                st.just(1),
                st.sampled_from(_STATES),
                st.booleans(),
            )
        ],
        st.builds(Lose, st.integers(1, 12), st.integers(1, 3)),
        st.sampled_from([Repeat(), Shuffle(), Heal()]),
        st.builds(Slow, party, party, st.sampled_from([0.2, 3.0, 30.0])),
        st.builds(Part, some, st.booleans()),
        st.builds(Skew, party, st.sampled_from([-2.0, -0.5, 0.5, 2.0])),
        *2 * [st.builds(Lie, st.sampled_from(_LIES), st.integers(1, 24))],
        st.builds(Lie, st.sampled_from(_IN_ROUNDS), st.integers(1, 24)),
    ]
    return st.one_of(kinds)
