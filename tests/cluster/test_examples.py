"""The programs of ``examples/``, run as their readers would, against five real parties."""

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from aukciszek.client import Certificate, OpeningFile, read_receipt_file

if TYPE_CHECKING:
    from aukciszek.local_cluster.actors import Actor

    from .conftest import Town

EXAMPLES: Final = Path(__file__).parents[2] / "examples"

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]


def account(person: "Actor") -> Mapping[str, str]:
    return {"AUKCISZEK_EMAIL": person.email, "AUKCISZEK_PASSWORD": person.password}


async def start(name: str, *arguments: object, environment: Mapping[str, str]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, str(EXAMPLES / f"{name}.py"), *map(str, arguments)),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
    )


async def output(process: asyncio.subprocess.Process) -> str:
    stdout, _ = await process.communicate()
    assert process.returncode == 0
    return stdout.decode()


async def test_the_examples_run_a_whole_auction(town: "Town", tmp_path: Path) -> None:
    cluster_file, certificate_file = town.cluster.plan.cluster_file, tmp_path / "certificate.json"
    bidders = await town.bidders(2)
    auctioneer = await start(
        *("run_an_auction", cluster_file, len(bidders), certificate_file), environment=account(town.auctioneer)
    )
    assert auctioneer.stdout is not None
    auction = (await auctioneer.stdout.readline()).decode().strip()

    for bidder, price in zip(bidders, ("60000", "75000.00"), strict=True):
        directory = tmp_path / bidder.email
        directory.mkdir()
        bid = await start("place_a_bid", cluster_file, auction, price, directory, environment=account(bidder))
        assert await output(bid) == "revision 1: 5 of 5 receipts\n"
        receipts = read_receipt_file(directory / "receipts.json")
        assert len(receipts.bids[-1].receipts) == 5
        assert OpeningFile.read(directory / "receipts.json.opening").of_revision(1) is not None

    winner = bidders[0].client.tokens.uid
    assert await output(auctioneer) == f"won by {winner} at 60000 EUR\n"
    assert Certificate.decode(certificate_file.read_bytes()).body.auction == auction
    checks = await output(await start("verify_an_outcome", certificate_file, cluster_file, environment={}))
    assert checks.count("passed: ") == 3
