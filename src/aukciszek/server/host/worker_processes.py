"""The processes beside a party's server that do its cryptography (:mod:`aukciszek.auctions.context.workers`).

They are copies of the server from before it opened anything: they share its memory and hold no file, socket or
database of it. They end with it, however it ends.

The event loop talks to each of them over a pair of sockets. The standard library's pool of processes would do the same
with two threads more, which wait for the interpreter's lock and take it away from the event loop: for a bid that is a
fifth of the server's work.
"""

import asyncio
import ctypes
import gc
import os
import pickle
import signal
import socket
import struct
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any, Final, cast, override

from aukciszek.auctions.context.workers import ProcessesEndedError
from aukciszek.racing import settle, settle_with_error

MOST_PROCESSES: Final = 4

_PR_SET_PDEATHSIG: Final = 1
"""From ``<sys/prctl.h>``."""

_LENGTH: Final = struct.Struct(">Q")


class WorkerProcesses:
    """The processes, as the event loop sees them. Use it in one event loop."""

    def __init__(self, sockets: Sequence[socket.socket]) -> None:
        """Talk to the processes that have the other ends of these sockets."""
        self._sockets = sockets
        self._lines: list[_Line] = []
        self._connecting = asyncio.Lock()

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._sockets)

    async def run[*Arguments, Result](self, work: Callable[[*Arguments], Result], *arguments: *Arguments) -> Result:
        """Do ``work``, a function of a module, in the process that has least to do.

        Raises:
            ProcessesEndedError: it has ended.
        """
        if not self._lines:
            await self._connect()
        line = min(self._lines, key=_Line.waiting)
        return cast("Result", await line.ask(pickle.dumps((work, arguments), pickle.HIGHEST_PROTOCOL)))

    async def _connect(self) -> None:
        async with self._connecting:
            if not self._lines:
                loop = asyncio.get_running_loop()
                self._lines = [(await loop.create_connection(_Line, sock=each))[1] for each in self._sockets]


class _Line(asyncio.Protocol):
    """The line to one process, which answers in the order in which it is asked."""

    def __init__(self) -> None:
        self._answers: deque[asyncio.Future[Any]] = deque()
        self._received = bytearray()
        self._transport: asyncio.Transport | None = None

    def waiting(self) -> int:
        return len(self._answers)

    def ask(self, question: bytes) -> asyncio.Future[Any]:
        if self._transport is None:
            raise ProcessesEndedError
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._answers.append(answer)
        self._transport.writelines((_LENGTH.pack(len(question)), question))
        return answer

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    @override
    def data_received(self, data: bytes) -> None:
        self._received += data
        while len(self._received) >= _LENGTH.size:
            end = _LENGTH.size + _LENGTH.unpack_from(self._received)[0]
            if len(self._received) < end:
                return
            result, error = pickle.loads(memoryview(self._received)[_LENGTH.size : end])  # noqa: S301 -- our own copy wrote it
            del self._received[:end]
            answer = self._answers.popleft()
            if error is None:
                settle(answer, result)
            else:
                settle_with_error(answer, error)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        for answer in self._answers:
            settle_with_error(answer, ProcessesEndedError())
        self._answers.clear()


@contextmanager
def worker_processes() -> Iterator[WorkerProcesses | None]:
    """Start processes, one for each processor but one; ``None`` where there is but one processor, or no ``fork``.

    Call it before the event loop is made and while the program has one thread: only that one is copied.
    """
    count = min(MOST_PROCESSES, (os.process_cpu_count() or 1) - 1)
    if count < 1 or sys.platform != "linux":
        yield None
        return
    gc.collect()
    gc.freeze()
    pairs = [socket.socketpair() for _ in range(count)]
    context = get_context("fork")
    children = [context.Process(target=_work, args=(theirs, pairs, os.getpid()), daemon=True) for _, theirs in pairs]
    for child in children:
        child.start()
    for _, theirs in pairs:
        theirs.close()
    try:
        yield WorkerProcesses([ours for ours, _ in pairs])
    finally:
        for child in children:
            child.terminate()
        for child in children:
            child.join()
        for ours, _ in pairs:
            ours.close()


def _work(line: socket.socket, pairs: Sequence[tuple[socket.socket, socket.socket]], parent: int) -> None:
    """Do what comes over ``line`` until it is closed."""
    _prepare(parent)
    for each in (one for pair in pairs for one in pair if one is not line):
        each.close()
    with line.makefile("rwb") as stream:
        while head := stream.read(_LENGTH.size):
            work, arguments = pickle.loads(stream.read(*_LENGTH.unpack(head)))  # noqa: S301 -- our own server wrote it
            answer = _answer(work, arguments)
            stream.write(_LENGTH.pack(len(answer)))
            stream.write(answer)
            stream.flush()


def _answer(work: Callable[..., object], arguments: Sequence[object]) -> bytes:
    try:
        return pickle.dumps((work(*arguments), None), pickle.HIGHEST_PROTOCOL)
    except Exception as error:  # noqa: BLE001 -- whatever it is, it goes to whom it belongs
        return pickle.dumps((None, error), pickle.HIGHEST_PROTOCOL)


def _prepare(parent: int) -> None:
    """End with the parent, and leave signals of the terminal to it."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
