"""Runs the command line in this process and hands back what it wrote and how it ended."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from aukciszek.cli.main import build_app
from aukciszek.cluster import Cluster, PartyNumber
from aukciszek.identity import Identity
from aukciszek.protocol.evidence.certificate import Certificate, CertificateBody, Winner
from aukciszek.protocol.rules.identifiers import BundleDigest, UserId
from aukciszek.protocol.rules.spec import AuctionSpec

WINNER = UserId("22222222-2222-4222-8222-222222222222")
CLOSED_AT = datetime(2026, 1, 31, tzinfo=UTC)


@dataclass(frozen=True)
class Ended:
    status: int
    stdout: str
    stderr: str

    def json(self) -> Any:
        lines = self.stdout.splitlines()
        assert len(lines) == 1, f"--json prints one line, not {lines}"
        return json.loads(lines[0])


type Run = Callable[..., Ended]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    for name in ("DATA_DIR", "CLUSTER_FILE", "PARTY_ID", "AUKCISZEK_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AUKCISZEK_STATE", str(tmp_path / "login.json"))
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str | Path, environment: Mapping[str, str] | None = None, typed: str | None = None) -> Ended:
        result = CliRunner().invoke(
            build_app(str(arguments[0])), [str(word) for word in arguments], input=typed, env=environment
        )
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ended(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def party_directories(run: Run, tmp_path: Path) -> list[Path]:
    """Five parties' data directories, with keys and entries."""
    directories = [tmp_path / f"party-{number}" for number in range(1, 6)]
    for number, directory in enumerate(directories, start=1):
        url, address = f"http://127.0.0.{number}:{5000 + number}", f"127.0.0.{number}"
        ended = run(
            *("keys", "new", "--number", str(number), "--name", f"Office {number}"),
            *("--url", url, "--address", address, "--data-dir", directory),
        )
        assert ended.status == 0, ended.stderr
    return directories


@pytest.fixture
def cluster_file(run: Run, party_directories: list[Path], tmp_path: Path) -> Path:
    entries = [directory / f"party-{number}.json" for number, directory in enumerate(party_directories, start=1)]
    ended = run("cluster", "build", *entries, "--output", tmp_path / "cluster.json")
    assert ended.status == 0, ended.stderr
    return tmp_path / "cluster.json"


@pytest.fixture
def certificate(cluster_file: Path, party_directories: list[Path], tmp_path: Path) -> Path:
    """A certificate that three of five parties signed."""
    cluster = Cluster.read(cluster_file)
    bundle = BundleDigest("cd" * 32)
    body = CertificateBody(
        spec=AuctionSpec(
            title="Road salt",
            description="",
            direction="reverse",
            format="first-price",
            winners=1,
            currency="EUR",
            minimum="0",
            maximum="100",
            step="1",
            reserve_price=None,
            minimum_bids=1,
            opens_at=CLOSED_AT,
            closes_at=CLOSED_AT.replace(hour=1),
            abandons_at=CLOSED_AT.replace(hour=2),
            early_close_allowed=True,
            cancel_allowed=True,
            invited=None,
            auctioneer=UserId("11111111-1111-4111-8111-111111111111"),
            nonce="ab" * 32,
            cluster=cluster.digest,
            parties=5,
            threshold=2,
        ),
        bids=(bundle,),
        left_out=(),
        tie_break_seed="00" * 32,
        outcome="sold",
        winners=(Winner(bundle=bundle, bidder=WINNER),),
        prices=("42",),
    )
    signatures = [
        body.signed_by(PartyNumber(number), Identity.read(party_directories[number - 1] / "identity.pem"))
        for number in (1, 3, 5)
    ]
    path = tmp_path / "certificate.json"
    path.write_bytes(Certificate.assemble(body, cluster_file.read_bytes(), signatures).encode())
    return path
