"""Bundles for the benchmark of the intake, sealed before it begins, on all processors."""

import asyncio
import os
import secrets
import signal
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from aukciszek.client.overview import AuctionOverview
from aukciszek.protocol.rules.identifiers import UserId
from aukciszek.protocol.rules.spec import AuctionSpec
from aukciszek.protocol.sealing.bundle import BidKey
from aukciszek.protocol.sealing.envelope import seal_bid
from aukciszek.protocol.sealing.keys import SealingPublicKey


async def seal_all(overview: AuctionOverview, bidders: Sequence[UserId], revisions: int) -> list[list[bytes]]:
    """Return the bundles of each bidder, by revision, with random prices."""
    spec = overview.spec.canonical_bytes
    keys = [key.content for key in overview.all_sealing_keys()]
    loop = asyncio.get_running_loop()
    # Fresh processes: this one has threads, which a copy of it would not have.
    context = get_context("spawn")
    pool = ProcessPoolExecutor(os.process_cpu_count(), mp_context=context, initializer=_leave_interrupts_alone)
    try:
        return await asyncio.gather(
            *(loop.run_in_executor(pool, _seal, spec, keys, bidder, revisions) for bidder in bidders)
        )
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _leave_interrupts_alone() -> None:
    """Ctrl-C reaches every process of a terminal; the one that asked for the bundles ends the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _seal(spec_bytes: bytes, keys: Sequence[bytes], bidder: UserId, revisions: int) -> list[bytes]:
    spec = AuctionSpec.parse(spec_bytes)
    sealing_keys = [SealingPublicKey(key) for key in keys]
    sealed = []
    for revision in range(1, revisions + 1):
        place = BidKey(auction=spec.auction_id, bidder=bidder, revision=revision)
        bits = spec.grid.bits_of(secrets.randbelow(spec.grid.highest_step + 1))
        sealed.append(seal_bid(place, bits, threshold=spec.threshold, sealing_keys=sealing_keys).encode())
    return sealed
