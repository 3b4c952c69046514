"""The tutorial works: its commands, as they stand there, run one after the other against the cluster of a demo."""

import asyncio
import os
import re
import sys
from pathlib import Path
from typing import Final

import pytest

from .conftest import find_base_port

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

TUTORIAL: Final = Path(__file__).parents[2] / "docs" / "tutorial.md"
PARTIES: Final = 5
BASE_PORT: Final = 5000

_CONSOLE: Final = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands() -> tuple[str, list[str]]:
    """Return the options that the demo is started with, and what is typed in the second terminal."""
    first, *rest = _CONSOLE.findall(TUTORIAL.read_text())
    started = re.fullmatch(r'\$ make demo ARGS="([^"]*)"\n', first)
    assert started is not None, "the tutorial begins with the demo"
    lines = [line for block in rest for line in block.splitlines()]
    assert all(line.startswith("$ ") for line in lines), "a block of the console shows what is typed, nothing else"
    return started[1], [line.removeprefix("$ ") for line in lines]


async def start_demo(options: str, base_port: int, directory: Path) -> tuple[asyncio.subprocess.Process, str]:
    """Start the demo and return it with the officer's password, once it says that its servers keep running."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "aukciszek.cli", "demo", *options.split(), "--base-port", str(base_port)),
        cwd=directory,
        env={**os.environ, "COLUMNS": "200"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    told = ""
    while not (found := re.search(r"auctioneer@example\.org with the password (\S+)", told)):
        line = (await process.stdout.readline()).decode()
        assert line, told + (await process.stderr.read()).decode()
        told += line
    return process, found[1]


def as_typed(lines: list[str], password: str, base_port: int) -> str:
    """Return the script that somebody types who reads along: their own password, and this cluster's ports."""
    script = "\n".join(["set -euo pipefail", *lines])
    assert script.count("OFFICER_PASSWORD='...'") == 1
    script = script.replace("OFFICER_PASSWORD='...'", f"OFFICER_PASSWORD='{password}'")
    return re.sub(
        rf"http://127\.0\.0\.(\d):{BASE_PORT // 1000}00\1",
        lambda found: f"http://127.0.0.{found[1]}:{base_port + int(found[1])}",
        script,
    )


async def test_the_commands_of_the_tutorial_do_what_it_says(tmp_path: Path) -> None:
    options, lines = commands()
    base_port = find_base_port(PARTIES)
    # The console script stands beside the interpreter, as in the environment that the tutorial puts on the path.
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    demo, password = await start_demo(options, base_port, tmp_path)
    try:
        typed = await asyncio.create_subprocess_exec(
            *("bash", "-c", as_typed(lines, password, base_port)),
            cwd=tmp_path,
            env={**os.environ, "PATH": path, "COLUMNS": "200"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        stdout, stderr = (text.decode() for text in await typed.communicate())
    finally:
        demo.terminate()
        await demo.communicate()
    assert typed.returncode == 0, stdout + stderr
    assert "84.50" in stdout
    certificate = (tmp_path / "certificate.json").read_text()
    assert '"prices":["84.5' in certificate
    assert "91.00" not in certificate, "a losing bid is in no file but its bidder's own"
    assert (tmp_path / "boris-opened.json").is_file()
