"""What the benchmark of the engine hands to its parties, and what they hand back: files in one private directory.

The bids and their shares are made by the benchmark itself, which is what makes it a benchmark: real shares come from
bidders, sealed.
"""

import random
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from aukciszek.auctions.session.computation_task import ComputationResult, ComputationTask
from aukciszek.bench.plan import EngineBenchmark
from aukciszek.console.new_file import write_new_file
from aukciszek.local_cluster.plain_outcome import PlainRules, expected_outcome
from aukciszek.mpc.protocols.runtime import Runtime
from aukciszek.mpc.sharing.field import Vector
from aukciszek.mpc.sharing.prss import PrssKeys, dealt_sets, new_prss_key
from aukciszek.mpc.sharing.shamir import share_values
from aukciszek.protocol.rules.fields import BytesField
from aukciszek.protocol.rules.identifiers import BundleDigest
from aukciszek.protocol.rules.spec import AuctionFormat, Direction
from aukciszek.secret import Secret

_ID_BYTES: Final = 32


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Run(_File):
    """One run of the computation: public values only.

    Attributes:
        session: a session id, never used before.
        barrier: another one, for the exchange after which all start their clocks.
    """

    session: BytesField
    barrier: BytesField
    auction: BytesField
    input_set: BytesField
    bundles: tuple[BytesField, ...]


class Task(_File):
    """What all parties of a benchmark know.

    Attributes:
        latency_s: how much later than by itself every message arrives.
        acquaintance: the session id of the rounds by which the parties measure their rounds.
        farewell: the session id of the exchange after which nobody waits for anybody any more.
    """

    threshold: int
    bits: int
    auction_format: AuctionFormat
    direction: Direction = "reverse"
    winners: int
    latency_s: float
    runs: tuple[Run, ...]
    acquaintance: BytesField
    farewell: BytesField

    @property
    def highest_step(self) -> int:
        """The largest price that fits into the bits."""
        return int(2**self.bits - 1)

    def shares(self, directory: Path, number: int, party: int) -> Vector:
        """Return the shares of ``party`` in the run with that number."""
        shares: Vector = np.load(_shares_file(directory, number, party))
        return shares

    def computation(self, number: int) -> ComputationTask:
        """Return what the parties compute in the run with that number."""
        run = self.runs[number]
        return ComputationTask(
            auction_id=run.auction,
            input_digest=run.input_set,
            auction_format=self.auction_format,
            direction=self.direction,
            winners=self.winners,
            bits=self.bits,
            highest_step=self.highest_step,
            reserve_step=None,
            minimum_bids=1,
            bundle_digests=run.bundles,
        )

    def is_right(self, number: int, steps: Sequence[int], found: "Found") -> bool:
        """Tell whether a party found what the bids in the clear say."""
        digests = [BundleDigest(bundle.hex()) for bundle in self.runs[number].bundles]
        rules = PlainRules(self.auction_format, self.direction, self.winners, self.highest_step)
        expected = expected_outcome(rules, found.tie_break_seed, dict(zip(digests, steps, strict=True)))
        winners = tuple(sorted(digests[index] for index in found.winners))
        prices = found.prices
        if self.auction_format == "pay-as-bid":
            # The engine lists prices in the order of indices, the expectation in that of digests.
            by_digest = dict(zip((digests[index] for index in found.winners), found.prices, strict=True))
            prices = tuple(by_digest[winner] for winner in winners)
        return found.kind == "sold" and (winners, prices) == (expected.winners, expected.steps)


