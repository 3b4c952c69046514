"""``aukciszek wireguard config``: route the traffic between the parties through WireGuard.

Each party makes a WireGuard key and a statement about its public half, signed with the identity that the cluster
file lists. With the statements of all parties the same command writes the party's ``wg`` configuration: who
may be trusted follows from the cluster file alone. See ``docs/operations.md``.
"""

import base64
import binascii
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

import typer
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aukciszek.cluster import Cluster, PartyEntry
from aukciszek.console.new_file import KeyFileError, write_new_file
from aukciszek.console.party_keys import IDENTITY_FILE
from aukciszek.console.report import JsonOption, Report, plain
from aukciszek.encoding import MalformedEncodingError, canonical_json, from_base64url, to_base64url
from aukciszek.errors import AukciszekError
from aukciszek.identity import Identity

_LABEL = "wireguard-key"
_KEY_BYTES = 32
_KEEPALIVE_S = 25

type Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class WireguardError(AukciszekError):
    """A WireGuard key, statement or network is not usable."""

    code = "wireguard"


class KeyStatement(BaseModel):
    """A party's signed word about its WireGuard public key."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    cluster: str
    party: Annotated[int, Field(ge=1)]
    public_key: str
    signature: str

    def signed_bytes(self) -> bytes:
        """Return what the signature covers."""
        return canonical_json(self.model_dump(exclude={"signature"}))

    @classmethod
    def make(cls, cluster: Cluster, party: int, key: X25519PrivateKey, identity: Identity) -> Self:
        """Sign the public half of ``key`` as ``party``."""
        public = base64.b64encode(key.public_key().public_bytes_raw()).decode()
        unsigned = cls(cluster=cluster.digest, party=party, public_key=public, signature="")
        signature = to_base64url(identity.sign(_LABEL, unsigned.signed_bytes()))
        return unsigned.model_copy(update={"signature": signature})

    @classmethod
    def read(cls, path: Path, cluster: Cluster) -> Self:
        """Read and verify a statement.

        Raises:
            WireguardError: the file is missing, malformed, for another cluster, or not signed by its party.
        """
        try:
            statement = cls.model_validate_json(path.read_bytes())
            key = base64.b64decode(statement.public_key, validate=True)
            signature = from_base64url(statement.signature)
            identity = cluster.party(statement.party).identity
        except OSError as error:
            raise WireguardError(f"cannot read {path} ({error.strerror})") from error
        except (ValidationError, binascii.Error, MalformedEncodingError, KeyError) as error:
            raise WireguardError(f"{path} is not a WireGuard statement: ask its party for a new one") from error
        if statement.cluster != cluster.digest:
            raise WireguardError(f"{path} was made for another cluster file: compare the digests")
        if len(key) != _KEY_BYTES or not identity.verifies(_LABEL, statement.signed_bytes(), signature):
            raise WireguardError(f"{path} is not signed by party {statement.party}: do not use it")
        return statement


@dataclass(frozen=True)
class Tunnel:
    """The addresses inside the tunnel: party ``i`` has the network's ``i``-th address."""

    network: Network
    port: int
    """WireGuard's own UDP port."""
    server_port: int
    """Where the servers listen inside the tunnel; not the public port, which speaks TLS."""

    def address(self, party: int) -> str:
        """Return a party's address inside the tunnel."""
        return str(self.network.network_address + party)

    def url(self, party: PartyEntry) -> str:
        """Return a party's URL inside the tunnel; the tunnel encrypts, so it needs no TLS."""
        address = self.address(party.number)
        return f"http://{f'[{address}]' if ':' in address else address}:{self.server_port}"

    def configuration(self, cluster: Cluster, party: int, key: X25519PrivateKey, public: Mapping[int, str]) -> str:
        """Return the party's file for ``wg-quick``; it holds the private key."""
        private = base64.b64encode(key.private_bytes_raw()).decode()
        width = self.network.max_prefixlen
        lines = [
            "[Interface]",
            f"PrivateKey = {private}",
            f"Address = {self.address(party)}/{self.network.prefixlen}",
            f"ListenPort = {self.port}",
        ]
        for peer in cluster.parties:
            if peer.number != party:
                lines += [
                    "",
                    f"# party {peer.number}",
                    "[Peer]",
                    f"PublicKey = {public[peer.number]}",
                    f"AllowedIPs = {self.address(peer.number)}/{width}",
                    f"Endpoint = {_endpoint(peer, self.port)}",
                    f"PersistentKeepalive = {_KEEPALIVE_S}",
                ]
        return "\n".join(lines) + "\n"


def add_commands(app: typer.Typer) -> None:
    """Add ``wireguard`` to the command line."""
    wireguard = typer.Typer(no_args_is_help=True, help="Traffic between the parties through WireGuard.")
    # A callback keeps `config` a subcommand although it is the only one.
    wireguard.callback()(lambda: None)
    wireguard.command("config")(config)
    app.add_typer(wireguard, name="wireguard")


