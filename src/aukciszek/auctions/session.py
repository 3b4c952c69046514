"""Computing an auction: the parties meet for an attempt, and the engine runs on their shares.

``docs/protocol.md``, "The way of a session", and ``docs/adr/0003-sessions-by-attempt.md``. A session that fails or is
interrupted is repeated under a new id, hence with fresh randomness, on the same input set, until it succeeds.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from aukciszek.auctions.agreement import CountedBid, InputSet
from aukciszek.auctions.bundle import Bundle
from aukciszek.auctions.computation import ComputationResult, ComputationTask, compute
from aukciszek.auctions.computing_places import LOOK_AGAIN_S, WAITING_FOR_PLACE, ComputingPlace, memory_bytes
from aukciszek.auctions.desk import PATIENCE_S, VERIFIED, AuctionDesk
from aukciszek.auctions.errors import AuctionError, EnvelopeError
from aukciszek.auctions.gathering import Gathering
from aukciszek.auctions.identifiers import BundleDigest
from aukciszek.auctions.key_dealing import KeyDealing
from aukciszek.auctions.key_tables import choose_keys
from aukciszek.auctions.lifecycle import AuctionState
from aukciszek.auctions.meeting import Meeting
from aukciszek.auctions.readiness import Ready, common_pace, session_id, usable_bids
from aukciszek.auctions.sealing import open_envelope
from aukciszek.auctions.sealing_keys import SealingKeyPair
from aukciszek.auctions.signal import FIRST_RETRY_S, LONGEST_RETRY_S
from aukciszek.cluster import PartyNumber
from aukciszek.mpc.errors import InconsistentSharesError, MpcError, PartiesMissingError
from aukciszek.mpc.prss import PrssKeys
from aukciszek.mpc.runtime import Runtime

_log = logging.getLogger(__name__)

_NONCE_BYTES: Final = 32

GIVEN_UP: Final = "session-given-up"
"""What is on record of a session in which nothing was computed."""

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

    def __init__(
        self,
        desk: AuctionDesk,
        gathering: Gathering,
        dealing: KeyDealing,
        key_pair: SealingKeyPair,
        would_cancel: Callable[[], bool],
    ) -> None:
        self.meeting = Meeting(desk, would_cancel)
        self._desk = desk
        self._gathering = gathering
        self._dealing = dealing
        self._key_pair = key_pair
        self._announced: dict[str, InputSet] = {}
        self._fixed: str | None = None

    def load(self, input_set: str | None, last_attempt: int) -> None:
        """Take up, after a restart, the input set that a session began on, if any, and the last attempt."""
        self._fixed = input_set
        self.meeting.load(last_attempt)

    async def run(self) -> SessionOutcome:
        """Return the outcome of the first attempt that succeeds."""
        pause_s = FIRST_RETRY_S
        while True:
            # Before the others wait for this party.
            await self._prss_keys()
            shares = await self._open_envelopes(await self._choose_input_set())
            if self._desk.state is AuctionState.REVEALING:
                await self._desk.enter(AuctionState.COMPUTING, "session-interrupted")
            began = self._fixed is not None
            size = self._memory_bytes(shares)
            await self.meeting.join(shares.input_set.digest, began=began, unusable=shares.unusable, memory_bytes=size)
            try:
                outcome = await self._attempt(shares, size) if await self.meeting.can_begin() else None
                if outcome is None and self.meeting.sets_differ:
                    await self._gather_again(began=began)
            except MpcError as error:
                await self._note_failure(error)
                if await self._desk.signal.wait_for(lambda: self.meeting.overtaken, timeout_s=pause_s):
                    pause_s = FIRST_RETRY_S
                pause_s = min(2 * pause_s, LONGEST_RETRY_S)
            else:
                if outcome is not None:
                    return outcome

    async def _prss_keys(self) -> PrssKeys:
        """Return this party's keys for shared randomness; wait for those that are not here.

        Raises:
            KeysNotChosenError: the parties' tables do not give a key for each set.
        """
        chosen = choose_keys(self._desk.context.mode, self._dealing.attested)
        if chosen is None:
            raise KeysNotChosenError("the parties' tables give no key for some of their sets: see the incidents")
        return await self._dealing.prss_keys(chosen)

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
        number = self._desk.context.number
        async with self._desk.context.computing.opening:
            bundles = await self._gathering.bundles(input_set.digests)
            rows, failed = await asyncio.to_thread(_open_all, bundles, number, self._key_pair)
        gave_receipt = {bid.digest for bid in input_set.bids if number in bid.receipts}
        if failed & gave_receipt:
            raise ShareLostError(
                f"{len(failed & gave_receipt)} envelopes opened before and do not now: restore a backup"
            )
        return _Shares(input_set, rows, tuple(sorted(failed)))

    async def _attempt(self, shares: _Shares, size: int) -> SessionOutcome | None:
        """Wait for a place and run one session; None when another attempt must be made."""
        desk, meeting = self._desk, self.meeting
        with desk.context.computing.claimed(meeting.turn, size, desk.signal.notify) as place:
            if not place.is_held:
                desk.show_stage(WAITING_FOR_PLACE, 0.0)
            while not place.is_held and not meeting.overtaken:
                await desk.signal.wait_for(lambda: place.is_held or meeting.overtaken, timeout_s=LOOK_AGAIN_S)
                desk.context.computing.look_again()
            participants = await meeting.participants()
            return await self._begin(shares, participants, place) if participants else None

    def _memory_bytes(self, shares: _Shares) -> int:
        spec = self._desk.spec
        return memory_bytes(len(shares.input_set.bids), spec.bits, spec.winners + 1)

    async def _begin(self, shares: _Shares, participants: Ready, place: ComputingPlace) -> SessionOutcome | None:
        """Run one session; None when it must end early: a peer has moved on, or the place is wanted back."""
        desk, digest = self._desk, shares.input_set.digest
        if not await self._gathering.fix(digest):
            raise InputSetLostError("a session began on another input set before: this one must never be computed on")
        self._fixed = digest
        computation = asyncio.create_task(self._compute(shares, participants, place))
        ends_early = asyncio.create_task(desk.signal.wait_for(lambda: self.meeting.overtaken or place.is_wanted_back))
        try:
            await asyncio.wait({computation, ends_early}, return_when=asyncio.FIRST_COMPLETED)
            if computation.done():
                return computation.result()
            if place.is_wanted_back:
                await desk.note(GIVEN_UP, {"error": "place-wanted"})
            return None
        finally:
            for task in (computation, ends_early):
                task.cancel()
            await asyncio.gather(computation, ends_early, return_exceptions=True)

    async def _compute(self, shares: _Shares, participants: Ready, place: ComputingPlace) -> SessionOutcome:
        desk, context = self._desk, self._desk.context
        identifier = session_id(desk.auction, participants)
        bids, unusable = usable_bids(shares.input_set, [one.content for one in participants.values()])
        await desk.note(
            "session-began",
            {"session": identifier.hex(), "input_set": shares.input_set.digest, "bids": len(bids)},
        )
        prss_keys = await self._prss_keys()
        channel = context.network.open_channel(
            identifier, round_timeout_s=context.round_timeout_s, first_timeout_s=self._first_timeout_s()
        )
        try:
            runtime = Runtime(channel, threshold=context.threshold, prss_keys=prss_keys, session_id=identifier)
            await self._start(runtime)
            place.begin()
            result = await compute(runtime, self._task(bids, shares), self._follow, common_pace(participants))
            for liar in sorted(runtime.liars):
                await desk.report("lied-in-session", PartyNumber(liar), {"session": identifier.hex()})
        finally:
            await channel.close()
        return SessionOutcome(shares.input_set, bids, unusable, result)

    def _first_timeout_s(self) -> float:
        """Return how long the others have to come: not long, where those who do not can be done without."""
        context = self._desk.context
        needs_all = context.quorum == context.cluster.size
        return context.round_timeout_s if needs_all else min(PATIENCE_S, context.round_timeout_s)

    async def _start(self, runtime: Runtime) -> None:
        try:
            await runtime.start()
        except PartiesMissingError as error:
            raise SessionGivenUpError(error.parties) from error

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
        if isinstance(error, SessionGivenUpError):
            # Nobody did anything wrong: the others had no place for it in time, or are away.
            _log.warning("auction %s: a session did not begin: parties %s did not come", desk.auction, error.parties)
            await desk.note(GIVEN_UP, {"error": error.code, "missing": sorted(error.parties)})
            return
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


class KeysNotChosenError(AuctionError):
    """The parties did not settle on the keys for shared randomness, so nothing can be computed."""

    code = "keys-not-chosen"


class SessionGivenUpError(PartiesMissingError):
    """Parties that were ready for a session did not come to its first round."""

    code = "session-given-up"


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
