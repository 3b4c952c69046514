"""Programs that use ``aukciszek.client`` pass a strict type checker: the guide's own, and ``examples/``."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[3]
GUIDES: Final = ROOT / "docs"
TEXTS: Final = """\
from aukciszek.client import AukciszekClient


async def ask_with_texts(client: AukciszekClient, auction: str) -> None:
    await client.auction(auction)
    await client.wait_until_open(auction)
    await client.close_auction(auction)
    await client.cancel_auction(auction)
    await client.place_bid(auction, "1234.50")
    await client.withdraw_bid(auction)
    await client.own_bids(auction)
    await client.watch(auction, lambda progress: print(progress.state))
    await client.wait_for_outcome(auction)
    await client.certificate(auction)
    await client.records(auction)
"""


def test_guides_and_examples_pass_the_strict_type_checker(tmp_path: Path) -> None:
    programs = sorted((ROOT / "examples").glob("*.py"))
    blocks = [
        block
        for guide in sorted(GUIDES.rglob("*.md"))
        for block in re.findall(r"^```python\n(.*?)^```", guide.read_text(), re.MULTILINE | re.DOTALL)
    ]
    assert programs
    assert blocks
    for number, block in enumerate([*blocks, TEXTS]):
        programs.append(tmp_path / f"block_{number}.py")
        programs[-1].write_text(block)

    # A cache of its own: the repository's may be in use, and nothing of it may decide this.
    options = ["--strict", "--cache-dir", str(tmp_path / "cache"), "--config-file", str(ROOT / "pyproject.toml")]
    command = [sys.executable, "-m", "mypy", *options, *map(str, programs)]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 -- our own
    assert checked.returncode == 0, checked.stdout + checked.stderr
