"""One session, from its first round to its outcome: the engine runs on this party's shares.

``docs/protocol.md``, "The way of a session" and "Share recovery". Everything that happens to a session stands in the
audit record.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from aukciszek.auctions.agreement.input_set import CountedBid
from aukciszek.auctions.agreement.opened_envelopes import OpenedEnvelopes
from aukciszek.auctions.context.auction_context import AuctionContext
from aukciszek.auctions.context.change_notifier import STRAGGLER_TIMEOUT_S
from aukciszek.auctions.context.peer_network import SessionChannel
from aukciszek.auctions.context.session_scheduler import SessionSlot
from aukciszek.auctions.session.computation import compute
from aukciszek.auctions.session.computation_task import ComputationResult, ComputationTask
from aukciszek.auctions.session.errors import RecoveredShareError, SessionGivenUpError
from aukciszek.auctions.session.fair_opening import Openings
from aukciszek.auctions.session.opening_port import SessionOpenings
from aukciszek.auctions.session.readiness import Proposal
from aukciszek.auctions.session.session_input import SessionInput, SessionOutcome
from aukciszek.cluster import PartyNumber
from aukciszek.encoding import Json
from aukciszek.mpc.errors import InconsistentSharesError, MpcError, PartiesMissingError
from aukciszek.mpc.protocols.runtime import Runtime
from aukciszek.mpc.sharing.field import Vector
from aukciszek.mpc.sharing.prss import PrssKeys
from aukciszek.protocol.evidence.recorded_attempts import ENDED

_log = logging.getLogger(__name__)

_TOO_FEW_BIDS: Final = b"too-few-bids"


class SessionExecution:
    """Runs sessions of one auction, one at a time."""

    def __init__(self, context: AuctionContext, envelopes: OpenedEnvelopes, openings: Openings) -> None:
        self._context = context
        self._envelopes = envelopes
        self._openings = openings

    async def run(self, own: SessionInput, proposal: Proposal, slot: SessionSlot) -> SessionOutcome:
        """Return what a session finds; ``slot`` stays its own once it has begun.

        Raises:
            MpcError: it found nothing. What it was opening may still give the outcome.
        """
        try:
            return await self._run(own, proposal, slot)
        except BaseException:
            self._openings.stop_awaiting()
            self._context.signal.notify()
            raise

    async def note_end(self, proposal: Proposal, transcript: bytes | None, error: str | None) -> None:
        """Put on record that a session ended, and why if it found no outcome."""
        details: dict[str, Json] = {
            "session": proposal.session_id(self._context.auction).hex(),
            "transcript": None if transcript is None else transcript.hex(),
            "error": error,
        }
        await self._context.note(ENDED, details)

    async def note_failure(self, error: MpcError) -> None:
        """Log why a session found nothing; report the parties that deviated, if it was that."""
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

    async def _run(self, own: SessionInput, proposal: Proposal, slot: SessionSlot) -> SessionOutcome:
        context, party_context = self._context, self._context.party
        details: dict[str, Json] = {
            "session": proposal.session_id(context.auction).hex(),
            "attempt": proposal.attempt,
            "input_set": own.input_set.digest,
            "participants": list(proposal.participants),
            "bids": len(own.input_set.computed),
        }
        await context.note("session-began", details)
        channel = party_context.network.open_channel(
            proposal.session_id(context.auction),
            round_timeout_s=party_context.round_timeout_s,
            first_timeout_s=self._first_timeout_s(),
        )
        try:
            if own.keys is None:
                await self._meet(channel)
                await self.note_end(proposal, None, None)
                return SessionOutcome(own.input_set, ComputationResult(kind="too-few-bids"))
            return await self._compute(own, own.keys, proposal, channel, slot)
        except MpcError as error:
            await self.note_end(proposal, None, error.code)
            raise
        finally:
            await channel.close()

    async def _compute(
        self, own: SessionInput, keys: PrssKeys, proposal: Proposal, channel: SessionChannel, slot: SessionSlot
    ) -> SessionOutcome:
        context, session = self._context, proposal.session_id(self._context.auction)
        runtime = Runtime(
            channel,
            threshold=context.party.threshold,
            prss_keys=keys,
            session_id=session,
            openings=SessionOpenings(self._openings, context, session, own.input_set.digest),
        )
        await self._start(runtime)
        slot.begin()
        outcome = await self._find_outcome(runtime, own, proposal)
        await self.note_end(proposal, runtime.transcript, None)
        for corrupt_party in sorted(runtime.corrupt_parties):
            await context.report("lied-in-session", PartyNumber(corrupt_party), {"session": session.hex()})
        return outcome

    async def _find_outcome(self, runtime: Runtime, own: SessionInput, proposal: Proposal) -> SessionOutcome:
        spec, bids = self._context.spec, own.input_set.computed
        requests = proposal.requests(len(bids))
        table = own.table(spec.bits)
        if requests:
            asked = list(own.asks)
            table[asked] = await self._recover(runtime, table, requests, [bids[index] for index in asked])
        result = await compute(
            runtime,
            ComputationTask.of(spec, own.input_set),
            np.ascontiguousarray(table[:, : spec.bits]),
            self._show_progress,
            proposal.cost_model(),
            recovered=bool(requests),
        )
        return SessionOutcome(own.input_set, result)

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
        received = await channel.exchange(_TOO_FEW_BIDS)
        same = [party for party, content in received.items() if bytes(content) == _TOO_FEW_BIDS]
        if len(same) + 1 < self._context.party.quorum:
            raise PartiesMissingError(set(self._context.peers) - set(same))

    def _first_timeout_s(self) -> float:
        """Return how long the others have to come: not long, where not all are needed."""
        party_context = self._context.party
        needs_all = party_context.quorum == party_context.cluster.size
        return party_context.round_timeout_s if needs_all else min(STRAGGLER_TIMEOUT_S, party_context.round_timeout_s)

    async def _start(self, runtime: Runtime) -> None:
        try:
            await runtime.start()
        except PartiesMissingError as error:
            raise SessionGivenUpError(error.parties) from error

    async def _show_progress(self, stage: str, fraction: float) -> None:
        self._context.show_stage(stage, fraction)
