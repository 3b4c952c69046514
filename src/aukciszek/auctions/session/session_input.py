"""What a party brings to a session on one input set, and what it finds there."""

from dataclasses import dataclass

import numpy as np

from aukciszek.auctions.agreement.input_set import CountedBid, InputSet
from aukciszek.auctions.agreement.opened_envelopes import Rows
from aukciszek.auctions.session.computation_task import ComputationResult
from aukciszek.mpc.sharing.field import Vector
from aukciszek.mpc.sharing.prss import PrssKeys
from aukciszek.mpc.sharing.sizes import MASKS, SALTS
from aukciszek.protocol.rules.identifiers import BundleDigest


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
class SessionInput:
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
