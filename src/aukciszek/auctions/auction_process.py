"""One auction at one party, from its creation to its certificate: the coroutine that drives it.

``docs/protocol.md``, "The way of a session". Each step works in one stored state and ends by entering the next one, so
a restart simply takes up the step of the state that was stored.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from aukciszek.auctions.agreement.list_exchange import ListExchange
from aukciszek.auctions.agreement.opened_envelopes import OpenedEnvelopes
from aukciszek.auctions.agreement.receipt_relay import ReceiptRelay
from aukciszek.auctions.agreement.replication import Replication
from aukciszek.auctions.context.auction_context import AuctionContext, PartyContext
from aukciszek.auctions.context.peer_network import MessageKind, PeerMessage
from aukciszek.auctions.intake.intake import Intake
from aukciszek.auctions.keys.dealing import KeyDealing
from aukciszek.auctions.keys.sealing_key_exchange import SealingKeys
from aukciszek.auctions.orders import Orders
from aukciszek.auctions.outcome.catch_up import does_not_know_outcome
from aukciszek.auctions.outcome.certification import Certification
from aukciszek.auctions.recall import Recall
from aukciszek.auctions.session.fair_opening import Openings
from aukciszek.auctions.session.readiness import Proposal
from aukciszek.auctions.session.session_runner import SessionRunner
from aukciszek.auctions.session.setup import SessionSetup
from aukciszek.auctions.view import Progress
from aukciszek.cluster import PartyNumber
from aukciszek.diagnosis import log_failure
from aukciszek.encoding import Json
from aukciszek.errors import AukciszekError
from aukciszek.protocol.rules.errors import UnexpectedFailureError
from aukciszek.protocol.rules.spec import AuctionSpec
from aukciszek.protocol.rules.states import ABANDONABLE, CANCELLABLE, AuctionState, is_over
from aukciszek.protocol.sealing.keys import SealingKeyPair
from aukciszek.storage.errors import StorageFaultError
from aukciszek.storage.rows import AuctionRow

_log = logging.getLogger(__name__)

_LONGEST_SLEEP_S: Final = 30.0
"""The time of day may jump, so a long wait looks at the clock again now and then."""

_LONGEST_DEADLINE_SLEEP_S: Final = 3600.0
"""A deadline of weeks is not looked at more often."""

STORAGE_RETRY_S: Final = 2.0
"""How long an auction waits before it asks again whether anything can be stored."""

_MILLISECOND: Final = timedelta(milliseconds=1)


class AuctionProcess:
    """Everything that one party does for one auction."""

    def __init__(
        self, party_context: PartyContext, spec: AuctionSpec, row: AuctionRow, key_pair: SealingKeyPair | None
    ) -> None:
        """Put the parts of an auction together; ``key_pair`` is None while there is none, or where it is lost."""
        self.context = AuctionContext(party_context, spec, row)
        self.orders = Orders(self.context)
        self.keys = SealingKeys(self.context)
        self.dealing = KeyDealing(self.context, self.keys, key_pair)
        self.replication = Replication(self.context)
        self.intake = Intake(self.context, key_pair, self.replication.spread)
        self.envelopes = OpenedEnvelopes(self.context, key_pair)
        self.setup = SessionSetup(self.context)
        self.recall = Recall(self.context, self.setup)
        self.list_exchange = ListExchange(
            self.context, self.replication, self.envelopes, self._carried_statements, self.setup
        )
        self.receipt_relay = ReceiptRelay(self.context, self.replication, self.list_exchange)
        self.openings = Openings(self.context)
        self.session_runner = SessionRunner(
            self.context, self.list_exchange, self.envelopes, self.setup, self.dealing, self.openings
        )
        self.certification = Certification(self.context)
        self.failure: AukciszekError | None = None
        # What is signed counts whoever passes it on; the rest is between the sender and this party.
        self._receivers: dict[MessageKind, Callable[[bytes], Awaitable[None]]] = {
            MessageKind.ORDER: self.orders.receive,
            MessageKind.KEY_TABLE: self.dealing.receive_table,
            MessageKind.HOLDINGS: self.list_exchange.receive_list,
            MessageKind.BUNDLE: self.replication.receive_bundle,
            MessageKind.OPENING_SIGNATURE: self.openings.receive_signature,
            MessageKind.RELEASE: self.openings.receive_release,
            MessageKind.OUTCOME_SIGNATURE: self.certification.receive,
            MessageKind.OUTCOME: self.certification.receive_outcome,
        }
        self._answers: dict[MessageKind, Callable[[PartyNumber, bytes], Awaitable[None]]] = {
            MessageKind.SEALING_KEY: self.keys.receive,
            MessageKind.DEALING: self.dealing.receive_dealing,
            MessageKind.DEALING_WANTED: self.dealing.receive_wanted,
            MessageKind.KEYS_WANTED: self.dealing.recovery.receive_wanted,
            MessageKind.KEYS: self.dealing.recovery.receive_keys,
            MessageKind.HOLDINGS_SEEN: self.list_exchange.receive_seen,
            MessageKind.HOLDINGS_WANTED: self.list_exchange.receive_list_wanted,
            MessageKind.BUNDLES_WANTED: self.replication.receive_bundles_wanted,
            MessageKind.RECEIPTS: self.replication.receive_receipts,
            MessageKind.RECEIPTS_KNOWN: self.replication.receive_known,
            MessageKind.READY: self.setup.receive_readiness,
            MessageKind.PROPOSAL: self.setup.receive_proposal,
            MessageKind.SIGNATURES_WANTED: self.certification.receive_wanted,
            MessageKind.RECALL: self.recall.receive_wanted,
            MessageKind.RECALLED: self.recall.receive_recalled,
        }

    async def load(self) -> None:
        """Take up what is stored: at the start, and once more when this party was told what it had forgotten."""
        repository, auction = self.context.party.repository, self.context.auction
        await self.context.load()
        private = await repository.sealing_private(auction)
        for keyed in (self.dealing, self.intake, self.envelopes):
            keyed.use_key(None if private is None else SealingKeyPair(private))
        for loaded in (self.orders, self.keys, self.dealing, self.intake, self.replication, self.list_exchange):
            await loaded.load()
        for late in (self.envelopes, self.openings, self.certification):
            await late.load()
        row = await repository.auction(auction)
        if row is not None:
            self.setup.load(row.attempt, row.proposal)

    async def run(self) -> None:
        """Drive the auction until it is final or cancelled."""
        steps: dict[AuctionState, Callable[[], Coroutine[Any, Any, None]]] = {
            AuctionState.CREATED: self._wait_for_opening,
            AuctionState.OPEN: self._wait_for_close,
            AuctionState.CLOSED: self._sign_list,
            AuctionState.AGREEING: self._agree,
            AuctionState.COMPUTING: self._compute,
            AuctionState.REVEALING: self._compute_again,
            AuctionState.SIGNING: self._collect_signatures,
            AuctionState.ABANDONED: self._wait_for_late_outcome,
        }
        helpers = (self.replication.run(), self.dealing.run(), self.openings.run(), self._watch_deadline())
        beside = [asyncio.create_task(helper) for helper in helpers]
        try:
            while not is_over(self.context.state):
                try:
                    await self._unless_cut_short(steps[self.context.state] if self.context.recalled else self._recall)
                    self._show_failure(None)
                except StorageFaultError as fault:
                    await self._wait_for_storage(fault)
        except AukciszekError as error:
            _log.exception("auction %s stands still in state %s", self.context.auction, self.context.state)
            await self._stand_still(error)
        except Exception as error:  # noqa: BLE001 -- the operator must hear that it does not go on
            log_failure(_log, f"driving auction {self.context.auction} in state {self.context.state}", error)
            await self._stand_still(UnexpectedFailureError(type(error).__name__))
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)

    async def _stand_still(self, error: AukciszekError) -> None:
        """Tell everybody why; nothing is lost, as everything is stored, and a restart goes on once it is mended."""
        self._show_failure(error)
        await self.context.report("stands-still", None, {"error": error.code, "reason": error.message})

    async def _wait_for_storage(self, fault: StorageFaultError) -> None:
        """Wait a little; then the step is taken again from the state that is stored, as after a restart."""
        self._show_failure(fault)
        _log.error("auction %s waits in state %s: %s", self.context.auction, self.context.state, fault.message)
        await self.context.party.clock.sleep(STORAGE_RETRY_S)

    def _show_failure(self, failure: AukciszekError | None) -> None:
        if failure is not self.failure:
            self.failure = failure
            self.context.signal.notify()

    def progress(self) -> Progress:
        """Return where the auction stands, for those who watch."""
        context = self.context
        return Progress(
            state=context.state,
            stage=context.stage,
            waiting_for=tuple(sorted(context.waiting_for)),
            failure=None if self.failure is None else self.failure.code,
            bids=self.intake.taken.standing,
        )

    async def receive(self, sender: PartyNumber, message: PeerMessage) -> None:
        """Hand a peer's message to the part that it concerns.

        Raises:
            AukciszekError: the message is malformed or breaks the protocol.
        """
        concerned = self._receivers.get(message.kind)
        if concerned is not None:
            await concerned(message.body)
        else:
            await self._answers[message.kind](sender, message.body)
        if self.context.state is AuctionState.SIGNING and does_not_know_outcome(message):
            await self.certification.hand_over([sender])
            await self.openings.announce([sender])

    async def announce(self, to: Sequence[PartyNumber]) -> None:
        """Tell peers what they may have missed while they were not connected."""
        await self.orders.announce(to)
        match self.context.state:
            case AuctionState.CREATED | AuctionState.OPEN | AuctionState.CLOSED:
                await self._announce_keys(to)
                await self.replication.announce(to)
            case AuctionState.AGREEING:
                await self._announce_keys(to)
                await self.list_exchange.announce(to)
            case AuctionState.COMPUTING | AuctionState.REVEALING:
                await self._announce_keys(to)
                await self.list_exchange.announce(to)
                await self.setup.announce(to)
                await self.openings.announce(to)
            case AuctionState.SIGNING:
                await self.certification.announce(to)
            case AuctionState.ABANDONED:
                await self.openings.announce(to)

    async def _announce_keys(self, to: Sequence[PartyNumber]) -> None:
        if self.context.recalled:
            await self.keys.announce(to)
            await self.dealing.announce(to)

    def _carried_statements(self) -> tuple[Iterable[bytes], Iterable[bytes]]:
        return self.orders.for_list, self.dealing.tables_for_list

    async def _unless_cut_short(self, step: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Take a step; leave it when the auction is cancelled or abandoned, or its outcome comes another way."""
        work = asyncio.create_task(step())
        cut_short = asyncio.create_task(self.context.signal.wait_for(self._is_cut_short))
        try:
            await asyncio.wait({work, cut_short}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                await work
                return
        finally:
            for task in (work, cut_short):
                task.cancel()
            await asyncio.gather(work, cut_short, return_exceptions=True)
        if self._can_adopt:
            await self.certification.adopt()
        elif self._has_late_outcome:
            await self._conclude_late()
        elif self._is_settled:
            await self.context.enter(AuctionState.SIGNING, "outcome-settled")
        elif (cancellation := self._cancellation) is not None:
            await self._cancel(cancellation)
        elif self._must_abandon:
            await self._abandon()

    def _is_cut_short(self) -> bool:
        return (
            self._can_adopt
            or self._has_late_outcome
            or self._is_settled
            or self._cancellation is not None
            or self._must_abandon
        )

    @property
    def _is_settled(self) -> bool:
        """Whether a session is being repeated that nobody needs any more: signatures came for what was found before."""
        return self.context.state is AuctionState.COMPUTING and self.certification.certificate() is not None

    @property
    def _cancellation(self) -> Proposal | None:
        """The proof that enough parties are bound to cancel, if this party may follow it.

        It may not once it was about to open something, nor while it does not know what it said before.
        """
        context = self.context
        if context.state not in CANCELLABLE or context.may_have_opened or not context.recalled:
            return None
        return self.setup.attempts.cancellation

    @property
    def _can_adopt(self) -> bool:
        adopting = {AuctionState.AGREEING, AuctionState.COMPUTING, AuctionState.ABANDONED}
        return self.context.state in adopting and self.context.recalled and self.certification.may_adopt

    @property
    def _has_late_outcome(self) -> bool:
        """Whether an opening gave the outcome for which no session waits."""
        late = {AuctionState.COMPUTING, AuctionState.REVEALING, AuctionState.ABANDONED}
        if self.context.state not in late or self.certification.knows_outcome:
            return False
        return self.session_runner.late_outcome is not None

    @property
    def _must_abandon(self) -> bool:
        return self.context.state in ABANDONABLE and self._now() > self.context.spec.abandons_at

    async def _conclude_late(self) -> None:
        outcome = self.session_runner.late_outcome
        if outcome is not None:
            if self.context.state is not AuctionState.REVEALING:
                await self.context.enter(AuctionState.REVEALING, "opening-released")
            await self.certification.conclude(outcome)

    async def _cancel(self, cancellation: Proposal) -> None:
        details: dict[str, Json] = {
            "vouchers": list(self.orders.vouchers("cancel")),
            "parties": list(cancellation.participants),
        }
        repository, auction = self.context.party.repository, self.context.auction
        async with self.context.entering(AuctionState.CANCELLED, "cancelled", details) as connection:
            await repository.set_proposal(auction, cancellation.encode(), connection=connection)
            await repository.erase_secrets(auction, connection=connection)
        await self.context.send(self.context.peers, MessageKind.PROPOSAL, cancellation.encode())

    async def _abandon(self) -> None:
        """Give up: destroy the keys, and keep nothing but openings that others may still finish."""
        context = self.context
        details: dict[str, Json] = {"state": context.state.value, "waiting_for": sorted(context.waiting_for)}
        _log.warning("auction %s is abandoned: %s", context.auction, details)
        async with context.entering(AuctionState.ABANDONED, "abandoned", details) as connection:
            await context.party.repository.erase_secrets(context.auction, keep_openings=True, connection=connection)

    async def _wait_for_late_outcome(self) -> None:
        """Wait for what :meth:`_unless_cut_short` looks for."""
        await self.session_runner.take_up()
        await self.context.signal.wait_announcing(lambda: False, self._announce_openings)

    async def _announce_openings(self) -> None:
        await self.openings.announce(self.context.peers)

    async def _recall(self) -> None:
        await self.recall.run()
        await self.load()
        # What others said meanwhile, this party could not answer.
        await self.announce(self.context.peers)

    async def _watch_deadline(self) -> None:
        """Let the step that is under way look at the time when the rules' deadline has passed."""
        while not self._must_abandon:
            rest_s = (self.context.spec.abandons_at - self._now()).total_seconds()
            await self.context.party.clock.sleep(min(max(rest_s + 0.001, 1.0), _LONGEST_DEADLINE_SLEEP_S))
        self.context.signal.notify()

    async def _wait_for_opening(self) -> None:
        """Wait for the keys of all parties, deal those for shared randomness, and wait for the opening."""
        await self.dealing.settle(self._must_close, self.announce)
        await self._wait_until(self.context.spec.opens_at)
        if self._must_close():
            await self._close()
        else:
            await self.context.enter(AuctionState.OPEN, "opened")

    async def _wait_for_close(self) -> None:
        # A bid that arrives at the very millisecond of the close is in time.
        await self._wait_until(self.context.spec.closes_at + _MILLISECOND)
        await self._close()

    async def _close(self) -> None:
        if self.orders.in_force("cancel"):
            action = "closed-to-cancel"
        else:
            action = "closed-early" if self.orders.in_force("close") else "closed"
        await self.context.enter(AuctionState.CLOSED, action)

    async def _sign_list(self) -> None:
        context = self.context
        await self.intake.wait_until_empty()
        if self.list_exchange.has_own_list:
            await context.enter(AuctionState.AGREEING, "list-recalled")
            return
        signed, digest = await self.list_exchange.sign_own_list()
        details: dict[str, Json] = {"list": digest, "bundles": len(signed.content.own_receipts)}
        async with context.entering(AuctionState.AGREEING, "list-signed", details) as connection:
            await context.party.repository.put_list(
                context.auction, context.party.number, digest, signed.encode(), connection=connection
            )
        # Not before it is committed: a list that was said but not stored would contradict the one that is signed next.
        self.list_exchange.keep_own_list(signed, digest)

    async def _agree(self) -> None:
        await self.list_exchange.run()
        input_set = await self.list_exchange.input_set()
        details: dict[str, Json] = {
            "input_set": input_set.digest,
            "bids": len(input_set.bids),
            "left_out": list(input_set.unusable),
            "cancelled": input_set.cancelled,
            "not_counted": [{"bundle": bundle, "reason": reason} for bundle, reason in input_set.not_counted],
        }
        await self.context.enter(AuctionState.COMPUTING, "agreed", details)

    async def _compute(self) -> None:
        await self.certification.conclude(await self.session_runner.run())

    async def _compute_again(self) -> None:
        """Go back to the start of a session: this one was interrupted while the outcome was being opened."""
        await self.context.enter(AuctionState.COMPUTING, "session-interrupted")

    async def _collect_signatures(self) -> None:
        await self.context.signal.wait_announcing(self._signed_or_needed_again, self._announce_signatures)
        if self.certification.is_complete:
            await self.certification.finish()
            await self.certification.pass_on(self.context.peers)
        else:
            await self.context.enter(AuctionState.COMPUTING, "session-repeated-for-a-peer")

    def _signed_or_needed_again(self) -> bool:
        self.context.wait_for_parties(self.certification.missing)
        return self.certification.is_complete or (self.setup.attempts.superseded and not self.certification.is_settled)

    async def _announce_signatures(self) -> None:
        await self.certification.announce(self.context.peers)
        await self.openings.announce(self.context.peers)

    def _must_close(self) -> bool:
        ordered = self.orders.in_force("close") or self.orders.in_force("cancel")
        return ordered or self._now() > self.context.spec.closes_at

    async def _wait_until(self, moment: datetime) -> None:
        """Wait until ``moment``, or until an early close."""
        while not self._must_close() and (rest_s := (moment - self._now()).total_seconds()) > 0:
            await self.context.signal.wait_for(self._must_close, timeout_s=min(rest_s, _LONGEST_SLEEP_S))

    def _now(self) -> datetime:
        return self.context.party.clock.now()
