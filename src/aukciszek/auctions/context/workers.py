"""Other processors for what takes long and needs nothing but its arguments: opening, signing, verifying.

Python runs one thread of a process at a time, and cryptography is no exception. So a party's server has processes
beside it that do this work in batches; without them (in tests, on one processor) a thread does it.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

_log = logging.getLogger(__name__)


class ProcessesEndedError(Exception):
    """A process beside the server has ended, and the work that it had with it; :class:`Workers` goes on without."""


class Processes(Protocol):
    """Processes that work in turn."""

    @property
    def count(self) -> int:
        """How many there are."""
        ...

    async def run[*Arguments, Result](self, work: Callable[[*Arguments], Result], *arguments: *Arguments) -> Result:
        """Do ``work``, a function of a module, in one of them.

        Raises:
            ProcessesEndedError: it has ended.
        """
        ...


class Workers:
    """Who does such work for one party."""

    def __init__(self, processes: Processes | None = None) -> None:
        self._processes = processes

    @property
    def at_once(self) -> int:
        """How much can be done side by side."""
        return 1 if self._processes is None else self._processes.count

    async def run[*Arguments, Result](self, work: Callable[[*Arguments], Result], *arguments: *Arguments) -> Result:
        """Do ``work``, a function of a module, elsewhere; arguments and result are copied on the way."""
        if self._processes is not None:
            try:
                return await self._processes.run(work, *arguments)
            except ProcessesEndedError:
                # Nothing is lost but speed: restarting the party brings them back.
                _log.error("a process for cryptography has ended; the server goes on without them")
                self._processes = None
        return await asyncio.to_thread(work, *arguments)
