"""Computing an auction: the parties meet for an attempt, and the engine runs on their shares.

``docs/protocol.md``, "The way of a session", and ``docs/adr/0003-sessions-by-attempt.md``. A session that fails or is
interrupted is repeated under a new id, hence with fresh randomness, on the same input set, until it succeeds.
"""

import asyncio
import logging
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from aukciszek.auctions.agreement import CountedBid, InputSet
from aukciszek.auctions.bundle import Bundle
from aukciszek.auctions.computation import ComputationResult, ComputationTask, compute
from aukciszek.auctions.desk import AuctionDesk
from aukciszek.auctions.errors import AuctionError, EnvelopeError
from aukciszek.auctions.gathering import Gathering
from aukciszek.auctions.identifiers import BundleDigest
from aukciszek.auctions.lifecycle import AuctionState
from aukciszek.auctions.ports import MessageKind
from aukciszek.auctions.readiness import Readiness, session_id, usable_bids
from aukciszek.auctions.sealing import open_envelope
from aukciszek.auctions.sealing_keys import SealingKeyPair
from aukciszek.auctions.signal import FIRST_RETRY_S, LONGEST_RETRY_S
from aukciszek.cluster import PartyNumber
from aukciszek.mpc.errors import MpcError
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
        self._desk = desk
        self._gathering = gathering
        self._key_pair = key_pair
        self._announced: dict[str, InputSet] = {}
        self._ready: dict[PartyNumber, Readiness] = {}
        self._own: Readiness | None = None
        self._fixed: str | None = None
        self._last_attempt = 0
        self._reached = 0

    def load(self, input_set: str | None, last_attempt: int) -> None:
        """Take up, after a restart, the input set that a session began on, if any, and the last attempt."""
        self._fixed = input_set
        self._last_attempt = self._reached = last_attempt

    async def receive_readiness(self, sender: PartyNumber, content: bytes) -> None:
        """Note a peer's announcement, the first one for each attempt.

        Raises:
            MalformedStatementError: it is not of its form.
        """
        readiness = Readiness.decode(content)
        known = self._ready.get(sender)
        if known is None or readiness.attempt > known.attempt:
            self._ready[sender] = readiness
            self._reached = max(self._reached, readiness.attempt)
            self._desk.signal.notify()
        elif readiness.attempt == known.attempt and readiness != known:
            await self._desk.report("two-announcements", sender, {"attempt": readiness.attempt})
        if self._own is not None and readiness.attempt < self._own.attempt:
            await self.announce([sender])

    @property
    def overtaken(self) -> bool:
        """Whether a peer has moved on to an attempt that this party has not joined yet."""
        return self._reached > self._last_attempt

    async def announce(self, to: Sequence[PartyNumber]) -> None:
        """Say again for which attempt this party is ready."""
        if self._own is not None:
            await self._desk.send(to, MessageKind.READY, self._own.encode())

    async def run(self) -> SessionOutcome:
        """Return the outcome of the first attempt that succeeds."""
        await self._desk.context.prss_keys()
        pause_s = FIRST_RETRY_S
        while True:
            shares = await self._open_envelopes(await self._choose_input_set())
            await self._join_attempt(shares)
            await self._desk.signal.wait_announcing(self._may_begin_or_must_leave, self._announce_to_all)
            try:
                outcome = await self._begin(shares) if self._all_ready() and not self.overtaken else None
                if self._must_choose_again():
                    await self._gather_again()
            except MpcError as error:
                await self._note_failure(error)
                if await self._desk.signal.wait_for(lambda: self.overtaken, timeout_s=pause_s):
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
            began = {one.input_set for one in self._ready.values() if one.began} & self._announced.keys()
            return self._announced[min(began)] if began else found
        if self._fixed not in self._announced:
            raise InputSetLostError("the stored lists do not give the input set that a session began on: restore them")
        return self._announced[self._fixed]

    async def _gather_again(self) -> None:
        """Bring the lists together once more, because all are ready and not all for the same input set.

        Raises:
            InputSetsDifferError: always, so that the next attempt waits a little.
        """
        if not any(one.began for one in self._ready.values()):
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

    async def _join_attempt(self, shares: _Shares) -> None:
        context = self._desk.context
        if self._desk.state is AuctionState.REVEALING:
            await self._desk.enter(AuctionState.COMPUTING, "session-interrupted")
        # The number is stored before it is used, so that no number is used twice, whenever this party stops.
        attempt = await context.repository.next_attempt(self._desk.auction, self._reached)
        self._own = Readiness(
            attempt=attempt,
            input_set=shares.input_set.digest,
            began=self._fixed is not None,
            nonce=secrets.token_hex(_NONCE_BYTES),
            unusable=shares.unusable,
        )
        self._ready[context.number] = self._own
        self._last_attempt = attempt
        self._reached = max(self._reached, attempt)

    async def _announce_to_all(self) -> None:
        await self.announce(self._desk.peers)

    def _all_ready(self) -> bool:
        """Whether all parties announced this party's attempt and input set."""
        own = self._own
        if own is None:
            return False
        ready = {
            party for party, one in self._ready.items() if (one.attempt, one.input_set) == (own.attempt, own.input_set)
        }
        self._desk.wait_for_parties(set(self._desk.context.cluster.numbers) - ready)
        return len(ready) == self._desk.context.cluster.size

    def _may_begin_or_must_leave(self) -> bool:
        return self.overtaken or self._all_ready() or self._must_choose_again()

    def _must_choose_again(self) -> bool:
        """Whether all are ready for this attempt, but not all for the same input set."""
        own = self._own
        if own is None or self._fixed is not None:
            return False
        joined = [one for one in self._ready.values() if one.attempt == own.attempt]
        return len(joined) == self._desk.context.cluster.size and len({one.input_set for one in joined}) > 1

    async def _begin(self, shares: _Shares) -> SessionOutcome | None:
        """Run one session; None when a peer has meanwhile moved on, so that it cannot succeed."""
        desk, digest = self._desk, shares.input_set.digest
        if not await desk.context.repository.fix_input_set(desk.auction, digest):
            raise InputSetLostError("a session began on another input set before: this one must never be computed on")
        self._fixed = digest
        computation = asyncio.create_task(self._compute(shares, dict(self._ready)))
        overtaken = asyncio.create_task(desk.signal.wait_for(lambda: self.overtaken))
        try:
            await asyncio.wait({computation, overtaken}, return_when=asyncio.FIRST_COMPLETED)
            return computation.result() if computation.done() else None
        finally:
            for task in (computation, overtaken):
                task.cancel()
            await asyncio.gather(computation, overtaken, return_exceptions=True)

    async def _compute(self, shares: _Shares, ready: Mapping[PartyNumber, Readiness]) -> SessionOutcome:
        desk, context = self._desk, self._desk.context
        identifier = session_id(desk.auction, ready)
        bids, unusable = usable_bids(shares.input_set, ready)
        await desk.note(
            "session-began",
            {"session": identifier.hex(), "input_set": shares.input_set.digest, "bids": len(bids)},
        )
        prss_keys = await context.prss_keys()
        channel = context.network.open_channel(identifier, round_timeout_s=context.round_timeout_s)
        try:
            runtime = Runtime(channel, threshold=context.threshold, prss_keys=prss_keys, session_id=identifier)
            await runtime.start()
            result = await compute(runtime, self._task(bids, shares), self._follow)
        finally:
            await channel.close()
        return SessionOutcome(shares.input_set, bids, unusable, result)

    async def _follow(self, stage: str, fraction: float) -> None:
        """Show the engine's progress, and store the moment from which something may have been opened."""
        if stage == "revealing":
            await self._desk.enter(AuctionState.REVEALING, "verified")
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
        await desk.report("session-failed", None, {"error": error.code, "reason": error.message})


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
    bundles: Mapping[BundleDigest, Bundle], number: PartyNumber, key_pair: SealingKeyPair
) -> tuple[dict[BundleDigest, npt.NDArray[np.uint64]], set[BundleDigest]]:
    rows, failed = {}, set()
    for digest, bundle in bundles.items():
        try:
            rows[digest] = open_envelope(bundle, number, key_pair).elements()
        except EnvelopeError:
            failed.add(digest)
    return rows, failed
