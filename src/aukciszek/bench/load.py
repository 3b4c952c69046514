"""What puts load on a server: requests that lie ready as bytes, over connections that stay open.

It costs about 25 microseconds of a processor for each request, so that on few cores the server gets the rest. Answers
are kept as they came and read when the time is over.
"""

import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast, override

import uvloop

_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length:"
_CREATED: Final = (b"200", b"201")


@dataclass(frozen=True, slots=True)
class Answered:
    """One request and its answer.

    Attributes:
        request: its number on its connection, from 0.
        latency_s: from the first byte that was sent to the last one that came back.
        body: of the answer; empty if the status was not 200 or 201.
    """

    request: int
    latency_s: float
    body: bytes


@dataclass(frozen=True, slots=True)
class Load:
    """What came of it.

    Attributes:
        answers: by connection, in the order of the requests.
        wall_s: from the first request to the last answer.
    """

    answers: Sequence[Sequence[Answered]]
    wall_s: float

    @property
    def latencies_s(self) -> list[float]:
        """Of the good answers."""
        return [one.latency_s for answers in self.answers for one in answers if one.body]

    @property
    def failures(self) -> int:
        """How many requests were answered with another status, or not at all."""
        return sum(not one.body for answers in self.answers for one in answers)

    @property
    def per_s(self) -> float:
        """Good answers per second."""
        return len(self.latencies_s) / self.wall_s

    def percentile_ms(self, percent: int) -> float:
        """Return the time within which that many percent of the good answers came; 0 without any."""
        found = self.latencies_s
        if len(found) < 2:  # noqa: PLR2004 -- two values are the least that have quantiles
            return 1000 * sum(found)
        return 1000 * statistics.quantiles(found, n=100)[percent - 1]

    def and_then(self, other: "Load") -> "Load":
        """Return both as one, as if the second had followed at once."""
        return Load([*self.answers, *other.answers], self.wall_s + other.wall_s)


def post(host: str, port: int, path: str, body: bytes, token: str) -> bytes:
    """Return a request as it travels."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}:{port}\r\nAccept: application/json\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/octet-stream\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def put_load(host: str, port: int, requests: Sequence[Sequence[bytes]], seconds: float) -> Load:
    """Send each sequence over a connection of its own, one request after the other's answer; blocks its thread.

    Ends when the time is over, or earlier when all is sent.

    Raises:
        OSError: the server cannot be reached.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_put_load(host, port, requests, seconds))


async def _put_load(host: str, port: int, requests: Sequence[Sequence[bytes]], seconds: float) -> Load:
    loop = asyncio.get_running_loop()
    senders = [_Sender(each) for each in requests]
    for sender in senders:
        await loop.create_connection(lambda sender=sender: sender, host, port)  # type: ignore[misc] # a default is typed
    started_s = time.perf_counter()
    for sender in senders:
        sender.start(started_s + seconds)
    await asyncio.gather(*(sender.done for sender in senders))
    return Load([sender.answers for sender in senders], time.perf_counter() - started_s)


class _Sender(asyncio.Protocol):
    """One connection."""

    def __init__(self, requests: Sequence[bytes]) -> None:
        self.answers: list[Answered] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._requests = requests
        self._received = b""
        self._until_s = 0.0
        self._sent_s = 0.0
        self._transport: asyncio.Transport | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def start(self, until_s: float) -> None:
        self._until_s = until_s
        self._send_next()

    @override
    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(_HEAD_END)
        if found and len(body) >= _length(head):
            self._received = b""
            self._note(body if head[9:12] in _CREATED else b"")
            self._send_next()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self._note(b"")
            self.done.set_result(None)

    def _note(self, body: bytes) -> None:
        self.answers.append(Answered(len(self.answers), time.perf_counter() - self._sent_s, body))

    def _send_next(self) -> None:
        transport = self._transport
        self._sent_s = time.perf_counter()
        if transport is None or self._sent_s >= self._until_s or len(self.answers) == len(self._requests):
            if not self.done.done():
                self.done.set_result(None)
            if transport is not None:
                transport.close()
        else:
            transport.write(self._requests[len(self.answers)])


def _length(head: bytes) -> int:
    _, _, rest = head.lower().partition(_LENGTH)
    return int(rest.partition(b"\r\n")[0] or 0)
