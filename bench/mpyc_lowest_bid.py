"""The benchmark's auction on MPyC: position and value of the lowest of N bids of 32 bits, by parties of one machine.

``docs/benchmarks.md``, "Side by side". Two programs: MPyC's own ``np_argmin`` on its secure integers, and a scan of
bids that are shared bit by bit, as they are in Aukciszek, written by hand on its secure fields. Both are semi-honest:
a wrong share is not noticed. Links are plain TCP.

Run as ``python bench/mpyc_lowest_bid.py -M5 -T2 --no-log --bidders 1000 --program np_argmin``; MPyC starts the other
parties itself. Party 0 prints one JSON object.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
from mpyc.runtime import mpc

BITS = 32
PRIMES = (257, 65537, 786433)
"""Orders of the field, of which the least above N is taken: 2^8 + 1, 2^16 + 1, 3 * 2^18 + 1 make zero tests short."""

type Outcome = tuple[int, int]
"""Position and value."""


async def np_argmin(bids: list[int]) -> tuple[Outcome, float]:
    """MPyC's own: secure integers, compared bit by bit inside."""
    secint = mpc.SecInt(BITS + 1)  # signed
    shared = mpc.input(secint.array(np.array(bids, dtype=object)), senders=0)
    await mpc.gather(shared)
    await mpc.transfer(None)
    started_s = time.perf_counter()
    position, value = mpc.np_argmin(shared, arg_only=False)
    opened = int(await mpc.output(position)), int(await mpc.output(value))
    return opened, time.perf_counter() - started_s


async def bit_scan(bids: list[int]) -> tuple[Outcome, float]:
    """By hand: bit by bit, most significant first, keep the candidates that have 0 there, if there are any."""
    secfld = mpc.SecFld(next(prime for prime in PRIMES if prime > len(bids)))
    bits = np.array([[bid >> place & 1 for bid in bids] for place in reversed(range(BITS))])
    shared = mpc.input(secfld.array(bits), senders=0)
    await mpc.gather(shared)
    await mpc.transfer(None)
    started_s = time.perf_counter()
    candidates, value = secfld.array(np.ones(len(bids), dtype=int)), []
    for place in range(BITS):
        ones = candidates * shared[place]
        none_has_zero = _is_zero(mpc.np_sum(candidates - ones), secfld)
        candidates = candidates - ones + none_has_zero * ones
        value.append(none_has_zero)
    marks = [int(mark) for mark in (await mpc.output(candidates)).value]
    lowest = sum(int(bit) << (BITS - 1 - place) for place, bit in enumerate(await mpc.output(value)))
    return (marks.index(1), lowest), time.perf_counter() - started_s


def _is_zero(count: Any, secfld: Any) -> Any:  # noqa: ANN401 -- MPyC makes its types at run time
    """Return whether a count is 0, by Fermat: one minus its power of ``p - 1``."""
    exponent = secfld.field.order - 1
    power = count
    while exponent % 2 == 0:
        power, exponent = power * power, exponent // 2
    return 1 - (power if exponent == 1 else power * power * power)


PROGRAMS: dict[str, Callable[[list[int]], Awaitable[tuple[Outcome, float]]]] = {
    "np_argmin": np_argmin,
    "bit_scan": bit_scan,
}


async def main() -> None:
    """Run one program some times, check each outcome, and report."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bidders", type=int, required=True)
    parser.add_argument("--program", choices=PROGRAMS, required=True)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    program = PROGRAMS[options.program]
    chooser = random.Random(options.bidders)  # noqa: S311 -- bids of a benchmark guard nothing, and must be repeatable
    wall_s = []
    await mpc.start()
    for run in range(options.repeat + 1):
        count = options.bidders if run else min(options.bidders, 64)
        bids = chooser.sample(range(2**BITS), count)  # without ties, which the programs do not treat alike
        found, seconds = await program(bids)
        if found[1] != min(bids) or bids[found[0]] != min(bids):
            sys.exit(f"{options.program} found {found}, which is wrong")
        slowest_s = max(await mpc.transfer(seconds))
        if run:  # the first is not counted, on either side
            wall_s.append(slowest_s)
    await mpc.shutdown()
    if mpc.pid == 0:
        report = {"program": options.program, "bidders": options.bidders, "wall_s": wall_s}
        print(json.dumps(report))  # noqa: T201 -- this is a command


if __name__ == "__main__":
    mpc.run(main())
