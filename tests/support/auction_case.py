"""One auction, computed by the engine and, beside it, in the clear."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from aukciszek.auctions.session.computation import compute
from aukciszek.auctions.session.computation_task import AuctionFormat, ComputationResult, ComputationTask
from aukciszek.mpc.circuits.ranking import CostModel
from aukciszek.mpc.memory_channel import Network
from aukciszek.mpc.protocols.runtime import Runtime
from aukciszek.mpc.sharing.shamir import share_values
from aukciszek.mpc.simulation import Simulation, simulate
from aukciszek.protocol.evidence.tie_break import tie_break_order
from aukciszek.protocol.rules.identifiers import BundleDigest

type Direction = str


def bits_of(step: int, bits: int) -> list[int]:
    return [step >> (bits - 1 - place) & 1 for place in range(bits)]


async def ignore_progress(_stage: str, _fraction: float) -> None:
    """Nobody watches."""


@dataclass
class AuctionCase:
    """The rules, and what bidders dealt: a price in grid steps, or any elements instead of bits."""

    bids: Sequence[int | list[int]]
    auction_format: AuctionFormat = "first-price"
    direction: Direction = "reverse"
    winners: int = 1
    bits: int = 4
    highest_step: int = 15
    reserve_step: int | None = None
    minimum_bids: int = 1
    n: int = 3
    t: int = 1
    cost_model: CostModel = field(default_factory=CostModel)

    def __post_init__(self) -> None:
        table = [bid if isinstance(bid, list) else bits_of(bid, self.bits) for bid in self.bids]
        flat = [element for row in table for element in row]
        self.shares = share_values(flat, self.n, self.t).reshape(self.n, len(self.bids), self.bits)
        self.digests = [bytes([index % 256, index // 256]) + bytes(30) for index in range(len(self.bids))]

    def task(self) -> ComputationTask:
        return ComputationTask(
            auction_id=bytes(32),
            input_digest=bytes(31) + b"1",
            auction_format=self.auction_format,
            direction=self.direction,  # type: ignore[arg-type]  # tests write it as text
            winners=self.winners,
            bits=self.bits,
            highest_step=self.highest_step,
            reserve_step=self.reserve_step,
            minimum_bids=self.minimum_bids,
            bundle_digests=self.digests,
        )

    async def run(
        self, network: Network | None = None, corrupt: Callable[[Runtime], None] = lambda _: None
    ) -> Simulation[ComputationResult]:
        """Compute at all parties; ``corrupt`` may change a party's runtime first."""

        async def program(runtime: Runtime) -> ComputationResult:
            corrupt(runtime)
            await runtime.start()
            shares = self.shares[runtime.party - 1]
            return await compute(runtime, self.task(), shares, ignore_progress, self.cost_model)

        return await simulate(program, n=self.n, t=self.t, network=network)

    def fault(self, index: int) -> str | None:
        """Why a bundle must be left out."""
        bid = self.bids[index]
        if isinstance(bid, list):
            return "not-bits"
        return "out-of-range" if bid > self.highest_step else None

    def price(self, index: int) -> int:
        bid = self.bids[index]
        assert isinstance(bid, int)
        return bid

    def ranked(self, tie_break_seed: bytes) -> list[int]:
        """The valid bids, best first, ties by tie-break."""
        names = {BundleDigest(digest.hex()): index for index, digest in enumerate(self.digests)}
        order = [
            names[digest] for digest in tie_break_order(tie_break_seed, names) if self.fault(names[digest]) is None
        ]
        sign = 1 if self.direction == "reverse" else -1
        return sorted(order, key=lambda index: sign * self.price(index))

    def expected(self, tie_break_seed: bytes | None) -> tuple[str, list[int], list[int]]:
        """The outcome in the clear: kind, winners ascending, prices."""
        if tie_break_seed is None:
            return "too-few-bids", [], []
        ranked = self.ranked(tie_break_seed)
        if len(ranked) < self.minimum_bids:
            return "too-few-bids", [], []
        sign = 1 if self.direction == "reverse" else -1
        reserve = self.reserve_step
        met = [i for i in ranked if reserve is None or sign * self.price(i) <= sign * reserve]
        winners = sorted(met[: self.winners])
        if not winners:
            return "reserve-not-met", [], []
        if self.auction_format in {"first-price", "pay-as-bid"}:
            return "sold", winners, [self.price(index) for index in winners]
        worst = self.highest_step if self.direction == "reverse" else 0
        rejected = [self.price(index) for index in met[self.winners :]]
        return "sold", winners, [rejected[0] if rejected else worst if reserve is None else reserve]

    def check(self, result: ComputationResult) -> None:
        """Compare with the outcome in the clear."""
        assert (result.kind, list(result.winners), list(result.prices)) == self.expected(result.tie_break_seed)
        if result.tie_break_seed is not None:
            faults = {index: fault for index in range(len(self.bids)) if (fault := self.fault(index))}
            assert dict(result.left_out) == faults
            assert [index for index, _ in result.left_out] == sorted(faults)
