"""Computing an auction: the parties meet for an attempt, and the engine runs on their shares.

``docs/protocol.md``, "The way of a session", and ``docs/adr/0003-sessions-by-attempt.md``. A session that fails or is
interrupted is repeated under a new id, hence with fresh randomness, on the same input set, until it succeeds.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from aukciszek.auctions.agreement import CountedBid, InputSet
from aukciszek.auctions.bundle import Bundle
from aukciszek.auctions.computation import ComputationResult, ComputationTask, compute
from aukciszek.auctions.desk import VERIFIED, AuctionDesk
from aukciszek.auctions.errors import AuctionError, EnvelopeError
from aukciszek.auctions.gathering import Gathering
from aukciszek.auctions.identifiers import BundleDigest
from aukciszek.auctions.lifecycle import AuctionState
from aukciszek.auctions.meeting import Meeting
from aukciszek.auctions.readiness import Ready, common_pace, session_id, usable_bids
from aukciszek.auctions.sealing import open_envelope
from aukciszek.auctions.sealing_keys import SealingKeyPair
from aukciszek.auctions.signal import FIRST_RETRY_S, LONGEST_RETRY_S
from aukciszek.cluster import PartyNumber
from aukciszek.mpc.errors import InconsistentSharesError, MpcError
from aukciszek.mpc.runtime import Runtime

_log = logging.getLogger(__name__)

_NONCE_BYTES: Final = 32

UNUSABLE_REASON: Final = "envelope-unusable"
"""Why a bid is left out whose envelope a party, which gave no receipt for it, cannot use."""


@dataclass(frozen=True, slots=True)
class SessionOutcome:
    """What a session found, in terms of the input set."""

    input_set: InputSet
    bids: tuple[CountedBid, ...]
    """The bids that were computed on; the result's indices point here."""
    unusable: tuple[BundleDigest, ...]
    """The other bids of the input set, which not every party had a usable share of."""
    result: ComputationResult


@dataclass(frozen=True, slots=True)
class _Shares:
    """This party's shares of the bids of one input set."""

    input_set: InputSet
    rows: Mapping[BundleDigest, npt.NDArray[np.uint64]]
    unusable: tuple[BundleDigest, ...]


