"""A bad certificate stops a link, and a client, with a message that says what is bad about it.

Each fault is met over a real TLS connection, in both event loops: servers run in uvloop, the command line in asyncio's.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import trustme
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from aukciszek.certificates import tls_fault
from aukciszek.client.connection import PartyConnection, Request, RetryPolicy
from aukciszek.client.errors import UnreachableError
from aukciszek.client.parties import http_session
from aukciszek.clock import SystemClock
from aukciszek.cluster import Cluster, PartyEntry, PartyNumber
from aukciszek.identity import Identity
from aukciszek.server.errors import PeerError
from aukciszek.server.links.directory import Peer, PeerDirectory
from aukciszek.server.links.identity_token import IdentityTokens
from aukciszek.server.links.outbound import Dialler, OutboundLink

ADDRESS = "127.0.0.2"
NOW = datetime.now(UTC)
DAY = timedelta(days=1)

type LoopFactory = Callable[[], asyncio.AbstractEventLoop]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Callable[[Awaitable[Any]], Any]:
    def run(work: Any) -> Any:
        with asyncio.Runner(loop_factory=request.param) as runner:
            return runner.run(work)

    return run


def server_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def self_signed(directory: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, ADDRESS)])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), NOW - DAY, NOW + DAY)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (directory / "self-signed.pem").write_bytes(pem)
    context = server_context()
    context.load_cert_chain(directory / "self-signed.pem")
    return context


def presented(fault: str, authority: trustme.CA, directory: Path) -> ssl.SSLContext | None:
    """Return what a server with the fault answers with."""
    context = server_context()
    match fault:
        case "plain HTTP":
            return None
        case "self-signed":
            return self_signed(directory)
        case "wrong address":
            authority.issue_cert("127.0.0.3").configure_cert(context)
        case "wrong name":
            authority.issue_cert("other.example.org").configure_cert(context)
        case "expired":
            authority.issue_cert(ADDRESS, not_before=NOW - 2 * DAY, not_after=NOW - DAY).configure_cert(context)
        case "not valid yet":
            authority.issue_cert(ADDRESS, not_before=NOW + DAY, not_after=NOW + 2 * DAY).configure_cert(context)
        case "unknown authority":
            trustme.CA().issue_cert(ADDRESS).configure_cert(context)
        case _:
            authority.issue_cert(ADDRESS).configure_cert(context)
    return context


FAULTS = {
    "wrong address": "is for another address than the one in its URL",
    "wrong name": "is for another address than the one in its URL",
    "expired": "its certificate has expired",
    "not valid yet": "its certificate is not valid yet",
    "self-signed": "its certificate is self-signed",
    "unknown authority": "is signed by an unknown authority",
    "plain HTTP": "does not speak TLS",
}


@asynccontextmanager
async def serving(tls: ssl.SSLContext | None) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Answer 404 to everything; yield the URL and what was received."""
    received: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.read(100))
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, _context: None)  # refused handshakes are what these tests are about
    server = await asyncio.start_server(answer, ADDRESS, 0, ssl=tls)
    async with server:
        yield f"https://{ADDRESS}:{server.sockets[0].getsockname()[1]}", received


class Observer:
    """Notes the first fault of a link."""

    def __init__(self) -> None:
        self.fault: asyncio.Future[PeerError] = asyncio.get_running_loop().create_future()

    async def on_receiver_up(self, peer: PartyNumber) -> None:
        pytest.fail(f"a link to party {peer} came up")

    def on_receiver_lost(self, peer: PartyNumber) -> None:
        pytest.fail(f"there was a link to party {peer}")

    def on_peer_fault(self, _peer: PartyNumber, error: PeerError) -> None:
        if not self.fault.done():
            self.fault.set_result(error)