def config(  # noqa: PLR0913 -- a command's parameters are its options
    statements: Annotated[list[Path] | None, typer.Argument(help="The other parties' statements.")] = None,
    *,
    party: Annotated[int, typer.Option(envvar="PARTY_ID", help="This party's number.")],
    cluster_file: Annotated[Path, typer.Option("--cluster", envvar="CLUSTER_FILE", help="The cluster file.")],
    data_dir: Annotated[Path, typer.Option(envvar="DATA_DIR", help="This party's data directory.")],
    network: Annotated[str, typer.Option(help="The addresses inside the tunnel.")] = "10.83.0.0/24",
    port: Annotated[int, typer.Option(min=1, max=65535, help="WireGuard's UDP port, the same at every party.")] = 51820,
    server_port: Annotated[int, typer.Option(min=1, max=65535, help="The servers' port inside the tunnel.")] = 51821,
    as_json: JsonOption = False,
) -> None:
    """Make this party's WireGuard key and statement; with the statements of all others, write its configuration."""
    with Report(as_json=as_json) as report:
        cluster = Cluster.read(cluster_file)
        tunnel = Tunnel(_network(network, cluster), port, server_port)
        own = _own_identity(cluster, party, data_dir)
        key = _own_key(data_dir / "wireguard.key")
        statement_file = data_dir / f"wireguard-{party}.json"
        statement = KeyStatement.make(cluster, party, key, own)
        _replace(statement_file, canonical_json(statement.model_dump()), mode=0o644)
        report.say(f"statement      {plain(str(statement_file))} (public; for every other party)")
        public = {statement.party: statement.public_key}
        public |= {other.party: other.public_key for other in (KeyStatement.read(p, cluster) for p in statements or ())}
        public[party] = statement.public_key
        missing = [number for number in cluster.numbers if number not in public]
        answer: dict[str, object] = {"statement": str(statement_file), "missing": missing, "configuration": None}
        if missing:
            report.say(f"still missing  the statements of the parties {', '.join(map(str, missing))}")
        else:
            target = data_dir / "wg-aukciszek.conf"
            _replace(target, tunnel.configuration(cluster, party, key, public).encode(), mode=0o600)
            answer |= {"configuration": str(target)} | _tell_settings(report, tunnel, cluster, target)
        report.result(answer)


def _tell_settings(report: Report, tunnel: Tunnel, cluster: Cluster, target: Path) -> dict[str, str]:
    servers = ",".join(tunnel.url(party) for party in cluster.parties)
    addresses = ",".join(tunnel.address(party.number) for party in cluster.parties)
    report.say(f"configuration  {plain(str(target))} (secret; start it with `wg-quick up {plain(str(target))}`)")
    report.say("and in this party's settings:")
    report.say(f"WIREGUARD_SERVERS={plain(servers)}")
    report.say(f"WIREGUARD_IPS={plain(addresses)}")
    return {"WIREGUARD_SERVERS": servers, "WIREGUARD_IPS": addresses}


def _network(text: str, cluster: Cluster) -> Network:
    try:
        network = ipaddress.ip_network(text)
    except ValueError as error:
        raise WireguardError(f"{text!r} is not a network: write it as 10.83.0.0/24") from error
    if network.num_addresses < cluster.size + 2:
        raise WireguardError(f"{text} has too few addresses for {cluster.size} parties")
    return network


def _own_identity(cluster: Cluster, party: int, data_dir: Path) -> Identity:
    identity = Identity.read(data_dir / IDENTITY_FILE)
    if party not in cluster.numbers or cluster.party(party).identity != identity.public:
        raise WireguardError(f"the identity in {data_dir} is not party {party}'s in the cluster file")
    return identity


def _own_key(path: Path) -> X25519PrivateKey:
    if not path.exists():
        private = X25519PrivateKey.generate().private_bytes_raw()
        write_new_file(path, base64.b64encode(private) + b"\n", mode=0o600)
    try:
        return X25519PrivateKey.from_private_bytes(base64.b64decode(path.read_bytes().strip(), validate=True))
    except OSError as error:
        raise KeyFileError(f"cannot read {path} ({error.strerror})") from error
    except ValueError as error:
        raise WireguardError(f"{path} holds no WireGuard key: restore it, or remove it to make a new one") from error


def _replace(path: Path, content: bytes, *, mode: int) -> None:
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    write_new_file(temporary, content, mode=mode)
    temporary.replace(path)


def _endpoint(peer: PartyEntry, port: int) -> str:
    host = urlsplit(peer.url).hostname or peer.address
    return f"{f'[{host}]' if ':' in host else host}:{port}"
