"""What one party does in each state of an auction; each step ends by entering the next state.

``docs/protocol.md``, "Around the computation". A step relies on what is stored alone, so a restart repeats it.
"""

from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from aukciszek.auctions.process.parts import AuctionParts
from aukciszek.auctions.process.routing import MessageRouting
from aukciszek.encoding import Json
from aukciszek.protocol.rules.states import AuctionState

_LONGEST_SLEEP_S: Final = 30.0
"""The time of day may jump, so a long wait looks at the clock again now and then."""

_MILLISECOND: Final = timedelta(milliseconds=1)

type Step = Callable[[], Coroutine[Any, Any, None]]


class AuctionSteps:
    """See the module."""

    def __init__(self, parts: AuctionParts, routing: MessageRouting) -> None:
        self._parts = parts
        self._context = parts.context
        self._routing = routing
        self._steps: Mapping[AuctionState, Step] = {
            AuctionState.CREATED: self._wait_for_opening,
            AuctionState.OPEN: self._wait_for_close,
            AuctionState.CLOSED: self._sign_list,
            AuctionState.AGREEING: self._agree,
            AuctionState.COMPUTING: self._compute,
            AuctionState.REVEALING: self._compute_again,
            AuctionState.SIGNING: self._collect_signatures,
            AuctionState.ABANDONED: self._wait_for_late_outcome,
        }

    @property
    def next(self) -> Step:
        """What to do now."""
        return self._steps[self._context.state] if self._context.recalled else self._recall

    async def _recall(self) -> None:
        """Ask the others what this party signed, before it does anything else."""
        await self._parts.recall.run()
        await self._parts.load()
        # What others said meanwhile, this party could not answer.
        await self._routing.announce(self._context.peers)

    async def _wait_for_opening(self) -> None:
        """Wait for the keys of all parties, deal those for shared randomness, and wait for the opening."""
        await self._parts.dealing.settle(self._must_close, self._routing.announce)
        await self._wait_until(self._context.spec.opens_at)
        if self._must_close():
            await self._close()
        else:
            await self._context.enter(AuctionState.OPEN, "opened")

    async def _wait_for_close(self) -> None:
        # A bid that arrives at the very millisecond of the close is in time.
        await self._wait_until(self._context.spec.closes_at + _MILLISECOND)
        await self._close()

    async def _close(self) -> None:
        orders = self._parts.orders
        if orders.in_force("cancel"):
            action = "closed-to-cancel"
        else:
            action = "closed-early" if orders.in_force("close") else "closed"
        await self._context.enter(AuctionState.CLOSED, action)

    async def _sign_list(self) -> None:
        context, own_list = self._context, self._parts.own_list
        await self._parts.intake.wait_until_empty()
        if own_list.is_signed:
            await context.enter(AuctionState.AGREEING, "list-recalled")
            return
        signed, digest = await own_list.sign()
        details: dict[str, Json] = {"list": digest, "bundles": len(signed.content.own_receipts)}
        async with context.entering(AuctionState.AGREEING, "list-signed", details) as connection:
            await context.party.repository.put_list(
                context.auction, context.party.number, digest, signed.encode(), connection=connection
            )
        # Not before it is committed: a list that was said but not stored would contradict the one that is signed next.
        own_list.keep(signed, digest)

    async def _agree(self) -> None:
        await self._parts.list_exchange.run()
        input_set = await self._parts.input_sets.input_set()
        details: dict[str, Json] = {
            "input_set": input_set.digest,
            "bids": len(input_set.bids),
            "left_out": list(input_set.unusable),
            "cancelled": input_set.cancelled,
            "not_counted": [{"bundle": bundle, "reason": reason} for bundle, reason in input_set.not_counted],
        }
        await self._context.enter(AuctionState.COMPUTING, "agreed", details)

    async def _compute(self) -> None:
        await self._parts.certification.conclude(await self._parts.session_runner.run())

    async def _compute_again(self) -> None:
        """Go back to the start of a session: this one was interrupted while the outcome was being opened."""
        await self._context.enter(AuctionState.COMPUTING, "session-interrupted")

    async def _collect_signatures(self) -> None:
        certification, peers = self._parts.certification, self._context.peers
        await self._context.signal.wait_announcing(self._signed_or_needed_again, self._announce_signatures)
        if certification.is_complete:
            await certification.finish()
            await certification.send_signatures(peers)
        else:
            await self._context.enter(AuctionState.COMPUTING, "session-repeated-for-a-peer")

    def _signed_or_needed_again(self) -> bool:
        certification = self._parts.certification
        self._context.wait_for_parties(certification.missing)
        return certification.is_complete or (self._parts.attempts.superseded and not certification.is_settled)

    async def _announce_signatures(self) -> None:
        await self._parts.certification.announce(self._context.peers)
        await self._announce_openings()

    async def _wait_for_late_outcome(self) -> None:
        """Wait for an interruption: an outcome that an opening gives, or that others signed."""
        await self._parts.session_runner.take_up()
        await self._context.signal.wait_announcing(lambda: False, self._announce_openings)

    async def _announce_openings(self) -> None:
        await self._parts.openings.announce(self._context.peers)

    def _must_close(self) -> bool:
        orders = self._parts.orders
        ordered = orders.in_force("close") or orders.in_force("cancel")
        return ordered or self._now() > self._context.spec.closes_at

    async def _wait_until(self, moment: datetime) -> None:
        """Wait until ``moment``, or until an early close."""
        while not self._must_close() and (rest_s := (moment - self._now()).total_seconds()) > 0:
            await self._context.signal.wait_for(self._must_close, timeout_s=min(rest_s, _LONGEST_SLEEP_S))

    def _now(self) -> datetime:
        return self._context.party.clock.now()
