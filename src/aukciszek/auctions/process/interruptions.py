"""What ends a step of an auction early: its cancellation, its deadline, or an outcome that comes another way.

``docs/protocol.md``, "Attempts" (*Cancelling*), "The way of a session" (*Openings outlive sessions*, *Abandoned*) and
"The certificate".
"""

import logging
from typing import Final

from aukciszek.auctions.context.peer_network import MessageKind
from aukciszek.auctions.process.parts import AuctionParts
from aukciszek.auctions.session.readiness import Proposal
from aukciszek.encoding import Json
from aukciszek.protocol.rules.states import ABANDONABLE, CANCELLABLE, AuctionState

_log = logging.getLogger(__name__)

_LONGEST_DEADLINE_SLEEP_S: Final = 3600.0
"""A deadline of weeks is not looked at more often."""


class Interruptions:
    """See the module."""

    def __init__(self, parts: AuctionParts) -> None:
        self._parts = parts

    def are_due(self) -> bool:
        """Tell whether the step that is under way must end."""
        return (
            self._can_adopt
            or self._has_late_outcome
            or self._is_settled
            or self._cancellation is not None
            or self._must_abandon
        )

    async def take(self) -> None:
        """Enter the state that the first of them leads to."""
        if self._can_adopt:
            await self._parts.certification.adopt()
        elif self._has_late_outcome:
            await self._conclude_late()
        elif self._is_settled:
            await self._parts.context.enter(AuctionState.SIGNING, "outcome-settled")
        elif (cancellation := self._cancellation) is not None:
            await self._cancel(cancellation)
        elif self._must_abandon:
            await self._abandon()

    async def watch_deadline(self) -> None:
        """Let the step that is under way look at the time when the rules' deadline has passed."""
        context = self._parts.context
        while not self._must_abandon:
            rest_s = (context.spec.abandons_at - context.party.clock.now()).total_seconds()
            await context.party.clock.sleep(min(max(rest_s + 0.001, 1.0), _LONGEST_DEADLINE_SLEEP_S))
        context.signal.notify()

    @property
    def _is_settled(self) -> bool:
        """Whether a session is being repeated that nobody needs any more: signatures came for what was found before."""
        parts = self._parts
        return parts.context.state is AuctionState.COMPUTING and parts.certification.certificate() is not None

    @property
    def _cancellation(self) -> Proposal | None:
        """The proof that enough parties are bound to cancel, if this party may follow it.

        It may not once it was about to open something, nor while it does not know what it said before.
        """
        context = self._parts.context
        if context.state not in CANCELLABLE or context.may_have_opened or not context.recalled:
            return None
        return self._parts.attempts.cancellation

    @property
    def _can_adopt(self) -> bool:
        context, adopting = self._parts.context, {AuctionState.AGREEING, AuctionState.COMPUTING, AuctionState.ABANDONED}
        return context.state in adopting and context.recalled and self._parts.certification.may_adopt

    @property
    def _has_late_outcome(self) -> bool:
        """Whether an opening gave the outcome for which no session waits."""
        late = {AuctionState.COMPUTING, AuctionState.REVEALING, AuctionState.ABANDONED}
        if self._parts.context.state not in late or self._parts.certification.knows_outcome:
            return False
        return self._parts.late_outcome.found is not None

    @property
    def _must_abandon(self) -> bool:
        context = self._parts.context
        return context.state in ABANDONABLE and context.party.clock.now() > context.spec.abandons_at

    async def _conclude_late(self) -> None:
        context, outcome = self._parts.context, self._parts.late_outcome.found
        if outcome is not None:
            if context.state is not AuctionState.REVEALING:
                await context.enter(AuctionState.REVEALING, "opening-released")
            await self._parts.certification.conclude(outcome)

    async def _cancel(self, cancellation: Proposal) -> None:
        context = self._parts.context
        details: dict[str, Json] = {
            "vouchers": list(self._parts.orders.vouchers("cancel")),
            "parties": list(cancellation.participants),
        }
        repository, auction = context.party.repository, context.auction
        async with context.entering(AuctionState.CANCELLED, "cancelled", details) as connection:
            await repository.set_proposal(auction, cancellation.encode(), connection=connection)
            await repository.erase_secrets(auction, connection=connection)
        await context.send(context.peers, MessageKind.PROPOSAL, cancellation.encode())

    async def _abandon(self) -> None:
        """Give up: destroy the keys, and keep nothing but openings that others may still finish."""
        context = self._parts.context
        details: dict[str, Json] = {"state": context.state.value, "waiting_for": sorted(context.waiting_for)}
        _log.warning("auction %s is abandoned: %s", context.auction, details)
        async with context.entering(AuctionState.ABANDONED, "abandoned", details) as connection:
            await context.party.repository.erase_secrets(context.auction, keep_openings=True, connection=connection)
