"""An outcome that an opening gave, although no session here waits for it any more.

``docs/protocol.md``, "The way of a session" (*Openings outlive sessions*).
"""

from aukciszek.auctions.agreement.input_set import InputSet
from aukciszek.auctions.context.auction_context import AuctionContext
from aukciszek.auctions.session.computation_task import ComputationTask
from aukciszek.auctions.session.fair_opening import Openings
from aukciszek.auctions.session.opened_outcome import outcome_of
from aukciszek.auctions.session.opening_state import OpeningId, OpeningState
from aukciszek.auctions.session.session_input import SessionOutcome


class LateOutcome:
    """What finished openings say, for the input sets that this party was ready for."""

    def __init__(self, context: AuctionContext, openings: Openings) -> None:
        self._context = context
        self._openings = openings
        self._input_sets: dict[str, InputSet] = {}
        # What finished openings say: it does not change, and is asked for whenever anything happens.
        self._said: dict[OpeningId, SessionOutcome | None] = {}

    def note(self, input_set: InputSet) -> None:
        """Take up an input set that this party may be ready for."""
        self._input_sets.setdefault(input_set.digest, input_set)

    def input_set(self, digest: str) -> InputSet | None:
        """Return an input set that was noted."""
        return self._input_sets.get(digest)

    @property
    def found(self) -> SessionOutcome | None:
        """The outcome that a finished opening gave, once one did."""
        for opened in self._openings.finished:
            outcome = self._said_by(opened)
            if outcome is not None:
                return outcome
        return None

    def _said_by(self, opened: OpeningState) -> SessionOutcome | None:
        input_set = self._input_sets.get(opened.input_set)
        if input_set is None or opened.values is None:
            return None
        if opened.id not in self._said:
            task = ComputationTask.of(self._context.spec, input_set)
            result = outcome_of(task, opened.opening.context, opened.values)
            self._said[opened.id] = None if result is None else SessionOutcome(input_set, result)
        return self._said[opened.id]
