from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from aukciszek.cli.operator.cluster_check import _check_agreement, _check_certificate, _check_status
from aukciszek.client.schemas import Status
from aukciszek.clock import SystemClock
from aukciszek.cluster import Cluster
from aukciszek.local_cluster.authority import TemporaryAuthority
from aukciszek.local_cluster.files import LocalCluster, free_base_port, make_cluster
from aukciszek.settings import load_settings

if TYPE_CHECKING:
    from .conftest import Run

NOW = datetime(2026, 1, 31, tzinfo=UTC)


class StoppedClock(SystemClock):
    def __init__(self, moment: datetime) -> None:
        self._moment = moment

    def now(self) -> datetime:
        return self._moment


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    certificate, key = tmp_path / "party.crt", tmp_path / "party.key"
    # The authority's certificates are for a day: one that was made two weeks ahead is still fresh now.
    TemporaryAuthority(StoppedClock(NOW)).write_certificate("127.0.0.2", certificate, key)
    return certificate, key


def test_a_certificate_that_soon_ends_is_to_be_renewed(certificate: tuple[Path, Path]) -> None:
    finding = _check_certificate(*certificate, "127.0.0.2", NOW)
    assert not finding.is_good
    assert "renew" in finding.text


def test_a_certificate_for_another_address_is_found(
    certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aukciszek.cli.operator.cluster_check.RENEWAL_TIME", timedelta(0))
    assert _check_certificate(*certificate, "127.0.0.2", NOW).is_good
    finding = _check_certificate(*certificate, "127.0.0.3", NOW)
    assert not finding.is_good
    assert "127.0.0.3" in finding.text


def test_a_certificate_with_a_foreign_key_is_found(certificate: tuple[Path, Path], tmp_path: Path) -> None:
    TemporaryAuthority().write_certificate("127.0.0.2", tmp_path / "other.crt", tmp_path / "other.key")
    assert not _check_certificate(certificate[0], tmp_path / "other.key", "127.0.0.2", NOW).is_good


def status(cluster: Cluster, **changes: Any) -> Status:
    known: dict[str, Any] = {
        "party": 2,
        "name": "Office",
        "version": "1",
        "ready": True,
        "cluster_digest": cluster.digest,
        "parties": 5,
        "threshold": 2,
        "mode": "with-abort",
        "login_server": 1,
        "peers": [{"party": 1, "connected": True}],
        "time": NOW,
    }
    return Status.model_validate(known | changes)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"cluster_digest": "0" * 64}, "another cluster file"),
        ({"time": NOW + timedelta(seconds=9)}, "differ by 9 s"),
        ({"peers": [{"party": 4, "connected": False}]}, "not connected with party 4"),
        ({"ready": False}, "not ready"),
    ],
)
def test_what_is_wrong_with_a_party_is_told(cluster_file: Path, changes: dict[str, Any], told: str) -> None:
    cluster = Cluster.read(cluster_file)
    assert _check_status(status(cluster), cluster, NOW).is_good
    finding = _check_status(status(cluster, **changes), cluster, NOW)
    assert not finding.is_good
    assert told in finding.text


def test_how_many_auctions_a_party_computes_is_told(cluster_file: Path) -> None:
    cluster = Cluster.read(cluster_file)
    busy = status(cluster, sessions={"computing": 4, "waiting": 36, "most": 4})
    finding = _check_status(busy, cluster, NOW)
    assert finding.is_good
    assert "computes 4 auctions, of 4 at most, and 36 wait in line" in finding.text


def test_parties_that_differ_are_found(cluster_file: Path) -> None:
    cluster = Cluster.read(cluster_file)
    findings = _check_agreement([status(cluster), status(cluster, party=3, threshold=1)])
    assert [finding.is_good for finding in findings] == [False, True]


@pytest.fixture
def files(tmp_path: Path) -> LocalCluster:
    return make_cluster(tmp_path, parties=3, threshold=1, base_port=free_base_port(3), tls=True)


def test_the_settings_of_a_throw_away_cluster_are_sound(files: LocalCluster) -> None:
    for party in files.parties:
        settings = load_settings(party.environment)
        assert settings.party_id == party.number
        assert settings.is_login_server == (party.number == 1)


def test_keys_of_another_party_are_found(run: "Run", files: LocalCluster) -> None:
    environment = {**files.parties[1].environment, "DATA_DIR": str(files.parties[2].data_dir)}
    ended = run("cluster", "check", files.cluster_file, "--no-online", "--json", environment=environment)
    assert ended.status == 1
    assert {check["what"]: check["ok"] for check in ended.json()["checks"]} == {
        "settings": True,
        "identity key": False,
        "certificate": False,
    }


def test_settings_that_are_wrong_are_all_named(run: "Run", files: LocalCluster) -> None:
    environment = {**files.parties[1].environment, "THRESHOLD": "9", "PARTY_ID": "7"}
    ended = run("cluster", "check", files.cluster_file, "--json", environment=environment)
    assert (ended.status, ended.json()["error"]["code"]) == (5, "settings")
    assert "THRESHOLD" in ended.stderr
    assert "PARTY_ID" in ended.stderr


def test_parties_that_are_not_there_are_found(run: "Run", files: LocalCluster) -> None:
    ended = run("cluster", "check", files.cluster_file, "--no-own", "--json")
    assert ended.status == 1
    assert [(check["what"], check["ok"]) for check in ended.json()["checks"]] == [
        ("party 1", False),
        ("party 2", False),
        ("party 3", False),
    ]
