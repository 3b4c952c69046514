"""Where the time from the close to the signed outcome goes, and what of it the machine needs for the envelopes alone.

The steps come from the parties' own audit records, which tell the moment of each; all parties of a demo share one
clock. The price of an envelope is measured beside it, in processor time, on envelopes of the same shape.
"""

import os
import secrets
import statistics
import time
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from aukciszek.protocol.evidence.audit_record import KEYS_DESTROYED, AuditRecord
from aukciszek.protocol.rules.identifiers import AuctionId, UserId
from aukciszek.protocol.rules.spec import AuctionSpec
from aukciszek.protocol.sealing.bundle import BidKey
from aukciszek.protocol.sealing.envelope import open_envelope, seal_bid
from aukciszek.protocol.sealing.keys import SealingKeyPair, SealingPublicKey

_SAMPLE: Final = 30
_ENDS: Final[Mapping[str, frozenset[str]]] = {
    "order": frozenset({"closed", "closed-early"}),
    "lists": frozenset({"list-signed"}),
    "agreement": frozenset({"agreed"}),
    "envelopes": frozenset({"session-began"}),
    "session": frozenset({"outcome-found"}),
    "signatures": frozenset({KEYS_DESTROYED}),
}
"""Each step from the close on, in order, and what ends it in a record. Getting ready is part of the envelopes' step."""


def steps_s(records: Iterable[AuditRecord], ordered_at: datetime) -> dict[str, float]:
    """Return how many seconds each step took until the last party was through; what nobody recorded is left out.

    Args:
        records: of all parties.
        ordered_at: when the auctioneer gave the order to close, by the clock of the parties' machine.
    """
    entries = [entry for record in records for entry in record.entries]
    took: dict[str, float] = {}
    before = ordered_at
    for step, actions in _ENDS.items():
        moments = [entry.at for entry in entries if entry.action in actions]
        if moments:
            took[step] = round((max(moments) - before).total_seconds(), 3)
            before = max(moments)
    return took


def envelopes_s(spec: AuctionSpec, bids: int) -> float:
    """Return how long this machine needs at least to open the envelopes of all bids at all parties, in parallel."""
    cores = min(os.process_cpu_count() or 1, spec.parties)
    return _envelope_s(spec) * bids * spec.parties / cores


def _envelope_s(spec: AuctionSpec) -> float:
    """Return the processor time that opening one envelope of such an auction takes."""
    pairs = [SealingKeyPair.new() for _ in range(spec.parties)]
    keys = [SealingPublicKey(pair.public_bytes) for pair in pairs]
    took: list[float] = []
    for _ in range(_SAMPLE):
        place = BidKey(auction=AuctionId(secrets.token_hex(32)), bidder=UserId(str(uuid.uuid4())), revision=1)
        bundle = seal_bid(place, [0] * spec.bits, threshold=spec.threshold, sealing_keys=keys)
        began_s = time.thread_time()
        open_envelope(bundle, 1, pairs[0])
        took.append(time.thread_time() - began_s)
    return statistics.median(took)
