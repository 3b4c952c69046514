"""A throw-away cluster: keys, cluster file, data directories and settings for parties that all run on this machine.

What the demo, the benchmarks and the tests run on. Party ``i`` answers at ``http://127.0.0.i:(base port + i)``, so
that the rule "the source address decides which party speaks" is in force here as everywhere.
"""

import errno
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import SystemRandom
from typing import Final

from aukciszek.cluster import Cluster, PartyEntry
from aukciszek.console.new_file import write_new_file
from aukciszek.console.party_keys import TOKEN_KEY_FILE, make_party_keys
from aukciszek.errors import AukciszekError
from aukciszek.local_cluster.authority import TemporaryAuthority
from aukciszek.settings import VARIABLES

BASE_PORT: Final = 5000
LOGIN_SERVER: Final = 1
_NAMES: Final = (
    *("City Council", "Auditors' Guild", "Bidders' Union", "Open University", "Free Notaries"),
    *("Chamber of Trade", "Water Board", "State Archive", "Consumers' League"),
)


class PortTakenError(AukciszekError):
    """A party on this machine cannot listen where it should."""

    code = "port-taken"


@dataclass(frozen=True, slots=True)
class LocalParty:
    """What one party needs to run.

    Attributes:
        number: the party's number.
        data_dir: its keys and database.
        log: what it writes to standard output and standard error.
        environment: its settings; holds token keys, so it is shown nowhere.
    """

    number: int
    data_dir: Path
    log: Path
    environment: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class LocalCluster:
    """All parties of a cluster on this machine.

    Attributes:
        cluster: who they are.
        cluster_file: where that is written.
        threshold: ``t``.
        ca_file: what signed their certificates; None if they do without TLS.
        parties: what each needs to run.
    """

    cluster: Cluster
    cluster_file: Path
    threshold: int
    ca_file: Path | None
    parties: tuple[LocalParty, ...]

    @property
    def login_server(self) -> LocalParty:
        """The party that keeps the accounts."""
        return self.parties[LOGIN_SERVER - 1]


def make_cluster(
    directory: Path, *, parties: int, threshold: int, base_port: int = BASE_PORT, tls: bool = False
) -> LocalCluster:
    """Make keys, cluster file and settings in an empty ``directory``.

    Args:
        directory: where everything is kept.
        parties: ``n``.
        threshold: ``t``.
        base_port: party ``i`` listens at this port plus ``i``.
        tls: whether the parties speak TLS, with certificates of an authority made for them.

    Raises:
        ClusterFileError: a cluster cannot have that many parties.
        KeyFileError: a file cannot be written.
    """
    data_dirs = {number: directory / f"party-{number}" for number in range(1, parties + 1)}
    scheme = "https" if tls else "http"
    entries = [
        make_party_keys(
            data_dir,
            number=number,
            name=_NAMES[number - 1] if number <= len(_NAMES) else f"Party {number}",
            url=f"{scheme}://127.0.0.{number}:{base_port + number}",
            address=f"127.0.0.{number}",
        )
        for number, data_dir in data_dirs.items()
    ]
    cluster, content = Cluster.build(entries)
    cluster_file = directory / "cluster.json"
    write_new_file(cluster_file, content, mode=0o644)
    common = {
        "CLUSTER_FILE": str(cluster_file),
        "LOGIN_SERVER": str(LOGIN_SERVER),
        "THRESHOLD": str(threshold),
    }
    certificates = _make_certificates(directory, cluster.parties) if tls else {}
    keys = _token_keys(data_dirs)
    return LocalCluster(
        cluster,
        cluster_file,
        threshold,
        directory / "ca.pem" if tls else None,
        tuple(
            LocalParty(
                number,
                data_dir,
                directory / f"party-{number}.log",
                _clean_environment()
                | common
                | certificates.get(number, {})
                | {"PARTY_ID": str(number), "DATA_DIR": str(data_dir), "SECRET_KEYS_JWT": keys[number]},
            )
            for number, data_dir in data_dirs.items()
        ),
    )


def check_ports(parties: int, base_port: int) -> None:
    """Make sure that every party can listen at its address.

    Raises:
        PortTakenError: with the address, the reason and the remedy.
    """
    for number in range(1, parties + 1):
        place = (f"127.0.0.{number}", base_port + number)
        with socket.socket() as probe:
            # As the server does: an address that an ended server has just left is free again.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(place)
            except OverflowError as error:
                raise PortTakenError("a port is a number up to 65535: choose a smaller --base-port") from error
            except OSError as error:
                raise PortTakenError(_why_not(error, *place)) from error


def free_base_port(parties: int, candidates: range = range(20_000, 30_000, 10)) -> int:
    """Return a base port at which every party can listen now.

    Any of them: two programs that look at the same moment should not find the same one.

    Raises:
        PortTakenError: there is none among the candidates.
    """
    for base_port in SystemRandom().sample(candidates, len(candidates)):
        try:
            check_ports(parties, base_port)
        except PortTakenError:
            continue
        return base_port
    raise PortTakenError("no ports are free on this machine: end other servers")


def _clean_environment() -> dict[str, str]:
    """Return this process's environment without the settings of a party, which would mix with a new one's."""
    return {name: value for name, value in os.environ.items() if name not in VARIABLES}


def _token_keys(data_dirs: Mapping[int, Path]) -> dict[int, str]:
    keys = {number: (data_dir / TOKEN_KEY_FILE).read_text().strip() for number, data_dir in data_dirs.items()}
    return keys | {LOGIN_SERVER: ",".join(keys.values())}


def _make_certificates(directory: Path, parties: tuple[PartyEntry, ...]) -> dict[int, dict[str, str]]:
    authority = TemporaryAuthority()
    authority.write_root(directory / "ca.pem")
    settings: dict[int, dict[str, str]] = {}
    for party in parties:
        certificate, key = directory / f"party-{party.number}.crt", directory / f"party-{party.number}.key"
        authority.write_certificate(party.address, certificate, key)
        settings[party.number] = {
            "SSL_CERTFILE": str(certificate),
            "SSL_KEYFILE": str(key),
            "SSL_CA_FILE": str(directory / "ca.pem"),
        }
    return settings


def _why_not(error: OSError, host: str, port: int) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return f"{host}:{port} is taken by another program: end it, or choose another --base-port"
        case errno.EADDRNOTAVAIL:
            return f"this machine has no address {host}: add it to the loopback interface"
        case errno.EACCES:
            return f"{host}:{port} is reserved for the system: choose a --base-port of 1024 or more"
        case _:
            return f"cannot listen at {host}:{port} ({error.strerror}): choose another --base-port"
