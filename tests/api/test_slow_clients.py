"""Clients that hold on to connections and memory without getting anywhere: each is let go, and nobody else waits."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from fastapi import FastAPI, Response

from aukciszek.server.host import http_protocol
from aukciszek.server.host.web_server import WebServer, listen
from aukciszek.settings import Listener

if TYPE_CHECKING:
    from .conftest import Site

pytestmark = pytest.mark.asyncio(loop_scope="session")

CLIENTS = 50
LONG_ANSWER = bytes(30_000_000)


async def trickle(host: str, port: int, content: bytes) -> bool:
    """Send an endless request byte by byte, until the server has had enough of it."""
    reader, writer = await asyncio.open_connection(host, port)
    end = asyncio.ensure_future(reader.read())
    try:
        writer.write(content)
        while not end.done():
            writer.write(b"a")
            await asyncio.wait({end}, timeout=0.01)
        return await end == b""
    except ConnectionError:
        return True
    finally:
        end.cancel()
        writer.transport.abort()


@pytest.mark.parametrize(
    "content", [b"GET /", b"GET /api/status HTTP/1.1\r\nHost: x\r\nX-Slow: "], ids=["path", "header"]
)
async def test_heads_that_trickle_in_are_not_waited_for(
    site: "Site", monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    """The time is counted from the start: every byte that comes does not buy another wait."""
    monkeypatch.setattr(http_protocol, "HEAD_TIMEOUT_S", 0.5)
    host, _, port = site.url(1).removeprefix("http://").partition(":")
    async with asyncio.timeout(60):
        slow = [asyncio.ensure_future(trickle(host, int(port), content)) for _ in range(CLIENTS)]
        assert (await site.get("/api/status")).status == 200, "the others are served meanwhile"
        assert all(await asyncio.gather(*slow))


@pytest_asyncio.fixture(loop_scope="session")
async def export_limiter() -> AsyncIterator[WebServer]:
    app = FastAPI()
    app.add_api_route("/long", lambda: Response(LONG_ANSWER))
    server = WebServer(app, listen(Listener("127.0.0.9", 0, tls=False)), None)
    await server.start()
    yield server
    await server.stop()


async def ask_with_a_small_buffer(server: WebServer) -> socket.socket:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.setblocking(False)  # noqa: FBT003 -- the standard library's own signature
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, server._socket.getsockname())
    await loop.sock_sendall(client, b"GET /long HTTP/1.1\r\nHost: x\r\n\r\n")
    return client


async def until_nobody_is_served(server: WebServer) -> None:
    async with asyncio.timeout(60):
        while server._server.server_state.connections:  # noqa: ASYNC110 -- what is waited for was not made to be waited for
            await asyncio.sleep(0.005)


async def test_who_takes_nothing_of_an_answer_is_cut_off(
    export_limiter: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_protocol, "READING_TIMEOUT_S", 0.2)
    with contextlib.closing(await ask_with_a_small_buffer(export_limiter)) as client:
        assert await asyncio.get_running_loop().sock_recv(client, 100), "the answer has begun"
        await until_nobody_is_served(export_limiter)


async def test_who_takes_an_answer_slowly_gets_all_of_it(
    export_limiter: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many times as long as the time limit, but never without getting further."""
    monkeypatch.setattr(http_protocol, "READING_TIMEOUT_S", 0.05)
    monkeypatch.setattr(http_protocol, "LEAST_READ", 1)
    with contextlib.closing(await ask_with_a_small_buffer(export_limiter)) as client:
        taken = 0
        while taken < len(LONG_ANSWER):
            content = await asyncio.get_running_loop().sock_recv(client, 1_000_000)
            assert content, f"cut off after {taken} bytes"
            taken += len(content)
