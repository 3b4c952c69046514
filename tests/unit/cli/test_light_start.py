"""No command but those that compute loads Numba, and none but the server's loads FastAPI or a database."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from aukciszek.cli.main import COMMANDS, build_app, build_overview

SERVERS_ALONE: Final = frozenset(
    {"numba", "llvmlite", "fastapi", "starlette", "uvicorn", "sqlalchemy", "alembic", "supabase", "passlib", "httpx"}
)
LATER: Final = SERVERS_ALONE | {"numpy", "email_validator", "jwt"}
"""What a command of a user may load once it needs it, and never to start."""

REPORT: Final = "import sys; sys.stderr.write('loaded: ' + ' '.join({name.partition('.')[0] for name in sys.modules}))"
COMMAND: Final = f"""
import atexit, sys
from aukciszek.cli.main import main
atexit.register(lambda: exec({REPORT!r}))
main()
"""


SEAL: Final = """
from aukciszek.protocol.sealing.bundle import BidKey
from aukciszek.protocol.sealing.envelope import open_envelope, seal_bid
from aukciszek.protocol.sealing.keys import SealingKeyPair, SealingPublicKey
pairs = [SealingKeyPair.new() for _ in range(3)]
keys = [SealingPublicKey(pair.public_bytes) for pair in pairs]
place = BidKey(auction='ab' * 32, bidder='22222222-2222-4222-8222-222222222222', revision=1)
open_envelope(seal_bid(place, [1, 0, 1], threshold=1, sealing_keys=keys), 2, pairs[1])
"""


def loaded_by(program: str, *arguments: str | Path) -> frozenset[str]:
    """Run a program in a process of its own; return the packages that it had loaded when it ended well."""
    ended = subprocess.run(  # noqa: S603 -- programs of this module
        [sys.executable, "-c", program, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return frozenset(ended.stderr.partition("loaded: ")[2].split())


def modules(*names: str) -> str:
    """Return a program that loads modules of commands and reports."""
    return "\n".join([*(f"import aukciszek.cli.{name}" for name in names), REPORT])


@pytest.mark.parametrize("arguments", [["--version"], ["--help"]], ids=str)
def test_the_overview_loads_nothing_of_what_it_lists(arguments: Sequence[str]) -> None:
    loaded = loaded_by(COMMAND, *arguments)
    assert "typer" in loaded
    assert not loaded & (LATER | {"pydantic", "cryptography", "asyncio"})


def test_verifying_a_certificate_loads_no_server_no_engine_and_no_client(certificate: Path) -> None:
    loaded = loaded_by(COMMAND, "verify", certificate)
    assert "cryptography" in loaded
    assert not loaded & (LATER | {"aiohttp"})


def test_the_commands_of_users_load_neither_server_nor_engine() -> None:
    assert not loaded_by(modules("user.login", "user.auctioneer", "user.bidder", "user.verify")) & LATER


def test_the_commands_that_prepare_a_party_load_neither_server_nor_engine() -> None:
    assert not loaded_by(modules("operator.keys", "operator.cluster_commands", "operator.wireguard")) & LATER


def test_a_demo_or_a_benchmark_loads_no_server_beside_those_that_it_starts() -> None:
    assert not loaded_by(modules("demo", "bench")) & SERVERS_ALONE


def test_only_starting_to_compute_loads_the_compiler() -> None:
    assert not loaded_by(modules(*(offer.module for offer in COMMANDS.values()))) & {"numba", "llvmlite"}


def test_a_program_that_bids_loads_no_server_and_no_compiler() -> None:
    loaded = loaded_by(f"from aukciszek.client.sdk import AukciszekClient; {REPORT}")
    assert "aiohttp" in loaded
    assert not loaded & LATER


def test_sealing_a_bid_loads_no_compiler() -> None:
    loaded = loaded_by(SEAL + REPORT)
    assert "numpy" in loaded
    assert not loaded & SERVERS_ALONE


def test_the_overview_says_what_the_commands_say_of_themselves() -> None:
    overview, whole = get_command(build_overview()), get_command(build_app())
    assert isinstance(overview, TyperGroup)
    assert isinstance(whole, TyperGroup)
    assert list(overview.commands) == list(whole.commands) == list(COMMANDS)
    for name, offer in COMMANDS.items():
        own = " ".join((whole.commands[name].help or "").split())
        assert own.startswith(offer.summary), name
        assert overview.commands[name].help == offer.summary
