"""Run Aukciszek's engine and MPyC side by side and write docs/benchmarks.md (its generated part) and the plot.

``make bench``. For every number of bids the programs take turns, so that what else the machine does meanwhile meets all
of them, and medians are compared. Figures move with the machine; ratios from one run are what counts.
"""

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from plot import Line, plot

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "benchmarks.md"
PICTURE = ROOT / "docs" / "benchmarks.svg"
BEGIN, END = "<!-- begin: written by bench/side_by_side.py -->", "<!-- end: written by bench/side_by_side.py -->"

BITS, PARTIES, THRESHOLD = 32, 5, 2
COUNTS = (10, 100, 1_000, 10_000, 100_000)
MOST_FOR_MPYC = 10_000
"""MPyC's time at this number is some twenty seconds a run already."""

LATENCY_MS = 40
GOALS_S = {100: (0.08, 0.035), 1_000: (0.2, 0.11), 10_000: (1.0, 0.65), 100_000: (8.0, 5.5)}
"""What the design asks for, and what the fastest semi-honest peer took (`The fastest peers` on the page)."""

FORMATS = (("first-price", 1), ("second-price", 1), ("uniform-price", 10), ("pay-as-bid", 10))
ROBUST_THRESHOLD = 1
ENGINE, NP_ARGMIN, BIT_SCAN = "Aukciszek", "MPyC, np_argmin", "MPyC, bit scan"


@dataclass(slots=True)
class Series:
    """All runs of one program at one number of bids, and what its last report said."""

    wall_s: list[float] = field(default_factory=list)
    report: Mapping[str, Any] = field(default_factory=dict)

    @property
    def median_s(self) -> float:
        """The median of all runs."""
        return statistics.median(self.wall_s)


type Results = dict[int, dict[str, Series]]


def _run(command: Sequence[str]) -> Mapping[str, Any]:
    """Run a command that prints one JSON object on its last line.

    Raises:
        subprocess.CalledProcessError: it failed, or found a wrong outcome.
    """
    ended = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 -- our own
    report: Mapping[str, Any] = json.loads(ended.stdout.strip().splitlines()[-1])
    return report


def _engine(count: int, repeat: int, *options: str, threshold: int = THRESHOLD) -> Mapping[str, Any]:
    sizes = ["--bidders", str(count), "--bits", str(BITS), "--parties", str(PARTIES), "--threshold", str(threshold)]
    command = [str(Path(sys.executable).parent / "aukciszek"), "bench", "engine", *sizes]
    return _run([*command, "--repeat", str(repeat), "--json", *options])


def _mpyc(program: str) -> Callable[[int, int], Mapping[str, Any]]:
    def run(count: int, repeat: int) -> Mapping[str, Any]:
        script = str(ROOT / "bench" / "mpyc_lowest_bid.py")
        command = [sys.executable, script, f"-M{PARTIES}", f"-T{THRESHOLD}", "--no-log", "--program", program]
        return _run([*command, "--bidders", str(count), "--repeat", str(repeat)])

    return run


def measure(most: int, turns: int) -> Results:
    """Let the programs take turns at every number of bids up to ``most``."""
    results: Results = {}
    for count in (count for count in COUNTS if count <= most):
        programs: dict[str, Callable[[int, int], Mapping[str, Any]]] = {ENGINE: _engine}
        if count <= MOST_FOR_MPYC:
            programs |= {NP_ARGMIN: _mpyc("np_argmin"), BIT_SCAN: _mpyc("bit_scan")}
        results[count] = {name: Series() for name in programs}
        for _ in range(turns):
            for name, run in programs.items():
                series = results[count][name]
                series.report = run(count, _repeat(name, count))
                series.wall_s += series.report["wall_s"]
                _say(f"{count:>7} bids  {name:<16} {statistics.median(series.report['wall_s']):8.3f} s")
    return results


def _repeat(name: str, count: int) -> int:
    """Return how many runs one turn has: fewer where they are long."""
    quick, medium, slow = (9, 5, 2) if name == ENGINE else (3, 1, 1)
    return slow if count > MOST_FOR_MPYC else medium if count == MOST_FOR_MPYC else quick


@dataclass(frozen=True, slots=True)
class Variants:
    """The engine alone, under other conditions: its reports."""

    formats: Sequence[Mapping[str, Any]]
    robust: Sequence[Mapping[str, Any]]
    far: Sequence[Mapping[str, Any]]


def measure_variants(most: int) -> Variants:
    """Measure the other formats, the robust mode and parties that are far apart."""
    counts = [count for count in GOALS_S if count <= most]
    middle = min(1_000, most)
    return Variants(
        [_engine(middle, 5, "--format", name, "--winners", str(winners)) for name, winners in FORMATS],
        [_engine(count, _repeat(ENGINE, count), threshold=ROBUST_THRESHOLD) for count in counts],
        [_engine(count, 2, "--latency-ms", str(LATENCY_MS)) for count in counts if count <= MOST_FOR_MPYC],
    )


