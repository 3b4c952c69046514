"""Computing an auction: the parties come together for an attempt, and the engine runs on their shares.

``docs/protocol.md``, "The way of a session", and ``docs/adr/0003-sessions-by-attempt.md``. A session that fails or is
interrupted is repeated under a new id, hence with fresh randomness, on the same input set, until an outcome is known.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from aukciszek.auctions.agreement.input_set import CountedBid, InputSet
from aukciszek.auctions.agreement.list_exchange import ListExchange
from aukciszek.auctions.agreement.opened_envelopes import OpenedEnvelopes, Rows
from aukciszek.auctions.context.auction_context import AuctionContext
from aukciszek.auctions.context.change_notifier import FIRST_RETRY_S, LONGEST_RETRY_S, PATIENCE_S
from aukciszek.auctions.context.peer_network import SessionChannel
from aukciszek.auctions.context.session_scheduler import LOOK_AGAIN_S, SessionSlot, memory_bytes
from aukciszek.auctions.keys.dealing import KeyDealing
from aukciszek.auctions.session.computation import ComputationResult, ComputationTask, compute, outcome_of
from aukciszek.auctions.session.fair_opening import Opened, OpeningId, Openings
from aukciszek.auctions.session.readiness import Proposal
from aukciszek.auctions.session.setup import SessionSetup
from aukciszek.cluster import PartyNumber
from aukciszek.encoding import Json
from aukciszek.mpc.errors import InconsistentSharesError, MpcError, PartiesMissingError
from aukciszek.mpc.field import Vector
from aukciszek.mpc.prss import PrssKeys
from aukciszek.mpc.runtime import Runtime
from aukciszek.mpc.sizes import MASKS, SALTS
from aukciszek.protocol.rules.errors import AuctionError
from aukciszek.protocol.rules.identifiers import BundleDigest
from aukciszek.protocol.rules.states import WAITING_FOR_SLOT, AuctionState

_log = logging.getLogger(__name__)

SESSION_ENDED: Final = "session-ended"
"""What is on record of a session, with the reason if it found no outcome."""

UNUSABLE_REASON: Final = "envelope-unusable"
"""Why a bid is left out about which too many parties complained."""


@dataclass(frozen=True, slots=True)
class SessionOutcome:
    """What a session found, in terms of the input set."""

    input_set: InputSet
    result: ComputationResult
    """Its indices point into the bids that were computed on."""

    @property
    def bids(self) -> tuple[CountedBid, ...]:
        """The bids that were computed on."""
        return self.input_set.computed

    @property
    def unusable(self) -> tuple[BundleDigest, ...]:
        """The other bids of the input set."""
        return self.input_set.unusable


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What this party brings to a session on one input set."""

    input_set: InputSet
    keys: PrssKeys | None
    rows: Rows

    @property
    def asks(self) -> tuple[int, ...]:
        """The indices of those bids of which this party has no usable share."""
        return tuple(index for index, bid in enumerate(self.input_set.computed) if bid.digest not in self.rows)

    def table(self, bits: int) -> Vector:
        """Return what this party was dealt, a row for each bid; zeros where it has no share."""
        bids = self.input_set.computed
        table = np.zeros((len(bids), bits + SALTS + MASKS), dtype=np.uint64)
        for index, bid in enumerate(bids):
            if bid.digest in self.rows:
                table[index] = self.rows[bid.digest]
        return table


