"""The demo as people and scripts run it; each run starts its own parties."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from aukciszek.local_cluster.files import PortTakenError, check_ports, free_base_port

if TYPE_CHECKING:
    from .conftest import Run

pytestmark = pytest.mark.timeout(300)


def base_port() -> int:
    return free_base_port(9, range(30_000 + os.getpid() % 900 * 10, 40_000, 10))


@pytest.mark.parametrize(
    "options",
    [
        pytest.param((), id="as it comes"),
        pytest.param(
            (*("--parties", "3", "--bidders", "6", "--equal-bids"), *("--format", "pay-as-bid", "--winners", "2")),
            id="all bids equal",
            marks=pytest.mark.drill,
        ),
        pytest.param(
            (*("--threshold", "1", "--bidders", "1"), *("--direction", "forward", "--format", "second-price")),
            id="one bidder, robust",
            marks=pytest.mark.drill,
        ),
    ],
)
async def test_the_outcome_is_the_expected_one(run: "Run", tmp_path: Path, options: Sequence[str]) -> None:
    port = base_port()
    ended = await run(
        *("demo", "--once", "--json", "--base-port", str(port), *options), environment={"TMPDIR": str(tmp_path)}
    )
    assert ended.status == 0, ended.stderr
    answer = ended.json()
    assert answer["correct"] is True
    assert answer["winners"] == answer["expected_winners"] != []
    assert answer["price"] == answer["expected_price"]
    assert answer["receipts"] == answer["parties"]
    assert answer["signed_by"] == list(range(1, answer["parties"] + 1))
    assert 0 < answer["close_to_result_s"] < 60
    assert list(answer["steps_s"]) == ["order", "lists", "agreement", "envelopes", "session", "signatures"]
    verified = await run("verify", answer["certificate"], "--cluster", answer["cluster_file"])
    assert verified.status == 0, verified.stdout
    assert files_in(tmp_path) == {"certificate.json", "cluster.json"}
    check_ports(answer["parties"], port)


async def test_a_demo_that_is_ended_leaves_nothing_behind(tmp_path: Path) -> None:
    port = base_port()
    demo = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "aukciszek.cli", "demo", "--json", "--parties", "3", "--bidders", "2"),
        *("--base-port", str(port)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert demo.stdout is not None
    answer = json.loads(await demo.stdout.readline())
    assert answer["correct"] is True
    # The parties keep running until somebody ends the demo.
    with pytest.raises(PortTakenError):
        check_ports(3, port)
    demo.send_signal(signal.SIGTERM)
    assert await demo.wait() == 0
    check_ports(3, port)
    assert files_in(tmp_path) == {"certificate.json", "cluster.json"}


async def test_a_demo_that_is_interrupted_early_says_so(tmp_path: Path) -> None:
    port = base_port()
    demo = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "aukciszek.cli", "demo", "--json", "--once", "--parties", "3"),
        *("--base-port", str(port)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert demo.stderr is not None
    while b"127.0.0.3" not in await demo.stderr.readline():
        pass
    demo.send_signal(signal.SIGINT)
    stdout, _ = await demo.communicate()
    assert demo.returncode == 130
    assert json.loads(stdout)["error"]["code"] == "interrupted"
    check_ports(3, port)
    assert not files_in(tmp_path)


def files_in(directory: Path) -> set[str]:
    return {path.name for path in directory.rglob("*") if path.is_file()}
