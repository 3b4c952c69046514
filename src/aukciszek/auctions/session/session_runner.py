"""Computing an auction: attempt by attempt, until a session finds the outcome.

``docs/protocol.md``, "The way of a session", and ``docs/adr/0003-sessions-by-attempt.md``. A session that fails or is
interrupted is repeated under a new id, hence with fresh randomness, on the same input set.
"""

import asyncio

from aukciszek.auctions.agreement.input_set import InputSet
from aukciszek.auctions.agreement.input_set_choice import InputSetChoice
from aukciszek.auctions.agreement.list_exchange import ListExchange
from aukciszek.auctions.agreement.opened_envelopes import OpenedEnvelopes
from aukciszek.auctions.context.auction_context import AuctionContext
from aukciszek.auctions.context.change_notifier import retry_backoff
from aukciszek.auctions.context.session_scheduler import LOOK_AGAIN_S, SessionSlot, memory_bytes
from aukciszek.auctions.keys.dealing import KeyDealing
from aukciszek.auctions.session.attempts import Attempts
from aukciszek.auctions.session.errors import InputSetLostError, KeysNotChosenError
from aukciszek.auctions.session.execution import SessionExecution
from aukciszek.auctions.session.fair_opening import Openings
from aukciszek.auctions.session.late_outcome import LateOutcome
from aukciszek.auctions.session.readiness import Proposal
from aukciszek.auctions.session.session_input import SessionInput, SessionOutcome
from aukciszek.auctions.session.setup import SessionSetup
from aukciszek.mpc.errors import MpcError
from aukciszek.protocol.rules.states import WAITING_FOR_SLOT, AuctionState
from aukciszek.racing import race


class SessionRunner:
    """The attempts of one party to compute one auction."""

    def __init__(  # noqa: PLR0913 -- the parts of an auction that meet here
        self,
        context: AuctionContext,
        *,
        list_exchange: ListExchange,
        input_sets: InputSetChoice,
        envelopes: OpenedEnvelopes,
        dealing: KeyDealing,
        attempts: Attempts,
        setup: SessionSetup,
        openings: Openings,
        late_outcome: LateOutcome,
    ) -> None:
        self._context = context
        self._list_exchange = list_exchange
        self._input_sets = input_sets
        self._envelopes = envelopes
        self._dealing = dealing
        self._attempts = attempts
        self._setup = setup
        self._openings = openings
        self._late_outcome = late_outcome
        self._execution = SessionExecution(context, envelopes, openings)

    async def run(self) -> SessionOutcome:
        """Return the outcome of the first attempt that succeeds; of a cancelled auction, never return."""
        backoff, failed = retry_backoff(self._context.party.clock), False
        while True:
            number = await self._setup.next_number(failed=failed)
            own = await self._prepare()
            if self._context.state is AuctionState.REVEALING:
                await self._context.enter(AuctionState.COMPUTING, "session-interrupted")
            await self._join(own, number)
            failed = True
            try:
                outcome = await self._attempt(own) if await self._setup.can_begin() else None
                if outcome is None and self._attempts.current is None:
                    failed = await self._exchange_lists_again()
            except MpcError as error:
                await self._execution.note_failure(error)
                if await self._context.signal.wait_for(self._is_superseded, timeout_s=backoff.next_s()):
                    backoff.reset()
            else:
                if outcome is not None:
                    return outcome

    async def take_up(self) -> None:
        """Read again, after a restart, on what a session began: an opening may still give its outcome."""
        if self._input_sets.bound_to is not None:
            await self._choose_input_set()
            self._context.signal.notify()

    def _is_superseded(self) -> bool:
        return self._attempts.superseded

    async def _prepare(self) -> SessionInput:
        """Choose what to compute on, and get ready for it: keys, and shares as far as there are any."""
        await self._list_exchange.complain()
        input_set = await self._choose_input_set()
        if input_set.cancelled:
            return SessionInput(input_set, None, {})
        bids = input_set.computed
        if input_set.keys is None and len(bids) >= max(1, self._context.spec.minimum_bids):
            raise KeysNotChosenError("the parties' tables give no key for some of their sets: see the incidents")
        keys = None if input_set.keys is None else await self._dealing.prss_keys(input_set.keys)
        if keys is not None:
            await self._openings.use_keys(keys)
        rows = await self._envelopes.rows([bid.digest for bid in bids])
        return SessionInput(input_set, keys, rows)

    async def _choose_input_set(self) -> InputSet:
        """Return the input set to be ready for: the one that a session began on, else what lists and proposals say."""
        found = await self._input_sets.input_set()
        self._late_outcome.note(found)
        fixed = self._input_sets.bound_to
        if fixed is None:
            return found
        bound = self._late_outcome.input_set(fixed)
        if bound is None:
            raise InputSetLostError("the stored lists do not give the input set that a session began on: restore them")
        return bound

    async def _join(self, own: SessionInput, number: int) -> None:
        input_set, attempts = own.input_set, self._attempts
        await self._input_sets.remember(input_set)
        confirms = attempts.confirms(input_set.digest) if input_set.cancelled else 0
        if confirms and (proposal := attempts.locked) is not None:
            # From here on it will never be ready for anything else.
            await self._fix(input_set, proposal)
        size = self._memory_bytes(input_set)
        await self._setup.join(input_set, own.asks, memory_bytes=size, number=number, confirms=confirms)

    def _memory_bytes(self, input_set: InputSet) -> int:
        spec = self._context.spec
        return memory_bytes(len(input_set.bids), spec.bits, spec.winners + 1)

    async def _exchange_lists_again(self) -> bool:
        """Exchange lists once more if the parties are ready for different input sets; tell whether so."""
        if not self._attempts.sets_differ:
            return False
        if self._input_sets.bound_to is None:
            await self._list_exchange.run()
        return True

    async def _attempt(self, own: SessionInput) -> SessionOutcome | None:
        """Wait for a slot and run one session; None when another attempt must be made."""
        context, attempts = self._context, self._attempts
        if own.input_set.cancelled:
            await self._setup.proposal()
            return None
        scheduler, size = context.party.computing, self._memory_bytes(own.input_set)
        with scheduler.claimed(self._setup.priority, size, context.signal.notify) as slot:
            if not slot.is_held:
                context.show_stage(WAITING_FOR_SLOT, 0.0)
            while not slot.is_held and not attempts.superseded:
                await context.signal.wait_for(lambda: slot.is_held or attempts.superseded, timeout_s=LOOK_AGAIN_S)
                scheduler.look_again()
            if attempts.is_abandoned:
                # Those who left sent their part of the first round, so that it would seem to begin.
                return None
            proposal = await self._setup.proposal()
            return await self._begin(own, proposal, slot) if proposal else None

    async def _begin(self, own: SessionInput, proposal: Proposal, slot: SessionSlot) -> SessionOutcome | None:
        """Run one session; None when it must end early: others have moved on, or the slot is wanted back."""
        context, attempts = self._context, self._attempts
        await self._fix(own.input_set, proposal)
        computation = asyncio.create_task(self._execution.run(own, proposal, slot))
        ends_early = context.signal.wait_for(lambda: attempts.superseded or slot.is_wanted_back)
        if await race(computation, ends_early) is computation:
            return computation.result()
        await self._execution.note_end(proposal, None, "slot-wanted" if slot.is_wanted_back else "superseded")
        return None

    async def _fix(self, input_set: InputSet, proposal: Proposal) -> None:
        if not await self._input_sets.fix(input_set.digest, proposal.encode()):
            raise InputSetLostError("a session began on another input set before: this one must never be computed on")
        self._setup.keep_beginning(proposal)