class Found(_File):
    """What one party found in one run, and what it cost.

    Attributes:
        wall_s: from the barrier to the outcome.
        cpu_s: the processor's time in between, of all threads; unlike ``wall_s`` little moved by what else runs.
        bytes_sent: to all other parties together.
    """

    kind: str
    winners: tuple[int, ...]
    prices: tuple[int, ...]
    tie_break_seed: BytesField
    wall_s: float
    cpu_s: float
    rounds: int
    bytes_sent: int
    multiplications: int

    @classmethod
    def of(cls, result: ComputationResult, runtime: Runtime, *, wall_s: float, cpu_s: float) -> "Found":
        """Take over what a session found and what it cost."""
        return cls(
            kind=result.kind,
            winners=result.winners,
            prices=result.prices,
            tie_break_seed=result.tie_break_seed or b"",
            wall_s=wall_s,
            cpu_s=cpu_s,
            rounds=runtime.rounds,
            bytes_sent=runtime.bytes_sent,
            multiplications=runtime.multiplications,
        )


class Findings(_File):
    """What one party found in all runs."""

    runs: tuple[Found, ...]
    round_s: float
    """What a round takes, as the parties agreed before the first run."""
    peak_mib: float
    """The most memory that the party's process ever held."""


class _KeyFile(_File):
    keys: Annotated[dict[str, BytesField], Field(repr=False)]


def new_task(plan: EngineBenchmark, bidders: Sequence[int]) -> Task:
    """Draw the public part of a benchmark: one run for each number in ``bidders``."""
    return Task(
        threshold=plan.threshold,
        bits=plan.bits,
        auction_format=plan.auction_format,
        winners=plan.winners,
        latency_s=plan.latency_s,
        runs=tuple(_new_run(count) for count in bidders),
        acquaintance=secrets.token_bytes(_ID_BYTES),
        farewell=secrets.token_bytes(_ID_BYTES),
    )


def write_task(directory: Path, task: Task, parties: int, chooser: random.Random) -> list[list[int]]:
    """Write everything that the parties need, and return the bids of each run in the clear."""
    write_new_file(directory / "task.json", task.model_dump_json().encode(), mode=0o600)
    keys = {members: new_prss_key() for members in dealt_sets(parties, task.threshold)}
    for party in range(1, parties + 1):
        held = {_spell(members): key.reveal() for members, key in keys.items() if party in members}
        write_new_file(_key_file(directory, party), _KeyFile(keys=held).model_dump_json().encode(), mode=0o600)
    bids = []
    for number, run in enumerate(task.runs):
        steps = [chooser.getrandbits(task.bits) for _ in run.bundles]
        bids.append(steps)
        digits = [step >> place & 1 for step in steps for place in reversed(range(task.bits))]
        shares = share_values(digits, parties, task.threshold).reshape(parties, len(steps), task.bits)
        for party in range(1, parties + 1):
            np.save(_shares_file(directory, number, party), shares[party - 1])
    return bids


def read_task(directory: Path) -> Task:
    """Read the public part."""
    return Task.model_validate_json((directory / "task.json").read_bytes())


def read_prss_keys(directory: Path, party: int, parties: int, threshold: int) -> PrssKeys:
    """Read the keys that were dealt to one party."""
    file = _KeyFile.model_validate_json(_key_file(directory, party).read_bytes())
    keys = {frozenset(int(member) for member in members.split(",")): Secret(key) for members, key in file.keys.items()}
    return PrssKeys(party, parties, threshold, keys)


def read_findings(directory: Path, party: int) -> Findings:
    """Read what a party found."""
    return Findings.model_validate_json(findings_file(directory, party).read_bytes())


def findings_file(directory: Path, party: int) -> Path:
    """Return where a party puts what it found."""
    return directory / f"found-{party}.json"


def _new_run(bidders: int) -> Run:
    return Run(
        session=secrets.token_bytes(_ID_BYTES),
        barrier=secrets.token_bytes(_ID_BYTES),
        auction=secrets.token_bytes(_ID_BYTES),
        input_set=secrets.token_bytes(_ID_BYTES),
        bundles=tuple(secrets.token_bytes(_ID_BYTES) for _ in range(bidders)),
    )


def _shares_file(directory: Path, number: int, party: int) -> Path:
    return directory / f"shares-{number}-{party}.npy"


def _key_file(directory: Path, party: int) -> Path:
    return directory / f"keys-{party}.json"


def _spell(members: frozenset[int]) -> str:
    return ",".join(str(member) for member in sorted(members))