class SessionRunner:
    """The attempts of one party to compute one auction."""

    def __init__(  # noqa: PLR0913, PLR0917 -- the parts of an auction that meet here
        self,
        context: AuctionContext,
        list_exchange: ListExchange,
        envelopes: OpenedEnvelopes,
        setup: SessionSetup,
        keys: KeyDealing,
        openings: Openings,
    ) -> None:
        self._context = context
        self._list_exchange = list_exchange
        self._envelopes = envelopes
        self._setup = setup
        self._keys = keys
        self._openings = openings
        self._announced: dict[str, InputSet] = {}
        # What finished openings say: it does not change, and is asked for whenever anything happens.
        self._said: dict[OpeningId, SessionOutcome | None] = {}

    async def run(self) -> SessionOutcome:
        """Return the outcome of the first attempt that succeeds; of a cancelled auction, never return."""
        pause_s, failed = FIRST_RETRY_S, False
        while True:
            number = await self._setup.next_number(failed=failed)
            prepared = await self._prepare()
            if self._context.state is AuctionState.REVEALING:
                await self._context.enter(AuctionState.COMPUTING, "session-interrupted")
            await self._join(prepared, number)
            failed = True
            try:
                outcome = await self._attempt(prepared) if await self._setup.can_begin() else None
                if outcome is None and self._setup.attempts.current is None:
                    failed = await self._gather_again()
            except MpcError as error:
                await self._note_failure(error)
                if await self._context.signal.wait_for(self._is_superseded, timeout_s=pause_s):
                    pause_s = FIRST_RETRY_S
                pause_s = min(2 * pause_s, LONGEST_RETRY_S)
            else:
                if outcome is not None:
                    return outcome

    def _is_superseded(self) -> bool:
        return self._setup.attempts.superseded

    async def take_up(self) -> None:
        """Read again, after a restart, on what a session began: an opening may still give its outcome."""
        if self._list_exchange.bound_to is not None:
            await self._choose_input_set()
            self._context.signal.notify()

    @property
    def late_outcome(self) -> SessionOutcome | None:
        """The outcome that an opening gave which no session here waits for any more, once one did."""
        for opened in self._openings.finished:
            outcome = self._outcome_said_by(opened)
            if outcome is not None:
                return outcome
        return None

    def _outcome_said_by(self, opened: Opened) -> SessionOutcome | None:
        input_set = self._announced.get(opened.input_set)
        if input_set is None or opened.values is None:
            return None
        if opened.id not in self._said:
            result = outcome_of(self._task(input_set), opened.opening.context, opened.values)
            self._said[opened.id] = None if result is None else SessionOutcome(input_set, result)
        return self._said[opened.id]

    async def _prepare(self) -> _Prepared:
        """Choose what to compute on, and get ready for it: keys, and shares as far as there are any."""
        await self._list_exchange.complain()
        input_set = await self._choose_input_set()
        if input_set.cancelled:
            return _Prepared(input_set, None, {})
        bids = input_set.computed
        if input_set.keys is None and len(bids) >= max(1, self._context.spec.minimum_bids):
            raise KeysNotChosenError("the parties' tables give no key for some of their sets: see the incidents")
        keys = None if input_set.keys is None else await self._keys.prss_keys(input_set.keys)
        if keys is not None:
            await self._openings.use_keys(keys)
        rows = await self._envelopes.rows([bid.digest for bid in bids])
        return _Prepared(input_set, keys, rows)

    async def _choose_input_set(self) -> InputSet:
        """Return the input set to be ready for: the one that a session began on, else what lists and proposals say."""
        found = await self._list_exchange.input_set()
        self._announced.setdefault(found.digest, found)
        fixed = self._list_exchange.bound_to
        if fixed is None:
            return found
        if fixed not in self._announced:
            raise InputSetLostError("the stored lists do not give the input set that a session began on: restore them")
        return self._announced[fixed]

    async def _join(self, prepared: _Prepared, number: int) -> None:
        input_set, attempts = prepared.input_set, self._setup.attempts
        await self._list_exchange.remember(input_set)
        confirms = attempts.confirms(input_set.digest) if input_set.cancelled else 0
        if confirms and (proposal := attempts.locked) is not None:
            # From here on it will never be ready for anything else.
            await self._fix(input_set, proposal)
        size = memory_bytes(len(input_set.bids), self._context.spec.bits, self._context.spec.winners + 1)
        await self._setup.join(input_set, prepared.asks, memory_bytes=size, number=number, confirms=confirms)

    async def _gather_again(self) -> bool:
        """Bring the lists together once more if the parties are ready for different input sets; tell whether so."""
        if not self._setup.attempts.sets_differ:
            return False
        if self._list_exchange.bound_to is None:
            await self._list_exchange.run()
        return True

    async def _attempt(self, prepared: _Prepared) -> SessionOutcome | None:
        """Wait for a slot and run one session; None when another attempt must be made."""
        context, setup = self._context, self._setup
        if prepared.input_set.cancelled:
            await setup.proposal()
            return None
        size = memory_bytes(len(prepared.input_set.bids), context.spec.bits, context.spec.winners + 1)
        with context.party.computing.claimed(setup.priority, size, context.signal.notify) as slot:
            if not slot.is_held:
                context.show_stage(WAITING_FOR_SLOT, 0.0)
            while not slot.is_held and not setup.attempts.superseded:
                await context.signal.wait_for(lambda: slot.is_held or setup.attempts.superseded, timeout_s=LOOK_AGAIN_S)
                context.party.computing.look_again()
            proposal = await setup.proposal()
            return await self._begin(prepared, proposal, slot) if proposal else None

    async def _begin(self, prepared: _Prepared, proposal: Proposal, slot: SessionSlot) -> SessionOutcome | None:
        """Run one session; None when it must end early: others have moved on, or the slot is wanted back."""
        context, attempts = self._context, self._setup.attempts
        await self._fix(prepared.input_set, proposal)
        computation = asyncio.create_task(self._compute(prepared, proposal, slot))
        ends_early = asyncio.create_task(context.signal.wait_for(lambda: attempts.superseded or slot.is_wanted_back))
        try:
            await asyncio.wait({computation, ends_early}, return_when=asyncio.FIRST_COMPLETED)
            if computation.done():
                return computation.result()
            error = "slot-wanted" if slot.is_wanted_back else "superseded"
            await self._note_end(proposal, None, error)
            return None
        finally:
            for task in (computation, ends_early):
                task.cancel()
            await asyncio.gather(computation, ends_early, return_exceptions=True)

    async def _fix(self, input_set: InputSet, proposal: Proposal) -> None:
        if not await self._list_exchange.fix(input_set.digest, proposal.encode()):
            raise InputSetLostError("a session began on another input set before: this one must never be computed on")
        self._setup.keep_beginning(proposal)

    async def _compute(self, prepared: _Prepared, proposal: Proposal, slot: SessionSlot) -> SessionOutcome:
        try:
            return await self._compute_session(prepared, proposal, slot)
        except BaseException:
            # Whatever ended it, what it was opening may still give the outcome.
            self._openings.awaited = None
            self._context.signal.notify()
            raise

    async def _compute_session(self, prepared: _Prepared, proposal: Proposal, slot: SessionSlot) -> SessionOutcome:
        context, party_context = self._context, self._context.party
        identifier, input_set = proposal.session_id(context.auction), prepared.input_set
        details: dict[str, Json] = {
            "session": identifier.hex(),
            "attempt": proposal.attempt,
            "input_set": input_set.digest,
            "participants": list(proposal.participants),
            "bids": len(input_set.computed),
        }
        await context.note("session-began", details)
        channel = party_context.network.open_channel(
            identifier, round_timeout_s=party_context.round_timeout_s, first_timeout_s=self._first_timeout_s()
        )
        try:
            if prepared.keys is None:
                await self._meet(channel)
                await self._note_end(proposal, None, None)
                return SessionOutcome(input_set, ComputationResult(kind="too-few-bids"))
            runtime = Runtime(
                channel,
                threshold=party_context.threshold,
                prss_keys=prepared.keys,
                session_id=identifier,
                openings=self._openings.of_session(identifier, input_set.digest),
            )
            await self._start(runtime)
            slot.begin()
            outcome = await self._run(runtime, prepared, proposal)
            await self._note_end(proposal, runtime.transcript, None)
            for corrupt_party in sorted(runtime.corrupt_parties):
                await context.report("lied-in-session", PartyNumber(corrupt_party), {"session": identifier.hex()})
        except MpcError as error:
            await self._note_end(proposal, None, error.code)
            raise
        finally:
            await channel.close()
        return outcome

    async def _run(self, runtime: Runtime, prepared: _Prepared, proposal: Proposal) -> SessionOutcome:
        spec, input_set = self._context.spec, prepared.input_set
        requests = proposal.requests(len(input_set.computed))
        table = prepared.table(spec.bits)
        if requests:
            asked = list(prepared.asks)
            table[asked] = await self._recover(runtime, table, requests, [input_set.computed[index] for index in asked])
        result = await compute(
            runtime,
            self._task(input_set),
            np.ascontiguousarray(table[:, : spec.bits]),
            self._show_progress,
            proposal.pace(),
            recovered=bool(requests),
        )
        return SessionOutcome(input_set, result)

    async def _recover(
        self, runtime: Runtime, table: Vector, requests: Mapping[int, Sequence[int]], asked: Sequence[CountedBid]
    ) -> Vector:
        """Help others to their shares, and return those that this party lacks, once they are checked and stored.

        Raises:
            RecoveredShareError: a share is not the one that the bundle commits to. Nothing that depends on it was sent.
        """
        found = await runtime.recover(table, requests)
        if not asked:
            return found
        rows = {bid.digest: row for bid, row in zip(asked, found, strict=True)}
        wrong = await self._envelopes.keep(rows)
        if wrong is not None:
            raise RecoveredShareError(wrong)
        await self._context.note("shares-recovered", {"bundles": len(rows)})
        return found

    async def _meet(self, channel: SessionChannel) -> None:
        """Make sure that enough parties conclude the same, where no keys are needed since nothing is computed."""
        received = await channel.exchange(b"too-few-bids")
        same = [party for party, content in received.items() if bytes(content) == b"too-few-bids"]
        if len(same) + 1 < self._context.party.quorum:
            raise PartiesMissingError(set(self._context.peers) - set(same))

    def _first_timeout_s(self) -> float:
        """Return how long the others have to come: not long, where those who do not can be done without."""
        party_context = self._context.party
        needs_all = party_context.quorum == party_context.cluster.size
        return party_context.round_timeout_s if needs_all else min(PATIENCE_S, party_context.round_timeout_s)

    async def _start(self, runtime: Runtime) -> None:
        try:
            await runtime.start()
        except PartiesMissingError as error:
            raise SessionGivenUpError(error.parties) from error

    async def _show_progress(self, stage: str, fraction: float) -> None:
        self._context.show_stage(stage, fraction)

    def _task(self, input_set: InputSet) -> ComputationTask:
        spec = self._context.spec
        return ComputationTask(
            auction_id=bytes.fromhex(self._context.auction),
            input_digest=bytes.fromhex(input_set.digest),
            auction_format=spec.format,
            direction=spec.direction,
            winners=spec.winners,
            bits=spec.bits,
            highest_step=spec.grid.highest_step,
            reserve_step=spec.reserve_step,
            minimum_bids=spec.minimum_bids,
            bundle_digests=[bytes.fromhex(bid.digest) for bid in input_set.computed],
        )

    async def _note_end(self, proposal: Proposal, transcript: bytes | None, error: str | None) -> None:
        details: dict[str, Json] = {
            "session": proposal.session_id(self._context.auction).hex(),
            "transcript": None if transcript is None else transcript.hex(),
            "error": error,
        }
        await self._context.note(SESSION_ENDED, details)

    async def _note_failure(self, error: MpcError) -> None:
        context = self._context
        if isinstance(error, SessionGivenUpError):
            # Nobody did anything wrong: the others had no slot for it in time, or are away.
            _log.warning("auction %s: a session did not begin: parties %s did not come", context.auction, error.parties)
            return
        _log.warning("auction %s: a session ended without an outcome: %s", context.auction, error.code)
        details = {"error": error.code, "reason": error.message}
        suspects = error.suspects if isinstance(error, InconsistentSharesError) else frozenset[int]()
        for suspect in sorted(suspects):
            await context.report("session-failed", PartyNumber(suspect), details)
        if not suspects:
            await context.report("session-failed", None, details)


class SessionGivenUpError(PartiesMissingError):
    """Parties that were ready for a session did not come to its first round."""

    code = "session-given-up"


class RecoveredShareError(MpcError):
    """A share that this party recovered is not the one that its bundle commits to: a helper, or its bidder, lies."""

    code = "recovered-share-wrong"

    def __init__(self, bundle: BundleDigest) -> None:
        super().__init__(
            f"the share of bundle {bundle} that the other parties helped to is not the one that it commits to: a party "
            "or the bidder deviates from the protocol, so the session was stopped before the share was used; ask the "
            "other operators, and see who bid"
        )


class KeysNotChosenError(AuctionError):
    """The parties' key tables give no key for some of their sets, so nothing can be computed."""

    code = "keys-not-chosen"


class InputSetLostError(AuctionError):
    """The input set that a session began on cannot be had any more, so nothing may be computed."""

    code = "input-set-lost"