def trust(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    authority.configure_trust(context)
    return context


def tokens_for(url: str) -> IdentityTokens:
    identities = [Identity.new() for _ in range(3)]
    cluster, _ = Cluster.build(
        [
            PartyEntry(
                number=number,
                name=f"Party {number}",
                url=url if number == 2 else f"https://127.0.0.{number}:1",
                address=f"127.0.0.{number}",
                identity_key=identity.public.text,
            )
            for number, identity in enumerate(identities, 1)
        ]
    )
    directory = PeerDirectory(own=PartyNumber(1), own_address=None, cluster=cluster, threshold=1, peers={})
    return IdentityTokens(directory, identities[0], SystemClock())


@pytest.mark.parametrize("fault", FAULTS)
def test_a_link_is_stopped_with_a_message_that_says_what_is_wrong(
    run: Callable[[Awaitable[Any]], Any], authority: trustme.CA, tmp_path: Path, fault: str
) -> None:
    async def dial() -> tuple[PeerError, list[bytes]]:
        async with (
            serving(presented(fault, authority, tmp_path)) as (url, received),
            Dialler.open(None, trust(authority), tokens_for(url), SystemClock()) as dialler,
        ):
            observer = Observer()
            link = OutboundLink(Peer(PartyNumber(2), url, ADDRESS), dialler, observer)
            running = asyncio.create_task(link.run())
            try:
                async with asyncio.timeout(60):
                    return await observer.fault, received
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)

    error, received = run(dial())
    assert error.code == "peer-certificate"
    assert error.message.startswith(f"no link to party 2 at https://{ADDRESS}:")
    assert FAULTS[fault] in error.message
    assert not any(b"Authorization" in content for content in received), "no identity token left this party"


@pytest.mark.parametrize("fault", FAULTS)
def test_a_client_is_told_what_is_wrong(
    run: Callable[[Awaitable[Any]], Any], authority: trustme.CA, tmp_path: Path, fault: str
) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")

    async def ask() -> list[bytes]:
        async with (
            serving(presented(fault, authority, tmp_path)) as (url, received),
            http_session(tmp_path / "ca.pem") as http,
        ):
            party = PartyConnection(http, 2, url, retries=RetryPolicy(attempts=1), clock=SystemClock())
            with pytest.raises(UnreachableError, match=FAULTS[fault]) as told:
                await party.ask(Request("GET", "/api/status", token="a-token"))
            assert FAULTS[fault] in told.value.reasons[2]
            return received

    assert not any(b"a-token" in content for content in run(ask()))


def test_a_good_certificate_is_accepted(
    run: Callable[[Awaitable[Any]], Any], authority: trustme.CA, tmp_path: Path
) -> None:
    """So that the refusals above have the reason that they name."""

    async def ask() -> int:
        async with (
            serving(presented("none", authority, tmp_path)) as (url, _),
            aiohttp.ClientSession() as session,
            session.get(url, ssl=trust(authority)) as answer,
        ):
            return answer.status

    assert run(ask()) == 404


def test_other_troubles_are_not_blamed_on_certificates() -> None:
    assert tls_fault(ConnectionRefusedError("refused")) is None
    assert tls_fault(TimeoutError()) is None
    looping = ValueError("its own cause")
    looping.__context__ = looping
    assert tls_fault(looping) is None


def test_a_server_that_speaks_older_tls_alone_is_told_apart(authority: trustme.CA) -> None:
    """Between two memories, since whether a refusal arrives before the connection breaks is a matter of luck."""
    older = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    older.minimum_version = older.maximum_version = ssl.TLSVersion.TLSv1_2
    authority.issue_cert(ADDRESS).configure_cert(older)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trust(authority).wrap_bio(to_client, to_server, server_hostname=ADDRESS)
    server = older.wrap_bio(to_server, to_client, server_side=True)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    with pytest.raises(ssl.SSLError):
        server.do_handshake()
    with pytest.raises(ssl.SSLError) as refusal:
        client.do_handshake()
    told = tls_fault(aiohttp.ClientError(refusal.value))
    assert told is not None
    assert "does not speak TLS 1.3" in told


@pytest.mark.parametrize("code", [23, 999])
def test_every_other_fault_of_a_certificate_is_told_too(code: int) -> None:
    error = ssl.SSLCertVerificationError(1, "failed")
    error.verify_code, error.verify_message = code, "strange"
    told = tls_fault(error)
    assert told is not None
    assert ("revoked" if code == 23 else "strange") in told
