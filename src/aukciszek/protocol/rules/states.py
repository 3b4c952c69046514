"""The states of an auction at one party, and the ways between them.

Every arrow is stored before anything is built on it, so that a restart goes on from the last one
(``docs/protocol.md``, "The way of a session").
"""

from enum import StrEnum, unique
from typing import Final

from aukciszek.protocol.rules.errors import AuctionError


@unique
class AuctionState(StrEnum):
    """Where an auction stands at this party."""

    CREATED = "created"
    """Frozen under its id; takes no bids yet."""

    OPEN = "open"
    """Takes bids."""

    CLOSED = "closed"
    """Takes no more bids; no receipt is given from here on."""

    AGREEING = "agreeing"
    """The parties settle on the set of bids that count."""

    COMPUTING = "computing"
    """The parties rank the bids on their shares."""

    REVEALING = "revealing"
    """Everything was verified; the outcome is being opened."""

    SIGNING = "signing"
    """The outcome is known here; the parties exchange their signatures."""

    FINAL = "final"
    """The certificate is complete and this party's sealing key destroyed."""

    CANCELLED = "cancelled"
    """The auctioneer cancelled it, as the parties agreed after the close; this party will open nothing."""

    ABANDONED = "abandoned"
    """No outcome was found until the rules' deadline; the keys are destroyed. An opening that all parties had signed,
    or an outcome that others find, still counts."""


CANCELLABLE: Final = frozenset(
    {
        AuctionState.CREATED,
        AuctionState.OPEN,
        AuctionState.CLOSED,
        AuctionState.AGREEING,
        AuctionState.COMPUTING,
    }
)
"""The parties agree on it after the close, and it counts at a party that was never about to open anything."""

ABANDONABLE: Final = frozenset(
    {AuctionState.CLOSED, AuctionState.AGREEING, AuctionState.COMPUTING, AuctionState.REVEALING}
)

_NEXT: Final = {
    AuctionState.CREATED: {AuctionState.OPEN, AuctionState.CLOSED},
    AuctionState.OPEN: {AuctionState.CLOSED},
    AuctionState.CLOSED: {AuctionState.AGREEING},
    # A party that was not there when the outcome was computed adopts it from the others.
    AuctionState.AGREEING: {AuctionState.COMPUTING, AuctionState.SIGNING},
    # A session that was interrupted is repeated, under a new session id, from the agreed input set.
    AuctionState.COMPUTING: {AuctionState.REVEALING, AuctionState.SIGNING},
    AuctionState.REVEALING: {AuctionState.COMPUTING, AuctionState.SIGNING},
    # A party that knows the outcome takes part again when another one was interrupted before it knew.
    AuctionState.SIGNING: {AuctionState.COMPUTING, AuctionState.FINAL},
    AuctionState.FINAL: set[AuctionState](),
    # Where not all parties are needed, the others may have finished before they heard of the order: then that counts.
    AuctionState.CANCELLED: {AuctionState.FINAL},
    AuctionState.ABANDONED: {AuctionState.REVEALING, AuctionState.SIGNING},
}


class ForbiddenTransitionError(AuctionError):
    """An auction cannot go from the state it is in to the one asked for."""

    code = "forbidden-transition"


def is_over(state: AuctionState) -> bool:
    """Tell whether this party has done its part."""
    return state in {AuctionState.FINAL, AuctionState.CANCELLED}


OVER: Final = tuple(state.value for state in AuctionState if is_over(state))
"""The states, as they are stored, in which a party has done its part."""


def has_no_keys(state: AuctionState) -> bool:
    """Tell whether this party has destroyed its keys, so that it must never have any again."""
    return is_over(state) or state is AuctionState.ABANDONED


def check_transition(before: AuctionState, after: AuctionState) -> None:
    """Refuse a way that the lifecycle does not know.

    Raises:
        ForbiddenTransitionError: there is no arrow from ``before`` to ``after``.
    """
    cancels = after is AuctionState.CANCELLED and before in CANCELLABLE
    abandons = after is AuctionState.ABANDONED and before in ABANDONABLE
    if after not in _NEXT[before] and not cancels and not abandons:
        raise ForbiddenTransitionError(f"an auction that is {before} cannot become {after}")


WAITING_FOR_SLOT: Final = "waiting-for-slot"
"""The stage of an auction whose session waits until the party has computed others."""
