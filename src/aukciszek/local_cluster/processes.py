"""Child processes of a command: started together, watched, and ended one by one on every way out.

Each child is ended by its own process id: SIGTERM first, SIGKILL if it has not gone within the grace period. Children
lead process groups of their own, so that a terminal's Ctrl-C reaches the parent alone, which then ends them in good
order; and the kernel ends them if the parent itself is killed (see :mod:`aukciszek.cli.child`).
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from aukciszek.errors import AukciszekError
from aukciszek.racing import race

_GRACE_S = 10.0
_LAST_WORDS_BYTES = 2000


class ChildEndedError(AukciszekError):
    """A child process ended although it was still needed."""

    code = "child-ended"


class Process(Protocol):
    """The part of :class:`asyncio.subprocess.Process` that is used of a child's process."""

    @property
    def pid(self) -> int:
        """The process id."""
        ...

    @property
    def returncode(self) -> int | None:
        """The exit status, or minus the number of the signal that ended it; ``None`` while it runs."""
        ...

    def terminate(self) -> None:
        """Send SIGTERM."""
        ...

    def kill(self) -> None:
        """Send SIGKILL."""
        ...

    async def wait(self) -> int:
        """Return the return code once the process has ended."""
        ...


@dataclass(frozen=True, slots=True)
class Command:
    """What a child runs.

    Attributes:
        arguments: the words after ``aukciszek``.
        environment: its whole environment; holds secrets.
        log: the file to which its standard output and standard error are appended.
        directory: its current directory; by default that of this process.
    """

    arguments: Sequence[str]
    environment: Mapping[str, str] = field(repr=False)
    log: Path
    directory: Path | None = None


type Launch = Callable[[Command], Awaitable[Process]]


async def execute(command: Command) -> Process:
    """Start a new Python interpreter for a command."""
    with command.log.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "aukciszek.cli.child",
            str(os.getpid()),
            *command.arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=dict(command.environment),
            cwd=command.directory,
            process_group=0,
        )


@dataclass(frozen=True, slots=True)
class Child:
    """One running child.

    Attributes:
        name: how people know it, such as ``party 3``.
        process: the operating system's process.
        log: the file that holds what the child writes to standard output and standard error.
    """

    name: str
    process: Process
    log: Path

    def last_words(self) -> str:
        """Return the end of the child's log."""
        try:
            return self.log.read_bytes()[-_LAST_WORDS_BYTES:].decode(errors="replace").strip()
        except OSError:
            return ""


class Children:
    """The children of one command; use :func:`children`."""

    def __init__(self, launch: Launch) -> None:
        self._launch = launch
        self._running: list[Child] = []

    async def start(
        self,
        name: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        *,
        directory: Path | None = None,
    ) -> Child:
        """Start ``aukciszek <arguments>`` with exactly ``environment``, its output appended to ``log``.

        A ``directory`` of its own keeps a child from reading a ``.env`` file that lies in the current one. Promises
        that the child is ended when the surrounding :func:`children` context is left.
        """
        process = await self._launch(Command(arguments, environment, log, directory))
        child = Child(name, process, log)
        self._running.append(child)
        return child

    async def end(self, child: Child) -> None:
        """End one child by its process id, in good order if it can, and wait until it is gone."""
        if child.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.process.terminate()
            try:
                await asyncio.wait_for(child.process.wait(), _GRACE_S)
            except TimeoutError:
                await self.kill(child)
        self._forget(child)

    async def kill(self, child: Child) -> None:
        """End one child with SIGKILL, as a power cut would, and wait until it is gone."""
        self._forget(child)
        with contextlib.suppress(ProcessLookupError):
            child.process.kill()
        await child.process.wait()

    async def end_all(self) -> None:
        """End every child that is still running, all at the same time."""
        await asyncio.gather(*(self.end(child) for child in list(self._running)))

    async def while_all_run[T](self, work: Awaitable[T]) -> T:
        """Await ``work``, unless a child ends first.

        Raises:
            ChildEndedError: with the child's last words.
        """
        task = asyncio.ensure_future(work)
        endings: dict[asyncio.Future[int], Child] = {
            asyncio.ensure_future(child.process.wait()): child for child in self._running
        }
        first = await race(task, *endings)
        if first is not task:
            raise _ended(endings[first])
        return task.result()

    async def wait_for_all(self, wanted: Sequence[Child]) -> None:
        """Return when all the named children have ended well.

        Raises:
            ChildEndedError: one ended with another status than 0; with its last words.
        """
        endings = {asyncio.ensure_future(child.process.wait()): child for child in wanted}
        try:
            for ending in asyncio.as_completed(endings):
                await ending
                for child in wanted:
                    if child.process.returncode:
                        raise _ended(child)
        finally:
            for future in endings:
                future.cancel()
        for child in wanted:
            self._forget(child)

    def _forget(self, child: Child) -> None:
        if child in self._running:
            self._running.remove(child)


@contextlib.asynccontextmanager
async def children(launch: Launch = execute) -> AsyncIterator[Children]:
    """Yield :class:`Children` and end every one of them when the context is left, however that happens."""
    group = Children(launch)
    try:
        yield group
    finally:
        # A second Ctrl-C must not leave a server behind: the ending itself cannot be cancelled.
        ending = asyncio.ensure_future(group.end_all())
        cancelled = False
        while not ending.done():
            try:
                await asyncio.shield(ending)
            except asyncio.CancelledError:
                cancelled = True
        if cancelled:
            raise asyncio.CancelledError


def _ended(child: Child) -> ChildEndedError:
    return ChildEndedError(
        f"{child.name} ended with status {child.process.returncode}; the end of its log ({child.log}):\n"
        f"{child.last_words() or '(nothing)'}"
    )