class Sessions:
    """The attempts of one party to compute one auction."""

    def __init__(self, desk: AuctionDesk, gathering: Gathering, key_pair: SealingKeyPair) -> None:
        self.meeting = Meeting(desk)
        self._desk = desk
        self._gathering = gathering
        self._key_pair = key_pair
        self._announced: dict[str, InputSet] = {}
        self._fixed: str | None = None

    def load(self, input_set: str | None, last_attempt: int) -> None:
        """Take up, after a restart, the input set that a session began on, if any, and the last attempt."""
        self._fixed = input_set
        self.meeting.load(last_attempt)

    async def run(self) -> SessionOutcome:
        """Return the outcome of the first attempt that succeeds."""
        await self._desk.context.prss_keys()
        pause_s = FIRST_RETRY_S
        while True:
            shares = await self._open_envelopes(await self._choose_input_set())
            if self._desk.state is AuctionState.REVEALING:
                await self._desk.enter(AuctionState.COMPUTING, "session-interrupted")
            began = self._fixed is not None
            await self.meeting.join(shares.input_set.digest, began=began, unusable=shares.unusable)
            participants = await self.meeting.participants()
            try:
                outcome = await self._begin(shares, participants) if participants else None
                if not participants and self.meeting.sets_differ:
                    await self._gather_again(began=began)
            except MpcError as error:
                await self._note_failure(error)
                if await self._desk.signal.wait_for(lambda: self.meeting.overtaken, timeout_s=pause_s):
                    pause_s = FIRST_RETRY_S
                pause_s = min(2 * pause_s, LONGEST_RETRY_S)
            else:
                if outcome is not None:
                    return outcome

    async def _choose_input_set(self) -> InputSet:
        """Return the input set to announce: for good the one that a session began on, else what the lists say now."""
        found = await self._gathering.input_set()
        self._announced.setdefault(found.digest, found)
        if self._fixed is None:
            # A peer that has begun on a set that this party announced, too, cannot change it any more.
            began = self.meeting.input_sets_begun & self._announced.keys()
            return self._announced[min(began)] if began else found
        if self._fixed not in self._announced:
            raise InputSetLostError("the stored lists do not give the input set that a session began on: restore them")
        return self._announced[self._fixed]

    async def _gather_again(self, *, began: bool) -> None:
        """Bring the lists together once more, if that can help, because not all are ready for the same input set.

        Raises:
            InputSetsDifferError: always, so that the next attempt waits a little.
        """
        if not began and not self.meeting.input_sets_begun & self._announced.keys():
            await self._gathering.run()
        raise InputSetsDifferError

    async def _open_envelopes(self, input_set: InputSet) -> _Shares:
        bundles = await self._gathering.bundles(input_set.digests)
        number = self._desk.context.number
        rows, failed = await asyncio.to_thread(_open_all, bundles, number, self._key_pair)
        gave_receipt = {bid.digest for bid in input_set.bids if number in bid.receipts}
        if failed & gave_receipt:
            raise ShareLostError(
                f"{len(failed & gave_receipt)} envelopes opened before and do not now: restore a backup"
            )
        return _Shares(input_set, rows, tuple(sorted(failed)))

    async def _begin(self, shares: _Shares, participants: Ready) -> SessionOutcome | None:
        """Run one session; None when a peer has meanwhile moved on, so that it cannot succeed."""
        desk, digest = self._desk, shares.input_set.digest
        if not await self._gathering.fix(digest):
            raise InputSetLostError("a session began on another input set before: this one must never be computed on")
        self._fixed = digest
        computation = asyncio.create_task(self._compute(shares, participants))
        overtaken = asyncio.create_task(desk.signal.wait_for(lambda: self.meeting.overtaken))
        try:
            await asyncio.wait({computation, overtaken}, return_when=asyncio.FIRST_COMPLETED)
            return computation.result() if computation.done() else None
        finally:
            for task in (computation, overtaken):
                task.cancel()
            await asyncio.gather(computation, overtaken, return_exceptions=True)

    async def _compute(self, shares: _Shares, participants: Ready) -> SessionOutcome:
        desk, context = self._desk, self._desk.context
        identifier = session_id(desk.auction, participants)
        bids, unusable = usable_bids(shares.input_set, [one.content for one in participants.values()])
        await desk.note(
            "session-began",
            {"session": identifier.hex(), "input_set": shares.input_set.digest, "bids": len(bids)},
        )
        prss_keys = await context.prss_keys()
        channel = context.network.open_channel(identifier, round_timeout_s=context.round_timeout_s)
        try:
            runtime = Runtime(channel, threshold=context.threshold, prss_keys=prss_keys, session_id=identifier)
            await runtime.start()
            result = await compute(runtime, self._task(bids, shares), self._follow, common_pace(participants))
            for liar in sorted(runtime.liars):
                await desk.report("lied-in-session", PartyNumber(liar), {"session": identifier.hex()})
        finally:
            await channel.close()
        return SessionOutcome(shares.input_set, bids, unusable, result)

    async def _follow(self, stage: str, fraction: float) -> None:
        """Show the engine's progress, and store the moment from which something may have been opened."""
        if stage == "revealing":
            await self._desk.enter(AuctionState.REVEALING, VERIFIED)
        self._desk.show_stage(stage, fraction)

    def _task(self, bids: Sequence[CountedBid], shares: _Shares) -> ComputationTask:
        spec = self._desk.spec
        rows = [shares.rows[bid.digest] for bid in bids]
        return ComputationTask(
            auction_id=bytes.fromhex(self._desk.auction),
            input_digest=bytes.fromhex(shares.input_set.digest),
            auction_format=spec.format,
            direction=spec.direction,
            winners=spec.winners,
            bits=spec.bits,
            highest_step=spec.grid.highest_step,
            reserve_step=spec.reserve_step,
            minimum_bids=spec.minimum_bids,
            bundle_digests=[bytes.fromhex(bid.digest) for bid in bids],
            shares=np.stack(rows) if rows else np.empty((0, spec.bits), dtype=np.uint64),
        )

    async def _note_failure(self, error: MpcError) -> None:
        desk = self._desk
        _log.warning("auction %s: a session ended without an outcome: %s", desk.auction, error.code)
        await desk.note("session-failed", {"error": error.code})
        details = {"error": error.code, "reason": error.message}
        suspects = error.suspects if isinstance(error, InconsistentSharesError) else frozenset[int]()
        for suspect in sorted(suspects):
            await desk.report("session-failed", PartyNumber(suspect), details)
        if not suspects:
            await desk.report("session-failed", None, details)


class ShareLostError(AuctionError):
    """This party gave a receipt for a bid whose share it cannot use any more."""

    code = "share-lost"


class InputSetsDifferError(MpcError):
    """All parties are ready for one attempt, but for different input sets."""

    code = "input-sets-differ"

    def __init__(self) -> None:
        super().__init__("the parties do not agree on the bids that count: they compare their lists again")


class InputSetLostError(AuctionError):
    """The input set that a session began on cannot be had any more, so nothing may be computed."""

    code = "input-set-lost"


def _open_all(
    bundles: Mapping[BundleDigest, bytes], number: PartyNumber, key_pair: SealingKeyPair
) -> tuple[dict[BundleDigest, npt.NDArray[np.uint64]], set[BundleDigest]]:
    rows, failed = {}, set()
    for digest, content in bundles.items():
        try:
            rows[digest] = open_envelope(Bundle.decode(content), number, key_pair).elements()
        except EnvelopeError:
            failed.add(digest)
    return rows, failed
