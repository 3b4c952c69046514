"""Starting and stopping a party from its settings."""

import asyncio
import os
import secrets
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import dedent

import aiohttp
import pytest
import trustme

from aukciszek.clock import SystemClock, parse_time
from aukciszek.cluster import Cluster, PartyEntry
from aukciszek.identity import Identity, IdentityKeyError
from aukciszek.server.errors import CertificateError, ListenError
from aukciszek.server.host.tls import client_context, server_context
from aukciszek.server.host.web_server import listen
from aukciszek.server.links.directory import PeerDirectory, plain_address
from aukciszek.server.party import read_identity
from aukciszek.server.serve import run_party
from aukciszek.settings import Listener, Settings, load_settings

KEYS = [secrets.token_urlsafe(32) for _ in range(3)]


@dataclass
class Place:
    """The directory of a cluster of three whose party 1 can be started."""

    directory: Path
    identities: list[Identity]
    cluster: Cluster

    def environment(self, changes: Mapping[str, str] | None = None, *, number: int = 1) -> dict[str, str]:
        data_dir = self.directory / f"party-{number}"
        if not data_dir.exists():
            data_dir.mkdir(mode=0o700)
            self.identities[number - 1].write(data_dir / "identity.pem")
        keys = {"SECRET_KEYS_JWT": ",".join(KEYS) if number == 1 else KEYS[number - 1]}
        paths = {"CLUSTER_FILE": str(self.directory / "cluster.json"), "DATA_DIR": str(data_dir)}
        return {"PARTY_ID": str(number)} | keys | paths | dict(changes or {})


type NewPlace = Callable[[str], Place]


def free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def new_place(tmp_path: Path) -> NewPlace:
    def make(scheme: str) -> Place:
        identities = [Identity.new() for _ in range(3)]
        entries = [
            PartyEntry(
                number=number,
                name=f"Party {number}",
                url=f"{scheme}://127.0.0.{number}:{free_port(f'127.0.0.{number}')}",
                address=f"127.0.0.{number}",
                identity_key=identity.public.text,
            )
            for number, identity in enumerate(identities, 1)
        ]
        cluster, content = Cluster.build(entries)
        (tmp_path / "cluster.json").write_bytes(content)
        return Place(tmp_path, identities, cluster)

    return make


async def until_status(url: str, tls: ssl.SSLContext | None = None) -> Mapping[str, object]:
    async with asyncio.timeout(60), aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(f"{url}/api/status", ssl=tls if tls is not None else True) as answer:
                    status: Mapping[str, object] = await answer.json()
                    return status
            except aiohttp.ClientConnectorError:
                await asyncio.sleep(0.01)


def test_the_log_has_one_line_for_each_event_with_times_in_utc() -> None:
    program = """
        import logging
        from aukciszek.server.serve import configure_logging
        configure_logging()
        log = logging.getLogger("aukciszek.some")
        log.debug("nothing")
        log.info("party %d", 3)
        log.warning("two")
        logging.getLogger("uvicorn.error").info("nothing")
    """
    environment = os.environ | {"TZ": "Asia/Tokyo"}
    before = datetime.now(UTC)
    ended = subprocess.run(  # noqa: S603 -- a program of this file
        [sys.executable, "-c", dedent(program)], env=environment, capture_output=True, text=True, check=True
    )
    times, lines = zip(*(line.split(" ", 1) for line in ended.stderr.splitlines()), strict=True)
    assert lines == ("INFO aukciszek.some: party 3", "WARNING aukciszek.some: two")
    assert all(before - timedelta(seconds=1) <= parse_time(one) <= datetime.now(UTC) for one in times)


async def test_a_party_serves_until_it_is_told_to_stop(new_place: NewPlace) -> None:
    place = new_place("http")
    settings = load_settings(place.environment())
    stop = asyncio.Event()
    running = asyncio.create_task(run_party(settings, SystemClock(), stop))
    status = await until_status(settings.own.url)
    assert (status["party"], status["ready"]) == (1, False), "the other parties are away, so there are no keys"
    stop.set()
    await running
    with listen(settings.listeners[0]):
        pass


async def test_a_party_with_a_certificate_serves_over_tls_1_3_alone(new_place: NewPlace) -> None:
    place = new_place("https")
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(place.directory / "ca.pem")
    (place.directory / "key.pem").touch(mode=0o600)
    certificate.private_key_pem.write_to_path(place.directory / "key.pem")
    (place.directory / "cert.pem").write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
    paths = {name: str(place.directory / f"{name}.pem") for name in ("cert", "key", "ca")}
    settings = load_settings(
        place.environment({"SSL_CERTFILE": paths["cert"], "SSL_KEYFILE": paths["key"], "SSL_CA_FILE": paths["ca"]})
    )
    stop = asyncio.Event()
    running = asyncio.create_task(run_party(settings, SystemClock(), stop))
    try:
        trusting = client_context(settings)
        assert trusting is not None
        await until_status(settings.own.url, trusting)
        old = ssl.create_default_context(cafile=paths["ca"])
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        for context in (old, ssl.create_default_context()):
            with pytest.raises(aiohttp.ClientConnectorError):
                async with aiohttp.ClientSession() as session, session.get(settings.own.url, ssl=context):
                    pass
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.ClientError):
                await session.get(settings.own.url.replace("https", "http"))
            async with session.get(f"{settings.own.url}/api/status", ssl=trusting) as answer:
                assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    finally:
        stop.set()
        await running


