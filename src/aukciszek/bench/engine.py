"""The benchmark of the engine: separate processes, the servers' own links with TLS, random bids, every run checked."""

import asyncio
import random
import shutil
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aukciszek.bench.plan import EngineBenchmark
from aukciszek.bench.task import Findings, new_task, read_findings, write_task
from aukciszek.console.report import Report
from aukciszek.local_cluster.files import free_base_port, make_cluster
from aukciszek.local_cluster.processes import children
from aukciszek.local_cluster.shared_kernels import compile_for_all
from aukciszek.mpc.mode import Mode

_WARM_UP_BIDDERS: Final = 64
"""One run that is not counted: what Python and the processor do only the first time."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured, without the run that is not counted.

    Attributes:
        wall_s: of each run, the time that the slowest party took.
        cpu_s: of each run, the processor's time that a party took, on average.
        correct: whether all parties found the right outcome in all runs.
        security: what held in these runs against ``t`` corrupt parties.
        findings: of each party.
    """

    wall_s: Sequence[float]
    cpu_s: Sequence[float]
    correct: bool
    security: str
    findings: Sequence[Findings]


async def measure(plan: EngineBenchmark, report: Report) -> Measured:
    """Run a benchmark.

    Raises:
        ChildEndedError: a party did not come to its end; with its last words.
    """
    directory = Path(tempfile.mkdtemp(prefix="aukciszek-bench-"))
    try:
        with report.waiting(f"{plan.repeat} runs with {plan.bidders} bids of {plan.bits} bits"):
            return await _measure_in(directory, plan)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


async def _measure_in(directory: Path, plan: EngineBenchmark) -> Measured:
    task = new_task(plan, bidders=[min(plan.bidders, _WARM_UP_BIDDERS), *[plan.bidders] * plan.repeat])
    chooser = random.Random(plan.seed)  # noqa: S311 -- bids of a benchmark guard nothing, and must be repeatable
    bids = await asyncio.to_thread(write_task, directory, task, plan.parties, chooser)
    cluster = make_cluster(
        directory, parties=plan.parties, threshold=plan.threshold, base_port=free_base_port(plan.parties), tls=True
    )
    compiled = await asyncio.to_thread(compile_for_all, directory)
    async with children() as group:
        arguments = ["bench", "engine-party", str(directory)]
        started = [
            await group.start(
                f"party {party.number}",
                arguments,
                {**party.environment, **compiled},
                party.log,
                directory=party.data_dir,
            )
            for party in cluster.parties
        ]
        await group.wait_for_all(started)
    findings = [await asyncio.to_thread(read_findings, directory, party.number) for party in cluster.parties]
    correct = all(
        task.is_right(number, steps, found.runs[number]) for number, steps in enumerate(bids) for found in findings
    )
    wall_s = [max(found.runs[number].wall_s for found in findings) for number in range(1, len(task.runs))]
    cpu_s = [statistics.fmean(found.runs[number].cpu_s for found in findings) for number in range(1, len(task.runs))]
    return Measured(wall_s, cpu_s, correct, Mode(plan.parties, plan.threshold).security, findings)
