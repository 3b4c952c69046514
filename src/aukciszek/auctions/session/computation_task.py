"""What a computation is asked and what it answers: public values alone, the same at all parties.

``docs/protocol.md``, "Computing an auction".
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

from aukciszek.auctions.agreement.input_set import InputSet
from aukciszek.encoding import canonical_json
from aukciszek.mpc.protocols.runtime import Revealed
from aukciszek.protocol.rules.identifiers import DIGEST_BYTES
from aukciszek.protocol.rules.spec import AuctionSpec

type AuctionFormat = Literal["first-price", "second-price", "uniform-price", "pay-as-bid"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputationTask:
    """What is computed: the rules, and the bundles by their digests; the same at all parties, and nothing is secret."""

    auction_id: bytes
    input_digest: bytes
    auction_format: AuctionFormat
    direction: Literal["reverse", "forward"]
    winners: int
    bits: int
    highest_step: int
    """The largest valid price, in grid steps."""
    reserve_step: int | None
    minimum_bids: int
    bundle_digests: Sequence[bytes]

    def __post_init__(self) -> None:
        if any(len(digest) != DIGEST_BYTES for digest in self.bundle_digests):
            raise ValueError("a bundle's digest has 32 bytes")
        if not 0 <= self.highest_step < 2**self.bits:
            raise ValueError("the highest step does not fit into the bits")
        if self.winners != 1 and self.auction_format in {"first-price", "second-price"}:
            raise ValueError("this format has one winner")

    @classmethod
    def of(cls, spec: AuctionSpec, input_set: InputSet) -> Self:
        """Return what is computed for an auction, on the bids of an input set."""
        return cls(
            auction_id=bytes.fromhex(spec.auction_id),
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

    @property
    def worst_step(self) -> int:
        """The worst price at which something is sold, in grid steps."""
        if self.reserve_step is not None:
            return self.reserve_step
        return self.highest_step if self.direction == "reverse" else 0

    def mirrored(self, step: int) -> int:
        """Turn a price into the number that is ranked, lowest first, or back."""
        return step if self.direction == "reverse" else 2**self.bits - 1 - step

    def public_parameters(self) -> bytes:
        """Return everything that must be the same at all parties, in its one spelling."""
        return canonical_json(
            {
                "auction": self.auction_id.hex(),
                "input": self.input_digest.hex(),
                "format": self.auction_format,
                "direction": self.direction,
                "winners": self.winners,
                "bits": self.bits,
                "highest": str(self.highest_step),
                "reserve": None if self.reserve_step is None else str(self.reserve_step),
                "minimum_bids": self.minimum_bids,
                "bids": len(self.bundle_digests),
                "bundles": hashlib.sha256(b"".join(self.bundle_digests)).hexdigest(),
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputationResult:
    """What a session found: the same at every honest party, but for nothing."""

    kind: Literal["sold", "reserve-not-met", "too-few-bids"]
    winners: tuple[int, ...] = ()
    """Indices into ``bundle_digests``, ascending."""
    prices: tuple[int, ...] = ()
    """Grid steps: with pay-as-bid one per winner, in their order; else one, if there are winners."""
    left_out: tuple[tuple[int, str], ...] = ()
    """Bundles that failed the input checks, ascending, with the stable code of the reason."""
    tie_break_seed: bytes | None = None
    """The joint random value that ordered the bids; None if there were too few to begin with."""
    revealed: tuple[Revealed, ...] = ()
    """Everything that was opened, and why."""
