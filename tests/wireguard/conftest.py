"""Three parties on machines of their own, whose links run through a real WireGuard tunnel, and a bidder outside it."""

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from aukciszek.cluster import Cluster, PartyEntry
from aukciszek.console.party_keys import make_party_keys
from aukciszek.local_cluster.authority import TemporaryAuthority
from aukciszek.settings import VARIABLES
from support.namespaces import Machine, World, small_world

SIZE = 3
PUBLIC_PORT = 8443
LONG_ENOUGH_S = 60.0


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for what other processes bring about."""
    deadline = time.monotonic() + LONG_ENOUGH_S
    while not condition():
        assert time.monotonic() < deadline, f"never came: {what}"


@dataclass
class Ended:
    status: int
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass
class Party:
    """One party on its own machine."""

    number: int
    machine: Machine
    data_dir: Path
    url: str
    settings: dict[str, str] = field(repr=False)

    @property
    def tunnel(self) -> str:
        """The name of the WireGuard interface."""
        return f"wg{self.number}"

    @property
    def inner_address(self) -> str:
        return f"10.83.0.{self.number}"

    @property
    def environment(self) -> dict[str, str]:
        others = {name: value for name, value in os.environ.items() if name not in VARIABLES}
        return others | self.settings

    def type(self, *words: str | Path) -> Ended:
        """Run a command of the command line as this party's operator."""
        return typed(self.machine, self.environment, *words)

    def read_log(self) -> str:
        return (self.data_dir / "log").read_text()


def typed(machine: Machine, environment: Mapping[str, str], *words: str | Path) -> Ended:
    ended = machine.ask(sys.executable, "-m", "aukciszek.cli", *map(str, words), "--json", environment=environment)
    return Ended(ended.returncode, ended.stdout or ended.stderr)


class Town:
    """The parties, the network between them, and the bidder's machine."""

    def __init__(self, world: World, directory: Path) -> None:
        self.directory = directory
        self.bidder = world.add_machine("bidder", "10.99.0.100")
        self.parties = [self._make_party(world, number) for number in range(1, SIZE + 1)]
        entries = [(one.data_dir / f"party-{one.number}.json").read_bytes() for one in self.parties]
        _, content = Cluster.build([PartyEntry.model_validate_json(entry) for entry in entries])
        self.cluster_file = directory / "cluster.json"
        self.cluster_file.write_bytes(content)
        self.ca_file = directory / "ca.pem"
        self._make_settings()

    def _make_party(self, world: World, number: int) -> Party:
        address = f"10.99.0.{number}"
        data_dir, url = self.directory / f"party-{number}", f"https://{address}:{PUBLIC_PORT}"
        make_party_keys(data_dir, number=number, name=f"Party {number}", url=url, address=address)
        return Party(number, world.add_machine(f"party{number}", address), data_dir, url, {})

    def _make_settings(self) -> None:
        authority = TemporaryAuthority()
        authority.write_root(self.ca_file)
        keys = [(one.data_dir / "token.key").read_text().strip() for one in self.parties]
        for one in self.parties:
            certificate, key = one.data_dir / "cert.pem", one.data_dir / "key.pem"
            authority.write_certificate(one.machine.address, certificate, key)
            one.settings = {
                "PARTY_ID": str(one.number),
                "CLUSTER_FILE": str(self.cluster_file),
                "DATA_DIR": str(one.data_dir),
                "SECRET_KEYS_JWT": ",".join(keys) if one.number == 1 else keys[one.number - 1],
                "SSL_CERTFILE": str(certificate),
                "SSL_KEYFILE": str(key),
                "SSL_CA_FILE": str(self.ca_file),
            }

    def configure_tunnel(self) -> None:
        """Let every operator make a key, hand round the public statements, and write the configurations."""
        for one in self.parties:
            assert one.type("wireguard", "config").status == 0
        statements = [one.data_dir / f"wireguard-{one.number}.json" for one in self.parties]
        for one in self.parties:
            received = one.data_dir / "received"
            received.mkdir()
            copies = [shutil.copy(statement, received) for statement in statements]
            answer = one.type("wireguard", "config", *copies)
            assert answer.status == 0, answer.text
            one.settings |= {name: answer.json[name] for name in ("WIREGUARD_SERVERS", "WIREGUARD_IPS")}

    def start_tunnel_device(self, one: Party) -> None:
        """Make the WireGuard interface of a party, with its address and without any key or peer."""
        device = one.machine
        device.start(
            *("wireguard-go", "-f", one.tunnel),
            environment={**os.environ, "WG_I_PREFER_BUGGY_USERSPACE_TO_POLISHED_KMOD": "1", "LOG_LEVEL": "error"},
            log=one.data_dir / "wireguard.log",
        )
        until(lambda: one.tunnel in device.run("wg", "show", "interfaces").split(), "the WireGuard device")
        device.run("ip", "address", "add", f"{one.inner_address}/24", "dev", one.tunnel)
        device.run("ip", "link", "set", one.tunnel, "up")

    def join_tunnel(self, one: Party) -> None:
        """Give the interface the configuration that the command line wrote, as ``wg-quick`` reads it."""
        stripped = one.data_dir / "stripped.conf"
        stripped.touch(mode=0o600)
        stripped.write_text(one.machine.run("wg-quick", "strip", str(one.data_dir / "wg-aukciszek.conf")))
        one.machine.run("wg", "setconf", one.tunnel, str(stripped))

    def start_server(self, one: Party) -> None:
        command = (sys.executable, "-m", "aukciszek.cli", "serve")
        one.machine.start(*command, environment=one.environment, log=one.data_dir / "log")

    def status(self, one: Party) -> Any:
        """Ask a party's public interface from the bidder's machine; None while it does not answer."""
        answer = self.bidder.ask(
            *(sys.executable, "-c", _ASK, f"{one.url}/api/status", str(self.ca_file)), environment=os.environ
        )
        return json.loads(answer.stdout) if answer.returncode == 0 else None

    def connected(self, one: Party) -> set[int]:
        status = self.status(one)
        return {peer["party"] for peer in status["peers"] if peer["connected"]} if status is not None else set()

    def try_to_link(self, at: Machine, url: str, *, source: str = "-") -> str:
        """Dial party 1 with everything that party 2 has, from another machine or another way."""
        script = Path(__file__).with_name("intruder.py")
        arguments = (self.cluster_file, self.parties[1].data_dir / "identity.pem", 2, 1, url, source, self.ca_file)
        tried = at.ask(sys.executable, str(script), *map(str, arguments), environment=os.environ)
        assert tried.returncode == 0, tried.stderr
        return tried.stdout.strip()


_ASK = """
import ssl, sys, urllib.request
context = ssl.create_default_context(cafile=sys.argv[2])
print(urllib.request.urlopen(sys.argv[1], timeout=10, context=context).read().decode())
"""


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Parties 1 and 2 are linked through the tunnel; party 3 serves, but its end of the tunnel has no keys yet."""
    with small_world() as world:
        town = Town(world, tmp_path_factory.mktemp("wireguard"))
        town.configure_tunnel()
        for one in town.parties:
            town.start_tunnel_device(one)
            if one.number < SIZE:
                town.join_tunnel(one)
            town.start_server(one)
        yield town
