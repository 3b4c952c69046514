"""Children that are copies of one process that has loaded the server: the template.

Loading the server takes longer than everything else a party does before it is ready, and the parties of a throw-away
cluster would all do it on the same processors. :func:`template` starts a process that does it once. Its copies
(``fork``) are what :func:`~aukciszek.local_cluster.processes.execute` starts: the same command line, with exactly
the given environment, output, current directory and arguments, and with no other open file.

The template has one thread of Python, no event loop, and runs no command: a copy does all of that itself. It keeps no
setting of a party beyond the moment in which it makes the copy. Variables that are read only when an interpreter or a
library starts (``PYTHON*``, ``NUMBA_*``, ``OPENBLAS_*``) are those of the template. The copies end with the template,
and the template with the process that started it.
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path

from aukciszek.local_cluster.processes import ChildEndedError, Command, Launch, Process, execute

_LONGEST_ANSWER = 1024


@contextlib.asynccontextmanager
async def template() -> AsyncIterator[Launch]:
    """Yield a way to start processes as copies of a template, which ends when the context is left.

    Where the operating system is not Linux they are started from scratch.
    """
    if sys.platform != "linux":
        yield execute
        return
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "aukciszek.cli.template_process", str(theirs.fileno())),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                process_group=0,
            )
        line = _Line(ours)
        try:
            yield line.launch
        finally:
            line.close()
            with contextlib.suppress(ProcessLookupError):
                process.terminate()  # it may still be loading
            await process.wait()


class _Copy:
    """One copy, as the process that asked for it sees it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @property
    def returncode(self) -> int | None:
        return self.ended.result() if self.ended.done() else None

    def terminate(self) -> None:
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        self._send(signal.SIGKILL)

    async def wait(self) -> int:
        return await asyncio.shield(self.ended)

    def _send(self, number: signal.Signals) -> None:
        if not self.ended.done():
            os.kill(self.pid, number)


class _Line:
    """The line to the template: commands and their logs go there, process ids and exit statuses come back."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._line.settimeout(0.0)
        self._asked: deque[asyncio.Future[Process]] = deque()
        self._copies: dict[int, _Copy] = {}
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(line, self._read)

    async def launch(self, command: Command) -> Process:
        """Start a copy that runs a command.

        Raises:
            ChildEndedError: there is nothing to copy any more.
        """
        content = json.dumps(
            {
                "arguments": list(command.arguments),
                "environment": dict(command.environment),
                "directory": str(command.directory or Path.cwd()),
            }
        ).encode()
        with command.log.open("ab") as output:
            try:
                socket.send_fds(self._line, [content], [output.fileno()])
            except OSError as error:
                raise ChildEndedError(f"no process can be started as a copy: {error}") from error
        started: asyncio.Future[Process] = self._loop.create_future()
        self._asked.append(started)
        return await started

    def close(self) -> None:
        """Stop listening."""
        self._loop.remove_reader(self._line)

    def _read(self) -> None:
        try:
            content = self._line.recv(_LONGEST_ANSWER)
        except BlockingIOError:
            return
        except ConnectionError:
            content = b""
        if not content:
            self._lose_everybody()
            return
        told: dict[str, int] = json.loads(content)
        if "status" in told:
            self._copies.pop(told["pid"]).ended.set_result(told["status"])
            return
        copy = self._copies[told["pid"]] = _Copy(told["pid"])
        started = self._asked.popleft()
        if started.done():
            copy.kill()  # the caller was cancelled
        else:
            started.set_result(copy)

    def _lose_everybody(self) -> None:
        """The template is gone, and the kernel ends its copies."""
        self.close()
        for started in self._asked:
            if not started.done():
                started.set_exception(ChildEndedError("the process that was to be copied has ended"))
        for copy in self._copies.values():
            copy.ended.set_result(-signal.SIGTERM)
