import base64
import configparser
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

if TYPE_CHECKING:
    from .conftest import Ended, Run


class Operators:
    """Five operators who run `wireguard config`, each in their own data directory."""

    def __init__(self, run: "Run", cluster_file: Path, directories: list[Path]) -> None:
        self.run = run
        self.cluster_file = cluster_file
        self.directories = directories

    def config(self, party: int, *statements: Path) -> "Ended":
        place = ("--party", str(party), "--cluster", self.cluster_file, "--data-dir", self.directories[party - 1])
        return self.run("wireguard", "config", *statements, *place, "--json")

    def statement(self, party: int) -> Path:
        return self.directories[party - 1] / f"wireguard-{party}.json"


@pytest.fixture
def operators(run: "Run", cluster_file: Path, party_directories: list[Path]) -> Operators:
    operators = Operators(run, cluster_file, party_directories)
    for party in range(1, 6):
        assert operators.config(party).json()["missing"] == [other for other in range(1, 6) if other != party]
    return operators


def test_each_configuration_names_all_peers_with_their_own_keys(operators: Operators) -> None:
    statements = [operators.statement(party) for party in range(1, 6)]
    assert all(operators.config(party, *statements).status == 0 for party in range(1, 6))
    key_of = {}
    for party, directory in enumerate(operators.directories, start=1):
        private = base64.b64decode((directory / "wireguard.key").read_bytes())
        public = X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()
        key_of[party] = base64.b64encode(public).decode()
    text = (operators.directories[2] / "wg-aukciszek.conf").read_text()
    interface, *peers = text.split("[Peer]")
    parsed = configparser.ConfigParser()
    parsed.read_string(interface)
    assert parsed["Interface"]["Address"] == "10.83.0.3/24"
    for party, peer in zip((1, 2, 4, 5), peers, strict=True):
        parsed = configparser.ConfigParser()
        parsed.read_string("[Peer]" + peer)
        assert parsed["Peer"]["PublicKey"] == key_of[party]
        assert parsed["Peer"]["AllowedIPs"] == f"10.83.0.{party}/32"
        assert parsed["Peer"]["Endpoint"] == f"127.0.0.{party}:51820"


def test_the_configuration_and_the_key_are_the_owners_alone(operators: Operators) -> None:
    operators.config(1, *(operators.statement(party) for party in range(2, 6)))
    for secret in ("wireguard.key", "wg-aukciszek.conf"):
        assert (operators.directories[0] / secret).stat().st_mode & 0o777 == 0o600


def test_the_settings_to_add_are_told(operators: Operators) -> None:
    answer = operators.config(1, *(operators.statement(party) for party in range(2, 6))).json()
    assert answer["WIREGUARD_IPS"] == "10.83.0.1,10.83.0.2,10.83.0.3,10.83.0.4,10.83.0.5"
    assert answer["WIREGUARD_SERVERS"].startswith("http://10.83.0.1:51821,")


def test_a_second_run_keeps_the_key(operators: Operators) -> None:
    before = operators.statement(1).read_bytes()
    operators.config(1)
    assert operators.statement(1).read_bytes() == before


def test_a_statement_with_a_foreign_key_is_refused(operators: Operators) -> None:
    statement = json.loads(operators.statement(2).read_bytes())
    statement["public_key"] = base64.b64encode(bytes(range(32))).decode()
    operators.statement(2).write_text(json.dumps(statement))
    ended = operators.config(1, operators.statement(2))
    assert ended.status == 5
    assert "not signed by party 2" in ended.json()["error"]["message"]


def test_a_statement_in_another_partys_name_is_refused(operators: Operators) -> None:
    statement = json.loads(operators.statement(2).read_bytes()) | {"party": 3}
    operators.statement(2).write_text(json.dumps(statement))
    assert operators.config(1, operators.statement(2)).json()["error"]["code"] == "wireguard"


def test_a_foreign_identity_cannot_speak_for_a_party(operators: Operators) -> None:
    directory = operators.directories[1]
    ended = operators.run(
        *("wireguard", "config", "--party", "1", "--cluster", operators.cluster_file, "--data-dir", directory, "--json")
    )
    assert ended.json()["error"]["code"] == "wireguard"


@pytest.mark.parametrize("network", ["10.83.0.0", "10.83.0.1/24", "10.83.0.0/30", "tunnel"])
def test_a_network_that_does_not_hold_the_parties_is_refused(operators: Operators, network: str) -> None:
    place = ("--party", "1", "--cluster", operators.cluster_file, "--data-dir", operators.directories[0])
    assert operators.run("wireguard", "config", *place, "--network", network).status == 5
