"""Limits that hold before anything is decoded."""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from aukciszek.server.host import http_protocol
from aukciszek.server.http import bodies
from aukciszek.server.http.routes_accounts import MOST_BYTES
from aukciszek.server.http.routes_bids import MOST_BUNDLE_BYTES

if TYPE_CHECKING:
    from .conftest import Site

pytestmark = pytest.mark.asyncio(loop_scope="session")

JSON = {"Content-Type": "application/json"}
BYTES = {"Content-Type": "application/octet-stream"}


async def in_chunks(size: int) -> AsyncIterator[bytes]:
    for _ in range(0, size, 1000):
        yield b" " * 1000


async def test_a_body_that_says_it_is_too_long_is_refused(site: "Site") -> None:
    answer = await site.post("/api/auth/login", data=b" " * (MOST_BYTES + 1), headers=JSON)
    assert (answer.status, answer.code) == (413, "body-too-large")


async def test_a_body_that_does_not_say_how_long_it_is_is_refused_when_it_is_too_long(site: "Site") -> None:
    answer = await site.post("/api/auth/login", data=in_chunks(MOST_BYTES + 1), headers=JSON)
    assert (answer.status, answer.code) == (413, "body-too-large")


async def test_a_body_of_just_the_allowed_length_is_read(site: "Site") -> None:
    content = b'{"email":"a@example.org","password":"wrong password here"}'
    for data in (content.ljust(MOST_BYTES),):
        answer = await site.post("/api/auth/login", data=data, headers=JSON)
        assert (answer.status, answer.code) == (401, "wrong-credentials")


async def test_a_bundle_is_bounded_after_its_sender_is_known(site: "Site") -> None:
    path = f"/api/auctions/{'0' * 64}/bids"
    stranger = await site.post(path, data=bytes(MOST_BUNDLE_BYTES + 1), headers=BYTES)
    assert (stranger.status, stranger.code) == (401, "token-missing")
    user = await site.register("wordy")
    for data in (bytes(MOST_BUNDLE_BYTES + 1), in_chunks(MOST_BUNDLE_BYTES + 1000)):
        answer = await site.post(path, user=user, data=data, headers=BYTES)
        assert (answer.status, answer.code) == (413, "body-too-large")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
    ids=str,
)
async def test_a_body_of_another_type_is_refused(site: "Site", headers: dict[str, str]) -> None:
    """A form of another site's page, for example, which browsers send without asking."""
    content = b'{"email":"a@example.org","password":"wrong password here"}'
    answer = await site.post(
        "/api/auth/login", data=content, headers=headers, skip_auto_headers=["Content-Type"], compress=False
    )
    assert (answer.status, answer.code) == (415, "unsupported-media-type")


async def talk(site: "Site", *sent: bytes) -> bytes:
    """Send raw bytes to party 1 and return all that it answers until it closes the connection."""
    entry = site.cluster.party(1).url.removeprefix("http://")
    host, _, port = entry.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        for content in sent:
            writer.write(content)
            await writer.drain()
        async with asyncio.timeout(60):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def test_a_slow_body_is_not_waited_for(site: "Site", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_TIMEOUT_S", 0.05)
    monkeypatch.setattr(http_protocol, "DROPPING_TIMEOUT_S", 0.05)
    head = b"POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    answer = await talk(site, head)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"body-too-slow" in answer


LARGE_HEAD = (
    b"POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n"
)


async def test_who_sends_too_much_hears_why_and_goes_on(site: "Site") -> None:
    """Closing on a sender resets the connection, and the reset can overtake the answer."""
    host, _, port = site.url(1).removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(LARGE_HEAD)
        async with asyncio.timeout(60):
            answer = await reader.readuntil(b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 413 ")
            writer.write(bytes(1_000_000) + b"GET /api/cluster HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert b"HTTP/1.1 200 " in await reader.read()
    finally:
        writer.close()


async def test_the_rest_of_a_refused_body_is_not_waited_for_without_end(
    site: "Site", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_protocol, "DROPPING_TIMEOUT_S", 0.05)
    assert (await talk(site, LARGE_HEAD, bytes(1000))).startswith(b"HTTP/1.1 413 ")


async def test_a_slow_head_is_not_waited_for(site: "Site", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_TIMEOUT_S", 0.05)
    assert await talk(site, b"GET /api/status HTTP/1.1\r\nHost: x\r\n") == b""
    assert await talk(site) == b""


async def test_an_endless_head_is_refused(site: "Site") -> None:
    endless = b"GET /api/status HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 300_000
    assert (await talk(site, endless) or b"HTTP/1.1 431 ").startswith(b"HTTP/1.1 431 ")


async def test_too_many_headers_are_refused(site: "Site") -> None:
    many = b"GET /api/status HTTP/1.1\r\nHost: x\r\n" + b"X-A: b\r\n" * 200 + b"\r\n"
    assert (await talk(site, many)).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00" * 100 + b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 300,
        b"GET / HTTP/9.9\r\n\r\n",
    ],
)
async def test_what_is_not_http_is_refused(site: "Site", garbage: bytes) -> None:
    answer = await talk(site, garbage)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400 ")


async def test_conflicting_lengths_are_refused(site: "Site") -> None:
    """Two ends that read one request differently can be made to see different requests."""
    smuggled = (
        b"POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /api/status HTTP/1.1\r\n\r\n"
    )
    answer = await talk(site, smuggled)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1
