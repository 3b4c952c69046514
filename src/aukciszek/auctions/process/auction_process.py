"""One auction at one party, from its creation to its certificate: the coroutine that drives it.

``docs/protocol.md``, "The way of a session". Each step works in one stored state and ends by entering the next one, so
a restart repeats the step of the state that was stored.
"""

import asyncio
import logging
from typing import Final

from aukciszek.auctions.context.auction_context import PartyContext
from aukciszek.auctions.process.interruptions import Interruptions
from aukciszek.auctions.process.parts import AuctionParts
from aukciszek.auctions.process.routing import MessageRouting
from aukciszek.auctions.process.steps import AuctionSteps, Step
from aukciszek.auctions.view import AuctionView, Progress
from aukciszek.diagnosis import log_failure
from aukciszek.errors import AukciszekError
from aukciszek.protocol.rules.errors import UnexpectedFailureError
from aukciszek.protocol.rules.spec import AuctionSpec
from aukciszek.protocol.rules.states import AuctionState, is_over
from aukciszek.racing import race
from aukciszek.storage.errors import StorageFaultError
from aukciszek.storage.rows import AuctionRow

_log = logging.getLogger(__name__)

STORAGE_RETRY_S: Final = 2.0
"""How long an auction waits before it asks again whether anything can be stored."""


class AuctionProcess:
    """Everything that one party does for one auction."""

    def __init__(self, party_context: PartyContext, row: AuctionRow) -> None:
        parts = self._parts = AuctionParts.of(party_context, row)
        self._context = parts.context
        self.intake: Final = parts.intake
        """Where bidders submit."""
        self.orders: Final = parts.orders
        """What the auctioneer ordered."""
        self.receipt_relay: Final = parts.receipt_relay
        """Where bidders show the receipts of other parties."""
        self.certification: Final = parts.certification
        """The outcome and its signatures, as far as there are any."""
        self.routing: Final = MessageRouting(parts)
        """Where peers' messages arrive."""
        self._steps = AuctionSteps(parts, self.routing)
        self._interruptions = Interruptions(self._parts)
        self._failure: AukciszekError | None = None

    @property
    def spec(self) -> AuctionSpec:
        """The auction's rules."""
        return self._context.spec

    @property
    def state(self) -> AuctionState:
        """Where the auction stands."""
        return self._context.state

    async def load(self) -> None:
        """Load what is stored."""
        await self._parts.load()

    async def run(self) -> None:
        """Drive the auction until it is final or cancelled."""
        parts, context = self._parts, self._context
        helpers = (parts.replication.run(), parts.dealing.run(), parts.openings.run())
        beside = [asyncio.create_task(helper) for helper in (*helpers, self._interruptions.watch_deadline())]
        try:
            while not is_over(context.state):
                try:
                    await self._unless_cut_short(self._steps.next)
                    self._show_failure(None)
                except StorageFaultError as fault:
                    await self._wait_for_storage(fault)
        except AukciszekError as error:
            _log.exception("auction %s stands still in state %s", context.auction, context.state)
            await self._stand_still(error)
        except Exception as error:  # noqa: BLE001 -- the operator must hear that it does not go on
            log_failure(_log, f"driving auction {context.auction} in state {context.state}", error)
            await self._stand_still(UnexpectedFailureError(type(error).__name__))
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)

    def view(self) -> AuctionView:
        """Return the auction as this party sees it."""
        context, orders = self._context, self._parts.orders
        return AuctionView.of(
            context, orders, self._parts.keys, failure=self._failure_code, bids=self._parts.intake.taken.standing
        )

    def progress(self) -> Progress:
        """Return where the auction stands, for those who watch."""
        context = self._context
        return Progress(
            state=context.state,
            stage=context.stage,
            waiting_for=tuple(sorted(context.waiting_for)),
            failure=self._failure_code,
            bids=self._parts.intake.taken.standing,
        )

    @property
    def changes(self) -> int:
        """How often something about the auction changed."""
        return self._context.signal.changes

    async def wait_for_change_since(self, changes: int) -> None:
        """Wait until something changed after :attr:`changes` had this value."""
        await self._context.signal.wait_for_change_since(changes)

    def notify_watchers(self) -> None:
        """Let those who watch look once more: from now on what is asked is answered from storage."""
        self._context.signal.notify()

    @property
    def _failure_code(self) -> str | None:
        return None if self._failure is None else self._failure.code

    async def _unless_cut_short(self, step: Step) -> None:
        """Take a step; leave it when the auction is cancelled or abandoned, or its outcome comes another way."""
        work = asyncio.create_task(step())
        if await race(work, self._context.signal.wait_for(self._interruptions.are_due)) is not work:
            await self._interruptions.take()

    async def _stand_still(self, error: AukciszekError) -> None:
        """Tell everybody why; nothing is lost, as everything is stored, and a restart goes on once it is repaired."""
        self._show_failure(error)
        await self._context.report("stands-still", None, {"error": error.code, "reason": error.message})

    async def _wait_for_storage(self, fault: StorageFaultError) -> None:
        """Wait a little; then the step is taken again from the state that is stored, as after a restart."""
        self._show_failure(fault)
        _log.error("auction %s waits in state %s: %s", self._context.auction, self._context.state, fault.message)
        await self._context.party.clock.sleep(STORAGE_RETRY_S)

    def _show_failure(self, failure: AukciszekError | None) -> None:
        if failure is not self._failure:
            self._failure = failure
            self._context.signal.notify()