async def test_a_taken_port_is_told_with_its_number(new_place: NewPlace) -> None:
    settings = load_settings(new_place("http").environment())
    where = settings.listeners[0]
    with listen(where) as listening:
        listening.listen()
        with pytest.raises(ListenError, match=f"port {where.port}"):
            await run_party(settings, SystemClock(), asyncio.Event())


def test_an_address_of_another_machine_is_told() -> None:
    with pytest.raises(ListenError, match=r"192\.0\.2\.1"):
        listen(Listener("192.0.2.1", 0, tls=False))


async def test_a_party_does_not_start_with_another_ones_identity(new_place: NewPlace) -> None:
    place = new_place("http")
    settings = load_settings(place.environment())
    settings.identity_file.unlink()
    place.identities[1].write(settings.identity_file)
    with pytest.raises(IdentityKeyError, match="not the key that the cluster file lists for party 1"):
        read_identity(settings)
    with pytest.raises(IdentityKeyError):
        await run_party(settings, SystemClock(), asyncio.Event())
    with listen(settings.listeners[0]):
        pass


FILES = {"CERTFILE": "cert", "KEYFILE": "key", "CA_FILE": "ca"}


@pytest.mark.parametrize("damaged", ["cert", "key", "ca"])
def test_unusable_certificates_are_told(new_place: NewPlace, damaged: str) -> None:
    place = new_place("https")
    certificate = trustme.CA().issue_cert("127.0.0.1")
    contents = {
        "cert": certificate.cert_chain_pems[0].bytes(),
        "key": certificate.private_key_pem.bytes(),
        "ca": certificate.cert_chain_pems[0].bytes(),
    } | {damaged: b"garbage"}
    for name, content in contents.items():
        (place.directory / name).touch(mode=0o600)
        (place.directory / name).write_bytes(content)
    files = {f"SSL_{name}": str(place.directory / path) for name, path in FILES.items()}
    settings = load_settings(place.environment(files))
    make = client_context if damaged == "ca" else server_context
    with pytest.raises(CertificateError, match="SSL_CA_FILE" if damaged == "ca" else "SSL_CERTFILE"):
        make(settings)


def test_an_authority_that_is_named_is_the_only_one(new_place: NewPlace) -> None:
    place = new_place("https")
    authority, path = trustme.CA(), place.directory / "ca.pem"
    authority.cert_pem.write_to_path(path)
    context = client_context(load_with_certificate(place, {"SSL_CA_FILE": str(path)}))
    assert context is not None
    assert [one["subject"] for one in context.get_ca_certs()] == [context.get_ca_certs()[0]["issuer"]]
    assert context.minimum_version is ssl.TLSVersion.TLSv1_3
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    default = client_context(load_with_certificate(place, {}))
    assert default is not None
    assert default.verify_mode is ssl.CERT_REQUIRED


def load_with_certificate(place: Place, changes: Mapping[str, str]) -> Settings:
    for name in ("cert", "key"):
        (place.directory / name).touch(mode=0o600)
    files = {"SSL_CERTFILE": str(place.directory / "cert"), "SSL_KEYFILE": str(place.directory / "key")}
    return load_settings(place.environment(files | dict(changes)))


def test_without_tls_there_are_no_contexts(new_place: NewPlace) -> None:
    settings = load_settings(new_place("http").environment())
    assert server_context(settings) is None
    assert client_context(settings) is None


def test_a_tunnel_takes_the_place_of_public_addresses(new_place: NewPlace) -> None:
    place = new_place("http")
    tunnel = {
        "WIREGUARD_SERVERS": ",".join(f"http://10.9.0.{number}:6000" for number in (1, 2, 3)),
        "WIREGUARD_IPS": "10.9.0.1,10.9.0.2,10.9.0.3",
    }
    directory = PeerDirectory.of(load_settings(place.environment(tunnel)))
    assert [peer.link_url for peer in directory.peers.values()] == [
        "http://10.9.0.2:6000/peer",
        "http://10.9.0.3:6000/peer",
    ]
    assert directory.party_at("10.9.0.3") == 3
    assert directory.party_at("127.0.0.3") is None, "outside the tunnel nobody is trusted"
    assert not directory.takes_links_at("127.0.0.1"), "outside the tunnel nobody is listened to"
    assert directory.takes_links_at("10.9.0.1")
    assert directory.takes_links_at("::ffff:10.9.0.1")
    assert directory.own_address is None, "an address that this machine does not have is left to its routes"


def test_an_address_has_one_spelling(new_place: NewPlace) -> None:
    directory = PeerDirectory.of(load_settings(new_place("http").environment()))
    assert directory.own_address == "127.0.0.1"
    assert directory.party_at("127.0.0.2") == directory.party_at("::ffff:127.0.0.2") == 2
    assert directory.party_at("127.0.0.1") is None, "a party does not dial itself"
    assert directory.party_at("testclient") is None
    assert plain_address("2001:DB8:0::1") == "2001:db8::1"
