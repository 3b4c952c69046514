"""The ``bench`` commands: their options, and their answers to scripts."""

import os
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from aukciszek.bench.closings import MeasuredClosings, measure_closings
from aukciszek.bench.engine import Measured, measure
from aukciszek.bench.intake import MeasuredIntake, measure_intake
from aukciszek.bench.plan import ClosingsBenchmark, EngineBenchmark, IntakeBenchmark
from aukciszek.console.options import FORMATS, OptionError, check_cluster_size, one_of
from aukciszek.console.report import JsonOption, Report
from aukciszek.console.signals import run_until_signalled

_MOST_BITS: Final = 60
_MOST_BIDDERS: Final = 200_000
_PERCENTILES: Final = (50, 95, 99)


def add_commands(app: typer.Typer) -> None:
    """Add ``bench`` to the command line."""
    bench = typer.Typer(no_args_is_help=True, help="How fast the system is on this machine.")
    bench.command("engine")(engine)
    bench.command("intake")(intake)
    bench.command("closings")(closings)
    bench.command("engine-party", hidden=True)(engine_party)
    bench.command("empty-endpoint", hidden=True)(empty_endpoint)
    app.add_typer(bench, name="bench")


def engine(  # noqa: PLR0913 -- a command's parameters are its options
    *,
    bidders: Annotated[int, typer.Option(min=1, max=_MOST_BIDDERS, help="How many bids.")],
    bits: Annotated[int, typer.Option(min=1, max=_MOST_BITS, help="Of each bid.")],
    parties: Annotated[int, typer.Option(help="How many processes, 3 to 9.")] = 5,
    threshold: Annotated[int | None, typer.Option(help="How many may be corrupt; default: just under half.")] = None,
    auction_format: Annotated[str, typer.Option("--format", help=f"{', '.join(FORMATS)}.")] = "first-price",
    winners: Annotated[int, typer.Option(min=1, help="How many bidders win.")] = 1,
    repeat: Annotated[int, typer.Option(min=1, help="How many runs are measured.")] = 5,
    latency_ms: Annotated[float, typer.Option(min=0, max=1000, help="How much later every message arrives.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Of the bids.")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Measure the computation alone: one process for each party, TLS between them, every outcome checked."""
    with Report(as_json=as_json) as report:
        plan = EngineBenchmark(
            bidders=bidders,
            bits=bits,
            parties=parties,
            threshold=check_cluster_size(parties, threshold),
            auction_format=one_of(auction_format, FORMATS, "--format"),
            winners=winners,
            repeat=repeat,
            seed=seed,
            latency_s=latency_ms / 1000,
        )
        if winners > 1 and plan.auction_format in {"first-price", "second-price"}:
            raise OptionError(f"a {plan.auction_format} auction has one winner: leave --winners out")
        measured = run_until_signalled(lambda _: measure(plan, report))
        if measured is not None:
            _tell(report, plan, measured)


def engine_party(directory: Annotated[Path, typer.Argument(help="Where the benchmark put the task.")]) -> None:
    """Take part in `bench engine`, which starts one of these for each party."""
    # The server's links, for these processes alone and not for the benchmark that starts them.
    from aukciszek.bench.engine_party import take_part  # noqa: PLC0415

    with Report(as_json=False):
        take_part(directory)


def intake(
    *,
    seconds: Annotated[int, typer.Option(min=1, max=120, help="How long bids are submitted.")] = 10,
    bidders: Annotated[int, typer.Option(min=1, max=500, help="How many submit bids concurrently.")] = 200,
    as_json: JsonOption = False,
) -> None:
    """Measure how many bids per second one real party stores and answers with receipts, over HTTP."""
    with Report(as_json=as_json) as report:
        plan = IntakeBenchmark(seconds=seconds, bidders=bidders)
        measured = run_until_signalled(lambda _: measure_intake(plan, report))
        if measured is None:
            return
        answer = _intake_answer(plan, measured)
        _show(report, answer)
        report.result(answer)
        if measured.errors:
            report.answer_is_no()


def closings(
    *,
    auctions: Annotated[int, typer.Option(min=1, max=1000, help="How many auctions.")] = 40,
    bidders: Annotated[int, typer.Option(min=1, max=1000, help="How many bids in each.")] = 100,
    threshold: Annotated[int, typer.Option(min=1, max=2, help="How many of the five parties may be corrupt.")] = 2,
    at_once: Annotated[
        int | None, typer.Option(min=1, max=256, help="How many a party computes at once; default: as it is set up.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure what it takes five real parties on this machine when many auctions close at the same moment."""
    with Report(as_json=as_json) as report:
        plan = ClosingsBenchmark(auctions=auctions, bidders=bidders, threshold=threshold, at_once=at_once)
        measured = run_until_signalled(lambda _: measure_closings(plan, report))
        if measured is None:
            return
        answer = _closings_answer(plan, measured)
        _show(report, answer)
        report.result(answer)
        if not measured.correct:
            report.answer_is_no()


def empty_endpoint(
    host: Annotated[str, typer.Argument(help="An address of this machine.")],
    port: Annotated[int, typer.Argument(help="A free port.")],
) -> None:
    """Answer requests with nothing, until SIGTERM: what `bench intake` compares with."""
    # FastAPI, for this process alone and not for the benchmark that starts it.
    from aukciszek.bench.empty_endpoint import serve_empty_endpoint  # noqa: PLC0415

    with Report(as_json=False):
        serve_empty_endpoint(host, port)


def _intake_answer(plan: IntakeBenchmark, measured: MeasuredIntake) -> Mapping[str, Any]:
    bids, empty = measured.bids, measured.empty
    taken, answered = len(bids.latencies_s), len(empty.latencies_s)
    return {
        "bids_per_s": round(bids.per_s, 1),
        "empty_per_s": round(empty.per_s, 1),
        "ratio": round(bids.per_s / empty.per_s, 3),
        **{f"p{percent}_ms": round(bids.percentile_ms(percent), 2) for percent in _PERCENTILES},
        **{f"empty_p{percent}_ms": round(empty.percentile_ms(percent), 2) for percent in _PERCENTILES},
        "cpu_ms_per_bid": round(1000 * measured.cpu_s / max(taken, 1), 3),
        "empty_cpu_ms": round(1000 * measured.empty_cpu_s / max(answered, 1), 3),
        "errors": measured.errors,
        "bids": taken,
        "seconds": round(bids.wall_s, 2),
        "bidders": plan.bidders,
        "bits": measured.bits,
        "body_bytes": measured.body_bytes,
        "processors": os.process_cpu_count(),
    }


def _closings_answer(plan: ClosingsBenchmark, measured: MeasuredClosings) -> Mapping[str, Any]:
    return {
        "auctions": plan.auctions,
        "bidders": plan.bidders,
        "threshold": plan.threshold,
        "at_once": plan.at_once,
        "first_s": round(min(measured.signed_s), 2),
        "median_s": round(measured.median_s, 2),
        "last_agreed_s": round(max(measured.agreed_s), 2),
        "last_found_s": round(max(measured.found_s), 2),
        "last_s": round(max(measured.signed_s), 2),
        "failed_sessions": dict(measured.failed),
        "correct": measured.correct,
        "cpu_s": round(measured.cpu_s, 1),
        "peak_mib": round(measured.peak_mib),
        "before_close_mib": round(measured.idle_mib),
        "processors": os.process_cpu_count(),
    }


def _show(report: Report, answer: Mapping[str, Any]) -> None:
    report.table("", ("measured", ""), [(name.replace("_", " "), str(value)) for name, value in answer.items()])


def _tell(report: Report, plan: EngineBenchmark, measured: Measured) -> None:
    answer = _answer(plan, measured)
    _show(report, answer)
    report.result(answer)
    if not measured.correct:
        report.answer_is_no()


def _answer(plan: EngineBenchmark, measured: Measured) -> Mapping[str, Any]:
    runs = [found.runs[-1] for found in measured.findings]
    return {
        "bidders": plan.bidders,
        "bits": plan.bits,
        "parties": plan.parties,
        "threshold": plan.threshold,
        "format": plan.auction_format,
        "winners": plan.winners,
        "security": measured.security,
        "latency_ms": 1000 * plan.latency_s,
        "round_ms": round(1000 * measured.findings[0].round_s, 2),
        "repeat": plan.repeat,
        "wall_s": [round(seconds, 4) for seconds in measured.wall_s],
        "wall_s_median": round(statistics.median(measured.wall_s), 4),
        "cpu_s_per_party": round(statistics.median(measured.cpu_s), 4),
        "rounds": max(run.rounds for run in runs),
        "bytes_sent_per_party": max(run.bytes_sent for run in runs),
        "multiplications": max(run.multiplications for run in runs),
        "peak_mib_per_party": round(max(found.peak_mib for found in measured.findings)),
        "correct": measured.correct,
    }
