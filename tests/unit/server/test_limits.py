"""What a server takes on at once, and what it says to the rest."""

import asyncio
import contextlib
import json
import logging
import resource
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from aukciszek.server.errors import BusyError, DirectoryInUseError
from aukciszek.server.host import data_dir_lock, http_protocol
from aukciszek.server.host.data_dir_lock import LOCK_FILE, exclusive_use, raise_open_file_limit
from aukciszek.server.host.web_server import WebServer, listen
from aukciszek.server.http import export_limiter
from aukciszek.server.http.export_limiter import ExportLimiter
from aukciszek.settings import Listener


@pytest.fixture
async def server() -> AsyncIterator[WebServer]:
    app = FastAPI()
    app.add_api_route("/", lambda: {"well": True})
    server = WebServer(app, listen(Listener("127.0.0.9", 0, tls=False)), None)
    await server.start()
    yield server
    await server.stop()


class Caller:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ask(self) -> tuple[int, dict[str, str], dict[str, object]]:
        self.writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(60):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
            body = json.loads(await self.reader.readexactly(int(headers["content-length"])))
        return int(head[0].split()[1]), headers, body


@contextlib.asynccontextmanager
async def calling(server: WebServer, address: str = "127.0.0.1") -> AsyncIterator[Caller]:
    host, port = server._socket.getsockname()[:2]
    reader, writer = await asyncio.open_connection(host, port, local_addr=(address, 0))
    try:
        yield Caller(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


@pytest.mark.parametrize("limit", ["MOST_CONNECTIONS", "MOST_CONNECTIONS_OF_AN_ADDRESS"])
async def test_a_connection_too_many_is_told_so(server: WebServer, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(http_protocol, limit, 1)
    async with calling(server) as first:
        assert (await first.ask())[0] == 200
        async with calling(server) as second:
            status, headers, body = await second.ask()
            assert (status, body["code"]) == (503, "busy")
            assert headers["content-type"] == "application/problem+json"
            assert (headers["retry-after"], headers["connection"]) == ("2", "close")
        assert (await first.ask())[0] == 200


async def test_one_address_does_not_take_the_connections_of_others(
    server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_protocol, "MOST_CONNECTIONS_OF_AN_ADDRESS", 1)
    async with calling(server) as first, calling(server, "127.0.0.8") as other:
        assert [(await caller.ask())[0] for caller in (first, other)] == [200, 200]


async def test_far_too_many_connections_are_closed_at_once(server: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    async with calling(server) as first:
        assert (await first.ask())[0] == 200
        monkeypatch.setattr(http_protocol, "MOST_CONNECTIONS", 0)
        async with calling(server) as second:
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await second.ask()


async def test_a_closed_connection_counts_no_more(server: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "MOST_CONNECTIONS_OF_AN_ADDRESS", 1)
    for _ in range(3):
        async with calling(server) as caller:
            assert (await caller.ask())[0] == 200
        async with asyncio.timeout(60):
            while server._server.server_state.connections:  # noqa: ASYNC110 -- what is waited for was not made to be waited for
                await asyncio.sleep(0.005)


async def test_long_answers_are_made_in_turn_and_the_line_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_limiter, "MOST_IN_LINE", 1)
    answers, may_end, made = ExportLimiter(), asyncio.Event(), []

    async def make(number: int) -> None:
        async with answers.slot():
            made.append(number)
            await may_end.wait()

    tasks = [asyncio.create_task(make(number)) for number in range(4)]
    with pytest.raises(BusyError):
        await tasks[3]
    assert made == [0, 1]
    may_end.set()
    await asyncio.gather(*tasks[:3])
    assert made == [0, 1, 2]
    await make(5)


def test_two_servers_do_not_work_in_one_directory(tmp_path: Path) -> None:
    with exclusive_use(tmp_path), pytest.raises(DirectoryInUseError, match="stop it first"), exclusive_use(tmp_path):
        pass
    with exclusive_use(tmp_path):
        assert (tmp_path / LOCK_FILE).stat().st_mode & 0o777 == 0o600


def test_a_directory_that_cannot_be_locked_is_told(tmp_path: Path) -> None:
    with pytest.raises(DirectoryInUseError, match="DATA_DIR"), exclusive_use(tmp_path / "missing"):
        pass


def test_as_many_files_as_the_system_allows_may_be_opened(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    wanted = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 2048))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: wanted.append(limits))
    with caplog.at_level(logging.WARNING, logger=data_dir_lock.__name__):
        raise_open_file_limit()
    assert wanted == [(2048, 2048)]
    assert "LimitNOFILE" in caplog.text