def page_section(results: Results, variants: Variants, turns: int) -> str:
    """Return the generated part of the page."""
    head = ("N", "seconds", "processor s per party", "rounds", "MB sent per party", "products", "MiB held")
    middle = variants.formats[0]["bidders"]
    texts = [
        f"""Measured on {datetime.now(UTC):%Y-%m-%d} by `make bench ARGS="--turns {turns}"` on {_machine()};
load average {os.getloadavg()[0]:.1f} at the end. Index and value of the lowest of N bids of {BITS} bits, five parties
as five processes, t = 2. Seconds, medians.""",
        _table(
            ("N", f"{ENGINE} (TLS, verified)", f"{NP_ARGMIN} (TCP, semi-honest)", "ratio", BIT_SCAN, "ratio"),
            [_comparison(count, series) for count, series in results.items()],
        ),
        f"![Time over the number of bids]({PICTURE.name})",
        "The same runs beside what the design asks for, and beside the fastest semi-honest peer on such a machine:",
        _table(
            ("N", "median", "fastest run", "asked for", "fastest peer"),
            [_goal(count, series[ENGINE]) for count, series in results.items() if count in GOALS_S],
        ),
        f"What {ENGINE} spends on it:",
        _table(head, [_spending(series[ENGINE].report) for series in results.values()]),
        f"""With {LATENCY_MS} ms added to every message, as between parties that are far apart, the parties choose fewer
rounds and more products. The last column is what the added milliseconds alone take.""",
        _table((*head[:2], "rounds", "added"), [_far(report) for report in variants.far]),
        f"Robust mode, t = {ROBUST_THRESHOLD}: nothing to verify, and a corrupt or a lost party is not needed.",
        _table(head, [_spending(report) for report in variants.robust]),
        f"The other formats, N = {middle:,}, t = {THRESHOLD}:",
        _table(("format", "winners", *head[1:]), [_format(report) for report in variants.formats]),
    ]
    return "\n\n".join(texts)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))


def _comparison(count: int, series: Mapping[str, Series]) -> list[str]:
    own_s = series[ENGINE].median_s
    cells = [f"{count:,}", f"{own_s:.3f}"]
    for name in (NP_ARGMIN, BIT_SCAN):
        other = series.get(name)
        cells += [f"{other.median_s:.2f}", f"{other.median_s / own_s:.1f}"] if other else ["-", "-"]
    return cells


def _goal(count: int, series: Series) -> list[str]:
    asked_s, peer_s = GOALS_S[count]
    return [f"{count:,}", f"{series.median_s:.3f}", f"{min(series.wall_s):.3f}", f"{asked_s:g}", f"{peer_s:g}"]


def _spending(report: Mapping[str, Any]) -> list[str]:
    return [
        f"{report['bidders']:,}",
        f"{report['wall_s_median']:.3f}",
        f"{report['cpu_s_per_party']:.3f}",
        str(report["rounds"]),
        f"{report['bytes_sent_per_party'] / 1e6:.1f}",
        f"{report['multiplications']:,}",
        str(report["peak_mib_per_party"]),
    ]


def _far(report: Mapping[str, Any]) -> list[str]:
    added_s = report["rounds"] * report["latency_ms"] / 1000
    return [f"{report['bidders']:,}", f"{report['wall_s_median']:.2f}", str(report["rounds"]), f"{added_s:.2f}"]


def _format(report: Mapping[str, Any]) -> list[str]:
    return [report["format"], str(report["winners"]), *_spending(report)[1:]]


def _machine() -> str:
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text()) if sys.platform == "linux" else None
    processor = model.group(1) if model else platform.processor()
    versions = f"Python {platform.python_version()}, NumPy {version('numpy')}, MPyC {version('mpyc')}"
    return f"{os.cpu_count()} processors ({processor}), {versions}"


def write(results: Results, section: str) -> None:
    """Put the section between its markers, and the plot beside the page."""
    before, rest = PAGE.read_text().split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n{section}\n{END}{after}")
    lines = [
        Line(name, [(count, series[name].median_s) for count, series in results.items() if name in series])
        for name in (ENGINE, NP_ARGMIN, BIT_SCAN)
    ]
    PICTURE.write_text(plot(lines, across="bids", up="seconds"))


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 -- this is a command


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=COUNTS[-1], help="the largest number of bids")
    parser.add_argument("--turns", type=int, default=3, help="how often each program runs at each number of bids")
    options = parser.parse_args()
    results = measure(options.most, options.turns)
    write(results, page_section(results, measure_variants(options.most), options.turns))


if __name__ == "__main__":
    main()
